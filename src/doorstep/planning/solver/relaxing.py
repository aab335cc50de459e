"""What would have to give so that an order finds a place: rules lifted, measured, and given back but for what is needed.

The size of a relaxation is the share that is added to what is there: 12 minutes on a window of an hour are 0.2, 3 kg on 30 kg
0.1; a skill, a vehicle kind or a depot counts as 1. Shares of several changes add up. So minutes and kilograms can be held
against each other, and the smallest relaxation is the one that asks for least.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from doorstep.planning.solver.problem import (
    MAX_LOAD,
    MAX_TIME,
    Capacity,
    Delivery,
    OnBoard,
    Order,
    PickupDelivery,
    VehicleShift,
    Visit,
    Window,
    visits,
)
from doorstep.planning.solver.sequence import Acts, loads
from doorstep.planning.solver.solution import Route, StepKind

MINUTE = 60
DIMENSIONS = ("weight_grams", "volume_cm3", "items")
Windows = tuple[Window, ...]


class Lever(StrEnum):
    """What can give."""

    WINDOW = "WINDOW"
    PICKUP_WINDOW = "PICKUP_WINDOW"
    WEIGHT = "WEIGHT"
    VOLUME = "VOLUME"
    ITEMS = "ITEMS"
    SKILL = "SKILL"
    VEHICLE_KIND = "VEHICLE_KIND"
    DEPOT = "DEPOT"
    SHIFT = "SHIFT"
    STOPS = "STOPS"
    DISTANCE = "DISTANCE"
    DRIVING = "DRIVING"


LOAD_LEVERS = dict(zip(DIMENSIONS, (Lever.WEIGHT, Lever.VOLUME, Lever.ITEMS), strict=True))


@dataclass(frozen=True, slots=True)
class Change:
    """One rule that gives: by `amount` (seconds, grams, cm³, items, stops, metres; how many skills; 1 for kind and depot).

    A window opens earlier when `earlier`, else closes later, counted from `window`. `skills` are those to be had.
    """

    lever: Lever
    amount: int
    share: float
    window: Window | None = None
    earlier: bool = False
    skills: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lifted:
    """The order and the vehicle with rules lifted."""

    order: Order
    vehicle: VehicleShift


def lifted(order: Order, vehicle: VehicleShift) -> tuple[Lifted, ...]:
    """Ways to lift the rules, the narrowest first: the windows as they are, left late, entered early. All else is lifted."""
    free = unlimited(vehicle, order)
    return tuple(Lifted(one, free) for one in _with_open_windows(without_demands(order, vehicle)))


def unlimited(vehicle: VehicleShift, order: Order) -> VehicleShift:
    """The vehicle without limits, with what the order demands of it, and a shift that may end up to a day later."""
    return replace(
        vehicle,
        window=Window(vehicle.window.start, vehicle.window.end + 86_400),
        capacity=Capacity(),
        skills=vehicle.skills | _demanded(order),
        max_stops=None,
        max_distance_meters=None,
        max_driving_seconds=None,
    )


def without_demands(order: Order, vehicle: VehicleShift) -> Order:
    """The order without demands on kind and depot that this vehicle does not meet."""
    if isinstance(order, OnBoard):
        return order
    if order.vehicle_kinds and vehicle.kind not in order.vehicle_kinds:
        order = replace(order, vehicle_kinds=frozenset())
    if isinstance(order, Delivery) and order.depot not in (None, vehicle.start):
        order = replace(order, depot=None)
    return order


def _demanded(order: Order) -> frozenset[str]:
    return frozenset() if isinstance(order, OnBoard) else order.skills


def _with_open_windows(order: Order) -> list[Order]:
    ends = visits(order)
    found = [order]
    for number in range(len(ends)):
        found += [with_windows(order, number, windows) for windows in _opened(ends[number].windows)]
    if len(ends) > 1 and ends[0].windows and ends[1].windows:
        both = with_windows(order, 0, _opened(ends[0].windows)[0])
        found.append(with_windows(both, 1, _opened(ends[1].windows)[0]))
    return found


def _opened(windows: Windows) -> list[Windows]:
    if not windows:
        return []
    late = [(Window(window.start, MAX_TIME),) for window in windows[:3]]
    early = [(Window(-MAX_TIME, window.end),) for window in windows[:3]]
    return [*late, *early]


def with_windows(order: Order, end: int, windows: Windows) -> Order:
    """The order with other windows at one of its ends."""
    if isinstance(order, PickupDelivery):
        name = "pickup" if end == 0 else "delivery"
        visit: Visit = getattr(order, name)
        changed = replace(visit, windows=windows)
        return replace(order, pickup=changed) if end == 0 else replace(order, delivery=changed)
    return replace(order, windows=windows)


# -- measuring ---------------------------------------------------------------------------------------------------------


def changes_for(order: Order, vehicle: VehicleShift, acts: Acts, route: Route) -> tuple[Change, ...]:
    """What `order` and `vehicle` as they are would have to give for `route`, which was timed with rules lifted."""
    return (
        *demands(order, vehicle),
        *_load_changes(vehicle, acts),
        *_window_changes(order, route),
        *vehicle_changes(vehicle, route),
    )


def demands(order: Order, vehicle: VehicleShift) -> tuple[Change, ...]:
    """The demands that this vehicle does not meet."""
    if isinstance(order, OnBoard):
        return ()
    missing = order.skills - vehicle.skills
    found = [Change(Lever.SKILL, len(missing), float(len(missing)), skills=missing)] if missing else []
    if order.vehicle_kinds and vehicle.kind not in order.vehicle_kinds:
        found.append(Change(Lever.VEHICLE_KIND, 1, 1.0))
    if isinstance(order, Delivery) and order.depot not in (None, vehicle.start):
        found.append(Change(Lever.DEPOT, 1, 1.0))
    return tuple(found)


def _load_changes(vehicle: VehicleShift, acts: Acts) -> Iterable[Change]:
    aboard = loads(acts)
    for dimension, lever in LOAD_LEVERS.items():
        limit = getattr(vehicle.capacity, dimension)
        most = max(getattr(load, dimension) for load in aboard)
        if limit is not None and most > limit:
            yield Change(lever, most - limit, (most - limit) / max(1, limit))


def vehicle_changes(vehicle: VehicleShift, route: Route) -> Iterable[Change]:
    """What of shift and limits the route exceeds."""
    over = route.steps[-1].departure - vehicle.window.end
    length = vehicle.window.end - vehicle.window.start
    if over > 0:
        yield Change(Lever.SHIFT, _up(over, MINUTE), _up(over, MINUTE) / length)
    summary = route.summary
    for lever, limit, used, step in (
        (Lever.STOPS, vehicle.max_stops, summary.tasks, 1),
        (Lever.DISTANCE, vehicle.max_distance_meters, summary.distance_meters, 100),
        (Lever.DRIVING, vehicle.max_driving_seconds, summary.driving_seconds, MINUTE),
    ):
        if limit is not None and used > limit:
            more = _up(used - limit, step)
            yield Change(lever, more, more / max(1, limit))


def _window_changes(order: Order, route: Route) -> Iterable[Change]:
    ends = visits(order)
    for step in route.steps:
        if step.order_id != order.id:
            continue
        number = 0 if step.kind is StepKind.PICKUP else len(ends) - 1
        lever = Lever.PICKUP_WINDOW if step.kind is StepKind.PICKUP else Lever.WINDOW
        change = _window_change(lever, ends[number].windows, step.service_start)
        if change is not None:
            yield change


def _window_change(lever: Lever, windows: Windows, moment: int) -> Change | None:
    if not windows or any(w.start <= moment <= w.end for w in windows):
        return None
    nearest = min(windows, key=lambda w: w.start - moment if moment < w.start else moment - w.end)
    earlier = moment < nearest.start
    amount = _up(nearest.start - moment if earlier else moment - nearest.end, MINUTE)
    return Change(lever, amount, amount / max(MINUTE, nearest.end - nearest.start), nearest, earlier)


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


# -- applying ----------------------------------------------------------------------------------------------------------


def relaxed(order: Order, vehicle: VehicleShift, changes: Sequence[Change]) -> Lifted:
    """The order and the vehicle with just these changes."""
    for change in changes:
        order, vehicle = _relax(order, vehicle, change)
    return Lifted(order, vehicle)


def _relax(order: Order, vehicle: VehicleShift, change: Change) -> tuple[Order, VehicleShift]:
    match change.lever:
        case Lever.WINDOW | Lever.PICKUP_WINDOW:
            return _with_wider(order, change), vehicle
        case Lever.VEHICLE_KIND | Lever.DEPOT:
            return without_demands(order, vehicle), vehicle
        case Lever.SKILL:
            return order, replace(vehicle, skills=vehicle.skills | change.skills)
        case Lever.SHIFT:
            window = Window(vehicle.window.start, vehicle.window.end + change.amount)
            return order, replace(vehicle, window=window)
        case Lever.WEIGHT | Lever.VOLUME | Lever.ITEMS:
            return order, replace(vehicle, capacity=_larger(vehicle.capacity, change))
        case Lever.STOPS:
            return order, replace(vehicle, max_stops=(vehicle.max_stops or 0) + change.amount)
        case Lever.DISTANCE:
            return order, replace(vehicle, max_distance_meters=(vehicle.max_distance_meters or 0) + change.amount)
        case Lever.DRIVING:
            return order, replace(vehicle, max_driving_seconds=(vehicle.max_driving_seconds or 0) + change.amount)


def _with_wider(order: Order, change: Change) -> Order:
    end = 0 if change.lever is Lever.PICKUP_WINDOW else len(visits(order)) - 1
    old = change.window
    if old is None:
        return order
    new = Window(old.start - change.amount, old.end) if change.earlier else Window(old.start, old.end + change.amount)
    return with_windows(order, end, tuple(new if window == old else window for window in visits(order)[end].windows))


def _larger(capacity: Capacity, change: Change) -> Capacity:
    dimension = next(name for name, lever in LOAD_LEVERS.items() if lever is change.lever)
    limit = min(MAX_LOAD, (getattr(capacity, dimension) or 0) + change.amount)
    return replace(capacity, **{dimension: limit})


def share_of(changes: Iterable[Change]) -> float:
    """The size of all changes together."""
    return sum(change.share for change in changes)
