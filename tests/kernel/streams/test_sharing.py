"""One execution for all who follow the same, and never one for two who may see different things."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event
from tests.identity.conftest import Client
from tests.kernel.streams.conftest import (
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

from doorstep.kernel.graphql.sharing import Message, lanes, shapes
from doorstep.kernel.graphql.sharing.feeds import Feed
from doorstep.kernel.scope import EVERYTHING, Permission, Principal

PLACED = (
    'subscription { events(filter: { types: ["OrderPlaced"] }) { kind event { ... on OrderPlaced { order { id } } } } }'
)
ALL = ["orders:write", "fleets:write", "events:read"]


class Statements:
    """What the server's pool asks of tables."""

    def __init__(self, client: Client) -> None:
        self.texts: list[str] = []
        database = client.server.services.db
        for raw in database._connections:
            raw.add_query_logger(lambda record: self.texts.append(record.query))
        sqlalchemy_event.listen(database._engine.sync_engine, "connect", self._listen)

    def _listen(self, connection: Any, _record: object) -> None:
        connection.driver_connection.add_query_logger(lambda record: self.texts.append(record.query))

    @property
    def of_the_log(self) -> int:
        return sum("FROM events" in text for text in self.texts)

    @property
    def of_orders(self) -> int:
        return sum("FROM orders WHERE tenant_id = $1 AND id = ANY($2)" in text for text in self.texts)


async def caught_up(followed: Following) -> None:
    await followed.until(is_caught_up)


async def test_two_hundred_sockets_cost_as_many_executions_as_one(company: Client, executions: Executions) -> None:
    statements = Statements(company)
    async with AsyncExitStack() as stack:
        sockets = [Following(await stack.enter_async_context(await company.socket())) for _ in range(199)]
        await asyncio.gather(*(subscribe(one.socket, PLACED) for one in sockets))
        other = await company.key("events:read", "orders:read")
        lonely = await stack.enter_async_context(following(other, PLACED))
        await asyncio.gather(*(caught_up(one) for one in [*sockets, lonely]))
        assert len(followers_of(company).feeds) == 2
        assert executions.of("CAUGHT_UP") <= 40, "those who come together share the beginning"
        statements.texts.clear()
        orders = [await company.order(None) for _ in range(3)]
        for one in [*sockets, lonely]:
            assert [(await one.next())["event"]["order"]["id"] for _ in orders] == orders
        assert [executions.of(f'"id":"{order}"') for order in orders] == [2, 2, 2]
        assert statements.of_orders <= 2 * 3 + 3, "of each feed, and of the answers of the mutations"
    await eventually(lambda: len(followers_of(company).feeds) == 0)


async def test_forty_different_subscriptions_read_the_log_as_one(company: Client) -> None:
    statements = Statements(company)
    documents = [
        f"subscription {{ events {{ kind cursor head event {{ id a{number}: id }} }} }}" for number in range(40)
    ]
    async with AsyncExitStack() as stack:
        sockets = [Following(await stack.enter_async_context(await company.socket())) for _ in documents]
        await asyncio.gather(*(subscribe(*one) for one in zip([one.socket for one in sockets], documents, strict=True)))
        await asyncio.gather(*(caught_up(one) for one in sockets))
        assert len(followers_of(company).feeds) == 40
        await asyncio.sleep(0.3)
        statements.texts.clear()
        await write_events(company, 5)
        for one in sockets:
            for _ in range(5):
                await one.next()
        assert all(one.events == sockets[0].events for one in sockets)
        assert statements.of_the_log <= 5


async def test_the_cursor_from_which_somebody_goes_on_is_no_difference(company: Client) -> None:
    async with following(company) as first:
        start = (await first.until(is_caught_up))["cursor"]
        await write_events(company, 3)
        async with following(company, after=start) as second:
            await caught_up(second)
            await write_events(company, 1)
            await second.next()
            assert len(second.events) == 4
            assert len(followers_of(company).feeds) == 1
            for _ in range(4):
                await first.next()
            assert first.events == second.events


async def leaks(company: Client) -> list[str]:
    """What two credentials with different reach were told of each other's depots while they followed the same document."""
    depots = [await company.depot(), await company.depot()]
    tills = [await company.key(*ALL, depotIds=[depot]) for depot in depots]
    told: list[str] = []
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(following(till, PLACED)) for till in tills]
        for one in sockets:
            await caught_up(one)
        orders = [await company.order(depot) for depot in depots]
        for one, foreign in zip(sockets, reversed(orders), strict=True):
            for _ in range(2):
                try:
                    item = await one.next(within=2)
                except TimeoutError:
                    break
                told += [foreign] if foreign in str(item) else []
    return told


async def test_another_reach_is_another_execution(company: Client) -> None:
    assert await leaks(company) == []


async def test_planted_fault_an_execution_shared_across_reaches_is_seen(
    company: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All share what the whole company may see, as a key without the reach would have it."""
    real = shapes.shared

    def careless(principal: Principal | None) -> Principal | None:
        return replace(real(principal), reach=EVERYTHING)  # type: ignore[type-var]

    monkeypatch.setattr(shapes, "shared", careless)
    assert len(await leaks(company)) == 2


async def test_other_permissions_are_another_execution(company: Client) -> None:
    narrow = await company.key("events:read")
    async with following(company, PLACED) as everything, following(narrow, PLACED) as facts:
        await caught_up(everything)
        await caught_up(facts)
        order = await company.order(None)
        assert (await everything.next())["event"]["order"]["id"] == order
        assert (await facts.next())["event"] == {"order": None}


async def test_a_field_that_is_the_actors_own_makes_the_execution_private(
    company: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapes, "ACTORS_OWN", {"EventStreamItem.head"})
    other = await company.key(*(permission.value for permission in Permission))
    async with following(company) as first, following(other) as second:
        await caught_up(first)
        await caught_up(second)
        assert len(followers_of(company).feeds) == 2
    monkeypatch.setattr(shapes, "ACTORS_OWN", set())
    async with following(company) as first, following(other) as second:
        await caught_up(first)
        await caught_up(second)
        assert len(followers_of(company).feeds) == 1


async def test_what_the_lane_lets_go_of_while_a_stream_begins_is_read_from_the_log(
    company: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, opening, busy = await committed(company), Feed.opening, [True]

    async def opening_of_a_busy_log(feed: Feed) -> Message | None:
        if busy:
            busy.clear()
            await write_events(company, lanes.MOST_MESSAGES + 50)
            await feed.fresh()
        return await opening(feed)

    async with following(company) as first:
        cursor = (await first.until(is_caught_up))["cursor"]
        monkeypatch.setattr(Feed, "opening", opening_of_a_busy_log)
        async with following(company, after=cursor) as second:
            await second.until(is_caught_up)
    assert not busy
    assert second.events == (await committed(company))[len(before) :]
