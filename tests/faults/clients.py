"""Clients as a careful integrator writes them: they retry with the same key, and resume streams by cursor."""

import asyncio
import contextlib
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

RETRY_CODES = frozenset({"UNAVAILABLE", "TIMEOUT"})
RETRY_PROBLEMS = frozenset({"IDEMPOTENCY_IN_PROGRESS"})
RETRY_CLOSES = frozenset({1006, 1012, 1013, 4408})
"""Lost, service restart, try again later; and a greeting that came too late from a busy machine."""

CREATE_ORDER = """mutation ($input: CreateOrderInput!) {
  createOrder(input: $input) { order { id displayReference } problems { code message } }
}"""

EVENTS = """subscription ($after: Cursor, $filter: EventFilter) {
  events(after: $after, filter: $filter) { kind cursor head event { id __typename } }
}"""


def order_input(key: str) -> dict[str, Any]:
    """A sound order that carries its key where a person would see it."""
    return {
        "kind": "DELIVERY",
        "displayReference": key,
        "idempotencyKey": key,
        "dropoff": {
            "address": {"line1": "Städtle 49", "city": "Vaduz", "postalCode": "9490", "country": "LI"},
            "coordinates": {"latitude": 47.1410, "longitude": 9.5209},
        },
    }


class Api:
    """One tenant's GraphQL over HTTP, at an address that may be given anew."""

    def __init__(self, url: str, key: str, timeout: float = 20.0) -> None:
        self.url = url
        self._http = httpx.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def ask(self, query: str, **variables: Any) -> tuple[int, dict[str, Any]]:
        """Status and body of one request."""
        response = await self._http.post(self.url, json={"query": query, "variables": variables})
        try:
            body: dict[str, Any] = response.json()
        except ValueError:
            body = {"errors": [{"message": response.text, "extensions": {"code": f"HTTP {response.status_code}"}}]}
        return response.status_code, body

    async def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a request that must succeed."""
        _, body = await self.ask(query, **variables)
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data


@dataclass
class OrderLog:
    """What order clients were answered."""

    acknowledged: dict[str, list[str]] = field(default_factory=dict)
    retries: Counter[str] = field(default_factory=Counter)
    unexpected: list[Any] = field(default_factory=list)
    """Answers that no client should have to understand, such as INTERNAL."""

    @property
    def replays(self) -> int:
        """Answers beyond the first of each key."""
        return sum(len(ids) - 1 for ids in self.acknowledged.values())


async def place_orders(name: str, api: Api, log: OrderLog, stop: asyncio.Event, chance: random.Random) -> None:
    """Place orders one after the other until told to stop; every fourth one is sent again after its answer."""
    number = 0
    while not stop.is_set():
        number += 1
        key = f"{name}-{number}"
        for _ in range(2 if chance.random() < 0.25 else 1):
            id_ = await place_once(key, api, log)
            if id_ is not None:
                log.acknowledged.setdefault(key, []).append(id_)
        await asyncio.sleep(chance.uniform(0, 0.1))


async def place_once(key: str, api: Api, log: OrderLog) -> str | None:
    """The id of the order under the key; keeps trying while the answer is that it is worth another try."""
    while True:
        try:
            _, body = await api.ask(CREATE_ORDER, input=order_input(key))
        except httpx.TransportError as error:
            log.retries[type(error).__name__] += 1
            await asyncio.sleep(0.1)
            continue
        codes = {error.get("extensions", {}).get("code") for error in body.get("errors", ())}
        payload = (body.get("data") or {}).get("createOrder") or {}
        problems = {problem["code"] for problem in payload.get("problems") or ()}
        if (codes and codes <= RETRY_CODES) or (problems and problems <= RETRY_PROBLEMS):
            log.retries[",".join(sorted(codes | problems))] += 1
            await asyncio.sleep(0.1)
        elif payload.get("order"):
            id_: str = payload["order"]["id"]
            return id_
        else:
            log.unexpected.append(body)
            return None


class Subscriber:
    """Follows a tenant's log and resumes by its last cursor whenever it was cut off."""

    def __init__(
        self, url: str, key: str, *, chance: random.Random | None = None, lives: tuple[float, float] = (0.5, 3.0)
    ) -> None:
        """With ``chance`` it cuts its own connection after so many seconds, again and again."""
        self.url = url
        self._key = key
        self._chance = chance
        self._lives = lives
        self.seen: list[str] = []
        self.cursor: str | None = None
        self.cuts: Counter[str] = Counter()
        self.unexpected: list[Any] = []
        self.caught_up = asyncio.Event()
        """Set while it is connected and has seen everything that was there when it connected."""

    def variables(self) -> dict[str, Any]:
        """What it subscribes with: everything after its last cursor."""
        return {"after": self.cursor}

    async def follow(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                await self._session()
            except (OSError, TimeoutError, InvalidHandshake, InvalidMessage, EOFError) as error:
                self.cuts[type(error).__name__] += 1
            except ConnectionClosed as closed:
                self._was_closed(closed)
            finally:
                self.caught_up.clear()
            await asyncio.sleep(0.1)

    def _was_closed(self, closed: ConnectionClosed) -> None:
        code = closed.rcvd.code if closed.rcvd else 1006
        self.cuts[str(code)] += 1
        if code not in RETRY_CLOSES:
            self.unexpected.append(closed)

    async def _session(self) -> None:
        async with connect(
            self.url, subprotocols=[Subprotocol("graphql-transport-ws")], open_timeout=5, close_timeout=1,
            compression=None, proxy=None,
        ) as socket:  # fmt: skip
            await _say(socket, type="connection_init", payload={"Authorization": f"Bearer {self._key}"})
            assert (await _hear(socket))["type"] == "connection_ack"
            await _say(socket, type="subscribe", id="1", payload={"query": EVENTS, "variables": self.variables()})
            patience = self._chance.uniform(*self._lives) if self._chance else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    while self._takes(await _hear(socket)):
                        pass
                return
            self.cuts["own"] += 1
            socket.transport.abort()

    def _takes(self, message: dict[str, Any]) -> bool:
        """Take one message in; False when the stream is over."""
        if message["type"] == "next" and "errors" not in message["payload"]:
            self._take(message["payload"]["data"]["events"])
            return True
        if message["type"] in {"error", "next"}:
            errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
            codes = {error.get("extensions", {}).get("code") for error in errors}
            self.cuts[",".join(sorted(map(str, codes)))] += 1
            if not codes <= RETRY_CODES:
                self.unexpected.append(message)
        elif message["type"] != "complete":
            self.unexpected.append(message)
        return False

    def _take(self, item: dict[str, Any]) -> None:
        self.cursor = item["cursor"]
        if item["kind"] == "EVENT":
            self.seen.append(item["event"]["id"])
        elif item["kind"] == "CAUGHT_UP":
            self.caught_up.set()


async def _say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def _hear(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await socket.recv())
    return message
