"""Why an order was not placed, vehicle by vehicle.

An engine says only that an order is left over. These checks ask of each vehicle what would hold even if the order were
its only one; what fails is the reason. When nothing fails, the order would fit alone and lost its room to others. So
there is always a reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from doorstep.planning.solver.load import Load
from doorstep.planning.solver.problem import Delivery, OnBoard, Order, Problem, VehicleShift, Window, visits
from doorstep.planning.solver.relations import related
from doorstep.planning.solver.solution import Solution
from doorstep.planning.solver.travel import UNREACHABLE, Legs, Travel


class Reason(StrEnum):
    """What keeps an order off a vehicle."""

    CAPACITY = "CAPACITY"
    COMPARTMENT = "COMPARTMENT"
    SKILL = "SKILL"
    VEHICLE_KIND = "VEHICLE_KIND"
    DEPOT = "DEPOT"
    PINNED = "PINNED"
    RELATION = "RELATION"
    UNREACHABLE = "UNREACHABLE"
    WINDOW = "WINDOW"
    SHIFT = "SHIFT"
    RANGE = "RANGE"
    LIMIT = "LIMIT"
    PRIORITY = "PRIORITY"
    NO_ROOM = "NO_ROOM"


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why one vehicle does not take the order; never empty."""

    vehicle_id: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Unassigned:
    """An order that was left out: the reasons over all vehicles, the most frequent first, and each vehicle's own."""

    order_id: str
    reasons: tuple[Reason, ...]
    vehicles: tuple[Blocked, ...]


def explain(problem: Problem, solution: Solution) -> tuple[Unassigned, ...]:
    """The reasons for every unassigned order of `solution`, in its order."""
    travel = Travel(problem)
    taken = {
        route.vehicle_id: max(problem.order_by_id[order_id].priority for order_id in route.order_ids)
        for route in solution.routes
    }
    aboard = loads_aboard(problem)
    left = [problem.order_by_id[order_id] for order_id in solution.unassigned]
    return tuple(_explain(problem, order, travel, taken, aboard) for order in left)


def _explain(
    problem: Problem, order: Order, travel: Travel, taken: dict[str, int], aboard: dict[str, Load]
) -> Unassigned:
    blocked: list[Blocked] = []
    for vehicle in candidates(problem, order):
        reasons = blocks(order, vehicle, travel.of(vehicle), aboard.get(vehicle.id, Load()))
        if not reasons and order.id in related(problem.relations):
            reasons = (Reason.RELATION,)
        if not reasons:
            outranked = taken.get(vehicle.id, 0) > order.priority
            reasons = (Reason.PRIORITY, Reason.NO_ROOM) if outranked else (Reason.NO_ROOM,)
        blocked.append(Blocked(vehicle.id, reasons))
    counts = Counter(reason for one in blocked for reason in one.reasons)
    ranks = list(Reason)
    return Unassigned(order.id, tuple(sorted(counts, key=lambda r: (-counts[r], ranks.index(r)))), tuple(blocked))


def hopeless(problem: Problem, travel: Travel) -> tuple[Order, ...]:
    """The orders that no vehicle can take, by checks that no detour could overcome; an engine need not see them.

    Places without any way in or out are among them, so that one bad point costs its own order and nothing else.
    """
    aboard = loads_aboard(problem)
    islands = {id(legs): isolated(legs) for legs in (travel.of(v) for v in problem.vehicles)}

    def possible(order: Order, vehicle: VehicleShift) -> bool:
        legs = travel.of(vehicle)
        lost = islands[id(legs)]
        return (
            not demands_unmet(order, vehicle, aboard.get(vehicle.id, Load()))
            and not any(visit.location in lost for visit in visits(order))
            and all(_overlaps(visit.windows, vehicle.window) for visit in visits(order))
        )

    return tuple(o for o in problem.orders if not any(possible(o, vehicle) for vehicle in candidates(problem, o)))


def isolated(legs: Legs) -> frozenset[int]:
    """The locations that cannot be reached from any other, or from which no other can be reached."""
    if legs.seconds.shape[0] == 1:
        return frozenset()
    ways = legs.seconds != UNREACHABLE
    np.fill_diagonal(ways, val=False)
    lonely = ~(ways.any(axis=0) & ways.any(axis=1))
    return frozenset(int(place) for place in np.flatnonzero(lonely))


def candidates(problem: Problem, order: Order) -> Sequence[VehicleShift]:
    """The vehicles that are worth asking: all, or the one in which the order already lies."""
    return (problem.vehicle_by_id[order.vehicle],) if isinstance(order, OnBoard) else problem.vehicles


def loads_aboard(problem: Problem) -> dict[str, Load]:
    """What already lies in each vehicle, by its id."""
    result: dict[str, Load] = {}
    for order in problem.orders:
        if isinstance(order, OnBoard):
            result[order.vehicle] = result.get(order.vehicle, Load()) + order.load
    return result


def blocks(order: Order, vehicle: VehicleShift, legs: Legs, aboard: Load) -> tuple[Reason, ...]:
    """What keeps `order` off an otherwise empty `vehicle` (which still carries `aboard`), driving straight there."""
    reasons = [*demands_unmet(order, vehicle, aboard), *_travel_unmet(order, vehicle, legs)]
    return tuple(dict.fromkeys(reasons))


def demands_unmet(order: Order, vehicle: VehicleShift, aboard: Load) -> list[Reason]:
    """What of the order's demands the vehicle itself cannot meet, wherever it is."""
    if isinstance(order, OnBoard):
        return [] if vehicle.capacity.holds(aboard) else [Reason.CAPACITY]
    reasons: list[Reason] = []
    first = isinstance(order, Delivery) and vehicle.max_tours == 1  # later it can come without what is aboard now
    carried = order.load + aboard if first else order.load
    reasons += _room_unmet(order, carried, vehicle)
    if not order.skills <= vehicle.skills:
        reasons.append(Reason.SKILL)
    if order.vehicle_kinds and vehicle.kind not in order.vehicle_kinds:
        reasons.append(Reason.VEHICLE_KIND)
    if isinstance(order, Delivery) and order.depot not in (None, vehicle.start):
        reasons.append(Reason.DEPOT)
    if order.vehicles and vehicle.id not in order.vehicles:
        reasons.append(Reason.PINNED)
    if vehicle.max_stops is not None and len(visits(order)) > vehicle.max_stops:
        reasons.append(Reason.LIMIT)
    return reasons


def _room_unmet(order: Order, carried: Load, vehicle: VehicleShift) -> list[Reason]:
    """A compartment that is missing, or too little room in one that is there or in the whole."""
    lacked = vehicle.capacity.lacks(order.load)
    if not lacked:
        return [] if vehicle.capacity.holds(carried) else [Reason.CAPACITY]
    fitted = replace(carried, compartments=tuple(one for one in carried.compartments if one[0] not in lacked))
    missing = [Reason.COMPARTMENT]
    return missing if vehicle.capacity.holds(fitted) else [Reason.CAPACITY, *missing]


def _travel_unmet(order: Order, vehicle: VehicleShift, legs: Legs) -> list[Reason]:
    here, now = vehicle.start, vehicle.window.start
    seconds = meters = 0
    reasons: list[Reason] = []
    for visit in visits(order):
        leg = int(legs.seconds[here, visit.location])
        if leg == UNREACHABLE:
            return [Reason.UNREACHABLE]
        seconds += leg
        meters += int(legs.meters[here, visit.location])
        arrival = now + leg
        begin = next_open(visit.windows, arrival)
        if begin is None or begin > max(arrival, vehicle.window.end):
            reasons.append(Reason.WINDOW)
            begin = arrival
        here, now = visit.location, begin + visit.stay(vehicle.kind, here)
    if vehicle.end is not None:
        leg = int(legs.seconds[here, vehicle.end])
        if leg == UNREACHABLE:
            return [Reason.UNREACHABLE]
        seconds, meters, now = seconds + leg, meters + int(legs.meters[here, vehicle.end]), now + leg
    if now > vehicle.window.end:
        reasons.append(Reason.SHIFT)
    if _exceeds(meters, vehicle.max_distance_meters):
        reasons.append(Reason.RANGE)
    if _exceeds(seconds, vehicle.max_driving_seconds):
        reasons.append(Reason.LIMIT)
    return reasons


def next_open(windows: Iterable[Window], moment: int) -> int | None:
    """The first time from `moment` on at which service may begin; None when all windows are over."""
    starts = [max(w.start, moment) for w in windows if w.end >= moment]
    if starts:
        return min(starts)
    return None if any(True for _ in windows) else moment


def _exceeds(value: int, limit: int | None) -> bool:
    return limit is not None and value > limit


def _overlaps(windows: Sequence[Window], shift: Window) -> bool:
    return not windows or any(w.start <= shift.end and w.end >= shift.start for w in windows)
