"""Changes by hand come true: what was weighed is written, if routes, shifts and orders are still as they were."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from doorstep.fleets.reads import shifts_for_planning
from doorstep.kernel.scope import Permission, Scope
from doorstep.kernel.time import TimeWindow
from doorstep.orders.model import OrderStatus
from doorstep.orders.reads import PlanningOrder
from doorstep.orders.service import EtaChange, Move, lock_orders, move_orders, set_etas
from doorstep.planning.errors import refuse_all
from doorstep.planning.model import CUSTOMER_STOPS, StopKind
from doorstep.planning.service.assigning import changed_meanwhile, lock_unchanged, rewrite
from doorstep.planning.service.changes import Side, Weighed, faults_as_refusals
from doorstep.planning.service.committing import assign
from doorstep.planning.service.execution import lock_route, release_orders, touch_route
from doorstep.planning.service.preparing import Present
from doorstep.planning.service.problems import Engines
from doorstep.planning.service.proposals import DraftStop, add_paths
from doorstep.planning.service.routes import close_route


async def draw_paths(engines: Engines, weighed: Weighed) -> None:
    """Put the ways into what is to be written, outside of any transaction; raises Unavailable when the roads do not answer."""
    if weighed.feasible:
        await add_paths(engines.roads, [side.draft for side in weighed.sides if side.draft is not None])


async def change_routes(scope: Scope, weighed: Weighed) -> dict[str, Any]:
    """Write a change; returns ``{"route_ids", "order_ids"}``. A COMMITTED route stays so; one that keeps nobody and was not begun is CANCELLED.

    Raises what weighing refused, NOT_PLANNABLE and TOO_LARGE_FOR_FLEET for what would not hold, and PLAN_STALE when something changed since then.
    """
    scope.require(Permission.PLANNING_WRITE)
    if weighed.refusal is not None:
        raise weighed.refusal
    refuse_all(faults_as_refusals(weighed))
    sides = sorted(weighed.sides, key=lambda side: side.route_id)
    for side in sides:
        await lock_unchanged(scope, side.present)
    sides = [side for side in sides if side.changed]
    await _check_unchanged(scope, weighed)
    await release_orders(scope, sorted(weighed.leaving), to_pending=True)
    for side in sides:
        await _write_side(scope, weighed, side)
    await assign(scope, weighed.coming)
    await move_orders(
        scope,
        [
            Move(order_id, OrderStatus.ASSIGNED, route_id=weighed.coming[order_id])
            for order_id in sorted(weighed.coming)
        ],
    )
    for side in sides:
        if side.draft is not None:
            await set_etas(scope, _etas(side.draft.stops, weighed.orders))
    return {
        "route_ids": [str(side.route_id) for side in weighed.sides],
        "order_ids": [str(order_id) for order_id in sorted(weighed.order_paths)],
    }


async def _check_unchanged(scope: Scope, weighed: Weighed) -> None:
    rows = await lock_orders(scope, sorted(weighed.orders))
    if any(rows[order_id]["version"] != order.version for order_id, order in weighed.orders.items()):
        raise changed_meanwhile()
    versions = {side.shift.id: side.shift.version for side in weighed.sides}
    present = {
        shift.id: shift.version for shift in await shifts_for_planning(scope.tx, scope.tenant_id, list(versions))
    }
    if present != versions:
        raise changed_meanwhile()


async def _write_side(scope: Scope, weighed: Weighed, side: Side) -> None:
    if side.draft is None:
        await close_route(scope, *await lock_route(scope, side.route_id))
        return
    gone = {order_id for order_id, route_id in weighed.leaving.items() if route_id == side.route_id}
    await rewrite(scope, _remaining(side.present, gone), side.draft)
    added = {order_id for order_id, route_id in weighed.coming.items() if route_id == side.route_id}
    await touch_route(scope, side.route_id, added=added)


def _remaining(present: Present, gone: set[UUID]) -> Present:
    """The route as releasing orders left it: stops that served nobody else are cancelled already."""
    orders_of = {stop_id: [one for one in ids if one not in gone] for stop_id, ids in present.orders_of.items()}
    free = [stop for stop in present.free if stop["kind"] not in CUSTOMER_STOPS or orders_of.get(stop["id"])]
    return replace(present, orders_of=orders_of, free=free)


def _etas(stops: Sequence[DraftStop], orders: Mapping[UUID, PlanningOrder]) -> list[EtaChange]:
    changes: list[EtaChange] = []
    before = 0
    for stop in stops:
        if stop.kind is StopKind.DROPOFF:
            changes += [
                EtaChange(one, stop.arrival, _late(orders[one].dropoff.windows, stop.arrival), before)
                for one in stop.order_ids
            ]
        before += stop.kind in CUSTOMER_STOPS
    return changes


def _late(windows: Sequence[TimeWindow], at: datetime) -> int:
    last = max((window.end for window in windows), default=None)
    return max(0, round((at - last).total_seconds())) if last else 0
