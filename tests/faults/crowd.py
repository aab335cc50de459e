"""A crowd on one log: writers that write in bulk, and subscribers by WebSocket and SSE that are cut and go on at another server."""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from tests.faults.clients import EVENTS, RETRY_CODES, RETRY_PROBLEMS, Api, OrderLog, Subscriber, order_input

BATCH = 5
"""Orders in one call: few enough that many calls are under way whenever something dies."""

CREATE_ORDERS = """mutation ($input: CreateOrdersInput!) {
  createOrders(input: $input) { results { order { id displayReference } } problems { code } }
}"""
UPDATE_ORDER = "mutation ($input: UpdateOrderInput!) { updateOrder(input: $input) { order { id } problems { code } } }"


@dataclass(frozen=True, slots=True)
class Wish:
    """An event filter, as it is sent and as it is judged."""

    types: frozenset[str] = frozenset()
    orders: frozenset[str] = frozenset()

    def sent(self) -> dict[str, Any] | None:
        """The argument; None for everything."""
        given = {"types": sorted(self.types), "orderIds": sorted(self.orders)}
        return {name: values for name, values in given.items() if values} or None

    def wants(self, type_: str, order: str) -> bool:
        """Whether it lets an event through."""
        return (not self.types or type_ in self.types) and (not self.orders or order in self.orders)


class Wanderer(Subscriber):
    """Over WebSocket; each of its connections goes to any of the servers."""

    def __init__(self, urls: Sequence[str], key: str, wish: Wish, seed: int, lives: tuple[float, float]) -> None:
        self._urls = urls
        self._way = random.Random(seed)
        super().__init__(urls[0], key, chance=self._way, lives=lives)
        self.wish = wish

    def variables(self) -> dict[str, Any]:
        return {"after": self.cursor, "filter": self.wish.sent()}

    async def _session(self) -> None:
        self.url = self._way.choice(self._urls)
        await super()._session()


class EventSourceWanderer(Wanderer):
    """Over SSE, as a browser does it: the document's own cursor stays as it was, ``Last-Event-ID`` says where to go on."""

    def variables(self) -> dict[str, Any]:
        return {"after": None, "filter": self.wish.sent()}

    async def _session(self) -> None:
        address = urlsplit(self._way.choice(self._urls))
        reader, writer = await asyncio.wait_for(asyncio.open_connection(address.hostname, address.port), 5)
        try:
            async with asyncio.timeout(self._way.uniform(*self._lives)):
                writer.write(self._request(address.path))
                await self._read(reader)
        except TimeoutError:
            self.cuts["own"] += 1
        finally:
            writer.transport.abort()

    def _request(self, path: str) -> bytes:
        body = json.dumps({"query": EVENTS, "variables": self.variables()})
        resume = f"last-event-id: {self.cursor}\r\n" if self.cursor else ""
        return (
            f"POST {path} HTTP/1.1\r\nhost: drill\r\nauthorization: Bearer {self._key}\r\naccept: text/event-stream\r\n"
            f"content-type: application/json\r\n{resume}content-length: {len(body)}\r\n\r\n{body}"
        ).encode()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Until the server, or what was between it and us, ends it; asyncio's EOF is an EOFError, as ``follow`` expects."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        streams = "text/event-stream" in head
        if not streams and " 503 " not in head.splitlines()[0]:
            self.unexpected.append(head)
        if not streams:
            self.cuts[head[:12]] += 1
            return
        text = b""
        while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
            text += (await reader.readexactly(size + 2))[:-2]
            *messages, text = text.split(b"\n\n")
            for message in messages:
                if not self._hears(message):
                    return

    def _hears(self, message: bytes) -> bool:
        lines = dict(line.split(": ", 1) for line in message.decode().split("\n") if not line.startswith(":"))
        if lines.get("event") == "complete":
            return False
        if "data" not in lines:
            return True
        payload = json.loads(lines["data"])
        going_on = self._takes({"type": "next", "payload": payload})
        if going_on and lines.get("id") != self.cursor:
            self.unexpected.append(lines)
        return going_on


@dataclass
class Quota:
    """How many events writers may have made by now: what is written between two faults."""

    written: int = 0
    allowed: int = 0
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def allow(self, events: int) -> None:
        """So many in all."""
        self.allowed = events
        self.more.set()

    async def turn(self) -> None:
        """Wait until more may be written."""
        while self.written >= self.allowed:
            self.more.clear()
            await self.more.wait()


class Writer:
    """Places orders in bulk and, every third time, changes one of the orders that everybody knows; retries until it is answered."""

    def __init__(self, name: str, apis: Sequence[Api], known: Sequence[str], log: OrderLog, quota: Quota) -> None:
        self._name = name
        self._apis = apis
        self._known = known
        self._log = log
        self._quota = quota
        self._chance = random.Random(name)

    async def write(self, stop: asyncio.Event) -> None:
        """Until told to stop, between two acts."""
        number = 0
        while not stop.is_set():
            await self._quota.turn()
            number += 1
            key = f"{self._name}-{number}"
            if number % 3:
                await self._place(key)
            else:
                change = {"id": self._chance.choice(self._known), "metadata": {"by": key}, "idempotencyKey": key}
                await self._answered(UPDATE_ORDER, "updateOrder", change)
                self._quota.written += 1

    async def _place(self, key: str) -> None:
        orders = [
            {name: value for name, value in order_input(f"{key}-{place}").items() if name != "idempotencyKey"}
            for place in range(BATCH)
        ]
        payload = await self._answered(CREATE_ORDERS, "createOrders", {"orders": orders, "idempotencyKey": key})
        self._quota.written += BATCH
        for result in payload.get("results", ()):
            self._log.acknowledged.setdefault(result["order"]["displayReference"], []).append(result["order"]["id"])

    async def _answered(self, document: str, name: str, input_: Mapping[str, Any]) -> dict[str, Any]:
        """The payload; the same key goes to any server until one says how it ended."""
        while True:
            codes: set[str] = set()
            with suppress(httpx.TransportError):
                _, body = await self._chance.choice(self._apis).ask(document, input=input_)
                payload: dict[str, Any] = (body.get("data") or {}).get(name) or {}
                codes = {error.get("extensions", {}).get("code") for error in body.get("errors", ())}
                codes |= {problem["code"] for problem in payload.get("problems") or ()}
                if not codes:
                    return payload
                if not codes <= RETRY_CODES | RETRY_PROBLEMS:
                    self._log.unexpected.append(body)
                    return {}
            self._log.retries[",".join(sorted(codes)) or "lost"] += 1
            await asyncio.sleep(0.1)
