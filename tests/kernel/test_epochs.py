"""The log's epoch: a restore begins a new one by itself, once, and running processes notice."""

import asyncio

import pytest
from tests.kernel.test_event_log import EVERYTHING, write

from doorstep.kernel import epochs
from doorstep.kernel.db import Database
from doorstep.kernel.epochs import EpochWatch, new_epoch, settle_epoch
from doorstep.kernel.errors import ResyncRequired
from doorstep.kernel.event_stream import EventHub, LogPosition, log_head, read_events
from doorstep.kernel.scope import Principal

RESTORED = (
    "UPDATE installation SET timeline = timeline - 1",
    "UPDATE installation SET system_identifier = system_identifier - 1",
    "UPDATE installation SET system_identifier = NULL, timeline = NULL",
)
"""What the row looks like to a server with another history, to another cluster, and after a revision that did not know yet."""


async def head(db: Database, principal: Principal) -> LogPosition:
    async with db.snapshot(principal.tenant_id) as tx:
        return await log_head(tx, principal.tenant_id)


async def pretend(system: Database, statement: str) -> None:
    async with system.transaction() as tx:
        await tx.execute(statement)


async def test_on_the_same_server_the_epoch_stays(db, system, alpha):
    before = (await head(db, alpha)).epoch
    assert [await settle_epoch(system) for _ in range(3)] == [before] * 3


@pytest.mark.parametrize("statement", RESTORED)
async def test_on_another_server_one_of_many_processes_begins_one_epoch(db, system, database_urls, alpha, statement):
    await write(db, alpha, "a")
    before = await head(db, alpha)
    await pretend(system, statement)
    others = [Database(database_urls.system, pool_size=1) for _ in range(8)]
    try:
        begun = await asyncio.gather(*(settle_epoch(each) for each in others))
    finally:
        for each in others:
            await each.close()
    assert len(set(begun)) == 1
    assert begun[0] != before.epoch
    assert await settle_epoch(system) == begun[0]
    async with db.snapshot(alpha.tenant_id) as tx:
        with pytest.raises(ResyncRequired):
            await read_events(tx, alpha.tenant_id, before, EVERYTHING, 10)


async def test_two_lives_after_the_same_moment_have_different_epochs(db, system, alpha):
    """Both begin at the same row, as when one backup is restored twice: counted up they would be the same."""
    [row] = await rows(system)
    lives = set()
    for _ in range(20):
        async with system.transaction() as tx:
            await tx.execute("UPDATE installation SET epoch = $1", row["epoch"])
            lives.add(await new_epoch(tx))
    assert len(lives) == 20
    assert row["epoch"] not in lives
    assert all(0 <= epoch < 2**31 for epoch in lives)


async def rows(system: Database) -> list:
    async with system.transaction() as tx:
        return await tx.fetch("SELECT epoch, timeline FROM installation")


async def test_a_running_process_notices_and_wakes_its_streams(db, system, alpha, monkeypatch):
    monkeypatch.setattr(epochs, "WATCH_SECONDS", 0.05)
    hub = EventHub(system)
    watch = EpochWatch(system, hub)
    await watch.start()
    try:
        ticket = hub.ticket(alpha.tenant_id)
        assert not await hub.wait(ticket, 0.3)
        async with system.transaction() as tx:
            await new_epoch(tx)
        assert await hub.wait(ticket, 10)
        ticket = hub.ticket(alpha.tenant_id)
        await pretend(system, RESTORED[0])
        assert await hub.wait(ticket, 10)
    finally:
        await watch.close()


async def test_where_the_server_does_not_tell_the_epoch_stays_and_the_operator_still_may_begin_one(system, monkeypatch):
    before = await settle_epoch(system)
    monkeypatch.setattr(epochs, "_SETTLE", epochs._SETTLE.replace("pg_control_system()", "pg_no_such_function()"))
    await pretend(system, RESTORED[0])
    assert await settle_epoch(system) == before
    async with system.transaction() as tx:
        begun = await new_epoch(tx)
    assert await settle_epoch(system) == begun != before
