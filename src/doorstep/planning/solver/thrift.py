"""Waiting has its price: orders moved, one at a time, to where the whole plan costs less, from a plan that an engine made.

VROOM counts driving alone. The hours for which a driver is paid at a door that opens later are no part of what it looks at,
and a plan for little cost could come out dearer than one for few kilometres. So where a plan waits, each order is tried in
other places of its own route, of other routes, and on vehicles that stay at home; what is timed exactly, costs less and holds
is kept. No order is left out, and altogether nothing is later than before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from doorstep.planning.solver.decompose import compose
from doorstep.planning.solver.estimate import Objective
from doorstep.planning.solver.load import Load
from doorstep.planning.solver.problem import Order, Problem, VehicleShift
from doorstep.planning.solver.schedule import timed
from doorstep.planning.solver.sequence import Acts, acts_of, acts_of_route, joined, orders_of, tasks_of, tours_of
from doorstep.planning.solver.solution import Route, Solution
from doorstep.planning.solver.travel import UNREACHABLE, Travel
from doorstep.planning.solver.unassigned import demands_unmet, loads_aboard
from doorstep.planning.solver.verify import route_violations

MOST_TIMINGS = 2000
"""So many routes are timed; a second or two of one modest core."""
BEST_PLACES = 2
"""So many places of a route are tried for each visit, those with the shortest detours."""
FAR = 10**9
COUNTS = frozenset({Objective.COST, Objective.ON_TIME})
"""Where cost decides: alone, or between plans that are equally late."""


def wastes(problem: Problem, solution: Solution) -> bool:
    """Whether anybody is paid for waiting."""
    known = problem.vehicle_by_id
    return any(r.summary.waiting_seconds and known[r.vehicle_id].costs.per_hour for r in solution.routes)


def thrifty(problem: Problem, travel: Travel, solution: Solution, seconds: float | None) -> Solution:
    """`solution` or a cheaper one with the same orders, within so many `seconds` (None: no clock decides)."""
    return _Thrift(problem, travel, solution, seconds).run()


class _Thrift:
    def __init__(self, problem: Problem, travel: Travel, solution: Solution, seconds: float | None) -> None:
        self.problem = problem
        self.travel = travel
        self.until = None if seconds is None else time.monotonic() + seconds
        self.left = MOST_TIMINGS
        self.aboard = loads_aboard(problem)
        self.routes = {route.vehicle_id: route for route in solution.routes}
        self.tasks: dict[str, Acts] = {vehicle.id: () for vehicle in problem.vehicles}
        self.tasks |= {name: self._tasks(route) for name, route in self.routes.items()}
        self.on = {order.id: name for name, tasks in self.tasks.items() for order in orders_of(tasks)}

    def run(self) -> Solution:
        """Until every order has been tried since the last that was moved, or the timings or the time are used up."""
        known = self.problem.order_by_id
        orders = [known[order_id] for order_id in sorted(self.on, key=self._waits, reverse=True)]
        turn = fruitless = 0
        while fruitless < len(orders) and not self._is_over():
            fruitless = 0 if self._move(orders[turn % len(orders)]) else fruitless + 1
            turn += 1
        return compose(self.problem, self.routes.values(), self.problem.orders)

    def _is_over(self) -> bool:
        return self.left <= 0 or (self.until is not None and time.monotonic() > self.until)

    def _tasks(self, route: Route) -> Acts:
        vehicle = self.problem.vehicle_by_id[route.vehicle_id]
        return tasks_of(acts_of_route(route, vehicle, self.problem.order_by_id))

    def _waits(self, order_id: str) -> int:
        return self.routes[self.on[order_id]].summary.waiting_seconds

    def _move(self, order: Order) -> bool:
        """Put the order where that saves most; False when it is best where it is."""
        best: tuple[int, dict[str, Route | None]] | None = None
        for made in self._ways(order):
            saved = self._saved(made)
            if saved > (best[0] if best is not None else 0) and self._holds(made):
                best = saved, made
        for name, route in best[1].items() if best is not None else ():
            self.tasks[name] = () if route is None else self._tasks(route)
            self.on |= {one.id: name for one in orders_of(self.tasks[name])}
            if route is None:
                del self.routes[name]
            else:
                self.routes[name] = route
        return best is not None

    def _ways(self, order: Order) -> Iterator[dict[str, Route | None]]:
        """The routes that change, as they would be; None for one that loses its last order."""
        own = self.on[order.id]
        rest = joined(tours_of(tuple(act for act in self.tasks[own] if act.order is not order)))
        less = self._timed(own, rest) if rest else None
        for name, tasks in self.tasks.items():
            if not self._can(name, order) or (name != own and rest and less is None):
                continue
            for fuller in self._with(name, rest if name == own else tasks, order):
                route = self._timed(name, fuller) if fuller != tasks else None
                if route is not None:
                    yield {name: route} if name == own else {own: less, name: route}

    def _can(self, name: str, order: Order) -> bool:
        vehicle = self.problem.vehicle_by_id[name]
        return getattr(order, "vehicle", name) == name and not demands_unmet(
            order, vehicle, self.aboard.get(name, Load())
        )

    def _with(self, name: str, tasks: Acts, order: Order) -> Iterator[Acts]:
        """The vehicle's tasks with the order in the places that cost the least driving."""
        vehicle = self.problem.vehicle_by_id[name]
        first, *then = acts_of(order)
        for place in self._places(vehicle, tasks, first.visit.location):
            begun = (*tasks[:place], first, *tasks[place:])
            if not then:
                yield begun
                continue
            for end in self._places(vehicle, begun, then[0].visit.location, place + 1):
                yield (*begun[:end], then[0], *begun[end:])

    def _places(self, vehicle: VehicleShift, tasks: Acts, location: int, at_least: int = 0) -> list[int]:
        """Where in the sequence a visit there makes the drive least longer."""
        seconds = self.travel.of(vehicle).seconds
        stops = [vehicle.start, *(act.visit.location for act in tasks)]
        after = [*stops[1:], stops[-1] if vehicle.end is None else vehicle.end]
        to, on, between = (
            np.where(legs == UNREACHABLE, FAR, legs).astype(np.int64)
            for legs in (seconds[stops, location], seconds[location, after], seconds[stops, after])
        )
        if vehicle.end is None:
            on[-1] = between[-1] = 0
        detours = to + on - between
        detours[:at_least] = FAR
        return [int(place) for place in np.argsort(detours, kind="stable")[:BEST_PLACES] if detours[place] < FAR]

    def _timed(self, name: str, tasks: Acts) -> Route | None:
        self.left -= 1
        vehicle = self.problem.vehicle_by_id[name]
        return timed(vehicle, self.travel.of(vehicle), tasks)

    def _saved(self, made: dict[str, Route | None]) -> int:
        """What the routes cost less than now."""
        before = sum(self.routes[name].summary.cost for name in made if name in self.routes)
        return before - sum(route.summary.cost for route in made.values() if route is not None)

    def _holds(self, made: dict[str, Route | None]) -> bool:
        routes = [route for route in made.values() if route is not None]
        late = sum(self.routes[name].summary.late_seconds for name in made if name in self.routes)
        if sum(route.summary.late_seconds for route in routes) > late:
            return False
        return not route_violations(self.problem, self.travel, routes)
