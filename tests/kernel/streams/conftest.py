"""A running server without a worker, companies, and sockets that follow what happens to them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.identity.conftest import Client, Place, company, place
from websockets.asyncio.client import ClientConnection

from doorstep.identity.events import TenantUpdated
from doorstep.kernel.db import Database
from doorstep.kernel.graphql.sharing import Followers, messages
from doorstep.kernel.scope import ALL_PERMISSIONS, SYSTEM_ACTOR, Principal

__all__ = ["company", "place"]

EVENTS = "subscription ($after: Cursor, $filter: EventFilter) { events(after: $after, filter: $filter) { kind cursor head event { id } } }"


@dataclass
class Following:
    """A socket with one subscription; what it was sent is kept."""

    socket: ClientConnection
    seen: list[dict[str, Any]] = field(default_factory=list)

    async def message(self, within: float = 15.0) -> dict[str, Any]:
        """The next message, whole."""
        found: dict[str, Any] = json.loads(await asyncio.wait_for(self.socket.recv(), within))
        return found

    async def next(self, within: float = 15.0) -> dict[str, Any]:
        """What the next message holds of the one field."""
        message = await self.message(within)
        assert message["type"] == "next", message
        [item] = message["payload"]["data"].values()
        self.seen.append(item)
        found: dict[str, Any] = item
        return found

    async def until(self, done: Callable[[dict[str, Any]], bool], within: float = 20.0) -> dict[str, Any]:
        """The first item of which this is true."""
        async with asyncio.timeout(within):
            while not done(item := await self.next(within)):
                pass
        return item

    @property
    def events(self) -> list[str]:
        """The ids of the events until now."""
        return [item["event"]["id"] for item in self.seen if item.get("event")]


async def subscribe(socket: ClientConnection, document: str, name: str = "1", **variables: Any) -> None:
    """Ask for a subscription."""
    payload = {"query": document, "variables": variables}
    await socket.send(json.dumps({"id": name, "type": "subscribe", "payload": payload}))


@asynccontextmanager
async def following(client: Client, document: str = EVENTS, **variables: Any) -> AsyncIterator[Following]:
    """Somebody who follows a subscription while the block runs."""
    async with await client.socket() as socket:
        await subscribe(socket, document, **variables)
        yield Following(socket)


def is_caught_up(item: dict[str, Any]) -> bool:
    return item["kind"] == "CAUGHT_UP"


def followers_of(client: Client) -> Followers:
    """The followers at the server that a client talks to."""
    return client.server.services.get(Followers)


async def write_events(client: Client, count: int, db: Database | None = None) -> None:
    """So many events in one commit."""
    principal = Principal(client.tenant_id, SYSTEM_ACTOR, ALL_PERMISSIONS)
    async with (db or client.server.services.db).write(principal) as scope:
        for _ in range(count):
            scope.emit(TenantUpdated(aggregate_version=1, changes=["name"]))


async def committed(client: Client) -> list[str]:
    """The ids of all events of the client's company, in the log's order."""
    found: list[str] = []
    after = None
    while True:
        document = "query ($after: Cursor) { events(first: 250, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }"
        page = (await client.ask(document, after=after))["events"]
        found += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


@dataclass
class Executions:
    """How many results were made, by their text."""

    bodies: list[str] = field(default_factory=list)

    def of(self, word: str) -> int:
        """Results that hold a word."""
        return sum(word in body for body in self.bodies)


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> Executions:
    """Counts results while the test runs."""
    counted, made = Executions(), messages.message_of

    def counting(*arguments: Any) -> Any:
        message = made(*arguments)
        counted.bodies.append(message.body)
        return message

    monkeypatch.setattr(messages, "message_of", counting)
    return counted


async def eventually(true: Callable[[], bool], within: float = 10.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(within):
        while not true():
            await asyncio.sleep(0.02)


__all__ += ["Place"]
