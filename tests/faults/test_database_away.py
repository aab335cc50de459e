"""DEGRADE: the database goes away for some seconds while a server runs, and comes back.

Meanwhile every answer is typed and worth a retry, the process lives and says that it is not ready; afterwards everything goes on by itself:
requests, streams (nothing missing, nothing twice) and the worker. The promise is 10 s to the first success; a test waits three times that.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx
import pytest
from tests.faults.checking import FeedVerdict, judge_feed
from tests.faults.clients import CREATE_ORDER, RETRY_CODES, Api, Subscriber, order_input
from tests.faults.conftest import Home
from tests.faults.processes import Cluster, Serve, eventually, serving

from doorstep.kernel.ids import public_id

RECOVERY_SECONDS = 30.0
VIEWER = "{ viewer { tenant { slug } } }"
ORDERS = "{ orders(first: 1) { nodes { id } } }"

Record = Callable[[str, object], None]


async def status_of(server: Serve, path: str) -> int:
    """The status of a GET; the limit is three times what a probe may take."""
    async with httpx.AsyncClient(timeout=15) as http:
        return (await http.get(server.url + path)).status_code


async def answered(ask: Callable[[], Awaitable[tuple[int, dict]]]) -> float:
    """Seconds until a request succeeded; every answer before it is worth a retry by its code."""
    started = time.monotonic()
    while time.monotonic() - started < RECOVERY_SECONDS:
        _, body = await ask()
        if "errors" not in body:
            return time.monotonic() - started
        assert {error["extensions"]["code"] for error in body["errors"]} <= RETRY_CODES, body
        await asyncio.sleep(0.1)
    raise AssertionError(f"no success within {RECOVERY_SECONDS:g} s")


async def ordered(api: Api, key: str) -> str:
    """The id of a new order."""
    payload = (await api.data(CREATE_ORDER, input=order_input(key)))["createOrder"]
    assert payload["problems"] == []
    id_: str = payload["order"]["id"]
    return id_


async def log_of(home: Home) -> list[str]:
    async with home.truth() as truth:
        return [public_id("event", row["id"]) for row in await truth.fetch("SELECT id FROM events ORDER BY seq")]


async def worker_seen(home: Home) -> float:
    """Seconds since a worker's heartbeat."""
    async with home.truth() as truth:
        return float(await truth.fetchval("SELECT extract(epoch FROM now() - max(seen_at)) FROM workers"))


@pytest.mark.timeout(150)
@pytest.mark.parametrize("how", ["gone", pytest.param("frozen", marks=pytest.mark.release)])
async def test_a_database_that_is_away_for_seconds(how: str, home: Home, record_property: Record) -> None:
    async with serving(home.path, home.log) as (server,), Api(server.graphql_url, home.key, timeout=60) as api:
        cluster = Cluster(home.path)
        subscriber = Subscriber(server.socket_url, home.key)
        follow = asyncio.create_task(subscriber.follow())
        await asyncio.wait_for(subscriber.caught_up.wait(), 30)
        await ordered(api, "before")

        if how == "gone":
            cluster.freeze_supervisor()
            assert cluster.kill_postmaster()
        else:
            cluster.freeze_server(frozen=True)
        began = time.monotonic()
        answers = await asyncio.gather(
            api.ask(VIEWER), api.ask(ORDERS), api.ask(CREATE_ORDER, input=order_input("during")),
            status_of(server, "/health/ready"), status_of(server, "/health/live"),
        )  # fmt: skip
        record_property("typed_after_seconds", round(time.monotonic() - began, 1))
        await asyncio.sleep(max(0.0, 2.5 - (time.monotonic() - began)))  # until the key is no longer known by heart
        newcomer = Subscriber(server.socket_url, home.key)
        knocking = asyncio.create_task(newcomer.follow())
        await asyncio.sleep(max(0.0, 5 - (time.monotonic() - began)))
        assert not newcomer.caught_up.is_set()
        if how == "gone":
            cluster.thaw_supervisor()
        else:
            cluster.freeze_server(frozen=False)

        *requests, ready, live = answers
        for status, body in requests:
            assert status in {200, 503}, body
            assert {error["extensions"]["code"] for error in body["errors"]} <= RETRY_CODES, body
        assert (ready, live) == (503, 200)

        record_property("first_success_seconds", round(await answered(lambda: api.ask(ORDERS)), 1))
        await server.ready(RECOVERY_SECONDS)
        during = await ordered(api, "during")
        assert await ordered(api, "during") == during
        await ordered(api, "after")
        events = await log_of(home)
        assert len(events) == 3
        for one in (subscriber, newcomer):
            await asyncio.wait_for(one.caught_up.wait(), RECOVERY_SECONDS)
        await eventually(lambda: len(subscriber.seen) >= 3, "the stream", RECOVERY_SECONDS)
        assert judge_feed(subscriber.seen, events) == FeedVerdict()
        assert subscriber.unexpected == newcomer.unexpected == []
        record_property("cuts", [dict(subscriber.cuts), dict(newcomer.cuts)])
        started = time.monotonic()
        while await worker_seen(home) > time.monotonic() - began:
            assert time.monotonic() - started < RECOVERY_SECONDS, "the worker did not go on"
            await asyncio.sleep(0.2)
        for task in (follow, knocking):
            task.cancel()
        assert how == "frozen" or newcomer.cuts["1013"] > 0
        assert server.starts == 1
        assert server.complaints() == []
