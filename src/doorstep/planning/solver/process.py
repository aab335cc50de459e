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
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from doorstep.planning.solver.engine import Effort, Engine, EngineInput, Improvement, Json

PROGRAMS = {
    Engine.VROOM: Path(__file__).with_name("child.py"),
    Engine.PYVRP: Path(__file__).with_name("child_pyvrp.py"),
}
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
class Limits:
    """Where the run ends by force."""

    wall_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """What a run came to: the engine's own answer when OK, else why there is none.

    An engine that speaks while it works may leave its last word in `answer`, however it ended.
    """

    status: RunStatus
    answer: dict[str, Any] | None = None
    reason: str | None = None
    cpu_seconds: float = 0.0


Heard = Callable[[Json], Awaitable[None]]
"""Hears each better answer while the engine goes on."""


async def run_engine(
    engine_input: EngineInput, effort: Effort | Improvement, limits: Limits, heard: Heard | None = None
) -> RunAnswer:
    """Solve `engine_input` in a process of its own. Never raises for what the engine does; when the caller is cancelled
    the process is killed before the cancellation goes on. An engine that is stopped keeps its last better answer."""
    header, body = _request(engine_input, effort, limits)
    words = _Words(heard)
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", str(PROGRAMS[engine_input.engine]), str(os.getpid()),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        return RunAnswer(RunStatus.CRASHED, reason=f"the engine process could not be started: {error}")
    try:
        async with asyncio.timeout(limits.wall_seconds):
            err = await _talk(process, [header, *body], words)
            await process.wait()
    except TimeoutError:
        return RunAnswer(RunStatus.TIMEOUT, words.better, _timeout_reason(limits), limits.wall_seconds)
    finally:
        await _end(process)
    judged = _judge(process.returncode or 0, bytes(words.rest), err, limits)
    return judged if judged.answer is not None else replace(judged, answer=words.better)


class _Words:
    """What an engine says: lines while it works, the last of which is its answer."""

    def __init__(self, heard: Heard | None) -> None:
        self.heard = heard
        self.rest = bytearray()
        self.better: Json | None = None

    async def hear(self, stream: asyncio.StreamReader) -> None:
        """Read until the engine has said everything."""
        while block := await stream.read(CHUNK):
            self.rest += block
            while (end := self.rest.find(b"\n")) >= 0:
                line = bytes(self.rest[:end])
                if not await self._is_better(line):
                    return await self._drain(stream)
                del self.rest[: end + 1]
        return None

    async def _is_better(self, line: bytes) -> bool:
        try:
            said = json.loads(line)
            if said["status"] != "better":
                return False
        except (ValueError, KeyError, TypeError):
            return False
        self.better = said
        if self.heard is not None:
            await self.heard(said)
        return True

    async def _drain(self, stream: asyncio.StreamReader) -> None:
        while block := await stream.read(CHUNK):
            self.rest += block


def _request(engine_input: EngineInput, effort: Effort | Improvement, limits: Limits) -> tuple[bytes, list[memoryview]]:
    document = json.dumps(engine_input.document).encode()
    wall = limits.wall_seconds + GRACE_SECONDS
    header = {
        "limits": {
            "wall_seconds": wall,
            "cpu_seconds": wall * max(1, effort.threads),
            "memory_bytes": limits.memory_bytes,
        },
        "run": effort.as_json(),
        "document_bytes": len(document),
        "matrices": [
            {"profile": profile, "kind": kind, "size": matrix.shape[0]}
            for profile, kind, matrix in engine_input.matrices
        ],
    }
    numbers = [matrix.data.cast("B") for _, _, matrix in engine_input.matrices]
    return json.dumps(header).encode() + b"\n", [memoryview(document), *numbers]


async def _talk(process: asyncio.subprocess.Process, parts: list[Any], words: _Words) -> bytes:
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    if stdin is None or stdout is None or stderr is None:  # they were asked for above
        raise RuntimeError("the engine process has no pipes")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_write(stdin, parts))
            group.create_task(words.hear(stdout))
            err = group.create_task(stderr.read())
    except BaseExceptionGroup as failures:  # whoever listens may fail
        raise failures.exceptions[0] from None
    return err.result()


async def _write(stdin: asyncio.StreamWriter, parts: list[Any]) -> None:
    # The exit status says why it stopped reading; uvloop calls it a RuntimeError when the pipe is closed before anything was written.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
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
            return RunAnswer(RunStatus.OK, answer=said.get("solution", said), cpu_seconds=cpu)
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
