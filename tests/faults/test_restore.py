"""The database goes back to a backup while clients follow its log: each is told, reads afresh, and ends with what is committed."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from tests.faults.clients import Api, OrderLog, place_once, place_orders
from tests.faults.conftest import Home
from tests.faults.mirrors import Mirror, committed
from tests.faults.processes import Serve, serving

MIRRORS = 6
PATIENCE = 60.0


def doorstep(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command on the home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DOORSTEP_", "DATABASE_"))}
    environment = {**kept, "DOORSTEP_HOME": str(home.path), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, "-P", "-m", "doorstep", *arguments],
        cwd=home.path, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


async def command(home: Home, *arguments: str) -> str:
    """A command that must succeed; its output."""
    done = await asyncio.to_thread(doorstep, home, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def become(holds: Callable[[], bool], what: Callable[[], object]) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while not holds():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"in vain: {what()}") from None


async def place(api: Api, name: str, count: int) -> list[str | None]:
    log = OrderLog()
    return [await place_once(f"{name}-{number}", api, log) for number in range(count)]


async def all_agree(mirrors: list[Mirror], api: Api) -> None:
    """Every copy becomes what is committed."""
    state, _ = await committed(api)
    await become(
        lambda: all(mirror.state == state for mirror in mirrors),
        lambda: [(len(mirror.state), len(state), mirror.resyncs, dict(mirror.cuts)) for mirror in mirrors],
    )


@asynccontextmanager
async def mirrored(server: Serve, home: Home, api: Api) -> AsyncIterator[list[Mirror]]:
    mirrors = [Mirror(api, server.socket_url, home.key, by_list=number % 2 == 0) for number in range(MIRRORS)]
    tasks = [asyncio.create_task(mirror.follow()) for mirror in mirrors]
    try:
        yield mirrors
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def back_up_while_others_write(home: Home, api: Api, file: Path) -> None:
    """A backup beside a running server; what is written after it will be lost."""
    stop, log = asyncio.Event(), OrderLog()
    writing = [
        asyncio.create_task(place_orders(f"w{number}", api, log, stop, random.Random(number))) for number in range(4)
    ]
    await become(lambda: len(log.acknowledged) > 20, lambda: log.retries)
    made = json.loads(await command(home, "backup", str(file), "--json"))
    assert made["bytes"] == file.stat().st_size
    there = len(log.acknowledged)
    await become(lambda: len(log.acknowledged) > there + 20, lambda: log.retries)
    stop.set()
    await asyncio.gather(*writing)
    assert not log.unexpected


async def go_back(server: Serve, home: Home, file: Path, *, under: int | None = None) -> int:
    """Stop the server, restore the backup, start again; with ``under`` in that epoch. Returns the epoch that the restore began."""
    server.terminate()
    await server.ended(40)
    epoch: int = json.loads(await command(home, "restore", str(file), "--force", "--json"))["epoch"]
    if under is not None:
        async with home.truth() as truth:
            await truth.execute("UPDATE installation SET epoch = $1", under)
    await server.start()
    return epoch


@pytest.mark.timeout(240)
async def test_subscribers_of_a_database_that_is_restored_end_with_what_is_committed(
    home: Home, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    file = tmp_path / "drill.backup"
    async with AsyncExitStack() as stack:
        (server,) = await stack.enter_async_context(serving(home.path, home.log))
        api = await stack.enter_async_context(Api(server.graphql_url, home.key))
        mirrors = await stack.enter_async_context(mirrored(server, home, api))

        async def told(times: int) -> None:
            """Every client was sent to read afresh so often, went on, and has the same state."""
            cuts = [dict(mirror.cuts) for mirror in mirrors]
            await become(lambda: all(mirror.resyncs == times for mirror in mirrors), lambda: cuts)
            await place(api, f"after {times}", 10)
            await all_agree(mirrors, api)

        await back_up_while_others_write(home, api, file)
        await all_agree(mirrors, api)
        lost = set(mirrors[0].state)

        # The first life after the backup.
        first = await go_back(server, home, file)
        there = set((await committed(api))[0])
        assert 20 <= len(there) < len(lost), "the backup is of a moment in between"
        record_property("orders lost by the restore", len(lost - there))
        await told(1)

        # Planted fault: a second life gives the first one's numbers again, and has its epoch. Nobody is told; the copies are of what never was.
        second = await go_back(server, home, file, under=first)
        assert second != first, "which is why the second life has an epoch of its own"
        assert set((await committed(api))[0]) == there
        await place(api, "second life", 15)
        await asyncio.sleep(1.0)
        state, _ = await committed(api)
        assert [mirror.resyncs for mirror in mirrors] == [1] * MIRRORS
        assert all(mirror.state != state for mirror in mirrors)

        # The operator says it, while everybody is connected.
        await command(home, "events", "new-epoch")
        await told(2)
        assert server.complaints() == []
