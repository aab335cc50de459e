"""What each hostile document costs a server: CPU time and memory of its process, and what a neighbour waits while they come ten a second."""

import asyncio
import time
from pathlib import Path

import httpx
import psutil
import pytest
from tests.kernel.hostile import HOSTILE

from doorstep.kernel.db import DatabaseUrls
from doorstep.server import running_server
from doorstep.settings import Settings

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

SECONDS = 10.0


async def _waits(http: httpx.AsyncClient, url: str, seconds: float) -> list[float]:
    waits, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        await http.post(url, json={"query": "{ viewer { scopes } }"})
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(0.02)
    return sorted(waits)


async def test_cost_of_each(database_urls: DatabaseUrls, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rich = {"bucket_points": 10_000_000}
    settings = Settings(_env_file=None, home=tmp_path, roads="straight", drain_seconds=2, **rich)  # type: ignore[call-arg,arg-type]
    figures: dict[str, tuple[float, float]] = {}
    async with (
        running_server(settings, database_urls, work=False, port=0) as server,
        httpx.AsyncClient(timeout=60) as http,
    ):
        url, process = server.graphql_url, psutil.Process()
        for name, document in HOSTILE.items():
            query = document()
            before, began = process.memory_info().rss, time.process_time()
            await http.post(url, json={"query": query})
            figures[name] = (time.process_time() - began, (process.memory_info().rss - before) / 2**20)
        quiet = await _waits(http, url, SECONDS)

        async def attack() -> None:
            async with httpx.AsyncClient(timeout=60) as attacker:
                number = 0
                while True:
                    query = list(HOSTILE.values())[number % len(HOSTILE)]()
                    await attacker.post(url, json={"query": f"{query} #{number}"})
                    number += 1
                    await asyncio.sleep(0.1)

        attacking = asyncio.create_task(attack())
        loud = await _waits(http, url, SECONDS)
        attacking.cancel()
    with capsys.disabled():
        for name, (seconds, mebibytes) in sorted(figures.items(), key=lambda one: -one[1][0]):
            print(f"\n{seconds * 1000:7.1f} ms CPU {mebibytes:6.1f} MB  {name}", end="")  # noqa: T201
        p99 = [waits[int(len(waits) * 0.99)] * 1000 for waits in (quiet, loud)]
        print(f"\na neighbour's p99: {p99[0]:.1f} ms in peace, {p99[1]:.1f} ms while ten a second arrive")  # noqa: T201
