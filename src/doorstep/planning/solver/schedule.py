"""Timing of a given sequence on one vehicle: everything as early as possible, breaks as late as they may be.

Used where we, not an engine, decide what comes next. A `Tour` is immutable, so that an order can be tried on many
vehicles: `serve` answers the longer tour, or None when a rule would break; `closed` brings the vehicle home. `timed`
answers for a whole sequence, in which pickups and deliveries may lie apart and breaks may have their place already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.problem import Break, Order, PickupDelivery, VehicleShift, Visit, Window, merged, visits
from doorstep.planning.solver.sequence import Act, Acts, acts_of, carried, loads, orders_of, reload_of, tasks_of
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


def reloaded(tour: Tour) -> Tour | None:
    """The vehicle back at its start with the next tour to be loaded; None where it may not or need not.

    Nor does one that rests only with little aboard: what counts for that (see `_breaks_hold`) is the present tour alone.
    """
    vehicle = tour.vehicle
    tours = 1 + sum(step.kind is StepKind.RELOAD for step in tour.steps)
    limited = any(pause.max_load is not None for pause in vehicle.breaks)
    if tours >= vehicle.max_tours or limited or tour.at_start == Load():
        return None
    back = _go(tour, StepKind.RELOAD, None, reload_of(vehicle).visit)
    return None if back is None else replace(back, at_start=Load())


def closed(tour: Tour) -> Tour | None:
    """The tour brought to its end, with the breaks that it still has to take; None when that breaks a rule."""
    done = _home(tour)
    return done if done is not None and _breaks_hold(done) else None


def _home(tour: Tour) -> Tour | None:
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
    return done


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
    return all(_as_capacity(most).holds(load.whole) for most in limits)


def route_of(vehicle: VehicleShift, legs: Legs, orders: Sequence[Order]) -> Route | None:
    """The route that serves `orders` one after the other, leaving as late as it can without ending later."""
    return timed(vehicle, legs, tuple(act for order in orders for act in acts_of(order)))


def timed(vehicle: VehicleShift, legs: Legs, acts: Acts) -> Route | None:
    """The route of this sequence, leaving as late as it can without ending later; None when a rule of times, loads or
    limits would break.

    Breaks that the sequence names stay where they are if they can. Demands (skills, vehicle kind, depot) are not asked
    about: see `unassigned.demands_unmet`.
    """
    tasks = tasks_of(acts)
    if not tasks or not _loads_hold(vehicle, tasks):
        return None
    route = _timed(vehicle, legs, acts)
    return _timed(vehicle, legs, tasks) if route is None and len(tasks) < len(acts) else route


def route_through(vehicle: VehicleShift, legs: Legs, tasks: Sequence[Task]) -> Route | None:
    """`timed` for single visits. What the vehicle can carry is not looked at: `verify` does."""
    return _timed(vehicle, legs, tuple(Act(kind, order) for kind, order in tasks))


def earliest(vehicle: VehicleShift, legs: Legs, acts: Acts, at: int | None = None) -> Tour | None:
    """The sequence begun when the shift begins (or at the time `at`), each act as early as it can be; its loads are
    not looked at. None when a time or a limit would break."""
    named = {act.pause.id for act in acts if act.pause is not None}
    tour: Tour | None = begin(vehicle, legs, vehicle.window.start if at is None else at)
    if tour is not None and named:
        tour = replace(tour, pending=tuple(pause for pause in tour.pending if pause.id not in named))
    for act in acts:
        if tour is None:
            return None
        tour = _go(tour, act.kind, act.order, act.visit) if act.pause is None else _rest(tour, act.pause)
    done = _home(tour) if tour is not None else None
    orders = orders_of(acts)
    return replace(done, orders=orders, at_start=loaded_at_start(orders)) if done is not None else None


def _timed(vehicle: VehicleShift, legs: Legs, acts: Acts) -> Route | None:
    first = earliest(vehicle, legs, acts)
    if first is None:
        return None
    best = earliest(vehicle, legs, acts, _latest_start(first))
    if best is None or best.now > first.now:  # a later start moved a break
        best = _as_late_as_possible(first, acts)
    steps = _with_loads(best)
    if not _breaks_allowed(vehicle, steps):
        return None
    return Route(vehicle.id, steps, summarize_route(steps, vehicle.costs))


def _loads_hold(vehicle: VehicleShift, tasks: Acts) -> bool:
    if vehicle.max_stops is not None and sum(act.order is not None for act in tasks) > vehicle.max_stops:
        return False
    if sum(act.kind is StepKind.RELOAD for act in tasks) >= vehicle.max_tours:
        return False
    return all(vehicle.capacity.holds(load) for load in loads(tasks))


def _breaks_allowed(vehicle: VehicleShift, steps: Sequence[Step]) -> bool:
    """Whether the vehicle carries no more in its breaks than it may."""
    limits = {pause.id: _as_capacity(pause.max_load) for pause in vehicle.breaks if pause.max_load is not None}
    return all(limits[step.break_id].holds(step.load_after.whole) for step in steps if step.break_id in limits)


def _as_capacity(most: Load) -> Capacity:
    return Capacity(most.weight_grams, most.volume_cm3, most.items)


def _latest_start(first: Tour) -> int:
    """When the tour could have left and still end when it does, each step in the window that it has now."""
    by_id = {order.id: order for order in first.orders}
    pauses = {pause.id: pause.windows for pause in first.vehicle.breaks}
    latest, leg = first.now, 0
    for step in reversed(first.steps):
        latest -= leg + step.service_seconds
        windows: tuple[Window, ...] = ()
        if step.break_id is not None:
            windows = pauses[step.break_id]
        elif step.order_id is not None:
            windows = visits(by_id[step.order_id])[0 if step.kind is StepKind.PICKUP else -1].windows
        latest = min([latest, *(w.end for w in windows if w.start <= step.service_start <= w.end)])
        leg = step.leg_seconds
    return latest


def _as_late_as_possible(first: Tour, acts: Acts) -> Tour:
    vehicle, legs = first.vehicle, first.legs
    best, low, high = first, 0, sum(step.waiting_seconds for step in first.steps)
    while low < high:
        delay = (low + high + 1) // 2
        later = earliest(vehicle, legs, acts, vehicle.window.start + delay)
        if later is not None and later.now <= first.now:
            best, low = later, delay
        else:
            high = delay - 1
    return best


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
        rested = _rest(replace(tour, pending=tour.pending[1:]), tour.pending[0])
        return _go(rested, kind, order, visit)
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


def _rest(tour: Tour, pause: Break) -> Tour | None:
    """Take a break where the vehicle stands; None when it is too late for it."""
    at = next_open(_inside_shift(pause, tour.vehicle.window), tour.now)
    if at is None:
        return None
    done = at + pause.duration_seconds
    step = Step(StepKind.BREAK, None, tour.now, at, done, 0, 0, Load(), break_id=pause.id)
    return replace(tour, now=done, steps=(*tour.steps, step))


def _inside_shift(pause: Break, shift: Window) -> tuple[Window, ...]:
    return merged(w for w in pause.windows if w.start <= shift.end)


def _with_loads(tour: Tour) -> tuple[Step, ...]:
    by_id = {order.id: order for order in tour.orders}
    done = [(step.kind, None if step.order_id is None else by_id[step.order_id]) for step in tour.steps]
    return tuple(replace(step, load_after=load) for step, load in zip(tour.steps, carried(done)[1:], strict=True))
