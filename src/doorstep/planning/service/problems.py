"""From orders and shifts to the solver's problem: which places, which travel times, who can go at all.

Asks the road network and therefore never runs inside a transaction. What cannot take part at all (no known place, off every road, a depot that no
shift starts from) is set aside with its reason, so that one bad order never spoils a plan.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from doorstep.fleets.reads import PlanningShift, PlanningVehicle
from doorstep.kernel.errors import Unavailable
from doorstep.kernel.time import TimeWindow
from doorstep.orders.model import Custody, LocationCheck, LocationStatus
from doorstep.orders.reads import PlanningOrder, PlanningPoint
from doorstep.places.errors import RoadsError
from doorstep.places.roads import Roads, profile_of
from doorstep.planning.model import UnassignedCode
from doorstep.planning.service.ties import Ties
from doorstep.planning.solver.estimate import Lateness
from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.pool import SolverPool
from doorstep.planning.solver.problem import (
    Break,
    Costs,
    Delivery,
    Matrices,
    OnBoard,
    Order,
    PickupDelivery,
    Problem,
    VehicleShift,
    Visit,
    Window,
)
from doorstep.planning.solver.relations import Relation, among, fallen, related

Position = tuple[float, float]

DESK_SECONDS: Final = 3.0
"""So long a question waits for a desk, of the eight seconds that its answer may take."""

SNAP_SECONDS: Final = 15.0
"""How long the check of points that were never held against the roads may take; orders that are being taken wait for 2 s only."""


NO_TIES: Final = Ties()
SPEEDS: Final = (0.1, 5.0)
"""The slowest and the fastest that the solver takes."""


@dataclass(frozen=True, slots=True)
class Engines:
    """What computes: the road network and the solver of this process."""

    roads: Roads
    solver: SolverPool

    @asynccontextmanager
    async def desk(self, tenant_id: UUID) -> AsyncIterator[None]:
        """A place for a question that somebody waits for, asked for before anything is read; Unavailable when none is free in time."""
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(DESK_SECONDS):
                    await stack.enter_async_context(self.solver.desk(str(tenant_id)))
            except TimeoutError as error:
                said = "The solver is busy with other questions. Nothing was written: send the same request again, or fewer at a time."
                raise Unavailable(said) from error
            yield


@dataclass(frozen=True, slots=True)
class Head:
    """Where and from when a vehicle that has left its depot can go on, and which orders lie in it."""

    position: Position
    ready_at: datetime
    on_board: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Left:
    """Why an order is on no route: a code, and the shifts that it holds for (none: for all, whatever they are)."""

    code: UnassignedCode
    shift_ids: tuple[UUID, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The stored form."""
        return {"code": self.code.value, "shift_ids": [str(shift_id) for shift_id in self.shift_ids]}


@dataclass(slots=True)
class Question:
    """Everything that goes to the solver and what is needed to read its answer. ``problem`` is None when no order is left to ask about."""

    orders: dict[UUID, PlanningOrder]
    shifts: dict[UUID, PlanningShift]
    heads: Mapping[UUID, Head]
    epoch: int
    points: list[Position]
    set_aside: dict[UUID, list[Left]]
    problem: Problem | None = None
    sources: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """By profile: who gave the travel times, and from which data."""
    ahead: timedelta | None = None
    """How far ahead of each shift's start the traffic matters; None: to its end."""
    lateness: Lateness | None = None
    """What late orders weigh in the sums."""

    def instant(self, seconds: int) -> datetime:
        """The instant of a second of the problem."""
        return datetime.fromtimestamp(self.epoch + seconds, UTC)

    def source_of(self, shift: PlanningShift) -> tuple[str, str | None]:
        """Who gave the travel times of a shift, and from which data."""
        return self.sources[profile_of(vehicle_of(shift).kind).value]


def vehicle_of(shift: PlanningShift) -> PlanningVehicle:
    """The vehicle of a shift that was checked to have one."""
    if shift.vehicle is None:
        raise ValueError("a shift without a vehicle cannot be planned")
    return shift.vehicle


def capacity_of(vehicle: PlanningVehicle) -> Capacity:
    """What fits into a vehicle and into each of its compartments."""
    whole = (vehicle.capacity_weight_grams, vehicle.capacity_volume_cubic_centimeters, vehicle.capacity_items)
    rooms = ((c.name, Capacity(c.weight_grams, c.volume_cubic_centimeters, c.items)) for c in vehicle.compartments)
    return Capacity(*whole, compartments=tuple(sorted(rooms, key=lambda room: room[0])))


def load_of(order: PlanningOrder) -> Load:
    """What an order takes up."""
    parts = tuple((name, Load(*amounts)) for name, amounts in sorted(order.compartments.items()))
    return Load(*order.load, compartments=parts)


class _Places:
    """Positions by index: every depot its own (a delivery is bound to one), orders at the same position share theirs."""

    def __init__(self) -> None:
        self.points: list[Position] = []
        self._shared: dict[Position, int] = {}
        self.depots: dict[UUID, int] = {}

    def add_depot(self, depot_id: UUID, position: Position) -> None:
        if depot_id not in self.depots:
            self.depots[depot_id] = self.own(position)

    def own(self, position: Position) -> int:
        self.points.append(position)
        return len(self.points) - 1

    def shared(self, position: Position) -> int:
        if position not in self._shared:
            self._shared[position] = self.own(position)
        return self._shared[position]


async def pose(
    roads: Roads,
    orders: Sequence[PlanningOrder],
    shifts: Sequence[PlanningShift],
    now: datetime,
    heads: Mapping[UUID, Head] | None = None,
    *,
    within: float | None = None,
    ties: Ties = NO_TIES,
    ahead: timedelta | None = None,
) -> Question:
    """The question for the solver. A shift under way starts at ``now``, one with a head from there; what ``ties`` orders has to be kept.
    Traffic is that of each whole shift, or of so much time ``ahead``.

    Raises Unavailable when the roads do not answer (``within`` so many seconds).
    """
    heads = heads or {}
    epoch = int(min(_start(shift, now, heads.get(shift.id)) for shift in shifts).timestamp())
    question = Question(
        {order.id: order for order in orders}, {shift.id: shift for shift in shifts}, heads, epoch, [], {}, ahead=ahead
    )
    places = _Places()
    for shift in shifts:
        places.add_depot(shift.depot_id, (shift.depot_latitude, shift.depot_longitude))
    starts = {shift_id: places.own(head.position) for shift_id, head in heads.items()}
    on_board = {order_id: shift_id for shift_id, head in heads.items() for order_id in head.on_board}
    located = _located(question, places.depots, ties)
    off_road = await _off_road(roads, located, shifts)
    question.set_aside |= {order_id: [Left(UnassignedCode.UNREACHABLE)] for order_id in off_road}
    asked, relations = _related(question, [order for order in located if order.id not in off_road], ties)
    tasks: list[Order] = []
    for order in asked:
        only = frozenset([str(ties.shifts[order.id])]) if order.id in ties.shifts else frozenset[str]()
        tasks.append(_task(order, places, epoch, on_board.get(order.id), only))
    question.points = places.points
    if tasks:
        matrices = await _matrices(roads, question, within)
        vehicles = tuple(_vehicle(shift, places, starts.get(shift.id), question, now) for shift in shifts)
        question.problem = Problem(tuple(tasks), vehicles, matrices, epoch, relations)
    return question


def _start(shift: PlanningShift, now: datetime, head: Head | None) -> datetime:
    return max(shift.starts_at, now) if head is None else head.ready_at


def _located(question: Question, depots: Mapping[UUID, int], ties: Ties) -> list[PlanningOrder]:
    """The orders that have places, in the order of their ids (which is the order in which they came in), at their pinned times."""
    found: list[PlanningOrder] = []
    for order in question.orders.values():
        if order.location_status is LocationStatus.NEEDS_LOCATION:
            question.set_aside[order.id] = [Left(UnassignedCode.NEEDS_LOCATION)]
        elif order.depot_id is not None and order.pickup is None and order.depot_id not in depots:
            question.set_aside[order.id] = [Left(UnassignedCode.DEPOT, tuple(question.shifts))]
        elif order.id in ties.shifts and ties.shifts[order.id] not in question.shifts:
            question.set_aside[order.id] = [Left(UnassignedCode.PINNED, tuple(question.shifts))]
        elif (narrowed := ties.narrowed(order)) is None:
            question.set_aside[order.id] = [Left(UnassignedCode.WINDOW, tuple(question.shifts))]
        else:
            found.append(narrowed)
    return found


def _related(
    question: Question, orders: Sequence[PlanningOrder], ties: Ties
) -> tuple[list[PlanningOrder], tuple[Relation, ...]]:
    """The orders that can go without those that cannot be asked about, and their relations with each other."""
    known = {str(order.id) for order in orders}
    lost = fallen(ties.relations, related(ties.relations) - known)
    question.set_aside |= {order.id: [Left(UnassignedCode.RELATION)] for order in orders if str(order.id) in lost}
    return [order for order in orders if str(order.id) not in lost], among(ties.relations, known - lost)


def ends_of(order: PlanningOrder) -> list[PlanningPoint]:
    """The points that a vehicle must go to for the order: goods that wait for another attempt are loaded at the depot."""
    return [order.dropoff] if from_depot(order) or order.pickup is None else [order.pickup, order.dropoff]


def from_depot(order: PlanningOrder) -> bool:
    """Whether the goods are loaded at the depot."""
    return order.pickup is None or order.custody is Custody.DEPOT


def position_of(point: PlanningPoint) -> Position:
    """Where a located point is."""
    if point.latitude is None or point.longitude is None:
        raise ValueError("the point has no coordinates")
    return point.latitude, point.longitude


async def _off_road(roads: Roads, orders: Sequence[PlanningOrder], shifts: Sequence[PlanningShift]) -> set[UUID]:
    """The orders of which a point that was never held against the roads lies too far from them."""
    unchecked = [
        (order.id, position_of(point))
        for order in orders
        for point in ends_of(order)
        if point.location_check is LocationCheck.UNCHECKED
    ]
    if not unchecked:
        return set()
    kind = vehicle_of(shifts[0]).kind
    try:
        snapped = await roads.snap([position for _, position in unchecked], kind, within=SNAP_SECONDS)
    except RoadsError as error:
        raise Unavailable(error.message) from error
    pairs = zip(unchecked, snapped, strict=True)
    return {order_id for (order_id, _), found in pairs if not found.distance_meters <= roads.max_snap_meters}


async def _matrices(roads: Roads, question: Question, within: float | None) -> dict[str, Matrices]:
    kinds = {profile_of(vehicle_of(shift).kind).value: vehicle_of(shift).kind for shift in question.shifts.values()}
    try:
        found = await asyncio.gather(*(roads.matrix(question.points, kind, within=within) for kind in kinds.values()))
    except RoadsError as error:
        raise Unavailable(error.message) from error
    for (profile, kind), matrix in zip(kinds.items(), found, strict=True):
        question.sources[profile] = (roads.source(kind).value, matrix.data_version)
    return {profile: Matrices(matrix.durations, matrix.distances) for profile, matrix in zip(kinds, found, strict=True)}


def _task(order: PlanningOrder, places: _Places, epoch: int, on_board_of: UUID | None, only: frozenset[str]) -> Order:
    load = load_of(order)
    drop = _visit(order.dropoff, places, epoch)
    if on_board_of is not None:
        return OnBoard(
            str(order.id), str(on_board_of), drop.location, drop.service_seconds, load, drop.windows, order.priority
        )
    kinds = frozenset(str(kind) for kind in order.vehicle_kinds)
    if from_depot(order) or order.pickup is None:
        return Delivery(
            id=str(order.id),
            location=drop.location,
            service_seconds=drop.service_seconds,
            load=load,
            windows=drop.windows,
            skills=order.skills,
            priority=order.priority,
            vehicle_kinds=kinds,
            depot=None if order.depot_id is None else places.depots.get(order.depot_id),
            vehicles=only,
        )
    return PickupDelivery(
        id=str(order.id),
        pickup=_visit(order.pickup, places, epoch),
        delivery=drop,
        load=load,
        skills=order.skills,
        priority=order.priority,
        vehicle_kinds=kinds,
        vehicles=only,
    )


def _visit(point: PlanningPoint, places: _Places, epoch: int) -> Visit:
    windows = tuple(window for window in (_window(one, epoch) for one in point.windows) if window is not None)
    return Visit(places.shared(position_of(point)), point.service_seconds, windows)


def _window(window: TimeWindow, epoch: int) -> Window | None:
    """Whole seconds inside the window; a window shorter than that has none."""
    start, end = math.ceil(window.start.timestamp()) - epoch, math.floor(window.end.timestamp()) - epoch
    return Window(start, end) if start <= end else None


def _vehicle(
    shift: PlanningShift, places: _Places, start: int | None, question: Question, now: datetime
) -> VehicleShift:
    vehicle = vehicle_of(shift)
    begin = math.ceil(_start(shift, now, question.heads.get(shift.id)).timestamp()) - question.epoch
    end = math.floor(shift.ends_at.timestamp()) - question.epoch
    limits = [limit for limit in (shift.max_distance_meters, vehicle.max_range_meters) if limit is not None]
    depot = places.depots[shift.depot_id]
    return VehicleShift(
        id=str(shift.id),
        start=depot if start is None else start,
        window=Window(begin, max(end, begin + 1)),
        end=depot if shift.returns_to_depot else None,
        capacity=capacity_of(vehicle),
        skills=shift.skills,
        kind=str(vehicle.kind),
        breaks=_breaks(shift, begin, end, question.epoch),
        costs=Costs(vehicle.cost_fixed_minor, vehicle.cost_per_hour_minor, vehicle.cost_per_kilometer_minor),
        speed_factor=_speed(shift, begin, max(end, begin + 1), question),
        max_stops=shift.max_stops,
        max_distance_meters=min(limits, default=None),
        max_driving_seconds=shift.max_driving_seconds,
        profile=profile_of(vehicle.kind).value,
        milligrams_per_kilometer=_milligrams(vehicle.emissions_grams_per_kilometer),
        max_tours=shift.max_tours if start is None and question.ahead is None else 1,
        reload_seconds=shift.reload_seconds,
    )


def _speed(shift: PlanningShift, begin: int, end: int, question: Question) -> float:
    """How fast the vehicle is, all hours in one: the mean of its factors, in steps of 0.05 so that shifts alike are alike (see `by_hour`)."""
    vehicle = vehicle_of(shift)
    profile = profile_of(vehicle.kind)
    if not shift.traffic.knows(profile):
        return vehicle.speed_factor
    start, last = question.instant(begin), question.instant(end)
    last = last if question.ahead is None else min(last, start + question.ahead)
    pace = round(shift.traffic.mean(profile, start, last) * 20) / 20
    return min(max(round(vehicle.speed_factor / pace, 2), SPEEDS[0]), SPEEDS[1])


def _milligrams(grams: float | None) -> int | None:
    return None if grams is None else round(grams * 1000)


def _breaks(shift: PlanningShift, begin: int, end: int, epoch: int) -> tuple[Break, ...]:
    """The breaks that are still to come: their window holds the whole pause, the solver's only its beginning."""
    breaks = []
    for number, pause in enumerate(shift.breaks):
        window = _window(pause.window, epoch)
        if window is None:
            continue
        first = max(window.start, begin)
        last = min(window.end, end) - pause.duration_seconds
        if first <= last:
            breaks.append(Break(f"break-{number}", (Window(first, last),), pause.duration_seconds))
    return tuple(breaks)
