"""What subscriptions are made of: the event log from a cursor on, and the newest state of objects. Neither holds a transaction while it waits."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.errors import RequestError, Unavailable
from doorstep.kernel.event_stream import EventPage, EventQuery, LogPosition, decode_cursor, encode_cursor, read_events
from doorstep.kernel.graphql.context import Context
from doorstep.kernel.graphql.scalars import Cursor
from doorstep.kernel.graphql.tails import LogTail, LogTails
from doorstep.kernel.metrics import EVENT_LAG_SECONDS
from doorstep.kernel.scope import EVERYTHING

T = TypeVar("T")
K = TypeVar("K")

HEARTBEAT_SECONDS = 15.0
STREAM_BATCH = 200
AWAY_SECONDS = 1.0
"""How long a stream waits before it asks a database again that was away."""


class LogItemKind(StrEnum):
    """What an item of a stream of the event log is."""

    NEWS = "NEWS"
    CAUGHT_UP = "CAUGHT_UP"
    HEARTBEAT = "HEARTBEAT"


@dataclass(frozen=True, slots=True)
class LogItem(Generic[T]):
    """An item of a stream of the event log; ``value`` is what a NEWS tells."""

    kind: LogItemKind
    cursor: Cursor
    head: Cursor
    value: T | None = None


Tell = Callable[[list[Row]], Awaitable[Sequence[tuple[Row, T]]]]
"""What a page of events comes to: values, each with the event after which it is told, in the order of the log."""


def where_to_begin(context: Context, after: str | None) -> tuple[LogPosition | None, bool]:
    """The position of the transport's cursor or else of the argument, and whether a stream begins now, because there is neither or both are void.

    Raises BadUserInput for what is no cursor of this log.
    """
    since = None if context.from_now else context.resume_after or after
    return (decode_cursor(context.tenant_id, since) if since is not None else None), since is None


async def stream_log(
    context: Context, position: LogPosition | None, from_now: bool, query: EventQuery, tell: Tell[T]
) -> AsyncGenerator[LogItem[T], None]:
    """Items from ``position`` on, for ever. Every event that the query lets through is told of, and the cursor also moves past all others.

    A heartbeat comes when nothing else was told for 15 s, however busy the rest of the log is.
    """
    tails = context.services.kept(LogTails, lambda: LogTails(context.services.db))
    async with tails.of(context.principal) as tail:
        reader = _LogReader(context, tail, None if from_now else position, from_now, query)
        async with aclosing(_told(context, reader, tell)) as items:
            async for item in items:
                yield item


async def _told(context: Context, reader: "_LogReader", tell: Tell[T]) -> AsyncGenerator[LogItem[T], None]:
    hub, tenant_id = context.services.hub, context.tenant_id
    said_at = time.monotonic()
    while not hub.closing:
        ticket = hub.ticket(tenant_id)
        context.rounds.begin()
        try:
            page = await reader.page()
            news = await tell(page.rows) if page.rows else ()
        except Unavailable:
            # The log is still there when the database is back: wait here, rather than have every subscriber come anew at once.
            await hub.wait(ticket, AWAY_SECONDS)
            continue
        head = Cursor(encode_cursor(tenant_id, page.head))
        for row, value in news:
            EVENT_LAG_SECONDS.observe(max(0.0, (datetime.now(UTC) - row["recorded_at"]).total_seconds()))
            cursor = encode_cursor(tenant_id, LogPosition(page.head.epoch, row["seq"], row["recorded_at"]))
            yield LogItem(LogItemKind.NEWS, Cursor(cursor), head, value)
            said_at = time.monotonic()
        reader.go_on_after(page)
        context.read_to = page.position
        kind = _sign_of_life(context, said_at, at_the_end=not page.has_more)
        if kind is not None:
            said_at = time.monotonic()
            yield LogItem(kind, Cursor(encode_cursor(tenant_id, page.position)), head)
        if not page.has_more:
            await context.rounds.rest(ticket, max(0.0, said_at + HEARTBEAT_SECONDS - time.monotonic()))


@dataclass(slots=True)
class _LogReader:
    """Reads the log page by page: from the tail that it shares, or from the database where the tail does not go back that far."""

    context: Context
    tail: LogTail
    position: LogPosition | None
    from_now: bool
    query: EventQuery

    async def page(self) -> EventPage:
        """The events after the position that the query lets through."""
        if self.position is not None or self.from_now:
            page = await self.tail.page(self.position, self.query, STREAM_BATCH)
            if page is not None:
                return page
        context = self.context
        async with context.services.db.snapshot(context.principal) as tx:
            page = await read_events(
                tx, context.tenant_id, self.position, self.query, 1 if self.from_now else STREAM_BATCH
            )
        if self.from_now or not page.has_more:
            self.tail.begin(page.head)
        return EventPage([], page.head, page.head, has_more=False) if self.from_now else page

    def go_on_after(self, page: EventPage) -> None:
        """The page is told."""
        self.position, self.from_now = page.position, False


def last_of_each(rows: Sequence[Row], about: Callable[[Row], K | None]) -> dict[K, Row]:
    """The last row about each object, in the order of the log; rows about none are left out."""
    last: dict[K, Row] = {}
    for row in rows:
        key = about(row)
        if key is not None:
            last.pop(key, None)
            last[key] = row
    return last


def _sign_of_life(context: Context, said_at: float, *, at_the_end: bool) -> LogItemKind | None:
    if at_the_end and not context.caught_up:
        context.caught_up = True
        return LogItemKind.CAUGHT_UP
    return LogItemKind.HEARTBEAT if time.monotonic() - said_at >= HEARTBEAT_SECONDS else None


@dataclass(frozen=True, slots=True)
class State(Generic[T]):
    """An object as it is now: told again when ``mark`` differs. After one that is ``last`` the stream ends.

    ``again`` is how many seconds later it is looked at again though nothing woke the stream, where that is sooner than for others.
    """

    mark: object
    show: Callable[[], T]
    last: bool = False
    again: float | None = None


async def stream_states(
    context: Context,
    read: Callable[[Transaction], Awaitable[dict[Any, State[T]]]],
    within: float,
    apart: float = 0.0,
    about: UUID | None = None,
) -> AsyncGenerator[T, None]:
    """The objects that ``read`` finds, by key: all at once, then each whenever it changed, at least ``apart`` seconds after it was told last.

    ``within`` is how long a change can stay unseen where nothing wakes the stream; with ``apart`` nothing does. ``about``: only what the log tells of
    this order wakes it, for streams of which there are thousands beside a log that is busy with other orders.
    """
    async with _news_of(context, about) as news, aclosing(_states(context, read, within, apart, news)) as states:
        async for state in states:
            yield state


async def _states(
    context: Context,
    read: Callable[[Transaction], Awaitable[dict[Any, State[T]]]],
    within: float,
    apart: float,
    news: "_OrderNews | None",
) -> AsyncGenerator[T, None]:
    hub, tenant_id, rounds = context.services.hub, context.tenant_id, context.rounds
    told: dict[Hashable, tuple[object, float]] = {}
    while not hub.closing:
        ticket = hub.ticket(tenant_id) if not apart else asyncio.Event()
        rounds.begin()
        try:
            async with context.services.db.snapshot(context.principal) as tx:
                states = await read(tx)
        except Unavailable:
            await hub.wait(ticket, AWAY_SECONDS)
            continue
        rounds.present = frozenset(states)
        told = {key: before for key, before in told.items() if key in states}
        waits = min([within, *(state.again for state in states.values() if state.again is not None)])
        for key, state in states.items():
            mark, at = told.get(key, (_NOTHING, 0.0))
            if mark == state.mark:
                continue
            now = time.monotonic()
            if mark is not _NOTHING and now < at + apart:
                waits = min(waits, at + apart - now)
                continue
            told[key] = (state.mark, now)
            context.item_key = key
            yield state.show()
            if state.last:
                return
        await (news.rest(ticket, waits) if news is not None else rounds.rest(ticket, waits))


_NOTHING = object()


class _OrderNews:
    """Lets a stream rest until the log tells of one order: in memory, by the tail that all streams of the tenant share."""

    def __init__(self, context: Context, tail: LogTail, order_id: UUID) -> None:
        self._context = context
        self._tail = tail
        self._query = EventQuery(order_ids=(order_id,))
        self._place: LogPosition | None = None

    async def rest(self, ticket: asyncio.Event, within: float) -> None:
        """As ``Rounds.rest``, but nothing wakes it that is about others."""
        hub, rounds, ends = self._context.services.hub, self._context.rounds, time.monotonic() + within
        while True:
            await rounds.rest(ticket, max(0.0, ends - time.monotonic()))
            if hub.closing or rounds.wanted or time.monotonic() >= ends:
                return
            ticket = hub.ticket(self._context.tenant_id)
            if await self.came():
                return

    async def came(self) -> bool:
        """Whether the log told of the order since this was asked last; also where that is not known."""
        try:
            page = await self._tail.page(self._place, self._query, STREAM_BATCH)
            while page is not None and page.has_more and not page.rows:
                page = await self._tail.page(page.position, self._query, STREAM_BATCH)
        except RequestError:
            page = None
        known, self._place = self._place is not None, page.position if page is not None else None
        return not known or page is None or bool(page.rows)


@asynccontextmanager
async def _news_of(context: Context, order_id: UUID | None) -> AsyncIterator[_OrderNews | None]:
    if order_id is None:
        yield None
        return
    # The whole tenant's tail, of which the stream learns nothing but that its own order is in it.
    tails = context.services.kept(LogTails, lambda: LogTails(context.services.db))
    async with tails.of(replace(context.principal, reach=EVERYTHING)) as tail:
        news = _OrderNews(context, tail, order_id)
        await news.came()  # from here on; what was before is in what is read first
        yield news
