"""Large problems in groups: neighbouring stops first, neighbouring routes afterwards.

The engine's work grows with the square of (tasks × tasks per route), so five groups of 200 take a fraction of one run
over 1,000 and, with some rounds in which neighbouring routes are solved anew, end up cheaper. The first groups are
sectors around the depot. Every later round looks along another direction, so that each route meets other neighbours.
Orders left over are tried once more with the vehicles that can carry them.

Places have no coordinates here: positions come from the travel times themselves (landmark scaling), so that a river
without a bridge keeps its banks apart. They only decide what is solved together; every leg comes from the matrices.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from doorstep.planning.solver.load import Load
from doorstep.planning.solver.problem import OnBoard, Order, Problem, VehicleShift, visits
from doorstep.planning.solver.solution import Route, Solution, total
from doorstep.planning.solver.travel import UNREACHABLE, Legs, Travel
from doorstep.planning.solver.unassigned import demands_unmet, loads_aboard

LANDMARKS = 120
FEW_STARTS = 12
"""Up to so many starting places, each gets its own share of the orders; more are couriers on the road."""
GOLDEN_ANGLE = 2.399963

Points = npt.NDArray[np.float64]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the problem that is solved by itself; `present` are the routes that it may replace."""

    orders: tuple[Order, ...]
    vehicles: tuple[VehicleShift, ...]
    present: tuple[Route, ...] = ()


class Neighbourhood:
    """Who is near whom in one problem."""

    def __init__(self, problem: Problem, travel: Travel) -> None:
        self.problem = problem
        self.points = positions(travel.of(problem.vehicles[0]))
        self.aboard = loads_aboard(problem)

    # -- the first groups ----------------------------------------------------------------------------------------------

    def sectors(self, orders: Sequence[Order], size: int) -> list[Group]:
        """Disjoint groups of about `size` tasks over all `orders` and vehicles."""
        free: list[Order] = [order for order in orders if not isinstance(order, OnBoard)]
        carried: dict[str, list[Order]] = {}
        for order in orders:
            if isinstance(order, OnBoard):
                carried.setdefault(order.vehicle, []).append(order)
        groups: list[Group] = []
        for start, vehicles in self._fleets().items():
            mine = [order for order in free if self._fleet_of(order) == start]
            for part in self._sectors(mine, vehicles, size):
                aboard = [order for vehicle in part.vehicles for order in carried.get(vehicle.id, ())]
                groups.append(Group((*aboard, *part.orders), part.vehicles))
        return [group for group in _brought_home(groups) if group.orders]

    def _fleets(self) -> dict[int, list[VehicleShift]]:
        fleets: dict[int, list[VehicleShift]] = {}
        for vehicle in self.problem.vehicles:
            fleets.setdefault(vehicle.start, []).append(vehicle)
        if len(fleets) > FEW_STARTS:
            return {-1: list(self.problem.vehicles)}
        return fleets

    def _fleet_of(self, order: Order) -> int:
        starts = list(self._fleets())
        depot = getattr(order, "depot", None)
        if depot in starts or len(starts) == 1:
            return depot if depot in starts else starts[0]
        here = self._place(order)
        return min(starts, key=lambda start: float(np.linalg.norm(self.points[start] - here)))

    def _sectors(self, orders: list[Order], vehicles: list[VehicleShift], size: int) -> list[Group]:
        tasks = sum(len(visits(order)) for order in orders)
        count = max(1, min(round(tasks / size), len(vehicles)))
        center = np.mean([self.points[vehicle.start] for vehicle in vehicles], axis=0)
        around = sorted(orders, key=lambda order: _angle(self._place(order) - center))
        scattered = len({vehicle.start for vehicle in vehicles}) > 1
        if scattered:
            dealt = _chunks(sorted(vehicles, key=lambda v: _angle(self.points[v.start] - center)), count)
        else:
            alike = sorted(vehicles, key=_signature)
            dealt = [alike[number::count] for number in range(count)]
        return [
            Group(tuple(part), tuple(fleet)) for part, fleet in zip(_chunks(around, count), dealt, strict=True) if fleet
        ]

    # -- later rounds --------------------------------------------------------------------------------------------------

    def regroup(self, solution: Solution, size: int, turn: int) -> list[Group]:
        """The routes of `solution` in groups of about `size` tasks, neighbours along the direction of this `turn`;
        idle vehicles and orders left over are dealt to the groups."""
        routes = sorted(solution.routes, key=lambda route: self._along(route, turn))
        tasks = sum(route.summary.tasks for route in routes)
        count = max(1, round(tasks / size))
        groups: list[list[Route]] = [[]]
        seen = 0
        for route in routes:
            if seen >= len(groups) * tasks / count and len(groups) < count:
                groups.append([])
            groups[-1].append(route)
            seen += route.summary.tasks
        idle = [v for v in self.problem.vehicles if v.id not in solution.route_by_vehicle]
        idle.sort(key=_signature)
        fleets = [
            {route.vehicle_id for route in part} | {vehicle.id for vehicle in idle[number :: len(groups)]}
            for number, part in enumerate(groups)
        ]
        left = self._left_near(solution, groups, fleets)
        made = [self._group(part, idle[number :: len(groups)], left[number]) for number, part in enumerate(groups)]
        return [group for group in made if group.orders]

    def leftovers(self, solution: Solution, size: int) -> Group | None:
        """One group around the unassigned orders: the vehicles that could carry them, idle ones first, then near ones,
        until about `size` tasks are together. None when nothing is left over or nobody can carry it."""
        left = [self.problem.order_by_id[order_id] for order_id in solution.unassigned]
        left = sorted(left, key=lambda order: -order.priority)[: max(1, size // 4)]
        able = [v for v in self.problem.vehicles if any(self._can(v, order) for order in left)]
        if not able:
            return None
        middle = np.mean([self._place(order) for order in left], axis=0)

        def distance(vehicle: VehicleShift) -> float:
            route = solution.route_by_vehicle.get(vehicle.id)
            return -1.0 if route is None else float(np.linalg.norm(self._center(route) - middle))

        routes: list[Route] = []
        idle: list[VehicleShift] = []
        tasks = sum(len(visits(order)) for order in left)
        for vehicle in sorted(able, key=distance):
            route = solution.route_by_vehicle.get(vehicle.id)
            if route is None:
                idle.append(vehicle)
            elif tasks + route.summary.tasks <= size or not routes:
                routes.append(route)
                tasks += route.summary.tasks
        return self._group(routes, idle, left)

    def _group(self, routes: Iterable[Route], idle: Iterable[VehicleShift], left: Iterable[Order]) -> Group:
        present = tuple(routes)
        known = self.problem
        orders = [known.order_by_id[order_id] for route in present for order_id in route.order_ids]
        vehicles = [known.vehicle_by_id[route.vehicle_id] for route in present]
        return Group((*orders, *left), (*vehicles, *idle), present)

    def _left_near(
        self, solution: Solution, groups: list[list[Route]], fleets: Sequence[Collection[str]]
    ) -> list[list[Order]]:
        """The unassigned orders by the group whose routes are nearest, or which has the only vehicle that may take one. Those on board are not dealt: their vehicle may
        sit in another group; `leftovers` brings the two together."""
        left: list[list[Order]] = [[] for _ in groups]
        orders = [self.problem.order_by_id[order_id] for order_id in solution.unassigned]
        loose: list[Order] = [order for order in orders if not isinstance(order, OnBoard)]
        if not solution.routes:
            return [loose]
        centers = np.array([np.mean([self._center(route) for route in part], axis=0) for part in groups])
        for order in loose:
            only = _only(order)
            home = next((number for number, fleet in enumerate(fleets) if only in fleet), None)
            apart = np.linalg.norm(centers - self._place(order), axis=1)
            left[int(apart.argmin()) if home is None else home].append(order)
        return left

    def _can(self, vehicle: VehicleShift, order: Order) -> bool:
        if isinstance(order, OnBoard) and order.vehicle != vehicle.id:
            return False
        return not demands_unmet(order, vehicle, self.aboard.get(vehicle.id, Load()))

    def _place(self, order: Order) -> Points:
        middle: Points = np.mean([self.points[visit.location] for visit in visits(order)], axis=0)
        return middle

    def _center(self, route: Route) -> Points:
        doors = [step.location for step in route.steps if step.order_id is not None and step.location is not None]
        middle: Points = self.points[doors].mean(axis=0)
        return middle

    def _along(self, route: Route, turn: int) -> float:
        here = self._center(route) - self.points[self.problem.vehicle_by_id[route.vehicle_id].start]
        if turn % 2:
            return (_angle(here) + turn * GOLDEN_ANGLE) % (2 * math.pi)
        here = self._center(route)
        return float(here @ np.array([math.cos(turn * GOLDEN_ANGLE), math.sin(turn * GOLDEN_ANGLE)]))


def _only(order: Order) -> str | None:
    """The one vehicle that an order is bound to."""
    if isinstance(order, OnBoard):
        return order.vehicle
    return next(iter(order.vehicles)) if len(order.vehicles) == 1 else None


def _brought_home(groups: Sequence[Group]) -> list[Group]:
    """The groups with each order that is bound to one vehicle in that vehicle's."""
    home = {vehicle.id: number for number, group in enumerate(groups) for vehicle in group.vehicles}
    orders: list[list[Order]] = [[] for _ in groups]
    for number, group in enumerate(groups):
        for order in group.orders:
            orders[home.get(_only(order) or "", number)].append(order)
    return [replace(group, orders=tuple(mine)) for group, mine in zip(groups, orders, strict=True)]


def merge(problem: Problem, orders: Sequence[Order], solution: Solution, group: Group, answer: Solution) -> Solution:
    """`solution` (of `orders`) with the group's present routes replaced by those of `answer`."""
    gone = {route.vehicle_id for route in group.present}
    kept = [route for route in solution.routes if route.vehicle_id not in gone]
    return compose(problem, [*kept, *answer.routes], orders)


def compose(problem: Problem, routes: Iterable[Route], orders: Iterable[Order]) -> Solution:
    """A solution of `routes`; those of `orders` that are in none of them are unassigned."""
    position = {vehicle.id: number for number, vehicle in enumerate(problem.vehicles)}
    ordered = tuple(sorted(routes, key=lambda route: position[route.vehicle_id]))
    placed = {order_id for route in ordered for order_id in route.order_ids}
    return Solution(ordered, tuple(order.id for order in orders if order.id not in placed), total(ordered))


def positions(legs: Legs) -> Points:
    """A point in the plane for every location, such that distances resemble travel times.

    Classical scaling of evenly chosen landmarks; all others are placed by their travel times to those. Deterministic.
    """
    size = legs.seconds.shape[0]
    chosen = np.unique(np.linspace(0, size - 1, min(size, LANDMARKS)).astype(int))
    to_marks = legs.seconds[:, chosen].astype(np.float64)
    from_marks = legs.seconds[chosen, :].T.astype(np.float64)
    unknown = (to_marks == UNREACHABLE) | (from_marks == UNREACHABLE)
    there_and_back = (to_marks + from_marks) / 2
    farthest = float(there_and_back[~unknown].max(initial=1.0))
    squares = np.where(unknown, farthest, there_and_back) ** 2
    between = squares[chosen]
    centered = between - between.mean(axis=0) - between.mean(axis=1)[:, None] + between.mean()
    values, vectors = np.linalg.eigh(-centered / 2)
    scale = np.sqrt(np.maximum(values[-2:], 1e-9))
    projection = vectors[:, -2:] / scale
    points: Points = -(squares - between.mean(axis=0)) @ projection / 2
    if points.shape[1] < 2:
        points = np.column_stack([points, np.zeros(size)])
    return points


def _angle(vector: Points) -> float:
    return math.atan2(float(vector[1]), float(vector[0]))


def _signature(vehicle: VehicleShift) -> tuple[object, ...]:
    capacity = vehicle.capacity
    return (
        tuple(sorted(vehicle.skills)), vehicle.kind or "", vehicle.window.start, vehicle.window.end,
        capacity.weight_grams or 0, capacity.volume_cm3 or 0, capacity.items or 0,
        tuple(name for name, _ in capacity.compartments), vehicle.id,
    )  # fmt: skip


def _chunks(items: list[Item], count: int) -> list[list[Item]]:
    return [items[len(items) * n // count : len(items) * (n + 1) // count] for n in range(count)]
