"""Who meets a server in the benchmark of hostile documents, each in a process of its own: ``python -m tests.benchmarks.hostile_clients``.

What a client takes to write a request and to read its answer is then no part of what the other one waits for.
"""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE
from itertools import count, cycle

import httpx
import orjson
from tests.kernel.hostile import HOSTILE

NEIGHBOUR, ATTACKER = "neighbour", "attacker"

A_SECOND = 10
"""How many hostile documents come."""

PAUSE = 0.02
"""Seconds between the neighbour's requests."""


async def attack(url: str, seconds: float) -> list[float]:
    """Send the hostile documents in turn, none of them twice, ten a second whatever they take; answers how many there were."""
    texts = cycle([document() for document in HOSTILE.values()])
    async with httpx.AsyncClient(timeout=60) as http, asyncio.TaskGroup() as sent:
        began = time.monotonic()
        for number in count():
            await asyncio.sleep(began + number / A_SECOND - time.monotonic())
            if time.monotonic() - began >= seconds:
                break
            sent.create_task(http.post(url, json={"query": f"{next(texts)} #{time.time_ns()}"}))
    return [float(number)]


async def live(url: str, seconds: float) -> list[float]:
    """Ask for a little, again and again; answers what each answer took, in seconds."""
    waits: list[float] = []
    async with httpx.AsyncClient(timeout=60) as http:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.perf_counter()
            (await http.post(url, json={"query": "{ viewer { scopes } }"})).raise_for_status()
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE)
    return waits


async def client(role: str, url: str, seconds: float) -> list[float]:
    """Let one of them run in a process of its own, and answer what it does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.hostile_clients", role, url, str(seconds), stdout=PIPE
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the {role} ended with {process.returncode}")
    figures: list[float] = orjson.loads(said)
    return figures


if __name__ == "__main__":
    role, url, seconds = sys.argv[1:]
    run = attack if role == ATTACKER else live
    sys.stdout.buffer.write(orjson.dumps(asyncio.run(run(url, float(seconds)))))
