"""Connections that wait between two short reads, statements after a failed one, and what an operation leaves behind."""

import asyncio
from uuid import uuid4

import pytest

from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.errors import TimedOut
from doorstep.kernel.event_stream import EventHub
from doorstep.kernel.graphql.batches import OperationEnded
from doorstep.kernel.graphql.context import Context, Services
from doorstep.kernel.scope import ALL_PERMISSIONS, SYSTEM_ACTOR, Principal


@pytest.fixture
async def single(database_urls: DatabaseUrls):
    """A pool of one connection."""
    database = Database(database_urls.app, pool_size=1)
    yield database
    await database.close()


async def test_the_same_connection_serves_the_next_read_and_carries_no_tenant_over(single: Database):
    tenant = uuid4()
    async with single.snapshot(tenant) as tx:
        first = await tx.fetchval("SELECT pg_backend_pid()")
        assert await tx.fetchval("SELECT current_setting('app.tenant_id', true)") == str(tenant)
    assert single.pool_in_use == 0
    async with single.transaction() as tx:
        assert await tx.fetchval("SELECT pg_backend_pid()") == first
        assert not await tx.fetchval("SELECT current_setting('app.tenant_id', true)")
        assert single.pool_in_use == 1


async def test_whoever_waits_for_a_connection_gets_the_one_that_comes_free(single: Database):
    async def read() -> int:
        async with single.snapshot(uuid4()) as tx:
            return int(await tx.fetchval("SELECT 1 FROM pg_sleep(0.01)"))

    async def write() -> None:
        async with single.transaction(uuid4()) as tx:
            await tx.session.connection()

    async with asyncio.timeout(4):
        await asyncio.gather(*(read() for _ in range(8)), *(write() for _ in range(4)))
    assert single.pool_in_use == 0


async def test_statements_after_a_failed_one_fail_for_the_same_reason(db: Database):
    async with db.snapshot(uuid4(), statement_seconds=0.05) as tx:
        with pytest.raises(TimedOut):
            await tx.fetchval("SELECT 1 FROM pg_sleep(1)")
        with pytest.raises(TimedOut):
            await tx.fetchval("SELECT 1")


async def test_what_an_operation_leaves_behind_opens_no_snapshot(db: Database, system: Database):
    principal = Principal(uuid4(), SYSTEM_ACTOR, ALL_PERMISSIONS)
    context = Context(Services(db, system, EventHub(system)), principal, "request", None)
    reading = asyncio.Event()

    async def slow(context: Context, keys: list[int]) -> list[int]:
        tx = await context.reads()
        reading.set()
        await tx.fetchval("SELECT 1 FROM pg_sleep(3)")
        return keys

    waiting = asyncio.create_task(context.load(slow, 1))  # type: ignore[arg-type]
    await reading.wait()
    async with asyncio.timeout(2):
        await context.close()
    with pytest.raises(OperationEnded):
        await waiting
    with pytest.raises(OperationEnded):
        await context.load(slow, 2)
    assert db.pool_in_use == 0
