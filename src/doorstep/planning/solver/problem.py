"""What is asked of the solver: orders, vehicle shifts and travel times, checked before any engine sees them.

Engines answer bad input with silently wrong plans or by dying; hence every rule about a value is enforced here, when
the `Problem` is constructed, and is reported as `ProblemInvalidError` with the path of the value.

Units: seconds since `Problem.epoch` for points in time, seconds, metres, grams, cubic centimetres, pieces, and minor
units of one currency. All whole numbers, except the matrices (float32; NaN or infinity: no way between the two).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from doorstep.planning.solver.checks import (
    MAX_LOAD,
    MAX_TIME,
    check_break_load,
    check_capacity,
    check_load,
    check_location,
    check_matrices,
    check_optional_whole,
    check_skills,
    check_unique,
    check_whole,
    check_window,
    check_windows,
)
from doorstep.planning.solver.errors import ProblemInvalidError
from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.relations import Relation, check_relations

MAX_COST = 10_000_000
"""Largest fixed, hourly or per-kilometre cost in minor units; keeps the engine's 64-bit sums far from overflow."""
MAX_HORIZON_SECONDS = 366 * 86_400
MAX_SERVICE_SECONDS = 7 * 86_400
MAX_PRIORITY = 100
MAX_TOURS = 50

FloatMatrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to `end`, both included: service must begin inside."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class KindTimes:
    """How long vehicles of this kind take instead: a van has to park, a bicycle has not."""

    kind: str
    setup_seconds: int
    service_seconds: int


@dataclass(frozen=True, slots=True)
class Visit:
    """One end of a pickup-and-delivery. No windows means any time.

    `setup_seconds` are spent on arriving from another place, so once for several orders at one door.
    """

    location: int
    service_seconds: int = 0
    windows: tuple[Window, ...] = ()
    setup_seconds: int = 0
    by_kind: tuple[KindTimes, ...] = ()

    def seconds_for(self, kind: str | None) -> tuple[int, int]:
        """Setup and service of a vehicle of this kind."""
        for times in self.by_kind:
            if times.kind == kind:
                return times.setup_seconds, times.service_seconds
        return self.setup_seconds, self.service_seconds

    def stay(self, kind: str | None, before: int) -> int:
        """How long a vehicle of this kind stays that comes from location `before`."""
        setup, service = self.seconds_for(kind)
        return service if before == self.location else setup + service


@dataclass(frozen=True, slots=True)
class Delivery:
    """An order that is loaded where the vehicle starts. `depot` limits it to vehicles that start at that location,
    `vehicles` (when there are any) to those shifts. So many `grace_seconds` after a window service may begin, late."""

    id: str
    location: int
    service_seconds: int = 0
    load: Load = Load()
    windows: tuple[Window, ...] = ()
    skills: frozenset[str] = frozenset()
    priority: int = 0
    vehicle_kinds: frozenset[str] = frozenset()
    depot: int | None = None
    vehicles: frozenset[str] = frozenset()
    setup_seconds: int = 0
    by_kind: tuple[KindTimes, ...] = ()
    grace_seconds: int = 0


@dataclass(frozen=True, slots=True)
class PickupDelivery:
    """An order that is fetched at one place and brought to another by the same vehicle, one of `vehicles` if there are any;
    at both it may be `grace_seconds` late."""

    id: str
    pickup: Visit
    delivery: Visit
    load: Load = Load()
    skills: frozenset[str] = frozenset()
    priority: int = 0
    vehicle_kinds: frozenset[str] = frozenset()
    vehicles: frozenset[str] = frozenset()
    grace_seconds: int = 0


@dataclass(frozen=True, slots=True)
class OnBoard:
    """An order that already lies in `vehicle`, which alone can deliver it.

    Its windows are promises: nobody is served before the first one begins, but a late parcel must still be brought, so
    their ends do not restrict the plan; the delivery step says how late it is.
    """

    id: str
    vehicle: str
    location: int
    service_seconds: int = 0
    load: Load = Load()
    windows: tuple[Window, ...] = ()
    priority: int = MAX_PRIORITY
    setup_seconds: int = 0
    by_kind: tuple[KindTimes, ...] = ()


Order = Delivery | PickupDelivery | OnBoard


@dataclass(frozen=True, slots=True)
class Break:
    """A pause of `duration_seconds` that begins inside one of the windows, anywhere on the way.

    `max_load`: the driver pauses only while the vehicle carries no more than this, for example nothing of value.
    """

    id: str
    windows: tuple[Window, ...]
    duration_seconds: int
    max_load: Load | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """Minor units: once when the vehicle is used, per hour between start and end without breaks, per kilometre, per task."""

    fixed: int = 0
    per_hour: int = 3600
    per_kilometer: int = 0
    per_task: int = 0


@dataclass(frozen=True, slots=True)
class VehicleShift:
    """One vehicle with its driver for one stretch of time.

    `end` None: the route ends at its last stop. `speed_factor` 2 drives every leg in half the time of the matrix.
    `max_stops` counts tasks. `profile` names the matrices that hold for this vehicle. `milligrams_per_kilometer` are of
    CO2e; None: not known. With `max_tours` above 1 the vehicle may come back to its start and load anew, which takes
    `reload_seconds`; its capacity holds for each tour, its limits for the whole shift.
    """

    id: str
    start: int
    window: Window
    end: int | None = None
    capacity: Capacity = Capacity()
    skills: frozenset[str] = frozenset()
    kind: str | None = None
    breaks: tuple[Break, ...] = ()
    costs: Costs = Costs()
    speed_factor: float = 1.0
    max_stops: int | None = None
    max_distance_meters: int | None = None
    max_driving_seconds: int | None = None
    profile: str = "car"
    milligrams_per_kilometer: int | None = None
    max_tours: int = 1
    reload_seconds: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Matrices:
    """Travel of one profile: `durations[a, b]` in seconds and `distances[a, b]` in metres, from location a to b."""

    durations: FloatMatrix
    distances: FloatMatrix


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything the solver needs to know. Orders are in the order in which they came in (the baseline serves them so).

    `epoch` is the Unix time of second 0. Raises `ProblemInvalidError` when anything is out of place.
    """

    orders: tuple[Order, ...]
    vehicles: tuple[VehicleShift, ...]
    matrices: Mapping[str, Matrices]
    epoch: int = 0
    relations: tuple[Relation, ...] = ()
    order_by_id: Mapping[str, Order] = field(init=False, repr=False)
    vehicle_by_id: Mapping[str, VehicleShift] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_problem(self)
        object.__setattr__(self, "order_by_id", {order.id: order for order in self.orders})
        object.__setattr__(self, "vehicle_by_id", {vehicle.id: vehicle for vehicle in self.vehicles})

    @property
    def location_count(self) -> int:
        """How many locations the matrices cover."""
        return int(next(iter(self.matrices.values())).durations.shape[0])

    @cached_property
    def horizon(self) -> Window:
        """From the first shift's start to the last shift's end."""
        return Window(min(v.window.start for v in self.vehicles), max(v.window.end for v in self.vehicles))

    @cached_property
    def task_count(self) -> int:
        """How many visits the orders need in all."""
        return sum(len(visits(order)) for order in self.orders)


def visits(order: Order) -> tuple[Visit, ...]:
    """The places an order has to be served at, in sequence, with the windows that restrict the plan."""
    match order:
        case PickupDelivery(pickup=pickup, delivery=delivery, grace_seconds=grace):
            return (_with_grace(pickup, grace), _with_grace(delivery, grace))
        case OnBoard():
            from_first = (Window(min(w.start for w in order.windows), MAX_TIME),) if order.windows else ()
            return (_only_visit(order, from_first),)
        case Delivery():
            return (_with_grace(_only_visit(order, order.windows), order.grace_seconds),)


def _with_grace(visit: Visit, seconds: int) -> Visit:
    if not seconds or not visit.windows:
        return visit
    return replace(visit, windows=tuple(Window(window.start, window.end + seconds) for window in visit.windows))


def _only_visit(order: Delivery | OnBoard, windows: tuple[Window, ...]) -> Visit:
    return Visit(order.location, order.service_seconds, windows, order.setup_seconds, order.by_kind)


def merged(windows: Iterable[Window]) -> tuple[Window, ...]:
    """The same windows sorted, with those that overlap or touch made one."""
    result: list[Window] = []
    for window in sorted(windows, key=lambda w: (w.start, w.end)):
        if result and window.start <= result[-1].end + 1:
            result[-1] = Window(result[-1].start, max(result[-1].end, window.end))
        else:
            result.append(window)
    return tuple(result)


def _check_problem(problem: Problem) -> None:
    if not problem.orders:
        raise ProblemInvalidError("orders", "there is nothing to plan")
    if not problem.vehicles:
        raise ProblemInvalidError("vehicles", "there is no vehicle shift to plan for")
    check_whole("epoch", problem.epoch, 0, MAX_TIME)
    size = check_matrices(problem.matrices)
    vehicle_ids = check_unique("vehicles", (vehicle.id for vehicle in problem.vehicles))
    check_unique("orders", (order.id for order in problem.orders))
    for vehicle in problem.vehicles:
        _check_vehicle(vehicle, size, problem.matrices)
    if problem.horizon.end - problem.horizon.start > MAX_HORIZON_SECONDS:
        raise ProblemInvalidError("vehicles", "the shifts lie more than a year apart; plan them separately")
    for order in problem.orders:
        _check_order(order, size, vehicle_ids)
    free = (order for order in problem.orders if not isinstance(order, OnBoard))
    check_relations(problem.relations, {order.id: order.vehicles for order in free})


def _check_vehicle(vehicle: VehicleShift, size: int, matrices: Mapping[str, Matrices]) -> None:
    path = f"vehicles[{vehicle.id}]"
    check_location(f"{path}.start", vehicle.start, size)
    if vehicle.end is not None:
        check_location(f"{path}.end", vehicle.end, size)
    check_window(f"{path}.window", vehicle.window)
    if vehicle.window.end == vehicle.window.start:
        raise ProblemInvalidError(f"{path}.window", "the shift has no length")
    if vehicle.profile not in matrices:
        raise ProblemInvalidError(f"{path}.profile", f"there is no matrix for profile {vehicle.profile!r}")
    check_capacity(f"{path}.capacity", vehicle.capacity)
    for name in Costs.__slots__:
        check_whole(f"{path}.costs.{name}", getattr(vehicle.costs, name), 0, MAX_COST)
    if not 0.1 <= vehicle.speed_factor <= 5:
        raise ProblemInvalidError(f"{path}.speed_factor", f"must be from 0.1 to 5, it is {vehicle.speed_factor}")
    check_optional_whole(f"{path}.max_stops", vehicle.max_stops, 1, 100_000)
    check_optional_whole(f"{path}.max_distance_meters", vehicle.max_distance_meters, 0, MAX_LOAD)
    check_optional_whole(f"{path}.max_driving_seconds", vehicle.max_driving_seconds, 0, MAX_LOAD)
    check_optional_whole(f"{path}.milligrams_per_kilometer", vehicle.milligrams_per_kilometer, 0, MAX_COST)
    check_whole(f"{path}.max_tours", vehicle.max_tours, 1, MAX_TOURS)
    check_whole(f"{path}.reload_seconds", vehicle.reload_seconds, 0, MAX_SERVICE_SECONDS)
    check_skills(f"{path}.skills", vehicle.skills)
    check_unique(f"{path}.breaks", (pause.id for pause in vehicle.breaks))
    for pause in vehicle.breaks:
        _check_break(f"{path}.breaks[{pause.id}]", pause, vehicle.window)


def _check_break(path: str, pause: Break, shift: Window) -> None:
    check_whole(f"{path}.duration_seconds", pause.duration_seconds, 0, MAX_SERVICE_SECONDS)
    if pause.max_load is not None:
        check_break_load(f"{path}.max_load", pause.max_load)
    if not pause.windows:
        raise ProblemInvalidError(f"{path}.windows", "a break needs at least one window")
    check_windows(f"{path}.windows", pause.windows)
    if not any(max(w.start, shift.start) <= min(w.end, shift.end - pause.duration_seconds) for w in pause.windows):
        raise ProblemInvalidError(f"{path}.windows", "the break does not fit into the shift")


def _check_order(order: Order, size: int, vehicle_ids: frozenset[str]) -> None:
    path = f"orders[{order.id}]"
    match order:
        case PickupDelivery():
            ends = {"pickup.": order.pickup, "delivery.": order.delivery}
        case Delivery() | OnBoard():
            ends = {"": _only_visit(order, order.windows)}
        case _:
            raise ProblemInvalidError(path, f"is no order but {type(order).__name__}")
    for prefix, visit in ends.items():
        check_location(f"{path}.{prefix}location", visit.location, size)
        _check_seconds(f"{path}.{prefix}", visit)
        check_unique(f"{path}.{prefix}by_kind", (times.kind for times in visit.by_kind))
        for times in visit.by_kind:
            _check_seconds(f"{path}.{prefix}by_kind[{times.kind}].", times)
        check_windows(f"{path}.{prefix}windows", visit.windows)
    check_load(f"{path}.load", order.load)
    check_whole(f"{path}.priority", order.priority, 0, MAX_PRIORITY)
    if isinstance(order, OnBoard):
        if order.vehicle not in vehicle_ids:
            raise ProblemInvalidError(f"{path}.vehicle", f"there is no vehicle shift {order.vehicle!r}")
        return
    check_whole(f"{path}.grace_seconds", order.grace_seconds, 0, MAX_HORIZON_SECONDS)
    check_skills(f"{path}.skills", order.skills)
    unknown = order.vehicles - vehicle_ids
    if unknown:
        raise ProblemInvalidError(f"{path}.vehicles", f"there is no vehicle shift {min(unknown)!r}")
    if isinstance(order, Delivery) and order.depot is not None:
        check_location(f"{path}.depot", order.depot, size)


def _check_seconds(path: str, times: Visit | KindTimes) -> None:
    check_whole(f"{path}setup_seconds", times.setup_seconds, 0, MAX_SERVICE_SECONDS)
    check_whole(f"{path}service_seconds", times.service_seconds, 0, MAX_SERVICE_SECONDS)
