"""Committed routes: dispatched to their drivers, recalled, cancelled."""

from typing import Any
from uuid import UUID

from doorstep.identity.service.tokens import create_driver_token, may_make_driver_tokens
from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.orders.model import Custody, OrderStatus
from doorstep.orders.service import lock_orders
from doorstep.planning.errors import nothing_to_plan, wrong_state
from doorstep.planning.model import ACTIVE_ROUTES, OPEN_STOPS, RouteStatus, StopStatus
from doorstep.planning.service.execution import lock_route, release_orders, set_route_status, write_stop
from doorstep.planning.service.plans import check_version, lock_plan

LINK_SECONDS = 86_400
"""How long the link to a driver's page is good for: a whole day's work, by the database's clock."""

LEAVES_FREELY = frozenset({OrderStatus.ASSIGNED, OrderStatus.EN_ROUTE_TO_PICKUP, OrderStatus.AT_PICKUP})
"""Orders on a route whose goods are not in the vehicle yet: they may be taken off."""


async def dispatch_route(scope: Scope, route_id: UUID, if_version: int | None = None) -> dict[str, Any]:
    """Hand a COMMITTED route to its driver; returns ``{"id"}``."""
    scope.require(Permission.PLANNING_WRITE)
    route, _ = await lock_route(scope, route_id)
    check_version(route, if_version, "route")
    _check(
        route,
        RouteStatus.COMMITTED,
        "A DRAFT route is committed with its plan (commitPlan); any later one needs no dispatch.",
    )
    await set_route_status(scope, route, RouteStatus.DISPATCHED, scope.clock.now())
    return {"id": str(route_id)}


async def dispatch_to_driver(
    scope: Scope, route_id: UUID, if_version: int | None = None
) -> tuple[dict[str, Any], str | None]:
    """The same, with the token for the driver's page; None where the credential may not make one."""
    outcome = await dispatch_route(scope, route_id, if_version)
    if not may_make_driver_tokens(scope):
        return outcome, None
    driver_id = await scope.tx.fetchval(
        "SELECT driver_id FROM routes WHERE tenant_id = $1 AND id = $2", scope.tenant_id, route_id
    )
    _, secret = await create_driver_token(scope, driver_id, LINK_SECONDS)
    return outcome, secret


async def dispatch_plan(scope: Scope, plan_id: UUID) -> dict[str, Any]:
    """Hand every COMMITTED route of a plan to its driver; returns ``{"id", "route_ids"}``."""
    scope.require(Permission.PLANNING_WRITE)
    await lock_plan(scope, plan_id)
    routes = await scope.tx.fetch(
        "SELECT * FROM routes WHERE tenant_id = $1 AND plan_id = $2 AND status = 'COMMITTED' ORDER BY id FOR UPDATE",
        scope.tenant_id,
        plan_id,
    )
    if not routes:
        raise nothing_to_plan("The plan has no COMMITTED route to dispatch: commit it first (commitPlan).", ["planId"])
    for route in routes:
        await set_route_status(scope, route, RouteStatus.DISPATCHED, scope.clock.now())
    return {"id": str(plan_id), "route_ids": [str(route["id"]) for route in routes]}


async def recall_route(scope: Scope, route_id: UUID, if_version: int | None = None) -> dict[str, Any]:
    """Take a DISPATCHED route back before its driver's first act; returns ``{"id"}``."""
    scope.require(Permission.PLANNING_WRITE)
    route, stops = await lock_route(scope, route_id)
    check_version(route, if_version, "route")
    _check(route, RouteStatus.DISPATCHED, "Only a dispatched route can be recalled.")
    begun = [stop for stop in stops if stop["status"] not in (StopStatus.PENDING, StopStatus.CANCELLED)]
    if begun:
        raise wrong_state(
            "route",
            "under way already",
            "waiting for its first act",
            "Take single orders off with unassignOrders.",
            ["routeId"],
        )
    await set_route_status(scope, route, RouteStatus.COMMITTED, scope.clock.now())
    return {"id": str(route_id)}


async def cancel_route(scope: Scope, route_id: UUID, if_version: int | None = None) -> dict[str, Any]:
    """Give up a route: orders that are not picked up become PENDING, open stops CANCELLED, the shift is free. Returns ``{"id"}``.

    Refused with ILLEGAL_TRANSITION while goods are in the vehicle: they must be delivered, failed or brought back first.
    """
    scope.require(Permission.PLANNING_WRITE)
    route, stops = await lock_route(scope, route_id)
    check_version(route, if_version, "route")
    if RouteStatus(route["status"]) not in ACTIVE_ROUTES:
        raise wrong_state(
            "route",
            route["status"],
            "COMMITTED, DISPATCHED or IN_PROGRESS",
            "A proposal's routes go with their plan (cancelPlan).",
            ["routeId"],
        )
    await close_route(scope, route, stops)
    return {"id": str(route_id)}


async def close_route(scope: Scope, route: Row, stops: list[Row]) -> None:
    """Release a locked route's orders, cancel its open stops and itself."""
    order_ids = {order_id for stop in stops for order_id in stop["order_ids"]}
    orders = await lock_orders(scope, order_ids)
    for row in orders.values():
        if row["custody"] == Custody.VEHICLE:
            raise DoorstepError(
                ProblemCode.ILLEGAL_TRANSITION,
                f"Order {public_id('order', row['id'])} is {row['status']} in this route's vehicle: let the driver finish or bring it back first.",
                ["routeId"],
                existing_id=public_id("order", row["id"]),
            )
    await release_orders(
        scope, [row["id"] for row in orders.values() if OrderStatus(row["status"]) in LEAVES_FREELY], to_pending=True
    )
    await end_assignments(scope, route["id"])
    for stop in await open_stops(scope, route["id"]):
        await write_stop(scope, stop, status=StopStatus.CANCELLED, closed_at=scope.clock.now())
    await set_route_status(scope, route, RouteStatus.CANCELLED, scope.clock.now())


async def end_assignments(scope: Scope, route_id: UUID) -> None:
    """End whatever is still assigned to a route."""
    await scope.tx.execute(
        "UPDATE assignments SET active = false, ended_at = $3 WHERE tenant_id = $1 AND route_id = $2 AND active",
        scope.tenant_id,
        route_id,
        scope.clock.now(),
    )


async def open_stops(scope: Scope, route_id: UUID) -> list[UUID]:
    """The stops of a route that are not closed yet, by sequence."""
    rows = await scope.tx.fetch(
        "SELECT id FROM stops WHERE tenant_id = $1 AND route_id = $2 AND status = ANY($3) ORDER BY sequence, id",
        scope.tenant_id,
        route_id,
        sorted(OPEN_STOPS),
    )
    return [row["id"] for row in rows]


def _check(route: Row, wanted: RouteStatus, advice: str) -> None:
    if route["status"] != wanted:
        raise wrong_state("route", route["status"], wanted.value, advice, ["routeId"])
