"""A solver's answer as routes and stops, with instants, paths and sums.

Costs are minor units of the tenant's currency: per used vehicle its fixed cost, hours between start and end without breaks × its hourly cost,
kilometres × its cost per kilometre, rounded once per route. Emissions are kilometres × the vehicle's grams of CO2e per kilometre. Lateness weighs
hours late × the plan's price of an hour, rounded once per route, and is no part of the costs.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from doorstep.fleets.reads import PlanningShift
from doorstep.kernel.errors import Unavailable
from doorstep.kernel.ids import new_id
from doorstep.places.errors import RoadsError
from doorstep.places.roads import Roads
from doorstep.planning.model import (
    StopKind,
    UnassignedCode,
)
from doorstep.planning.service.problems import Left, Position, Question, capacity_of, from_depot, vehicle_of
from doorstep.planning.solver.estimate import Lateness
from doorstep.planning.solver.load import WHOLE, Load, amount, dimensions, limit
from doorstep.planning.solver.ranking import price_of_lateness
from doorstep.planning.solver.solution import Route, Solution, Step, StepKind, Summary
from doorstep.planning.solver.unassigned import Unassigned

PATHS_AT_ONCE: Final = 4
"""Routes whose paths are asked for at the same time."""

_KIND: Final = {
    StepKind.START: StopKind.DEPOT_START,
    StepKind.PICKUP: StopKind.PICKUP,
    StepKind.DELIVERY: StopKind.DROPOFF,
    StepKind.BREAK: StopKind.BREAK,
    StepKind.RELOAD: StopKind.RELOAD,
    StepKind.END: StopKind.DEPOT_END,
}


_AT_DEPOT: Final = frozenset({StopKind.DEPOT_START, StopKind.RELOAD, StopKind.DEPOT_END})


@dataclass(slots=True)
class DraftStop:
    """A stop that is not written yet. Instants are UTC; the leg leads from the stop before to this one."""

    kind: StopKind
    order_ids: list[UUID]
    position: Position | None
    arrival: datetime
    service_start: datetime
    departure: datetime
    leg_seconds: int
    leg_meters: int
    load_after: dict[str, Any]
    late_seconds: int = 0
    depot_id: UUID | None = None
    leg_path: str | None = None


@dataclass(slots=True)
class DraftRoute:
    """A route that is not written yet."""

    shift: PlanningShift
    stops: list[DraftStop]
    summary: dict[str, Any]
    network: str
    map_version: str | None
    id: UUID = field(default_factory=new_id)


def draft_routes(question: Question, solution: Solution) -> list[DraftRoute]:
    """The routes of a solution, still without paths."""
    return [_draft_route(question, route) for route in solution.routes]


def _draft_route(question: Question, route: Route) -> DraftRoute:
    shift = question.shifts[UUID(route.vehicle_id)]
    network, map_version = question.source_of(shift)
    return DraftRoute(
        shift=shift,
        stops=_draft_stops(question, shift, route),
        summary=route_summary(shift, route, question.lateness),
        network=network,
        map_version=map_version,
    )


def _draft_stops(question: Question, shift: PlanningShift, route: Route) -> list[DraftStop]:
    stops: list[DraftStop] = []
    previous: Step | None = None
    for step in route.steps:
        if previous is not None and _same_stop(previous, step):
            _join(stops[-1], step, question)
        else:
            stops.append(_draft_stop(question, shift, step))
        previous = step
    if question.heads.get(shift.id) is None:
        _load_tours(question, stops)
    else:
        stops[0].depot_id = None  # it goes on from somewhere on the road
    return stops


def _load_tours(question: Question, stops: Sequence[DraftStop]) -> None:
    """What each tour brings from the depot is loaded where the tour begins."""
    loading = stops[0]
    for stop in stops:
        if stop.kind is StopKind.RELOAD:
            loading = stop
        elif stop.kind is StopKind.DROPOFF:
            loading.order_ids += [order_id for order_id in stop.order_ids if from_depot(question.orders[order_id])]


def _same_stop(previous: Step, step: Step) -> bool:
    """Whether a step goes on where the one before ended, at once and with the same act: one stop for several orders, all
    of them late or none."""
    return (
        step.kind is previous.kind
        and step.kind in (StepKind.PICKUP, StepKind.DELIVERY)
        and step.location == previous.location
        and step.leg_seconds == 0
        and step.leg_meters == 0
        and step.waiting_seconds == 0
        and bool(step.late_seconds) == bool(previous.late_seconds)
    )


def _join(stop: DraftStop, step: Step, question: Question) -> None:
    stop.departure = question.instant(step.departure)
    stop.load_after = load_json(step.load_after)
    stop.late_seconds = max(stop.late_seconds, step.late_seconds)
    if step.order_id is not None:
        stop.order_ids.append(UUID(step.order_id))


def _draft_stop(question: Question, shift: PlanningShift, step: Step) -> DraftStop:
    kind = _KIND[step.kind]
    return DraftStop(
        kind=kind,
        order_ids=[UUID(step.order_id)] if step.order_id else [],
        position=question.points[step.location] if step.location is not None else None,
        arrival=question.instant(step.arrival),
        service_start=question.instant(step.service_start),
        departure=question.instant(step.departure),
        leg_seconds=step.leg_seconds,
        leg_meters=step.leg_meters,
        load_after=load_json(step.load_after),
        late_seconds=step.late_seconds,
        depot_id=shift.depot_id if kind in _AT_DEPOT else None,
    )


def load_json(load: Load) -> dict[str, Any]:
    """The stored form of a load."""
    return {
        "weight_grams": load.weight_grams,
        "volume_cubic_centimeters": load.volume_cm3,
        "items": load.items,
        "compartments": {name: [p.weight_grams, p.volume_cm3, p.items] for name, p in load.compartments if p != Load()},
    }


def load_of_json(stored: Mapping[str, Any]) -> Load:
    """A load from its stored form."""
    parts = stored.get("compartments", {})
    return Load(
        stored["weight_grams"], stored["volume_cubic_centimeters"], stored["items"],
        tuple((name, Load(*amounts)) for name, amounts in sorted(parts.items())),
    )  # fmt: skip


# ── paths ───────────────────────────────────────────────────────────────────────────────────────────────


async def add_paths(roads: Roads, drafts: Sequence[DraftRoute]) -> None:
    """Put the way to each stop into the drafts, a few routes at a time; raises Unavailable when the roads do not answer."""
    at_once = asyncio.Semaphore(PATHS_AT_ONCE)

    async def add(draft: DraftRoute) -> None:
        placed = [stop for stop in draft.stops if stop.position is not None]
        async with at_once:
            legs = await legs_between(
                roads, [stop.position for stop in placed if stop.position], vehicle_of(draft.shift).kind
            )
        for stop, path in zip(placed[1:], legs, strict=True):
            stop.leg_path = path

    await asyncio.gather(*(add(draft) for draft in drafts))


async def legs_between(roads: Roads, positions: Sequence[Position], kind: str) -> list[str]:
    """The polyline of each leg between consecutive positions."""
    if len(positions) < 2:
        return []
    try:
        return [leg.polyline6 for leg in (await roads.route(positions, kind)).legs]
    except RoadsError as error:
        raise Unavailable(error.message) from error


# ── sums ────────────────────────────────────────────────────────────────────────────────────────────────


def route_summary(shift: PlanningShift, route: Route, lateness: Lateness | None = None) -> dict[str, Any]:
    """A route's sums in their stored form."""
    vehicle = vehicle_of(shift)
    per_kilometer = vehicle.emissions_grams_per_kilometer
    meters = route.summary.distance_meters
    return {
        **_plain_sums(route.summary),
        "late_cost": price_of_lateness(route.summary, lateness),
        "emissions_grams": None if per_kilometer is None else round(meters / 1000 * per_kilometer),
        "load_factor": _load_factor(shift, route),
    }


def _plain_sums(summary: Summary) -> dict[str, int]:
    sums: dict[str, int] = asdict(summary)
    return sums


def _load_factor(shift: PlanningShift, route: Route) -> float | None:
    """How full the vehicle is at its fullest, in its tightest dimension; None when nothing limits it."""
    capacity = capacity_of(vehicle_of(shift))
    known = {one: limit(capacity, one) for one in dimensions(step.load_after for step in route.steps)}
    limits = {one: most for one, most in known.items() if most}
    fills = [amount(step.load_after, one) / most for step in route.steps for one, most in limits.items()]
    if fills:
        return round(max(fills), 4)
    return 0.0 if any(limit(capacity, one) for one in WHOLE) else None


def plan_summary(question: Question, solution: Solution, unassigned: int) -> dict[str, Any]:
    """A plan's sums in their stored form."""
    routes = [
        route_summary(question.shifts[UUID(route.vehicle_id)], route, question.lateness) for route in solution.routes
    ]
    fills = [route["load_factor"] for route in routes if route["load_factor"] is not None]
    emissions = [route["emissions_grams"] for route in routes]
    return {
        **_plain_sums(solution.summary),
        "unassigned": unassigned,
        "late_cost": sum(route["late_cost"] for route in routes),
        "longest_route_seconds": max((route["duration_seconds"] for route in routes), default=None),
        "shortest_route_seconds": min((route["duration_seconds"] for route in routes), default=None),
        "emissions_grams": None if None in emissions else sum(emissions),
        "load_factor": round(sum(fills) / len(fills), 4) if fills else None,
    }


def reasons_of(found: Iterable[Unassigned]) -> dict[UUID, list[Left]]:
    """The solver's reasons for each order that it left out, with the shifts that each holds for."""
    result: dict[UUID, list[Left]] = {}
    for one in found:
        result[UUID(one.order_id)] = [
            Left(
                UnassignedCode(reason.value),
                tuple(UUID(blocked.vehicle_id) for blocked in one.vehicles if reason in blocked.reasons),
            )
            for reason in one.reasons
        ]
    return result
