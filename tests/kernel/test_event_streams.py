"""GraphQL over server-sent events as a client meets it: what was missed is sent after ``Last-Event-ID``, and a stream ends with its credential."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import DatabaseUrls
from doorstep.kernel.graphql import sse
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.server import Server, running_server
from doorstep.settings import Settings

EVENTS = "subscription { events { kind event { __typename } } }"


@dataclass(frozen=True)
class Message:
    event: str
    id: str | None
    data: Any


@dataclass
class Stream:
    """An open answer, message by message."""

    answer: httpx.Response
    _lines: AsyncIterator[str]

    async def next(self, within: float = 10.0) -> Message | None:
        """The next message; None at the end of the answer."""
        async with asyncio.timeout(within):
            fields: dict[str, str] = {}
            async for line in self._lines:
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "event" in fields:
                    data = fields.get("data", "").strip()
                    return Message(fields["event"], fields.get("id"), json.loads(data) if data else None)
                else:
                    fields = {}
        return None

    async def kinds(self, number: int) -> list[str]:
        return [(await self.next()).data["data"]["events"]["kind"] for _ in range(number)]  # type: ignore[union-attr]


@dataclass
class Shop:
    server: Server
    client: httpx.AsyncClient
    key: str

    @asynccontextmanager
    async def stream(self, query: str, key: str | None = None, **headers: str) -> AsyncIterator[Stream]:
        given = {"accept": "text/event-stream", "authorization": f"Bearer {key or self.key}", **headers}
        async with self.client.stream("POST", "/graphql", json={"query": query}, headers=given) as answer:
            yield Stream(answer, answer.aiter_lines())

    async def ask(self, query: str) -> Any:
        answer = await self.client.post(
            "/graphql", json={"query": query}, headers={"authorization": f"Bearer {self.key}"}
        )
        return answer.json()["data"]

    async def rename(self, name: str) -> None:
        """One more event."""
        await self.ask(f'mutation {{ updateTenant(input: {{ name: "{name}" }}) {{ problems {{ code }} }} }}')


@asynccontextmanager
async def serving(urls: DatabaseUrls, home: Path) -> AsyncIterator[Shop]:
    settings = Settings(_env_file=None, home=home, roads="straight", drain_seconds=20)  # type: ignore[call-arg]
    async with (
        running_server(settings, urls, work=False, port=0) as server,
        httpx.AsyncClient(base_url=server.url, timeout=20) as client,
    ):
        await create_tenant(server.services.system, NewTenant("shop", "Shop"))
        tenant = await tenant_by_slug(server.services.system, "shop")
        _, key = await create_key(server.services.system, tenant, "test", sorted(ALL_PERMISSIONS))
        yield Shop(server, client, key)


@pytest.fixture
async def shop(database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Shop]:
    async with serving(database_urls, tmp_path) as running:
        yield running


async def test_a_lost_stream_goes_on_after_its_last_event(shop: Shop) -> None:
    async with shop.stream(EVENTS) as stream:
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        assert stream.answer.headers["cache-control"] == "private, no-store"
        assert await stream.kinds(1) == ["CAUGHT_UP"]
        await shop.rename("First")
        first = await stream.next()
    assert first is not None
    assert first.id
    assert first.data["data"]["events"]["event"]["__typename"] == "TenantUpdated"
    await shop.rename("Second")
    await shop.rename("Third")
    async with shop.stream(EVENTS, **{"last-event-id": first.id}) as stream:
        assert await stream.kinds(3) == ["EVENT", "EVENT", "CAUGHT_UP"]


async def test_the_last_event_counts_for_more_than_the_argument(shop: Shop) -> None:
    async with shop.stream(EVENTS) as stream:
        start = await stream.next()
    assert start is not None
    await shop.rename("First")
    async with shop.stream(f'subscription {{ events(after: "{start.id}") {{ kind }} }}') as stream:
        first = await stream.next()
    assert first is not None
    assert first.data["data"]["events"]["kind"] == "EVENT"
    async with shop.stream(
        f'subscription {{ events(after: "{start.id}") {{ kind }} }}', **{"last-event-id": first.id or ""}
    ) as stream:
        assert await stream.kinds(1) == ["CAUGHT_UP"]


@pytest.mark.parametrize("mark", ["junk", "1", "x" * 4000])
async def test_a_forged_last_event_is_bad_input(shop: Shop, mark: str) -> None:
    async with shop.stream(EVENTS, **{"last-event-id": mark}) as stream:
        message, end = await stream.next(), await stream.next()
    assert message is not None
    assert message.data["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert end is not None
    assert end.event == "complete"


async def test_a_stream_ends_with_its_credential(shop: Shop) -> None:
    made = await shop.ask(
        'mutation { createApiKey(input: { name: "till", scopes: ["events:read"] }) { secret apiKey { id } } }'
    )
    key = made["createApiKey"]
    async with shop.stream(EVENTS, key["secret"]) as stream:
        assert await stream.kinds(1) == ["CAUGHT_UP"]
        await shop.ask(
            f'mutation {{ revokeApiKey(input: {{ id: "{key["apiKey"]["id"]}" }}) {{ problems {{ code }} }} }}'
        )
        last = await stream.next()
        while last is not None and "errors" not in last.data:
            last = await stream.next()
        end, nothing = await stream.next(), await stream.next()
    assert last is not None
    assert last.data["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert end is not None
    assert end.event == "complete"
    assert nothing is None


async def test_a_silent_stream_says_that_it_lives(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.05)
    async with shop.stream(EVENTS) as stream:
        lines = []
        async with asyncio.timeout(10):
            async for line in stream.answer.aiter_lines():
                lines.append(line)
                if lines.count(": still here") == 3:
                    break


async def test_who_leaves_leaves_nothing_behind(shop: Shop) -> None:
    async with shop.stream(EVENTS) as stream:
        await stream.next()
        streams = shop.server.services.get(sse.OpenStreams)
        assert len(streams._open) == 1
    async with asyncio.timeout(5):
        while streams._open:
            await asyncio.sleep(0.02)


async def test_a_process_that_drains_ends_its_streams_so_that_clients_come_again(
    database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        serving_shop = serving(database_urls, tmp_path)
        shop = await serving_shop.__aenter__()
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=shop.server.url, timeout=20))
        shop.client = client
        stream = await stack.enter_async_context(shop.stream(EVENTS))
        await stream.next()
        stopping = asyncio.create_task(serving_shop.__aexit__(None, None, None))
        assert await stream.next(within=5) is None, "no complete: a client would take it for the end"
        async with asyncio.timeout(8):
            await stopping


async def test_queries_and_mutations_run_over_a_stream_within_the_limits_of_http(shop: Shop) -> None:
    async with shop.stream("{ viewer { tenant { slug } } }") as stream:
        message, end = await stream.next(), await stream.next()
    assert message is not None
    assert message.data["data"] == {"viewer": {"tenant": {"slug": "shop"}}}
    assert message.id is None
    assert end is not None
    assert end.event == "complete"
