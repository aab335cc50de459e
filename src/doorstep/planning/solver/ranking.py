"""Which of two plans of the same orders is better, and what lateness and emissions come to: our own sums, never an engine's."""

from __future__ import annotations

from dataclasses import dataclass

from doorstep.planning.solver.errors import ProblemInvalidError
from doorstep.planning.solver.estimate import Lateness, Objective
from doorstep.planning.solver.problem import Problem
from doorstep.planning.solver.solution import Route, Solution, Summary

Rank = tuple[int, int, tuple[int, ...], int]


def price_of_lateness(summary: Summary, lateness: Lateness | None) -> int:
    """What one route's lateness weighs, in minor units, rounded once."""
    return 0 if lateness is None else round(summary.late_seconds * lateness.price_per_hour / 3600)


def micrograms(problem: Problem, route: Route) -> int:
    """What a route emits: metres × milligrams of CO2e per kilometre, with no rounding."""
    grams = problem.vehicle_by_id[route.vehicle_id].milligrams_per_kilometer
    return route.summary.distance_meters * (grams or 0)


def check_objective(problem: Problem, objective: Objective) -> None:
    """Raise `ProblemInvalidError` when the problem does not say what the objective counts."""
    for vehicle in problem.vehicles if objective is Objective.EMISSIONS else ():
        if vehicle.milligrams_per_kilometer is None:
            path = f"vehicles[{vehicle.id}].milligrams_per_kilometer"
            raise ProblemInvalidError(path, "must be known where the plan is to emit little")


@dataclass(frozen=True, slots=True)
class Ranking:
    """The order of plans by `objective`, with `lateness` where windows are soft (see `Lateness` for how it counts)."""

    problem: Problem
    objective: Objective
    lateness: Lateness | None = None

    def better(self, one: Solution, other: Solution) -> Solution:
        """The preferable of the two, the first when they are equal."""
        return other if self.rank(other) < self.rank(one) else one

    def rank(self, solution: Solution) -> Rank:
        """Less is better: what is left out by priority, how many, then the objective, then the cost."""
        left = [self.problem.order_by_id[order_id] for order_id in solution.unassigned]
        cost = solution.summary.cost + self.price(solution)
        return sum(order.priority for order in left), len(left), self._aim(solution, cost), cost

    def price(self, solution: Solution) -> int:
        """What the lateness of all routes weighs."""
        return sum(price_of_lateness(route.summary, self.lateness) for route in solution.routes)

    def _aim(self, solution: Solution, cost: int) -> tuple[int, ...]:
        summary = solution.summary
        if self.objective is Objective.COST:
            return (cost,)
        if self.objective is Objective.BALANCE:
            return (
                *self._late(summary),
                *sorted((route.summary.duration_seconds for route in solution.routes), reverse=True),
            )
        aim = {
            Objective.DURATION: summary.driving_seconds,
            Objective.DISTANCE: summary.distance_meters,
            Objective.FEWEST_VEHICLES: summary.routes,
            Objective.EMISSIONS: sum(micrograms(self.problem, route) for route in solution.routes),
            Objective.ON_TIME: cost,
        }
        return (*self._late(summary), aim[self.objective])

    def _late(self, summary: Summary) -> tuple[int, ...]:
        counts = self.lateness is not None or self.objective is Objective.ON_TIME
        return (summary.late_seconds,) if counts else ()
