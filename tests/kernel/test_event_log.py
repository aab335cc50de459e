"""The log's promise: whoever reads on from a cursor misses nothing and sees nothing twice, whatever writes at the same time."""

import asyncio
import random

import pytest
from tests.kernel.conftest import SomethingHappened

from doorstep.kernel.db import Database
from doorstep.kernel.errors import BadUserInput, ResyncRequired
from doorstep.kernel.event_stream import EventHub, EventQuery, decode_cursor, encode_cursor, log_head, read_events
from doorstep.kernel.scope import Principal

EVERYTHING = EventQuery()


async def write(db: Database, principal: Principal, *notes: str, pause: float = 0.0) -> None:
    async with db.write(principal) as scope:
        for note in notes:
            scope.emit(SomethingHappened(aggregate_version=1, note=note))
        await asyncio.sleep(pause)


async def write_and_fail(db: Database, principal: Principal) -> None:
    async with db.write(principal) as scope:
        scope.emit(SomethingHappened(aggregate_version=1, note="never"))
        raise RuntimeError


async def follow(
    db: Database, principal: Principal, until: int, after: str | None = None
) -> tuple[list[int], list[str], str]:
    """Read on in small pages until so many events came, as a client with a cursor does."""
    seqs: list[int] = []
    notes: list[str] = []
    cursor = after
    while len(seqs) < until:
        position = decode_cursor(principal.tenant_id, cursor) if cursor else None
        async with db.snapshot(principal.tenant_id) as tx:
            page = await read_events(tx, principal.tenant_id, position, EVERYTHING, 7)
        seqs += [row["seq"] for row in page.rows]
        notes += [row["data"]["note"] for row in page.rows]
        cursor = encode_cursor(principal.tenant_id, page.position)
        await asyncio.sleep(0)
    return seqs, notes, cursor or ""


async def storm(db: Database, principal: Principal, writers: int, each: int) -> None:
    dice = random.Random(7)

    async def writer(number: int) -> None:
        for step in range(each):
            await write(db, principal, f"{number}/{step}", pause=dice.choice([0, 0, 0.001, 0.01]))

    await asyncio.gather(*(writer(number) for number in range(writers)))


async def test_a_reader_beside_32_writers_gets_every_event_once_and_in_order(db, alpha):
    writers, each = 32, 10
    reading = asyncio.create_task(follow(db, alpha, writers * each))
    await storm(db, alpha, writers, each)
    seqs, notes, _ = await asyncio.wait_for(reading, 60)
    assert seqs == list(range(1, writers * each + 1))
    assert len(set(notes)) == writers * each
    for number in range(writers):
        assert [note for note in notes if note.startswith(f"{number}/")] == [f"{number}/{step}" for step in range(each)]


async def test_planted_fault_a_plain_sequence_as_cursor_loses_events(db, system, database_urls, cluster, alpha):
    """The same storm with numbers from a sequence, taken before the commit: the check above must notice."""
    name = database_urls.app.rpartition("/")[2]
    owner = Database(cluster.url("owner", name), pool_size=1)
    async with owner.transaction() as tx:
        await tx.execute("CREATE TABLE plain_log (seq bigserial PRIMARY KEY, note text)")
    await owner.close()
    lost = False
    seen: list[int] = []
    done = asyncio.Event()

    async def reader() -> None:
        last = 0
        while True:
            finished = done.is_set()
            async with db.transaction() as tx:
                rows = await tx.fetch("SELECT seq FROM plain_log WHERE seq > $1 ORDER BY seq", last)
            seen.extend(row["seq"] for row in rows)
            last = rows[-1]["seq"] if rows else last
            if finished:
                return
            await asyncio.sleep(0)

    async def writer(pause: float) -> None:
        for _ in range(10):
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO plain_log (note) VALUES ('x')")
                await asyncio.sleep(pause)

    reading = asyncio.create_task(reader())
    await asyncio.gather(*(writer(pause) for pause in (0.0, 0.02, 0.05, 0.01)))
    done.set()
    await reading
    async with db.transaction() as tx:
        lost = len(seen) < await tx.fetchval("SELECT count(*) FROM plain_log")
    assert lost


async def test_a_change_that_fails_leaves_neither_event_nor_gap(db, alpha):
    await write(db, alpha, "first")
    with pytest.raises(RuntimeError):
        await write_and_fail(db, alpha)
    await write(db, alpha, "second")
    seqs, notes, _ = await follow(db, alpha, 2)
    assert (seqs, notes) == ([1, 2], ["first", "second"])


async def test_with_a_filter_that_lets_nothing_through_the_cursor_still_advances(db, alpha):
    await write(db, alpha, "a", "b")
    async with db.snapshot(alpha.tenant_id) as tx:
        page = await read_events(tx, alpha.tenant_id, None, EventQuery(types=("OrderPlaced",)), 10)
    assert page.rows == []
    assert page.position.seq == 2


async def test_recorded_at_never_runs_backwards(db, alpha):
    await storm(db, alpha, 8, 5)
    async with db.snapshot(alpha.tenant_id) as tx:
        rows = (await read_events(tx, alpha.tenant_id, None, EVERYTHING, 100)).rows
    assert [row["recorded_at"] for row in rows] == sorted(row["recorded_at"] for row in rows)


async def test_cursors_of_others_of_the_future_and_of_nobody_are_refused(db, alpha, beta):
    await write(db, alpha, "a")
    async with db.snapshot(alpha.tenant_id) as tx:
        head = await log_head(tx, alpha.tenant_id)
        with pytest.raises(BadUserInput):
            decode_cursor(beta.tenant_id, encode_cursor(alpha.tenant_id, head))
        for forged in ("", "x", "AAAA", "é", "=" * 40):
            with pytest.raises(BadUserInput):
                decode_cursor(alpha.tenant_id, forged)
        later = type(head)(head.epoch, head.seq + 1, head.recorded_at)
        with pytest.raises(BadUserInput):
            await read_events(tx, alpha.tenant_id, later, EVERYTHING, 10)


async def test_a_cursor_of_another_epoch_asks_to_read_afresh_and_gives_a_new_one(db, alpha):
    await write(db, alpha, "a")
    async with db.snapshot(alpha.tenant_id) as tx:
        head = await log_head(tx, alpha.tenant_id)
        old = type(head)(head.epoch + 1, head.seq, head.recorded_at)
        with pytest.raises(ResyncRequired) as refused:
            await read_events(tx, alpha.tenant_id, old, EVERYTHING, 10)
    assert decode_cursor(alpha.tenant_id, str(refused.value.extensions["cursor"])) == head


async def test_a_commit_of_another_process_wakes_who_waits_here(db, system, database_urls, alpha):
    hub = EventHub(system)
    hub.start()
    other_system = Database(database_urls.system, pool_size=2)
    other_hub = EventHub(other_system)
    other_hub.start()
    other = Database(database_urls.app, pool_size=2, on_commit=other_hub.signal)
    try:
        ticket = hub.ticket(alpha.tenant_id)
        await write(other, alpha, "from afar")
        assert await hub.wait(ticket, 10)
    finally:
        await other_hub.close()
        await hub.close()
        await other.close()
        await other_system.close()
