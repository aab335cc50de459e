"""Endpoints that fail: DOWN and back, disabled, left alone when they ask for it, paused, and too far behind."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.webhooks.conftest import Company, Working
from tests.webhooks.receiver import OK, Got, Receiver, reply
from tests.webhooks.test_order import in_order

from doorstep.kernel.event_stream import LogPosition, encode_cursor, prune_events
from doorstep.webhooks.model import STANDARD, seconds_to_rest


async def fail(_got: Got) -> bytes:
    return reply(500)


async def take(_got: Got) -> bytes:
    return OK


async def told(company: Company, type_name: str, fields: str) -> list[dict[str, Any]]:
    """What the log says of endpoints."""
    document = f'{{ events(filter: {{ types: ["{type_name}"] }}) {{ nodes {{ ... on {type_name} {{ {fields} }} }} }} }}'
    nodes: list[dict[str, Any]] = (await company.ask(document))["events"]["nodes"]
    return nodes


async def test_after_so_many_different_failures_it_is_down_and_one_probe_brings_everything_back_in_order(
    company: Company, receiver: Receiver, working: Working
):
    endpoint = await company.endpoint(receiver.url)
    orders = [await company.order() for _ in range(6)]
    for order in orders:
        await company.touch(order)
    receiver.answer = fail
    async with working(down_after=5, delays=(0.0, 60.0, 60.0, 60.0)):
        shown = await company.until(endpoint["id"], lambda shown: shown["status"] == "DOWN")
        assert shown["nextProbeAt"] is not None
        await receiver.until(lambda: receiver.under_way == [])
        await asyncio.sleep(0.3)
        failed = len(receiver.got)
        tries = {one["id"]: one["tries"] for one in await company.deliveries(endpoint["id"])}
        await company.execute("UPDATE webhook_endpoints SET next_probe_at = now() WHERE tenant_id = $1")
        await receiver.until(lambda: len(receiver.got) == failed + 1)
        await asyncio.sleep(0.5)
        assert len(receiver.got) == failed + 1, "one probe, and the next one is a minute away"
        assert {one["id"]: one["tries"] for one in await company.deliveries(endpoint["id"])} == tries
        assert len(tries) == 12

        receiver.answer = take
        await company.execute("UPDATE webhook_endpoints SET next_probe_at = now() WHERE tenant_id = $1")
        await company.until(endpoint["id"], lambda shown: shown["status"] == "ACTIVE")
        await company.all_delivered(endpoint["id"])
    assert len(receiver.got) == failed + 1 + 12
    assert in_order(receiver.got[failed + 1 :])
    changes = await told(company, "WebhookEndpointStatusChanged", "from to reason endpointId")
    assert [(one["from"], one["to"], one["reason"]) for one in changes] == [
        ("ACTIVE", "DOWN", None),
        ("DOWN", "ACTIVE", None),
    ]
    assert {one["endpointId"] for one in changes} == {endpoint["id"]}


async def test_one_event_that_always_fails_does_not_take_an_endpoint_down(
    company: Company, receiver: Receiver, working: Working
):
    endpoint = await company.endpoint(receiver.url)
    await company.order()
    receiver.answer = fail
    async with working(down_after=2, delays=(0.0,) * 8):
        (delivery,) = await company.all_delivered(endpoint["id"])
    assert (delivery["state"], delivery["tries"]) == ("PARKED", 8)
    shown = await company.shown(endpoint["id"])
    assert (shown["status"], shown["failures"]) == ("ACTIVE", 1)


@pytest.mark.parametrize("status", [410, 500])
async def test_410_and_five_days_of_nothing_but_failure_disable_an_endpoint_that_can_be_resumed(
    company: Company, receiver: Receiver, working: Working, status: int
):
    endpoint = await company.endpoint(receiver.url)
    await company.order()

    async def refuse(_got: Got) -> bytes:
        return reply(status)

    receiver.answer = refuse
    if status != 410:
        await company.execute(
            "UPDATE webhook_endpoints SET failing_since = now() - interval '5 days 1 minute' WHERE tenant_id = $1"
        )
    async with working():
        shown = await company.until(endpoint["id"], lambda shown: shown["status"] == "DISABLED")
        assert shown["reason"] == ("GONE" if status == 410 else "FAILING")
        await company.order()
        await asyncio.sleep(0.5)
        assert len(receiver.got) == 1
        receiver.answer = take
        await company.do("resumeWebhookEndpoint", id=endpoint["id"])
        await company.all_delivered(endpoint["id"])
    assert len(receiver.taken) == 3
    changes = await told(company, "WebhookEndpointStatusChanged", "to reason")
    assert [(one["to"], one["reason"]) for one in changes] == [("DISABLED", shown["reason"]), ("ACTIVE", None)]


async def test_a_receiver_that_asks_to_be_left_alone_is(company: Company, receiver: Receiver, working: Working):
    endpoint = await company.endpoint(receiver.url)
    await company.order()

    async def later(got: Got) -> bytes:
        return reply(429, retry_after="1") if got.number == 0 else OK

    receiver.answer = later
    async with working():
        shown = await company.until(endpoint["id"], lambda shown: shown["restsUntil"] is not None)
        await company.order()
        await company.all_delivered(endpoint["id"])
    stamps = [datetime.fromtimestamp(int(got.headers["webhook-timestamp"]), UTC) for got in receiver.got]
    rest = datetime.fromisoformat(shown["restsUntil"]).replace(microsecond=0)
    assert all(stamp >= rest for stamp in stamps[1:])
    assert len(receiver.got) == 3


NO_DATES = ("Mon, 1 Jan 99999999999999999999 00:00:00 GMT", "Mon, 1 Jan 2031 00:00:00 +99999999999999")


@pytest.mark.parametrize("date", NO_DATES)
async def test_an_answer_that_nobody_can_read_is_a_try_like_any_other(
    company: Company, receiver: Receiver, working: Working, date: str
):
    """Raised, it would end the lane and be sent again for ever, without ever being counted."""
    endpoint = await company.endpoint(receiver.url)
    await company.order()

    async def never(_got: Got) -> bytes:
        return reply(503, retry_after=date)

    receiver.answer = never
    async with working():
        (delivery,) = await company.all_delivered(endpoint["id"])
    assert (delivery["state"], delivery["tries"], delivery["answerStatus"]) == ("PARKED", 4, 503)
    assert len(receiver.got) == 4


def test_what_retry_after_may_say():
    assert [seconds_to_rest(one) for one in NO_DATES] == [None, None]
    soon = (datetime.now(UTC) + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert 80 < (seconds_to_rest(soon) or 0) < 91
    assert seconds_to_rest("120") == 120
    assert [seconds_to_rest(one) for one in (None, "", "soon", "-5", "Mon, 01 Jan 2001 00:00:00 GMT", "1e9")] == [
        None
    ] * 6
    assert STANDARD.rest(seconds_to_rest("9" * 400)) == 86_400
    total = sum(STANDARD.delays)
    assert (len(STANDARD.delays), total) == (10, 75 * 3600 + 35 * 60 + 5)
    assert 0.8 * 300 <= STANDARD.pause(2) <= 1.2 * 300
    assert STANDARD.pause(50) >= 0.8 * 86_400


async def test_paused_nothing_is_sent_and_resumed_nothing_is_missing(
    company: Company, receiver: Receiver, working: Working
):
    endpoint = await company.endpoint(receiver.url)
    await company.order()
    async with working():
        await company.all_delivered(endpoint["id"])
        await company.do("pauseWebhookEndpoint", id=endpoint["id"])
        order = await company.order()
        await company.touch(order)
        await asyncio.sleep(0.6)
        assert len(receiver.got) == 1
        assert (await company.shown(endpoint["id"]))["openDeliveries"] == 0, "its cursor waits"
        await company.do("resumeWebhookEndpoint", id=endpoint["id"])
        await company.all_delivered(endpoint["id"])
    assert [got.body["orderVersion"] for got in receiver.of(order)] == [1, 2]


async def test_replayed_since_an_instant_comes_before_what_is_new(
    company: Company, receiver: Receiver, working: Working
):
    endpoint = await company.endpoint(receiver.url)
    order = await company.order()
    await company.touch(order)
    async with working():
        await company.all_delivered(endpoint["id"])
    (row,) = await company.rows("SELECT recorded_at FROM events WHERE tenant_id = $1 AND type = 'OrderUpdated'")
    await company.do("replayWebhookDeliveries", id=endpoint["id"], since=row["recorded_at"].isoformat())
    await company.touch(order)
    async with working():
        await company.all_delivered(endpoint["id"])
    assert [(got.body["orderVersion"], got.body["replay"]) for got in receiver.got] == [
        (1, False),
        (2, False),
        (2, True),
        (3, False),
    ]
    assert receiver.got[1].id == receiver.got[2].id
    for values in ({}, {"after": receiver.got[0].body["cursor"], "since": row["recorded_at"].isoformat()}):
        assert (await company.refused("replayWebhookDeliveries", id=endpoint["id"], **values))[:2] == (
            "REQUIRED",
            "after",
        )
    forged = await company.refused("replayWebhookDeliveries", id=endpoint["id"], after="AAAA")
    assert forged[:2] == ("INVALID_VALUE", "after")
    place = LogPosition(1, 1, row["recorded_at"])
    foreign = encode_cursor(UUID(int=7), place)
    assert await company.refused("replayWebhookDeliveries", id=endpoint["id"], after=foreign) == forged
    for other in (replace(place, epoch=2), replace(place, seq=10_000)):
        cursor = encode_cursor(company.tenant_id, other)
        refused = await company.refused("replayWebhookDeliveries", id=endpoint["id"], after=cursor)
        assert refused[:2] == ("INVALID_VALUE", "after")


async def test_a_backlog_that_the_log_no_longer_holds_is_told_to_the_owner(
    company: Company, receiver: Receiver, working: Working
):
    endpoint = await company.endpoint(receiver.url)
    waiting = await company.order()
    receiver.answer = fail
    async with working(delays=(0.0, 60.0)):
        await company.until(endpoint["id"], lambda shown: shown["failures"] == 1)
    await company.do("pauseWebhookEndpoint", id=endpoint["id"])
    lost = await company.order()
    (place,) = await company.rows("SELECT seq FROM webhook_endpoints WHERE tenant_id = $1")
    await company.execute(
        "INSERT INTO consumers (tenant_id, name, seq) SELECT tenant_id, 'tests', seq FROM event_heads WHERE tenant_id = $1"
    )
    async with company.system.transaction() as tx:
        gone = await prune_events(tx, company.tenant_id, 0, 100)
    receiver.answer = take
    await company.do("resumeWebhookEndpoint", id=endpoint["id"])
    order = await company.order()
    async with working():
        log = await company.all_delivered(endpoint["id"])
    assert [len(receiver.of(one)) for one in (waiting, lost, order)] == [1, 0, 1]
    assert [(one["orderId"], one["state"], one["fault"]) for one in log] == [
        (waiting, "PARKED", "EVENT_GONE"),
        (order, "DELIVERED", None),
    ]
    (event,) = await told(company, "WebhookEventsLost", "endpointId count")
    assert event == {"endpointId": endpoint["id"], "count": 1 + gone - place["seq"]}
