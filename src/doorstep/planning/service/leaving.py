"""Orders off their routes: taken off by somebody, or because they were cancelled or are on their way back."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from doorstep.kernel import jobs
from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.orders.model import OrderStatus
from doorstep.orders.service import lock_orders
from doorstep.planning.errors import refuse_all
from doorstep.planning.model import (
    ACTIVE_ROUTES,
    RouteStatus,
)
from doorstep.planning.reads import (
    active_routes_of_orders,
)
from doorstep.planning.service.committing import REFRESH
from doorstep.planning.service.execution import (
    lock_route,
    release_orders,
    take_off_stops,
)
from doorstep.planning.service.locking import locked_orders, order_locked
from doorstep.planning.service.preparing import check_number
from doorstep.planning.service.routes import LEAVES_FREELY, close_route


async def unassign_orders(scope: Scope, order_ids: Sequence[UUID]) -> dict[str, Any]:
    """Take orders that are not picked up yet off their routes, all or none; they become PENDING. Returns ``{"order_ids", "route_ids"}``.

    A route that keeps no order and has not begun is CANCELLED, so that its shift is free.
    """
    scope.require(Permission.PLANNING_WRITE)
    wanted = list(dict.fromkeys(order_ids))
    check_number(wanted)
    route_of = await active_routes_of_orders(scope.tx, scope.tenant_id, wanted)
    held: dict[UUID, UUID] = {}
    for route_id in sorted(set(route_of.values())):
        _, stops = await lock_route(scope, route_id)
        held |= locked_orders(stops, {stop["id"]: stop["order_ids"] for stop in stops})
    rows = await lock_orders(scope, wanted)
    route_of = await active_routes_of_orders(scope.tx, scope.tenant_id, wanted)
    refuse_all(
        [
            fault
            for index, order_id in enumerate(wanted)
            if (fault := _stays(order_id, rows.get(order_id), order_id in route_of, ["orderIds", index])) is not None
        ]
    )
    refuse_all([order_locked(one, held[one], ["orderIds", n]) for n, one in enumerate(wanted) if one in held])
    await release_orders(scope, wanted, to_pending=True)
    for route_id in sorted(set(route_of.values())):
        await after_leaving(scope, route_id)
    return {
        "order_ids": [str(order_id) for order_id in wanted],
        "route_ids": [str(route_id) for route_id in sorted(set(route_of.values()))],
    }


def _stays(order_id: UUID, row: Row | None, on_route: bool, path: Sequence[str | int]) -> DoorstepError | None:
    """Why an order cannot be taken off a route, or None."""
    if row is None:
        return NotFound("order", path)
    name = public_id("order", order_id)
    if not on_route:
        message = f"Order {name} is {row['status']} and on no route: there is nothing to take it off."
        return DoorstepError(ProblemCode.ILLEGAL_TRANSITION, message, path, existing_id=name)
    if OrderStatus(row["status"]) not in LEAVES_FREELY:
        message = (
            f"Order {name} is {row['status']}, its goods are in the vehicle: let the driver deliver, fail or return it."
        )
        return DoorstepError(ProblemCode.ILLEGAL_TRANSITION, message, path, existing_id=name)
    return None


async def leave_route(scope: Scope, order_id: UUID, *, stays_on_board: bool) -> None:
    """An order was cancelled, or is on its way back: it leaves its open stops. On board it stays assigned until it is handed in."""
    route_id = (await active_routes_of_orders(scope.tx, scope.tenant_id, [order_id])).get(order_id)
    if route_id is None:
        return
    await lock_route(scope, route_id)
    if stays_on_board:
        await take_off_stops(scope, [order_id])
        await jobs.enqueue(scope, REFRESH, {"route_id": str(route_id)})
        return
    await take_off_stops(scope, [order_id])
    await release_orders(scope, [order_id], to_pending=False)
    await after_leaving(scope, route_id)


async def after_leaving(scope: Scope, route_id: UUID) -> None:
    """A locked route without orders that has not begun is cancelled; any other is timed anew by a job."""
    route, stops = await lock_route(scope, route_id)
    if RouteStatus(route["status"]) not in ACTIVE_ROUTES:
        return
    begun = route["status"] == RouteStatus.IN_PROGRESS
    if not begun and not any(stop["order_ids"] for stop in stops):
        await close_route(scope, route, stops)
    else:
        await jobs.enqueue(scope, REFRESH, {"route_id": str(route_id)})
