"""What each hostile document costs a server: CPU time and memory of its process, and what a neighbour waits while they come ten a second.

The server, the attacker and the neighbour are three processes. Peace and attack take turns, so that what else the machine does meets both.
"""

import asyncio
import os
from pathlib import Path

import httpx
import psutil
import pytest
from tests.benchmarks.hostile_clients import ATTACKER, NEIGHBOUR, client
from tests.kernel.hostile import HOSTILE

from doorstep.bench.served import Served, served
from doorstep.kernel.db import DatabaseUrls
from doorstep.settings import Settings

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

ROUNDS = 4
SECONDS = 12.0
SENDINGS = 5
"""Each document is sent so often, and never twice as the same text."""


async def _cost_of_each(server: Served, url: str) -> dict[str, tuple[float, float]]:
    """Seconds of CPU and MiB of memory that the server takes for one of each."""
    figures, process = {}, psutil.Process(server.pid)
    async with httpx.AsyncClient(timeout=60) as http:
        for name, document in HOSTILE.items():
            query = document()
            before, began = process.memory_info().rss, await server.cpu()
            for number in range(SENDINGS):
                await http.post(url, json={"query": f"{query} #{number}"})
            spent, grown = (await server.cpu() - began).server, process.memory_info().rss - before
            figures[name] = (spent / SENDINGS, grown / 2**20)
    return figures


def _p99(waits: list[float]) -> float:
    return sorted(waits)[int(len(waits) * 0.99)] * 1000


async def _round(url: str) -> tuple[float, float]:
    """A neighbour's p99 in milliseconds, in peace and under attack."""
    quiet = await client(NEIGHBOUR, url, SECONDS)
    attacking = asyncio.create_task(client(ATTACKER, url, SECONDS + 3))
    await asyncio.sleep(1.5)  # until it has begun
    loud = await client(NEIGHBOUR, url, SECONDS)
    await attacking
    return _p99(quiet), _p99(loud)


async def test_cost_of_each(database_urls: DatabaseUrls, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(_env_file=None, home=tmp_path, roads="straight", drain_seconds=2)  # type: ignore[call-arg]
    async with served(settings, database_urls) as server:
        url = f"{server.url}/graphql"
        await client(NEIGHBOUR, url, 1.0)
        costs = await _cost_of_each(server, url)
        rounds = [(await _round(url), os.getloadavg()[0]) for _ in range(ROUNDS)]
    with capsys.disabled():
        for name, (seconds, mebibytes) in sorted(costs.items(), key=lambda one: -one[1][0]):
            print(f"\n{seconds * 1000:7.1f} ms CPU {mebibytes:6.1f} MB  {name}", end="")  # noqa: T201
        for (quiet, loud), load in rounds:
            print(  # noqa: T201
                f"\na neighbour's p99: {quiet:.1f} ms in peace, {loud:.1f} ms while ten a second arrive: {loud / quiet:.2f} times (load {load:.1f})",
                end="",
            )
        print()  # noqa: T201
