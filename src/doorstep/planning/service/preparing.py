"""Computing a shift's route with more orders on it, outside of any transaction.

A shift that has no route yet gets one; a route that exists takes the orders in where they cost least, also while its vehicle is under way.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from doorstep.fleets.reads import PlanningShift, shifts_for_planning
from doorstep.identity.service import check_solver_seconds, spend_solver_seconds
from doorstep.kernel.db import Database, Row, Transaction
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode, Unavailable
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission, Principal
from doorstep.orders.model import LocationStatus
from doorstep.orders.reads import PlanningOrder, orders_for_planning
from doorstep.planning.errors import has_tours, nothing_to_plan, refuse_all, shift_in_use
from doorstep.planning.model import (
    StopKind,
    StopStatus,
    UnassignedCode,
)
from doorstep.planning.reads import (
    active_routes_of_shifts,
    order_ids_of_stops,
    routes_by_ids,
    stops_of_routes,
)
from doorstep.planning.service.by_hour import settle
from doorstep.planning.service.inserting import put_beside_locked, stops_at_customers
from doorstep.planning.service.locking import would_move_locked
from doorstep.planning.service.plans import plannable_orders, shift_fault
from doorstep.planning.service.problems import Engines, Head, Left, Question, from_depot, pose
from doorstep.planning.service.proposals import DraftRoute, add_paths, draft_routes, reasons_of
from doorstep.planning.solver.errors import ProblemInvalidError
from doorstep.planning.solver.estimate import Lateness, Objective, SolveOptions
from doorstep.planning.solver.lateness import with_grace
from doorstep.planning.solver.pool import Outcome
from doorstep.planning.solver.solution import Solution

MOST_ORDERS: Final = 250
ROADS_SECONDS: Final = 3.0
SOLVE_SECONDS: Final = 5.0
"""A caller waits for the answer: no more than this for travel times and for the solver."""

_PUNCTUAL: Final = SolveOptions(time_limit_seconds=SOLVE_SECONDS / 2, hard_limit_seconds=SOLVE_SECONDS)
_LATE: Final = replace(_PUNCTUAL, objective=Objective.ON_TIME, lateness=Lateness(max_seconds=30 * 86_400))
"""As little late as can be: what a dispatcher gives away is brought also when it is late."""

_KEEP_PRIORITY: Final = 100
"""Orders that are on the route already outrank whatever is to be added."""


@dataclass(slots=True)
class Prepared:
    """What ``prepare_assignment`` found: a refusal, or the route as it is to become and what it was computed from."""

    shift_id: UUID
    order_ids: list[UUID]
    refusal: DoorstepError | None = None
    draft: DraftRoute | None = None
    present: "Present | None" = None
    order_versions: dict[UUID, int] = field(default_factory=dict)
    shift_version: int = 0
    solver_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Present:
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

    @property
    def comes_back(self) -> bool:
        """Whether its vehicle will still load anew."""
        return any(stop["kind"] == StopKind.RELOAD for stop in self.free)

    @property
    def locked(self) -> bool:
        """Whether a stop of it keeps its place."""
        return any(stop["locked"] for stop in self.free)

    @property
    def late(self) -> dict[str, int]:
        """How late its orders are planned: so late they may stay, whatever comes beside them."""
        late = [stop for stop in self.free if stop["late_seconds"]]
        return {str(order_id): stop["late_seconds"] for stop in late for order_id in self.orders_of.get(stop["id"], ())}


# ── computing ───────────────────────────────────────────────────────────────────────────────────────────


async def prepare_assignment(
    db: Database,
    principal: Principal,
    engines: Engines,
    wanted: Callable[[], tuple[Sequence[UUID], UUID]],
    *,
    offered: bool = False,
    may_be_late: bool = False,
) -> Prepared:
    """Compute the shift's route with the orders on it; ``wanted`` says which orders and shift. ``offered``: its driver has said yes to them.
    ``may_be_late``: an order is brought after its window where it cannot be in it.

    A refusal, also one that ``wanted`` raises, is kept for ``assign_orders`` to raise, so that a replay gets its stored answer first.
    """
    principal.require(Permission.PLANNING_WRITE)
    try:
        order_ids, shift_id = wanted()
    except DoorstepError as refusal:
        return Prepared(UUID(int=0), [], refusal)
    prepared = Prepared(shift_id, list(dict.fromkeys(order_ids)))
    try:
        await _prepare(prepared, db, principal, engines, offered=offered, may_be_late=may_be_late)
    except DoorstepError as refusal:
        prepared.refusal = refusal
    await spend_solver_seconds(db, principal, prepared.solver_seconds)
    return prepared


async def _prepare(
    prepared: Prepared, db: Database, principal: Principal, engines: Engines, *, offered: bool, may_be_late: bool
) -> None:
    check_number(prepared.order_ids)
    now = principal.clock.now()
    async with db.snapshot(principal) as tx:
        await check_solver_seconds(tx, principal)
        shift = await _load_shift(tx, principal.tenant_id, prepared.shift_id, now)
        faults: list[DoorstepError] = []
        await plannable_orders(tx, principal.tenant_id, prepared.order_ids, faults, offered=offered)
        refuse_all(faults)
        prepared.present = await _load_present(tx, principal.tenant_id, shift, now)
        kept = prepared.present.order_ids if prepared.present else set()
        orders = await orders_for_planning(tx, principal.tenant_id, [*prepared.order_ids, *sorted(kept)])
    prepared.order_versions = {order.id: order.version for order in orders}
    prepared.shift_version = shift.version
    refuse_all(_order_faults(prepared, orders))
    present = prepared.present
    head = present.head if present else None
    is_locked = present is not None and present.locked
    if present is not None and present.comes_back and (head is not None or is_locked):
        raise has_tours(present.route["id"], ["shiftId"])
    ranked = [_ranked(order, order.id in kept) for order in orders]
    heads = {shift.id: head} if head else {}
    question = await _pose(engines, ranked, shift, now, heads)
    if question.problem is not None and present is not None and (is_locked or not may_be_late):
        question.problem = with_grace(question.problem, present.late)
    if present is not None and is_locked:
        prepared.draft = await _insert(prepared, present, engines, question)
    else:
        options = _LATE if may_be_late else _PUNCTUAL
        prepared.draft = await _solve(prepared, engines, question, options, str(principal.tenant_id))


def check_number(order_ids: Sequence[UUID]) -> None:
    """Refuse no order at all, and more than one call may be about."""
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
    fault = shift_fault(shift, {}, now, ["shiftId"])
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


async def _load_present(tx: Transaction, tenant_id: UUID, shift: PlanningShift, now: datetime) -> Present | None:
    return (await load_presents(tx, tenant_id, [shift], now)).get(shift.id)


async def load_presents(
    tx: Transaction, tenant_id: UUID, shifts: Sequence[PlanningShift], now: datetime
) -> dict[UUID, Present]:
    """The routes under way or to come of shifts, by shift, in four statements; refuses one that is out of the credential's reach."""
    used = await active_routes_of_shifts(tx, tenant_id, [shift.id for shift in shifts])
    for shift_id, route_id in used.items():
        if route_id is None:
            raise shift_in_use(shift_id, None, ["shiftId"])
    ids = [route_id for route_id in used.values() if route_id is not None]
    routes = await routes_by_ids(tx, tenant_id, ids)
    stops = await stops_of_routes(tx, tenant_id, ids)
    orders_of = await order_ids_of_stops(tx, tenant_id, [stop["id"] for of_one in stops.values() for stop in of_one])
    return {
        shift.id: _present(routes[route_id], stops.get(route_id, []), orders_of, shift, now)
        for shift in shifts
        if (route_id := used.get(shift.id)) is not None
    }


def _present(
    route: Row, stops: Sequence[Row], orders_of: dict[UUID, list[UUID]], shift: PlanningShift, now: datetime
) -> Present:
    closed = any(stop["status"] in (StopStatus.COMPLETED, StopStatus.FAILED, StopStatus.SKIPPED) for stop in stops)
    left_depot = closed or _begins_elsewhere(stops, orders_of, shift)
    free = [stop for stop in stops if stop["status"] == StopStatus.PENDING and stop["kind"] != StopKind.DEPOT_START]
    if not left_depot:
        free = [stop for stop in stops if stop["status"] != StopStatus.CANCELLED]
    fixed = [stop["sequence"] for stop in stops if stop not in free and stop["status"] != StopStatus.CANCELLED]
    return Present(
        route=route,
        free=free,
        orders_of=orders_of,
        head=_head(stops, free, orders_of, shift, now) if left_depot else None,
        next_sequence=max(fixed, default=-1) + 1,
        statuses={stop["id"]: stop["status"] for stop in stops},
    )


def _begins_elsewhere(stops: Sequence[Row], orders_of: dict[UUID, list[UUID]], shift: PlanningShift) -> bool:
    """Whether the route goes on from where its courier waited, with nothing to load: it is as if the depot was left."""
    depot = (shift.depot_latitude, shift.depot_longitude)
    return any(
        stop["kind"] == StopKind.DEPOT_START
        and stop["latitude"] is not None
        and (stop["latitude"], stop["longitude"]) != depot
        and not orders_of.get(stop["id"])
        for stop in stops
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
    begun = [stop for stop in stops if stop["kind"] == StopKind.DEPOT_START]
    placed = [stop for stop in [*begun, *behind, *bound] if stop["latitude"] is not None]
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


async def _solve(
    prepared: Prepared, engines: Engines, question: Question, options: SolveOptions, owner: str
) -> DraftRoute:
    async def solve() -> Outcome | None:
        if question.problem is None:
            return None
        outcome = await engines.solver.solve(question.problem, options, owner=owner, is_urgent=True)  # somebody waits
        prepared.solver_seconds += outcome.cpu_seconds
        return outcome

    try:
        async with asyncio.timeout(SOLVE_SECONDS):
            outcome = await settle(question, solve)
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


async def _insert(prepared: Prepared, present: Present, engines: Engines, question: Question) -> DraftRoute:
    """The route with the orders in it and everything else in its sequence, since a stop is locked."""
    refuse_all(_left_faults(prepared, dict(question.set_aside)))
    stops, locked = stops_at_customers(present.free, present.orders_of)
    solution = await asyncio.to_thread(
        put_beside_locked,
        question,
        prepared.shift_id,
        stops,
        locked,
        prepared.order_ids,
        waits=present.head is None,
    )
    if solution is None:
        raise would_move_locked(present.route["id"], ["orderIds"], "assign fewer orders, or choose another shift")
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
