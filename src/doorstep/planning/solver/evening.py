"""Balance: the work of the vehicles in use evened out, from a plan that is cheap.

No engine counts the longest route. So orders are moved from the longest route to another, or exchanged with one of
another, as long as that makes the longer of the two shorter; then the second longest has its turn, and so on. What looks
best by driving and waiting is timed exactly, and every change is verified. No vehicle comes into use, and no order is
left out or comes later than before.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from doorstep.planning.solver.decompose import compose
from doorstep.planning.solver.load import Load
from doorstep.planning.solver.problem import Order, PickupDelivery, Problem, VehicleShift, visits
from doorstep.planning.solver.schedule import Task, route_through
from doorstep.planning.solver.solution import Route, Solution, StepKind, loaded_at_start
from doorstep.planning.solver.travel import UNREACHABLE, Travel
from doorstep.planning.solver.unassigned import demands_unmet, loads_aboard
from doorstep.planning.solver.verify import route_violations

MOST_MOVES = 300
TRIED = 20
"""So many of the moves that look best are timed exactly."""
LEAST_GAIN_SECONDS = 30
"""A move has to shorten the longer route by so much; less is not worth its kilometres."""
BEST_PLACES = 2
"""So many places of another route are looked at for each order, and so many of its orders to exchange it with."""
FAR = 10**9

Seconds = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, order=True)
class _Move:
    """The tasks of two routes as they would be; `length` is a guess at the longer one's duration."""

    length: int
    number: int
    other: str = field(compare=False)
    giver: tuple[Task, ...] = field(compare=False)
    taker: tuple[Task, ...] = field(compare=False)


def even(problem: Problem, travel: Travel, solution: Solution, seconds: float | None) -> Solution:
    """`solution` with its routes evened out, within so many `seconds` (None: no clock decides)."""
    if len(solution.routes) < 2:
        return solution
    return _Evening(problem, travel, solution, seconds).run()


class _Evening:
    def __init__(self, problem: Problem, travel: Travel, solution: Solution, seconds: float | None) -> None:
        self.problem = problem
        self.travel = travel
        self.visit = {
            (kind, order.id): visit
            for order in problem.orders
            for kind, visit in zip(
                (StepKind.PICKUP, StepKind.DELIVERY)[-len(visits(order)) :], visits(order), strict=True
            )
        }
        self.routes = {route.vehicle_id: route for route in solution.routes}
        self.tasks = {route.vehicle_id: self._tasks(route) for route in solution.routes}
        self.driven = {name: self._driven(name, tasks) for name, tasks in self.tasks.items()}
        self.aboard = loads_aboard(problem)
        self.until = None if seconds is None else time.monotonic() + seconds

    def run(self) -> Solution:
        """Until no route can be made shorter, or time or moves are used up."""
        settled: set[str] = set()
        for _ in range(MOST_MOVES):
            waiting = [name for name in self.routes if name not in settled]
            if not waiting or (self.until is not None and time.monotonic() > self.until):
                break
            longest = max(waiting, key=self._length)
            if self._shorten(longest):
                settled.clear()
            else:
                settled.add(longest)
        return compose(self.problem, self.routes.values(), self.problem.orders)

    def _tasks(self, route: Route) -> tuple[Task, ...]:
        known = self.problem.order_by_id
        return tuple((step.kind, known[step.order_id]) for step in route.steps if step.order_id is not None)

    def _length(self, name: str) -> int:
        return self.routes[name].summary.duration_seconds

    # -- one move ------------------------------------------------------------------------------------------------------

    def _shorten(self, name: str) -> bool:
        """Make the best of the moves that shorten this route; False when there is none."""
        best: tuple[tuple[int, int], dict[str, Route | None]] | None = None
        for move in heapq.nsmallest(TRIED, self._moves(name)):
            made = self._made(name, move)
            if made is None:
                continue
            routes = [route for route in made.values() if route is not None]
            weight = max(r.summary.duration_seconds for r in routes), sum(r.summary.cost for r in routes)
            if best is None or weight < best[0]:
                best = weight, made
        for changed, route in best[1].items() if best is not None else ():
            if route is None:
                del self.routes[changed], self.tasks[changed]
            else:
                self.routes[changed], self.tasks[changed] = route, self._tasks(route)
                self.driven[changed] = self._driven(changed, self.tasks[changed])
        return best is not None

    def _made(self, name: str, move: _Move) -> dict[str, Route | None] | None:
        """The two routes of a move, if every rule holds and it is worth it; an empty one is None."""
        made: dict[str, Route | None] = {}
        for vehicle_id, tasks in ((name, move.giver), (move.other, move.taker)):
            vehicle = self.problem.vehicle_by_id[vehicle_id]
            made[vehicle_id] = route_through(vehicle, self.travel.of(vehicle), tasks) if tasks else None
            if tasks and made[vehicle_id] is None:
                return None
        routes = [route for route in made.values() if route is not None]
        before = [self.routes[vehicle_id] for vehicle_id in made]
        if max(route.summary.duration_seconds for route in routes) > self._length(name) - LEAST_GAIN_SECONDS:
            return None
        if sum(route.summary.late_seconds for route in routes) > sum(route.summary.late_seconds for route in before):
            return None
        return None if route_violations(self.problem, self.travel, routes) else made

    def _moves(self, name: str) -> Iterator[_Move]:
        """What looks as if it made the longer of two routes shorter."""
        limit = self._length(name) - LEAST_GAIN_SECONDS
        number = 0
        orders = {order.id: order for _, order in self.tasks[name]}
        for other in self.routes:
            if self._length(other) >= limit:
                continue
            for order in orders.values():
                if not self._can(other, order):
                    continue
                for move in (*self._given(name, other, order), *self._exchanged(name, other, order)):
                    if move[0] <= limit and self._fits(name, move[1]) and self._fits(other, move[2]):
                        number += 1
                        yield _Move(move[0], number, other, move[1], move[2])

    def _can(self, name: str, order: Order) -> bool:
        vehicle = self.problem.vehicle_by_id[name]
        return getattr(order, "vehicle", name) == name and not demands_unmet(
            order, vehicle, self.aboard.get(name, Load())
        )

    def _fits(self, name: str, tasks: Sequence[Task]) -> bool:
        """Whether the vehicle holds what it would be loaded with and may stop so often; a first look, not the verdict."""
        vehicle = self.problem.vehicle_by_id[name]
        if vehicle.max_stops is not None and len(tasks) > vehicle.max_stops:
            return False
        return vehicle.capacity.holds(loaded_at_start(order for _, order in tasks))

    def _given(self, name: str, other: str, order: Order) -> Iterator[tuple[int, tuple[Task, ...], tuple[Task, ...]]]:
        """The order taken off one route and put where it lies best on the other."""
        left = tuple(task for task in self.tasks[name] if task[1].id != order.id)
        giver = self._guess(name, left)
        for taken in self._with(other, order):
            yield max(giver, self._guess(other, taken)), left, taken

    def _with(self, name: str, order: Order) -> Iterator[tuple[Task, ...]]:
        """The route's tasks with the order in the places that cost the least."""
        tasks = self.tasks[name]
        first, last = visits(order)[0], visits(order)[-1]
        for place in _least(self._detours(name, tasks, first.location)):
            if not isinstance(order, PickupDelivery):
                yield (*tasks[:place], (StepKind.DELIVERY, order), *tasks[place:])
                continue
            begun = (*tasks[:place], (StepKind.PICKUP, order), *tasks[place:])
            detours = self._detours(name, begun, last.location)
            detours[: place + 1] = FAR
            for end in _least(detours):
                yield (*begun[:end], (StepKind.DELIVERY, order), *begun[end:])

    def _exchanged(
        self, name: str, other: str, order: Order
    ) -> Iterator[tuple[int, tuple[Task, ...], tuple[Task, ...]]]:
        """The order in the place of one of the other's, and that one in its place; single visits only."""
        if isinstance(order, PickupDelivery):
            return
        here = next(at for at, task in enumerate(self.tasks[name]) if task[1].id == order.id)
        mine, theirs = self.tasks[name], self.tasks[other]
        legs = self.travel.of(self.problem.vehicle_by_id[other]).seconds
        near = legs[visits(order)[0].location, [self.visit[kind, task.id].location for kind, task in theirs]]
        for there in np.argsort(near, kind="stable")[:BEST_PLACES]:
            kind, swapped = theirs[there]
            if isinstance(swapped, PickupDelivery) or not self._can(name, swapped):
                continue
            giver = (*mine[:here], (kind, swapped), *mine[here + 1 :])
            taker = (*theirs[:there], (kind, order), *theirs[there + 1 :])
            yield max(self._guess(name, giver), self._guess(other, taker)), giver, taker

    # -- guesses -------------------------------------------------------------------------------------------------------

    def _guess(self, name: str, tasks: Sequence[Task]) -> int:
        """How long the route would be with these tasks if it waited as long as now."""
        return self._length(name) - self.driven[name] + self._driven(name, tasks)

    def _driven(self, name: str, tasks: Sequence[Task]) -> int:
        """Driving and service of a sequence, without waiting."""
        vehicle = self.problem.vehicle_by_id[name]
        places = self._places(vehicle, tasks)
        legs = self.travel.of(vehicle).seconds[places[:-1], places[1:]]
        if (legs == UNREACHABLE).any():
            return FAR
        return int(legs.sum()) + self._served(vehicle, tasks)

    def _served(self, vehicle: VehicleShift, tasks: Iterable[Task]) -> int:
        here, seconds = vehicle.start, 0
        for kind, order in tasks:
            visit = self.visit[kind, order.id]
            seconds += visit.stay(vehicle.kind, here)
            here = visit.location
        return seconds

    def _detours(self, name: str, tasks: Sequence[Task], location: int) -> Seconds:
        """How much longer the drive is with a visit there, by the place in the sequence."""
        vehicle = self.problem.vehicle_by_id[name]
        seconds = self.travel.of(vehicle).seconds
        places = self._places(vehicle, tasks)
        if vehicle.end is None:
            places.append(places[-1])
        before, after = places[:-1], places[1:]
        to, on, between = (
            np.where(legs == UNREACHABLE, FAR, legs).astype(np.int64)
            for legs in (seconds[before, location], seconds[location, after], seconds[before, after])
        )
        if vehicle.end is None:
            on[-1] = between[-1] = 0
        detours: Seconds = np.asarray(to + on - between)
        return detours

    def _places(self, vehicle: VehicleShift, tasks: Sequence[Task]) -> list[int]:
        doors = [self.visit[kind, order.id].location for kind, order in tasks]
        return [vehicle.start, *doors] if vehicle.end is None else [vehicle.start, *doors, vehicle.end]


def _least(detours: Seconds) -> list[int]:
    return [int(place) for place in np.argsort(detours, kind="stable")[:BEST_PLACES] if detours[place] < FAR]
