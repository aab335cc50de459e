"""ONE-PER-KEY where it is hardest: the order is stored, and the answer to COMMIT is lost on its way back.

The same drill is run on servers that were broken on purpose, and must notice each of them.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from tests.faults.checking import (
    FeedVerdict,
    OrderVerdict,
    StoredOrder,
    judge_feed,
    judge_orders,
    numbering_faults,
)
from tests.faults.clients import Api, OrderLog, Subscriber, place_orders
from tests.faults.processes import eventually
from tests.faults.proxy import LosingProxy

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.graphql import context as kernel_context
from doorstep.kernel.graphql import events as kernel_events
from doorstep.kernel.graphql import streams as kernel_streams
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.server import Server, running_server
from doorstep.settings import Settings

LOST_SHARE = 0.2
ORDERS = 60
FEWER = 40
"""Enough for a broken server to show itself."""


@dataclass(frozen=True)
class Result:
    orders: OrderVerdict
    feed: FeedVerdict
    log_faults: list[int]
    unexpected: list[object]
    lost_answers: int


Drill = Callable[[int], Awaitable[Result]]


@asynccontextmanager
async def _server(urls: DatabaseUrls, home: Path) -> AsyncIterator[tuple[Server, LosingProxy]]:
    settings = Settings(home=home, roads="straight", drain_seconds=3)  # type: ignore[call-arg]
    async with (
        LosingProxy(urls.app, LOST_SHARE).running() as proxy,
        running_server(settings, DatabaseUrls(proxy.url, urls.system), work=False, port=0) as server,
    ):
        yield server, proxy


@pytest.fixture
def drill(database_urls: DatabaseUrls, system: Database, tmp_path: Path) -> Drill:
    """Place orders through a server whose answers get lost, watched by a subscriber who is cut off again and again."""

    async def run(orders: int) -> Result:
        await create_tenant(system, NewTenant("drill", "Drill", "Europe/Vaduz", "LI"))
        _, key = await create_key(system, await tenant_by_slug(system, "drill"), "drill", sorted(ALL_PERMISSIONS))
        log, stop = OrderLog(), asyncio.Event()
        async with _server(database_urls, tmp_path) as (server, proxy), Api(server.graphql_url, key) as api:
            watching = Subscriber(server.socket_url, key, chance=random.Random(5), lives=(0.2, 0.6))
            follow = asyncio.create_task(watching.follow())
            await asyncio.wait_for(watching.caught_up.wait(), 30)
            placing = [
                asyncio.create_task(place_orders(f"c{number}", api, log, stop, random.Random(number)))
                for number in range(3)
            ]
            await eventually(lambda: len(log.acknowledged) + len(log.unexpected) >= orders, "the orders", 90)
            stop.set()
            await asyncio.gather(*placing)
            stored, events, numbers = await _what_is_there(database_urls)
            for _ in range(20):
                if len(watching.seen) >= len(events):
                    break
                await asyncio.sleep(0.1)
            follow.cancel()
        return Result(
            judge_orders(log.acknowledged, stored), judge_feed(watching.seen, events), numbering_faults(numbers),
            [*log.unexpected, *watching.unexpected], proxy.lost,
        )  # fmt: skip

    return run


async def _what_is_there(urls: DatabaseUrls) -> tuple[list[StoredOrder], list[str], list[int]]:
    connection = await asyncpg.connect(urls.system)
    try:
        orders = await connection.fetch("SELECT id, display_reference FROM orders")
        events = await connection.fetch("SELECT id, seq FROM events ORDER BY seq")
    finally:
        await connection.close()
    return (
        [StoredOrder(public_id("order", row["id"]), row["display_reference"]) for row in orders],
        [public_id("event", row["id"]) for row in events],
        [row["seq"] for row in events],
    )


async def test_answers_lost_after_commit_double_nothing(
    drill: Drill, record_property: Callable[[str, object], None]
) -> None:
    result = await drill(ORDERS)
    record_property("lost_answers", result.lost_answers)
    assert result.lost_answers >= 5
    assert result.orders == OrderVerdict([], [], [])
    assert result.feed == FeedVerdict()
    assert (result.log_faults, result.unexpected) == ([], [])


async def test_a_server_that_forgets_its_keys_is_noticed(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forgets(*_: object) -> None:
        return None

    monkeypatch.setattr(kernel_context, "find_outcome", forgets)
    monkeypatch.setattr(kernel_context, "store_outcome", forgets)
    result = await drill(FEWER)
    assert len(result.orders.doubled) >= 2
    assert result.orders.torn != []


async def test_a_stream_that_resumes_from_now_is_noticed(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
    real = kernel_events.stream_events
    monkeypatch.setattr(
        kernel_events, "stream_events", lambda context, _position, _from_now, query: real(context, None, True, query)
    )
    assert (await drill(FEWER)).feed.missing != []


async def test_a_stream_that_resumes_at_its_last_event_is_noticed(
    drill: Drill, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = kernel_streams.decode_cursor

    def one_too_early(*arguments: object) -> object:
        position = real(*arguments)  # type: ignore[arg-type]
        return type(position)(position.epoch, max(0, position.seq - 1), position.recorded_at)

    monkeypatch.setattr(kernel_streams, "decode_cursor", one_too_early)
    assert (await drill(FEWER)).feed.repeated != []
