"""A GraphQL client as an integrator would write it: HTTP for queries and mutations, one WebSocket for a stream that resumes."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

RETRY_SECONDS = 0.5
TRIES = 20


class RefusedByApi(Exception):
    """The API answered with an error or a problem that the demo did not provoke on purpose."""


class ApiClient:
    """One company's access: its key at one address."""

    def __init__(self, url: str, key: str, *, tries: int = TRIES) -> None:
        self.url = url
        self._tries = tries
        self._headers = {"authorization": f"Bearer {key}"}
        self._http = httpx.AsyncClient(base_url=url, headers=self._headers, timeout=30)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data of a query or mutation; tries again while the server is away."""
        for attempt in range(self._tries):
            try:
                response = await self._http.post("/graphql", json={"query": document, "variables": variables})
            except httpx.TransportError:
                if attempt == self._tries - 1:
                    raise
                await asyncio.sleep(RETRY_SECONDS)
                continue
            answer: dict[str, Any] = orjson.loads(response.content)
            if errors := answer.get("errors"):
                if (
                    errors[0].get("extensions", {}).get("code") in {"UNAVAILABLE", "TIMEOUT"}
                    and attempt < self._tries - 1
                ):
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                raise RefusedByApi(str(errors[0]["message"]))
            data: dict[str, Any] = answer["data"]
            return data
        raise RefusedByApi("The server stayed away.")

    async def do(self, document: str, **values: Any) -> dict[str, Any]:
        """The payload of a document with one mutation; raises on problems."""
        data = await self.ask(document, input=values)
        payload: dict[str, Any] = next(iter(data.values()))
        if payload["problems"]:
            raise RefusedByApi(payload["problems"][0]["message"])
        return payload

    async def stream(self, document: str, field: str) -> AsyncGenerator[dict[str, Any], None]:
        """Items of a resumable subscription for ever: after a lost connection it goes on from the last item's cursor."""
        after: str | None = None
        while True:
            try:
                async for item in self._subscribe(document, {"after": after}):
                    after = item[field]["cursor"]
                    yield item[field]
            except (OSError, WebSocketException, TimeoutError):
                await asyncio.sleep(RETRY_SECONDS)

    async def watch(self, document: str, **variables: Any) -> AsyncGenerator[dict[str, Any], None]:
        """Items of a subscription until it ends."""
        async for item in self._subscribe(document, variables):
            yield item

    async def _subscribe(self, document: str, variables: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        address = self.url.replace("http", "ws", 1) + "/graphql"
        async with connect(address, subprotocols=["graphql-transport-ws"], max_size=2**20) as socket:  # type: ignore[list-item]
            await socket.send(
                orjson.dumps(
                    {"type": "connection_init", "payload": {"Authorization": self._headers["authorization"]}}
                ).decode()
            )
            await socket.recv()
            payload = {"query": document, "variables": variables}
            await socket.send(orjson.dumps({"id": "1", "type": "subscribe", "payload": payload}).decode())
            async for raw in socket:
                message = orjson.loads(raw)
                if message["type"] == "next":
                    yield message["payload"]["data"]
                elif message["type"] == "ping":
                    await socket.send('{"type":"pong"}')
                elif message["type"] == "error":
                    raise RefusedByApi(str(message["payload"][0]["message"]))
                elif message["type"] == "complete":
                    return
