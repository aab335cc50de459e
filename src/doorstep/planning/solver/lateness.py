"""Soft windows out of hard ones: no engine that we have knows them.

A plan whose windows all hold comes first. Then some orders' windows are opened by an allowance and the engine goes on
from there; what it brings counts only where it is better with its lateness priced (see `ranking`). An engine to which a
window was opened sees no reason to be early in it, so each route is timed anew: as punctual as its sequence can be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from doorstep.planning.solver.estimate import Lateness, Objective
from doorstep.planning.solver.problem import OnBoard, Order, Problem, VehicleShift, Window, visits
from doorstep.planning.solver.ranking import price_of_lateness
from doorstep.planning.solver.solution import (
    Route,
    Solution,
    Step,
    StepKind,
    late_seconds,
    promised,
    summarize_route,
    total,
)
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.unassigned import next_open
from doorstep.planning.solver.verify import route_violations

SHARES = (1, 2, 4, 8)
"""The whole allowance is tried, then its half and so on: the less is open, the less can be late."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Windows of the orders `ids` opened by `seconds`; from the present routes (`is_warm`) or anew."""

    ids: frozenset[str]
    seconds: int
    is_warm: bool


def opened(problem: Problem, ids: Collection[str], seconds: int) -> Problem:
    """The problem in which the orders `ids` may be so late, and no others later than they may be already: a plan that
    holds goes on to hold."""
    present = {order.id: order.grace_seconds for order in problem.orders if not isinstance(order, OnBoard)}
    return with_grace(problem, present | {one: max(seconds, present.get(one, 0)) for one in ids})


def softened(problem: Problem, lateness: Lateness | None) -> Problem:
    """The problem in which every order may be as late as the allowance says; without one, as it is."""
    if lateness is None:
        return problem
    return opened(problem, with_windows(problem) - lateness.firm, lateness.max_seconds)


def with_grace(problem: Problem, seconds: Mapping[str, int]) -> Problem:
    """The problem in which each order may be so many `seconds` late, none that is not named."""
    return replace(problem, orders=tuple(_opened(order, seconds.get(order.id, 0)) for order in problem.orders))


def _opened(order: Order, seconds: int) -> Order:
    return order if isinstance(order, OnBoard) else replace(order, grace_seconds=seconds)


def with_windows(problem: Problem) -> frozenset[str]:
    """The orders that can be late at all."""
    return frozenset(
        order.id
        for order in problem.orders
        if not isinstance(order, OnBoard) and any(visit.windows for visit in visits(order))
    )


def trials(ids: Collection[str], lateness: Lateness, *, is_warm: bool) -> list[Trial]:
    """One for each share of the allowance."""
    steps = dict.fromkeys(max(1, lateness.max_seconds // share) for share in SHARES)
    return [Trial(frozenset(ids), seconds, is_warm) for seconds in steps]


# -- timing ------------------------------------------------------------------------------------------------------------


def punctual(
    problem: Problem, travel: Travel, solution: Solution, objective: Objective, lateness: Lateness
) -> Solution:
    """The same sequences, each late route timed anew where that is better: with COST by cost and price, else by lateness."""

    def weight(route: Route) -> tuple[int, int]:
        cost = route.summary.cost + price_of_lateness(route.summary, lateness)
        return (0 if objective is Objective.COST else route.summary.late_seconds), cost

    routes = []
    for route in solution.routes:
        timed = _timed(problem, route) if route.summary.late_seconds else None
        if timed is not None and weight(timed) < weight(route) and not route_violations(problem, travel, [timed]):
            routes.append(timed)
        else:
            routes.append(route)
    return Solution(tuple(routes), solution.unassigned, total(routes))


def _timed(problem: Problem, route: Route) -> Route | None:
    """The route as early as its sequence can be, leaving as late as that makes nobody later."""
    vehicle = problem.vehicle_by_id[route.vehicle_id]
    earliest = _run(problem, vehicle, route.steps, vehicle.window.start)
    if earliest is None:
        return None
    steps = _run(problem, vehicle, route.steps, _latest_start(problem, vehicle, earliest))
    return None if steps is None else Route(route.vehicle_id, steps, summarize_route(steps, vehicle.costs))


def _run(problem: Problem, vehicle: VehicleShift, steps: Iterable[Step], at: int) -> tuple[Step, ...] | None:
    now, timed = at, []
    for step in steps:
        order = None if step.order_id is None else problem.order_by_id[step.order_id]
        arrival = now + step.leg_seconds
        begin = next_open(_open(vehicle, order, step), arrival)
        if begin is None:
            return None
        now = begin + step.service_seconds
        late = late_seconds(order, step.kind, begin)
        timed.append(replace(step, arrival=arrival, service_start=begin, departure=now, late_seconds=late))
    return tuple(timed)


def _open(vehicle: VehicleShift, order: Order | None, step: Step) -> tuple[Window, ...]:
    """When the step may begin."""
    if order is not None:
        return visits(order)[0 if step.kind is StepKind.PICKUP else -1].windows
    return next((pause.windows for pause in vehicle.breaks if pause.id == step.break_id), ())


def _latest_start(problem: Problem, vehicle: VehicleShift, earliest: Sequence[Step]) -> int:
    """When to leave such that nobody is served later than promised who is not already, nor the end is later."""
    latest = earliest[-1].departure
    for step in reversed(earliest):
        order = None if step.order_id is None else problem.order_by_id[step.order_id]
        windows = _open(vehicle, None, step) if order is None else promised(order, step.kind)
        begin = step.service_start
        ends = [window.end for window in windows if window.start <= begin <= window.end]
        limit = min(ends) if ends else begin if windows else latest
        latest = min(latest - step.service_seconds, limit) - step.leg_seconds
    return latest
