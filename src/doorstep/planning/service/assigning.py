"""Orders to a shift and off it, without a plan.

``assign_orders`` computes before it writes: ``prepare_assignment`` reads a snapshot and asks roads and solver outside of any transaction, and the write
checks that the route, the shift and the orders are still as they were. A shift that has no route yet gets one; a route that exists takes the orders in
where they cost least, also while its vehicle is under way.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from doorstep.fleets.reads import PlanningShift, shifts_for_planning
from doorstep.kernel import jobs
from doorstep.kernel.db import Database, Row, Transaction
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode, Unavailable
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission, Principal, Scope
from doorstep.orders.model import LocationStatus, OrderStatus
from doorstep.orders.reads import PlanningOrder, orders_for_planning
from doorstep.orders.service import EtaChange, Move, lock_orders, move_orders, set_etas
from doorstep.planning.errors import nothing_to_plan, refuse_all
from doorstep.planning.events import RouteStatusChanged
from doorstep.planning.model import (
    ACTIVE_ROUTES,
    CUSTOMER_STOPS,
    RouteStatus,
    StopKind,
    StopOrderRow,
    StopRow,
    StopStatus,
    UnassignedCode,
)
from doorstep.planning.reads import (
    active_routes_of_orders,
    active_routes_of_shifts,
    order_ids_of_stops,
    routes_by_ids,
    stops_of_routes,
)
from doorstep.planning.service.committing import REFRESH, assign
from doorstep.planning.service.execution import (
    lock_route,
    release_orders,
    set_route_status,
    take_off_stops,
    touch_route,
    write_stop,
)
from doorstep.planning.service.plans import plannable_orders, shift_fault
from doorstep.planning.service.problems import Engines, Head, Left, Question, from_depot, pose
from doorstep.planning.service.proposals import (
    DraftRoute,
    DraftStop,
    add_paths,
    draft_routes,
    reasons_of,
    stop_columns,
    stop_row,
    write_routes,
)
from doorstep.planning.service.routes import LEAVES_FREELY, close_route
from doorstep.planning.solver.errors import ProblemInvalidError
from doorstep.planning.solver.estimate import SolveOptions
from doorstep.planning.solver.pool import Outcome
from doorstep.planning.solver.solution import Solution

MOST_ORDERS: Final = 250
ROADS_SECONDS: Final = 3.0
SOLVE_SECONDS: Final = 5.0
"""A caller waits for the answer: no more than this for travel times and for the solver."""

_KEEP_PRIORITY: Final = 100
"""Orders that are on the route already outrank whatever is to be added."""


@dataclass(slots=True)
class Prepared:
    """What ``prepare_assignment`` found: a refusal, or the route as it is to become and what it was computed from."""

    shift_id: UUID
    order_ids: list[UUID]
    refusal: DoorstepError | None = None
    draft: DraftRoute | None = None
    present: "_Present | None" = None
    order_versions: dict[UUID, int] = field(default_factory=dict)
    shift_version: int = 0


@dataclass(frozen=True, slots=True)
class _Present:
    """A route that takes orders in. ``free`` are the stops that may be moved; ``head`` is set once the vehicle left its depot."""

    route: Row
    free: list[Row]
    orders_of: dict[UUID, list[UUID]]
    head: Head | None
    next_sequence: int
    statuses: dict[UUID, str]

    @property
    def order_ids(self) -> set[UUID]:
        return {order_id for stop in self.free for order_id in self.orders_of.get(stop["id"], ())}


# ── computing ───────────────────────────────────────────────────────────────────────────────────────────


async def prepare_assignment(
    db: Database, principal: Principal, engines: Engines, wanted: Callable[[], tuple[Sequence[UUID], UUID]]
) -> Prepared:
    """Compute the shift's route with the orders on it; ``wanted`` says which orders and shift.

    A refusal, also one that ``wanted`` raises, is kept for ``assign_orders`` to raise, so that a replay gets its stored answer first.
    """
    principal.require(Permission.PLANNING_WRITE)
    try:
        order_ids, shift_id = wanted()
    except DoorstepError as refusal:
        return Prepared(UUID(int=0), [], refusal)
    prepared = Prepared(shift_id, list(dict.fromkeys(order_ids)))
    try:
        await _prepare(prepared, db, principal, engines)
    except DoorstepError as refusal:
        prepared.refusal = refusal
    return prepared


async def _prepare(prepared: Prepared, db: Database, principal: Principal, engines: Engines) -> None:
    _check_number(prepared.order_ids)
    now = principal.clock.now()
    async with db.snapshot(principal.tenant_id) as tx:
        shift = await _load_shift(tx, principal.tenant_id, prepared.shift_id, now)
        faults: list[DoorstepError] = []
        await plannable_orders(tx, principal.tenant_id, prepared.order_ids, faults)
        refuse_all(faults)
        prepared.present = await _load_present(tx, principal.tenant_id, shift, now)
        kept = prepared.present.order_ids if prepared.present else set()
        orders = await orders_for_planning(tx, principal.tenant_id, [*prepared.order_ids, *sorted(kept)])
    prepared.order_versions = {order.id: order.version for order in orders}
    prepared.shift_version = shift.version
    refuse_all(_order_faults(prepared, orders))
    head = prepared.present.head if prepared.present else None
    ranked = [_ranked(order, order.id in kept) for order in orders]
    heads = {shift.id: head} if head else {}
    prepared.draft = await _solve(prepared, engines, await _pose(engines, ranked, shift, now, heads))


def _check_number(order_ids: Sequence[UUID]) -> None:
    if not order_ids:
        raise nothing_to_plan("There is no order in orderIds.", ["orderIds"])
    if len(order_ids) > MOST_ORDERS:
        raise DoorstepError(
            ProblemCode.TOO_MANY_ITEMS,
            f"Assign at most {MOST_ORDERS} orders at a time; for more make a plan (createPlan).",
            ["orderIds"],
        )


async def _load_shift(tx: Transaction, tenant_id: UUID, shift_id: UUID, now: datetime) -> PlanningShift:
    found = await shifts_for_planning(tx, tenant_id, [shift_id])
    shift = found[0] if found else None
    fault = shift_fault(shift, None, now, ["shiftId"])
    if fault is not None or shift is None:
        raise fault or NotFound("shift", ["shiftId"])
    return shift


def _order_faults(prepared: Prepared, orders: Sequence[PlanningOrder]) -> list[DoorstepError]:
    left_depot = prepared.present is not None and prepared.present.head is not None
    by_id = {order.id: order for order in orders}
    faults: list[DoorstepError] = []
    for index, order_id in enumerate(prepared.order_ids):
        order = by_id[order_id]
        name = public_id("order", order_id)
        message = None
        if order.location_status is LocationStatus.NEEDS_LOCATION:
            message = f"Order {name} has no known place: give it coordinates with updateOrder."
        elif left_depot and from_depot(order):
            message = f"Order {name} must be loaded at the depot, which this route has left: choose a shift that has not started."
        if message is not None:
            faults.append(DoorstepError(ProblemCode.NOT_PLANNABLE, message, ["orderIds", index]))
    return faults


def _ranked(order: PlanningOrder, is_kept: bool) -> PlanningOrder:
    return replace(order, priority=_KEEP_PRIORITY if is_kept else min(order.priority, _KEEP_PRIORITY - 1))


async def _load_present(tx: Transaction, tenant_id: UUID, shift: PlanningShift, now: datetime) -> _Present | None:
    route_id = (await active_routes_of_shifts(tx, tenant_id, [shift.id])).get(shift.id)
    if route_id is None:
        return None
    route = (await routes_by_ids(tx, tenant_id, [route_id]))[route_id]
    stops = (await stops_of_routes(tx, tenant_id, [route_id])).get(route_id, [])
    orders_of = await order_ids_of_stops(tx, tenant_id, [stop["id"] for stop in stops])
    left_depot = any(stop["status"] in (StopStatus.COMPLETED, StopStatus.FAILED, StopStatus.SKIPPED) for stop in stops)
    free = [stop for stop in stops if stop["status"] == StopStatus.PENDING]
    if not left_depot:
        free = [stop for stop in stops if stop["status"] != StopStatus.CANCELLED]
    fixed = [stop["sequence"] for stop in stops if stop not in free and stop["status"] != StopStatus.CANCELLED]
    return _Present(
        route=route,
        free=free,
        orders_of=orders_of,
        head=_head(stops, free, orders_of, shift, now) if left_depot else None,
        next_sequence=max(fixed, default=-1) + 1,
        statuses={stop["id"]: stop["status"] for stop in stops},
    )


def _head(
    stops: Sequence[Row],
    free: Sequence[Row],
    orders_of: dict[UUID, list[UUID]],
    shift: PlanningShift,
    now: datetime,
) -> Head:
    """Where the vehicle can go on: after the stop that it is driving to or standing at, else from where it was last."""
    bound = [stop for stop in stops if stop["status"] in (StopStatus.EN_ROUTE, StopStatus.ARRIVED)]
    behind = sorted((stop for stop in stops if stop["closed_at"] is not None), key=lambda stop: stop["closed_at"])
    placed = [stop for stop in [*behind, *bound] if stop["latitude"] is not None]
    position = (
        (placed[-1]["latitude"], placed[-1]["longitude"]) if placed else (shift.depot_latitude, shift.depot_longitude)
    )
    ready_at = now
    for stop in bound:
        service: timedelta = stop["planned_departure"] - stop["planned_service_start"]
        ready_at = max(ready_at, (stop["arrived_at"] or stop["eta_at"] or stop["planned_arrival"]) + service)
    to_fetch = {
        order_id for stop in free if stop["kind"] == StopKind.PICKUP for order_id in orders_of.get(stop["id"], ())
    }
    to_bring = {
        order_id for stop in free if stop["kind"] == StopKind.DROPOFF for order_id in orders_of.get(stop["id"], ())
    }
    return Head(position, ready_at, frozenset(to_bring - to_fetch))


async def _pose(
    engines: Engines, orders: Sequence[PlanningOrder], shift: PlanningShift, now: datetime, heads: dict[UUID, Head]
) -> Question:
    try:
        return await pose(engines.roads, orders, [shift], now, heads, within=ROADS_SECONDS)
    except ProblemInvalidError as error:
        raise DoorstepError(
            ProblemCode.NOT_PLANNABLE, f"The solver cannot work with this: {error}.", ["shiftId"]
        ) from error


async def _solve(prepared: Prepared, engines: Engines, question: Question) -> DraftRoute:
    outcome: Outcome | None = None
    if question.problem is not None:
        options = SolveOptions(time_limit_seconds=SOLVE_SECONDS / 2, hard_limit_seconds=SOLVE_SECONDS)
        try:
            async with asyncio.timeout(SOLVE_SECONDS):
                outcome = await engines.solver.solve(question.problem, options)
        except TimeoutError as error:
            raise Unavailable(
                "The solver is busy with other plans. Nothing was written: send the same request again."
            ) from error
    left = {**question.set_aside, **reasons_of(outcome.unassigned if outcome else ())}
    refuse_all(_left_faults(prepared, left))
    solution = outcome.solution if outcome else None
    if solution is None:
        raise Unavailable("The solver gave no answer. Nothing was written: send the same request again.")
    return await _draft(engines, question, solution)


async def _draft(engines: Engines, question: Question, solution: Solution) -> DraftRoute:
    drafts = draft_routes(question, solution)
    await add_paths(engines.roads, drafts)
    return drafts[0]


def _left_faults(prepared: Prepared, left: dict[UUID, list[Left]]) -> list[DoorstepError]:
    faults = []
    for order_id, reasons in left.items():
        codes = [reason.code for reason in reasons]
        name = public_id("order", order_id)
        if order_id not in prepared.order_ids:
            message = f"With these orders order {name}, which is on the route already, would no longer fit: assign fewer, or choose another shift."
            faults.append(DoorstepError(ProblemCode.NOT_PLANNABLE, message, ["orderIds"], existing_id=name))
            continue
        path = ("orderIds", prepared.order_ids.index(order_id))
        if UnassignedCode.CAPACITY in codes:
            message = f"Order {name} is larger than what this shift's vehicle can carry: choose a shift with a larger vehicle."
            faults.append(DoorstepError(ProblemCode.TOO_LARGE_FOR_FLEET, message, path, existing_id=name))
        else:
            why = ", ".join(codes)
            message = f"Order {name} does not fit into this shift ({why}): choose another shift, or change the order."
            faults.append(DoorstepError(ProblemCode.NOT_PLANNABLE, message, path, existing_id=name))
    return faults


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────


async def assign_orders(scope: Scope, prepared: Prepared) -> dict[str, Any]:
    """Put the prepared orders on the shift's route and dispatch it at once; returns ``{"id": route, "order_ids"}``.

    Raises what preparing refused, and PLAN_STALE when something changed since then.
    """
    scope.require(Permission.PLANNING_WRITE)
    if prepared.refusal is not None:
        raise prepared.refusal
    draft = prepared.draft
    if draft is None:
        raise _changed_meanwhile()
    if prepared.present is None:
        route_id = draft.id
        await _check_unchanged(scope, prepared)
        await _write_new(scope, draft)
    else:
        route_id = prepared.present.route["id"]
        await _lock_unchanged(scope, prepared.present)
        await _check_unchanged(scope, prepared)
        await _rewrite(scope, prepared.present, draft)
        await touch_route(scope, route_id, added=prepared.order_ids)
    await assign(scope, dict.fromkeys(prepared.order_ids, route_id))
    await move_orders(
        scope, [Move(order_id, OrderStatus.ASSIGNED, route_id=route_id) for order_id in sorted(prepared.order_ids)]
    )
    await set_etas(scope, _draft_etas(draft.stops))
    return {"id": str(route_id), "order_ids": [str(order_id) for order_id in prepared.order_ids]}


def _changed_meanwhile() -> DoorstepError:
    return DoorstepError(
        ProblemCode.PLAN_STALE,
        "The shift, its route or one of the orders changed while the route was being computed: send this again.",
    )


async def _lock_unchanged(scope: Scope, present: _Present) -> None:
    route, stops = await lock_route(scope, present.route["id"])
    statuses = {stop["id"]: stop["status"] for stop in stops}
    same = route["version"] == present.route["version"] and statuses == present.statuses
    if not same or RouteStatus(route["status"]) not in ACTIVE_ROUTES:
        raise _changed_meanwhile()


async def _check_unchanged(scope: Scope, prepared: Prepared) -> None:
    orders = await lock_orders(scope, prepared.order_ids)
    shifts = await shifts_for_planning(scope.tx, scope.tenant_id, [prepared.shift_id])
    if any(row["version"] != prepared.order_versions[order_id] for order_id, row in orders.items()):
        raise _changed_meanwhile()
    if not shifts or shifts[0].version != prepared.shift_version:
        raise _changed_meanwhile()


async def _write_new(scope: Scope, draft: DraftRoute) -> None:
    now = scope.clock.now()
    try:
        await write_routes(scope, [draft], plan_id=None, status=RouteStatus.DISPATCHED, at=now)
    except asyncpg.UniqueViolationError as error:
        raise _changed_meanwhile() from error
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


async def _rewrite(scope: Scope, present: _Present, draft: DraftRoute) -> None:
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
    if present.route["status"] == RouteStatus.COMMITTED:
        await set_route_status(scope, present.route, RouteStatus.DISPATCHED, scope.clock.now())


def _key(kind: str, order_ids: Collection[UUID]) -> tuple[str, frozenset[UUID]]:
    """What makes a stop the same one: at the depot and in breaks its kind, at customers' also the orders."""
    return str(kind), frozenset(order_ids) if kind in CUSTOMER_STOPS else frozenset()


_UPDATE: Final = """
UPDATE stops SET sequence = new.sequence, planned_arrival = new.arrival, planned_service_start = new.service_start,
  planned_departure = new.departure, leg_seconds = new.seconds, leg_meters = new.meters, leg_path = new.path,
  load_after = new.load::jsonb, eta_at = new.arrival, version = version + 1, updated_at = now()
FROM unnest($2::uuid[], $3::int[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::int[], $8::int[], $9::text[], $10::text[])
  AS new(id, sequence, arrival, service_start, departure, seconds, meters, path, load)
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
    )


def _draft_etas(stops: Sequence[DraftStop]) -> list[EtaChange]:
    changes: list[EtaChange] = []
    before = 0
    for stop in stops:
        if stop.kind is StopKind.DROPOFF:
            changes += [EtaChange(order_id, stop.arrival, 0, before) for order_id in stop.order_ids]
        before += stop.kind in CUSTOMER_STOPS
    return changes


# ── taking off ──────────────────────────────────────────────────────────────────────────────────────────


async def unassign_orders(scope: Scope, order_ids: Sequence[UUID]) -> dict[str, Any]:
    """Take orders that are not picked up yet off their routes, all or none; they become PENDING. Returns ``{"order_ids", "route_ids"}``.

    A route that keeps no order and has not begun is CANCELLED, so that its shift is free.
    """
    scope.require(Permission.PLANNING_WRITE)
    wanted = list(dict.fromkeys(order_ids))
    _check_number(wanted)
    route_of = await active_routes_of_orders(scope.tx, scope.tenant_id, wanted)
    for route_id in sorted(set(route_of.values())):
        await lock_route(scope, route_id)
    rows = await lock_orders(scope, wanted)
    route_of = await active_routes_of_orders(scope.tx, scope.tenant_id, wanted)
    refuse_all(
        [
            fault
            for index, order_id in enumerate(wanted)
            if (fault := _stays(order_id, rows.get(order_id), order_id in route_of, ["orderIds", index])) is not None
        ]
    )
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
