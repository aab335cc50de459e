"""The solver beside its engines alone: the same instances and matrices, in the same run, on the same processor time.

Doorstep plans first, within a wall-clock limit. What processor time that took, its own Python included, is the budget of
plain VROOM (one run at the highest level that is predicted to fit, stopped softly) and of plain PyVRP (from its own random
start); OR-Tools, where it is installed, searches as long. Every answer is measured by the instance's own check.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from rich.table import Table

from doorstep.bench import ortools_alone
from doorstep.bench.instances import Instance
from doorstep.bench.machine import Machine
from doorstep.planning.solver import pyvrp, vroom
from doorstep.planning.solver.choosing import choose
from doorstep.planning.solver.engine import Effort, EngineInput, Improvement
from doorstep.planning.solver.estimate import SEARCHES, Objective, SolveOptions, predict_cpu_seconds
from doorstep.planning.solver.pool import SolverPool
from doorstep.planning.solver.problem import Problem
from doorstep.planning.solver.process import Limits, run_engine
from doorstep.planning.solver.solution import Solution, StepKind
from doorstep.planning.solver.travel import Travel

_MEMORY: Final = 2 << 30
_PATIENCE_FACTOR: Final = 30
"""The wall-clock limit of the others, in their budgets of processor time: the machine may be busy."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one contestant came to: its cost in the instance's own units, or the fault that it ended with."""

    cost: float | None
    unassigned: int
    cpu_seconds: float
    wall_seconds: float
    fault: str | None = None

    def gap(self, best: float | None) -> float | None:
        """Per cent above the best known (or the best seen here)."""
        if self.cost is None or not best:
            return None
        return 100 * (self.cost / best - 1)


@dataclass(frozen=True, slots=True)
class Bout:
    """All contestants on one instance; None: their model cannot hold it, or (OR-Tools) it is not installed."""

    name: str
    kind: str
    stops: int
    seconds: float
    best: float | None
    matrix_seconds: float
    doorstep: Answer
    vroom: Answer | None
    pyvrp: Answer | None
    ortools: Answer | None

    @property
    def others(self) -> dict[str, Answer | None]:
        """The engines alone, by name."""
        return {"VROOM": self.vroom, "PyVRP": self.pyvrp, "OR-Tools": self.ortools}

    @property
    def reference(self) -> float | None:
        """The best known cost, else the best seen here."""
        costs = [answer.cost for answer in (self.doorstep, *self.others.values()) if answer and answer.cost]
        return self.best if self.best is not None else min(costs, default=None)

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


async def contest(instance: Instance, seconds: float, slots: int) -> Bout:
    """One instance, ``seconds`` for Doorstep on so many slots."""
    began = time.process_time()
    problem = instance.problem()
    matrix_seconds = time.process_time() - began
    ours = await _doorstep(instance, problem, seconds, slots)
    return Bout(
        name=instance.name,
        kind=instance.kind,
        stops=instance.stops,
        seconds=seconds,
        best=instance.best,
        matrix_seconds=matrix_seconds,
        doorstep=ours,
        vroom=await _vroom(instance, problem, ours.cpu_seconds),
        pyvrp=await _pyvrp(instance, problem, ours.cpu_seconds),
        ortools=await _ortools(instance, ours.cpu_seconds) if ortools_alone.is_installed() else None,
    )


async def _doorstep(instance: Instance, problem: Problem, seconds: float, slots: int) -> Answer:
    began, cpu = time.monotonic(), time.process_time()
    async with SolverPool(slots=slots) as pool:
        options = replace(choose(problem, slots, objective=Objective.DISTANCE), time_limit_seconds=seconds)
        outcome = await pool.solve(problem, replace(options, hard_limit_seconds=20 + 6 * seconds))
    used = outcome.cpu_seconds + time.process_time() - cpu
    if outcome.solution is None:
        return Answer(None, instance.stops, used, time.monotonic() - began, outcome.reason)
    return _measured(instance, outcome.solution, used, time.monotonic() - began)


async def _vroom(instance: Instance, problem: Problem, budget: float) -> Answer:
    """Plain VROOM on the whole problem."""
    effort = Effort(1, 0, 1, budget)
    for level in range(len(SEARCHES)):
        options = SolveOptions(level=level)
        if predict_cpu_seconds(problem, options) <= budget:
            effort = Effort(options.effective_searches, options.effective_depth, 1, budget)
    asked = vroom.to_engine(problem, Travel(problem), problem.orders, problem.vehicles, Objective.DISTANCE)
    return await _alone(
        instance, asked, effort, budget, lambda answer: vroom.from_engine(problem, problem.orders, answer)
    )


async def _pyvrp(instance: Instance, problem: Problem, budget: float) -> Answer | None:
    """Plain PyVRP on the whole problem, from a random start; None when its model cannot hold it."""
    orders, vehicles = problem.orders, problem.vehicles
    if pyvrp.obstacle(problem, orders, vehicles, Objective.DISTANCE) is not None:
        return None
    travel = Travel(problem)
    asked = pyvrp.to_engine(problem, travel, orders, vehicles, None, Objective.DISTANCE)
    effort = Improvement(2**31, 2**31, budget, counts_cpu=True)
    return await _alone(
        instance, asked, effort, budget, lambda answer: pyvrp.from_engine(problem, travel, orders, vehicles, answer)
    )


async def _ortools(instance: Instance, budget: float) -> Answer:
    """Plain OR-Tools on the whole problem, with guided local search."""
    routes, cpu, wall, said = await ortools_alone.routes_of(instance, budget)
    if routes is None:
        return Answer(None, instance.stops, cpu, wall, said)
    return _checked(instance, routes, cpu, wall)


async def _alone(
    instance: Instance, asked: EngineInput, effort: Effort | Improvement, budget: float, read: Any
) -> Answer:
    began = time.monotonic()
    run = await run_engine(asked, effort, Limits(10 + _PATIENCE_FACTOR * budget, _MEMORY))
    wall = time.monotonic() - began
    if run.answer is None:
        return Answer(None, instance.stops, run.cpu_seconds, wall, run.reason)
    return _measured(instance, read(run.answer), run.cpu_seconds, wall)


def _measured(instance: Instance, solution: Solution, cpu: float, wall: float) -> Answer:
    doing = (StepKind.PICKUP, StepKind.DELIVERY)
    routes = [
        [step.location for step in route.steps if step.kind in doing and step.location is not None]
        for route in solution.routes
    ]
    return _checked(instance, routes, cpu, wall)


def _checked(instance: Instance, routes: Sequence[Sequence[int]], cpu: float, wall: float) -> Answer:
    distance, left, faults = instance.measure(routes)
    return Answer(None if faults else distance / instance.scale, left, cpu, wall, faults[0] if faults else None)


# ── showing ─────────────────────────────────────────────────────────────────────────────────────────────


def as_table(bouts: Sequence[Bout], machine: Machine) -> Table:
    """Gap to the best known, orders left out and processor seconds; means for each set; who lost where."""
    table = Table(title="doorstep bench solver", caption=f"{machine}. {lost(bouts)}")
    names = [name for name in ("VROOM", "PyVRP", "OR-Tools") if name != "OR-Tools" or _knows_ortools(bouts)]
    columns = ("Instance", "Stops", "Limit s", "Doorstep", *(f"{name} alone" for name in names), "Matrix s")
    for column in columns:
        table.add_column(column, justify="left" if column == "Instance" else "right", no_wrap=True)
    for bout in bouts:
        answers = [bout.doorstep, *(bout.others[name] for name in names)]
        cells = [_cell(answer, bout.reference) for answer in answers]
        table.add_row(bout.name, str(bout.stops), f"{bout.seconds:g}", *cells, f"{bout.matrix_seconds:.2f}")
    for kind in dict.fromkeys(bout.kind for bout in bouts):
        for limit in dict.fromkeys(bout.seconds for bout in bouts):
            of_kind = [bout for bout in bouts if (bout.kind, bout.seconds) == (kind, limit)]
            table.add_row(f"mean {kind}", "", f"{limit:g}", *means(of_kind, names), "")
    return table


def _knows_ortools(bouts: Sequence[Bout]) -> bool:
    return any(bout.ortools is not None for bout in bouts)


def means(bouts: Sequence[Bout], names: Sequence[str]) -> list[str]:
    """Doorstep's mean gap and those of the others; of an instance that somebody could not answer in full, nobody's counts."""
    told = [(bout.reference, [bout.doorstep, *(bout.others[name] for name in names)]) for bout in bouts]
    whole = [one for one in told if all(_is_whole(answer) for answer in one[1])]
    cells = []
    for number in range(1 + len(names)):
        found = [answer.gap(best) for best, answers in whole if (answer := answers[number]) is not None]
        known = [gap for gap in found if gap is not None]
        cells.append(f"{sum(known) / len(known):.2f} % ({len(known)})" if known else "–")
    return cells


def _is_whole(answer: Answer | None) -> bool:
    return answer is None or (answer.cost is not None and not answer.unassigned)


def lost(bouts: Sequence[Bout]) -> str:
    """The instances on which an engine alone was better by more than a tenth of a per cent."""
    worse = []
    for bout in bouts:
        ours = (bout.doorstep.unassigned, bout.doorstep.cost or float("inf"))
        for name, other in bout.others.items():
            if other is not None and other.cost is not None and (other.unassigned, other.cost * 1.001) < ours:
                worse.append(f"{bout.name} at {bout.seconds:g} s ({name})")
    return f"Lost: {', '.join(worse)}." if worse else "None lost."


def _cell(answer: Answer | None, reference: float | None) -> str:
    if answer is None:
        return "cannot"
    gap = answer.gap(reference)
    if gap is None:
        return answer.fault or "nothing"
    left = f", {answer.unassigned} left" if answer.unassigned else ""
    return f"{gap:.2f} % @{answer.cpu_seconds:.1f}{left}"
