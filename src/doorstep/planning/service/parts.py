"""Plans too large for one matrix: cut along straight lines first, so that the roads are asked part by part.

A part is one depot's sector of orders with its share of the shifts; no part has more than MOST_PLACES. What no vehicle of
its part had room for is tried once more with the shifts that stayed idle anywhere. Pure: it asks nobody.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from doorstep.fleets.reads import PlanningShift
from doorstep.kernel.geo import Coordinates, distance_meters
from doorstep.orders.model import LocationStatus
from doorstep.orders.reads import PlanningOrder
from doorstep.planning.model import UnassignedCode
from doorstep.planning.service.problems import NO_TIES, Left, ends_of, from_depot, position_of, vehicle_of
from doorstep.planning.service.ties import Ties
from doorstep.planning.service.writing import Proposal

MOST_PLACES: Final = 3000
"""A matrix of more places is never asked for."""
PART_PLACES: Final = 2000

_NO_SHIFT: Final = Left(UnassignedCode.NO_ROOM)


@dataclass(frozen=True, slots=True)
class Part:
    """Orders and shifts that are planned together."""

    orders: list[PlanningOrder]
    shifts: list[PlanningShift]


@dataclass(frozen=True, slots=True)
class Cut:
    """The parts of a plan, and the orders for which there are too few shifts even to ask."""

    parts: list[Part]
    left: dict[UUID, list[Left]]


def cut(orders: Sequence[PlanningOrder], shifts: Sequence[PlanningShift], ties: Ties = NO_TIES) -> Cut:
    """One part where one matrix is enough; else several, each with at least one shift."""
    if _places(orders) + len({shift.depot_id for shift in shifts}) <= MOST_PLACES:
        return Cut([Part(list(orders), list(shifts))], {})
    fleets: dict[UUID, list[PlanningShift]] = {}
    for shift in shifts:
        fleets.setdefault(shift.depot_id, []).append(shift)
    mine: dict[UUID, list[PlanningOrder]] = {depot_id: [] for depot_id in fleets}
    for order in orders:
        mine[_depot_of(order, fleets)].append(order)
    result = Cut([], {})
    for depot_id, fleet in fleets.items():
        _cut_depot(result, mine[depot_id], fleet)
    _bring_to_the_able(result.parts, ties.shifts)
    for companions in ties.companions():
        _bring_together(result.parts, companions, ties.shifts)
    return result


def second_try(orders: Sequence[PlanningOrder], shifts: Sequence[PlanningShift], proposal: Proposal) -> Part | None:
    """The orders without room and the shifts without a route, most urgent first, in one part; None when either is missing."""
    used = {draft.shift.id for draft in proposal.routes}
    idle = [shift for shift in shifts if shift.id not in used]
    tried = [order for order in orders if _may_fit(proposal.unassigned.get(order.id, ()))]
    if not idle or not tried:
        return None
    tried.sort(key=lambda order: -order.priority)
    return Part(_first_places(tried, PART_PLACES), idle[: MOST_PLACES - PART_PLACES])


def together(one: Proposal, other: Proposal) -> Proposal:
    """Two parts' proposals as one. An order that the second placed is not left out, whatever the first said of it."""
    placed = {order_id for draft in other.routes for stop in draft.stops for order_id in stop.order_ids}
    unassigned = {order_id: why for order_id, why in one.unassigned.items() if order_id not in placed}
    unassigned |= other.unassigned
    engines = dict.fromkeys(name for name in (one.engine, other.engine) if name)
    baselines = [baseline for baseline in (one.baseline, other.baseline) if baseline is not None]
    return Proposal(
        routes=[*one.routes, *other.routes],
        unassigned=unassigned,
        summary=_sum([one.summary, other.summary]) | {"unassigned": len(unassigned)},
        baseline=_sum(baselines) if baselines else None,
        order_versions=one.order_versions | other.order_versions,
        shift_versions=one.shift_versions | other.shift_versions,
        engine=max(engines, key=len, default=None),
    )


# ── cutting ─────────────────────────────────────────────────────────────────────────────────────────────


def _cut_depot(result: Cut, orders: list[PlanningOrder], fleet: list[PlanningShift]) -> None:
    center = (fleet[0].depot_latitude, fleet[0].depot_longitude)
    count = max(1, math.ceil(_places(orders) / PART_PLACES))
    if count > len(fleet):
        count = len(fleet)
        orders = sorted(orders, key=lambda order: (-order.priority, distance_meters(_at(order), _coordinates(center))))
        kept = _first_places(orders, count * PART_PLACES)
        known = {order.id for order in kept}
        result.left.update({order.id: [_NO_SHIFT] for order in orders if order.id not in known})
        orders = kept
    around = sorted(orders, key=lambda order: _angle(_at(order), center))
    alike = sorted(fleet, key=_signature)
    for number in range(count):
        part = around[len(around) * number // count : len(around) * (number + 1) // count]
        if part:
            result.parts.append(Part(part, alike[number::count]))


def _bring_to_the_able(parts: Sequence[Part], pins: Mapping[UUID, UUID]) -> None:
    """Orders that no shift of their part may carry move to a part with one that may, while its matrix has room."""
    places = [_places(part.orders) for part in parts]
    for part in parts:
        for order in [order for order in part.orders if not _anybody(part.shifts, order, pins.get(order.id))]:
            needed = len(ends_of(order))
            for number, other in enumerate(parts):
                if places[number] + needed < MOST_PLACES and _anybody(other.shifts, order, pins.get(order.id)):
                    part.orders.remove(order)
                    other.orders.append(order)
                    places[number] += needed
                    break


def _bring_together(parts: Sequence[Part], companions: Sequence[UUID], pins: Mapping[UUID, UUID]) -> None:
    """Orders that one route must take move to one part, while its matrix has room: to the pinned one's, or the first one's."""
    names = frozenset(companions)
    theirs = [(part, order) for part in parts for order in part.orders if order.id in names]
    theirs.sort(key=lambda one: one[1].id not in pins)
    for part, order in theirs[1:]:
        home = theirs[0][0]
        if part is not home and _places(home.orders) + len(ends_of(order)) < MOST_PLACES:
            part.orders.remove(order)
            home.orders.append(order)


def _anybody(shifts: Sequence[PlanningShift], order: PlanningOrder, only: UUID | None) -> bool:
    if only is not None:
        shifts = [shift for shift in shifts if shift.id == only]
    if only is None and not order.skills and not order.vehicle_kinds and not order.compartments:
        return True
    return any(
        order.skills <= shift.skills
        and (not order.vehicle_kinds or vehicle_of(shift).kind in order.vehicle_kinds)
        and set(order.compartments) <= {one.name for one in vehicle_of(shift).compartments}
        for shift in shifts
    )


def _depot_of(order: PlanningOrder, fleets: Mapping[UUID, Sequence[PlanningShift]]) -> UUID:
    if order.depot_id is not None and order.depot_id in fleets and from_depot(order):
        return order.depot_id
    here = _at(order)
    return min(fleets, key=lambda depot_id: distance_meters(here, _depot(fleets[depot_id][0])))


def _depot(shift: PlanningShift) -> Coordinates:
    return _coordinates((shift.depot_latitude, shift.depot_longitude))


def _coordinates(position: tuple[float, float]) -> Coordinates:
    return Coordinates(*position)


def _at(order: PlanningOrder) -> Coordinates:
    if order.location_status is LocationStatus.NEEDS_LOCATION:
        return Coordinates(0.0, 0.0)
    return _coordinates(position_of(ends_of(order)[-1]))


def _angle(here: Coordinates, center: tuple[float, float]) -> float:
    east = (here.longitude - center[1]) * math.cos(math.radians(center[0]))
    return math.atan2(here.latitude - center[0], east)


def _places(orders: Sequence[PlanningOrder]) -> int:
    return sum(len(ends_of(order)) for order in orders)


def _first_places(orders: Sequence[PlanningOrder], most: int) -> list[PlanningOrder]:
    kept: list[PlanningOrder] = []
    places = 0
    for order in orders:
        places += len(ends_of(order))
        if places > most:
            break
        kept.append(order)
    return kept


def _signature(shift: PlanningShift) -> tuple[Any, ...]:
    vehicle = vehicle_of(shift)
    capacities = (vehicle.capacity_weight_grams, vehicle.capacity_volume_cubic_centimeters, vehicle.capacity_items)
    compartments = [one.name for one in vehicle.compartments]
    return (
        sorted(shift.skills), compartments, str(vehicle.kind), shift.starts_at, [c or 0 for c in capacities], str(shift.id),
    )  # fmt: skip


def _may_fit(left: Sequence[Left]) -> bool:
    codes = {one.code for one in left}
    return UnassignedCode.PINNED not in codes and bool(codes & {UnassignedCode.NO_ROOM, UnassignedCode.PRIORITY})


# ── sums ────────────────────────────────────────────────────────────────────────────────────────────────


def _sum(summaries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums add up; what one part does not know, nobody knows; the load factor is the mean over all routes, of which one
    is the longest and one the shortest."""
    result = {name: _added(summaries, name) for name in summaries[0]}
    return result | {
        "load_factor": _mean_load(summaries),
        "longest_route_seconds": max(_known(summaries, "longest_route_seconds"), default=None),
        "shortest_route_seconds": min(_known(summaries, "shortest_route_seconds"), default=None),
    }


def _known(summaries: Sequence[dict[str, Any]], name: str) -> list[int]:
    return [summary[name] for summary in summaries if summary[name] is not None]


def _added(summaries: Sequence[dict[str, Any]], name: str) -> Any:
    values = [summary[name] for summary in summaries]
    return None if None in values else sum(values)


def _mean_load(summaries: Sequence[dict[str, Any]]) -> float | None:
    known = [(s["load_factor"], s["routes"]) for s in summaries if s["load_factor"] is not None and s["routes"]]
    routes = sum(count for _, count in known)
    return round(sum(load * count for load, count in known) / routes, 4) if routes else None
