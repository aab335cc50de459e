"""Real processes to hurt: ``python -m doorstep serve`` on a home of its own, and the embedded PostgreSQL below it."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil

from doorstep.kernel.postgres.folder import ClusterFolder, State
from doorstep.kernel.postgres.locks import held_exclusively

START_SECONDS = 60.0
"""A start on a busy machine, recovery after a crash included."""


def free_port() -> int:
    """A TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def eventually(condition: Callable[[], bool], what: str, seconds: float) -> float:
    """Wait for something that must come within so many seconds; returns how long it took."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            raise AssertionError(f"{what} did not come within {seconds:g} s")
        await asyncio.sleep(0.02)
    return time.monotonic() - started


class Cluster:
    """The embedded PostgreSQL of a home, seen from outside: who runs it, and how to hurt them."""

    def __init__(self, home: Path) -> None:
        self._folder = ClusterFolder(home / "postgres")

    @property
    def state(self) -> State:
        return self._folder.read_state()

    @property
    def stopped(self) -> bool:
        """Neither a supervisor nor a server is left."""
        return not held_exclusively(self._folder.supervisor_lock) and not self._server_runs()

    def _server_runs(self) -> bool:
        return (self._folder.data / "postmaster.pid").exists() and alive(self.state.postmaster)

    def kill_supervisor(self) -> bool:
        return self._signal(self.state.supervisor, signal.SIGKILL)

    def kill_postmaster(self) -> bool:
        return self._signal(self.state.postmaster, signal.SIGKILL)

    def kill_backend(self, number: int) -> bool:
        """Kill one of the server's processes; the server then throws everybody out and recovers."""
        family = self._family()
        return bool(family) and self._signal(family[number % len(family)].pid, signal.SIGKILL)

    def kill_all(self) -> bool:
        """Supervisor, postmaster and every backend, at once."""
        family = self._family()
        killed = [self.kill_supervisor(), self.kill_postmaster()]
        for process in family:
            self._signal(process.pid, signal.SIGKILL)
        return any(killed)

    def freeze_supervisor(self) -> None:
        """From now on a server that dies stays dead: its supervisor lives, but does nothing."""
        assert self._signal(self.state.supervisor, signal.SIGSTOP)

    def thaw_supervisor(self) -> None:
        assert self._signal(self.state.supervisor, signal.SIGCONT)

    def freeze_server(self, frozen: bool) -> None:
        """Stop or go on with postmaster and backends: connections stay open and nobody answers."""
        number = signal.SIGSTOP if frozen else signal.SIGCONT
        for pid in [self.state.postmaster, *(process.pid for process in self._family())]:
            self._signal(pid, number)

    def _family(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            if self.state.postmaster:
                return psutil.Process(self.state.postmaster).children()
        return []

    @staticmethod
    def _signal(pid: int, number: int) -> bool:
        if not pid:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            return True
        return False

    async def sweep(self) -> None:
        """Whatever still runs at the end of a test ends."""
        with contextlib.suppress(AssertionError):
            self._signal(self.state.supervisor, signal.SIGCONT)
            self.freeze_server(frozen=False)
            await eventually(lambda: self.stopped, "the end of PostgreSQL", 15)
            return
        self.kill_all()


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


class Serve:
    """One ``doorstep serve``, started again and again on the same port and home."""

    module = "doorstep"
    """What Python runs; a test that plants a fault has another one."""

    def __init__(self, home: Path, log: Path, port: int | None = None, **environment: str) -> None:
        self.home = home
        self.port = port or free_port()
        self.log = log
        self.starts = 0
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("DOORSTEP_", "DATABASE_"))},
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "DOORSTEP_HOME": str(home),
            "DOORSTEP_PORT": str(self.port),
            "DOORSTEP_METRICS_PORT": "0",
            "DOORSTEP_ROADS": "straight",
            "DOORSTEP_LOG_FORMAT": "json",
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def graphql_url(self) -> str:
        return f"{self.url}/graphql"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    def launch(self) -> None:
        """Start the process; it answers some seconds later."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", self.module, "serve"], cwd=self.home, env=self._environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self.starts += 1

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        self.launch()
        await self.ready()

    async def ready(self, seconds: float = START_SECONDS) -> float:
        """Wait until it says that it is ready; returns how long that took."""
        started = time.monotonic()
        async with httpx.AsyncClient(timeout=5) as http:
            while not await self._says_ready(http):
                assert self.process.poll() is None, f"serve ended with {self.process.returncode}:\n{self.said()}"
                assert time.monotonic() - started < seconds, f"serve is not ready after {seconds:g} s:\n{self.said()}"
                await asyncio.sleep(0.05)
        return time.monotonic() - started

    async def _says_ready(self, http: httpx.AsyncClient) -> bool:
        try:
            return (await http.get(f"{self.url}/health/ready")).status_code == 200
        except httpx.TransportError:
            return False

    def said(self, last: int = 3000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-last:] if self.log.exists() else ""

    def complaints(self) -> list[str]:
        """Lines of its log that tell of a fault of ours: internal errors, tracebacks."""
        words = ('"level": "error"', '"level": "critical"', "Traceback (most recent call last)")
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return [line[-1500:] for line in lines if any(word in line for word in words)]

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        """SIGTERM: it drains."""
        self.process.send_signal(signal.SIGTERM)

    async def ended(self, seconds: float) -> int:
        """Its exit code; it must come within so many seconds."""
        await eventually(lambda: self.process.poll() is not None, "the end of serve", seconds)
        code: int = self.process.returncode
        return code

    def close(self) -> None:
        """Nothing of it is left."""
        if self._process is not None and self._process.poll() is None:
            self.kill()


@asynccontextmanager
async def serving(
    home: Path, log: Path, count: int = 1, kind: type[Serve] = Serve, **environment: str
) -> AsyncIterator[list[Serve]]:
    """So many servers on one home, ready; nothing is left of them or of their PostgreSQL at the end."""
    servers = [kind(home, log.with_name(f"{log.stem}-{number}.log"), **environment) for number in range(count)]
    try:
        for server in servers:
            server.launch()
        for server in servers:
            await server.ready()
        yield servers
    except BaseException as error:
        for server in servers:
            error.add_note(f"the server on port {server.port} said:\n{server.said(1000)}")
            error.add_note("\n".join(["its complaints:", *server.complaints()[:3]]))
        raise
    finally:
        for server in servers:
            server.close()
        await Cluster(home).sweep()
