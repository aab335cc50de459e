"""One group's run, in the slot that it was given: which engine, from which routes, and what is kept of its answers.

VROOM makes the first routes; where its model allows and the group is large enough, PyVRP improves them (or the routes
that are there already) until its time is over. What an engine brings is verified before it counts, so a run is never
worse than its start: an engine that dies, hangs or errs costs what it would have added, nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from doorstep.planning.solver import pyvrp, vroom
from doorstep.planning.solver.choosing import PYVRP_FROM_TASKS
from doorstep.planning.solver.decompose import Group, compose
from doorstep.planning.solver.engine import Effort, Engine, EngineAnswerError, EngineInput, Improvement, Json
from doorstep.planning.solver.estimate import SolveOptions, search_seconds
from doorstep.planning.solver.problem import Problem, visits
from doorstep.planning.solver.process import Limits, RunAnswer, RunStatus, run_engine
from doorstep.planning.solver.solution import Solution
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.verify import route_violations
from doorstep.planning.solver.warm import from_present

ITERATIONS_PER_TASK = 3
LEAST_ITERATIONS = 150
"""Where no clock decides. One takes about a millisecond, more with many kinds of vehicles."""
PATIENCE_PER_TASK = 20
LEAST_PATIENCE = 3000
START_SHARE = 0.2
"""The part of the time that VROOM's start may take with its local search; with less, it only constructs."""
CONSTRUCT_SECONDS = 0.001
"""VROOM's clock is looked at after the construction."""

HANG_SECONDS = 4.0
"""PyVRP stops by itself in time; so much later, and as much again as it had, it is taken for dead."""

Better = Callable[[Solution, Solution], Solution]
Heard = Callable[[Solution], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run came to: a verified solution of its group, or why there is none."""

    solution: Solution | None
    status: RunStatus = RunStatus.OK
    reason: str | None = None
    cpu_seconds: float = 0.0
    engine: Engine = Engine.VROOM


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs groups of one problem. `better` answers the preferable of two solutions, the first when they are equal.
    VROOM plans anew unless it `is_warm`; PyVRP always goes on from the present routes."""

    problem: Problem
    travel: Travel
    options: SolveOptions
    better: Better
    is_warm: bool = False

    def engine_of(self, group: Group) -> Engine:
        """Who should solve the group: by what the engines can hold, by size, or as the options say."""
        wanted = self.options.engine
        if wanted is Engine.VROOM or (wanted is None and task_count(group) < PYVRP_FROM_TASKS):
            return Engine.VROOM
        held = pyvrp.obstacle(self.problem, group.orders, group.vehicles, self.options.objective.for_engines) is None
        return Engine.PYVRP if held else Engine.VROOM

    async def run(self, group: Group, soft: float | None, hard: float, heard: Heard | None = None) -> Answer:
        """Solve `group`, softly within `soft` seconds (None: no clock decides), by force within `hard`."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        engine = await asyncio.to_thread(self.engine_of, group)
        if engine is Engine.VROOM:
            options = self.options
            return await self._vroom(
                group, Effort(options.effective_searches, options.effective_depth, options.threads, soft), hard
            )
        start = Answer(compose(self.problem, group.present, group.orders))
        if not group.present:
            start = await self._vroom(group, self._start_effort(group, soft), hard)
        if start.solution is None:
            return start
        spent = loop.time() - started
        left = None if soft is None else max(0.1, soft - spent)
        until = max(0.1, hard - spent)
        if left is not None:  # there is a plan already: a process that stands still is not waited for
            until = min(until, 2 * left + HANG_SECONDS)
        return await self._improved(group, start, left, until, heard)

    def _start_effort(self, group: Group, soft: float | None) -> Effort:
        """One search of VROOM; without its local search where that would take too much of the time."""
        tasks = task_count(group)
        used = {len(group.vehicles)} if len(group.vehicles) < tasks else {tasks}
        predicted = search_seconds(tasks, tasks / max(1, min(used)))
        too_long = soft is not None and predicted > START_SHARE * soft
        return Effort(1, 0, 1, CONSTRUCT_SECONDS if too_long else soft)

    async def _vroom(self, group: Group, effort: Effort, hard: float) -> Answer:
        problem, objective = self.problem, self.options.objective.for_engines
        asked = await asyncio.to_thread(vroom.to_engine, problem, self.travel, group.orders, group.vehicles, objective)
        if self.is_warm and group.present:
            warm = await self._engine_run(from_present(problem, group, asked), effort, hard)
            if warm.status is not RunStatus.REFUSED:
                return await asyncio.to_thread(self._read_vroom, group, warm)
        run = await self._engine_run(asked, effort, hard)
        return await asyncio.to_thread(self._read_vroom, group, run)

    async def _improved(
        self, group: Group, start: Answer, soft: float | None, hard: float, heard: Heard | None
    ) -> Answer:
        first = start.solution
        if first is None:
            return start
        asked = await asyncio.to_thread(
            pyvrp.to_engine, self.problem, self.travel, group.orders, group.vehicles, first.routes,
            self.options.objective.for_engines,
        )  # fmt: skip
        tasks = task_count(group)
        clockless = soft is None
        effort = Improvement(
            iterations=max(LEAST_ITERATIONS, ITERATIONS_PER_TASK * tasks) if clockless else 2**31,
            patience=max(LEAST_PATIENCE, PATIENCE_PER_TASK * tasks),
            seconds=soft,
            seed=self.options.seed,
        )

        async def hear(words: Json) -> None:
            found = await asyncio.to_thread(self._read_pyvrp, group, words)
            if heard is not None and isinstance(found, Solution):
                await heard(found)

        run = await self._engine_run(asked, effort, hard, hear if heard is not None else None)
        found = first
        if run.answer is not None:
            read = await asyncio.to_thread(self._read_pyvrp, group, run.answer)
            found = self.better(first, read) if isinstance(read, Solution) else first
        return Answer(found, cpu_seconds=start.cpu_seconds + run.cpu_seconds, engine=Engine.PYVRP)

    async def _engine_run(
        self,
        asked: EngineInput,
        effort: Effort | Improvement,
        hard: float,
        heard: Callable[[Json], Awaitable[None]] | None = None,
    ) -> RunAnswer:
        return await run_engine(asked, effort, Limits(hard, self.options.memory_limit_bytes), heard)

    def _read_vroom(self, group: Group, run: RunAnswer) -> Answer:
        if run.answer is None:
            return Answer(None, run.status, run.reason or "the engine gave no answer", run.cpu_seconds)
        try:
            solution = vroom.from_engine(self.problem, group.orders, run.answer)
        except EngineAnswerError as error:
            return Answer(None, RunStatus.CRASHED, str(error), run.cpu_seconds)
        return Answer(solution, cpu_seconds=run.cpu_seconds)

    def _read_pyvrp(self, group: Group, answer: Json) -> Solution | str:
        """The solution if every rule holds, else what is wrong."""
        try:
            solution = pyvrp.from_engine(self.problem, self.travel, group.orders, group.vehicles, answer)
        except EngineAnswerError as error:
            return str(error)
        found = route_violations(self.problem, self.travel, solution.routes)
        return found[0].message if found else solution


def task_count(group: Group) -> int:
    """How many visits the group's orders need."""
    return sum(len(visits(order)) for order in group.orders)


def tasks_of(groups: Sequence[Group]) -> int:
    """How many visits all groups need together."""
    return sum(task_count(group) for group in groups)
