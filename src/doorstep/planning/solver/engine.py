"""The port behind which the engines work: what one is given, how hard it may try, what it may say.

VROOM carries every feature and starts each plan; PyVRP improves rounds within its narrower model (see `pyvrp`). Each
runs in a process of its own (see `process`) and knows nothing of the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import numpy.typing as npt

from doorstep.planning.solver.errors import SolverError

EngineMatrix = npt.NDArray[np.uint32]
Json = dict[str, Any]


class Engine(StrEnum):
    """Who looks for routes."""

    VROOM = "VROOM"
    PYVRP = "PYVRP"


@dataclass(frozen=True, slots=True, eq=False)
class EngineInput:
    """An engine's document and its matrices as (profile, "durations" or "distances", contiguous unsigned array)."""

    document: Json
    matrices: tuple[tuple[str, str, EngineMatrix], ...]
    engine: Engine = Engine.VROOM


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard VROOM may try: parallel `searches` of a `depth` (0..5), on `threads`, stopping softly on time."""

    searches: int
    depth: int
    threads: int = 1
    timeout_seconds: float | None = None

    def as_json(self) -> Json:
        """What VROOM's process reads; numbers that would kill or hang it are mended."""
        return {
            "searches": max(1, self.searches),
            "depth": min(max(0, self.depth), 5),
            "threads": max(1, self.threads),
            "timeout_seconds": self.timeout_seconds,
        }


@dataclass(frozen=True, slots=True)
class Improvement:
    """How long PyVRP may go on: at most so many `iterations` in all and so many in vain (`patience`), and `seconds`
    where the clock may decide (of processor time when it `counts_cpu`). The same seed and iterations give the same
    routes."""

    iterations: int
    patience: int
    seconds: float | None = None
    seed: int = 0
    threads: int = 1
    counts_cpu: bool = False

    def as_json(self) -> Json:
        """What PyVRP's process reads."""
        return {
            "iterations": self.iterations,
            "patience": self.patience,
            "seconds": self.seconds,
            "seed": self.seed,
            "counts_cpu": self.counts_cpu,
        }


class EngineAnswerError(SolverError):
    """An engine answered something that its documentation does not allow."""


def engine_names(used: Iterable[Engine] = (Engine.VROOM,)) -> str:
    """Names and versions of the engines that were used, without loading them; VROOM makes the first routes of every plan."""
    names = {Engine.VROOM: ("vroom", "pyvroom"), Engine.PYVRP: ("pyvrp", "pyvrp")}
    return ", ".join(_version(*names[engine]) for engine in Engine if engine in {Engine.VROOM, *used})


def _version(name: str, package: str) -> str:
    try:
        return f"{name} ({package} {version(package)})"
    except PackageNotFoundError:
        return f"{name} ({package} is not installed)"
