"""The log's epoch: which life of the database a cursor belongs to.

After a restore the log goes on from an earlier moment, and gives numbers again that cursors out there already hold. So each life has an epoch of
its own, and cursors of another one are RESYNC_REQUIRED. PostgreSQL's system identifier (another cluster) or timeline (another history of the same
one: a restored base backup, a promoted standby) tells that a new life has begun; a snapshot of the disk changes neither, so there the operator
says it: ``doorstep events new-epoch``.

An epoch is a random number. Counted up from the restored row, two restores of one backup would share it, and cursors of the first life would be
taken for those of the second.
"""

import asyncio
from contextlib import suppress

import asyncpg
import structlog

from doorstep.kernel.db import Database, Transaction
from doorstep.kernel.errors import RequestError
from doorstep.kernel.event_stream import EventHub

log = structlog.get_logger(__name__)

WATCH_SECONDS = 2.0

_SERVER = """
SELECT control.system_identifier, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer AS timeline
FROM pg_control_system() AS control
"""

_ANOTHER = "((epoch::bigint + 1 + floor(random() * 2147483646)::bigint) % 2147483647)::integer"
"""Any epoch but the present one."""

_SETTLE = f"""
UPDATE installation SET epoch = {_ANOTHER}, epoch_at = now(), system_identifier = server.system_identifier, timeline = server.timeline
FROM ({_SERVER}) AS server
WHERE (installation.system_identifier, installation.timeline) IS DISTINCT FROM (server.system_identifier, server.timeline)
RETURNING installation.epoch
"""
"""Of several processes one wins: the others wait for its row and then find no difference."""


async def new_epoch(tx: Transaction) -> int:
    """Begin a new epoch in any case: from the commit on every cursor given before is RESYNC_REQUIRED. Only the system may."""
    return int(await tx.fetchval(f"UPDATE installation SET epoch = {_ANOTHER}, epoch_at = now() RETURNING epoch"))


_NOT_TOLD = (
    asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError, asyncpg.UndefinedFunctionError, asyncpg.ObjectNotInPrerequisiteStateError,
)  # fmt: skip
"""What a server raises that keeps this to itself, or that is still recovering."""


async def settle_epoch(system: Database, *, quiet: bool = False) -> int:
    """The present epoch; a new one has begun when the server is another, or has another history, than as the last one began.

    A server that does not tell is said in the log, unless ``quiet``; there ``doorstep events new-epoch`` is needed after any restore.
    """
    try:
        async with system.transaction() as tx:
            begun = await tx.fetchval(_SETTLE)
            if begun is not None:
                log.info("epoch_begun", reason="the database was restored, or a standby was promoted", epoch=begun)
    except _NOT_TOLD:
        if not quiet:
            log.warning("epoch_not_watched", reason="this PostgreSQL does not tell its identifier and timeline")
    async with system.transaction() as tx:
        return int(await tx.fetchval("SELECT epoch FROM installation"))


class EpochWatch:
    """One per process: settles the epoch at the start and while it runs; on a new one streams wake up, and end with RESYNC_REQUIRED."""

    def __init__(self, system: Database, hub: EventHub) -> None:
        self._system = system
        self._hub = hub
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Settle the epoch, before anybody is given a cursor; then keep watching."""
        self._task = asyncio.create_task(self._watch(await settle_epoch(self._system)))

    async def close(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self, known: int) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                epoch = await settle_epoch(self._system, quiet=True)
            except RequestError:
                continue  # the database is away
            except Exception as error:
                log.error("epoch_watch_failed", exc_info=error)
                continue
            if epoch != known:
                known = epoch
                self._hub.wake_all()
