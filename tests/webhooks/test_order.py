"""Events of one order reach an endpoint one after the other, in the log's order, whatever fails; other orders and other endpoints go on meanwhile."""

import asyncio
import random
from collections.abc import Iterable

import pytest
from tests.webhooks.conftest import Company, Working
from tests.webhooks.receiver import OK, Got, Receiver, receiving, reply

from doorstep.webhooks.service import claiming


def in_order(got: Iterable[Got]) -> bool:
    """Whether no order's version was first seen after a later one."""
    seen: dict[str, list[int]] = {}
    for one in got:
        versions = seen.setdefault(str(one.order), [])
        if one.body["orderVersion"] not in versions:
            versions.append(one.body["orderVersion"])
    return all(versions == sorted(versions) for versions in seen.values())


async def slowly(_got: Got) -> bytes:
    await asyncio.sleep(random.uniform(0.0, 0.06))
    return OK


async def many_events(company: Company, orders: int = 5, events: int = 6) -> None:
    """Events of several orders, among each other."""
    made = [await company.order() for _ in range(orders)]
    for _ in range(events - 1):
        for order in made:
            await company.touch(order)


async def test_events_of_an_order_follow_one_another_and_four_requests_fly(
    company: Company, receiver: Receiver, working: Working
):
    endpoint = await company.endpoint(receiver.url)
    await many_events(company)
    receiver.answer = slowly
    async with working(), working():
        await company.all_delivered(endpoint["id"])
    assert receiver.together == []
    assert in_order(receiver.got)
    assert len({got.id for got in receiver.got}) == len(receiver.got) == 30
    assert 2 <= receiver.most_under_way <= 4


async def test_planted_without_the_order_of_an_order_two_of_its_events_fly_together(
    company: Company, receiver: Receiver, working: Working, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(claiming, "_CLAIM", claiming._CLAIM.replace(claiming._FIRST_OF_ITS_ORDER, "true"))
    endpoint = await company.endpoint(receiver.url)
    await many_events(company, orders=1, events=8)
    receiver.answer = slowly
    async with working():
        await company.all_delivered(endpoint["id"])
    assert receiver.together != []


async def test_a_failing_event_holds_back_its_own_order_until_it_is_parked_and_what_follows_says_so(
    company: Company, receiver: Receiver, working: Working
):
    endpoint = await company.endpoint(receiver.url)
    bad, good = await company.order(), await company.order()
    await company.touch(bad)
    await company.touch(good)

    async def choose(got: Got) -> bytes:
        refused = got.order == bad and got.body["orderVersion"] == 1
        return reply(422, b"no such shelf " + b"x" * 10_000) if refused else OK

    receiver.answer = choose
    async with working():
        log = await company.all_delivered(endpoint["id"])
    assert [got.body["orderVersion"] for got in receiver.of(bad)] == [1, 1, 1, 1, 2]
    assert [got.body["orderVersion"] for got in receiver.of(good)] == [1, 2]
    assert receiver.taken.index(receiver.of(good)[1]) < receiver.taken.index(receiver.of(bad)[3]), (
        "it went on meanwhile"
    )
    (parked,) = [one for one in log if one["state"] == "PARKED"]
    assert (parked["orderId"], parked["tries"], parked["fault"], parked["answerStatus"]) == (bad, 4, "STATUS", 422)
    assert parked["answer"].startswith("no such shelf")
    assert len(parked["answer"]) == 4096

    last = receiver.of(bad)[-1].body
    assert (last["missedBefore"]["count"], last["missedBefore"]["eventId"]) == (1, parked["eventId"])
    missed = await company.ask(
        "query ($after: Cursor) { events(after: $after, first: 1) { nodes { id } } }",
        after=last["missedBefore"]["after"],
    )
    assert missed["events"]["nodes"] == [{"id": parked["eventId"]}]
    assert receiver.of(good)[1].body["missedBefore"] is None

    receiver.answer = slowly
    await company.do("replayWebhookDeliveries", id=endpoint["id"], after=last["missedBefore"]["after"])
    before = len(receiver.got)
    async with working():
        log = await company.all_delivered(endpoint["id"])
    again = receiver.got[before:]
    assert sorted(got.body["orderVersion"] for got in again) == [1, 1, 2, 2]
    assert {got.id for got in again} == {got.id for got in receiver.got[:before]}
    assert all(got.body["replay"] for got in again)
    assert in_order(again)
    assert [one["origin"] for one in log] == ["EVENT"] * 4 + ["REPLAY"] * 4
    assert [got.body["missedBefore"] for got in again] == [None] * 4, "it is delivered now"


async def test_an_endpoint_that_hangs_delays_no_other(company: Company, receiver: Receiver, working: Working):
    released = asyncio.Event()

    async def hang(_got: Got) -> bytes:
        await released.wait()
        return OK

    async with receiving() as dead:
        dead.answer = hang
        hanging = await company.endpoint(dead.url)
        await company.endpoint(receiver.url)
        await many_events(company, orders=6, events=2)
        async with working(timeout=30.0, lease=60.0):
            await receiver.until(lambda: len(receiver.taken) == 12)
            assert len(dead.under_way) == len(dead.got) == 4
            released.set()
            await company.all_delivered(hanging["id"])
        assert len(dead.got) == 12


async def test_so_many_deliveries_are_open_and_then_the_cursor_waits(
    company: Company, receiver: Receiver, working: Working
):
    released = asyncio.Event()

    async def hang(_got: Got) -> bytes:
        await released.wait()
        return OK

    receiver.answer = hang
    endpoint = await company.endpoint(receiver.url)
    await many_events(company, orders=3, events=5)
    async with working(most_open=6, timeout=30.0, lease=60.0):
        await receiver.until(lambda: len(receiver.got) == 3)
        await asyncio.sleep(0.5)
        assert (await company.shown(endpoint["id"]))["openDeliveries"] == 6
        await company.do("replayWebhookDeliveries", id=endpoint["id"], since="2026-01-01T00:00:00Z")
        await asyncio.sleep(0.5)
        assert (await company.shown(endpoint["id"]))["openDeliveries"] <= 6
        released.set()
        log = await company.all_delivered(endpoint["id"])
    assert len(receiver.got) == len(log) == 15, "what was in flight is not sent again"
    assert receiver.together == []
    assert in_order(receiver.got)
