"""What can give so that an order finds a place, by how much, and the problem with just that.

The size of a relaxation is the share that is added to what is there: 12 minutes on a window of an hour are 0.2, 3 kg on
30 kg 0.1; a skill, a vehicle kind, a depot or a pin counts as 1. Shares of several changes add up. So minutes and
kilograms can be held against each other, and the smallest relaxation is the one that asks for least.

Amounts of time are whole minutes, of distance whole hundreds of metres; what would do with less is rounded up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from doorstep.planning.solver.load import AMOUNTS, WHOLE, Capacity, Load, amount, dimensions, limit
from doorstep.planning.solver.problem import (
    Delivery,
    OnBoard,
    Order,
    PickupDelivery,
    VehicleShift,
    Visit,
    Window,
    visits,
)

MINUTE = 60
METERS = 100
DAY = 86_400
"""No shift ends more than so much later."""


class Lever(StrEnum):
    """What can give."""

    WINDOW = "WINDOW"
    PICKUP_WINDOW = "PICKUP_WINDOW"
    WEIGHT = "WEIGHT"
    VOLUME = "VOLUME"
    ITEMS = "ITEMS"
    COMPARTMENT = "COMPARTMENT"
    SKILL = "SKILL"
    VEHICLE_KIND = "VEHICLE_KIND"
    DEPOT = "DEPOT"
    PIN = "PIN"
    SHIFT = "SHIFT"
    STOPS = "STOPS"
    DISTANCE = "DISTANCE"
    DRIVING = "DRIVING"


LOAD_LEVERS = dict(zip(AMOUNTS, (Lever.WEIGHT, Lever.VOLUME, Lever.ITEMS), strict=True))
WINDOW_LEVERS = (Lever.PICKUP_WINDOW, Lever.WINDOW)
TIME_LEVERS = frozenset({*WINDOW_LEVERS, Lever.SHIFT})
"""What gives by waiting or hurrying; the others follow from the sequence alone."""


@dataclass(frozen=True, slots=True)
class Change:
    """One rule that gives: by `amount` (seconds, grams, cm³, items, stops, metres; how many skills; 1 for kind, depot, pin,
    compartment).

    A window opens earlier when `earlier`, else closes later, counted from `window`. `skills` are those to be had,
    `compartment` is the one to be had, or in which more has to fit (None: in the whole vehicle).
    """

    lever: Lever
    amount: int
    share: float
    window: Window | None = None
    earlier: bool = False
    skills: frozenset[str] = frozenset()
    compartment: str | None = None

    @property
    def widened(self) -> Window | None:
        """The window as it would have to be."""
        if self.window is None:
            return None
        if self.earlier:
            return Window(self.window.start - self.amount, self.window.end)
        return Window(self.window.start, self.window.end + self.amount)


Changes = tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Relaxed:
    """The order and the vehicle after some changes."""

    order: Order
    vehicle: VehicleShift


def share_of(changes: Iterable[Change]) -> float:
    """The size of all changes together."""
    return sum(change.share for change in changes)


def levers_of(changes: Iterable[Change]) -> frozenset[Lever]:
    """What gives in them."""
    return frozenset(change.lever for change in changes)


def rounded_up(value: int, step: int) -> int:
    """The first multiple of `step` that is not less."""
    return -(-value // step) * step


# -- what is needed ----------------------------------------------------------------------------------------------------


def unmet_demands(order: Order, vehicle: VehicleShift) -> Changes:
    """What of the order's demands this vehicle does not meet."""
    if isinstance(order, OnBoard):
        return ()
    missing = order.skills - vehicle.skills
    found = [Change(Lever.SKILL, len(missing), float(len(missing)), skills=missing)] if missing else []
    lacked = sorted(vehicle.capacity.lacks(order.load))
    found += [Change(Lever.COMPARTMENT, 1, 1.0, compartment=name) for name in lacked]
    if order.vehicle_kinds and vehicle.kind not in order.vehicle_kinds:
        found.append(Change(Lever.VEHICLE_KIND, 1, 1.0))
    if isinstance(order, Delivery) and order.depot not in (None, vehicle.start):
        found.append(Change(Lever.DEPOT, 1, 1.0))
    if order.vehicles and vehicle.id not in order.vehicles:
        found.append(Change(Lever.PIN, 1, 1.0))
    return tuple(found)


def more_capacity(vehicle: VehicleShift, most: Load) -> Changes:
    """What the vehicle would have to hold more, to carry `most` at its fullest; a compartment that it has not at all is a
    demand (see `unmet_demands`)."""
    if vehicle.capacity.holds(most):
        return ()
    lacked = vehicle.capacity.lacks(most)
    found = []
    for dimension in dimensions([most]) if most.compartments else WHOLE:
        room, needed = limit(vehicle.capacity, dimension), amount(most, dimension)
        if room is not None and needed > room and dimension[0] not in lacked:
            found.append(replace(_beyond(LOAD_LEVERS[dimension[1]], needed, room, 1), compartment=dimension[0]))
    return tuple(found)


def longer_limits(vehicle: VehicleShift, tasks: int, meters: int, driven: int) -> Changes:
    """What of the vehicle's limits a route of so many tasks, metres and seconds at the wheel would exceed."""
    pairs = (
        (Lever.STOPS, vehicle.max_stops, tasks, 1),
        (Lever.DISTANCE, vehicle.max_distance_meters, meters, METERS),
        (Lever.DRIVING, vehicle.max_driving_seconds, driven, MINUTE),
    )
    return tuple(
        _beyond(lever, used, most, step) for lever, most, used, step in pairs if most is not None and used > most
    )


def _beyond(lever: Lever, used: int, most: int, step: int) -> Change:
    more = rounded_up(used - most, step)
    return Change(lever, more, more / max(1, most))


def wider_window(lever: Lever, window: Window, seconds: int, *, earlier: bool = False) -> Change:
    """The window longer by at least so many seconds."""
    amount = rounded_up(max(1, seconds), MINUTE)
    return Change(lever, amount, amount / max(MINUTE, window.end - window.start), window, earlier)


def later_end(vehicle: VehicleShift, seconds: int) -> Change:
    """The shift longer by at least so many seconds."""
    amount = rounded_up(max(1, seconds), MINUTE)
    return Change(Lever.SHIFT, amount, amount / (vehicle.window.end - vehicle.window.start))


# -- applying ----------------------------------------------------------------------------------------------------------


def relaxed(order: Order, vehicle: VehicleShift, changes: Sequence[Change]) -> Relaxed:
    """The order and the vehicle with just these changes."""
    for change in changes:
        order, vehicle = _relax(order, vehicle, change)
    return Relaxed(order, vehicle)


def _relax(order: Order, vehicle: VehicleShift, change: Change) -> tuple[Order, VehicleShift]:
    amount = change.amount
    match change.lever:
        case Lever.WINDOW | Lever.PICKUP_WINDOW:
            return _with_wider(order, change), vehicle
        case Lever.VEHICLE_KIND | Lever.DEPOT | Lever.PIN:
            return _without(order, change.lever), vehicle
        case Lever.SKILL:
            return order, replace(vehicle, skills=vehicle.skills | change.skills)
        case Lever.SHIFT:
            return order, replace(vehicle, window=Window(vehicle.window.start, vehicle.window.end + amount))
        case Lever.WEIGHT | Lever.VOLUME | Lever.ITEMS | Lever.COMPARTMENT:
            return order, replace(vehicle, capacity=_larger(vehicle.capacity, change))
        case Lever.STOPS:
            return order, replace(vehicle, max_stops=(vehicle.max_stops or 0) + amount)
        case Lever.DISTANCE:
            return order, replace(vehicle, max_distance_meters=(vehicle.max_distance_meters or 0) + amount)
        case Lever.DRIVING:
            return order, replace(vehicle, max_driving_seconds=(vehicle.max_driving_seconds or 0) + amount)


def _without(order: Order, demand: Lever) -> Order:
    if isinstance(order, OnBoard):
        return order
    if demand is Lever.PIN:
        return replace(order, vehicles=frozenset())
    if demand is Lever.VEHICLE_KIND:
        return replace(order, vehicle_kinds=frozenset())
    return replace(order, depot=None) if isinstance(order, Delivery) else order


def _with_wider(order: Order, change: Change) -> Order:
    end = 0 if change.lever is Lever.PICKUP_WINDOW else len(visits(order)) - 1
    wider = change.widened
    windows = tuple(
        wider if wider is not None and window == change.window else window for window in visits(order)[end].windows
    )
    return with_windows(order, end, windows)


def with_windows(order: Order, end: int, windows: tuple[Window, ...]) -> Order:
    """The order with other windows at one of its ends."""
    if isinstance(order, PickupDelivery):
        if end == 0:
            return replace(order, pickup=_visit_in(order.pickup, windows))
        return replace(order, delivery=_visit_in(order.delivery, windows))
    return replace(order, windows=windows)


def _visit_in(visit: Visit, windows: tuple[Window, ...]) -> Visit:
    return replace(visit, windows=windows)


def _larger(capacity: Capacity, change: Change) -> Capacity:
    """With more room in the whole or in a compartment, or with one more compartment, as large as need be."""
    name = change.compartment
    if name is None:
        return _enlarged(capacity, change)
    rooms = dict(capacity.compartments)
    rooms[name] = Capacity() if change.lever is Lever.COMPARTMENT else _enlarged(rooms[name], change)
    return replace(capacity, compartments=tuple(sorted(rooms.items())))


def _enlarged(capacity: Capacity, change: Change) -> Capacity:
    more = change.amount
    match change.lever:
        case Lever.WEIGHT:
            return replace(capacity, weight_grams=(capacity.weight_grams or 0) + more)
        case Lever.VOLUME:
            return replace(capacity, volume_cm3=(capacity.volume_cm3 or 0) + more)
        case _:
            return replace(capacity, items=(capacity.items or 0) + more)
