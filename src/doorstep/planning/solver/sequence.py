"""Timing of any given sequence of acts on one vehicle: is it feasible, and when is what.

Where `schedule` builds a tour order by order, this answers for a whole sequence in which pickups and deliveries may lie
apart: a plan's own routes with one order put in, taken out or moved. Everything happens as early as possible; the start is
then put off as far as the end allows. Breaks that the sequence names stay where they are; the others are taken as late as
they may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from doorstep.planning.solver.problem import Break, Load, Order, PickupDelivery, VehicleShift, Visit, visits
from doorstep.planning.solver.solution import (
    Route,
    Step,
    StepKind,
    late_seconds,
    loaded_at_start,
    needed,
    summarize_route,
)
from doorstep.planning.solver.travel import UNREACHABLE, Legs
from doorstep.planning.solver.unassigned import next_open


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a vehicle does: PICKUP or DELIVERY of an order, or a BREAK of the vehicle's."""

    kind: StepKind
    order: Order | None = None
    pause: Break | None = None

    @property
    def visit(self) -> Visit:
        """Where and how long; only of an order's act."""
        if self.order is None:
            raise ValueError("a break has no place")
        return visits(self.order)[0 if self.kind is StepKind.PICKUP else -1]


Acts = tuple[Act, ...]


def acts_of(order: Order) -> Acts:
    """What an order asks for, in sequence."""
    delivery = Act(StepKind.DELIVERY, order)
    return (Act(StepKind.PICKUP, order), delivery) if isinstance(order, PickupDelivery) else (delivery,)


def acts_of_route(route: Route, vehicle: VehicleShift, orders: dict[str, Order]) -> Acts:
    """The sequence of a route that an engine found."""
    pauses = {pause.id: pause for pause in vehicle.breaks}
    acts: list[Act] = []
    for step in route.steps:
        if step.kind is StepKind.BREAK and step.break_id is not None:
            acts.append(Act(StepKind.BREAK, pause=pauses[step.break_id]))
        elif step.order_id is not None:
            acts.append(Act(step.kind, orders[step.order_id]))
    return tuple(acts)


def orders_of(acts: Acts) -> tuple[Order, ...]:
    """The orders of a sequence, each once."""
    return tuple({act.order.id: act.order for act in acts if act.order is not None}.values())


def without(acts: Acts, order_id: str) -> Acts:
    """The sequence without an order."""
    return tuple(act for act in acts if act.order is None or act.order.id != order_id)


def timed(vehicle: VehicleShift, legs: Legs, acts: Acts) -> Route | None:
    """The route of this sequence, or None when a rule of times, loads or limits would break.

    Demands (skills, vehicle kind, depot) are not asked about: see `unassigned.demands_unmet`.
    """
    if not any(act.order for act in acts) or not _loads_hold(vehicle, acts):
        return None
    found = _timed(vehicle, legs, acts)
    if found is None and vehicle.breaks:
        found = _timed(vehicle, legs, tuple(act for act in acts if act.order is not None))
    return found


def fits(vehicle: VehicleShift, legs: Legs, acts: Acts) -> bool:
    """Whether the sequence is feasible, for less than `timed` costs."""
    if not _loads_hold(vehicle, acts):
        return False
    bare = tuple(act for act in acts if act.order is not None)
    begin = vehicle.window.start
    return _walk(vehicle, legs, acts, begin) is not None or (
        bool(vehicle.breaks) and _walk(vehicle, legs, bare, begin) is not None
    )


def _timed(vehicle: VehicleShift, legs: Legs, acts: Acts) -> Route | None:
    best = _walk(vehicle, legs, acts, vehicle.window.start)
    if best is None:
        return None
    end = best[-1].departure
    low, high = 0, sum(step.waiting_seconds for step in best)
    while low < high:
        delay = (low + high + 1) // 2
        later = _walk(vehicle, legs, acts, vehicle.window.start + delay)
        if later is not None and later[-1].departure <= end:
            best, low = later, delay
        else:
            high = delay - 1
    steps = _loaded(acts, best)
    return Route(vehicle.id, steps, summarize_route(steps, vehicle.costs))


def _walk(vehicle: VehicleShift, legs: Legs, acts: Acts, at: int) -> list[Step] | None:
    """The steps when the vehicle leaves at the time `at`, without loads."""
    named = {act.pause.id for act in acts if act.pause is not None}
    open_breaks = [b for b in vehicle.breaks if b.id not in named and at < _first(b) + b.duration_seconds]
    walk = _Walk(vehicle, legs, vehicle.start, at, sorted(open_breaks, key=_last), [])
    walk.steps.append(Step(StepKind.START, vehicle.start, at, at, at, 0, 0, Load()))
    for act in acts:
        done = walk.rest(act.pause) if act.pause is not None else walk.go(act.kind, act.order, act.visit)
        if not done:
            return None
    if vehicle.end is not None and not walk.go(StepKind.END, None, Visit(vehicle.end)):
        return None
    return walk.steps if walk.within_limits() and not _left_out(vehicle, walk.steps) else None


@dataclass(slots=True)
class _Walk:
    vehicle: VehicleShift
    legs: Legs
    here: int
    now: int
    pending: list[Break]
    steps: list[Step]
    driven: int = 0
    meters: int = 0

    def go(self, kind: StepKind, order: Order | None, visit: Visit) -> bool:
        while True:
            leg = int(self.legs.seconds[self.here, visit.location])
            start = next_open(visit.windows, self.now + leg)
            if leg == UNREACHABLE or start is None:
                return False
            done = start + visit.service_seconds
            if not self.pending or done <= _last(self.pending[0]):
                break
            if not self.rest(self.pending.pop(0)):
                return False
        meters = int(self.legs.meters[self.here, visit.location])
        late = late_seconds(order, start)
        name = None if order is None else order.id
        arrival = self.now + leg
        self.steps.append(
            Step(kind, visit.location, arrival, start, done, leg, meters, Load(), name, late_seconds=late)
        )
        self.here, self.now = visit.location, done
        self.driven += leg
        self.meters += meters
        return True

    def rest(self, pause: Break) -> bool:
        at = next_open(pause.windows, self.now)
        if at is None or at > self.vehicle.window.end:
            return False
        done = at + pause.duration_seconds
        self.steps.append(Step(StepKind.BREAK, None, self.now, at, done, 0, 0, Load(), break_id=pause.id))
        self.now = done
        return True

    def within_limits(self) -> bool:
        vehicle = self.vehicle
        return (
            self.now <= vehicle.window.end
            and (vehicle.max_distance_meters is None or self.meters <= vehicle.max_distance_meters)
            and (vehicle.max_driving_seconds is None or self.driven <= vehicle.max_driving_seconds)
        )


def _first(pause: Break) -> int:
    return min(w.start for w in pause.windows)


def _last(pause: Break) -> int:
    return max(w.end for w in pause.windows)


def _left_out(vehicle: VehicleShift, steps: Sequence[Step]) -> bool:
    taken = {step.break_id for step in steps}
    return any(b.id not in taken and needed(b, steps[0].departure, steps[-1].arrival) for b in vehicle.breaks)


def _loads_hold(vehicle: VehicleShift, acts: Acts) -> bool:
    tasks = [act for act in acts if act.order is not None]
    if vehicle.max_stops is not None and len(tasks) > vehicle.max_stops:
        return False
    return all(vehicle.capacity.holds(load) for load in loads(acts))


def loads(acts: Acts) -> list[Load]:
    """What lies in the vehicle at the start and after each act."""
    load = loaded_at_start(act.order for act in acts if act.order is not None)
    result = [load]
    for act in acts:
        if act.order is not None:
            load = load + act.order.load if act.kind is StepKind.PICKUP else load - act.order.load
        result.append(load)
    return result


def _loaded(acts: Acts, steps: Sequence[Step]) -> tuple[Step, ...]:
    orders = {act.order.id: act.order for act in acts if act.order is not None}
    load = loaded_at_start(orders.values())
    result: list[Step] = []
    for step in steps:
        if step.order_id is not None:
            order = orders[step.order_id]
            load = load + order.load if step.kind is StepKind.PICKUP else load - order.load
        result.append(replace(step, load_after=load))
    return tuple(result)
