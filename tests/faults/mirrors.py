"""Clients that hold a copy of a tenant's orders: list, then stream, and afresh whenever the log says so."""

import asyncio
import json
from collections import Counter
from typing import Any

import httpx
from tests.faults.clients import Api
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

LIST = """query ($after: Cursor) { orders(first: 250, after: $after) {
  eventsCursor pageInfo { hasNextPage endCursor } nodes { id version status }
} }"""
STREAM = """subscription ($after: Cursor!) { events(after: $after) { kind cursor event {
  aggregateVersion ... on OrderPlaced { orderId began: status } ... on OrderStatusChanged { orderId to } ... on OrderUpdated { orderId }
} } }"""

State = dict[str, tuple[int, str]]

AWAY = (
    OSError, TimeoutError, EOFError, InvalidHandshake, InvalidMessage, ConnectionClosed, httpx.HTTPError, AssertionError,
)  # fmt: skip
"""The server is away, or says UNAVAILABLE: come again."""


async def committed(api: Api) -> tuple[State, str]:
    """All orders, and the log's cursor of the first page's moment."""
    state: State = {}
    cursor, after = None, None
    while True:
        page = (await api.data(LIST, after=after))["orders"]
        cursor = cursor or page["eventsCursor"]
        state |= {node["id"]: (node["version"], node["status"]) for node in page["nodes"]}
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return state, str(cursor)


class Mirror:
    """One client. After RESYNC_REQUIRED it goes on from the cursor that came with it, or (``by_list``) from the list's own."""

    def __init__(self, api: Api, url: str, key: str, *, by_list: bool) -> None:
        self._api = api
        self._url = url
        self._key = key
        self._by_list = by_list
        self.state: State = {}
        self.cursor: str | None = None
        self.resyncs = 0
        self.cuts: Counter[str] = Counter()

    async def follow(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                if self.cursor is None:
                    self.state, self.cursor = await committed(self._api)
                await self._session()
            except AWAY as error:
                self.cuts[type(error).__name__] += 1
            await asyncio.sleep(0.2)

    async def _session(self) -> None:
        async with connect(
            self._url, subprotocols=[Subprotocol("graphql-transport-ws")], open_timeout=5, close_timeout=1, proxy=None
        ) as socket:
            await _say(socket, type="connection_init", payload={"Authorization": f"Bearer {self._key}"})
            await _say(socket, type="subscribe", id="1", payload={"query": STREAM, "variables": {"after": self.cursor}})
            while True:
                message = json.loads(await socket.recv())
                if message["type"] == "next" and not message["payload"].get("errors"):
                    self._take(message["payload"]["data"]["events"])
                elif message["type"] in {"next", "error"}:
                    await self._refused(
                        message["payload"]["errors"] if message["type"] == "next" else message["payload"]
                    )
                    return
                elif message["type"] == "complete":
                    return

    def _take(self, item: dict[str, Any]) -> None:
        self.cursor = item["cursor"]
        event = item["event"] or {}
        if "orderId" in event:
            version, status = self.state.get(event["orderId"], (0, ""))
            if event["aggregateVersion"] > version:
                self.state[event["orderId"]] = (
                    event["aggregateVersion"],
                    event.get("began") or event.get("to") or status,
                )

    async def _refused(self, errors: list[dict[str, Any]]) -> None:
        code = errors[0]["extensions"]["code"]
        self.cuts[code] += 1
        if code == "RESYNC_REQUIRED":
            fresh = errors[0]["extensions"]["cursor"]
            self.state, listed = await committed(self._api)
            self.cursor = listed if self._by_list else fresh
            self.resyncs += 1


async def _say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))
