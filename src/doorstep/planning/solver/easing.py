"""The smallest verified relaxation that places an order which a solution left out.

The order is put into the finished routes at the places with the shortest detours, with rules lifted; what each such route
would need is measured, and the needs are tried in ascending size until one holds before the verifier. Where that finds
nothing small, the nearest routes are solved once more together with the order, and the smaller answer counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from doorstep.planning.solver.insertion import places, put
from doorstep.planning.solver.problem import Order, Problem, VehicleShift, Window, visits
from doorstep.planning.solver.relaxing import (
    Change,
    changes_for,
    demands,
    lifted,
    relaxed,
    share_of,
    unlimited,
    vehicle_changes,
    with_windows,
    without_demands,
)
from doorstep.planning.solver.sequence import Acts, acts_of_route, orders_of, timed
from doorstep.planning.solver.solution import Route, Solution, total
from doorstep.planning.solver.travel import Legs, Travel
from doorstep.planning.solver.unassigned import candidates
from doorstep.planning.solver.verify import violations

PLACES_PER_VEHICLE = 6
VEHICLES = 40
"""So many vehicles are tried, those with the shortest detours."""
TRIED = 12
"""So many measured needs are verified, the smallest first."""
NEAREST = 3
"""So many vehicles are solved once more."""


class Search(StrEnum):
    """How a relaxation was found."""

    INSERTION = "INSERTION"
    RESOLVE = "RESOLVE"


@dataclass(frozen=True, slots=True)
class Eased:
    """A relaxation that holds: the order fits into `route` with these changes; `added_cost` is what its vehicles then cost more."""

    order_id: str
    vehicle_id: str
    changes: tuple[Change, ...]
    search: Search
    route: Route
    added_cost: int

    @property
    def share(self) -> float:
        """Its size, see `relaxing`."""
        return share_of(self.changes)


@dataclass(frozen=True, slots=True)
class _Need:
    share: float
    detour: int
    vehicle: VehicleShift
    acts: Acts
    changes: tuple[Change, ...]


class Easing:
    """The finished routes of a problem, ready to be asked about the orders that are on none of them."""

    def __init__(self, problem: Problem, acts: Mapping[str, Acts]) -> None:
        self.problem = problem
        self.travel = Travel(problem)
        self.acts = {vehicle.id: acts.get(vehicle.id, ()) for vehicle in problem.vehicles}
        self.costs = {vehicle.id: self._cost(vehicle) for vehicle in problem.vehicles}

    def by_insertion(self, order: Order, deadline: float) -> Eased | None:
        """The smallest relaxation with which the order can be put into one of the routes as they are, by `deadline` (monotonic)."""
        needs: list[_Need] = []
        for vehicle in self.nearest(order, VEHICLES):
            if time.monotonic() > deadline:
                break
            needs += self._needs(order, vehicle)
        needs.sort(key=lambda need: (need.share, need.detour))
        for need in needs[:TRIED]:
            route = self._verified(order, need)
            if route is not None:
                added = route.summary.cost - self.costs[need.vehicle.id]
                return Eased(order.id, need.vehicle.id, need.changes, Search.INSERTION, route, added)
        return None

    def nearest(self, order: Order, most: int) -> list[VehicleShift]:
        """The vehicles with the shortest detours, those that meet the order's demands first."""
        found = []
        for vehicle in candidates(self.problem, order):
            best = places(vehicle, self._legs(vehicle), self.acts[vehicle.id], order, 1)
            if best:
                found.append((len(demands(order, vehicle)), best[0].detour, vehicle))
        return [vehicle for _, _, vehicle in sorted(found, key=lambda one: one[:2])[:most]]

    def _needs(self, order: Order, vehicle: VehicleShift) -> Iterable[_Need]:
        legs, acts = self._legs(vehicle), self.acts[vehicle.id]
        for place in places(vehicle, legs, acts, order, PLACES_PER_VEHICLE):
            for loose in lifted(order, vehicle):
                tried = put(acts, loose.order, place)
                route = timed(loose.vehicle, legs, tried)
                if route is not None:
                    changes = changes_for(order, vehicle, tried, route)
                    yield _Need(share_of(changes), place.detour, vehicle, put(acts, order, place), changes)

    def _verified(self, order: Order, need: _Need) -> Route | None:
        """The route with just the measured changes, if it holds before the verifier."""
        loose = relaxed(order, need.vehicle, need.changes)
        acts = tuple(replace(act, order=loose.order) if act.order is order else act for act in need.acts)
        route = timed(loose.vehicle, self._legs(need.vehicle), acts)
        if route is None or not self._holds((loose.vehicle,), orders_of(acts), (route,)):
            return None
        return route

    def _holds(self, vehicles: Sequence[VehicleShift], orders: Sequence[Order], routes: Sequence[Route]) -> bool:
        part = replace(self.problem, orders=tuple(orders), vehicles=tuple(vehicles))
        return not violations(part, Solution(tuple(routes), (), total(routes)))

    def _legs(self, vehicle: VehicleShift) -> Legs:
        return self.travel.of(vehicle)

    def _cost(self, vehicle: VehicleShift) -> int:
        route = timed(vehicle, self._legs(vehicle), self.acts[vehicle.id])
        return route.summary.cost if route is not None else 0

    # -- one re-solve --------------------------------------------------------------------------------------------------

    def neighbourhood(self, order: Order) -> Problem | None:
        """The nearest routes with the order as one small problem, with the rule lifted that stands most in the way.

        That is the order's window where it has one, else the end of the shifts. None when no vehicle can get there.
        """
        near = self.nearest(order, NEAREST)
        if not near:
            return None
        orders = [replace(one, priority=100) for vehicle in near for one in orders_of(self.acts[vehicle.id])]
        wanted = replace(order, priority=100)
        open_ends = [number for number, visit in enumerate(visits(order)) if visit.windows]
        for number in open_ends:
            wanted = with_windows(wanted, number, ())
        vehicles = []
        for vehicle in near:
            wanted = without_demands(wanted, vehicle)
            free = replace(vehicle, skills=unlimited(vehicle, order).skills)
            later = Window(vehicle.window.start, vehicle.window.end + 4 * 3600)
            vehicles.append(free if open_ends else replace(free, window=later))
        return replace(self.problem, orders=(*orders, wanted), vehicles=tuple(vehicles))

    def by_resolve(self, order: Order, solution: Solution) -> Eased | None:
        """What the solution of the order's neighbourhood needs, if all of it holds with just that."""
        if solution.unassigned:
            return None
        found: dict[str, tuple[VehicleShift, Acts]] = {}
        changes: tuple[Change, ...] = ()
        chosen = ""
        known = {**self.problem.order_by_id}
        for route in solution.routes:
            vehicle = self.problem.vehicle_by_id[route.vehicle_id]
            acts = acts_of_route(route, vehicle, known)
            here = tuple(vehicle_changes(vehicle, route))
            if order.id in route.order_ids:
                chosen, here = vehicle.id, changes_for(order, vehicle, acts, route)
            elif here:
                return None  # a second shift would have to give: not one relaxation but several
            found[vehicle.id] = (vehicle, acts)
            changes += here
        if not chosen:
            return None
        return self._resolved(order, chosen, changes, found)

    def _resolved(
        self, order: Order, chosen: str, changes: tuple[Change, ...], found: Mapping[str, tuple[VehicleShift, Acts]]
    ) -> Eased | None:
        routes: list[Route] = []
        vehicles: list[VehicleShift] = []
        orders: list[Order] = []
        loose = relaxed(order, found[chosen][0], changes)
        own = tuple(replace(act, order=loose.order) if act.order is order else act for act in found[chosen][1])
        for vehicle, acts in {**found, chosen: (loose.vehicle, own)}.values():
            route = timed(vehicle, self._legs(vehicle), acts)
            if route is None:
                return None
            routes.append(route)
            vehicles.append(vehicle)
            orders += orders_of(acts)
        if not self._holds(vehicles, orders, routes):
            return None
        route = next(one for one in routes if one.vehicle_id == chosen)
        before = sum(self.costs[vehicle.id] for vehicle in self.nearest(order, NEAREST))
        added = total(routes).cost - before
        return Eased(order.id, chosen, changes, Search.RESOLVE, route, added)


def smaller(one: Eased | None, other: Eased | None) -> Eased | None:
    """The one that asks for less; of equals the cheaper."""
    found = [eased for eased in (one, other) if eased is not None]
    return min(found, key=lambda eased: (eased.share, eased.added_cost), default=None)
