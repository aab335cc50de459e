"""Orders to a shift without a plan: what ``preparing`` computed is written if the route, the shift and the orders are still as they were."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from doorstep.fleets.reads import shifts_for_planning
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.scope import Permission, Scope
from doorstep.orders.model import OrderStatus
from doorstep.orders.service import EtaChange, Move, lock_orders, move_orders, set_etas
from doorstep.planning.events import RouteStatusChanged
from doorstep.planning.model import (
    ACTIVE_ROUTES,
    CUSTOMER_STOPS,
    ORDER_STOPS,
    RouteStatus,
    StopKind,
    StopOrderRow,
    StopRow,
    StopStatus,
)
from doorstep.planning.service.committing import assign
from doorstep.planning.service.execution import (
    lock_route,
    set_route_status,
    touch_route,
    write_stop,
)
from doorstep.planning.service.preparing import Prepared, Present
from doorstep.planning.service.proposals import DraftRoute, DraftStop
from doorstep.planning.service.writing import stop_columns, stop_row, write_routes


async def assign_orders(scope: Scope, prepared: Prepared) -> dict[str, Any]:
    """Put the prepared orders on the shift's route and dispatch it at once; returns ``{"id": route, "order_ids"}``.

    Raises what preparing refused, and PLAN_STALE when something changed since then.
    """
    scope.require(Permission.PLANNING_WRITE)
    if prepared.refusal is not None:
        raise prepared.refusal
    draft = prepared.draft
    if draft is None:
        raise changed_meanwhile()
    if prepared.present is None:
        route_id = draft.id
        await _check_unchanged(scope, prepared)
        await _write_new(scope, draft)
    else:
        route_id = prepared.present.route["id"]
        await lock_unchanged(scope, prepared.present)
        await _check_unchanged(scope, prepared)
        await rewrite(scope, prepared.present, draft)
        if prepared.present.route["status"] == RouteStatus.COMMITTED:
            await set_route_status(scope, prepared.present.route, RouteStatus.DISPATCHED, scope.clock.now())
        await touch_route(scope, route_id, added=prepared.order_ids)
    await assign(scope, dict.fromkeys(prepared.order_ids, route_id))
    await move_orders(
        scope, [Move(order_id, OrderStatus.ASSIGNED, route_id=route_id) for order_id in sorted(prepared.order_ids)]
    )
    await set_etas(scope, _draft_etas(draft.stops))
    return {"id": str(route_id), "order_ids": [str(order_id) for order_id in prepared.order_ids]}


def changed_meanwhile() -> DoorstepError:
    """What a change was computed from is no longer so."""
    return DoorstepError(
        ProblemCode.PLAN_STALE,
        "The shift, its route or one of the orders changed while the route was being computed: send this again.",
    )


async def lock_unchanged(scope: Scope, present: Present) -> None:
    """Lock a route and its stops; PLAN_STALE when they are not as they were loaded."""
    route, stops = await lock_route(scope, present.route["id"])
    statuses = {stop["id"]: stop["status"] for stop in stops}
    same = route["version"] == present.route["version"] and statuses == present.statuses
    if not same or RouteStatus(route["status"]) not in ACTIVE_ROUTES:
        raise changed_meanwhile()


async def _check_unchanged(scope: Scope, prepared: Prepared) -> None:
    orders = await lock_orders(scope, prepared.order_ids)
    shifts = await shifts_for_planning(scope.tx, scope.tenant_id, [prepared.shift_id])
    if any(row["version"] != prepared.order_versions[order_id] for order_id, row in orders.items()):
        raise changed_meanwhile()
    if not shifts or shifts[0].version != prepared.shift_version:
        raise changed_meanwhile()


async def _write_new(scope: Scope, draft: DraftRoute) -> None:
    now = scope.clock.now()
    try:
        await write_routes(scope, [draft], plan_id=None, status=RouteStatus.DISPATCHED, at=now)
    except asyncpg.UniqueViolationError as error:
        raise changed_meanwhile() from error
    scope.emit(
        RouteStatusChanged(
            aggregate_version=1,
            route_id=draft.id,
            from_=None,
            to=RouteStatus.DISPATCHED,
            driver_id=draft.shift.driver_id,
            vehicle_id=draft.shift.vehicle_id or UUID(int=0),
        )
    )


async def rewrite(scope: Scope, present: Present, draft: DraftRoute) -> None:
    """Write the computed stops over the free ones: a stop for the same act and orders keeps its id, others come and go."""
    stops = draft.stops if present.head is None else draft.stops[1:]
    route_id = present.route["id"]
    old = {_key(stop["kind"], present.orders_of.get(stop["id"], ())): stop["id"] for stop in present.free}
    kept: list[tuple[UUID, int, DraftStop]] = []
    rows: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    for sequence, stop in enumerate(stops, present.next_sequence):
        stop_id = old.pop(_key(stop.kind, stop.order_ids), None)
        if stop_id is not None:
            kept.append((stop_id, sequence, stop))
        else:
            rows.append(stop_row(scope, route_id, sequence, stop))
            stop_id = rows[-1]["id"]
        links += [{"tenant_id": scope.tenant_id, "stop_id": stop_id, "order_id": one} for one in stop.order_ids]
    for stop_id in old.values():
        await write_stop(scope, stop_id, status=StopStatus.CANCELLED, closed_at=scope.clock.now())
    await _update_stops(scope, kept)
    await scope.tx.execute(
        "DELETE FROM stop_orders WHERE tenant_id = $1 AND stop_id = ANY($2)", scope.tenant_id, [one[0] for one in kept]
    )
    await scope.tx.insert(StopRow, rows)
    await scope.tx.insert(StopOrderRow, links)
    if present.head is None:
        await scope.tx.execute(
            "UPDATE routes SET summary = $3 WHERE tenant_id = $1 AND id = $2", scope.tenant_id, route_id, draft.summary
        )


def _key(kind: str, order_ids: Collection[UUID]) -> tuple[str, frozenset[UUID]]:
    """What makes a stop the same one: at the route's ends and in breaks its kind, else also the orders."""
    return str(kind), frozenset(order_ids) if kind in ORDER_STOPS else frozenset()


_UPDATE: Final = """
UPDATE stops SET sequence = new.sequence, planned_arrival = new.arrival, planned_service_start = new.service_start,
  planned_departure = new.departure, leg_seconds = new.seconds, leg_meters = new.meters, leg_path = new.path,
  load_after = new.load::jsonb, late_seconds = new.late, eta_at = new.arrival, version = version + 1, updated_at = now()
FROM unnest($2::uuid[], $3::int[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::int[], $8::int[], $9::text[], $10::text[],
            $11::int[])
  AS new(id, sequence, arrival, service_start, departure, seconds, meters, path, load, late)
WHERE stops.tenant_id = $1 AND stops.id = new.id
"""


async def _update_stops(scope: Scope, kept: Sequence[tuple[UUID, int, DraftStop]]) -> None:
    columns = [stop_columns(stop) for _, _, stop in kept]
    await scope.tx.execute(
        _UPDATE,
        scope.tenant_id,
        [stop_id for stop_id, _, _ in kept],
        [sequence for _, sequence, _ in kept],
        *(
            [column[name] for column in columns]
            for name in (
                "planned_arrival",
                "planned_service_start",
                "planned_departure",
                "leg_seconds",
                "leg_meters",
                "leg_path",
            )
        ),
        [orjson.dumps(column["load_after"]).decode() for column in columns],
        [column["late_seconds"] for column in columns],
    )


def _draft_etas(stops: Sequence[DraftStop]) -> list[EtaChange]:
    changes: list[EtaChange] = []
    before = 0
    for stop in stops:
        if stop.kind is StopKind.DROPOFF:
            changes += [EtaChange(order_id, stop.arrival, stop.late_seconds, before) for order_id in stop.order_ids]
        before += stop.kind in CUSTOMER_STOPS
    return changes
