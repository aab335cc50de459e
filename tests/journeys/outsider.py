"""Programs from outside, on the gql package: they know a server's address and a key, nothing else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from gql import Client, GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from doorstep.server import Server


class Outsider:
    """A company's program: HTTP for questions and changes, a WebSocket for streams."""

    def __init__(self, server: Server, key: str) -> None:
        self._server = server
        self._headers = {"Authorization": f"Bearer {key}"}
        self._stack = contextlib.AsyncExitStack()
        self._session: AsyncClientSession | None = None

    async def __aenter__(self) -> "Outsider":
        transport = HTTPXAsyncTransport(self._server.graphql_url, headers=self._headers, timeout=30)
        self._session = await self._stack.enter_async_context(
            Client(transport=transport, fetch_schema_from_transport=True)
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data; an error is raised."""
        assert self._session is not None
        return await self._session.execute(GraphQLRequest(document, variable_values=variables))

    async def change(self, document: str, **values: Any) -> dict[str, Any]:
        """The payload of a document with one mutation that has no problems."""
        payload: dict[str, Any] = next(iter((await self.ask(document, input=values)).values()))
        assert payload["problems"] == [], payload
        return payload

    def socket(self) -> WebsocketsTransport:
        """A WebSocket that introduces itself in ``connection_init``."""
        return WebsocketsTransport(
            self._server.socket_url, init_payload=self._headers, subprotocols=["graphql-transport-ws"]
        )

    async def watch(self, document: str, **variables: Any) -> AsyncIterator[dict[str, Any]]:
        """What a subscription yields, until it ends."""
        async with Client(transport=self.socket()) as session:
            async for item in session.subscribe(GraphQLRequest(document, variable_values=variables)):
                yield item


EVENTS = """
subscription Events($after: Cursor) {
  events(after: $after) {
    kind
    cursor
    event {
      __typename
      id
      ... on OrderStatusChanged { orderId from to occurredAt }
      ... on OrderEtaChanged { orderId }
    }
  }
}
"""


@dataclass
class Subscriber:
    """Follows the log of events over connections that are cut off; it keeps what it read and where it was."""

    outsider: Outsider
    after: str
    events: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0
    kinds: list[str] = field(default_factory=list)
    _socket: Any = None
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        """Read for ever; after a cut go on after the last item that was read."""
        while True:
            with contextlib.suppress(TransportError, OSError):
                await self._read()

    async def _read(self) -> None:
        transport = self.outsider.socket()
        async with Client(transport=transport) as session:
            self._socket = transport.adapter.websocket  # type: ignore[attr-defined]
            self.connections += 1
            stream = session.subscribe(GraphQLRequest(EVENTS, variable_values={"after": self.after}))
            async with contextlib.aclosing(stream):
                async for item in stream:
                    await self._keep(item["events"])

    async def _keep(self, item: dict[str, Any]) -> None:
        async with self._changed:
            self.after = item["cursor"]
            self.kinds.append(item["kind"])
            if item["kind"] == "EVENT":
                self.events.append(item["event"])
            self._changed.notify_all()

    async def has(self, amount: int) -> None:
        """Wait until so many events were read."""
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(lambda: len(self.events) >= amount)

    def cut(self) -> None:
        """Tear the connection, with whatever is in it, without a word to anybody."""
        self._socket.transport.abort()
