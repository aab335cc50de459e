"""The door of the solver: one call that prepares, solves, verifies and explains, without blocking the event loop.

Engine processes of all solves share the pool's slots. Everything else that takes time runs in threads. A solve ends in an
`Outcome`, whatever the engine did; only a problem that is none (`ProblemInvalidError`), a cancellation and a result that
breaks a rule (`SolutionRejectedError`) are exceptions.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from doorstep.planning.solver.baseline import baseline
from doorstep.planning.solver.choosing import choose
from doorstep.planning.solver.decompose import Group, Neighbourhood, compose, merge
from doorstep.planning.solver.engine import Engine, engine_names
from doorstep.planning.solver.errors import SolveCancelledError, SolverError
from doorstep.planning.solver.estimate import SolveOptions
from doorstep.planning.solver.outcome import Outcome, Phase, Progress, Report, SolveStatus
from doorstep.planning.solver.problem import Order, Problem, visits
from doorstep.planning.solver.process import RunStatus
from doorstep.planning.solver.ranking import Ranking, check_objective
from doorstep.planning.solver.refining import MOST_WAVES, is_refined, or_baseline, refined
from doorstep.planning.solver.relating import solve_related
from doorstep.planning.solver.running import Answer, Heard, Runner
from doorstep.planning.solver.slots import Claim, FairSlots
from doorstep.planning.solver.solution import Solution
from doorstep.planning.solver.thrift import COUNTS, thrifty, wastes
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.unassigned import Unassigned, explain, hopeless
from doorstep.planning.solver.verify import route_violations, verify

__all__ = ["Outcome", "Phase", "Progress", "Report", "SolveStatus", "SolverPool"]

EXTRA_SHARE = 0.5
"""Of the time limit, once more, for what an objective asks for beyond the engines (see `refining`)."""
LEAST_EXTRA = 4.0
"""Seconds; small plans use less of them."""
DESKS = 4
DESKS_EACH = 2
"""So many questions that somebody waits for are worked on at a time, and so many of one owner. They take more of this process
(reading, posing, checking) than of the engines: without a bound a hundred of one tenant leave nothing for the others."""
THRIFT_SHARE = 0.15
"""Of the time limit, at most, to save waiting that VROOM does not count (see `thrift`); PyVRP does."""
FRUITLESS_ROUNDS = 3
"""After so many rounds without a better solution the neighbourhoods are worked out."""


class SolverPool:
    """At most `slots` engine processes at a time for plans, for all solves together, and one more for urgent ones (see
    `slots`). Belongs to one event loop."""

    def __init__(self, *, slots: int) -> None:
        if slots < 1:
            raise ValueError(f"a pool needs at least one slot, not {slots}")
        self.slots = slots
        self._free = FairSlots(slots)
        self._desks = FairSlots(DESKS, most_each=DESKS_EACH)
        self._running: set[asyncio.Task[Outcome]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Kill every engine; solves under way end as cancelled."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    def kept_slot(self, owner: str) -> AbstractAsyncContextManager[None]:
        """A slot for one run of an engine outside a solve that somebody waits for, from those that plans leave free."""
        return self._free.slot(owner, is_urgent=True)

    def desk(self, owner: str) -> AbstractAsyncContextManager[None]:
        """A place for a whole question that somebody waits for, with whatever solves it takes."""
        return self._desks.slot(owner)

    async def solve(
        self,
        problem: Problem,
        options: SolveOptions | None = None,
        *,
        progress: Report | None = None,
        cancelled: asyncio.Event | None = None,
        owner: str = "",
        is_urgent: bool = False,
    ) -> Outcome:
        """Plan `problem`; without `options` they are chosen for its size and this pool's slots.

        Slots are shared fairly by `owner` (a tenant); somebody waits for what `is_urgent`, which has a slot of its own.
        `progress` is awaited between the stages. Setting `cancelled` raises `SolveCancelledError`; cancelling the calling
        task works as usual. Either way the engines are dead when this returns. `SolutionRejectedError` when what the
        engine found does not hold, `ProblemInvalidError` when the problem does not say what the objective counts.
        """
        if options is None:
            options = await asyncio.to_thread(choose, problem, self.slots)
        check_objective(problem, options.objective)
        claim = Claim(self._free, owner, is_urgent)

        async def once(part: Problem, limited: SolveOptions, told: Report | None) -> Outcome:
            return await _Solve(claim, self.slots, part, limited, told).run()

        related = problem.relations
        work = asyncio.create_task(
            solve_related(problem, options, once, progress) if related else once(problem, options, progress)
        )
        stop = asyncio.create_task(cancelled.wait()) if cancelled is not None else None
        self._running.add(work)
        try:
            await asyncio.wait({work, stop} if stop else {work}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise SolveCancelledError("the solve was cancelled")
            return work.result()
        finally:
            self._running.discard(work)
            await _finish(work, stop)


async def _finish(*tasks: asyncio.Task[Any] | None) -> None:
    open_tasks = [task for task in tasks if task is not None and not task.done()]
    for task in open_tasks:
        task.cancel()
    if open_tasks:
        await asyncio.wait(open_tasks)


class _NoAnswerError(SolverError):
    """A run that the solve cannot do without brought nothing."""

    def __init__(self, status: SolveStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(slots=True)
class _Solve:
    """One call of `SolverPool.solve` from preparing to explaining."""

    claim: Claim
    slots: int
    problem: Problem
    options: SolveOptions
    report: Report | None
    started: float = field(default_factory=time.monotonic)
    cpu_seconds: float = 0.0
    queued_seconds: float = 0.0
    running: int = 0
    idle_since: float = 0.0
    ahead: int | None = None
    rounds_left: int = 1
    engines: set[Engine] = field(default_factory=set)
    runs_done: int = 0
    runs_total: int = 0
    orders: tuple[Order, ...] = ()
    base: Solution | None = None
    best: Solution | None = None
    soft_until: float = field(init=False)
    ranking: Ranking = field(init=False)
    travel: Travel = field(init=False)
    runner: Runner = field(init=False)

    def __post_init__(self) -> None:
        self.soft_until = self.options.time_limit_seconds
        self.ranking = Ranking(self.problem, self.options.objective.for_engines)
        self.travel = Travel(self.problem)
        self.runner = Runner(self.problem, self.travel, self.options, self.ranking.better)

    async def run(self) -> Outcome:
        await self._tell(Phase.PREPARING)
        await asyncio.to_thread(self._prepare)
        await self._tell(Phase.SOLVING)
        try:
            solution = await self._refined(await self._search())
        except _NoAnswerError as error:
            return self._outcome(error.status, error.reason, None, ())
        await self._tell(Phase.VERIFYING)
        reasons = await asyncio.to_thread(self._conclude, solution)
        return self._outcome(SolveStatus.OK, None, solution, reasons)

    def _prepare(self) -> None:
        lost = {order.id for order in hopeless(self.problem, self.travel)}
        self.orders = tuple(order for order in self.problem.orders if order.id not in lost)
        self.base = baseline(self.problem)

    def _conclude(self, solution: Solution) -> tuple[Unassigned, ...]:
        verify(self.problem, solution)
        return explain(self.problem, solution)

    async def _refined(self, found: Solution) -> Solution:
        solution = await asyncio.to_thread(or_baseline, self.runner, found, self.base)
        options = self.options
        if is_refined(self.problem, options):
            extra = max(LEAST_EXTRA, EXTRA_SHARE * options.time_limit_seconds)
            extra = min(extra, max(0.1, (options.hard_limit_seconds - self._busy_seconds()) / 2))
            self.soft_until, self.rounds_left = self._busy_seconds() + extra, MOST_WAVES
            seconds = None if options.deterministic else extra
            self.problem, solution = await refined(self.runner, self._gather, solution, self.base, seconds)
        may_wait = self.engines == {Engine.VROOM} and options.objective in COUNTS and not self.claim.is_urgent
        if may_wait and wastes(self.problem, solution):
            seconds = None if options.deterministic else THRIFT_SHARE * options.time_limit_seconds
            solution = await asyncio.to_thread(thrifty, self.problem, self.travel, solution, seconds)
        return solution

    async def _search(self) -> Solution:
        size = self.options.group_size
        if not self.orders:
            return compose(self.problem, (), ())
        if size is None or sum(len(visits(order)) for order in self.orders) <= size:
            return (await self._all([Group(self.orders, self.problem.vehicles)], self._hear))[0]
        near = await asyncio.to_thread(Neighbourhood, self.problem, self.travel)
        groups = await asyncio.to_thread(near.sectors, self.orders, size)
        self.rounds_left += self.options.improve_rounds
        answers = await self._all(groups)
        first = compose(self.problem, [route for answer in answers for route in answer.routes], self.orders)
        return await self._improved(near, first, size)

    async def _improved(self, near: Neighbourhood, first: Solution, size: int) -> Solution:
        best, fruitless = first, 0
        for turn in range(self.options.improve_rounds):
            over = self._soft_seconds_left() <= 0 and not self.options.deterministic
            if over or fruitless == FRUITLESS_ROUNDS:
                break
            before = best
            best = await self._replace(best, await asyncio.to_thread(near.regroup, best, size, turn))
            rest = await asyncio.to_thread(near.leftovers, best, size) if best.unassigned else None
            if rest is not None:
                best = await self._replace(best, [rest])
            fruitless = fruitless + 1 if best is before else 0
        return best

    async def _replace(self, best: Solution, groups: Sequence[Group]) -> Solution:
        """`best` with each group's routes replaced where that is better; a run without an answer changes nothing."""
        self.best = best
        answers = await self._gather(groups)
        for group, answer in zip(groups, answers, strict=True):
            found = answer.solution
            if found is not None and not await asyncio.to_thread(
                route_violations, self.problem, self.travel, found.routes
            ):
                best = self.ranking.better(best, merge(self.problem, self.orders, best, group, found))
        return best

    async def _all(self, groups: Sequence[Group], heard: Heard | None = None) -> list[Solution]:
        """The answers to all `groups`; raises `_NoAnswerError` when one of them has none."""
        answers: list[Solution] = []
        for answer in await self._gather(groups, heard=heard):
            if answer.solution is None:
                raise _NoAnswerError(_STATUS[answer.status], answer.reason or "the engine gave no answer")
            answers.append(answer.solution)
        return answers

    async def _gather(
        self, groups: Sequence[Group], runner: Runner | None = None, *, heard: Heard | None = None
    ) -> list[Answer]:
        waves, rounds = math.ceil(len(groups) / self.slots), max(1, self.rounds_left)
        self.rounds_left -= 1
        if not groups:
            return []
        share = waves * rounds
        self.runs_total += len(groups)
        soft = None if self.options.deterministic else max(0.1, self._soft_seconds_left() / share)
        runs = [asyncio.create_task(self._run(runner or self.runner, group, soft, heard)) for group in groups]
        try:
            for run in asyncio.as_completed(runs):
                await run
                self.runs_done += 1
                await self._tell(Phase.SOLVING)
            return [run.result() for run in runs]
        finally:
            await _finish(*runs)

    async def _run(self, runner: Runner, group: Group, soft_seconds: float | None, heard: Heard | None) -> Answer:
        hard = self.options.hard_limit_seconds
        asked = time.monotonic()
        async with self._slot(asked):
            left = hard - self._busy_seconds()
            if left <= 0:
                return Answer(None, RunStatus.TIMEOUT, f"the time limit of {hard:g} s is over")
            answer = await runner.run(group, soft_seconds, left, heard)
        self.cpu_seconds += answer.cpu_seconds
        self.engines.add(answer.engine)
        return answer

    async def _hear(self, found: Solution) -> None:
        """A better solution of the whole problem, while its engine goes on."""
        if self.best is None or self.ranking.better(self.best, found) is found:
            self.best = found
            self.engines.add(Engine.PYVRP)
            await self._tell(Phase.SOLVING)

    @contextlib.asynccontextmanager
    async def _slot(self, asked: float) -> AsyncIterator[None]:
        """A free engine slot. While no run of this solve is going, the wait for it is queueing."""
        claim = self.claim
        place = self._wait_in_line if self.report is not None and not self.engines else None
        async with claim.free.slot(claim.owner, is_urgent=claim.is_urgent, place=place):
            self.ahead = None
            if not self.running:
                self.queued_seconds += time.monotonic() - max(asked, self.idle_since)
            self.running += 1
            try:
                yield
            finally:
                self.running -= 1
                self.idle_since = time.monotonic()

    async def _wait_in_line(self, ahead: int) -> None:
        if not self.running and not self.runs_done:
            self.ahead = ahead
            await self._tell(Phase.SOLVING)

    def _busy_seconds(self) -> float:
        return time.monotonic() - self.started - self.queued_seconds

    def _soft_seconds_left(self) -> float:
        return self.soft_until - self._busy_seconds()

    async def _tell(self, phase: Phase) -> None:
        if self.report is None:
            return
        best = self.best
        await self.report(
            Progress(
                phase=phase,
                elapsed_seconds=time.monotonic() - self.started,
                runs_done=self.runs_done,
                runs_total=self.runs_total,
                best=None if best is None else best.summary,
                unassigned=None if best is None else len(best.unassigned),
                engine=Engine.PYVRP if Engine.PYVRP in self.engines else next(iter(self.engines), None),
                ahead=self.ahead,
            )
        )

    def _outcome(
        self, status: SolveStatus, reason: str | None, solution: Solution | None, left: tuple[Unassigned, ...]
    ) -> Outcome:
        return Outcome(
            status=status,
            reason=reason,
            solution=solution,
            baseline=self.base,
            unassigned=left,
            elapsed_seconds=time.monotonic() - self.started,
            cpu_seconds=self.cpu_seconds,
            queued_seconds=self.queued_seconds,
            engine=engine_names(self.engines),
        )


_STATUS = {
    RunStatus.REFUSED: SolveStatus.INFEASIBLE,
    RunStatus.TIMEOUT: SolveStatus.TIMEOUT,
    RunStatus.CRASHED: SolveStatus.CRASHED,
}
