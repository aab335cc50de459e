"""Values that must be in no log line, and the paths by which clients can bring them in."""

import asyncio
import gc
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from doorstep.server import Server

WORD = "Kanarienvogel"
"""Is in every canary that may hold letters."""

PHONE = "+4237770199"
CANARIES = {
    "name": f"{WORD} Muster",
    "street": f"{WORD}gasse 17",
    "instructions": f"{WORD} at the back door",
    "email": f"{WORD.lower()}@example.org",
    "phone": PHONE,
    "code": f"{WORD}4711",
    "metadata": f"{WORD}-metadata",
    "reference": f"{WORD}-reference",
    "key": f"dsk_live_{WORD}",
    "idempotency": f"{WORD}-idempotency",
}
NEEDLES = (WORD.lower(), PHONE[1:], PHONE[4:])
"""What is looked for, in any case of letters."""


def found_in(text: str) -> list[str]:
    """The lines with a canary in them."""
    return [line[:400] for line in text.splitlines() if any(needle in line.lower() for needle in NEEDLES)]


def order(**more: Any) -> dict[str, Any]:
    """An order with a canary wherever a person may write."""
    return {
        "reference": CANARIES["reference"],
        "idempotencyKey": CANARIES["idempotency"],
        "metadata": {CANARIES["metadata"]: CANARIES["metadata"]},
        "dropoff": {
            "address": {"line1": CANARIES["street"], "city": WORD, "postalCode": "9490", "country": "LI"},
            "coordinates": {"latitude": 47.1410, "longitude": 9.5209},
            "contact": {"name": CANARIES["name"], "phone": "+4232326611", "email": CANARIES["email"]},
            "instructions": CANARIES["instructions"],
            "accessCode": CANARIES["code"],
        },
        **more,
    }


CREATE = (
    "mutation ($input: CreateOrderInput!) { createOrder(input: $input) { order { id } problems { code message } } }"
)
WITH_LITERALS = (
    f'mutation {{ createOrder(input: {{reference: "{CANARIES["reference"]} 2", dropoff: {{address: {{line1: "{CANARIES["street"]}", '
    f'city: "{WORD}", country: "LI"}}, coordinates: {{latitude: 47.1, longitude: 9.5}}, contact: {{phone: "{PHONE}"}}}}}}) '
    "{ order { id } problems { code message } } }"
)


def _wrong_contact(**contact: str) -> dict[str, Any]:
    given = order(idempotencyKey=None)
    given["dropoff"]["contact"] |= contact
    return given


@dataclass
class Sender:
    """One client that sends canaries by every path."""

    server: Server
    http: httpx.AsyncClient
    key: str
    answers: list[tuple[int, str]] = field(default_factory=list)

    async def post(self, query: Any, key: str = "", **more: Any) -> dict[str, Any]:
        """By POST."""
        headers = {"authorization": f"Bearer {key or self.key}"}
        answer = await self.http.post(self.server.graphql_url, json={"query": query, **more}, headers=headers)
        self.answers.append((answer.status_code, answer.text))
        with suppress(ValueError):
            body: dict[str, Any] = answer.json()
            return body
        return {}

    async def requests(self) -> None:
        """Sound and refused requests over HTTP."""
        await self.post(CREATE, variables={"input": order()})
        await self.post(CREATE, variables={"input": order(idempotencyKey=None)})
        await self.post(CREATE, variables={"input": order(kind="PICKUP")})
        await self.post(WITH_LITERALS)
        for contact in ({"phone": f"{PHONE}99999999"}, {"email": f"{WORD} at home"}, {"phone": WORD}):
            await self.post(CREATE, variables={"input": _wrong_contact(**contact)})
        await self.post(CREATE, variables={"input": {**order(), WORD: WORD}})
        await self.post(CREATE, variables={"input": order(metadata=WORD)})
        await self.post(f"{{ {WORD} }}")
        await self.post(f'{{ {WORD}: node(id: "{WORD}") {{ id }} }}')
        await self.post(f'{{ orders(after: "{WORD}") {{ nodes {{ id }} }} }}')
        await self.post(f'{{ viewer "{PHONE}')
        await self.post("{ viewer { scopes } } query B { viewer { scopes } }", operationName=WORD)
        await self.post("{ viewer { scopes } }", key=CANARIES["key"])
        await self.post(f"{{ viewer {{ scopes }} }} #{WORD * 3000}")
        await self.post([WORD])

    async def bodies(self) -> None:
        """What is no request."""
        url, headers = (
            self.server.graphql_url,
            {"authorization": f"Bearer {self.key}", "content-type": "application/json"},
        )
        await self.http.post(url, content=f'{{"query": "{WORD}'.encode(), headers=headers)
        await self.http.post(url, content=f'{{"query": "\\ud800{WORD}"}}'.encode(), headers=headers)
        await self.http.post(url, content=WORD.encode() * 500_000, headers=headers)
        await self.http.post(url, content=WORD.encode(), headers={**headers, "content-type": f"text/{WORD}"})
        await self.http.get(url, params={"query": f"{{ {WORD} }}", "variables": f"{{{WORD}"}, headers={"x-name": WORD})
        await self.http.get(f"{self.server.url}/{WORD}", headers={"authorization": WORD})
        await self.http.get(
            f"{self.server.url}/export", params={"token": WORD}, headers={"authorization": f"Bearer {WORD}"}
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(f"{WORD} /{WORD} HTTP/9.9\r\n{WORD}\r\n\r\n".encode())
        await reader.read(1000)
        writer.close()

    async def sockets(self) -> None:
        """Over a WebSocket: a bad token, a bad message, a bad subscription, a bad frame."""
        good = {"type": "connection_init", "payload": {"Authorization": f"Bearer {self.key}", "name": WORD}}
        bad = {
            "type": "connection_init",
            "payload": {"Authorization": f"Bearer {CANARIES['key']}", "name": CANARIES["name"]},
        }
        follow = {
            "type": "subscribe",
            "id": WORD,
            "payload": {"query": f'subscription {{ events(after: "{WORD}") {{ kind }} }}'},
        }
        unknown = {"type": "subscribe", "id": WORD, "payload": {"query": f"subscription {{ {WORD} }}"}}
        for messages in (
            [bad],
            [good, follow],
            [good, unknown],
            [good, {"type": WORD}],
            [good, WORD],
            [{"type": WORD}],
        ):
            await self._say(*(json.dumps(message) for message in messages))
        await self._say(json.dumps(good), f"{{{WORD}")
        await self._say(WORD * 6000)
        with suppress(OSError, WebSocketException):
            async with connect(f"{self.server.socket_url}?token={WORD}", subprotocols=[Subprotocol(WORD)]):
                pass

    async def _say(self, *texts: str) -> None:
        with suppress(OSError, WebSocketException, TimeoutError):
            async with connect(self.server.socket_url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
                for text in texts:
                    await socket.send(text)
                async with asyncio.timeout(0.3):
                    while True:
                        await socket.recv()


# ── faults of ours whose texts hold what a client sent ──────────────────────────────────────────────────────

Fault = Callable[..., Awaitable[Any]]


async def quotes_the_row(*_: Any) -> None:
    """A unique violation, as the driver raises it."""
    error = asyncpg.UniqueViolationError(f'duplicate key value violates unique constraint "members_{WORD}"')
    error.detail = f"Key (email)=({CANARIES['email']}) already exists."
    raise error


async def quotes_its_cause(*_: Any) -> None:
    """An exception with a canary in its text, its cause and the variables around it."""
    name, phone = CANARIES["name"], PHONE
    try:
        int(phone[1:] + name)
    except ValueError as error:
        raise RuntimeError(f"cannot call {name} at {phone}") from error


async def asks_the_database(tx: Any, *_: Any) -> None:
    """A statement that the database refuses, quoting the value."""
    await tx.fetchval("SELECT ($1::text)::int", f"{WORD} {PHONE}")


FAULTS: dict[str, Fault] = {one.__name__: one for one in (quotes_the_row, quotes_its_cause, asks_the_database)}


async def tasks_nobody_waits_for() -> None:
    """asyncio reports a task whose exception nobody asked for, in its own words, when the task is collected."""
    task = asyncio.create_task(quotes_its_cause())
    await asyncio.wait([task])
    del task
    gc.collect()
    loop = asyncio.get_running_loop()
    loop.call_soon(int, f"{WORD} {PHONE}")
    loop.call_exception_handler({"message": "Exception in callback", "exception": ValueError(PHONE), "handle": WORD})
    await asyncio.sleep(0.05)


def lines_of(text: str) -> Iterator[dict[str, Any]]:
    """A JSON log's lines; raises where one is none."""
    for line in text.splitlines():
        parsed: dict[str, Any] = json.loads(line)
        yield parsed
