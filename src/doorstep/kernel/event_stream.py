"""Reading the event log: cursors, pages, and the wake-up of those who wait for more.

A cursor is opaque to clients and holds epoch, number and ``recorded_at`` (so that a read touches only the partitions it needs). Wake-up is a
hint, never the truth: in this process at once, between processes by one coalesced NOTIFY per process every 50 ms (a NOTIFY inside writing
transactions cuts commits to less than half: design notes, postgres §4), and a poll every second as the safety net.
"""

import asyncio
import base64
import binascii
import hashlib
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from doorstep.kernel.db import Database, Row, Transaction
from doorstep.kernel.driver_errors import translated
from doorstep.kernel.errors import BadUserInput, RequestError, ResyncRequired

log = structlog.get_logger(__name__)

CHANNEL = "doorstep_wake"
NOTIFY_SECONDS = 0.05
POLL_SECONDS = 1.0
_PLACE = struct.Struct(">BIQQ")
_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)
_NO_CURSOR = "This is not a cursor of this event log: take one from `events`, a stream's item or `eventsCursor` of the same tenant."


@dataclass(frozen=True, slots=True)
class LogPosition:
    """A place in a tenant's log: after event ``seq`` of ``epoch``, recorded at ``recorded_at``."""

    epoch: int
    seq: int
    recorded_at: datetime


def encode_cursor(tenant_id: UUID, position: LogPosition) -> str:
    """The opaque text of a position."""
    micros = (position.recorded_at - _EPOCH_START) // timedelta(microseconds=1)
    place = _PLACE.pack(1, position.epoch, position.seq, micros)
    packed = place + _tag(tenant_id, place)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode_cursor(tenant_id: UUID, text: str) -> LogPosition:
    """The position behind ``text``; raises BadUserInput, in the same words when it is forged and when it is another tenant's."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        place, tag = packed[: _PLACE.size], packed[_PLACE.size :]
        layout, epoch, seq, micros = _PLACE.unpack(place)
        recorded_at = _EPOCH_START + timedelta(microseconds=micros)
    except (ValueError, binascii.Error, struct.error, OverflowError) as error:
        raise BadUserInput(_NO_CURSOR) from error
    if layout != 1 or tag != _tag(tenant_id, place) or seq >= 2**63:
        raise BadUserInput(_NO_CURSOR)
    return LogPosition(epoch, seq, recorded_at)


def _tag(tenant_id: UUID, place: bytes) -> bytes:
    """Tells another tenant's cursor, and one that was changed on its way: a wrong instant in it would skip events without a word."""
    return hashlib.blake2b(b"events" + tenant_id.bytes + place, digest_size=4).digest()


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events: by type and by the objects they are about; empty means all."""

    types: tuple[str, ...] = ()
    order_ids: tuple[UUID, ...] = ()
    plan_ids: tuple[UUID, ...] = ()
    route_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in order; ``position`` is where to go on (also past what the filter held back), ``head`` the log's end at that moment."""

    rows: list[Row]
    position: LogPosition
    head: LogPosition
    has_more: bool


_HEAD = """
SELECT installation.epoch, coalesce(head.seq, 0) AS seq, coalesce(head.pruned_seq, 0) AS pruned_seq,
       coalesce(head.recorded_at, 'epoch'::timestamptz) AS recorded_at
FROM installation LEFT JOIN event_heads AS head ON head.tenant_id = $1
"""

_MATCHES = """
  AND ($2::text[] IS NULL OR type = ANY($2)) AND ($3::uuid[] IS NULL OR order_id = ANY($3))
  AND ($4::uuid[] IS NULL OR plan_id = ANY($4)) AND ($5::uuid[] IS NULL OR route_id = ANY($5))
"""

_PAGE = f"""
SELECT id, seq, recorded_at, type, aggregate_version, order_id, plan_id, route_id, occurred_at, actor_kind, actor_id, data,
       (SELECT epoch FROM installation) AS epoch
FROM events
WHERE tenant_id = $1 {_MATCHES} AND seq > $6 AND seq <= $7 AND recorded_at >= $8
ORDER BY seq LIMIT $9
"""

_COUNT = f"SELECT count(*) FROM events WHERE tenant_id = $1 {_MATCHES}"


_PRUNE = """
WITH place AS (
  SELECT head.pruned_seq, least(head.pruned_seq + $3, (SELECT coalesce(min(seq), 0) FROM consumers WHERE tenant_id = $1)) AS upto
  FROM event_heads AS head WHERE head.tenant_id = $1
), gone AS (
  DELETE FROM events USING place
  WHERE events.tenant_id = $1 AND events.seq > place.pruned_seq AND events.seq <= place.upto
    AND events.recorded_at < now() - make_interval(months => $2)
  RETURNING events.seq
)
UPDATE event_heads SET pruned_seq = greatest(pruned_seq, (SELECT max(seq) FROM gone))
WHERE tenant_id = $1 AND EXISTS (SELECT FROM gone) RETURNING (SELECT count(*) FROM gone)
"""
"""Within a tenant ``recorded_at`` never runs backwards, so what is too old is the log's beginning, without gaps."""


async def prune_events(tx: Transaction, tenant_id: UUID, months: int, limit: int) -> int:
    """Cut up to ``limit`` events older than so many months off the beginning of a tenant's log; returns how many. Only the system may.

    Cursors from before the cut are RESYNC_REQUIRED from then on. What a reaction has not seen yet stays.
    """
    return int(await tx.fetchval(_PRUNE, tenant_id, months, limit) or 0)


async def log_head(tx: Transaction, tenant_id: UUID) -> LogPosition:
    """The end of the tenant's log in this transaction's snapshot."""
    row = await _head(tx, tenant_id)
    return LogPosition(row["epoch"], row["seq"], row["recorded_at"])


async def _head(tx: Transaction, tenant_id: UUID) -> Row:
    row = await tx.fetchrow(_HEAD, tenant_id)
    if row is None:
        raise RequestError("The database has no installation row; run doorstep migrate.")
    return row


async def read_events(
    tx: Transaction, tenant_id: UUID, after: LogPosition | None, query: EventQuery, limit: int
) -> EventPage:
    """Up to ``limit`` events after the position (None: from the log's start), from one snapshot.

    Raises ResyncRequired with a fresh cursor when the position is of another epoch or older than what the log keeps, BadUserInput when it
    lies past the log's end.
    """
    present = await _head(tx, tenant_id)
    head = LogPosition(present["epoch"], present["seq"], present["recorded_at"])
    start = after or LogPosition(head.epoch, present["pruned_seq"], _EPOCH_START)
    if start.epoch != head.epoch or start.seq < present["pruned_seq"]:
        raise ResyncRequired(
            "The log no longer holds what follows this cursor: read your objects afresh, then go on from extensions.cursor.",
            cursor=encode_cursor(tenant_id, head),
        )
    if start.seq > head.seq or start.recorded_at > head.recorded_at:
        raise BadUserInput("This cursor lies past the end of the log.")
    rows = await tx.fetch(
        _PAGE, tenant_id, *_conditions(query), start.seq, head.seq, start.recorded_at, limit + 1
    )  # fmt: skip
    has_more = len(rows) > limit
    rows = rows[:limit]
    position = LogPosition(head.epoch, rows[-1]["seq"], rows[-1]["recorded_at"]) if has_more else head
    return EventPage(rows, position, head, has_more)


async def count_events(tx: Transaction, tenant_id: UUID, query: EventQuery) -> int:
    """How many events the log holds that the query lets through."""
    return int(await tx.fetchval(_COUNT, tenant_id, *_conditions(query)))


def _conditions(query: EventQuery) -> tuple[list[str] | list[UUID] | None, ...]:
    return (
        list(query.types) or None,
        list(query.order_ids) or None,
        list(query.plan_ids) or None,
        list(query.route_ids) or None,
    )


class EventHub:
    """One per process: wakes those who wait for a tenant's log (or for progress) to move."""

    def __init__(self, system: Database) -> None:
        self._system = system
        self._waiting: dict[UUID, asyncio.Event] = {}
        self._seen: dict[UUID, int] = {}
        self._to_notify: set[UUID] = set()
        self._channel: asyncpg.Connection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = asyncio.Event()

    def start(self) -> None:
        """Begin to listen, notify and poll."""
        self._tasks = [asyncio.create_task(self._kept_up(work)) for work in (self._listen, self._notify, self._poll)]

    async def close(self) -> None:
        """Stop; everybody who waits is woken."""
        self._closed.set()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self.wake_all()

    @property
    def closing(self) -> bool:
        """Whether the process is draining: streams end, clients resume elsewhere by cursor."""
        return self._closed.is_set()

    def signal(self, tenant_id: UUID) -> None:
        """A commit of this process moved the tenant's log or progress."""
        self._to_notify.add(tenant_id)
        self._wake(tenant_id)

    def wake_all(self) -> None:
        """Everybody looks again: the process ends, or another epoch has begun."""
        for tenant_id in list(self._waiting):
            self._wake(tenant_id)

    def _wake(self, tenant_id: UUID) -> None:
        event = self._waiting.pop(tenant_id, None)
        if event is not None:
            event.set()

    def ticket(self, tenant_id: UUID) -> asyncio.Event:
        """Take it before reading, await it after: a signal in between is not lost."""
        return self._waiting.setdefault(tenant_id, asyncio.Event())

    @staticmethod
    async def wait(ticket: asyncio.Event, within: float) -> bool:
        """Whether the ticket was signalled within so many seconds."""
        try:
            async with asyncio.timeout(within):
                await ticket.wait()
        except TimeoutError:
            return False
        return True

    @staticmethod
    async def _kept_up(work: Callable[[], Awaitable[None]]) -> None:
        """Begin a loop again that failed: without it streams would only be late, which nobody notices."""
        while True:
            try:
                await work()
            except Exception as error:
                log.error("event_hub_failed", exc_info=error)
            await asyncio.sleep(1)

    async def _listen(self) -> None:
        try:
            async with translated():
                connection = await asyncpg.connect(self._system.url, timeout=5)
                try:
                    lost = asyncio.Event()
                    connection.add_termination_listener(lambda _connection: lost.set())
                    await connection.add_listener(CHANNEL, self._heard)
                    self._channel = connection
                    await lost.wait()
                finally:
                    self._channel = None
                    connection.terminate()
        except RequestError:
            log.warning("wake_channel_lost")

    def _heard(self, connection: Any, pid: int, _channel: str, payload: Any) -> None:
        if pid == connection.get_server_pid():
            return  # our own word: ``signal`` has woken whoever waits here
        for text in str(payload).split(","):
            with suppress(ValueError):
                self._wake(UUID(text))

    async def _notify(self) -> None:
        while True:
            await asyncio.sleep(NOTIFY_SECONDS)
            channel = self._channel
            if not self._to_notify or channel is None:
                continue
            batch = [self._to_notify.pop() for _ in range(min(len(self._to_notify), 200))]
            try:
                async with translated():
                    await channel.execute("SELECT pg_notify($1, $2)", CHANNEL, ",".join(map(str, batch)), timeout=5)
            except RequestError:
                log.warning("wake_notify_failed")

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if not self._waiting:
                continue
            try:
                async with self._system.transaction() as tx:
                    rows = await tx.fetch(
                        "SELECT tenant_id, seq FROM event_heads WHERE tenant_id = ANY($1)", list(self._waiting)
                    )
            except RequestError:
                continue
            for row in rows:
                if self._seen.get(row["tenant_id"]) != row["seq"]:
                    self._seen[row["tenant_id"]] = row["seq"]
                    self._wake(row["tenant_id"])
