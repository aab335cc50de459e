"""What an objective asks for beyond the engines, made out of the plan that they found: lateness first, then balance."""

from __future__ import annotations

import asyncio

from doorstep.planning.solver.estimate import Objective, SolveOptions
from doorstep.planning.solver.evening import even
from doorstep.planning.solver.problem import Problem
from doorstep.planning.solver.running import Runner
from doorstep.planning.solver.softening import Gather, Softening
from doorstep.planning.solver.solution import Solution

MOST_WAVES = 12
"""So often at most it has groups run one after the other."""


def is_refined(options: SolveOptions) -> bool:
    """Whether `refined` has anything to do."""
    return options.lateness is not None or options.objective is Objective.BALANCE


async def refined(
    runner: Runner, gather: Gather, solution: Solution, seconds: float | None
) -> tuple[Problem, Solution]:
    """The plan that is kept, and the problem that it solves: windows are open in it as far as orders may be late.

    Evening out takes at most so many `seconds` (None: no clock decides); runs of groups have limits of their own.
    """
    problem, options = runner.problem, runner.options
    if options.lateness is not None:
        softening = Softening(problem, runner.travel, options, options.lateness, runner, gather)
        problem, solution = softening.soft, await softening.run(solution)
    if options.objective is Objective.BALANCE:
        solution = await asyncio.to_thread(even, problem, runner.travel, solution, seconds)
    return problem, solution
