"""The translation to VROOM's document and integer matrices, and of its answer back to a `Solution`.

What VROOM gets is narrower than what it would accept, because it breaks its limits silently:

- Times are counted from the first shift's start and clipped to the last shift's end, so that nothing reaches 2**32.
- Every (profile, speed) pair is a matrix of its own in whole seconds; VROOM's own speed factor is never used.
- A pair without a way becomes a drive longer than any shift, capped so that VROOM's sums of row maxima stay below
  2**32; where the cap is shorter than a shift, a limit on driving keeps the vehicles off such legs.
- Only the locations that occur are sent, C-contiguous and unsigned: VROOM misreads a strided view without a word.
- What VROOM has no word for (vehicle kind, depot, pinned vehicle, a compartment that must be there) becomes a skill; a cost per task becomes one per hour
  of mean service, which chooses between vehicles. What a plan costs is always our own sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from doorstep.planning.solver.checks import MAX_LOAD
from doorstep.planning.solver.engine import EngineAnswerError, EngineInput, EngineMatrix, Json
from doorstep.planning.solver.estimate import Objective
from doorstep.planning.solver.load import Dimension, Load, amount, dimensions, limit
from doorstep.planning.solver.problem import (
    Delivery,
    OnBoard,
    Order,
    PickupDelivery,
    Problem,
    VehicleShift,
    Window,
    merged,
    visits,
)
from doorstep.planning.solver.solution import (
    Route,
    Solution,
    Step,
    StepKind,
    late_seconds,
    loaded_at_start,
    needed,
    summarize_route,
    total,
)
from doorstep.planning.solver.travel import UNREACHABLE, Legs, Travel, travel_key

SUM_LIMIT = 2**32 - 1
"""VROOM adds the largest value of each task's and vehicle end's matrix row; the sum must stay below 2**32."""


# -- to VROOM ----------------------------------------------------------------------------------------------------------


def to_engine(
    problem: Problem,
    travel: Travel,
    orders: Sequence[Order],
    vehicles: Sequence[VehicleShift],
    objective: Objective = Objective.COST,
) -> EngineInput:
    """VROOM's input for `orders` on `vehicles`, which are some or all of the problem's.

    No order may be hopeless (see `unassigned.hopeless`), so that each has a window inside the horizon.
    """
    return _Translator(problem, travel, orders, vehicles, objective).translate()


class _Translator:
    def __init__(
        self,
        problem: Problem,
        travel: Travel,
        orders: Sequence[Order],
        vehicles: Sequence[VehicleShift],
        objective: Objective,
    ) -> None:
        self.problem = problem
        self.travel = travel
        self.orders = orders
        self.vehicles = vehicles
        self.objective = objective
        self.order_number = {order.id: number for number, order in enumerate(problem.orders, 1)}
        self.vehicle_number = {vehicle.id: number for number, vehicle in enumerate(problem.vehicles, 1)}
        self.profiles = {key: f"p{n}" for n, key in enumerate(dict.fromkeys(travel_key(v) for v in vehicles))}
        self.places = self._places()
        self.place_number = {place: number for number, place in enumerate(self.places)}
        self.dimensions = dimensions(order.load for order in orders)
        self.totals = {d: min(MAX_LOAD, sum(amount(o.load, d) for o in orders)) for d in self.dimensions}
        self.skills: dict[str, int] = {}
        tasks = sum(len(visits(order)) for order in orders)
        service = sum(visit.service_seconds for order in orders for visit in visits(order))
        self.mean_service = max(1.0, service / max(1, tasks))
        self.cap = SUM_LIMIT // (tasks + 2 * len(vehicles) + 1)
        longest_shift = max(v.window.end - v.window.start for v in vehicles)
        self.too_long = min(self.cap, longest_shift + 1)

    def translate(self) -> EngineInput:
        jobs = [self._job(order) for order in self.orders if not isinstance(order, PickupDelivery)]
        shipments = [self._shipment(order) for order in self.orders if isinstance(order, PickupDelivery)]
        document: Json = {"vehicles": [self._vehicle(v) for v in self.vehicles], "jobs": jobs, "shipments": shipments}
        matrices: list[tuple[str, str, EngineMatrix]] = []
        shown = {travel_key(vehicle): vehicle for vehicle in self.vehicles}
        for key, name in self.profiles.items():
            durations, distances = self._matrices(self.travel.of(shown[key]))
            matrices += [(name, "durations", durations), (name, "distances", distances)]
        return EngineInput(document, tuple(matrices))

    def _places(self) -> list[int]:
        used = {visit.location for order in self.orders for visit in visits(order)}
        for vehicle in self.vehicles:
            used.add(vehicle.start)
            used.add(vehicle.start if vehicle.end is None else vehicle.end)
        return sorted(used)

    def _matrices(self, legs: Legs) -> tuple[EngineMatrix, EngineMatrix]:
        chosen = np.ix_(self.places, self.places)
        seconds, meters = legs.seconds[chosen], legs.meters[chosen]
        forbidden = (seconds == UNREACHABLE) | (seconds >= self.too_long) | (meters > self.cap)
        durations = np.where(forbidden, self.too_long, seconds)
        distances = np.where(forbidden, min(self.cap, int(meters.max(initial=0))), meters)
        return np.ascontiguousarray(durations, dtype=np.uint32), np.ascontiguousarray(distances, dtype=np.uint32)

    def _vehicle(self, vehicle: VehicleShift) -> Json:
        result: Json = {
            "id": self.vehicle_number[vehicle.id],
            "profile": self.profiles[travel_key(vehicle)],
            "start_index": self.place_number[vehicle.start],
            "time_window": self._clipped(vehicle.window),
            "costs": self._costs(vehicle),
            "skills": sorted(number for word, number in self.skills.items() if _has_skill(vehicle, word)),
        }
        if vehicle.kind is not None:
            result["type"] = vehicle.kind
        if vehicle.end is not None:
            result["end_index"] = self.place_number[vehicle.end]
        if self.dimensions:
            limits = ((limit(vehicle.capacity, d), self.totals[d]) for d in self.dimensions)
            result["capacity"] = [total if most is None else min(most, total) for most, total in limits]
        if vehicle.breaks:
            result["breaks"] = [self._break(n, vehicle) for n in range(len(vehicle.breaks))]
        if vehicle.max_stops is not None:
            result["max_tasks"] = vehicle.max_stops
        if vehicle.max_distance_meters is not None:
            result["max_distance"] = vehicle.max_distance_meters
        driving = [] if vehicle.max_driving_seconds is None else [vehicle.max_driving_seconds]
        if self.too_long <= vehicle.window.end - vehicle.window.start:
            driving.append(self.too_long - 1)
        if driving:
            result["max_travel_time"] = min(driving)
        return result

    def _costs(self, vehicle: VehicleShift) -> dict[str, int]:
        costs = vehicle.costs
        match self.objective:
            case Objective.DURATION:
                return {"fixed": 0, "per_hour": 3600, "per_km": 0}
            case Objective.DISTANCE:
                return {"fixed": 0, "per_hour": 1, "per_km": 1000}
            case Objective.FEWEST_VEHICLES:
                return {"fixed": 1_000_000, "per_hour": 3600, "per_km": 0}
            case Objective.EMISSIONS:
                return {"fixed": 0, "per_hour": 1, "per_km": vehicle.milligrams_per_kilometer or 0}
            case _:
                # A vehicle that costs nothing would be sent on any detour; a trace of time keeps its route short.
                hourly = costs.per_hour if costs.per_hour or costs.per_kilometer else 1
                return {
                    "fixed": costs.fixed,
                    "per_hour": hourly,
                    "per_km": costs.per_kilometer,
                    "per_task_hour": costs.per_hour + round(costs.per_task * 3600 / self.mean_service),
                }

    def _break(self, index: int, vehicle: VehicleShift) -> Json:
        pause = vehicle.breaks[index]
        latest = Window(vehicle.window.start, vehicle.window.end - pause.duration_seconds)
        result: Json = {
            "id": index + 1,
            "service": pause.duration_seconds,
            "time_windows": [self._relative(w) for w in within(pause.windows, latest)],
        }
        if pause.max_load is not None and self.dimensions:
            result["max_load"] = [self._at_most(pause.max_load, d) for d in self.dimensions]
        return result

    def _job(self, order: Delivery | OnBoard) -> Json:
        task = self._task(order, 0)
        if self.dimensions:
            task["delivery"] = self._amount(order.load)
        return task | self._demands(order)

    def _shipment(self, order: PickupDelivery) -> Json:
        result: Json = {"pickup": self._task(order, 0), "delivery": self._task(order, 1)} | self._demands(order)
        if self.dimensions:
            result["amount"] = self._amount(order.load)
        return result

    def _task(self, order: Order, end: int) -> Json:
        visit = visits(order)[end]
        task: Json = {
            "id": self.order_number[order.id],
            "location_index": self.place_number[visit.location],
            "setup": visit.setup_seconds,
            "service": visit.service_seconds,
        }
        if visit.by_kind:
            task["setup_per_type"] = {times.kind: times.setup_seconds for times in visit.by_kind}
            task["service_per_type"] = {times.kind: times.service_seconds for times in visit.by_kind}
        if visit.windows:
            task["time_windows"] = [self._relative(w) for w in within(visit.windows, self.problem.horizon)]
        return task

    def _demands(self, order: Order) -> Json:
        numbers = sorted(self.skills.setdefault(word, len(self.skills) + 1) for word in _skill_words(order))
        return {"priority": order.priority, "skills": numbers}

    def _amount(self, load: Load) -> list[int]:
        return [amount(load, dimension) for dimension in self.dimensions]

    def _at_most(self, load: Load, dimension: Dimension) -> int:
        """A break's limit, which speaks of the whole vehicle only."""
        total = self.totals[dimension]
        return total if dimension[0] is not None else min(amount(load, dimension), total)

    def _clipped(self, window: Window) -> list[int]:
        horizon = self.problem.horizon
        return self._relative(Window(max(window.start, horizon.start), min(window.end, horizon.end)))

    def _relative(self, window: Window) -> list[int]:
        zero = self.problem.horizon.start
        return [window.start - zero, window.end - zero]


def within(windows: Sequence[Window], bounds: Window) -> tuple[Window, ...]:
    """The parts of `windows` inside `bounds`, sorted and without overlap."""
    parts = (Window(max(w.start, bounds.start), min(w.end, bounds.end)) for w in windows)
    return merged(w for w in parts if w.start <= w.end)


def _skill_words(order: Order) -> set[str]:
    if isinstance(order, OnBoard):
        return {f"vehicle:{order.vehicle}"}
    words = {f"skill:{skill}" for skill in order.skills}
    words |= {f"compartment:{name}" for name, _ in order.load.compartments}
    if order.vehicle_kinds:
        words.add("kind:" + "\n".join(sorted(order.vehicle_kinds)))
    if isinstance(order, Delivery) and order.depot is not None:
        words.add(f"depot:{order.depot}")
    if order.vehicles:
        words.add("only:" + "\n".join(sorted(order.vehicles)))
    return words


def _has_skill(vehicle: VehicleShift, word: str) -> bool:
    sort, _, value = word.partition(":")
    match sort:
        case "skill":
            return value in vehicle.skills
        case "compartment":
            return value in dict(vehicle.capacity.compartments)
        case "kind":
            return vehicle.kind in value.split("\n")
        case "depot":
            return int(value) == vehicle.start
        case "only":
            return vehicle.id in value.split("\n")
        case _:
            return value == vehicle.id


# -- from VROOM --------------------------------------------------------------------------------------------------------


def from_engine(problem: Problem, orders: Sequence[Order], answer: Json) -> Solution:
    """The solution in VROOM's answer for `orders`; `EngineAnswerError` when it has not the documented shape."""
    try:
        routes = [_route(problem, route) for route in answer["routes"]]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise EngineAnswerError(f"VROOM's answer has an unknown shape: {error!r}") from error
    placed = {order_id for route in routes for order_id in route.order_ids}
    position = {vehicle.id: number for number, vehicle in enumerate(problem.vehicles)}
    routes.sort(key=lambda route: position[route.vehicle_id])
    return Solution(tuple(routes), tuple(o.id for o in orders if o.id not in placed), total(routes))


def _route(problem: Problem, answer: Json) -> Route:
    vehicle = problem.vehicles[answer["vehicle"] - 1]
    said = answer["steps"] if vehicle.end is not None else answer["steps"][:-1]
    orders = [None if "job" not in s else problem.orders[s["job"] - 1] for s in said]
    load = loaded_at_start(order for order in orders if order is not None)
    steps: list[Step] = []
    seconds = meters = 0
    for step, order in zip(said, orders, strict=True):
        kind = _kind(step["type"])
        if order is not None:
            load = load + order.load if kind is StepKind.PICKUP else load - order.load
        arrival = problem.horizon.start + step["arrival"]
        begin = arrival + step["waiting_time"]
        steps.append(
            Step(
                kind=kind,
                location=_location(vehicle, order, kind),
                arrival=arrival,
                service_start=begin,
                departure=begin + step["setup"] + step["service"],
                leg_seconds=step["duration"] - seconds,
                leg_meters=step["distance"] - meters if kind is not StepKind.BREAK else 0,
                load_after=load,
                order_id=None if order is None else order.id,
                break_id=vehicle.breaks[step["id"] - 1].id if kind is StepKind.BREAK else None,
                late_seconds=late_seconds(order, kind, begin),
            )
        )
        seconds = step["duration"]
        if kind is not StepKind.BREAK:
            meters = step["distance"]
    trimmed = _without_first_breaks(vehicle, _without_last_breaks(vehicle, steps))
    return Route(vehicle.id, tuple(trimmed), summarize_route(trimmed, vehicle.costs))


def _without_last_breaks(vehicle: VehicleShift, steps: list[Step]) -> list[Step]:
    """VROOM makes a vehicle that is done at ten wait for its noon break; a driver goes home."""
    last = max(number for number, step in enumerate(steps) if step.order_id is not None)
    rest = steps[last + 1 :]
    shorter = steps[: last + 1]
    if vehicle.end is not None:
        leg = sum(step.leg_seconds for step in rest)
        arrival = steps[last].departure + leg
        shorter.append(replace(steps[-1], arrival=arrival, service_start=arrival, departure=arrival, leg_seconds=leg))
    return shorter if _may_drop(vehicle, rest, shorter) else steps


def _without_first_breaks(vehicle: VehicleShift, steps: list[Step]) -> list[Step]:
    """A break that can be over before the first leg is no part of the route."""
    first = min(number for number, step in enumerate(steps) if step.order_id is not None)
    leg = sum(step.leg_seconds for step in steps[1 : first + 1])
    leave = steps[first].arrival - leg
    start = replace(steps[0], arrival=leave, service_start=leave, departure=leave)
    shorter = [start, replace(steps[first], leg_seconds=leg), *steps[first + 1 :]]
    return shorter if _may_drop(vehicle, steps[1:first], shorter) else steps


def _may_drop(vehicle: VehicleShift, dropped: Sequence[Step], shorter: Sequence[Step]) -> bool:
    ids = {step.break_id for step in dropped if step.kind is StepKind.BREAK}
    pauses = [pause for pause in vehicle.breaks if pause.id in ids]
    return bool(pauses) and not any(needed(p, shorter[0].departure, shorter[-1].arrival) for p in pauses)


def _kind(name: str) -> StepKind:
    return StepKind.DELIVERY if name == "job" else StepKind(name.upper())


def _location(vehicle: VehicleShift, order: Order | None, kind: StepKind) -> int | None:
    if order is None:
        return {StepKind.START: vehicle.start, StepKind.END: vehicle.end}.get(kind)
    return visits(order)[0 if kind is StepKind.PICKUP else -1].location
