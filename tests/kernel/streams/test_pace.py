"""A subscription that shows much at each event is charged for it: else one operation would have it again for every event of the log, for nothing."""

import asyncio
from typing import Any

import pytest
from tests.identity.conftest import Client
from tests.kernel.streams.conftest import following, is_caught_up

from doorstep.kernel.errors import RateLimited, RequestError, Unavailable
from doorstep.kernel.graphql.tolls import FREE_RESULT, Pace

FACTS = "... on OrderUpdated { order { id reference } }"
MUCH = "... on OrderUpdated { order { events(first: 100) { nodes { id } } } }"
EVENTS = 'subscription ($after: Cursor) {{ events(after: $after, filter: {{ types: ["OrderUpdated"] }}) {{ kind cursor event {{ id {0} }} }} }}'
IN_A_FRAGMENT = (
    "subscription ($after: Cursor) {{ ...All }} fragment All on Subscription "
    '{{ events(after: $after, filter: {{ types: ["OrderUpdated"] }}) {{ kind cursor event {{ id {0} }} }} }}'
)
CHANGES = 30


class Till:
    """Who pays what, and may be kept waiting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.owed: list[int] = []
        self.buckets: set[int] = set()
        self.open = asyncio.Event()
        till = self

        async def paid(pace: Pace, owed: int) -> bool:
            till.owed.append(owed)
            till.buckets.add(len(pace.payer.buckets))
            await till.open.wait()
            return True

        monkeypatch.setattr(Pace, "_paid", paid)


async def changed(company: Client, times: int = CHANGES) -> str:
    """The cursor before an order was changed so often."""
    order = await company.order(None)
    start = await company.ask("{ events(first: 250) { pageInfo { endCursor } } }")
    for at in range(times):
        await company.do("updateOrder", "order { id }", id=order, displayReference=f"R{at}")
    cursor: str = start["events"]["pageInfo"]["endCursor"]
    return cursor


@pytest.mark.parametrize("document", [EVENTS, IN_A_FRAGMENT])
async def test_what_is_read_back_from_the_log_is_paid_result_by_result_and_nothing_is_missing(
    company: Client, monkeypatch: pytest.MonkeyPatch, document: str
) -> None:
    after, till = await changed(company), Till(monkeypatch)
    async with following(company, document.format(MUCH), after=after) as one:
        await one.next()
        with pytest.raises(TimeoutError):
            await one.next(within=0.5)
        assert len(till.owed) == 1
        till.open.set()
        await one.until(is_caught_up)
    assert len(one.events) == len(set(one.events)) == CHANGES
    assert len(till.owed) == CHANGES
    # The order was placed and changed: so many events are shown, and each of them is a point.
    assert all(CHANGES < owed + FREE_RESULT <= CHANGES + 5 for owed in till.owed)
    assert till.buckets == {2}, "the credential's and its tenant's"


@pytest.mark.parametrize("document", [EVENTS, IN_A_FRAGMENT])
async def test_an_event_and_what_is_around_it_is_free(
    company: Client, monkeypatch: pytest.MonkeyPatch, document: str
) -> None:
    after, till = await changed(company), Till(monkeypatch)
    async with following(company, document.format(FACTS), after=after) as one:
        await one.until(is_caught_up)
    assert len(one.events) == CHANGES
    assert till.owed == []


async def test_what_is_new_is_paid_once_by_the_tenant_for_all_who_follow(
    company: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = Till(monkeypatch)
    till.open.set()
    async with following(company, EVENTS.format(MUCH)) as one, following(company, EVENTS.format(MUCH)) as other:
        for each in (one, other):
            await each.until(is_caught_up)
        await changed(company)
        for each in (one, other):
            while len(each.events) < CHANGES:
                await each.next()
    assert one.events == other.events
    assert 0 < len(till.owed) <= CHANGES
    assert till.buckets == {1}


class Bucket:
    """Refuses what it is told to, then gives."""

    maximum = 1_000

    def __init__(self, *refusals: RequestError) -> None:
        self.bucket = self
        self.taken: list[int] = []
        self.spent: list[int] = []
        self._refusals = list(refusals)

    async def take(self, _payer: Any, points: int) -> None:
        self.taken.append(points)
        if self._refusals:
            raise self._refusals.pop(0)

    def settle(self, _payer: Any, _taken: int, spent: int) -> None:
        self.spent.append(spent)


class Dear:
    """What a document costs."""

    def requested(self, _variables: Any) -> int:
        return 5_000

    def actual(self, _data: Any, _variables: Any) -> int:
        return 3_000


async def test_who_has_no_points_waits_and_pays_no_more_than_a_bucket_holds() -> None:
    bucket = Bucket(RateLimited("wait", seconds=0.001), RateLimited("wait", seconds=0.001))
    pace = Pace(bucket, None, Dear(), None)  # type: ignore[arg-type]
    await pace.keep('{"data": {"events": {}}}')
    assert (bucket.taken, bucket.spent) == ([1_000] * 3, [1_000])
    await pace.keep('{"errors": []}')
    assert len(bucket.taken) == 3


async def test_a_database_that_is_away_ends_no_stream() -> None:
    bucket = Bucket(Unavailable("away"))
    await Pace(bucket, None, Dear(), None).keep('{"data": {"events": {}}}')  # type: ignore[arg-type]
    assert bucket.spent == []
