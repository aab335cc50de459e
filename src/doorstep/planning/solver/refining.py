"""What a problem asks for beyond the engines, made out of the plan that they found: lateness, then tours, then balance."""

from __future__ import annotations

import asyncio

from doorstep.planning.solver.decompose import compose
from doorstep.planning.solver.estimate import Objective, SolveOptions
from doorstep.planning.solver.evening import even
from doorstep.planning.solver.problem import Problem
from doorstep.planning.solver.ranking import Ranking
from doorstep.planning.solver.running import Runner
from doorstep.planning.solver.softening import Gather, Softening
from doorstep.planning.solver.solution import Solution, StepKind
from doorstep.planning.solver.touring import Touring, may_tour

MOST_WAVES = 12
"""So often at most it has groups run one after the other."""


def is_refined(problem: Problem, options: SolveOptions) -> bool:
    """Whether `refined` has anything to do."""
    return options.lateness is not None or options.objective is Objective.BALANCE or may_tour(problem)


def or_baseline(runner: Runner, found: Solution, base: Solution | None) -> Solution:
    """What the engines found with all orders of the problem, or the baseline where that is better: one tour a vehicle."""
    solution = compose(runner.problem, found.routes, runner.problem.orders)
    return solution if base is None or _is_toured(base) else runner.better(solution, base)


async def refined(
    runner: Runner, gather: Gather, solution: Solution, base: Solution | None, seconds: float | None
) -> tuple[Problem, Solution]:
    """The plan that is kept, and the problem that it solves: windows are open in it as far as orders may be late.

    Evening out takes at most so many `seconds`, and after so many no more tours are sought (None: no clock decides); runs
    of groups have limits of their own. Where vehicles may make several tours the baseline `base` may, too, and is kept where it is better.
    """
    problem, options = runner.problem, runner.options
    if options.lateness is not None:
        softening = Softening(problem, runner.travel, options, options.lateness, runner, gather)
        problem, solution = softening.soft, await softening.run(solution)
    if may_tour(problem):
        solution = await Touring(problem, runner, gather, seconds).run(solution)
        solution = Ranking(problem, options.objective, options.lateness).better(solution, base or solution)
    if options.objective is Objective.BALANCE:
        solution = await asyncio.to_thread(even, problem, runner.travel, solution, seconds)
    return problem, solution


def _is_toured(solution: Solution) -> bool:
    return any(step.kind is StepKind.RELOAD for route in solution.routes for step in route.steps)
