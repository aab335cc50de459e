"""The event log's months: made ahead, dropped past their age.

Every month is a partition, made three months ahead by the worker and by ``doorstep migrate``. Should one be missing all the same, its events go to
the default partition, where they are read as well, and move when it is made. What is older than the installation keeps goes by whole months, after
every reaction has seen it; a tenant's own, shorter retention cuts its log row by row (``event_stream.prune_events``).
"""

import asyncio
from collections.abc import Sequence

import structlog

from doorstep.kernel.db import Database
from doorstep.kernel.errors import TimedOut
from doorstep.kernel.periodic import Periodic

log = structlog.get_logger(__name__)

UPKEEP_SECONDS = 3600.0
STEP_SECONDS = 60.0
LOCK_TRIES = 5
LOCK_PAUSE_SECONDS = 3.0

MAKE = "SELECT doorstep_ensure_event_partitions(3)"

_DROP = "SELECT doorstep_drop_event_partition($1, $2)"

_REST = """
WITH seen AS (
  SELECT log.tenant_id, min(place.seq) AS seq
  FROM (SELECT DISTINCT tenant_id FROM events_default) AS log LEFT JOIN consumers AS place ON place.tenant_id = log.tenant_id
  WHERE NOT EXISTS (SELECT FROM unnest($2::text[]) AS reader(name) WHERE NOT EXISTS (
    SELECT FROM consumers AS place WHERE place.tenant_id = log.tenant_id AND place.name = reader.name))
  GROUP BY log.tenant_id
), gone AS (
  DELETE FROM events_default AS event USING seen
  WHERE event.tenant_id = seen.tenant_id AND event.seq <= coalesce(seen.seq, event.seq)
    AND date_trunc('month', event.recorded_at) + interval '1 month' <= now() - make_interval(days => $1)
  RETURNING event.tenant_id, event.seq
), last AS (SELECT tenant_id, max(seq) AS seq FROM gone GROUP BY tenant_id)
UPDATE event_heads AS head SET pruned_seq = greatest(head.pruned_seq, last.seq) FROM last WHERE head.tenant_id = last.tenant_id
"""
"""What was kept for reactions that had not seen it goes as soon as they have."""


async def make_partitions(system: Database) -> int:
    """Make the months that are missing, up to three ahead; returns how many."""
    async with system.transaction(statement_seconds=STEP_SECONDS) as tx:
        return int(await tx.fetchval(MAKE))


async def drop_old_events(system: Database, keep_days: int, readers: Sequence[str]) -> list[str]:
    """Drop the months that ended more than ``keep_days`` ago (at least 7); returns the partitions that went.

    What a durable consumer has not seen yet stays: of whoever has a place in ``consumers``, and of ``readers``, who read every tenant's log, also where
    they have none yet. Cursors from before are RESYNC_REQUIRED from then on.
    """
    dropped: list[str] = []
    while True:
        async with system.transaction(statement_seconds=STEP_SECONDS) as tx:
            name = await tx.fetchval(_DROP, keep_days, list(readers))
            if name is None:
                await tx.execute(_REST, keep_days, list(readers))
                return dropped
        log.info("events_dropped", partition=name)
        dropped.append(name)


def partition_upkeep(keep_days: int, readers: Sequence[str]) -> Periodic:
    """Both, again and again. Dropping takes a lock that every writer needs, for a moment: where it cannot be had within 2 s, it is tried again."""

    async def run(_db: Database, system: Database) -> None:
        for attempt in range(LOCK_TRIES):
            try:
                await make_partitions(system)
                await drop_old_events(system, keep_days, readers)
                return
            except TimedOut:
                log.warning("events_busy", attempt=attempt)
                await asyncio.sleep(LOCK_PAUSE_SECONDS)

    return Periodic("kernel.event_partitions", UPKEEP_SECONDS, run)
