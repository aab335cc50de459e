"""DEGRADE: the database goes away for some seconds while a server runs, and comes back.

Meanwhile every answer is typed and worth a retry, the process lives and says that it is not ready; afterwards everything goes on by itself:
requests, streams (nothing missing, nothing twice) and the worker. The promise is 10 s to the first success; a test waits three times that.
"""

import asyncio
import socket
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


class Outage:
    """The database is ``gone`` (killed, its port taken by another program before it is back) or ``frozen`` (connected, but silent)."""

    def __init__(self, how: str, cluster: Cluster) -> None:
        self._how = how
        self._cluster = cluster
        self._port = cluster.state.port
        self._squatter: socket.socket | None = None

    def begin(self) -> None:
        if self._how == "gone":
            self._cluster.freeze_supervisor()
            assert self._cluster.kill_postmaster()
        else:
            self._cluster.freeze_server(frozen=True)

    def end(self) -> None:
        if self._how == "gone":
            self._squatter = socket.create_server(("127.0.0.1", self._port))
            self._cluster.thaw_supervisor()
        else:
            self._cluster.freeze_server(frozen=False)

    def check_port(self) -> None:
        """A server whose port was taken has moved, so that whoever reached it since has followed."""
        if self._squatter is not None:
            self._squatter.close()
            assert self._cluster.state.port != self._port


def codes_of(body: dict) -> set[str]:
    return {error["extensions"]["code"] for error in body["errors"]}


async def answered(ask: Callable[[], Awaitable[tuple[int, dict]]]) -> float:
    """Seconds until a request succeeded; every answer before it is worth a retry by its code."""
    started = time.monotonic()
    while time.monotonic() - started < RECOVERY_SECONDS:
        _, body = await ask()
        if "errors" not in body:
            return time.monotonic() - started
        assert codes_of(body) <= RETRY_CODES, body
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


async def worker_goes_on(home: Home, since: float) -> None:
    """Wait for a heartbeat after that moment."""
    started = time.monotonic()
    while await worker_seen(home) > time.monotonic() - since:
        assert time.monotonic() - started < RECOVERY_SECONDS, "the worker did not go on"
        await asyncio.sleep(0.2)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("how", ["gone", pytest.param("frozen", marks=pytest.mark.release)])
async def test_a_database_that_is_away_for_seconds(how: str, home: Home, record_property: Record) -> None:
    async with serving(home.path, home.log) as (server,), Api(server.graphql_url, home.key, timeout=60) as api:
        cluster = Cluster(home.path)
        subscriber = Subscriber(server.socket_url, home.key)
        follow = asyncio.create_task(subscriber.follow())
        await asyncio.wait_for(subscriber.caught_up.wait(), 30)
        await ordered(api, "before")

        outage = Outage(how, cluster)
        outage.begin()
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
        outage.end()

        *requests, ready, live = answers
        for status, body in requests:
            assert status in {200, 503}, body
            assert codes_of(body) <= RETRY_CODES, body
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
        await worker_goes_on(home, began)
        for task in (follow, knocking):
            task.cancel()
        outage.check_port()
        assert how == "frozen" or newcomer.cuts["1013"] > 0
        assert server.starts == 1
        assert server.complaints() == []
