"""Furnishings of on-demand dispatch. Offers are the dispatcher's: no mutation makes one, so they are made as a round makes them."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from tests.isolation.desks import Desk, furnishing
from tests.isolation.furnishings import new_order

from doorstep.dispatch.reads import Policy
from doorstep.dispatch.service.deciding import Courier, Decision
from doorstep.dispatch.service.giving import offer_orders
from doorstep.fleets.reads import shifts_for_planning
from doorstep.identity.service import system_principal
from doorstep.kernel.ids import parse_id, public_id
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.planning.service.preparing import Prepared


@furnishing("offer")
async def _offer(desk: Desk) -> dict[str, str]:
    """An order that waits for the desk's driver to say yes or no."""
    order = (await new_order(desk))["id"]
    services = desk.client.server.services
    principal = replace(await system_principal(services.system, desk.tenant_id), permissions=ALL_PERMISSIONS)
    order_id, shift_id = parse_id("order", order), parse_id("shift", desk.ids["shift"])
    async with services.db.write(principal) as scope:
        [shift] = await shifts_for_planning(scope.tx, scope.tenant_id, [shift_id])
        prepared = Prepared(shift_id, [order_id], order_versions={order_id: 1}, shift_version=shift.version)
        decision = Decision(Courier(shift, None, set(), 0, 0), [order_id], {order_id: datetime.now(UTC)}, prepared)
        await offer_orders(scope, Policy(True, 600, 50), decision)
        offer_id: UUID = await scope.tx.fetchval(
            "SELECT id FROM dispatch_offers WHERE tenant_id = $1 AND order_id = $2", scope.tenant_id, order_id
        )
    return {"offer": public_id("offer", offer_id)}
