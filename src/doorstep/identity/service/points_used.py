"""The points that tenants' operations came to, added to their day now and then: counting each at once would lock the day's row for every read."""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from doorstep.kernel.db import Database
from doorstep.kernel.errors import RequestError

log = structlog.get_logger(__name__)

EVERY_SECONDS = 10.0

_WRITE = """
INSERT INTO usage_days AS today (tenant_id, day, points)
SELECT new.tenant_id, new.day, new.points FROM unnest($1::uuid[], $2::date[], $3::bigint[]) AS new (tenant_id, day, points)
JOIN tenants AS tenant ON tenant.id = new.tenant_id AND tenant.status <> 'CLOSING' ORDER BY tenant.id FOR SHARE OF tenant
ON CONFLICT (tenant_id, day) DO UPDATE SET points = today.points + excluded.points
"""
"""Not for a tenant that is being erased, which the lock makes certain. In order of ids, so that two processes wait for each other and never in a circle."""


class PointsUsed:
    """What was spent since the last time it was written. Whatever goes wrong, points are forgotten rather than counted twice: a killed process
    forgets those of its last ten seconds.
    """

    def __init__(self, system: Database) -> None:
        self._system = system
        self._spent: Counter[UUID] = Counter()
        self._closing = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    def note(self, tenant_id: UUID, points: int) -> None:
        """Count points of a tenant's operation; they are in its day within ten seconds."""
        self._spent[tenant_id] += points
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_later())

    async def close(self) -> None:
        """Write what is left and stop."""
        self._closing.set()
        if self._writing is not None:
            await self._writing

    async def write(self) -> None:
        """Add what was noted to the tenants' days; keeps it for the next time when the database could not be asked."""
        spent, self._spent = self._spent, Counter()
        asked = False
        try:
            async with self._system.transaction() as tx:
                zones = await tx.fetch(
                    "SELECT id, time_zone FROM tenants WHERE id = ANY($1::uuid[]) ORDER BY id", list(spent)
                )
                days = [datetime.now(ZoneInfo(row["time_zone"])).date() for row in zones]
                await tx.execute(_WRITE, [row["id"] for row in zones], days, [spent[row["id"]] for row in zones])
                asked = True
        except RequestError:
            if not asked:  # a commit whose answer was lost may have been carried out
                self._spent.update(spent)
            log.warning("points_not_written", tenants=len(spent))

    async def _write_later(self) -> None:
        while self._spent:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), EVERY_SECONDS)
            await self.write()
            if self._closing.is_set():
                return
