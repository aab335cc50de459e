"""Background work: rows of ``jobs``, claimed fairly, leased, fenced.

A job is enqueued in the transaction of whatever asks for it. A worker claims the fairest due row (the tenant with the fewest running jobs,
then the oldest) with FOR UPDATE SKIP LOCKED, counting the attempt at the claim, so that a job that kills its worker is given up in the end.
The claim hands out a run token; progress and result are written only while the row still has that token, so that a worker that slept through
its lease can change nothing.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from doorstep.kernel.db import Database, Row, Transaction
from doorstep.kernel.errors import Unavailable
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import SYSTEM_ACTOR, Principal, Scope
from doorstep.kernel.tables import INSTANT, TenantTable, one_of

LEASE_SECONDS = 30
"""A worker that has not renewed its lease for so long is taken for dead."""

MAX_ATTEMPTS = 3
STATES = ("QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED")


class JobRow(TenantTable, table=True):
    """One piece of background work."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="jobs_state"),
        Index("jobs_due", "run_after", postgresql_where=text("state IN ('QUEUED', 'RUNNING')")),
    )

    kind: str
    state: str = "QUEUED"
    input: dict[str, Any] = Field(sa_type=JSONB)
    progress: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    result: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    error: str | None = None
    attempts: int = 0
    run_token: UUID | None = None
    run_after: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    lease_until: datetime | None = Field(default=None, sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    finished_at: datetime | None = Field(default=None, sa_type=INSTANT)


class WorkerRow(SQLModel, table=True):
    """A worker's heartbeat, for readiness checks."""

    __tablename__ = "workers"

    id: UUID = Field(primary_key=True)
    started_at: datetime = Field(sa_type=INSTANT, nullable=False)
    seen_at: datetime = Field(sa_type=INSTANT, nullable=False)


class LostLease(Exception):
    """The job was taken from this worker (or cancelled): stop, write nothing."""


@dataclass(slots=True)
class Job:
    """A claimed job, as its handler sees it."""

    id: UUID
    tenant_id: UUID
    kind: str
    input: dict[str, Any]
    attempts: int
    run_token: UUID
    principal: Principal
    db: Database
    system: Database
    services: Any

    async def report(self, progress: dict[str, Any]) -> None:
        """Publish progress and renew the lease; raises LostLease when the job is no longer ours.

        A database that is away for the moment costs the progress, not the work: the fence decides in the end whether the result counts.
        """
        try:
            async with self.system.transaction() as tx:
                done = await tx.fetchval(_REPORT, self.tenant_id, self.id, self.run_token, progress, LEASE_SECONDS)
        except Unavailable:
            return
        if done is None:
            raise LostLease(self.kind)
        if self.db.on_commit is not None:
            self.db.on_commit(self.tenant_id)

    async def fence(self, scope: Scope) -> None:
        """Lock the job's row in ``scope``'s transaction and make sure that it is still ours; the first statement of a step that writes."""
        row = await scope.tx.fetchrow(
            "SELECT 1 FROM jobs WHERE tenant_id = $1 AND id = $2 AND run_token = $3 AND state = 'RUNNING' FOR UPDATE",
            self.tenant_id,
            self.id,
            self.run_token,
        )
        if row is None:
            raise LostLease(self.kind)

    async def finish(self, scope: Scope, result: dict[str, Any]) -> None:
        """Mark the job done in ``scope``'s transaction, in one commit with its effect."""
        await scope.tx.execute(
            "UPDATE jobs SET state = 'SUCCEEDED', result = $3, finished_at = now(), lease_until = NULL "
            "WHERE tenant_id = $1 AND id = $2",
            self.tenant_id,
            self.id,
            result,
        )

    async def put_off(self, scope: Scope, seconds: float) -> None:
        """Hand the job back in ``scope``'s transaction, to be run again after so many seconds; the run does not count. The caller has fenced it."""
        await scope.tx.execute(
            "UPDATE jobs SET state = 'QUEUED', attempts = 0, run_token = NULL, lease_until = NULL, "
            "run_after = now() + make_interval(secs => $3) WHERE tenant_id = $1 AND id = $2",
            self.tenant_id,
            self.id,
            seconds,
        )


Handler = Callable[[Job], Coroutine[Any, Any, None]]
GiveUp = Callable[[Scope, Job, str], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class JobKind:
    """What runs a kind of job, and what tells its owner, in the transaction that gives it up, that it was given up."""

    run: Handler
    give_up: GiveUp


async def enqueue(scope: Scope, kind: str, job_input: dict[str, Any], *, after_seconds: float = 0.0) -> UUID:
    """Ask for background work in the caller's transaction, due after so many seconds; returns the job's id."""
    job_id = new_id()
    await scope.tx.execute(
        "INSERT INTO jobs (tenant_id, id, kind, state, input, attempts, run_after) "
        "VALUES ($1, $2, $3, 'QUEUED', $4, 0, now() + make_interval(secs => $5))",
        scope.tenant_id,
        job_id,
        kind,
        job_input,
        after_seconds,
    )
    return job_id


async def cancel(scope: Scope, job_id: UUID) -> None:
    """Cancel in the caller's transaction; a running worker notices at its next report."""
    await scope.tx.execute(
        "UPDATE jobs SET state = 'CANCELLED', finished_at = now() "
        "WHERE tenant_id = $1 AND id = $2 AND state IN ('QUEUED', 'RUNNING')",
        scope.tenant_id,
        job_id,
    )


async def wake(scope: Scope, kind: str) -> None:
    """Let the tenant's jobs of a kind that were put off run at once, in the caller's transaction."""
    await scope.tx.execute(
        "UPDATE jobs SET run_after = now() WHERE tenant_id = $1 AND kind = $2 AND state = 'QUEUED' AND run_after > now()",
        scope.tenant_id,
        kind,
    )


_REPORT = """
UPDATE jobs SET progress = $4, lease_until = now() + make_interval(secs => $5)
WHERE tenant_id = $1 AND id = $2 AND run_token = $3 AND state = 'RUNNING' RETURNING 1
"""

_CLAIM = """
WITH running AS (
  SELECT tenant_id, count(*) AS running FROM jobs WHERE state = 'RUNNING' AND lease_until > now() GROUP BY tenant_id
), due AS (
  SELECT job.tenant_id, job.id FROM jobs AS job JOIN tenants AS tenant ON tenant.id = job.tenant_id AND tenant.status = 'ACTIVE'
  LEFT JOIN running ON running.tenant_id = job.tenant_id
  WHERE (job.state = 'QUEUED' AND job.run_after <= now()) OR (job.state = 'RUNNING' AND job.lease_until <= now())
  ORDER BY coalesce(running.running, 0), job.run_after, job.id
  LIMIT 1 FOR UPDATE OF job SKIP LOCKED
)
UPDATE jobs SET state = 'RUNNING', run_token = $1, attempts = attempts + 1, lease_until = now() + make_interval(secs => $2)
FROM due WHERE jobs.tenant_id = due.tenant_id AND jobs.id = due.id
RETURNING jobs.tenant_id, jobs.id, jobs.kind, jobs.input, jobs.attempts, jobs.run_token
"""


async def claim(system: Database) -> Row | None:
    """Take the fairest due job of the tenants that are not suspended, or None when there is none."""
    async with system.transaction() as tx:
        row: Row | None = await tx.fetchrow(_CLAIM, new_id(), LEASE_SECONDS)
        return row


async def renew(system: Database, row: Row) -> bool:
    """Prolong a lease; False when the job is no longer ours, or its tenant is suspended."""
    async with system.transaction() as tx:
        return (
            await tx.fetchval(
                "UPDATE jobs SET lease_until = now() + make_interval(secs => $4) "
                "WHERE tenant_id = $1 AND id = $2 AND run_token = $3 AND state = 'RUNNING' "
                "AND EXISTS (SELECT 1 FROM tenants WHERE tenants.id = $1 AND tenants.status = 'ACTIVE') RETURNING 1",
                row["tenant_id"], row["id"], row["run_token"], LEASE_SECONDS,
            )
        ) is not None  # fmt: skip


async def put_back(system: Database, job: Job, reason: str) -> None:
    """After a failed run: queue the job again, after a growing pause."""
    async with system.transaction() as tx:
        await tx.execute(
            "UPDATE jobs SET state = 'QUEUED', error = $4, run_token = NULL, lease_until = NULL, run_after = now() + make_interval(secs => $5) "
            "WHERE tenant_id = $1 AND id = $2 AND run_token = $3 AND state = 'RUNNING'",
            job.tenant_id, job.id, job.run_token, reason, float(2**job.attempts),
        )  # fmt: skip


async def put_all_back(tx: Transaction, tenant_id: UUID) -> None:
    """Take a tenant's running jobs from their workers, who notice at their next report or renewal; the runs do not count."""
    await tx.execute(
        "UPDATE jobs SET state = 'QUEUED', attempts = attempts - 1, run_token = NULL, lease_until = NULL, run_after = now() "
        "WHERE tenant_id = $1 AND state = 'RUNNING'",
        tenant_id,
    )


async def hand_over(system: Database, row: Row) -> None:
    """A worker that stops gives a claimed job to the others at once; the run does not count."""
    async with system.transaction() as tx:
        await tx.execute(
            "UPDATE jobs SET state = 'QUEUED', attempts = attempts - 1, run_token = NULL, lease_until = NULL, run_after = now() "
            "WHERE tenant_id = $1 AND id = $2 AND run_token = $3 AND state = 'RUNNING'",
            row["tenant_id"], row["id"], row["run_token"],
        )  # fmt: skip


async def mark_failed(scope: Scope, job: Job, reason: str) -> None:
    """Give the job up in ``scope``'s transaction, in one commit with what its owner is told; raises LostLease when it is not ours."""
    done = await scope.tx.fetchval(
        "UPDATE jobs SET state = 'FAILED', error = $4, run_token = NULL, lease_until = NULL, finished_at = now() "
        "WHERE tenant_id = $1 AND id = $2 AND run_token = $3 AND state = 'RUNNING' RETURNING 1",
        job.tenant_id, job.id, job.run_token, reason,
    )  # fmt: skip
    if done is None:
        raise LostLease(job.kind)


def system_principal(principal: Principal) -> Principal:
    """The same tenant, acted for by Doorstep itself."""
    return Principal(
        principal.tenant_id,
        SYSTEM_ACTOR,
        principal.permissions,
        principal.clock,
        principal.time_zone,
        principal.country,
    )
