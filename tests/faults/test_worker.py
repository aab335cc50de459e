"""A worker's own promises: what fails is given up whole, who stops hands over, one tenant's bad event is that tenant's alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.kernel.conftest import SomethingHappened, make_principal

from doorstep.kernel import jobs
from doorstep.kernel.consumers import Consumer
from doorstep.kernel.db import Database, Row
from doorstep.kernel.errors import Unavailable
from doorstep.kernel.event_stream import EventHub
from doorstep.kernel.graphql.context import Services
from doorstep.kernel.jobs import Job, JobKind
from doorstep.kernel.scope import Principal, Scope
from doorstep.worker import Worker

PATIENCE = 30.0
KIND = "drill"


@pytest.fixture
async def alpha(system: Database) -> Principal:
    return await make_principal(system, "alpha")


@asynccontextmanager
async def working(
    db: Database, system: Database, kind: JobKind | None = None, *consumers: Consumer
) -> AsyncIterator[Worker]:
    """A worker that knows one kind of job and some consumers; stopped without patience."""
    worker = Worker(Services(db, system, EventHub(system)), {KIND: kind} if kind else {}, consumers, slots=1)
    worker.start()
    try:
        yield worker
    finally:
        await worker.stop(0.1)


async def queued(db: Database, principal: Principal, attempts: int = 0) -> Any:
    """A due job's id."""
    async with db.write(principal) as scope:
        job_id = await jobs.enqueue(scope, KIND, {})
        await scope.tx.execute("UPDATE jobs SET attempts = $1", attempts)
    return job_id


async def state(system: Database, job_id: Any) -> Row:
    async with system.transaction() as tx:
        row = await tx.fetchrow("SELECT state, attempts, error, run_token FROM jobs WHERE id = $1", job_id)
    assert row is not None
    return row


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        for _ in range(int(PATIENCE / 0.05)):
            if await check():
                return
            await asyncio.sleep(0.05)


async def fails(_job: Job) -> None:
    raise Unavailable("What it needs is away.")


async def test_a_job_is_given_up_only_together_with_what_its_owner_is_told(
    db: Database, system: Database, alpha: Principal
) -> None:
    told: list[str] = []

    async def give_up(scope: Scope, _job: Job, reason: str) -> None:
        scope.emit(SomethingHappened(aggregate_version=1, note=reason))
        told.append(reason)
        if len(told) == 1:
            raise Unavailable("The process dies here, so to speak.")

    job_id = await queued(db, alpha, attempts=jobs.MAX_ATTEMPTS - 1)
    async with working(db, system, JobKind(fails, give_up)):
        await until(lambda: _is(system, job_id, "FAILED"))
    assert told == ["What it needs is away."] * 2
    async with system.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM events WHERE tenant_id = $1", alpha.tenant_id) == 1


async def test_an_error_of_ours_is_told_with_where_to_find_it(db: Database, system: Database, alpha: Principal) -> None:
    told: list[str] = []

    async def breaks(_job: Job) -> None:
        raise ZeroDivisionError

    async def give_up(_scope: Scope, _job: Job, reason: str) -> None:
        told.append(reason)

    job_id = await queued(db, alpha, attempts=jobs.MAX_ATTEMPTS - 1)
    async with working(db, system, JobKind(breaks, give_up)):
        await until(lambda: _is(system, job_id, "FAILED"))
    (reason,) = told
    assert str(job_id) in reason
    assert "Try again" in reason
    assert "ZeroDivisionError" not in reason


async def _is(system: Database, job_id: Any, wanted: str) -> bool:
    return bool((await state(system, job_id))["state"] == wanted)


async def test_a_worker_that_stops_hands_its_job_over(db: Database, system: Database, alpha: Principal) -> None:
    started = asyncio.Event()

    async def never_ends(_job: Job) -> None:
        started.set()
        await asyncio.Event().wait()

    async def give_up(_scope: Scope, _job: Job, _reason: str) -> None:
        raise AssertionError

    job_id = await queued(db, alpha)
    async with working(db, system, JobKind(never_ends, give_up)):
        await asyncio.wait_for(started.wait(), PATIENCE)
        assert (await state(system, job_id))["state"] == "RUNNING"
    row = await state(system, job_id)
    assert (row["state"], row["attempts"], row["run_token"]) == ("QUEUED", 0, None)


async def test_one_tenants_bad_event_stops_nobody_elses_reactions(
    db: Database, system: Database, alpha: Principal
) -> None:
    beta = await make_principal(system, "beta")
    seen: list[str] = []

    async def react(scope: Scope, event: Row) -> None:
        if scope.tenant_id == alpha.tenant_id:
            raise LookupError("an event that this consumer cannot take")
        seen.append(event["data"]["note"])

    for principal in (alpha, beta):
        async with db.write(principal) as scope:
            scope.emit(SomethingHappened(aggregate_version=1, note="it"))
    async with working(db, system, None, Consumer("drill", frozenset({SomethingHappened.TYPE}), react)):
        await until(lambda: _true(bool(seen)))
    assert seen == ["it"]
    async with system.transaction() as tx:
        place = await tx.fetchval("SELECT seq FROM consumers WHERE tenant_id = $1", alpha.tenant_id)
    assert place is None, "the bad event is not passed over"


async def _true(value: bool) -> bool:
    return value
