"""The log over months: none is missing, what is too old goes, and who has not read it yet loses nothing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest
from tests.kernel.conftest import make_principal
from tests.kernel.test_event_log import EVERYTHING, follow, write

from doorstep.kernel import event_partitions
from doorstep.kernel.db import Database
from doorstep.kernel.errors import ResyncRequired
from doorstep.kernel.event_partitions import drop_old_events, make_partitions, partition_upkeep
from doorstep.kernel.event_stream import LogPosition, decode_cursor, encode_cursor, log_head, read_events
from doorstep.kernel.postgres.migrate import migrate
from doorstep.kernel.scope import Principal

READERS = ("relay", "planning")
LONG_AGO = "202401"


@pytest.fixture
async def owner(database_urls, cluster) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(cluster.url("owner", database_urls.app.rpartition("/")[2]))
    yield connection
    await connection.close()


async def months(system: Database) -> list[str]:
    async with system.transaction() as tx:
        rows = await tx.fetch(
            "SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'events'::regclass ORDER BY 1"
        )
    return [row["relname"] for row in rows]


async def age(system: Database, owner: asyncpg.Connection, principal: Principal, upto: int, month: str) -> None:
    """Let the beginning of a log be of an earlier month, in a partition of its own."""
    day = datetime.strptime(month, "%Y%m").replace(tzinfo=UTC)
    following = day.replace(month=day.month + 1)
    if f"events_{month}" not in await months(system):
        await owner.execute(
            f"CREATE TABLE events_{month} PARTITION OF events FOR VALUES FROM ('{day.isoformat()}') TO ('{following.isoformat()}')"
        )
    async with system.transaction() as tx:
        await tx.execute(
            "UPDATE events SET recorded_at = $3::timestamptz + seq * interval '1 minute' WHERE tenant_id = $1 AND seq <= $2",
            principal.tenant_id, upto, day,
        )  # fmt: skip


async def read_up_to(system: Database, principal: Principal, seq: int, *readers: str) -> None:
    async with system.transaction() as tx:
        for reader in readers or READERS:
            await tx.execute(
                "INSERT INTO consumers (tenant_id, name, seq) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, name) DO UPDATE SET seq = $3",
                principal.tenant_id, reader, seq,
            )  # fmt: skip


async def kept(db: Database, principal: Principal) -> list[str]:
    async with db.snapshot(principal.tenant_id) as tx:
        return [row["data"]["note"] for row in (await read_events(tx, principal.tenant_id, None, EVERYTHING, 100)).rows]


async def test_this_month_and_three_more_are_there_and_a_default(system):
    month = datetime.now(UTC).replace(day=1)
    wanted = []
    for _ in range(4):
        wanted.append(f"events_{month:%Y%m}")
        month = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
    assert await months(system) == [*sorted(wanted), "events_default"]
    assert await make_partitions(system) == 0


async def test_without_a_partition_for_the_month_nothing_fails_and_its_events_move_when_it_is_made(
    db, system, owner, alpha, beta
):
    await owner.execute(f"DROP TABLE events_{datetime.now(UTC):%Y%m}")
    for principal in (alpha, beta):
        await write(db, principal, "a", "b")
    first = await follow(db, alpha, 1)
    assert await owner.fetchval("SELECT count(*) FROM events_default") == 4
    made = await asyncio.gather(
        make_partitions(system),
        make_partitions(system),
        *(write(db, alpha, f"{number}") for number in range(10)),
    )
    assert sorted(made[:2]) == [0, 1], "one of two workers makes it"
    assert await owner.fetchval("SELECT count(*) FROM events_default") == 0
    seqs, notes, _ = await follow(db, alpha, 10, after=first[2])
    assert (seqs, sorted(notes)) == (list(range(3, 13)), sorted(str(number) for number in range(10)))
    assert await kept(db, beta) == ["a", "b"]


async def test_migrate_makes_what_is_missing_also_where_the_schema_is_current(system, owner, database_urls, cluster):
    there = await months(system)
    await owner.execute(f"DROP TABLE {there[2]}")
    await migrate(cluster.url("owner", database_urls.app.rpartition("/")[2]))
    assert await months(system) == there


async def test_what_is_past_its_age_goes_and_older_cursors_are_told(db, system, owner, alpha, beta):
    for principal in (alpha, beta):
        await write(db, principal, "old", "older", "young")
        await read_up_to(system, principal, 3)
    cursors = [encode_cursor(alpha.tenant_id, place) for place in await places(db, alpha)]
    await age(system, owner, alpha, 2, LONG_AGO)
    assert await drop_old_events(system, 396, READERS) == [f"events_{LONG_AGO}"]
    assert await kept(db, alpha) == ["young"]
    assert await kept(db, beta) == ["old", "older", "young"], "another tenant's events of now stay"
    async with db.snapshot(alpha.tenant_id) as tx:
        head = await log_head(tx, alpha.tenant_id)
        with pytest.raises(ResyncRequired) as refused:
            await read_events(tx, alpha.tenant_id, decode_cursor(alpha.tenant_id, cursors[0]), EVERYTHING, 10)
        page = await read_events(tx, alpha.tenant_id, decode_cursor(alpha.tenant_id, cursors[1]), EVERYTHING, 10)
    assert decode_cursor(alpha.tenant_id, str(refused.value.extensions["cursor"])) == head
    assert [row["data"]["note"] for row in page.rows] == ["young"], "right after the cut nothing is missing"
    await write(db, alpha, "next")
    assert await kept(db, alpha) == ["young", "next"]


async def places(db: Database, principal: Principal) -> list[LogPosition]:
    async with db.snapshot(principal.tenant_id) as tx:
        rows = (await read_events(tx, principal.tenant_id, None, EVERYTHING, 100)).rows
    return [LogPosition(row["epoch"], row["seq"], row["recorded_at"]) for row in rows]


async def test_what_a_reaction_has_not_seen_stays_and_holds_up_no_other_tenant(db, system, owner, alpha, beta):
    gamma = await make_principal(system, "gamma")
    for principal in (alpha, beta, gamma):
        await write(db, principal, "a", "b", "c")
        await age(system, owner, principal, 3, LONG_AGO)
    await read_up_to(system, alpha, 3)
    await read_up_to(system, beta, 3)
    await read_up_to(system, beta, 1, "relay:somebody")  # a consumer of this tenant alone
    await read_up_to(system, gamma, 3, "relay")  # the other reaction never came to it, such as of a suspended tenant
    assert await drop_old_events(system, 396, READERS) == [f"events_{LONG_AGO}"]
    assert [await kept(db, principal) for principal in (alpha, beta, gamma)] == [[], ["b", "c"], ["a", "b", "c"]]
    await read_up_to(system, beta, 3, "relay:somebody")
    await read_up_to(system, gamma, 2)
    assert await drop_old_events(system, 396, READERS) == []
    assert [await kept(db, principal) for principal in (beta, gamma)] == [[], ["c"]]


async def test_planted_fault_dropping_without_asking_the_reactions_loses_events(db, system, owner, beta):
    await write(db, beta, "a", "b")
    await age(system, owner, beta, 2, LONG_AGO)
    await drop_old_events(system, 396, readers=())  # nobody has a place yet, and nobody says who will
    assert await kept(db, beta) == [], "the test above would see it"


async def test_less_than_a_week_is_refused(system, alpha):
    with pytest.raises(asyncpg.RaiseError):
        await drop_old_events(system, 6, READERS)


async def test_a_month_goes_only_when_its_last_day_is_old_enough(db, system, owner, alpha):
    await write(db, alpha, "a")
    await read_up_to(system, alpha, 1)
    await age(system, owner, alpha, 1, LONG_AGO)
    since_its_end = (datetime.now(UTC) - datetime(2024, 2, 1, tzinfo=UTC)).days
    assert await drop_old_events(system, since_its_end + 1, READERS) == []
    assert await drop_old_events(system, since_its_end, READERS) == [f"events_{LONG_AGO}"]


async def test_a_busy_log_is_tried_again_and_never_waited_for_long(db, system, owner, alpha, monkeypatch):
    monkeypatch.setattr(event_partitions, "LOCK_PAUSE_SECONDS", 0.0)
    await write(db, alpha, "a")
    await age(system, owner, alpha, 1, LONG_AGO)
    await read_up_to(system, alpha, 1)
    async with db.transaction(alpha.tenant_id) as tx:
        await tx.fetch("SELECT seq FROM events")  # a reader that stays
        upkeep = asyncio.create_task(partition_upkeep(396, READERS).run(db, system))
        await asyncio.sleep(0.5)
        await asyncio.wait_for(write(db, alpha, "meanwhile"), 10)
    await upkeep
    assert await kept(db, alpha) == ["meanwhile"]
