"""The translation to PyVRP's model and back, and the question whether that model holds a problem at all.

PyVRP knows deliveries with one window, load, distance and shift limits, costs, several depots and open ends. On top of it:

- Every order has a matrix row of its own, so that a vehicle class can be kept off it: what a vehicle may not serve (skill,
  kind, depot, compartment) or cannot reach takes longer than any shift.
- A limit on stops is one more dimension of load.
- An open end is a depot that is 0 seconds from everywhere.
- Orders that the routes to begin with leave out are optional, at a price above any detour; all others are required.

Breaks, pickups on the way, orders on board, several windows, setup times and limits on driving time stay with VROOM: `obstacle` says so.
Several tours of one shift it never sees, nor does VROOM: `touring` puts them together out of single ones.

Costs are those that `solution.summarize_route` adds up, waiting included, in one whole-number unit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from doorstep.planning.solver.engine import Engine, EngineAnswerError, EngineInput, EngineMatrix, Json
from doorstep.planning.solver.estimate import Objective
from doorstep.planning.solver.load import Load, amount, dimensions, limit
from doorstep.planning.solver.problem import Delivery, Order, Problem, VehicleShift, Window, visits
from doorstep.planning.solver.schedule import route_of
from doorstep.planning.solver.solution import Route, Solution, total
from doorstep.planning.solver.travel import UNREACHABLE, Travel, TravelKey, travel_key
from doorstep.planning.solver.unassigned import demands_unmet
from doorstep.planning.solver.vroom import within

MOST_CLASSES = 8
"""Each class of vehicles (by speed, and by the orders they may not serve) costs two matrices."""
FINEST_PRICE = 1000
"""Costs are rounded to about so many units a second; PyVRP's penalties are products of such numbers."""
METERS_PER_SECOND = 7
"""What weighs a metre against a second where only orders of magnitude matter."""


@dataclass(frozen=True, slots=True)
class _Class:
    """Vehicles that drive alike and may serve the same orders."""

    travel: TravelKey
    forbidden: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Price:
    """What PyVRP adds up for a vehicle, in its own units."""

    fixed: int
    per_second: int
    per_meter: int


def obstacle(
    problem: Problem, orders: Sequence[Order], vehicles: Sequence[VehicleShift], objective: Objective
) -> str | None:
    """What of `orders` and `vehicles` PyVRP's model cannot hold, in words; None when it holds them all."""
    if problem.relations:
        return "relations between orders"
    reasons = (_not_held(problem, order) for order in orders)
    asked = next((reason for reason in reasons if reason is not None), None)
    if asked is not None:
        return asked
    for vehicle in vehicles:
        if vehicle.breaks:
            return "breaks"
        if _limits_driving(vehicle):
            return "limits on driving time"
        if vehicle.max_distance_meters is not None and objective in _BY_TIME:
            return f"limits on distance with the objective {objective}"
    if len({vehicle.costs.per_task for vehicle in vehicles}) > 1:
        return "costs per task that differ between vehicles"
    if len(_classes(orders, vehicles)) > MOST_CLASSES:
        return f"more than {MOST_CLASSES} classes of vehicles"
    return None


def _not_held(problem: Problem, order: Order) -> str | None:
    if not isinstance(order, Delivery):
        return "orders that are picked up on the way or lie in a vehicle"
    if len(_windows(problem, order)) > 1:
        return "orders with several windows"
    if order.setup_seconds or order.by_kind:
        return "setup times and times by kind of vehicle"
    return None


def to_engine(
    problem: Problem,
    travel: Travel,
    orders: Sequence[Order],
    vehicles: Sequence[VehicleShift],
    start: Sequence[Route] | None,
    objective: Objective = Objective.COST,
) -> EngineInput:
    """PyVRP's input for `orders` on `vehicles`, beginning with the routes `start`, or by itself (None), when every order
    has to be served. There must be no `obstacle`."""
    return _Translator(problem, travel, orders, vehicles, objective).translate(start)


def from_engine(
    problem: Problem, travel: Travel, orders: Sequence[Order], vehicles: Sequence[VehicleShift], answer: Json
) -> Solution:
    """The solution in PyVRP's answer; `EngineAnswerError` when a route is none. Times are ours: see `schedule`."""
    kinds = _kinds(orders, vehicles)
    waiting = {number: list(same) for number, same in enumerate(kinds.values())}
    routes: list[Route] = []
    try:
        for kind, clients in answer["routes"]:
            vehicle = waiting[kind].pop(0)
            route = route_of(vehicle, travel.of(vehicle), [orders[client] for client in clients])
            if route is None:
                raise EngineAnswerError(f"PyVRP's route of {vehicle.id} cannot be driven")
            routes.append(route)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise EngineAnswerError(f"PyVRP's answer has an unknown shape: {error!r}") from error
    placed = {order_id for route in routes for order_id in route.order_ids}
    position = {vehicle.id: number for number, vehicle in enumerate(problem.vehicles)}
    routes.sort(key=lambda route: position[route.vehicle_id])
    return Solution(tuple(routes), tuple(o.id for o in orders if o.id not in placed), total(routes))


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
        self.orders = [order for order in orders if isinstance(order, Delivery)]
        self.objective = objective
        self.kinds = _kinds(orders, vehicles)
        self.shown = [same[0] for same in self.kinds.values()]
        self.classes = _classes(orders, vehicles)
        self.class_number = {one: number for number, one in enumerate(self.classes)}
        self.class_of = {v.id: one for v, one in zip(self.shown, _class_list(orders, self.shown), strict=True)}
        self.dimensions = dimensions(order.load for order in orders)
        self.totals = {d: sum(amount(o.load, d) for o in orders) for d in self.dimensions}
        self.counts_stops = any(vehicle.max_stops is not None for vehicle in vehicles)
        self.prices = _prices(self.shown, objective)
        depots = {v.start for v in vehicles} | {v.end for v in vehicles if v.end is not None}
        self.depots = sorted(depots)
        self.open_ends = any(vehicle.end is None for vehicle in vehicles)
        self.horizon = problem.horizon.end - problem.horizon.start
        self.too_long = self.horizon + 1

    def translate(self, start: Sequence[Route] | None) -> EngineInput:
        number = {order.id: index for index, order in enumerate(self.orders)}
        placed = {order.id for order in self.orders}
        if start is not None:
            placed = {order_id for route in start for order_id in route.order_ids}
        kind_of = {v.id: index for index, same in enumerate(self.kinds.values()) for v in same}
        document: Json = {
            "clients": [self._client(index, order, order.id in placed) for index, order in enumerate(self.orders)],
            "depots": list(range(len(self.depots) + self.open_ends)),
            "types": [self._type(price, same) for price, same in zip(self.prices, self.kinds.values(), strict=True)],
            "routes": start and [[kind_of[route.vehicle_id], [number[o] for o in route.order_ids]] for route in start],
            "mean_loads": [load / len(self.orders) for load in self.totals.values()] + [1.0] * self.counts_stops,
            "price": max(p.per_second + METERS_PER_SECOND * p.per_meter for p in self.prices),
        }
        matrices: list[tuple[str, str, EngineMatrix]] = []
        for index, one in enumerate(self.classes):
            durations, distances = self._matrices(one)
            matrices += [(f"p{index}", "durations", durations), (f"p{index}", "distances", distances)]
        return EngineInput(document, tuple(matrices), Engine.PYVRP)

    def _client(self, index: int, order: Delivery, is_placed: bool) -> Json:
        windows = _windows(self.problem, order)
        window = self._relative(windows[0]) if windows else [0, self.horizon]
        client: Json = {
            "location": len(self.depots) + self.open_ends + index,
            "service": order.service_seconds,
            "window": window,
            "load": [amount(order.load, d) for d in self.dimensions] + [1] * self.counts_stops,
        }
        if not is_placed:
            dearest = max(
                p.fixed + self.horizon * (p.per_second + METERS_PER_SECOND * p.per_meter) for p in self.prices
            )
            client["prize"] = 2 * dearest * (1 + order.priority)
        return client

    def _type(self, price: _Price, same: Sequence[VehicleShift]) -> Json:
        vehicle = same[0]
        limits = ((limit(vehicle.capacity, d), self.totals[d]) for d in self.dimensions)
        stops = len(self.orders) if vehicle.max_stops is None else vehicle.max_stops
        return {
            "available": len(same),
            "start": self.depots.index(vehicle.start),
            "end": len(self.depots) if vehicle.end is None else self.depots.index(vehicle.end),
            "window": self._relative(vehicle.window),
            "capacity": [total if most is None else min(most, total) for most, total in limits]
            + [stops] * self.counts_stops,
            "fixed": price.fixed,
            "per_second": price.per_second,
            "per_meter": price.per_meter,
            "max_distance": vehicle.max_distance_meters,
            "profile": self.class_number[self.class_of[vehicle.id]],
        }

    def _matrices(self, one: _Class) -> tuple[EngineMatrix, EngineMatrix]:
        """Depots first, then the open end, then one row an order."""
        legs = self.travel.by_key(one.travel)
        first = len(self.depots)
        places = [*self.depots, *([self.depots[0]] * self.open_ends), *(order.location for order in self.orders)]
        chosen = np.ix_(places, places)
        seconds, meters = legs.seconds[chosen].astype(np.int64), legs.meters[chosen].astype(np.int64)
        lost = (seconds == UNREACHABLE) | (seconds > self.too_long)
        lost[:, [first + self.open_ends + index for index in sorted(one.forbidden)]] = True
        np.fill_diagonal(lost, val=False)
        durations = np.where(lost, self.too_long, seconds)
        distances = np.where(meters == UNREACHABLE, meters.max(initial=0), meters)
        if self.objective in _BY_TIME:
            distances = durations.copy()
        if self.open_ends:
            durations[:, first] = durations[first, :] = distances[:, first] = distances[first, :] = 0
        return np.ascontiguousarray(durations, dtype=np.uint32), np.ascontiguousarray(distances, dtype=np.uint32)

    def _relative(self, window: Window) -> list[int]:
        zero = self.problem.horizon.start
        return [window.start - zero, window.end - zero]


def _windows(problem: Problem, order: Delivery) -> tuple[Window, ...]:
    return within(visits(order)[0].windows, problem.horizon)


def _limits_driving(vehicle: VehicleShift) -> bool:
    limit = vehicle.max_driving_seconds
    return limit is not None and limit < vehicle.window.end - vehicle.window.start


# -- vehicles that are alike -------------------------------------------------------------------------------------------


def _kinds(orders: Sequence[Order], vehicles: Sequence[VehicleShift]) -> dict[Any, list[VehicleShift]]:
    """The vehicles that PyVRP need not tell apart, together: it is much faster with few types."""
    kinds: dict[Any, list[VehicleShift]] = {}
    for vehicle, one in zip(vehicles, _class_list(orders, vehicles), strict=True):
        key = (
            one, vehicle.start, vehicle.end, vehicle.window, vehicle.capacity, vehicle.costs,
            vehicle.max_stops, vehicle.max_distance_meters, vehicle.milligrams_per_kilometer,
        )  # fmt: skip
        kinds.setdefault(key, []).append(vehicle)
    return kinds


def _classes(orders: Sequence[Order], vehicles: Sequence[VehicleShift]) -> list[_Class]:
    return list(dict.fromkeys(_class_list(orders, vehicles)))


def _class_list(orders: Sequence[Order], vehicles: Sequence[VehicleShift]) -> list[_Class]:
    choosy = [(index, order) for index, order in enumerate(orders) if _is_choosy(order)]
    pinned = {name for _, order in choosy if isinstance(order, Delivery) for name in order.vehicles}
    known: dict[Any, _Class] = {}
    result = []
    for vehicle in vehicles:
        name = vehicle.id if vehicle.id in pinned else ""
        compartments = tuple(word for word, _ in vehicle.capacity.compartments)
        key = (travel_key(vehicle), vehicle.skills, vehicle.kind, vehicle.start, name, compartments)
        if key not in known:
            forbidden = frozenset(i for i, order in choosy if _forbids(order, vehicle))
            known[key] = _Class(travel_key(vehicle), forbidden)
        result.append(known[key])
    return result


_FORBIDDING = frozenset({"COMPARTMENT", "SKILL", "VEHICLE_KIND", "DEPOT", "PINNED"})


def _is_choosy(order: Order) -> bool:
    return isinstance(order, Delivery) and bool(
        order.skills or order.load.compartments or order.vehicle_kinds or order.depot is not None or order.vehicles
    )


def _forbids(order: Order, vehicle: VehicleShift) -> bool:
    """Whether the vehicle lacks what the order asks for, whatever its load and limits."""
    return any(reason.value in _FORBIDDING for reason in demands_unmet(order, vehicle, Load()))


# -- costs -------------------------------------------------------------------------------------------------------------

_BY_TIME = frozenset({Objective.DURATION, Objective.FEWEST_VEHICLES})
"""Objectives that count driving and no waiting: PyVRP's distance is then the driving time."""

_PRICES = {Objective.DURATION: (0, 0, 1), Objective.DISTANCE: (0, 0, 1), Objective.FEWEST_VEHICLES: (1_000_000, 0, 1)}
"""Fixed, per second and per metre (or second, see above) of every vehicle; COST and EMISSIONS have the vehicle's own."""


def _exact(vehicle: VehicleShift, objective: Objective) -> tuple[int, int, int]:
    """Fixed, per second, per metre, in 3 600 000ths of the minor unit where money counts."""
    if objective in _PRICES:
        return _PRICES[objective]
    if objective is Objective.EMISSIONS:
        meter = vehicle.milligrams_per_kilometer or 0
        return 0, 0 if meter else 1, meter
    second, meter = vehicle.costs.per_hour * 1000, vehicle.costs.per_kilometer * 3600
    return vehicle.costs.fixed * 3_600_000, second or (0 if meter else 1), meter


def _prices(vehicles: Iterable[VehicleShift], objective: Objective) -> list[_Price]:
    """The prices of each vehicle in the coarsest common unit."""
    exact = [_exact(vehicle, objective) for vehicle in vehicles]
    unit = math.gcd(*(value for price in exact for value in price)) or 1
    dearest = max(second + METERS_PER_SECOND * meter for _, second, meter in exact)
    unit = max(unit, dearest // FINEST_PRICE)
    return [_traced(_Price(*(round(value / unit) for value in price))) for price in exact]


def _traced(price: _Price) -> _Price:
    """A vehicle that costs nothing would be sent on any detour; a trace of time keeps its route short."""
    return price if price.per_second or price.per_meter else replace(price, per_second=1)
