"""Buckets of points, drawn from by several processes at once: together they spend what a bucket holds, and hardly ever ask for it."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from doorstep.kernel import points as module
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.errors import RateLimited
from doorstep.kernel.points import Bucket, Payer, Points
from doorstep.kernel.scope import Actor, ActorKind, Principal

SLOW = Bucket(maximum=2_000, per_second=100)
"""A draw takes 100 ahead."""


def payer(tenant_id: UUID | None = None, key: UUID | None = None) -> Payer:
    return Payer.of(Principal(tenant_id or uuid4(), Actor(ActorKind.API_KEY, key or uuid4()), frozenset()), "")


@pytest.fixture
async def processes(database_urls: DatabaseUrls) -> AsyncIterator[list[Points]]:
    """Four of them, each with connections of its own."""
    databases = [Database(database_urls.system, pool_size=2) for _ in range(4)]
    found = [Points(database, SLOW) for database in databases]
    yield found
    for points in found:
        await points.close()
    for database in databases:
        await database.close()


async def spend_all(points: Points, who: Payer, each: int) -> int:
    """Take until there is no more; what was taken."""
    taken = 0
    try:
        while taken < 10 * SLOW.maximum:
            await points.take(who, each)
            taken += each
            await asyncio.sleep(0)
    except RateLimited:
        pass
    return taken


async def test_all_processes_together_spend_what_one_bucket_holds(processes: list[Points]) -> None:
    who, began = payer(), time.monotonic()
    taken = sum(await asyncio.gather(*(spend_all(points, who, 7) for points in processes)))
    ahead = SLOW.per_second * (time.monotonic() - began + 1)
    assert SLOW.maximum - 4 * 100 <= taken <= SLOW.maximum + ahead


async def test_reading_first_and_writing_later_is_caught(
    processes: list[Points], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: without the lock two processes see the same points, and both spend them."""
    monkeypatch.setattr(module, "_DRAW", module._DRAW.replace("ORDER BY id FOR UPDATE", "").replace("cardinality($1::bytea[])", "cardinality($1::bytea[]) + (SELECT count(*) FROM pg_sleep(0.02)) - 1"))  # fmt: skip
    who, began = payer(), time.monotonic()
    taken = sum(await asyncio.gather(*(spend_all(points, who, 7) for points in processes)))
    with pytest.raises(AssertionError):
        assert taken <= SLOW.maximum + SLOW.per_second * (time.monotonic() - began + 1)


async def test_keys_of_a_tenant_share_its_bucket(processes: list[Points]) -> None:
    tenant_id, began = uuid4(), time.monotonic()
    keys = [payer(tenant_id) for _ in processes]
    taken = sum(await asyncio.gather(*map(spend_all, processes, keys, [7] * 4)))
    assert taken <= SLOW.maximum + SLOW.per_second * (time.monotonic() - began + 1)
    await processes[0].take(payer(), 1_000)


async def test_the_dearest_operation_is_possible_and_a_dearer_one_says_when(processes: list[Points]) -> None:
    points, who = processes[0], payer()
    await points.take(who, SLOW.maximum)
    with pytest.raises(RateLimited) as refused:
        await points.take(who, 50)
    assert 0 < refused.value.seconds <= 0.5
    assert refused.value.extensions["retryAfterMs"] <= 500


async def test_what_was_not_spent_can_be_spent_again_here_and_elsewhere(processes: list[Points]) -> None:
    here, elsewhere, who = processes[0], processes[1], payer()
    await here.take(who, SLOW.maximum)
    here.settle(who, SLOW.maximum, 10)
    await here.take(who, 1_500)
    here.settle(who, 1_500, 1)
    await here.close()
    await elsewhere.take(who, 1_800)


async def test_an_idle_process_gives_back(processes: list[Points], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
    here, elsewhere, who = processes[0], processes[1], payer()
    await here.take(who, 1_900)
    here.settle(who, 1_900, 0)
    async with asyncio.timeout(5):
        while here._purses:
            await asyncio.sleep(0.02)
    await elsewhere.take(who, 1_900)


async def test_most_requests_ask_nobody(processes: list[Points]) -> None:
    points, who = Points(processes[0]._system), payer()
    for _ in range(2_000):
        await points.take(who, 3)
        points.settle(who, 3, 1)
    assert points.draws <= 2 + 2_000 / points.bucket.per_second
    await points.close()


async def test_who_is_refused_costs_no_round_trips(processes: list[Points]) -> None:
    points, who = processes[0], payer()
    await points.take(who, SLOW.maximum)
    before = points.draws
    for _ in range(100):
        with pytest.raises(RateLimited):
            await points.take(who, 1_000)
    assert points.draws == before


async def test_what_a_tenant_spends_is_told(processes: list[Points]) -> None:
    heard: list[tuple[UUID, int]] = []
    tenant_id = uuid4()
    points = Points(processes[0]._system, on_spent=lambda tenant, spent: heard.append((tenant, spent)))
    who = payer(tenant_id)
    await points.take(who, 5)
    points.settle(who, 5, 2)
    assert heard == [(tenant_id, 2)]
    await points.close()


async def test_full_buckets_are_forgotten(processes: list[Points]) -> None:
    await processes[0].take(payer(), 1)
    await processes[0].close()
    async with processes[0]._system.transaction() as tx:
        await tx.execute("UPDATE point_buckets SET at = at - interval '1 hour'")
        await tx.execute(module._FORGET, SLOW.maximum, SLOW.per_second)
        assert await tx.fetchval("SELECT count(*) FROM point_buckets") == 0
