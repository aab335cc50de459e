"""The worker: claims jobs, applies reactions, does what is due now and then."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import structlog

from doorstep.identity.service import system_principal
from doorstep.identity.service.measuring import measure_storage
from doorstep.kernel import jobs
from doorstep.kernel.consumers import Consumer, react_once, tenants_behind
from doorstep.kernel.db import Row
from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import RequestError, Unavailable
from doorstep.kernel.graphql.context import Services
from doorstep.kernel.idempotency import KEY_HOURS
from doorstep.kernel.ids import new_id
from doorstep.kernel.jobs import Job, JobKind, LostLease
from doorstep.kernel.metrics import JOB_AGE_SECONDS, JOBS, SOLVER_QUEUE
from doorstep.kernel.periodic import Periodic
from doorstep.planning.service.plans import OPTIMIZE
from doorstep.privacy.jobs import retain_once

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.2
HEARTBEAT_SECONDS = 5.0
REACTION_PAUSE_SECONDS = 5.0
UPKEEP_SECONDS = 3600.0
RETENTION_STEP_SECONDS = 0.2
INTERNAL_ERROR = "It failed with an internal error. Try again; should it fail again, whoever runs Doorstep finds why in the log, at job {job}."


class Worker:
    """Runs until it is stopped; ``slots`` jobs at a time."""

    def __init__(
        self,
        services: Services,
        kinds: Mapping[str, JobKind],
        consumers: Sequence[Consumer],
        *,
        periodics: Sequence[Periodic] = (),
        slots: int = 4,
    ) -> None:
        self._services = services
        self._kinds = kinds
        self._consumers = consumers
        self._periodics = periodics
        self._slots = slots
        self._stopping = asyncio.Event()
        self._asking = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._reacts_again: dict[tuple[str, UUID], float] = {}
        self._waits = False
        self._id = new_id()

    def start(self) -> None:
        """Begin to work."""
        loops = [self._claim_jobs] * self._slots + [self._heartbeat, self._react, self._upkeep, self._retain]
        loops += [partial(self._repeat, periodic) for periodic in self._periodics]
        self._tasks = [asyncio.create_task(self._guarded(loop)) for loop in loops]

    async def stop(self, drain_seconds: float) -> None:
        """Claim nothing more, let what runs finish within the time, then give it back."""
        self._stopping.set()
        ends = [asyncio.create_task(one.stop()) for one in self._periodics if one.stop is not None]
        tasks = [*self._tasks, *ends]
        _, late = await asyncio.wait(tasks, timeout=drain_seconds) if tasks else (set(), set())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        with contextlib.suppress(RequestError, TimeoutError):
            async with asyncio.timeout(1), self._services.system.transaction() as tx:
                await tx.execute("DELETE FROM access_tokens WHERE expires_at < now() - interval '30 days'")
                await tx.execute("DELETE FROM workers WHERE id = $1", self._id)

    async def _guarded(self, loop: Callable[[], Awaitable[None]]) -> None:
        """Run a loop again after a failure: a worker outlives a database that is away."""
        while not self._stopping.is_set():
            try:
                await loop()
            except RequestError as error:
                if not self._waits:
                    log.warning("worker_waits", reason=error.code)
                self._waits = True
            except Exception as error:
                log.error("worker_failed", exc_info=error)
            await self._pause(1.0)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _claim_jobs(self) -> None:
        while not self._stopping.is_set():
            row = await self._next_job()
            if row is not None:
                await self._run(row)

    async def _next_job(self) -> Row | None:
        """A job of ours; idle slots ask in turn, so that they cost the database no more than one does."""
        async with self._asking:
            if self._stopping.is_set():
                return None
            row = await jobs.claim(self._services.system)
            if row is None:
                await self._pause(IDLE_SECONDS)
            return row

    async def _run(self, row: Row) -> None:
        principal = await system_principal(self._services.system, row["tenant_id"])
        job = Job(
            row["id"], row["tenant_id"], row["kind"], row["input"], row["attempts"], row["run_token"],
            principal, self._services.db, self._services.system, self._services,
        )  # fmt: skip
        kind = self._kinds[job.kind]
        if job.attempts > jobs.MAX_ATTEMPTS:
            await self._fail(job, kind, "Its worker died more than once while it ran.")
            return
        work = asyncio.create_task(kind.run(job))
        lease = asyncio.create_task(self._keep_lease(row, work))
        try:
            await work
        except asyncio.CancelledError:
            if not self._stopping.is_set():
                return
            with contextlib.suppress(RequestError):
                await jobs.hand_over(self._services.system, row)
            raise
        except LostLease:
            log.info("job_lost", kind=job.kind)
        except RequestError as error:
            await self._fail(job, kind, error.message)
        except Exception as error:
            log.error("job_failed", kind=job.kind, job=str(job.id), exc_info=error)
            await self._fail(job, kind, INTERNAL_ERROR.format(job=job.id))
        finally:
            lease.cancel()

    async def _keep_lease(self, row: Row, work: asyncio.Task[None]) -> None:
        while True:
            await asyncio.sleep(jobs.LEASE_SECONDS / 6)
            with contextlib.suppress(RequestError):
                if not await jobs.renew(self._services.system, row):
                    work.cancel()
                    return

    async def _fail(self, job: Job, kind: JobKind, reason: str) -> None:
        """Settle a failed run, also when what failed it was the database: as soon as that is back, or else when the lease has ended."""
        ends = time.monotonic() + jobs.LEASE_SECONDS
        while True:
            try:
                await self._settle(job, kind, reason)
            except Unavailable:
                if self._stopping.is_set() or time.monotonic() > ends:
                    raise
                await self._pause(1.0)
            else:
                return

    async def _settle(self, job: Job, kind: JobKind, reason: str) -> None:
        if job.attempts < jobs.MAX_ATTEMPTS:
            await jobs.put_back(self._services.system, job, reason)
            return
        with contextlib.suppress(LostLease):
            async with self._services.db.write(job.principal) as scope:
                # The owner first, since owners are locked before jobs; one commit, or a crash in between would leave the owner waiting.
                await kind.give_up(scope, job, reason)
                await jobs.mark_failed(scope, job, reason)

    async def _react(self) -> None:
        while not self._stopping.is_set():
            for consumer in self._consumers:
                for tenant_id in await tenants_behind(self._services.system, consumer):
                    if self._reacts_again.get((consumer.name, tenant_id), 0.0) <= time.monotonic():
                        await self._react_for(consumer, tenant_id)
            await self._pause(IDLE_SECONDS)

    async def _react_for(self, consumer: Consumer, tenant_id: UUID) -> None:
        """One tenant's events. What cannot be applied stops that tenant's reactions, is logged and tried again; the others go on."""
        try:
            principal = await system_principal(self._services.system, tenant_id)
            with contextlib.suppress(ChangedMeanwhile):
                while await react_once(self._services.db, principal, consumer):
                    pass
        except RequestError:
            raise
        except Exception as error:
            log.error("reaction_failed", consumer=consumer.name, tenant=str(tenant_id), exc_info=error)
            self._reacts_again[consumer.name, tenant_id] = time.monotonic() + REACTION_PAUSE_SECONDS

    async def _repeat(self, periodic: Periodic) -> None:
        while not self._stopping.is_set():
            await periodic.run(self._services.db, self._services.system)
            await self._pause(periodic.seconds)

    async def _heartbeat(self) -> None:
        while not self._stopping.is_set():
            async with self._services.system.transaction() as tx:
                now = datetime.now(UTC)
                await tx.execute(
                    "INSERT INTO workers (id, started_at, seen_at) VALUES ($1, $2, now()) ON CONFLICT (id) DO UPDATE SET seen_at = now()",
                    self._id, now,
                )  # fmt: skip
                rows = await tx.fetch(
                    "SELECT state, count(*) AS count, count(*) FILTER (WHERE kind = $1) AS plans FROM jobs "
                    "WHERE state IN ('QUEUED', 'RUNNING') GROUP BY state",
                    OPTIMIZE,
                )
                age = await tx.fetchval(
                    "SELECT coalesce(extract(epoch FROM now() - min(run_after)), 0) FROM jobs WHERE state = 'QUEUED' AND run_after <= now()"
                )
            by_state = {row["state"]: row for row in rows}
            for state in ("QUEUED", "RUNNING"):
                JOBS.labels(state=state).set(by_state[state]["count"] if state in by_state else 0)
            SOLVER_QUEUE.set(by_state["QUEUED"]["plans"] if "QUEUED" in by_state else 0)
            JOB_AGE_SECONDS.set(float(age))
            await self._pause(HEARTBEAT_SECONDS)

    async def _upkeep(self) -> None:
        while not self._stopping.is_set():
            async with self._services.system.transaction(statement_seconds=60) as tx:
                await tx.execute(
                    "DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(hours => $1)", KEY_HOURS
                )
                await tx.execute("DELETE FROM access_tokens WHERE expires_at < now() - interval '30 days'")
                await tx.execute("DELETE FROM workers WHERE seen_at < now() - interval '1 day'")
                await tx.execute("DELETE FROM jobs WHERE finished_at < now() - interval '7 days'")
            await measure_storage(self._services.system)
            await self._pause(UPKEEP_SECONDS)

    async def _retain(self) -> None:
        """What tenants no longer keep, in small steps, so that a worker that stops loses nothing and no tenant waits for another."""
        while not self._stopping.is_set():
            more = await retain_once(self._services.db, self._services.system)
            await self._pause(RETENTION_STEP_SECONDS if more else UPKEEP_SECONDS)
