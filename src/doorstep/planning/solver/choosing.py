"""Which engine, how hard and in how large groups: by what a problem asks for, its size and the wait that suits it.

Measured on equal processor time: up to some fifty stops the engines are level and VROOM is done sooner; from there to
about fifteen hundred PyVRP is better on whole problems, beyond in groups of some six hundred stops. Where its model
cannot hold the problem, groups for VROOM are smaller, for its work grows with the square of a group (see `estimate`).
"""

from __future__ import annotations

from doorstep.planning.solver import pyvrp
from doorstep.planning.solver.engine import Engine
from doorstep.planning.solver.estimate import Objective, SolveOptions, choose_options
from doorstep.planning.solver.problem import Problem

PYVRP_FROM_TASKS = 50
WHOLE_TASKS = 1500
"""With one core, whole problems up to here; with more, from twice a group on every core has one."""
GROUP_TASKS = 600
SECONDS_PER_TASK = 0.014
LEAST_SECONDS = 0.5
"""A hundred orders are planned within a second, engine processes and checks included."""
LEAST_HARD_SECONDS = 15.0
"""Time for a process to start and build its model on a busy machine."""
MOST_ROUNDS = 3
ROUNDS_FROM_TASKS = 5000
"""Beyond, fewer rounds, so that each run has time enough for its group."""


def choose(problem: Problem, cores: int, *, objective: Objective = Objective.COST) -> SolveOptions:
    """Options with which `problem` should be planned in sensible time on `cores`; reads the matrices, so not free."""
    tasks = problem.task_count
    if engine_for(problem, objective) is Engine.VROOM:
        return choose_options(problem, cores, objective=objective)
    seconds = max(LEAST_SECONDS, SECONDS_PER_TASK * tasks - 0.8)
    whole = WHOLE_TASKS if cores == 1 else 2 * GROUP_TASKS - GROUP_TASKS // 3
    return SolveOptions(
        level=0,
        searches=1,
        time_limit_seconds=seconds,
        hard_limit_seconds=max(LEAST_HARD_SECONDS, 6 * seconds),
        group_size=None if tasks <= whole else GROUP_TASKS,
        improve_rounds=MOST_ROUNDS if tasks <= ROUNDS_FROM_TASKS else MOST_ROUNDS - 1,
        objective=objective,
    )


def engine_for(problem: Problem, objective: Objective) -> Engine:
    """Who takes the problem as a whole, or most of its groups."""
    if problem.task_count < PYVRP_FROM_TASKS:
        return Engine.VROOM
    held = pyvrp.obstacle(problem, problem.orders, problem.vehicles, objective.for_engines) is None
    return Engine.PYVRP if held else Engine.VROOM
