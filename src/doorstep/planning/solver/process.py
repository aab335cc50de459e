"""One engine run in one process of its own, which can be killed at any moment.

Every run gets a fresh process: it starts in a tenth of a second because it loads only the compiled engine, and no
state, leak or crash of one run can reach another. The parent only waits for pipes, so its event loop stays free. The
process ends by itself when its time, memory or processor limit is used up, and with its parent (see `child`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from doorstep.planning.solver.vroom import EngineInput

CHILD = Path(__file__).with_name("child.py")
CHUNK = 1 << 20
GRACE_SECONDS = 2.0
"""How much later than the parent the child ends itself, should the parent not be able to."""


class RunStatus(StrEnum):
    """How an engine run ended."""

    OK = "OK"
    REFUSED = "REFUSED"
    TIMEOUT = "TIMEOUT"
    CRASHED = "CRASHED"


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard the engine may try: parallel `searches` of a `depth` (0..5), on `threads`, stopping softly on time."""

    searches: int
    depth: int
    threads: int = 1
    timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Where the run ends by force."""

    wall_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """What a run came to: the engine's own answer when OK, else why there is none."""

    status: RunStatus
    answer: dict[str, Any] | None = None
    reason: str | None = None
    cpu_seconds: float = 0.0


async def run_engine(engine_input: EngineInput, effort: Effort, limits: Limits) -> RunAnswer:
    """Solve `engine_input` in a process of its own. Never raises for what the engine does; when the caller is cancelled
    the process is killed before the cancellation goes on."""
    header, body = _request(engine_input, effort, limits)
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", str(CHILD), str(os.getpid()),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        return RunAnswer(RunStatus.CRASHED, reason=f"the engine process could not be started: {error}")
    try:
        async with asyncio.timeout(limits.wall_seconds):
            out, err = await _talk(process, [header, *body])
            await process.wait()
    except TimeoutError:
        return RunAnswer(RunStatus.TIMEOUT, reason=_timeout_reason(limits), cpu_seconds=limits.wall_seconds)
    finally:
        await _end(process)
    return _judge(process.returncode or 0, out, err, limits)


def _request(engine_input: EngineInput, effort: Effort, limits: Limits) -> tuple[bytes, list[memoryview]]:
    document = json.dumps(engine_input.document).encode()
    wall = limits.wall_seconds + GRACE_SECONDS
    header = {
        "limits": {
            "wall_seconds": wall,
            "cpu_seconds": wall * max(1, effort.threads),
            "memory_bytes": limits.memory_bytes,
        },
        "run": {
            "searches": max(1, effort.searches),
            "depth": min(max(0, effort.depth), 5),
            "threads": max(1, effort.threads),
            "timeout_seconds": effort.timeout_seconds,
        },
        "document_bytes": len(document),
        "matrices": [
            {"profile": profile, "kind": kind, "size": matrix.shape[0]}
            for profile, kind, matrix in engine_input.matrices
        ],
    }
    numbers = [matrix.data.cast("B") for _, _, matrix in engine_input.matrices]
    return json.dumps(header).encode() + b"\n", [memoryview(document), *numbers]


async def _talk(process: asyncio.subprocess.Process, parts: list[Any]) -> tuple[bytes, bytes]:
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    if stdin is None or stdout is None or stderr is None:  # they were asked for above
        raise RuntimeError("the engine process has no pipes")
    async with asyncio.TaskGroup() as group:
        group.create_task(_write(stdin, parts))
        out = group.create_task(stdout.read())
        err = group.create_task(stderr.read())
    return out.result(), err.result()


async def _write(stdin: asyncio.StreamWriter, parts: list[Any]) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the exit status says why it stopped reading
        for part in parts:
            for start in range(0, len(part), CHUNK):
                stdin.write(bytes(part[start : start + CHUNK]))
                await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())


def _timeout_reason(limits: Limits) -> str:
    return f"the engine was stopped after {limits.wall_seconds:.0f} seconds"


def _judge(exit_code: int, out: bytes, err: bytes, limits: Limits) -> RunAnswer:
    if exit_code < 0:
        return _killed(-exit_code, err, limits)
    try:
        said = json.loads(out)
        status, cpu = said["status"], float(said["cpu_seconds"])
        if status == "ok":
            return RunAnswer(RunStatus.OK, answer=said["solution"], cpu_seconds=cpu)
        message = str(said["message"])
    except (ValueError, KeyError, TypeError):
        if _starved(err):
            return RunAnswer(RunStatus.CRASHED, reason=_memory_reason(limits))
        return RunAnswer(RunStatus.CRASHED, reason=f"the engine ended with status {exit_code}: {_tail(err)}")
    if status == "refused":
        return RunAnswer(RunStatus.REFUSED, reason=f"the engine refused the problem: {message}", cpu_seconds=cpu)
    if status == "memory":
        return RunAnswer(RunStatus.CRASHED, reason=_memory_reason(limits), cpu_seconds=cpu)
    return RunAnswer(RunStatus.CRASHED, reason=f"the engine failed: {message}", cpu_seconds=cpu)


def _killed(number: int, err: bytes, limits: Limits) -> RunAnswer:
    if number in (signal.SIGALRM, signal.SIGXCPU):
        return RunAnswer(RunStatus.TIMEOUT, reason=_timeout_reason(limits))
    if _starved(err):
        return RunAnswer(RunStatus.CRASHED, reason=_memory_reason(limits))
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return RunAnswer(RunStatus.CRASHED, reason=f"the engine process was ended by {name}")


def _memory_reason(limits: Limits) -> str:
    return f"the engine needed more than its {limits.memory_bytes >> 20} MB of memory"


def _starved(err: bytes) -> bool:
    """Whether the engine, its libraries or Python complained about memory before the end."""
    words = (b"bad_alloc", b"memoryerror", b"memory allocation", b"allocate memory", b"failed to map segment")
    return any(word in err.lower() for word in words)


def _tail(err: bytes) -> str:
    lines = err.decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"
