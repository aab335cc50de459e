"""The server under test, in a process of its own: ``doorstep serve`` without its terminal, told what to do over stdin.

The first line that the child reads is its orders (settings and database addresses: never on a command line, where others could read them); it
answers with where it listens. Each further line asks for its CPU time and memory. The end of its input, also when the parent is killed, ends it.
"""

import asyncio
import resource
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import uvloop

from doorstep.kernel.db import DatabaseUrls
from doorstep.kernel.logs import configure_logging
from doorstep.server import Server, running_server, spare_the_collector
from doorstep.settings import Settings

_LONGEST_LINE = 1 << 20
_GOODBYE_SECONDS = 40.0
_NO_LIMIT = {"bucket_points": 10**12, "bucket_points_per_second": 10**9}
"""What is measured is the server, not how much a tenant may ask of it."""


class ServerEnded(Exception):
    """The server under test ended before the measurements did."""


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Seconds of CPU: of the server's own process, and of its children that have ended (the solver's)."""

    server: float
    children: float

    def __sub__(self, earlier: "CpuTime") -> "CpuTime":
        return CpuTime(self.server - earlier.server, self.children - earlier.children)


@dataclass(frozen=True, slots=True)
class Memory:
    """The most resident memory until now, in MiB: of the server's own process, and of the largest child that has ended."""

    server: float
    largest_child: float


class Served:
    """A running server under test."""

    def __init__(self, process: Process, url: str) -> None:
        self._process = process
        self.url = url

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    async def cpu(self) -> CpuTime:
        """What it has used until now."""
        answer = await _ask(self._process, {})
        return CpuTime(answer["server"], answer["children"])

    async def memory(self) -> Memory:
        """The most that it has held until now."""
        answer = await _ask(self._process, {})
        return Memory(answer["server_mib"], answer["child_mib"])


@asynccontextmanager
async def served(settings: Settings, urls: DatabaseUrls) -> AsyncIterator[Served]:
    """A server on a free port until the block ends; raises ServerEnded."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=PIPE, stdout=PIPE, limit=_LONGEST_LINE, start_new_session=True
    )
    try:
        order = {"settings": {**settings.model_dump(mode="json"), **_NO_LIMIT}, "app": urls.app, "system": urls.system}
        answer = await _ask(process, order)
        yield Served(process, answer["url"])
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _GOODBYE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _ask(process: Process, message: dict[str, Any]) -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise ServerEnded("The server under test has no pipes.")
    try:
        process.stdin.write(orjson.dumps(message) + b"\n")
        await process.stdin.drain()
    except ConnectionError as error:
        raise ServerEnded("The server under test has ended; its log above says why.") from error
    line = await process.stdout.readline()
    if not line:
        raise ServerEnded("The server under test has ended; its log above says why.")
    answer: dict[str, Any] = orjson.loads(line)
    return answer


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=_LONGEST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    order = orjson.loads(await orders.readline())
    settings = Settings(**order["settings"])
    configure_logging(settings.log_format, settings.log_level)
    async with running_server(settings, DatabaseUrls(order["app"], order["system"]), port=0) as server:
        spare_the_collector()
        _answer(_where(server))
        while await orders.readline():
            _answer(_used())


def _where(server: Server) -> dict[str, Any]:
    return {"url": server.url}


def _used() -> dict[str, Any]:
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 2**20 if sys.platform == "darwin" else 2**10  # of ru_maxrss in a MiB: bytes there, else KiB
    return {
        "server": time.process_time(),
        "children": ended.ru_utime + ended.ru_stime,
        "server_mib": own.ru_maxrss / unit,
        "child_mib": ended.ru_maxrss / unit,
    }


def _answer(message: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(message) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
