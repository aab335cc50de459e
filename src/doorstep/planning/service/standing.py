"""What stands because of a route: its shift may not be archived or given to others while the route is committed or on the road."""

from uuid import UUID

from doorstep.fleets.service.shifts import CHANGES_WHO_DRIVES
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Scope
from doorstep.planning.reads import active_routes_of_shifts


async def refuse_while_routed(scope: Scope, shift_id: UUID) -> None:
    """Object while the shift has a committed, dispatched or running route; names it where the credential reaches it."""
    used = await active_routes_of_shifts(scope.tx, scope.tenant_id, [shift_id])
    if shift_id in used:
        route_id = used[shift_id]
        raise DoorstepError(
            ProblemCode.IN_USE,
            "A route of this shift is committed or on the road: cancel it first (cancelRoute), or wait until it is completed.",
            ["id"],
            existing_id=public_id("route", route_id) if route_id is not None else None,
        )


CHANGES_WHO_DRIVES.answered_by(refuse_while_routed)
