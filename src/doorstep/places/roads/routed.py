"""One running `osrm-routed`: started on loopback with a port of its own choosing, read from what it says, and stopped.

The port is the kernel's choice (`-p 0`): osrm-routed shares ports without complaint, so a port that we picked could
already be another server's. Its log names every position that is asked for, so it is read and thrown away.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from contextlib import suppress
from typing import Final

from doorstep.places.errors import RoadsUnavailable
from doorstep.places.roads.children import Child
from doorstep.places.roads.graphs import BASE, Graph
from doorstep.places.roads.osrm import Osrm
from doorstep.places.roads.programs import Programs

_LISTENING: Final = re.compile(rb"Listening on: 127\.0\.0\.1:(\d+)")
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 5.0


class Routed:
    """A child process and the adapter that speaks to it. `users` counts the answers that are still being given."""

    def __init__(self, child: Child, graph: Graph, network: Osrm, reader: asyncio.Task[None]) -> None:
        self._child = child
        self.process = child.process
        self.graph = graph
        self.network = network
        self.users = 0
        self._reader = reader

    @property
    def pid(self) -> int:
        """The engine's process id."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process.returncode is None

    async def ended(self) -> int:
        """Wait until the process ends, however that comes about; its exit code."""
        return await self.process.wait()

    async def stop(self) -> None:
        """End the process and wait for it."""
        await self.network.close()
        await self._child.end(_STOP_SECONDS)
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader


async def start(graph: Graph, programs: Programs, *, radius_meters: float, threads: int, max_points: int) -> Routed:
    """Start the engine on a graph and return once it listens. Raises RoadsUnavailable when it does not come up."""
    command = [str(programs.routed), BASE, "--algorithm", "MLD", "--mmap"]
    command += ["--ip", "127.0.0.1", "--port", "0", "--threads", str(threads), "--max-table-size", str(max_points)]
    command += ["--max-viaroute-size", "1000", "--max-nearest-locations", str(max_points)]
    command += ["--default-radius", f"{radius_meters:g}"]
    child = await Child.start(command, graph.folder)
    try:
        port = await asyncio.wait_for(_port(child.output), _START_SECONDS)
    except TimeoutError as error:
        await child.end(_STOP_SECONDS)
        raise RoadsUnavailable(f"The road engine ({graph.profile.value}) did not start in time.") from error
    except BaseException:
        await child.end(_STOP_SECONDS)
        raise
    network = Osrm(
        f"http://127.0.0.1:{port}",
        graph.profile,
        radius_meters=radius_meters,
        trust_env=False,
        max_points=max_points,
    )
    return Routed(child, graph, network, asyncio.create_task(_drain(child.output)))


async def _port(output: asyncio.StreamReader) -> int:
    said: deque[bytes] = deque(maxlen=5)
    async for line in output:
        if found := _LISTENING.search(line):
            return int(found.group(1))
        said.append(line)
    last = b" ".join(line.strip() for line in said if b"[info]" not in line).decode(errors="replace")
    raise RoadsUnavailable(f"The road engine did not start: {last or 'it gave no reason'}")


async def _drain(output: asyncio.StreamReader) -> None:
    while await output.read(65_536):
        continue
