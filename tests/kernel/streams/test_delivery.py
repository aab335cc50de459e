"""Everything once and in order, wherever a subscriber comes in and however slowly it reads."""

import asyncio
import contextlib
import json
import random
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import cloned_database
from tests.identity.conftest import Client, Place
from tests.kernel.streams.conftest import (
    EVENTS,
    Executions,
    Following,
    committed,
    eventually,
    followers_of,
    following,
    is_caught_up,
    subscribe,
    write_events,
)
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from doorstep import server as server_module
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.event_stream import EventHub, LogPosition, encode_cursor
from doorstep.kernel.graphql import sessions, streams
from doorstep.kernel.graphql.sharing import lanes
from doorstep.kernel.ids import new_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.server import running_server
from doorstep.settings import Settings

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"


@asynccontextmanager
async def serving(urls: DatabaseUrls, home: Path, **settings: Any) -> AsyncIterator[Place]:
    """A server of its own on a database."""
    made = Settings(_env_file=None, home=home, roads="straight", drain_seconds=2, **settings)  # type: ignore[call-arg]
    system = Database(urls.system, pool_size=2)
    async with running_server(made, urls, work=False, port=0) as server, httpx.AsyncClient(timeout=30) as http:
        yield Place(server, http, system)
    await system.close()


# ── from the log to the lane ────────────────────────────────────────────────────────────────────────────


async def torn(company: Client) -> tuple[list[str], list[list[str]]]:
    """What was committed, and what subscribers got who left and came back at random while somebody wrote all the time."""
    chance, done = random.Random(7), asyncio.Event()

    async def write() -> None:
        for _ in range(60):
            await write_events(company, chance.randint(1, 4))
            await asyncio.sleep(0.004)
        done.set()

    async def come_and_go() -> list[str]:
        got: list[str] = []
        cursor = start
        while True:
            last = done.is_set()
            async with following(company, after=cursor) as one:
                if last:
                    await one.until(is_caught_up)
                    return got + one.events
                with contextlib.suppress(TimeoutError):
                    for _ in range(chance.randint(3, 30)):
                        cursor = (await one.next(within=1))["cursor"]
            got += one.events

    async with following(company) as steady:
        start = (await steady.until(is_caught_up))["cursor"]
        before = len(await committed(company))
        _, *got = await asyncio.gather(write(), *(come_and_go() for _ in range(6)))
        expected = (await committed(company))[before:]
        with contextlib.suppress(TimeoutError):
            while len(steady.events) < len(expected):
                await steady.next(within=3)
    return expected, [steady.events, *got]


async def test_who_comes_and_goes_misses_nothing_and_gets_nothing_twice(company: Client) -> None:
    expected, got = await torn(company)
    assert len(expected) > 60
    assert all(one == expected for one in got)


async def test_planted_fault_a_gap_between_log_and_lane_is_seen(
    company: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newcomer goes on with what the lane gets next, instead of with what follows its own place."""

    def whatever_is_next(self: lanes.LogLane, _place: LogPosition) -> int:
        return self._first + len(self)

    monkeypatch.setattr(lanes.LogLane, "index_after", whatever_is_next)
    expected, got = await torn(company)
    assert any(one != expected for one in got[1:])


# ── slow and stalled readers ────────────────────────────────────────────────────────────────────────────

WIDE = "subscription { events { kind cursor head event { id " + " ".join(f"a{n}: cursor" for n in range(25)) + " } } }"
MANY = 1_500


@pytest.fixture
def narrow_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernel buffers that hold little, so that a reader who pauses is felt."""
    real = server_module.listen

    def listen(host: str, port: int) -> sockets.socket:
        listener = real(host, port)
        listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, 8192)
        return listener

    monkeypatch.setattr(server_module, "listen", listen)


@asynccontextmanager
async def lazy(client: Client, document: str) -> AsyncIterator[Following]:
    """A subscriber whose own buffers hold little as well."""
    raw = sockets.socket(sockets.AF_INET, sockets.SOCK_STREAM)
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 8192)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", client.server.port))
    async with connect(
        client.server.socket_url,
        sock=raw,
        subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
        max_queue=1,
        ping_interval=None,
        close_timeout=1,
    ) as socket:
        init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {client.credential}"}}
        await socket.send(json.dumps(init))
        await socket.recv()
        await subscribe(socket, document)
        yield Following(socket)


async def paused(client: Client) -> tuple[int, list[str], list[str]]:
    """The most messages that the server kept for a reader who paused, what it read in the end, and what was committed."""
    async with lazy(client, WIDE) as slow:
        await slow.until(is_caught_up)
        before = len(await committed(client))
        [feed] = followers_of(client).feeds._open.values()
        kept = 0
        for _ in range(MANY // 100):
            await write_events(client, 100)
            await asyncio.sleep(0.05)
        await eventually(lambda: feed._context.read_to is not None and feed._context.read_to.seq >= before + MANY)
        kept = max(kept, len(feed.lane))
        while len(slow.events) < MANY:
            await slow.next()
        return kept, slow.events, (await committed(client))[before:]


@pytest.mark.usefixtures("narrow_pipes")
async def test_a_slow_reader_falls_back_to_the_log_and_nothing_piles_up(
    database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    async with serving(database_urls, tmp_path) as place:
        kept, got, expected = await paused(await place.company())
    assert kept <= lanes.MOST_MESSAGES
    assert got == expected


@pytest.mark.usefixtures("narrow_pipes")
async def test_planted_fault_a_queue_that_grows_with_a_slow_reader_is_seen(
    database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = lanes.MOST_MESSAGES
    monkeypatch.setattr(lanes, "MOST_MESSAGES", 10**9)
    monkeypatch.setattr(lanes, "MOST_CHARACTERS", 10**12)
    async with serving(database_urls, tmp_path) as place:
        kept, _, _ = await paused(await place.company())
    assert kept > bound


@pytest.mark.usefixtures("narrow_pipes")
async def test_a_reader_that_never_reads_is_freed(
    database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "SEND_SECONDS", 1.0)
    async with serving(database_urls, tmp_path) as place:
        company = await place.company()
        with contextlib.suppress(ConnectionClosed):
            async with lazy(company, WIDE) as stalled:
                await stalled.until(is_caught_up)
                await write_events(company, 600)
                await eventually(lambda: len(followers_of(company).feeds) == 0)


def test_the_server_gives_a_silent_reader_up_within_thirty_seconds() -> None:
    assert server_module.STALLED_READER_MILLISECONDS <= 15_000
    assert server_module.SEND_SECONDS <= 25


# ── signs of life ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_filter_that_lets_nothing_through_moves_on_however_busy_the_log_is(
    company: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.3)
    nothing = {"types": ["PlanFinished"]}
    stop = asyncio.Event()

    async def busy() -> None:
        while not stop.is_set():
            await write_events(company, 1)
            await asyncio.sleep(0.02)

    writing = asyncio.create_task(busy())
    async with following(company, filter=nothing) as one:
        items = [await one.next(within=5) for _ in range(4)]
    stop.set()
    await writing
    assert [item["kind"] for item in items] == ["CAUGHT_UP", "HEARTBEAT", "HEARTBEAT", "HEARTBEAT"]
    assert len({item["cursor"] for item in items}) == 4
    assert all(item["cursor"] == item["head"] for item in items)
    async with following(company, after=items[-1]["cursor"], filter=nothing) as again:
        assert (await again.next())["kind"] == "CAUGHT_UP"


# ── across processes ────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def two_servers(urls: DatabaseUrls, home: Path) -> AsyncIterator[tuple[Client, Client]]:
    """A company at one server, and the same at another."""
    async with serving(urls, home / "a") as first, serving(urls, home / "b") as second:
        here = await first.company()
        there = Client(second.server, second.http, here.credential, second.system, here.tenant_id)
        yield here, there


@pytest.mark.parametrize("wakes", ["by notification", "by the poll alone"])
async def test_what_one_process_writes_is_sent_by_the_other(
    wakes: str, database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_hub: EventHub) -> None:
        await asyncio.sleep(3600)

    if wakes == "by the poll alone":
        monkeypatch.setattr(EventHub, "_listen", never)
        monkeypatch.setattr(EventHub, "_notify", never)
    async with two_servers(database_urls, tmp_path) as (here, there), following(there) as one:
        await one.until(is_caught_up)
        before = len(await committed(here))
        for _ in range(3):
            await write_events(here, 2)
            await one.next()
            await one.next()
        assert one.events == (await committed(here))[before:]


async def test_a_database_that_drops_every_connection_costs_nothing(
    cluster: EmbeddedCluster, template: str, tmp_path: Path
) -> None:
    with cloned_database(cluster, template) as urls:
        async with serving(urls, tmp_path) as place:
            company = await place.company()
            name = urls.app.rpartition("/")[2].partition("?")[0]
            async with following(company) as one:
                await one.until(is_caught_up)
                before = len(await committed(company))
                for _ in range(3):
                    await write_events(company, 2)
                    await asyncio.to_thread(cluster.run_sql, [CUT.format(name)], "postgres")
                    await one.next()
                    await one.next()
                assert one.events == (await committed(company))[before:]


# ── credentials ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_credential_is_asked_for_again_before_each_message(
    company: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the watch over sessions, which would close the socket as well."""
    monkeypatch.setattr(sessions, "ASK_SECONDS", 3600)
    till = await company.key("events:read")
    async with following(till) as one:
        await one.until(is_caught_up)
        await company.do("revokeApiKey", "apiKey { id }", id=till.made["key"])
        await one.next()  # of the revocation itself
        await asyncio.sleep(2.1)  # for so long a credential is trusted
        await write_events(company, 1)
        with pytest.raises(ConnectionClosed) as closed:
            await one.message()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


# ── bad input ───────────────────────────────────────────────────────────────────────────────────────────

BY_LOG = {
    "events": EVENTS,
    "orders": "subscription ($after: Cursor) { orders(after: $after) { kind } }",
    "tenders": "subscription ($after: Cursor) { tenders(after: $after) { kind } }",
}


@pytest.mark.parametrize("field", sorted(BY_LOG))
async def test_cursors_that_are_none_of_the_log_s_are_refused_also_where_others_follow(
    field: str, company: Client
) -> None:
    head = LogPosition(1, 10**6, (await _now(company)))
    wrong = {
        "forged": "AAAA",
        "not even that": "🦊",
        "foreign": encode_cursor(new_id(), LogPosition(1, 0, head.recorded_at)),
        "of the future": encode_cursor(company.tenant_id, head),
    }
    async with following(company, BY_LOG[field]) as other:
        await other.next()
        for what, cursor in wrong.items():
            async with following(company, BY_LOG[field], after=cursor) as one:
                message = await one.message()
                assert message["type"] == "error", what
                assert message["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT", what
        epoch = encode_cursor(company.tenant_id, LogPosition(7, 0, head.recorded_at))
        async with following(company, BY_LOG[field], after=epoch) as one:
            [error] = (await one.message())["payload"]
            assert error["extensions"]["code"] == "RESYNC_REQUIRED"
        async with following(company, BY_LOG[field], after=error["extensions"]["cursor"]) as one:
            assert (await one.next())["kind"] == "CAUGHT_UP"


async def _now(company: Client) -> Any:
    async with company.system.transaction() as tx:
        return await tx.fetchval("SELECT now()")


async def test_ten_thousand_subscriptions_with_one_key_are_held_to_what_is_allowed(
    database_urls: DatabaseUrls, tmp_path: Path, executions: Executions
) -> None:
    async with (
        serving(database_urls, tmp_path, subscriptions_per_key=50, sockets_per_key=10) as place,
        contextlib.AsyncExitStack() as stack,
    ):
        company = await place.company()
        opened = [await stack.enter_async_context(await company.socket()) for _ in range(10)]
        told: list[dict[str, Any]] = []

        async def ask(socket: Any) -> None:
            for number in range(1_000):
                await subscribe(socket, EVENTS, str(number))
            told.extend([json.loads(await asyncio.wait_for(socket.recv(), 60)) for _ in range(1_000)])

        await asyncio.gather(*(ask(one) for one in opened))
        refused = [one["payload"][0] for one in told if one["type"] == "error"]
        assert len(told) - len(refused) == 50
        assert {one["extensions"]["code"] for one in refused} == {"RATE_LIMITED"}
        assert len(followers_of(company).feeds) == 1
        with pytest.raises(ConnectionClosed):
            await company.socket()  # an eleventh
        await stack.aclose()
        async with following(company) as one:
            assert (await one.next())["kind"] == "CAUGHT_UP"


async def test_sockets_that_say_nothing_or_garbage_are_closed(company: Client) -> None:
    async with connect(company.server.socket_url, subprotocols=["graphql-transport-ws"]) as silent:  # type: ignore[list-item]
        garbage = ["", "null", "[]", "{", '{"type": 1}', '{"type":"subscribe"}', "\x00", '"x"' * 10_000]
        for text in garbage:
            async with connect(company.server.socket_url, subprotocols=["graphql-transport-ws"]) as one:  # type: ignore[list-item]
                await one.send(text)
                with pytest.raises(ConnectionClosed) as closed:
                    await asyncio.wait_for(one.recv(), 5)
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 4400
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(silent.recv(), 15)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4408
