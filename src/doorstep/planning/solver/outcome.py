"""What a solve tells: while it goes on, and how it ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from doorstep.planning.solver.engine import Engine
from doorstep.planning.solver.solution import Solution, Summary
from doorstep.planning.solver.unassigned import Unassigned


class SolveStatus(StrEnum):
    """How a solve ended; only OK has a solution."""

    OK = "OK"
    INFEASIBLE = "INFEASIBLE"
    TIMEOUT = "TIMEOUT"
    CRASHED = "CRASHED"


class Phase(StrEnum):
    """What a solve is busy with."""

    PREPARING = "PREPARING"
    SOLVING = "SOLVING"
    VERIFYING = "VERIFYING"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a solve is; `best` and `unassigned` are of the best solution so far.

    `ahead` is how many runs go before while the solve waits for its first slot; None once it has had one.
    """

    phase: Phase
    elapsed_seconds: float
    runs_done: int = 0
    runs_total: int = 0
    best: Summary | None = None
    unassigned: int | None = None
    engine: Engine | None = None
    ahead: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a solve. `reason` says why there is no solution.

    `cpu_seconds` is what the engines used. `queued_seconds` of `elapsed_seconds` were spent waiting for a free slot; they
    count against no limit.
    """

    status: SolveStatus
    reason: str | None
    solution: Solution | None
    baseline: Solution | None
    unassigned: tuple[Unassigned, ...]
    elapsed_seconds: float
    cpu_seconds: float
    queued_seconds: float
    engine: str


Report = Callable[[Progress], Awaitable[None]]
