"""Several tours in one shift: the vehicle comes back to its start, loads anew and sets out again.

The engines are asked only about vehicles that make one tour each; here their tours are put one after another onto the
shifts. Three ways lead to candidates: what is left out goes on what is left of the shifts, before or after their tours;
everything goes on shifts that are cut into equal parts; everything goes on as many whole shifts as there may be tours.
Then routes that fit behind one another on one vehicle are put there. Every route is timed by `schedule` and held
against every rule by `verify`, and a candidate is kept only where it ranks better, so the plan is never worse for it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from doorstep.planning.solver.decompose import Group, Neighbourhood, compose
from doorstep.planning.solver.load import Load, amount, dimensions, limit
from doorstep.planning.solver.problem import (
    Break,
    Delivery,
    OnBoard,
    Order,
    PickupDelivery,
    Problem,
    VehicleShift,
    Window,
    visits,
)
from doorstep.planning.solver.ranking import Ranking
from doorstep.planning.solver.running import Runner
from doorstep.planning.solver.schedule import earliest, timed
from doorstep.planning.solver.sequence import Acts, acts_of_route, joined, orders_of, reload_of, tasks_of, tours_of
from doorstep.planning.solver.softening import Gather
from doorstep.planning.solver.solution import Route, Solution
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.unassigned import demands_unmet, hopeless
from doorstep.planning.solver.verify import route_violations

TIMINGS = 4000
"""So many sequences are timed to put tours together; a second or two of one modest core."""
LEAST_SECONDS = 600
"""A part of a shift that is shorter is not worth a tour."""


def may_tour(problem: Problem) -> bool:
    """Whether any vehicle may come back for another tour."""
    return any(vehicle.max_tours > 1 for vehicle in problem.vehicles)


@dataclass(frozen=True, slots=True)
class _Parts:
    """A problem in which parts of shifts are vehicles, each for one tour; `of` names the vehicle behind each part."""

    problem: Problem
    of: Mapping[str, VehicleShift]


@dataclass(slots=True)
class Touring:
    """Works on one solve's plan of `problem`; the `runner` has the problem with its windows as they were posed. After so
    many `seconds` nothing more is asked of the engines (None: no clock decides)."""

    problem: Problem
    runner: Runner
    gather: Gather
    seconds: float | None = None
    left: int = TIMINGS
    until: float = field(init=False)
    travel: Travel = field(init=False)
    ranking: Ranking = field(init=False)

    def __post_init__(self) -> None:
        options = self.runner.options
        self.travel = self.runner.travel
        self.until = math.inf if self.seconds is None else time.monotonic() + self.seconds
        self.ranking = Ranking(self.problem, options.objective, options.lateness)

    async def run(self, single: Solution) -> Solution:
        """`single` or what is better with more tours."""
        best = await self._filled(single)
        if self._could_take(single):
            for parts in (*(self._cut(number) for number in self._cuts()), self._doubled()):
                if time.monotonic() < self.until:
                    best = self.ranking.better(best, await self._filled(await self._anew(parts)))
        return await asyncio.to_thread(self._fewer, best)

    # -- candidates ----------------------------------------------------------------------------------------------------

    async def _filled(self, solution: Solution) -> Solution:
        """The plan with more tours for what it leaves out, as long as that brings anything."""
        for _ in range(max(vehicle.max_tours for vehicle in self.problem.vehicles) - 1):
            if not self._could_take(solution) or time.monotonic() > self.until:
                break
            parts = await asyncio.to_thread(self._rest, solution)
            tours = await self._tours(parts, parts.problem.orders) if parts is not None else ()
            fuller = await asyncio.to_thread(self._with, solution, tours)
            if self.ranking.better(solution, fuller) is solution:
                break
            solution = fuller
        return solution

    async def _anew(self, parts: _Parts | None) -> Solution:
        tours = await self._tours(parts, parts.problem.orders) if parts is not None else ()
        return await asyncio.to_thread(self._with, compose(self.problem, (), self.problem.orders), tours)

    async def _tours(self, parts: _Parts, orders: Sequence[Order]) -> list[tuple[VehicleShift, Acts]]:
        """What the engines make of the parts: tours, each with the vehicle that it is meant for, the early parts first."""
        runner = replace(
            self.runner,
            problem=parts.problem,
            better=Ranking(parts.problem, self.runner.options.objective.for_engines).better,
            is_warm=False,
        )
        groups = await asyncio.to_thread(self._groups, parts, orders)
        routes: dict[str, Route] = {}
        for answer in await self.gather(groups, runner):
            found = () if answer.solution is None else answer.solution.routes
            routes |= {route.vehicle_id: route for route in found}
        known = self.problem.order_by_id
        return [
            (parts.of[part.id], tasks_of(acts_of_route(routes[part.id], part, known)))
            for part in parts.problem.vehicles
            if part.id in routes
        ]

    def _groups(self, parts: _Parts, orders: Sequence[Order]) -> list[Group]:
        size = self.runner.options.group_size
        lost = {order.id for order in hopeless(parts.problem, self.travel)}
        asked = tuple(order for order in orders if order.id not in lost)
        if not asked:
            return []
        if size is None or sum(len(visits(order)) for order in asked) <= size:
            return [Group(asked, parts.problem.vehicles)]
        return Neighbourhood(parts.problem, self.travel).sectors(asked, size)

    def _could_take(self, solution: Solution) -> bool:
        """Whether a vehicle that may make more tours could carry any order that is left out."""
        left = [self.problem.order_by_id[order_id] for order_id in solution.unassigned]
        return any(
            vehicle.max_tours > 1 and not demands_unmet(order, vehicle, Load())
            for order in left
            if isinstance(order, Delivery)
            for vehicle in self.problem.vehicles
        )

    # -- parts of shifts -----------------------------------------------------------------------------------------------

    def _cuts(self) -> list[int]:
        """Into how many parts shifts are cut: as many as the loads ask for, one more, and as many as allowed."""
        most = max(vehicle.max_tours for vehicle in self.problem.vehicles)
        asked = 1
        for dimension in dimensions(order.load for order in self.problem.orders):
            limits = [limit(vehicle.capacity, dimension) for vehicle in self.problem.vehicles]
            room = sum(one for one in limits if one is not None)
            if None not in limits and room:
                loaded = sum(amount(order.load, dimension) for order in self.problem.orders)
                asked = max(asked, math.ceil(loaded / room))
        return sorted({min(most, max(2, count)) for count in (asked, asked + 1, most if most <= asked + 3 else 0)})

    def _cut(self, count: int) -> _Parts | None:
        return self._parts(
            (vehicle, part) for vehicle in self.problem.vehicles for part in _equal_parts(vehicle, count)
        )

    def _doubled(self) -> _Parts | None:
        """Each vehicle as often as it may make tours, all of them all day."""
        return self._parts(
            (vehicle, _part(vehicle, number, vehicle.window, _share(vehicle, vehicle.max_tours)))
            for vehicle in self.problem.vehicles
            for number in range(vehicle.max_tours)
        )

    def _rest(self, solution: Solution) -> _Parts | None:
        """The longer time that each shift has left, before its route or behind it, for the orders left out."""
        found: list[tuple[VehicleShift, VehicleShift]] = []
        for vehicle in self.problem.vehicles:
            route = solution.route_by_vehicle.get(vehicle.id)
            rest = vehicle if route is None else self._rest_of(vehicle, route)
            if rest is not None:
                found.append((vehicle, replace(rest, max_tours=1)))
        return self._parts(found, frozenset(solution.unassigned))

    def _rest_of(self, vehicle: VehicleShift, route: Route) -> VehicleShift | None:
        tours = tours_of(self._acts(route))
        legs, shift = self.travel.of(vehicle), vehicle.window
        back = earliest(replace(vehicle, end=vehicle.start), legs, joined(tours, reload_of(vehicle)))
        if len(tours) >= vehicle.max_tours or back is None:
            return None
        before = Window(shift.start, route.steps[0].arrival - vehicle.reload_seconds)
        behind = Window(back.now + vehicle.reload_seconds, shift.end)
        window = max((behind, before), key=lambda one: one.end - one.start)
        if window.end - window.start < LEAST_SECONDS:
            return None
        summary = route.summary
        used = (summary.tasks, summary.distance_meters, summary.driving_seconds)
        limits = tuple(None if most is None else most - n for most, n in zip(_limits(vehicle), used, strict=True))
        if any(limit is not None and limit < 1 for limit in limits):
            return None
        return _part(vehicle, len(tours), window, limits)

    def _parts(
        self, found: Iterable[tuple[VehicleShift, VehicleShift]], only: frozenset[str] | None = None
    ) -> _Parts | None:
        """The problem of these parts and the orders (some `only`) that they may have; None when there is nothing in it."""
        pairs = list(found)
        names: dict[str, list[str]] = {}
        for vehicle, part in pairs:
            names.setdefault(vehicle.id, []).append(part.id)
        orders = (order for order in self.runner.problem.orders if only is None or order.id in only)
        asked = tuple(moved for order in orders if (moved := _onto(order, names)) is not None)
        if not pairs or not asked:
            return None
        problem = replace(self.problem, orders=asked, vehicles=tuple(part for _, part in pairs))
        return _Parts(problem, {part.id: vehicle for vehicle, part in pairs})

    # -- tours one after another ---------------------------------------------------------------------------------------

    def _with(self, solution: Solution, tours: Sequence[tuple[VehicleShift, Acts]]) -> Solution:
        """The plan with each tour on its vehicle, or on another where it does not fit there; else left out."""
        routes = dict(solution.route_by_vehicle)
        homeless: list[Acts] = []
        for vehicle, tour in tours:
            placed = self._joined(vehicle, routes.get(vehicle.id), tour)
            if placed is None:
                homeless.append(tour)
            else:
                routes[vehicle.id] = placed
        for tour in homeless:
            self._house(routes, tour)
        return compose(self.problem, routes.values(), self.problem.orders)

    def _house(self, routes: dict[str, Route], tour: Acts) -> None:
        """Put the tour where it costs least, if it can go anywhere."""
        best: Route | None = None
        for vehicle in self.problem.vehicles:
            placed = self._joined(vehicle, routes.get(vehicle.id), tour)
            if placed is not None and (best is None or self._added(routes, placed) < self._added(routes, best)):
                best = placed
        if best is not None:
            routes[best.vehicle_id] = best

    def _added(self, routes: Mapping[str, Route], route: Route) -> tuple[int, int]:
        before = routes.get(route.vehicle_id)
        summary = route.summary
        if before is None:
            return summary.cost, summary.duration_seconds
        return summary.cost - before.summary.cost, summary.duration_seconds - before.summary.duration_seconds

    def _joined(self, vehicle: VehicleShift, route: Route | None, tours: Acts) -> Route | None:
        """The vehicle's route with these tours at its end, or else earlier; None when that breaks a rule."""
        have = [] if route is None else tours_of(self._acts(route))
        new = tours_of(tours)
        if len(have) + len(new) > vehicle.max_tours or not self._has_room(vehicle, route, tours):
            return None
        for at in reversed(range(len(have) + 1)):
            if self.left <= 0:
                return None
            self.left -= 1
            acts = joined([*have[:at], *new, *have[at:]], reload_of(vehicle))
            longer = timed(vehicle, self.travel.of(vehicle), acts)
            if longer is not None and not route_violations(self.problem, self.travel, (longer,)):
                return longer
        return None

    def _has_room(self, vehicle: VehicleShift, route: Route | None, tours: Acts) -> bool:
        """Whether the vehicle may have these orders at all, and the shift is long enough; a first look."""
        if any(
            getattr(order, "vehicle", vehicle.id) != vehicle.id or demands_unmet(order, vehicle, Load())
            for order in orders_of(tours)
        ):
            return False
        service = sum(act.visit.seconds_for(vehicle.kind)[1] for act in tours)
        summary = None if route is None else route.summary
        busy = 0 if summary is None else summary.duration_seconds - summary.waiting_seconds
        return busy + service <= vehicle.window.end - vehicle.window.start

    def _fewer(self, solution: Solution) -> Solution:
        """Whole routes behind those of other vehicles, the shortest first, where the plan is better for it."""
        for route in sorted(solution.routes, key=lambda one: one.summary.duration_seconds):
            routes = dict(solution.route_by_vehicle)
            moved = routes.pop(route.vehicle_id)
            for other in list(routes.values()):
                longer = self._joined(self.problem.vehicle_by_id[other.vehicle_id], other, self._acts(moved))
                if longer is None:
                    continue
                tried = compose(self.problem, {**routes, longer.vehicle_id: longer}.values(), self.problem.orders)
                if self.ranking.better(solution, tried) is tried:
                    solution = tried
                    break
        return solution

    def _acts(self, route: Route) -> Acts:
        vehicle = self.problem.vehicle_by_id[route.vehicle_id]
        return tasks_of(acts_of_route(route, vehicle, self.problem.order_by_id))


def _limits(vehicle: VehicleShift) -> tuple[int | None, ...]:
    return vehicle.max_stops, vehicle.max_distance_meters, vehicle.max_driving_seconds


def _share(vehicle: VehicleShift, count: int) -> tuple[int | None, ...]:
    return tuple(None if most is None else max(1, most // count) for most in _limits(vehicle))


def _equal_parts(vehicle: VehicleShift, count: int) -> Iterator[VehicleShift]:
    """The shift in at most `count` parts of equal length, with time to load between them."""
    shift, again = vehicle.window, vehicle.reload_seconds
    most = (shift.end - shift.start + again) // (LEAST_SECONDS + again)
    number = max(1, min(count, vehicle.max_tours, most))
    length = (shift.end - shift.start + again) // number - again
    share = _share(vehicle, number)
    for turn in range(number):
        begin = shift.start + turn * (length + again)
        part = _part(vehicle, turn, Window(begin, begin + length), share)
        yield part if turn == number - 1 else replace(part, end=vehicle.start)


def _part(vehicle: VehicleShift, number: int, window: Window, limits: Sequence[int | None]) -> VehicleShift:
    """A vehicle for one tour; only the first is paid for being used."""
    stops, meters, driving = limits
    return replace(
        vehicle,
        id=f"{vehicle.id} / {number}",
        window=window,
        breaks=tuple(pause for pause in vehicle.breaks if _falls_into(pause, window)),
        costs=replace(vehicle.costs, fixed=0) if number else vehicle.costs,
        max_stops=stops,
        max_distance_meters=meters,
        max_driving_seconds=driving,
        max_tours=1,
    )


def _falls_into(pause: Break, window: Window) -> bool:
    last = window.end - pause.duration_seconds
    return any(max(one.start, window.start) <= min(one.end, last) for one in pause.windows)


def _onto(order: Order, names: Mapping[str, Sequence[str]]) -> Order | None:
    """The order for the parts of the vehicles that it names; what is aboard goes out first. None when there are none."""
    match order:
        case OnBoard():
            return replace(order, vehicle=names[order.vehicle][0]) if order.vehicle in names else None
        case Delivery() | PickupDelivery() if order.vehicles:
            parts = frozenset(part for vehicle in order.vehicles for part in names.get(vehicle, ()))
            return replace(order, vehicles=parts) if parts else None
    return order
