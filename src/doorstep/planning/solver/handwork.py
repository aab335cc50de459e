"""A sequence that a person wants, timed as it stands: nothing is refused here, what does not hold is told with how far it is off.

`schedule` and `verify` say no; a dispatcher who moves a stop by hand wants to see what would come of it, also where the
route is late already. So faults have sizes, and `worsened` tells which of them a change brings about or makes worse.
Everything is as early as possible and breaks as late as they may be, as in `schedule`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement, pairwise
from typing import Final

from doorstep.planning.solver.errors import Rule
from doorstep.planning.solver.load import Capacity, Load, excess
from doorstep.planning.solver.problem import (
    Break,
    OnBoard,
    Order,
    PickupDelivery,
    Problem,
    VehicleShift,
    Visit,
    Window,
    visits,
)
from doorstep.planning.solver.solution import Route, Step, StepKind, late_seconds, loaded_at_start, summarize_route
from doorstep.planning.solver.travel import UNREACHABLE, Legs
from doorstep.planning.solver.unassigned import Reason, demands_unmet, next_open

Act = tuple[StepKind, str]
"""PICKUP or DELIVERY, and the order's id."""

Stop = tuple[Act, ...]
"""What is done at one place without going away."""

TRIED_FIRST: Final = 60
TRIED_AT_MOST: Final = 400
"""So many places for an order are timed: the shortest detours, and more of them only while none holds."""

NO_WAY_SECONDS: Final = 10_000_000
_NOTHING: Final = Load()

_RULES: Final = {
    Reason.COMPARTMENT: Rule.COMPARTMENT,
    Reason.SKILL: Rule.SKILL,
    Reason.VEHICLE_KIND: Rule.VEHICLE_KIND,
    Reason.DEPOT: Rule.DEPOT,
    Reason.PINNED: Rule.PINNED,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule that does not hold, for one order or (None) for the whole route, and how far it is off: in seconds, metres,
    stops, or what does not fit; 1 for what is simply not so."""

    rule: Rule
    order_id: str | None
    excess: int = 1


@dataclass(frozen=True, slots=True)
class Timed:
    """The route of a sequence, and what does not hold in it. `late_seconds` of its steps tell every missed window, also
    of goods on board, whose windows are promises and no faults."""

    route: Route
    faults: tuple[Fault, ...]

    def rank(self) -> tuple[int, int, int, int]:
        """Less is better."""
        summary = self.route.summary
        return len(self.faults), sum(f.excess for f in self.faults), summary.cost, summary.duration_seconds


def worsened(before: Sequence[Fault], after: Sequence[Fault]) -> tuple[Fault, ...]:
    """The faults of `after` that `before` has not, or has to a lesser degree."""
    known = {(fault.rule, fault.order_id): fault.excess for fault in before}
    return tuple(fault for fault in after if fault.excess > known.get((fault.rule, fault.order_id), 0))


def time_stops(problem: Problem, vehicle: VehicleShift, legs: Legs, stops: Sequence[Stop], *, waits: bool) -> Timed:
    """Time `stops` on `vehicle`. `waits`: it may leave later than it could, as long as nothing is later or worse for it."""
    acts = [act for stop in stops for act in stop]
    earliest = _run(problem, vehicle, legs, acts, vehicle.window.start)
    if not waits:
        return earliest
    waiting = earliest.route.summary.waiting_seconds
    if not waiting:
        return earliest
    delay = _latest_start(problem, vehicle, earliest) - vehicle.window.start
    latest = _run(problem, vehicle, legs, acts, vehicle.window.start + delay) if delay > 0 else earliest
    if _no_worse(latest, earliest):
        return latest
    best, low, high = earliest, 0, waiting  # a later start moved a break
    while low < high:
        delay = (low + high + 1) // 2
        later = _run(problem, vehicle, legs, acts, vehicle.window.start + delay)
        if _no_worse(later, earliest):
            best, low = later, delay
        else:
            high = delay - 1
    return best


def _no_worse(later: Timed, earliest: Timed) -> bool:
    ends = later.route.steps[-1].departure, earliest.route.steps[-1].departure
    return ends[0] <= ends[1] and not worsened(earliest.faults, later.faults)


def _latest_start(problem: Problem, vehicle: VehicleShift, earliest: Timed) -> int:
    """When the route could start and still end when it does, each step in the window that it has now and none of them later than it is late."""
    pauses = {pause.id: pause.windows for pause in vehicle.breaks}
    latest, leg = earliest.route.steps[-1].departure, 0
    for step in reversed(earliest.route.steps):
        latest -= leg + step.service_seconds
        windows: Sequence[Window] = ()
        if step.break_id is not None:
            windows = pauses[step.break_id]
        elif step.order_id is not None:
            windows = visits(problem.order_by_id[step.order_id])[0 if step.kind is StepKind.PICKUP else -1].windows
        latest = min([latest, *(w.end for w in windows if w.start <= step.service_start <= w.end)])
        if step.late_seconds:
            latest = min(latest, step.service_start)
        leg = step.leg_seconds
    return latest


# ── timing ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Drive:
    """A vehicle on its way, and what was noted so far."""

    problem: Problem
    vehicle: VehicleShift
    legs: Legs
    now: int
    here: int
    pending: list[Break]
    load: Load
    steps: list[Step] = field(default_factory=list)
    faults: dict[tuple[Rule, str | None], int] = field(default_factory=dict)

    def note(self, rule: Rule, order_id: str | None = None, excess: int = 1) -> None:
        if excess > 0:
            key = (rule, order_id)
            self.faults[key] = max(self.faults.get(key, 0), excess)

    def go(self, kind: StepKind, order: Order | None, visit: Visit) -> None:
        """Drive to `visit` and serve there, with the breaks beforehand that would be missed otherwise."""
        order_id = None if order is None else order.id
        leg, meters = (
            int(self.legs.seconds[self.here, visit.location]),
            int(self.legs.meters[self.here, visit.location]),
        )
        if leg == UNREACHABLE:
            self.note(Rule.UNREACHABLE, order_id)
            leg = meters = 0
        arrival, start = self.now + leg, self._begin(visit.windows, self.now + leg)
        done = start + visit.stay(self.vehicle.kind, self.here)
        while self.pending and done > max(w.end for w in self.pending[0].windows):
            self._pause(self.pending.pop(0))
            arrival = self.now + leg
            start = self._begin(visit.windows, arrival)
            done = start + visit.stay(self.vehicle.kind, self.here)
        late = late_seconds(order, kind, start)
        if not isinstance(order, OnBoard):
            self.note(Rule.WINDOW, order_id, late)
        if order is not None:
            self.load = self.load + order.load if kind is StepKind.PICKUP else self.load - order.load
            self.note(Rule.CAPACITY, None, excess(self.load, self.vehicle.capacity))
        self.steps.append(
            Step(kind, visit.location, arrival, start, done, leg, meters, self.load, order_id, late_seconds=late)
        )
        self.now, self.here = done, visit.location

    @staticmethod
    def _begin(windows: Sequence[Window], arrival: int) -> int:
        begin = next_open(windows, arrival)
        return arrival if begin is None else begin

    def _pause(self, pause: Break) -> None:
        """Take a break where the vehicle stands; one that comes too late is noted and left out."""
        shift = self.vehicle.window
        at = next_open([w for w in pause.windows if w.start <= shift.end], self.now)
        if at is None:
            self.note(Rule.BREAK, None, self.now - max(w.end for w in pause.windows))
            return
        done = at + pause.duration_seconds
        most = pause.max_load
        if most is not None:
            self.note(
                Rule.BREAK, None, excess(self.load.whole, Capacity(most.weight_grams, most.volume_cm3, most.items))
            )
        self.steps.append(Step(StepKind.BREAK, None, self.now, at, done, 0, 0, self.load, break_id=pause.id))
        self.now = done


def _run(problem: Problem, vehicle: VehicleShift, legs: Legs, acts: Sequence[Act], at: int) -> Timed:
    pending = [b for b in vehicle.breaks if at < min(w.start for w in b.windows) + b.duration_seconds]
    pending.sort(key=lambda b: max(w.end for w in b.windows))
    orders = {order_id: problem.order_by_id[order_id] for _, order_id in acts}
    drive = _Drive(problem, vehicle, legs, at, vehicle.start, pending, loaded_at_start(orders.values()))
    drive.steps.append(Step(StepKind.START, vehicle.start, at, at, at, 0, 0, drive.load))
    drive.note(Rule.CAPACITY, None, excess(drive.load, vehicle.capacity))
    for kind, order_id in acts:
        order = orders[order_id]
        drive.go(kind, order, visits(order)[0 if kind is StepKind.PICKUP else -1])
    if vehicle.end is not None:
        drive.go(StepKind.END, None, Visit(vehicle.end))
    _check_whole(drive, len(acts), orders.values())
    steps = tuple(drive.steps)
    faults = tuple(Fault(rule, order_id, excess) for (rule, order_id), excess in drive.faults.items())
    return Timed(Route(vehicle.id, steps, summarize_route(steps, vehicle.costs)), faults)


def _check_whole(drive: _Drive, tasks: int, orders: Iterable[Order]) -> None:
    vehicle, steps = drive.vehicle, drive.steps
    drive.note(Rule.SHIFT, None, steps[-1].departure - vehicle.window.end)
    for rule, value, limit in (
        (Rule.MAX_STOPS, tasks, vehicle.max_stops),
        (Rule.MAX_DISTANCE, sum(step.leg_meters for step in steps), vehicle.max_distance_meters),
        (Rule.MAX_DRIVING, sum(step.leg_seconds for step in steps), vehicle.max_driving_seconds),
    ):
        if limit is not None:
            drive.note(rule, None, value - limit)
    for order in orders:
        if isinstance(order, OnBoard) and order.vehicle != vehicle.id:
            drive.note(Rule.PINNED, order.id)
        for reason in demands_unmet(order, vehicle, _NOTHING):
            if reason in _RULES:
                drive.note(_RULES[reason], order.id)


# ── placing one order ───────────────────────────────────────────────────────────────────────────────────


def without(stops: Sequence[Stop], order_id: str) -> tuple[Stop, ...]:
    """The stops without an order; those that served nobody else fall away."""
    left = (tuple(act for act in stop if act[1] != order_id) for stop in stops)
    return tuple(stop for stop in left if stop)


def place(
    problem: Problem,
    vehicle: VehicleShift,
    legs: Legs,
    stops: Sequence[Stop],
    order_id: str,
    position: int | None = None,
    *,
    allowed: Callable[[tuple[Stop, ...]], bool] | None = None,
) -> tuple[Stop, ...]:
    """The stops with an order put where it breaks least and then costs least; its delivery at `position` if that is given.

    `allowed` says which sequences may come of it at all. Raises ValueError when there is none.
    """
    tried = sorted(ways_in(problem, vehicle, legs, stops, order_id, position))
    if allowed is not None:
        tried = [way for way in tried if allowed(put_into(problem, stops, order_id, *way[1:]))]
    best: tuple[Stop, ...] | None = None
    rank: tuple[int, int, int, int] | None = None
    for number, (_, before_pickup, before_delivery) in enumerate(tried[:TRIED_AT_MOST]):
        candidate = put_into(problem, stops, order_id, before_pickup, before_delivery)
        if number >= TRIED_FIRST and rank is not None and rank[0] == 0:
            break
        timed = time_stops(problem, vehicle, legs, candidate, waits=False).rank()
        if rank is None or timed < rank:
            best, rank = candidate, timed
    if best is None:
        raise ValueError(f"there is no place {position} among {len(stops)} stops")
    return best


def ways_in(
    problem: Problem, vehicle: VehicleShift, legs: Legs, stops: Sequence[Stop], order_id: str, position: int | None
) -> Iterator[tuple[int, int, int]]:
    """Every way to put the order in: the driving that it adds, the stops before its pickup (-1: none) and before its delivery."""
    order = problem.order_by_id[order_id]
    ends = [visit.location for visit in visits(order)]
    places: list[int | None] = [vehicle.start, *(_location(problem, stop) for stop in stops), vehicle.end]

    def added(slot: int, *between: int) -> int:
        here, after = places[slot], places[slot + 1]
        way = [here, *between, after]
        return sum(_leg(legs, a, b) for a, b in pairwise(way)) - _leg(legs, here, after)

    slots = range(len(stops) + 1)
    if not isinstance(order, PickupDelivery):
        yield from ((added(slot, ends[0]), -1, slot) for slot in slots if position in (None, slot))
        return
    first = [added(slot, ends[0]) for slot in slots]
    last = [added(slot, ends[1]) for slot in slots]
    for pickup, delivery in combinations_with_replacement(slots, 2):
        if position in (None, delivery + 1):
            together = added(pickup, *ends) if pickup == delivery else first[pickup] + last[delivery]
            yield together, pickup, delivery


def put_into(
    problem: Problem, stops: Sequence[Stop], order_id: str, before_pickup: int, before_delivery: int
) -> tuple[Stop, ...]:
    """The stops with an order put in so many stops before its pickup (if it has one) and before its delivery."""
    delivery: Stop = ((StepKind.DELIVERY, order_id),)
    longer = [*stops[:before_delivery], delivery, *stops[before_delivery:]]
    if isinstance(problem.order_by_id[order_id], PickupDelivery):
        longer.insert(before_pickup, ((StepKind.PICKUP, order_id),))
    return tuple(longer)


def _location(problem: Problem, stop: Stop) -> int:
    kind, order_id = stop[0]
    return visits(problem.order_by_id[order_id])[0 if kind is StepKind.PICKUP else -1].location


def _leg(legs: Legs, here: int | None, there: int | None) -> int:
    """Seconds from one place to the next; nothing after an open end, very many where there is no way."""
    if here is None or there is None:
        return 0
    seconds = int(legs.seconds[here, there])
    return NO_WAY_SECONDS if seconds == UNREACHABLE else seconds
