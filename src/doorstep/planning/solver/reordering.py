"""Relations put right in finished routes: sequences by moving deliveries within their route, everything else by leaving out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from doorstep.planning.solver.decompose import compose
from doorstep.planning.solver.problem import Problem
from doorstep.planning.solver.relations import Relation, RelationKind, fallen
from doorstep.planning.solver.schedule import timed
from doorstep.planning.solver.sequence import Act, Acts, acts_of_route, joined, tasks_of, tours_of
from doorstep.planning.solver.solution import Route, Solution, StepKind
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.verify import route_violations

MOST_TIMED = 25
"""So many places for a delivery are timed, those of the shortest detours."""
MOST_PASSES = 4
"""Several sequences on one route can undo each other; after so many passes the last orders of one are left out."""


def in_order(problem: Problem, travel: Travel, solution: Solution) -> Solution:
    """`solution` with every relation of `problem` kept: orders that stand in the way are left out, none is added."""
    return _Settling(problem, travel, solution).run()


class _Settling:
    def __init__(self, problem: Problem, travel: Travel, solution: Solution) -> None:
        self.problem = problem
        self.travel = travel
        self.routes = {route.vehicle_id: route for route in solution.routes}

    def run(self) -> Solution:
        lost = self._lost()
        while lost:  # each turn leaves at least one more order out
            self._take_out(lost)
            lost = self._lost()
        return compose(self.problem, self.routes.values(), self.problem.orders)

    def _carriers(self) -> dict[str, str]:
        return {name: route.vehicle_id for route in self.routes.values() for name in route.order_ids}

    def _lost(self) -> frozenset[str]:
        """The next orders that must go; none when all relations hold."""
        carriers, relations = self._carriers(), self.problem.relations
        gone = self.problem.order_by_id.keys() - carriers.keys()
        for relation in relations:
            gone = gone | self._in_the_way(relation, carriers)
        lost = fallen(relations, gone).intersection(carriers)
        return lost or self._out_of_sequence(carriers)

    def _in_the_way(self, relation: Relation, carriers: dict[str, str]) -> frozenset[str]:
        """Of orders on routes where they may not be together, or apart, those that go."""
        served = [name for name in relation.order_ids if name in carriers]
        if relation.kind is RelationKind.DIFFERENT_ROUTES:
            best: dict[str, str] = {}
            for name in sorted(served, key=lambda name: -self.problem.order_by_id[name].priority):
                best.setdefault(carriers[name], name)
            return frozenset(served) - set(best.values())
        if relation.kind is RelationKind.SAME_ROUTE:
            return frozenset(served) if len({carriers[name] for name in served}) > 1 else frozenset()
        return frozenset(name for name in served if carriers[name] != carriers[served[0]])

    def _take_out(self, lost: Iterable[str]) -> None:
        """The routes without these orders; one that does not hold without them is given up."""
        names = frozenset(lost)
        for vehicle_id, route in list(self.routes.items()):
            if not names.intersection(route.order_ids):
                continue
            kept = tuple(act for act in self._acts(route) if act.order is None or act.order.id not in names)
            acts = joined(tours_of(kept))
            shorter = self._timed(vehicle_id, acts) if tasks_of(acts) else None
            if shorter is None:
                del self.routes[vehicle_id]
            else:
                self.routes[vehicle_id] = shorter

    def _acts(self, route: Route) -> Acts:
        return acts_of_route(route, self.problem.vehicle_by_id[route.vehicle_id], self.problem.order_by_id)

    def _timed(self, vehicle_id: str, acts: Acts) -> Route | None:
        """The sequence as a route that keeps every rule."""
        vehicle = self.problem.vehicle_by_id[vehicle_id]
        route = timed(vehicle, self.travel.of(vehicle), joined(tours_of(acts)))
        return None if route is None or route_violations(self.problem, self.travel, (route,)) else route

    # -- sequences -----------------------------------------------------------------------------------------------------

    def _out_of_sequence(self, carriers: dict[str, str]) -> frozenset[str]:
        """Put every route's deliveries in sequence; the last of those that no order of stops keeps."""
        on_route: dict[str, list[tuple[str, ...]]] = {}
        for relation in self.problem.relations:
            names = tuple(name for name in relation.order_ids if name in carriers)
            if relation.kind is RelationKind.IN_SEQUENCE and len(names) > 1:
                on_route.setdefault(carriers[names[0]], []).append(names)
        for vehicle_id, chains in on_route.items():
            wrong = self._put_in_sequence(vehicle_id, chains)
            if wrong is not None:
                return fallen(self.problem.relations, [wrong[-1]]).intersection(carriers)
        return frozenset()

    def _put_in_sequence(self, vehicle_id: str, chains: list[tuple[str, ...]]) -> tuple[str, ...] | None:
        """The first chain for which the route could not be changed."""
        wrong: list[tuple[str, ...]] = []
        for _ in range(MOST_PASSES):
            acts = self._acts(self.routes[vehicle_id])
            wrong = [chain for chain in chains if not _holds(acts, chain)]
            better = self._rearranged(vehicle_id, wrong[0]) if wrong else None
            if better is None:
                break
            self.routes[vehicle_id] = better
        return wrong[0] if wrong else None

    def _rearranged(self, vehicle_id: str, chain: tuple[str, ...]) -> Route | None:
        """The cheapest of the ways to bring the chain's deliveries in sequence that hold."""
        acts = self._acts(self.routes[vehicle_id])
        found = [
            self._moved(vehicle_id, acts, chain, later=True),
            self._moved(vehicle_id, acts, chain, later=False),
            self._swapped(vehicle_id, acts, chain),
        ]
        routes = [route for route in found if route is not None and _holds(self._acts(route), chain)]
        return min(routes, key=lambda route: (route.summary.late_seconds, route.summary.cost), default=None)

    def _swapped(self, vehicle_id: str, acts: Acts, chain: tuple[str, ...]) -> Route | None:
        """The same times of the route for the chain, each delivery on the place in it that its number has."""
        places = sorted(_place(acts, name) for name in chain)
        changed = list(acts)
        for place, name in zip(places, chain, strict=True):
            changed[place] = acts[_place(acts, name)]
        return self._timed(vehicle_id, tuple(changed))

    def _moved(self, vehicle_id: str, acts: Acts, chain: tuple[str, ...], *, later: bool) -> Route | None:
        """Each delivery that comes too early moved behind the one before it, or (not `later`) the other way about."""
        route: Route | None = None
        pairs = list(pairwise(chain)) if later else list(pairwise(chain))[::-1]
        for one, other in pairs:
            if _place(acts, one) < _place(acts, other):
                continue
            name = other if later else one
            rest = tuple(act for act in acts if not _delivers(act, name))
            place = _place(acts, name)
            first = _place(rest, one) if later else -1
            last = len(rest) if later else _place(rest, other)
            between = range(max(first, _pickup(rest, name)) + 1, last + 1)
            route = self._inserted(vehicle_id, rest, acts[place], between)
            if route is None:
                return None
            acts = self._acts(route)
        return route

    def _inserted(self, vehicle_id: str, rest: Acts, act: Act, places: range) -> Route | None:
        """The act at the cheapest of the places where the route holds; of so many as are timed, by detour."""
        vehicle = self.problem.vehicle_by_id[vehicle_id]
        seconds = self.travel.of(vehicle).seconds

        def detour(at: int) -> int:
            before, after, here = _location(rest[:at], -1), _location(rest[at:], 0), act.visit.location
            before = vehicle.start if before is None else before
            after = vehicle.end if after is None else after
            longer = int(seconds[before, here])
            return longer if after is None else longer + int(seconds[here, after]) - int(seconds[before, after])

        best: Route | None = None
        for at in sorted(places, key=detour)[:MOST_TIMED]:
            route = self._timed(vehicle_id, (*rest[:at], act, *rest[at:]))
            if route is not None and (best is None or route.summary.cost < best.summary.cost):
                best = route
        return best


def _delivers(act: Act, name: str) -> bool:
    return act.kind is StepKind.DELIVERY and act.order is not None and act.order.id == name


def _place(acts: Acts, name: str) -> int:
    return next(number for number, act in enumerate(acts) if _delivers(act, name))


def _pickup(acts: Acts, name: str) -> int:
    """Where the order is picked up; -1 when it is aboard from the start."""
    picks = (n for n, act in enumerate(acts) if act.kind is StepKind.PICKUP and act.order and act.order.id == name)
    return next(picks, -1)


def _location(acts: Acts, end: int) -> int | None:
    """Where the last (-1) or first (0) act with a place is."""
    placed = _places(acts)
    return next(iter(placed if end == 0 else reversed(list(placed))), None)


def _places(acts: Acts) -> Iterator[int]:
    return (act.visit.location for act in acts if act.pause is None)


def _holds(acts: Acts, chain: tuple[str, ...]) -> bool:
    places = [_place(acts, name) for name in chain]
    return places == sorted(places)
