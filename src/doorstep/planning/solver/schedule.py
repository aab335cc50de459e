"""Timing of a given sequence of orders on one vehicle: everything as early as possible, breaks as late as they may be.

Used where we, not an engine, decide what comes next. A `Tour` is immutable, so that an order can be tried on many
vehicles: `serve` answers the longer tour, or None when a rule would break; `closed` brings the vehicle home.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from doorstep.planning.solver.problem import (
    Break,
    Capacity,
    Load,
    Order,
    PickupDelivery,
    VehicleShift,
    Visit,
    Window,
    merged,
    visits,
)
from doorstep.planning.solver.solution import (
    Route,
    Step,
    StepKind,
    late_seconds,
    loaded_at_start,
    summarize_route,
)
from doorstep.planning.solver.travel import UNREACHABLE, Legs
from doorstep.planning.solver.unassigned import next_open

Task = tuple[StepKind, Order]
"""A visit that serves an order: its PICKUP or its DELIVERY."""


@dataclass(frozen=True, slots=True)
class Tour:
    """A vehicle on its way: where it stands since when, what it has used up, and its steps (their loads are set last).

    Orders are served one after the other, so what counts for the capacity is `at_start`, the load of everything that is
    loaded before leaving, and each picked-up order beside what of that is still aboard.
    """

    vehicle: VehicleShift
    legs: Legs
    here: int
    now: int
    pending: tuple[Break, ...]
    steps: tuple[Step, ...]
    orders: tuple[Order, ...]
    at_start: Load
    driven: int = 0
    meters: int = 0


def begin(vehicle: VehicleShift, legs: Legs, at: int) -> Tour:
    """The empty tour that leaves at the time `at`; breaks that can be over by then are not pending."""
    pending = tuple(b for b in vehicle.breaks if at < min(w.start for w in b.windows) + b.duration_seconds)
    pending = tuple(sorted(pending, key=lambda b: max(w.end for w in b.windows)))
    start = Step(StepKind.START, vehicle.start, at, at, at, 0, 0, Load())
    return Tour(vehicle, legs, vehicle.start, at, pending, (start,), (), Load())


def serve(tour: Tour, order: Order) -> Tour | None:
    """The tour with `order` served next (a pickup and its delivery in one go); None when a rule would break."""
    if not _fits(tour, order):
        return None
    reached: Tour | None = tour
    kinds = (StepKind.PICKUP, StepKind.DELIVERY)[-len(visits(order)) :]
    for kind, visit in zip(kinds, visits(order), strict=True):
        reached = _go(reached, kind, order, visit)
    if reached is None:
        return None
    loaded = tour.at_start if isinstance(order, PickupDelivery) else tour.at_start + order.load
    longer = replace(reached, orders=(*tour.orders, order), at_start=loaded)
    return longer if closed(longer) is not None else None


def closed(tour: Tour) -> Tour | None:
    """The tour brought to its end, with the breaks that it still has to take; None when that breaks a rule."""
    vehicle = tour.vehicle
    done: Tour | None = tour
    if vehicle.end is not None:
        done = _go(tour, StepKind.END, None, Visit(vehicle.end))
    if done is None or done.now > vehicle.window.end:
        return None
    if vehicle.max_distance_meters is not None and done.meters > vehicle.max_distance_meters:
        return None
    if vehicle.max_driving_seconds is not None and done.driven > vehicle.max_driving_seconds:
        return None
    return done if _breaks_hold(done) else None


def _breaks_hold(tour: Tour) -> bool:
    """Whether the load limits of its breaks hold, counted as if everything were aboard from start to end: too strict
    rather than too generous."""
    taken = {step.break_id for step in tour.steps if step.break_id is not None}
    limits = [pause.max_load for pause in tour.vehicle.breaks if pause.id in taken and pause.max_load is not None]
    if not limits:
        return True
    load = tour.at_start
    for order in tour.orders:
        load = load + order.load if isinstance(order, PickupDelivery) else load
    return all(Capacity(most.weight_grams, most.volume_cm3, most.items).holds(load) for most in limits)


def route_of(vehicle: VehicleShift, legs: Legs, orders: Sequence[Order]) -> Route | None:
    """The route that serves `orders` in this sequence, leaving as late as it can without ending later."""
    return _timed(vehicle, lambda at: _run(vehicle, legs, orders, at))


def route_through(vehicle: VehicleShift, legs: Legs, tasks: Sequence[Task]) -> Route | None:
    """The same for a sequence of single visits. What the vehicle can carry is not looked at: `verify` does."""
    return _timed(vehicle, lambda at: _work(vehicle, legs, tasks, at))


def _timed(vehicle: VehicleShift, journey: Callable[[int], Tour | None]) -> Route | None:
    earliest = journey(vehicle.window.start)
    if earliest is None:
        return None
    best = journey(_latest_start(earliest))
    if best is None or best.now > earliest.now:  # a later start moved a break
        best = _as_late_as_possible(earliest, journey)
    steps = _with_loads(best)
    return Route(vehicle.id, steps, summarize_route(steps, vehicle.costs))


def _latest_start(earliest: Tour) -> int:
    """When the tour could have left and still end when it does, each step in the window that it has now."""
    by_id = {order.id: order for order in earliest.orders}
    pauses = {pause.id: pause.windows for pause in earliest.vehicle.breaks}
    latest, leg = earliest.now, 0
    for step in reversed(earliest.steps):
        latest -= leg + step.service_seconds
        windows: tuple[Window, ...] = ()
        if step.break_id is not None:
            windows = pauses[step.break_id]
        elif step.order_id is not None:
            windows = visits(by_id[step.order_id])[0 if step.kind is StepKind.PICKUP else -1].windows
        latest = min([latest, *(w.end for w in windows if w.start <= step.service_start <= w.end)])
        leg = step.leg_seconds
    return latest


def _as_late_as_possible(earliest: Tour, journey: Callable[[int], Tour | None]) -> Tour:
    best, low, high = earliest, 0, sum(step.waiting_seconds for step in earliest.steps)
    while low < high:
        delay = (low + high + 1) // 2
        later = journey(earliest.vehicle.window.start + delay)
        if later is not None and later.now <= earliest.now:
            best, low = later, delay
        else:
            high = delay - 1
    return best


def _run(vehicle: VehicleShift, legs: Legs, orders: Sequence[Order], at: int) -> Tour | None:
    tour: Tour | None = begin(vehicle, legs, at)
    for order in orders:
        tour = serve(tour, order) if tour is not None else None
    return closed(tour) if tour is not None else None


def _work(vehicle: VehicleShift, legs: Legs, tasks: Sequence[Task], at: int) -> Tour | None:
    orders = tuple({order.id: order for _, order in tasks}.values())
    tour: Tour | None = replace(begin(vehicle, legs, at), orders=orders, at_start=loaded_at_start(orders))
    for kind, order in tasks:
        tour = _go(tour, kind, order, visits(order)[0 if kind is StepKind.PICKUP else -1])
    return closed(tour) if tour is not None else None


def _fits(tour: Tour, order: Order) -> bool:
    """Whether capacity and the limit on stops leave room. What is loaded at the start is counted as if all of it were
    aboard until the end, which is exact for the greedy's own sequence of depot-loaded orders and never too generous."""
    limit = tour.vehicle.max_stops
    tasks = sum(len(visits(served)) for served in tour.orders) + len(visits(order))
    if limit is not None and tasks > limit:
        return False
    if isinstance(order, PickupDelivery):
        return tour.vehicle.capacity.holds(tour.at_start + order.load)
    largest = [tour.at_start + order.load]
    largest += [largest[0] + served.load for served in tour.orders if isinstance(served, PickupDelivery)]
    return all(tour.vehicle.capacity.holds(load) for load in largest)


def _go(tour: Tour | None, kind: StepKind, order: Order | None, visit: Visit) -> Tour | None:
    """Drive to `visit` and serve there, taking breaks beforehand that would be missed otherwise."""
    if tour is None:
        return None
    leg = int(tour.legs.seconds[tour.here, visit.location])
    arrival = tour.now + leg
    start = next_open(visit.windows, arrival)
    if leg == UNREACHABLE or start is None:
        return None
    done = start + visit.stay(tour.vehicle.kind, tour.here)
    if tour.pending and done > max(w.end for w in tour.pending[0].windows):
        return _go(_pause(tour), kind, order, visit)
    meters = int(tour.legs.meters[tour.here, visit.location])
    order_id = None if order is None else order.id
    late = late_seconds(order, kind, start)
    step = Step(kind, visit.location, arrival, start, done, leg, meters, Load(), order_id, late_seconds=late)
    return replace(
        tour,
        here=visit.location,
        now=done,
        steps=(*tour.steps, step),
        driven=tour.driven + leg,
        meters=tour.meters + meters,
    )


def _pause(tour: Tour) -> Tour | None:
    """Take the most urgent break where the vehicle stands; None when it is too late for it."""
    pause = tour.pending[0]
    at = next_open(_inside_shift(pause, tour.vehicle.window), tour.now)
    if at is None:
        return None
    done = at + pause.duration_seconds
    step = Step(StepKind.BREAK, None, tour.now, at, done, 0, 0, Load(), break_id=pause.id)
    return replace(tour, now=done, pending=tour.pending[1:], steps=(*tour.steps, step))


def _inside_shift(pause: Break, shift: Window) -> tuple[Window, ...]:
    return merged(w for w in pause.windows if w.start <= shift.end)


def _with_loads(tour: Tour) -> tuple[Step, ...]:
    load = loaded_at_start(tour.orders)
    by_id = {order.id: order for order in tour.orders}
    steps: list[Step] = []
    for step in tour.steps:
        if step.order_id is not None:
            order = by_id[step.order_id]
            load = load + order.load if step.kind is StepKind.PICKUP else load - order.load
        steps.append(replace(step, load_after=load))
    return tuple(steps)
