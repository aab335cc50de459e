"""OR-Tools as a contestant of the bench, in a process of its own; where it is not installed it stays away."""

import asyncio
import importlib.util
import io
import json
import resource
import sys
import time
from typing import Any, Final

import numpy as np

from doorstep.bench.instances import Instance

CHILD: Final = "doorstep.bench.ortools_child"
_PATIENCE_SECONDS: Final = 60


def is_installed() -> bool:
    """Whether this environment has OR-Tools."""
    return importlib.util.find_spec("ortools") is not None


async def routes_of(instance: Instance, seconds: float) -> tuple[list[list[int]] | None, float, float, str]:
    """Its routes (None: none), the processor and wall-clock seconds that they took, and what it said when it failed.

    ``seconds`` are the search's, on one thread, after the model is built: it has no limit of processor time.
    """
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", CHILD,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS + 3 * seconds):
            told, said = await child.communicate(_as_bytes(instance, seconds))
    except TimeoutError:
        child.kill()
        await child.wait()
        return None, 0.0, time.monotonic() - began, "no answer in time"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    wall = time.monotonic() - began
    if child.returncode:
        return None, used, wall, said.decode(errors="replace").strip().rpartition("\n")[2]
    return json.loads(told), used, wall, ""


def _as_bytes(instance: Instance, seconds: float) -> bytes:
    names = ("demand", "ready", "due", "service", "partner")
    arrays: dict[str, Any] = {name: np.array([getattr(row, name) for row in instance.rows]) for name in names}
    arrays |= {
        "matrix": instance.matrix,
        "vehicles": instance.vehicles,
        "capacity": instance.capacity,
        "seconds": seconds,
    }
    text = io.BytesIO()
    np.savez(text, **arrays)
    return text.getvalue()
