"""What a change by hand would come to, computed outside of any transaction: one order into a route, out of it, elsewhere, or two in each other's place.

Nothing is optimized: what is not asked for keeps its sequence, what is done or under way stays. A change holds when it breaks no rule that holds
now and makes none worse that does not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from doorstep.fleets.reads import PlanningShift, shifts_for_planning
from doorstep.kernel.db import Database, Row, Transaction
from doorstep.kernel.errors import Conflict, DoorstepError, NotFound, ProblemCode
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission, Principal
from doorstep.orders.model import OrderStatus
from doorstep.orders.reads import PlanningOrder, orders_for_planning
from doorstep.planning.errors import has_tours, refuse_all, shift_without_vehicle, wrong_state
from doorstep.planning.model import ACTIVE_ROUTES, RouteStatus, StopKind, StopStatus
from doorstep.planning.reads import active_routes_of_orders, routes_by_ids, stops_of_routes
from doorstep.planning.service.by_hour import retimed
from doorstep.planning.service.changes import Change, Path, Put, Side, Weighed
from doorstep.planning.service.inserting import stops_at_customers
from doorstep.planning.service.locking import locked_orders, order_locked, would_move_locked
from doorstep.planning.service.plans import plannable_orders
from doorstep.planning.service.preparing import ROADS_SECONDS, Present, load_presents
from doorstep.planning.service.problems import Engines, Question, from_depot, pose
from doorstep.planning.service.proposals import draft_routes, route_summary
from doorstep.planning.service.routes import LEAVES_FREELY
from doorstep.planning.solver.errors import ProblemInvalidError
from doorstep.planning.solver.handwork import Stop, Timed, place, time_stops, without, worsened
from doorstep.planning.solver.locking import keep_places
from doorstep.planning.solver.problem import Problem, VehicleShift
from doorstep.planning.solver.solution import Solution, Summary
from doorstep.planning.solver.travel import Legs, Travel

_NOTHING: Final[dict[str, Any]] = {
    **dict.fromkeys((*Summary.__slots__, "emissions_grams"), 0),
    "load_factor": None,
}
"""The sums of a route that has nothing left to do and is not driven."""


async def weigh(db: Database, principal: Principal, engines: Engines, wanted: Callable[[], Change]) -> Weighed:
    """Compute what a change would come to. A refusal, also one that ``wanted`` raises, is kept, so that a replay gets its stored answer first.

    Raises Unavailable when the roads do not answer, or no desk is free in time.
    """
    principal.require(Permission.PLANNING_WRITE)
    weighed = Weighed()
    try:
        change = wanted()
        async with engines.desk(principal.tenant_id):
            loaded = await _load(db, principal, change)
            question = await pose_routes(engines, loaded, principal.clock.now())
            await asyncio.to_thread(_carry_out, weighed, loaded, question, change)
    except DoorstepError as refusal:
        weighed.refusal = refusal
    return weighed


# ── loading ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Asked:
    """A route that is to be changed, at a version (None: whatever it is), and the places of both in the input."""

    route_id: UUID
    if_version: int | None
    path: Path
    version_path: Path


@dataclass(slots=True)
class Loaded:
    """The routes of a change by id, their shifts with the breaks that are still to come, and all orders on them."""

    presents: dict[UUID, Present]
    shifts: dict[UUID, PlanningShift]
    orders: dict[UUID, PlanningOrder]
    route_of: dict[UUID, UUID]
    target_of: dict[UUID, UUID]


async def _load(db: Database, principal: Principal, change: Change) -> Loaded:
    tenant_id = principal.tenant_id
    async with db.snapshot(principal) as tx:
        route_of = await _routes_of_taken(tx, tenant_id, change)
        target_of = {put.order_id: _target(put, route_of) for put in change.puts}
        asked = [Asked(route_of[take.order_id], take.if_version, take.path, take.version_path) for take in change.takes]
        asked += [
            Asked(target_of[put.order_id], put.if_version, put.route_path, put.version_path) for put in change.puts
        ]
        loaded = await load_routes(tx, principal, asked, lambda: _check_new(tx, tenant_id, change), target_of)
    loaded.route_of |= route_of
    return loaded


async def load_routes(
    tx: Transaction,
    principal: Principal,
    asked: Sequence[Asked],
    check: Callable[[], Awaitable[None]] | None = None,
    target_of: Mapping[UUID, UUID] | None = None,
) -> Loaded:
    """Active routes at the versions that are wanted, and the orders on them (and those of ``target_of``); refuses what is not so, then asks ``check``."""
    target_of, tenant_id = dict(target_of or {}), principal.tenant_id
    wanted = sorted({one.route_id for one in asked})
    routes = await routes_by_ids(tx, tenant_id, wanted)
    refuse_all(_route_faults(asked, routes))
    if check is not None:
        await check()
    shifts = await shifts_for_planning(tx, tenant_id, [route["shift_id"] for route in routes.values()])
    by_shift = await load_presents(tx, tenant_id, shifts, principal.clock.now())
    stops = await stops_of_routes(tx, tenant_id, wanted)
    presents = {present.route["id"]: present for present in by_shift.values()}
    known = {order_id for present in presents.values() for order_id in present.order_ids}
    orders = await orders_for_planning(tx, tenant_id, sorted(known | target_of.keys()))
    for route_id in wanted:
        if route_id not in presents:
            raise NotFound("route", ["routeId"])
    refuse_all([has_tours(one.route_id, one.path) for one in asked if presents[one.route_id].comes_back])
    for shift in shifts:
        if shift.vehicle is None:
            raise shift_without_vehicle(shift.id, ())
    by_id = {shift.id: shift for shift in shifts}
    rested = {one: _rested(by_id[presents[one].route["shift_id"]], stops.get(one, ())) for one in wanted}
    return Loaded(presents, rested, {order.id: order for order in orders}, {}, target_of)


async def _routes_of_taken(tx: Transaction, tenant_id: UUID, change: Change) -> dict[UUID, UUID]:
    ids = [take.order_id for take in change.takes]
    found = await active_routes_of_orders(tx, tenant_id, ids)
    rows = await orders_for_planning(tx, tenant_id, ids)
    known = {order.id: order for order in rows}
    faults: list[DoorstepError] = []
    for take in change.takes:
        if take.order_id not in known:
            faults.append(NotFound("order", take.path))
        elif take.order_id not in found:
            name, status = public_id("order", take.order_id), known[take.order_id].status
            message = f"Order {name} is {status} and on no route: put it on one with `insert`."
            faults.append(DoorstepError(ProblemCode.ILLEGAL_TRANSITION, message, take.path, existing_id=name))
    refuse_all(faults)
    if len(ids) > len(set(ids)):
        raise DoorstepError(ProblemCode.INVALID_VALUE, "An order cannot be swapped with itself.", change.takes[-1].path)
    return found


def _target(put: Put, route_of: Mapping[UUID, UUID]) -> UUID:
    if put.route_id is not None:
        return put.route_id
    return route_of[put.beside or put.order_id]


def _route_faults(asked: Sequence[Asked], routes: Mapping[UUID, Row]) -> list[DoorstepError]:
    """Why routes cannot be changed: gone, over, at another version."""
    faults: list[DoorstepError] = []
    for one in asked:
        route = routes.get(one.route_id)
        if route is None:
            faults.append(NotFound("route", one.path))
        elif one.if_version is not None and one.if_version != route["version"]:
            raise Conflict("route", route["version"], one.route_id, one.version_path)
        elif RouteStatus(route["status"]) not in ACTIVE_ROUTES:
            advice = "A proposal's routes are changed by planning again; a finished one stays as it is."
            wanted = "COMMITTED, DISPATCHED or IN_PROGRESS"
            faults.append(wrong_state("route", route["status"], wanted, advice, one.path))
    return list({(one.code, tuple(one.path)): one for one in faults}.values())


async def _check_new(tx: Transaction, tenant_id: UUID, change: Change) -> None:
    taken = {take.order_id for take in change.takes}
    faults: list[DoorstepError] = []
    for put in change.puts:
        if put.order_id not in taken:
            found: list[DoorstepError] = []
            await plannable_orders(tx, tenant_id, [put.order_id], found)
            for fault in found:
                fault.path = list(put.path)
            faults += found
    refuse_all(faults)


def _rested(shift: PlanningShift, stops: Sequence[Row]) -> PlanningShift:
    """The shift without the breaks that its route has behind it."""
    over = [
        stop["planned_service_start"]
        for stop in stops
        if stop["kind"] == StopKind.BREAK and stop["status"] not in (StopStatus.PENDING, StopStatus.CANCELLED)
    ]
    breaks = [one for one in shift.breaks if not any(one.window.start <= at <= one.window.end for at in over)]
    return replace(shift, breaks=breaks)


async def pose_routes(engines: Engines, loaded: Loaded, now: datetime) -> Question:
    """What is left of the routes as the solver's problem; raises Unavailable when the roads do not answer."""
    shifts = list(loaded.shifts.values())
    heads = {loaded.shifts[route_id].id: present.head for route_id, present in loaded.presents.items() if present.head}
    try:
        return await pose(engines.roads, list(loaded.orders.values()), shifts, now, heads, within=ROADS_SECONDS)
    except ProblemInvalidError as error:
        raise DoorstepError(ProblemCode.NOT_PLANNABLE, f"The solver cannot work with this: {error}.") from error


# ── the change itself ───────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Line:
    """A route's open stops at customers while the change is carried out on them."""

    route_id: UUID
    present: Present
    shift: PlanningShift
    before: tuple[Stop, ...]
    stops: tuple[Stop, ...]
    locked: frozenset[Stop] = frozenset()


def _carry_out(weighed: Weighed, loaded: Loaded, question: Question, change: Change) -> None:
    """Take and put, then time every route before and after."""
    weighed.orders, weighed.question = loaded.orders, question
    weighed.order_paths = {take.order_id: take.path for take in change.takes}
    weighed.order_paths |= {put.order_id: put.path for put in change.puts}
    refuse_untimed(weighed, question)
    if question.problem is None:
        raise DoorstepError(
            ProblemCode.NOTHING_TO_PLAN, "The route has no open stop at a customer: there is nothing to change."
        )
    travel = Travel(question.problem)
    lines = {route_id: line_of(loaded, route_id) for route_id in loaded.presents}
    weighed.leaving = {
        take.order_id: loaded.route_of[take.order_id]
        for take in change.takes
        if loaded.target_of.get(take.order_id) != loaded.route_of[take.order_id]
    }
    weighed.coming = {
        order_id: route_id
        for order_id, route_id in loaded.target_of.items()
        if loaded.route_of.get(order_id) != route_id
    }
    refuse_all(_order_faults(weighed, loaded, change))
    for take in change.takes:
        line = lines[loaded.route_of[take.order_id]]
        line.stops = without(line.stops, str(take.order_id))
    for put in change.puts:
        _put(question, travel, lines[loaded.target_of[put.order_id]], put)
    weighed.sides = [side_of(question, travel, line) for line in lines.values()]


def line_of(loaded: Loaded, route_id: UUID) -> Line:
    """A route's open stops at customers, by sequence."""
    present = loaded.presents[route_id]
    stops, locked = stops_at_customers(present.free, present.orders_of)
    return Line(route_id, present, loaded.shifts[route_id], stops, stops, locked)


def refuse_untimed(weighed: Weighed, question: Question) -> None:
    """Orders that cannot be reached at all (off every road, from a depot that no vehicle here starts from)."""
    faults: list[DoorstepError] = []
    for order_id, left in question.set_aside.items():
        name, why = public_id("order", order_id), ", ".join(one.code for one in left)
        message = f"Order {name} cannot be driven to by this route ({why}): choose another route, or change the order."
        path = weighed.order_paths.get(order_id, ())
        faults.append(DoorstepError(ProblemCode.NOT_PLANNABLE, message, path, existing_id=name))
    refuse_all(faults)


def _order_faults(weighed: Weighed, loaded: Loaded, change: Change) -> list[DoorstepError]:
    """Orders that cannot leave their route any more, or cannot come onto one that has left its depot."""
    faults: list[DoorstepError] = []
    for take in change.takes:
        present, order = loaded.presents[loaded.route_of[take.order_id]], loaded.orders.get(take.order_id)
        name = public_id("order", take.order_id)
        message = None
        if order is None or take.order_id not in present.order_ids:
            message = f"Order {name} is being worked: its stop is done or under way and stays."
        elif take.order_id in weighed.leaving and not may_leave(present, order):
            message = (
                f"Order {name} is {order.status}, its goods are in the vehicle or being fetched: it keeps its route."
            )
        held = locked_orders(present.free, present.orders_of)
        if message is not None:
            faults.append(DoorstepError(ProblemCode.ILLEGAL_TRANSITION, message, take.path, existing_id=name))
        elif take.order_id in held:
            faults.append(order_locked(take.order_id, held[take.order_id], take.path))
    for order_id, route_id in weighed.coming.items():
        if loaded.presents[route_id].head is not None and from_depot(loaded.orders[order_id]):
            name = public_id("order", order_id)
            message = (
                f"Order {name} must be loaded at the depot, which this route has left: choose one that has not started."
            )
            path = weighed.order_paths[order_id]
            faults.append(DoorstepError(ProblemCode.NOT_PLANNABLE, message, path, existing_id=name))
    return faults


def may_leave(present: Present, order: PlanningOrder) -> bool:
    """Whether an order's goods are not in the vehicle yet, nor being fetched."""
    on_board = present.head is not None and order.id in present.head.on_board
    return OrderStatus(order.status) in LEAVES_FREELY and not on_board


def _put(question: Question, travel: Travel, line: Line, put: Put) -> None:
    problem, vehicle, legs = drives(question, travel, line)
    try:
        line.stops = place(problem, vehicle, legs, line.stops, str(put.order_id), put.position, allowed=_keeping(line))
    except ValueError as error:
        last = len(line.stops)
        if line.locked and (put.position is None or 0 <= put.position <= last):
            advice = "choose a place behind it; an order that is in front of it stays there"
            raise would_move_locked(line.route_id, put.position_path or put.path, advice) from error
        raise DoorstepError(
            ProblemCode.INVALID_VALUE,
            f"The route has {last} other open stops at customers: give a position from 0 to {last}, "
            "from 1 to one more for an order that is picked up on the way, or none.",
            put.position_path,
        ) from error


def _keeping(line: Line) -> Callable[[tuple[Stop, ...]], bool] | None:
    """Which sequences leave the line's locked stops at their places; None: there are no such stops."""
    return (lambda stops: keep_places(line.before, stops, line.locked)) if line.locked else None


def drives(question: Question, travel: Travel, line: Line) -> tuple[Problem, VehicleShift, Legs]:
    """The problem, and a route's vehicle in it with its legs."""
    if question.problem is None:
        raise ValueError("there is no problem")
    vehicle = question.problem.vehicle_by_id[str(line.shift.id)]
    return question.problem, vehicle, travel.of(vehicle)


def side_of(question: Question, travel: Travel, line: Line) -> Side:
    """A route timed before and after."""
    problem, vehicle, legs = drives(question, travel, line)
    waits = line.present.head is None

    def at_the_hour(stops: Sequence[Stop]) -> Timed:
        timed = time_stops(problem, vehicle, legs, stops, waits=waits)
        solution = Solution((timed.route,), (), timed.route.summary)
        return replace(timed, route=retimed(question, solution).routes[0])

    before = at_the_hour(line.before)
    after = before if line.stops == line.before else at_the_hour(line.stops)
    idle = not line.stops and line.present.route["status"] != RouteStatus.IN_PROGRESS
    draft = None if idle else draft_routes(question, Solution((after.route,), (), after.route.summary))[0]
    return Side(
        present=line.present,
        shift=line.shift,
        before=before,
        after=after,
        faults=worsened(before.faults, after.faults),
        sums_before=route_summary(line.shift, before.route),
        sums_after=_NOTHING if idle else route_summary(line.shift, after.route),
        draft=draft,
    )
