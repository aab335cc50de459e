"""createOrders: each order answered by itself, and a thousand of them in no more statements than one."""

import asyncio
from typing import Any

import pytest
from tests.orders.conftest import Desk, dropoff, window

BAD = {"dropoff": dropoff(windows=[window("10:00", "09:00")]), "reference": "bad"}


def good(reference: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"dropoff": dropoff(), "reference": reference, **fields}


def codes(payload: dict[str, Any]) -> list[list[tuple[str, str]]]:
    return [
        [(problem["code"], ".".join(problem["path"])) for problem in result["problems"]]
        for result in payload["results"]
    ]


async def test_the_sound_ones_are_created_and_the_others_say_why(desk: Desk) -> None:
    there = await desk.place(reference="there")
    payload = await desk.place_many([good("a"), BAD, good("there"), good(), good("a"), good(priority=-1)])
    assert codes(payload) == [
        [],
        [("INVALID_WINDOW", "orders.1.dropoff.windows.0")],
        [("DUPLICATE_REFERENCE", "orders.2.reference")],
        [],
        [("DUPLICATE_REFERENCE", "orders.4.reference")],
        [("INVALID_VALUE", "orders.5.priority")],
    ]
    assert payload["problems"] == []
    results = payload["results"]
    assert [result["index"] for result in results] == list(range(6))
    assert [result["order"] is not None for result in results] == [True, False, False, True, False, False]
    assert results[2]["problems"][0]["existingId"] == there["id"]
    assert results[4]["problems"][0]["existingId"] == results[0]["order"]["id"]
    assert [kind for kind, _, _ in await desk.events()] == ["OrderPlaced"] * 3


async def test_reject_all_writes_nothing_unless_all_are_sound(desk: Desk) -> None:
    before = await desk.written()
    payload = await desk.place_many([good("a"), BAD, good("a")], policy="REJECT_ALL", idempotencyKey="not stored")
    assert await desk.written() == before
    assert codes(payload) == [
        [("ABORTED", "orders.0")],
        [("INVALID_WINDOW", "orders.1.dropoff.windows.0")],
        [("DUPLICATE_REFERENCE", "orders.2.reference")],
    ]
    assert payload["results"][2]["problems"][0]["existingId"] is None
    assert [(problem["code"], problem["path"]) for problem in payload["problems"]] == [("ABORTED", ["orders"])]
    payload = await desk.place_many([good("a"), good("b")], policy="REJECT_ALL", idempotencyKey="not stored")
    assert codes(payload) == [[], []]


async def test_when_none_is_sound_nothing_is_written(desk: Desk) -> None:
    before = await desk.written()
    payload = await desk.place_many([BAD, {**BAD, "reference": None}], idempotencyKey="k")
    assert await desk.written() == before
    assert [problem["code"] for problem in payload["problems"]] == ["ABORTED"]
    assert all(result["problems"][0]["code"] == "INVALID_WINDOW" for result in payload["results"])


@pytest.mark.parametrize("count", [0, 1001])
async def test_too_few_and_too_many(desk: Desk, count: int) -> None:
    before = await desk.written()
    payload = await desk.place_many([good()] * count)
    assert [(problem["code"], problem["path"]) for problem in payload["problems"]] == [("TOO_MANY_ITEMS", ["orders"])]
    assert payload["results"] == []
    assert await desk.written() == before


async def test_a_replay_answers_with_the_same_results(desk: Desk) -> None:
    orders = [good("r1"), BAD, good()]
    first = await desk.place_many(orders, idempotencyKey="file 7")
    written = await desk.written()
    assert await desk.place_many(orders, idempotencyKey="file 7") == first
    assert await desk.written() == written
    other = await desk.place_many(orders[:2], idempotencyKey="file 7")
    assert [problem["code"] for problem in other["problems"]] == ["IDEMPOTENCY_MISMATCH"]
    assert await desk.written() == written


async def test_a_thousand_take_as_many_statements_as_two(desk: Desk) -> None:
    def orders(count: int, mark: str) -> list[dict[str, Any]]:
        return [good(f"{mark}{at}", packages=[{"barcode": f"{mark}{at}"}]) for at in range(count)]

    depot = await desk.depot()
    sent: dict[int, list[str]] = {}
    for count in (2, 1000):
        with desk.statements.counted() as sent[count]:
            payload = await desk.place_many([{**order, "depotId": depot} for order in orders(count, f"{count}-")])
        assert codes(payload) == [[]] * count
    assert len(sent[1000]) == len(sent[2])
    assert len(await desk.events()) == 1002 + 1  # and the depot's
    ids = [result["order"]["id"] for result in payload["results"]]
    assert ids == sorted(ids)


async def test_calls_that_share_references_do_not_stop_each_other(desk: Desk) -> None:
    names = [f"s{at}" for at in range(60)]
    one, two = await asyncio.gather(
        desk.place_many([good(name) for name in names]), desk.place_many([good(name) for name in reversed(names)])
    )
    created = [
        result["order"]["reference"] for payload in (one, two) for result in payload["results"] if result["order"]
    ]
    assert sorted(created) == sorted(names)
    refused = [result["problems"][0] for payload in (one, two) for result in payload["results"] if result["problems"]]
    assert all(problem["code"] == "DUPLICATE_REFERENCE" and problem["existingId"] for problem in refused)
