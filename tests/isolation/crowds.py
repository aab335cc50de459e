"""A crowd: many units of work at once on a small pool, most of them cancelled while they are under way."""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg

from doorstep.kernel.db import Database, Transaction
from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import RequestError

AT_ONCE = 6
SHARE_CANCELLED = 0.6

READ = "SELECT tenant_id FROM orders"
WRITE = "UPDATE orders SET updated_at = now() WHERE id = ANY($1) RETURNING tenant_id"
"""Without a filter, on purpose: only the wall stands between the tenants here."""


@dataclass
class Crowd:
    """What came of it."""

    completed: int = 0
    cancelled: int = 0
    wrong: list[str] = field(default_factory=list)
    """Answers with a row of somebody else, and units that the database refused."""


Unit = Callable[[int], Awaitable[str | None]]
"""One unit of work, by its number; returns what was wrong with its answer, or None."""


class Patience:
    """How long to wait before the next unit is cancelled: somewhere within what one takes at present, whatever the machine is busy with."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._took: deque[float] = deque([0.01], maxlen=20)

    def completed_in(self, seconds: float) -> None:
        """Learn from a unit that ran to its end."""
        self._took.append(seconds)

    def next(self) -> float:
        """Seconds."""
        return self._chance.uniform(0, 0.8 * median(self._took))


async def gather_crowd(number: int, unit: Unit, *, seed: int = 7) -> Crowd:
    """Run so many units, a few at once; six of ten are cancelled while they are under way."""
    crowd, patience, room = Crowd(), Patience(seed), asyncio.Semaphore(AT_ONCE)

    async def one(at: int) -> None:
        async with room:
            began, task = time.monotonic(), asyncio.ensure_future(unit(at))
            if crowd.cancelled < SHARE_CANCELLED * (crowd.completed + crowd.cancelled + 1):
                await asyncio.sleep(patience.next())
                task.cancel()
            try:
                wrong = await task
            except asyncio.CancelledError:
                crowd.cancelled += 1
                return
            except (asyncpg.PostgresError, RequestError, ChangedMeanwhile) as error:
                wrong = repr(error)
            patience.completed_in(time.monotonic() - began)
            crowd.completed += 1
            crowd.wrong += [wrong] if wrong else []

    await asyncio.gather(*(one(at) for at in range(number)))
    return crowd


class DatabaseUnits:
    """Reads, writes, and transactions of no tenant, each for another tenant than the last."""

    def __init__(self, database: Database, orders: dict[UUID, list[UUID]]) -> None:
        self._database = database
        self._tenants = list(orders)
        self._one_of_each = [own[0] for own in orders.values()]
        self.begun = 0
        """How many transactions began, and how many of those came to their end: the others were broken off inside."""
        self.ended = 0

    async def __call__(self, at: int) -> str | None:
        """One unit; says which strangers it saw."""
        tenant_id = None if at % 10 == 9 else self._tenants[at % len(self._tenants)]
        async with self._opened(tenant_id, writes=at % 3 == 0) as tx:
            self.begun += 1
            rows = await tx.fetch(f"{READ}, pg_sleep(0.001)")
            if at % 3 == 0:
                rows += await tx.fetch(WRITE, self._one_of_each)
            rows += await tx.fetch(READ)
            self.ended += 1
        strangers = {row["tenant_id"] for row in rows} - {tenant_id}
        return f"unit {at} of {tenant_id} saw {strangers}" if strangers else None

    def _opened(self, tenant_id: UUID | None, *, writes: bool) -> AbstractAsyncContextManager[Transaction]:
        return (
            self._database.transaction(tenant_id) if writes or tenant_id is None else self._database.snapshot(tenant_id)
        )


async def ask_and_hang_up(port: int, key: str, document: str) -> Any:
    """The answer over a connection of its own, which is torn down at once when the caller is cancelled, as by a phone that lost its network."""
    body = json.dumps({"query": document})
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(
            f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
        )
        head, _, answer = (await reader.read(-1)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        return json.loads(answer)
    finally:
        writer.transport.abort()


async def left_behind(superuser_url: str, database: str) -> list[str]:
    """Sessions of requests in a database that stand in a transaction although nobody works, after they had time to end."""
    connection = await asyncpg.connect(superuser_url)
    try:
        for _ in range(50):
            rows = await connection.fetch(
                "SELECT state || ': ' || query FROM pg_stat_activity "
                "WHERE datname = $1 AND usename = 'doorstep_app' AND state <> 'idle'",
                database,
            )
            if not rows:
                return []
            await asyncio.sleep(0.05)
        return [row[0] for row in rows]
    finally:
        await connection.close()
