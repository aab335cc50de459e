"""The end of a tenant's log in memory, read once for all streams that wait for more: they differ in their filters alone.

Without it a thousand different subscriptions would ask the database a thousand times about every event. What a stream is told is the same either
way; one whose cursor lies further back than the tail reads the database by itself until it is there.
"""

from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from doorstep.kernel.coalescing import Coalesced
from doorstep.kernel.db import Database, Row
from doorstep.kernel.errors import RequestError, Unavailable
from doorstep.kernel.event_stream import EventPage, EventQuery, LogPosition, read_events
from doorstep.kernel.scope import Principal

MOST_ROWS = 1_000
READ_ROWS = 200


class LogTail:
    """The last events of a log within one reach, without a gap between ``start`` and ``end``."""

    def __init__(self, db: Database, principal: Principal) -> None:
        self.users = 0
        self._db = db
        self._principal = principal
        self._rows: deque[Row] = deque()
        self._start: LogPosition | None = None
        self._end: LogPosition | None = None
        self._head: LogPosition | None = None
        self._reading = Coalesced(self._read)

    async def page(self, after: LogPosition | None, query: EventQuery, limit: int) -> EventPage | None:
        """What the query lets through after the position (None: after now), up to date as of this call; None where the tail begins later.

        Raises what ``read_events`` raises.
        """
        if after is not None and (self._start is None or not self._holds(after)):
            return None
        await self._reading.get()
        if self._end is None or self._head is None:
            return None
        if after is None:
            return EventPage([], self._head, self._head, has_more=False)
        if not self._holds(after) or after.seq > self._end.seq:
            return None
        found = [row for row in self._after(after.seq) if _lets_through(query, row)]
        if len(found) > limit:
            last = found[limit - 1]
            place = LogPosition(self._end.epoch, last["seq"], last["recorded_at"])
            return EventPage(found[:limit], place, self._head, has_more=True)
        return EventPage(found, self._end, self._head, has_more=self._end.seq < self._head.seq)

    def _holds(self, place: LogPosition) -> bool:
        return self._start is not None and place.epoch == self._start.epoch and place.seq >= self._start.seq

    def _after(self, seq: int) -> list[Row]:
        found = []
        for row in reversed(self._rows):
            if row["seq"] <= seq:
                break
            found.append(row)
        return found[::-1]

    def begin(self, place: LogPosition) -> None:
        """The end of the log is there, as somebody has just read: where the tail has not begun, it does now."""
        if self._start is None:
            self._start = self._end = self._head = place

    async def _read(self) -> None:
        limit = READ_ROWS if self._end is not None else 1
        try:
            async with self._db.snapshot(self._principal) as tx:
                page = await read_events(tx, self._principal.tenant_id, self._end, EventQuery(), limit)
        except Unavailable:
            raise
        except RequestError:
            self._start = self._end = None  # a new epoch: those who wait are told so, and who comes now begins anew
            self._rows.clear()
            raise
        if self._end is None:
            self.begin(page.head)
            return
        self._rows.extend(page.rows)
        self._end, self._head = page.position, page.head
        while len(self._rows) > MOST_ROWS:
            row = self._rows.popleft()
            self._start = LogPosition(page.head.epoch, row["seq"], row["recorded_at"])


def _lets_through(query: EventQuery, row: Row) -> bool:
    return (
        (not query.types or row["type"] in query.types)
        and (not query.order_ids or row["order_id"] in query.order_ids)
        and (not query.plan_ids or row["plan_id"] in query.plan_ids)
        and (not query.route_ids or row["route_id"] in query.route_ids)
    )


class LogTails:
    """The tails of a process; each lives as long as a stream uses it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._open: dict[Hashable, LogTail] = {}

    @asynccontextmanager
    async def of(self, principal: Principal) -> AsyncIterator[LogTail]:
        """The tail of the principal's tenant within its reach."""
        key = (principal.tenant_id, principal.reach)
        tail = self._open.setdefault(key, LogTail(self._db, principal))
        tail.users += 1
        try:
            yield tail
        finally:
            tail.users -= 1
            if not tail.users:
                del self._open[key]
