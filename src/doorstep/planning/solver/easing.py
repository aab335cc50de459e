"""The smallest verified relaxation that places an order which a solution left out.

Every place in the finished routes is told what would have to give there at least (`insertion`); these needs are tried in
ascending size until one holds before the verifier with just that. Where nothing small is found, the nearest routes are
solved once more together with the order, and the smaller answer counts.

What is promised of the answer: among all places in the routes as they are, one order put in and nothing else moved, no
smaller change of one rule holds, beside what the place itself forces (demands, capacity, limits). Several times that
give together are tried, the least of them is not promised; nor is it where vehicles have breaks, though every bound
that was too low is measured anew.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from doorstep.planning.solver.insertion import Line, Spot, put
from doorstep.planning.solver.problem import MAX_PRIORITY, OnBoard, Order, Problem, VehicleShift, visits
from doorstep.planning.solver.relations import among
from doorstep.planning.solver.relaxing import (
    DAY,
    MINUTE,
    TIME_LEVERS,
    WINDOW_LEVERS,
    Change,
    Changes,
    Lever,
    later_end,
    levers_of,
    relaxed,
    share_of,
    unmet_demands,
    wider_window,
    with_windows,
)
from doorstep.planning.solver.schedule import earliest, timed
from doorstep.planning.solver.sequence import Acts, acts_of_route, orders_of, tasks_of, without
from doorstep.planning.solver.solution import Route, Solution, StepKind
from doorstep.planning.solver.travel import Legs, Travel
from doorstep.planning.solver.unassigned import candidates
from doorstep.planning.solver.verify import route_violations

KEPT = 400
"""Of all places' needs so many are kept, the smallest."""
TRIED = 120
"""So many of them are measured and verified."""
NEAREST = 3
"""So many vehicles are solved once more."""
OPEN = 366 * DAY
"""A window that is longer by this is as good as none."""
SMALL = 0.1
"""What asks for no more than a tenth is not solved once more."""


class Search(StrEnum):
    """How a relaxation was found."""

    INSERTION = "INSERTION"
    RESOLVE = "RESOLVE"


@dataclass(frozen=True, slots=True)
class Eased:
    """A relaxation that holds: the order fits into `route` with these changes, none where it fits as it is.

    `added_cost` is what the vehicles concerned then cost more.
    """

    order_id: str
    vehicle_id: str
    changes: Changes
    search: Search
    route: Route
    added_cost: int

    @property
    def share(self) -> float:
        """Its size, see `relaxing`."""
        return share_of(self.changes)


@dataclass(frozen=True, slots=True)
class _Place:
    """A spot on a vehicle; `sure` when its changes were measured."""

    vehicle: VehicleShift
    spot: Spot
    sure: bool = False


class Easing:
    """The finished routes of a problem, ready to be asked about the orders that are on none of them.

    A vehicle whose sequence cannot be driven (any more), or is not known (None), is left alone; one without a sequence
    is free.
    """

    def __init__(self, problem: Problem, acts: Mapping[str, Acts | None], travel: Travel | None = None) -> None:
        self.problem = problem
        self.travel = travel or Travel(problem)
        self.acts: dict[str, Acts] = {}
        self.costs: dict[str, int] = {}
        self._lines: dict[str, Line] = {}
        for vehicle in problem.vehicles:
            known = acts.get(vehicle.id, ())
            if known is not None:
                self._take_up(vehicle, known)

    def _take_up(self, vehicle: VehicleShift, acts: Acts) -> None:
        legs, kept = self.travel.of(vehicle), acts if tasks_of(acts) else ()
        route = timed(vehicle, legs, kept) if kept else None
        line = Line.of(vehicle, legs, kept) if route is not None or not kept else None
        if line is not None:
            self.acts[vehicle.id] = kept
            self.costs[vehicle.id] = 0 if route is None else route.summary.cost
            self._lines[vehicle.id] = line

    # -- into the routes as they are -----------------------------------------------------------------------------------

    def by_insertion(self, order: Order, deadline: float, most: int = 1) -> list[Eased]:
        """The smallest relaxations with which the order can be put into one of the routes, by `deadline` (monotonic).

        At most `most`, the smallest first, each with other levers than those before it.
        """
        found: list[Eased] = []
        queue = [
            (place.spot.share, place.spot.detour, n, place) for n, place in enumerate(self._places(order, deadline))
        ]
        heapq.heapify(queue)
        made = len(queue)
        for _ in range(TRIED):
            if not queue or len(found) == most or time.monotonic() > deadline:
                break
            *_, place = heapq.heappop(queue)
            levers = levers_of(place.spot.changes)
            if any(levers_of(eased.changes) <= levers for eased in found):
                continue
            eased = self._verified(order, place.vehicle, place.spot)
            if eased is not None:
                found.append(eased)
            elif not place.sure:
                for spot in self._measured(order, place.vehicle, place.spot):
                    made += 1
                    heapq.heappush(queue, (spot.share, spot.detour, made, replace(place, spot=spot, sure=True)))
        return found

    def _places(self, order: Order, deadline: float) -> list[_Place]:
        every = (
            _Place(vehicle, spot)
            for vehicle in self._askable(order)
            if time.monotonic() < deadline
            for spot in self._lines[vehicle.id].spots(order)
        )
        return heapq.nsmallest(KEPT, every, key=lambda place: (place.spot.share, place.spot.detour))

    def _askable(self, order: Order) -> list[VehicleShift]:
        return [vehicle for vehicle in candidates(self.problem, order) if vehicle.id in self._lines]

    def _verified(self, order: Order, vehicle: VehicleShift, spot: Spot) -> Eased | None:
        """What the spot's changes make possible, if the route holds before the verifier with just them."""
        loose = relaxed(order, vehicle, spot.changes)
        acts = put(self.acts[vehicle.id], loose.order, spot.at)
        route = timed(loose.vehicle, self._legs(vehicle), acts)
        if route is None:
            return None
        changes = _as_driven(vehicle, spot.changes, route)
        if not self.holds(relaxed(order, vehicle, changes).vehicle, orders_of(acts), route):
            return None
        added = route.summary.cost - self.costs[vehicle.id]
        return Eased(order.id, vehicle.id, changes, Search.INSERTION, route, added)

    def holds(self, vehicle: VehicleShift, orders: Sequence[Order], route: Route) -> bool:
        """Whether every rule holds for the vehicle's route, which serves these orders and no others."""
        vehicles = (vehicle, *self._others(vehicle, orders))
        part = replace(self.problem, orders=tuple(orders), vehicles=vehicles, relations=())
        served = sorted(route.order_ids) == sorted(order.id for order in orders)
        return served and not route_violations(part, self.travel, (route,))

    def _others(self, vehicle: VehicleShift, orders: Sequence[Order]) -> list[VehicleShift]:
        """The vehicles that these orders name beside it: a problem knows all that it speaks of."""
        named: set[str] = set()
        for order in orders:
            named |= {order.vehicle} if isinstance(order, OnBoard) else order.vehicles
        return [self.problem.vehicle_by_id[other] for other in sorted(named - {vehicle.id})]

    def _legs(self, vehicle: VehicleShift) -> Legs:
        return self.travel.of(vehicle)

    # -- measuring -----------------------------------------------------------------------------------------------------

    def _measured(self, order: Order, vehicle: VehicleShift, spot: Spot) -> Iterator[Spot]:
        """The spot with the amounts of time that it really takes, where its lower bounds were too low."""
        fixed = tuple(change for change in spot.changes if change.lever not in TIME_LEVERS)
        given = tuple(change for change in spot.changes if change.lever in TIME_LEVERS)
        for times in [given] if given else _single_times(order, vehicle):
            measured = _Measure(self, order, vehicle, spot.at, fixed).of(times)
            if measured is not None:
                changes = (*fixed, *measured)
                yield Spot(share_of(changes), spot.detour, spot.at, changes)

    # -- one re-solve --------------------------------------------------------------------------------------------------

    def neighbourhoods(self, order: Order, found: Eased | None) -> list[Problem]:
        """The nearest routes with the order as small problems, to be solved in turn until one has an answer.

        At first nothing gives, then half of what was `found`; where nothing was found, the order's windows are open.
        None when no vehicle can get there.
        """
        near = self._nearest(order)
        if not near:
            return []
        if found is None:
            wanted = order
            for end in range(len(visits(order))):
                wanted = with_windows(wanted, end, ())
            return self._around(wanted, near)
        as_it_is, half = self._around(order, near), halved(found.changes)
        if not half:
            return as_it_is
        loose = [relaxed(order, one, half).vehicle if one.id == found.vehicle_id else one for one in near]
        return [*as_it_is, *self._around(relaxed(order, near[0], half).order, loose)]

    def _around(self, wanted: Order, near: Sequence[VehicleShift]) -> list[Problem]:
        """The routes of these vehicles with the order as a problem; none when one of them is pinned to somebody else."""
        kept = [one for vehicle in near for one in orders_of(self.acts[vehicle.id])]
        orders = tuple(replace(one, priority=MAX_PRIORITY) for one in (*kept, wanted))
        named = {name for one in orders if not isinstance(one, OnBoard) for name in one.vehicles}
        if not named <= {vehicle.id for vehicle in near}:
            return []
        relations = among(self.problem.relations, {one.id for one in orders})
        return [replace(self.problem, orders=orders, vehicles=tuple(near), relations=relations)]

    def _nearest(self, order: Order) -> list[VehicleShift]:
        """The vehicles with the shortest detours, those that meet most of the order's demands first."""
        near = []
        for vehicle in self._askable(order):
            detour = min((spot.detour for spot in self._lines[vehicle.id].spots(order)), default=None)
            if detour is not None:
                near.append((len(unmet_demands(order, vehicle)), detour, vehicle))
        return [vehicle for _, _, vehicle in heapq.nsmallest(NEAREST, near, key=lambda one: one[:2])]

    def by_resolve(self, order: Order, near: Problem, solution: Solution, deadline: float) -> Eased | None:
        """The smallest relaxation in the new `solution` of the neighbourhood `near`, if all others keep their places."""
        if solution.unassigned:
            return None
        vehicles = tuple(self.problem.vehicle_by_id[vehicle.id] for vehicle in near.vehicles)
        acts = {
            vehicle.id: without(
                acts_of_route(solution.route_by_vehicle[vehicle.id], vehicle, self.problem.order_by_id), order.id
            )
            for vehicle in vehicles
            if vehicle.id in solution.route_by_vehicle
        }
        asked = replace(self.problem, vehicles=vehicles, orders=near.orders, relations=near.relations)
        anew = Easing(asked, acts, self.travel)
        if len(anew.acts) < len(vehicles):
            return None  # one of the routes needs more, even without the order
        found = anew.by_insertion(order, deadline)
        if not found:
            return None
        moved = sum(anew.costs.values()) - sum(self.costs[vehicle.id] for vehicle in vehicles)
        return replace(found[0], search=Search.RESOLVE, added_cost=found[0].added_cost + moved)


class _Measure:
    """How much the times must give at one spot: all of them given up entirely, then taken back as far as it goes."""

    def __init__(
        self, easing: Easing, order: Order, vehicle: VehicleShift, at: tuple[int, ...], fixed: Changes
    ) -> None:
        self.order, self.vehicle, self.at, self.fixed = order, vehicle, at, fixed
        self.legs, self.base = easing.travel.of(vehicle), easing.acts[vehicle.id]

    def of(self, times: Changes) -> Changes | None:
        """The same changes with the amounts that it takes; None when nothing is enough."""
        open_ = tuple(_given_up(change) for change in times)
        loose = relaxed(self.order, self.vehicle, (*self.fixed, *open_))
        acts = put(self.base, loose.order, self.at)
        tours = [earliest(loose.vehicle, self.legs, one) for one in (acts, tasks_of(acts))]
        reached = [tour for tour in tours if tour is not None]
        if not reached:
            return None
        tour = min(reached, key=lambda tour: tour.now)
        begins = {step.kind: step.service_start for step in tour.steps if step.order_id == self.order.id}
        measured: list[Change] = []
        for change in times:
            if change.lever is Lever.SHIFT:
                measured.append(later_end(self.vehicle, tour.now - self.vehicle.window.end))
            elif change.window is not None and not change.earlier:
                begin = begins[StepKind.PICKUP if change.lever is Lever.PICKUP_WINDOW else StepKind.DELIVERY]
                measured.append(wider_window(change.lever, change.window, begin - change.window.end))
            else:
                measured.append(_given_up(change))
        return self._least_earlier(measured)

    def _least_earlier(self, measured: list[Change]) -> Changes | None:
        """What opens earlier, minute by minute as late as it may."""
        for number, change in enumerate(measured):
            if not change.earlier or change.window is None:
                continue
            low, high = 0, change.amount // MINUTE
            while low + 1 < high:
                middle = (low + high) // 2
                tried = wider_window(change.lever, change.window, middle * MINUTE, earlier=True)
                if self._holds((*measured[:number], tried, *measured[number + 1 :])):
                    high = middle
                else:
                    low = middle
            measured[number] = wider_window(change.lever, change.window, high * MINUTE, earlier=True)
        return tuple(measured)

    def _holds(self, times: Sequence[Change]) -> bool:
        loose = relaxed(self.order, self.vehicle, (*self.fixed, *times))
        return timed(loose.vehicle, self.legs, put(self.base, loose.order, self.at)) is not None


def _as_driven(vehicle: VehicleShift, changes: Changes, route: Route) -> Changes:
    """The changes with no more of a longer shift than the route uses: one that leaves later may do without a break."""
    over = route.steps[-1].departure - vehicle.window.end
    driven = (later_end(vehicle, over) if change.lever is Lever.SHIFT else change for change in changes)
    return tuple(change for change in driven if change.lever is not Lever.SHIFT or over > 0)


def _given_up(change: Change) -> Change:
    return replace(change, amount=DAY if change.lever is Lever.SHIFT else OPEN)


def _single_times(order: Order, vehicle: VehicleShift) -> Iterator[Changes]:
    """Each way in which one of the times may give, by a minute."""
    ends = visits(order)
    for lever, visit in zip(WINDOW_LEVERS[-len(ends) :], ends, strict=True):
        for window in visit.windows:
            for earlier in (False, True):
                yield (wider_window(lever, window, MINUTE, earlier=earlier),)
    yield (later_end(vehicle, MINUTE),)


def halved(changes: Changes) -> Changes:
    """Half of what can give by half, without the rest."""
    halves = (
        replace(change, amount=change.amount // 2, share=change.share / 2)
        for change in changes
        if change.lever not in (Lever.SKILL, Lever.COMPARTMENT, Lever.VEHICLE_KIND, Lever.DEPOT, Lever.PIN)
    )
    return tuple(change for change in halves if change.amount)


def smallest(inserted: Sequence[Eased], resolved: Eased | None, most: int) -> list[Eased]:
    """What both searches found, the smallest first, each with other levers than those before it."""
    found: list[Eased] = []
    every = [*inserted, *([resolved] if resolved is not None else [])]
    for eased in sorted(every, key=lambda one: (one.share, one.added_cost)):
        levers = levers_of(eased.changes)
        if not any(levers_of(other.changes) <= levers for other in found):
            found.append(eased)
    return found[:most]
