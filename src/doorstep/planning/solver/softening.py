"""A plan whose windows all hold, made better by serving some orders late: the runs that `lateness` prepares and judges.

First only what was left out may be late. Where that leaves lateness, or orders out, and with COST always, any order may:
one that is served a little late can make room for another that would be very late. With COST there are also plans from
nothing with open windows: going on from a plan seldom saves a vehicle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from doorstep.planning.solver.decompose import Group, Neighbourhood, compose, merge
from doorstep.planning.solver.estimate import Lateness, Objective, SolveOptions
from doorstep.planning.solver.lateness import Trial, opened, punctual, softened, trials, with_windows
from doorstep.planning.solver.problem import Order, Problem, visits
from doorstep.planning.solver.ranking import Ranking
from doorstep.planning.solver.running import Answer, Runner
from doorstep.planning.solver.solution import Solution
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.unassigned import hopeless
from doorstep.planning.solver.verify import route_violations

Gather = Callable[[Sequence[Group], Runner], Awaitable[list[Answer]]]
"""Runs groups in the slots of a solve."""


@dataclass(slots=True)
class _Posed:
    """A trial made ready: its problem, who may be asked about, the plan to begin with, and the groups to run."""

    problem: Problem
    orders: tuple[Order, ...]
    present: Solution
    groups: list[Group]


@dataclass(slots=True)
class Softening:
    """Works on one solve's `problem`; `run` answers the plan that is kept, whose orders are all of the problem's."""

    problem: Problem
    travel: Travel
    options: SolveOptions
    lateness: Lateness
    runner: Runner
    gather: Gather
    objective: Objective = field(init=False)
    soft: Problem = field(init=False)

    def __post_init__(self) -> None:
        wanted = self.options.objective
        self.objective = Objective.ON_TIME if wanted is Objective.BALANCE else wanted
        self.soft = softened(self.problem, self.lateness)

    async def run(self, hard: Solution) -> Solution:
        """`hard` or what is better with some orders late."""
        anybody = with_windows(self.problem) - self.lateness.firm
        left = anybody.intersection(hard.unassigned)
        best = await self._best_of(hard, hard, trials(left, self.lateness, is_warm=True) if left else [])
        if anybody and (best.unassigned or best.summary.late_orders or self.objective is Objective.COST):
            best = await self._best_of(hard, best, trials(anybody, self.lateness, is_warm=True))
        if anybody and self.objective is Objective.COST:
            best = await self._best_of(hard, best, trials(anybody, self.lateness, is_warm=False))
        return best

    async def _best_of(self, hard: Solution, best: Solution, tried: Sequence[Trial]) -> Solution:
        ranking = self._ranking(self.soft)
        for trial in tried:
            best = ranking.better(best, await self._try(hard, trial))
        return best

    def _ranking(self, problem: Problem) -> Ranking:
        return Ranking(problem, self.objective, self.lateness)

    async def _try(self, hard: Solution, trial: Trial) -> Solution:
        posed = await asyncio.to_thread(self._pose, hard, trial)
        better = self._ranking(posed.problem).better
        runner = replace(self.runner, problem=posed.problem, better=better, is_warm=trial.is_warm)
        answers = await self.gather(posed.groups, runner)
        return await asyncio.to_thread(self._read, posed, answers)

    def _pose(self, hard: Solution, trial: Trial) -> _Posed:
        problem = opened(self.problem, trial.ids, trial.seconds)
        lost = {order.id for order in hopeless(problem, self.travel)}
        orders = tuple(order for order in problem.orders if order.id not in lost)
        present = compose(problem, hard.routes, orders)
        return _Posed(problem, orders, present, self._groups(problem, orders, present, trial))

    def _groups(self, problem: Problem, orders: tuple[Order, ...], present: Solution, trial: Trial) -> list[Group]:
        size = self.options.group_size
        if not orders:
            return []
        if size is None or sum(len(visits(order)) for order in orders) <= size:
            return [Group(orders, problem.vehicles, present.routes)]
        near = Neighbourhood(problem, self.travel)
        if trial.ids - set(present.unassigned):
            return near.regroup(present, size, 0)
        rest = near.leftovers(present, size) if present.unassigned else None
        return [] if rest is None else [rest]

    def _read(self, posed: _Posed, answers: Sequence[Answer]) -> Solution:
        ranking = self._ranking(posed.problem)
        best = posed.present
        for group, answer in zip(posed.groups, answers, strict=True):
            if answer.solution is None:
                continue
            timed = punctual(posed.problem, self.travel, answer.solution, self.objective, self.lateness)
            if not route_violations(posed.problem, self.travel, timed.routes):
                best = ranking.better(best, merge(posed.problem, posed.orders, best, group, timed))
        return compose(self.soft, best.routes, self.soft.orders)
