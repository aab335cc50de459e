"""A client with one credential, and the transcript of all that was said to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from graphql import TypeInfo, TypeInfoVisitor, Visitor, get_named_type, parse, visit
from tests.isolation.places import SCHEMA
from tests.isolation.selections import shown
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from doorstep.server import Server

MESSAGE_SECONDS = 10.0

ECHOES = {"auditLog"}
"""Fields that repeat what callers named in earlier calls, a foreign id among it; nothing of what it names."""


@dataclass
class Transcript:
    """Everything that a client asked and was told, looked through as it comes in."""

    forbidden: set[str] = field(default_factory=set)
    """What must not be in any answer: canaries, and others' ids."""

    canary: str = ""
    """The one of those that not even an answer that repeats what was asked once (``ECHOES``) may hold."""

    operations: int = 0
    asked: set[tuple[str, str]] = field(default_factory=set)
    """(type, field) that some document asked for."""

    shown: set[tuple[str, str]] = field(default_factory=set)
    """(type, field) that some answer held."""

    leaks: list[str] = field(default_factory=list)
    ours: list[str] = field(default_factory=list)
    """Answers that admit a fault of ours (INTERNAL)."""

    _documents: set[str] = field(default_factory=set)

    def saw(self, document: str, named: Iterable[str], told: str) -> None:
        """Look through an answer or a message, and note which fields were asked for and shown."""
        self.operations += 1
        if document not in self._documents:
            self._documents.add(document)
            self.asked |= _fields_of(document)
        self.shown |= set(shown(json.loads(told)))
        self.look(document, named, told)

    def look(self, document: str, named: Iterable[str], told: str) -> None:
        """Look for what must not be there; what the client named itself may be said back to it."""
        for name in named:
            told = told.replace(name, "<named>")
        forbidden = {self.canary} if any(echo in document for echo in ECHOES) else self.forbidden
        self.leaks += [f"{one!r} in {told[:400]} ← {document[:200]}" for one in forbidden if one and one in told]
        if '"INTERNAL"' in told:
            self.ours.append(f"{told[:400]} ← {document[:200]}")


@dataclass
class Client:
    """One credential's access to the API."""

    http: httpx.AsyncClient
    server: Server
    key: str
    """The credential; empty for none."""

    transcript: Transcript = field(default_factory=Transcript)

    async def ask(self, document: str, named: Iterable[str] = (), **variables: Any) -> dict[str, Any]:
        """The answer, by HTTP; ``named`` are ids that the question holds."""
        response = await self.http.post(
            self.server.graphql_url,
            json={"query": document, "variables": variables},
            headers={"authorization": f"Bearer {self.key}"} if self.key else {},
        )
        self.transcript.saw(document, named, response.text)
        self.transcript.look(document, named, str(response.headers))
        answer: dict[str, Any] = response.json()
        return answer

    async def first_message(self, document: str, named: Iterable[str] = (), **variables: Any) -> dict[str, Any]:
        """A subscription's first message."""
        async with self._subscribed(document, variables) as socket:
            text = str(await asyncio.wait_for(socket.recv(), MESSAGE_SECONDS))
            self.transcript.saw(document, named, text)
            message: dict[str, Any] = json.loads(text)
            return message

    @asynccontextmanager
    async def following(
        self, document: str, named: Iterable[str] = (), **variables: Any
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """A subscription's messages, as they come in while the block runs."""
        messages: list[dict[str, Any]] = []
        async with self._subscribed(document, variables) as socket:
            reading = asyncio.create_task(self._read(socket, document, named, messages))
            try:
                yield messages
            finally:
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    await reading

    async def _read(
        self, socket: ClientConnection, document: str, named: Iterable[str], messages: list[dict[str, Any]]
    ) -> None:
        with suppress(ConnectionClosed):
            async for text in socket:
                self.transcript.saw(document, named, str(text))
                messages.append(json.loads(text))

    @asynccontextmanager
    async def _subscribed(self, document: str, variables: dict[str, Any]) -> AsyncIterator[ClientConnection]:
        # An endless queue: a client that stops reading could not see the other side's goodbye.
        async with connect(
            self.server.socket_url,
            subprotocols=["graphql-transport-ws"],
            max_queue=None,  # type: ignore[list-item]
        ) as socket:
            payload = {"Authorization": f"Bearer {self.key}"} if self.key else {}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            await socket.recv()
            subscribe = {"query": document, "variables": variables}
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": subscribe}))
            yield socket


class _Fields(Visitor):
    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types
        self.found: set[tuple[str, str]] = set()

    def enter_field(self, node: Any, *_: Any) -> None:
        """Note the field and its type."""
        parent = self.types.get_parent_type()
        if parent is not None and not node.name.value.startswith("__"):
            self.found.add((get_named_type(parent).name, node.name.value))


def _fields_of(document: str) -> set[tuple[str, str]]:
    types = TypeInfo(SCHEMA)
    fields = _Fields(types)
    visit(parse(document), TypeInfoVisitor(types, fields))
    return fields.found
