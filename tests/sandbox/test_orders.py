"""simulateOrder on a running server: each outcome, each kind of order, as a subscriber sees it."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.sandbox.conftest import DOOR, PATIENCE, SHOP, Company, Fleet

LOADED = ["ASSIGNED", "PICKED_UP", "EN_ROUTE_TO_DROPOFF", "AT_DROPOFF"]
FETCHED = ["ASSIGNED", "EN_ROUTE_TO_PICKUP", "AT_PICKUP", "PICKED_UP", "EN_ROUTE_TO_DROPOFF", "AT_DROPOFF"]
ENDS = {
    "DELIVERED": ["DELIVERED"],
    "LATE": ["DELIVERED"],
    "NOT_HOME": ["ATTEMPT_FAILED", "AWAITING_REATTEMPT"],
    "REFUSED": ["ATTEMPT_FAILED", "RETURNING", "RETURNED"],
}
PICKUP = {"address": {"line1": "Städtle 1", "city": "Vaduz"}, "coordinates": SHOP}


def moves_in(heard: list[dict[str, Any]]) -> list[str]:
    """The states that were told of."""
    return [one["to"] for one in heard if one["__typename"] == "OrderStatusChanged"]


@pytest.mark.parametrize("outcome", list(ENDS))
async def test_every_outcome_as_a_subscriber_sees_it(company: Company, outcome: str) -> None:
    order_id = await company.order()
    async with company.listening() as heard:
        started = await company.do("simulateOrder", orderId=order_id, outcome=outcome, secondsPerStep=30)
        over = await company.over(started["id"])
        assert (over["status"], over["lastError"]) == ("SUCCEEDED", None)
        wanted = [*LOADED, *ENDS[outcome]]
        async with asyncio.timeout(PATIENCE):
            while len(moves_in(heard)) < len(wanted):
                await asyncio.sleep(0.05)
        assert moves_in(heard) == wanted
    assert over["route"]["status"] == "COMPLETED"
    assert over["order"]["id"] == order_id
    times = [datetime.fromisoformat(one["occurredAt"]) for one in heard]
    assert times == sorted(times), "the log's instants run forward"
    assert len({one["id"] for one in heard}) == len(heard)


async def test_goods_are_fetched_and_every_proof_is_shown(company: Company) -> None:
    order_id = await company.order(
        kind="PICKUP_AND_DELIVERY",
        pickup=PICKUP,
        packages=[{"barcode": "A-1"}, {"barcode": "A-2"}],
        proofRequired={"kinds": ["PIN", "BARCODE", "NOTE", "LEFT_WITH"], "pin": "4711"},
    )
    started = await company.do("simulateOrder", orderId=order_id, secondsPerStep=10)
    assert (await company.over(started["id"]))["lastError"] is None
    assert await company.statuses(order_id) == [*FETCHED, "DELIVERED"]
    proofs = [proof["kind"] for proof in (await company.story(order_id))["proofs"]]
    assert sorted(proofs) == ["BARCODE", "BARCODE", "LEFT_WITH", "NOTE", "PIN"]


async def test_late_is_told_when_the_robot_sets_off_and_is_as_late_as_was_asked(slow: Company) -> None:
    ends = await slow.now() + timedelta(hours=2)
    window = {"start": (ends - timedelta(hours=1)).isoformat(), "end": ends.isoformat()}
    order_id = await slow.order(dropoff={"windows": [window]})
    started = await slow.do("simulateOrder", orderId=order_id, outcome="LATE", lateByMinutes=45, secondsPerStep=60)
    for _ in range(3):  # loaded, set off, arrived
        due = await slow.until(started["id"], lambda shown: shown["nextActAt"] is not None)
        await slow.do("setSandboxClock", at=due["nextActAt"])
        await slow.until(started["id"], lambda shown, due=due: shown["nextActAt"] not in {None, due["nextActAt"]})
    events = (await slow.story(order_id))["events"]["nodes"]
    told = [one for one in events if one["__typename"] == "OrderEtaChanged" and one["lateBySeconds"] == 45 * 60]
    arrived = next(one for one in events if one.get("to") == "AT_DROPOFF")
    assert told
    assert told[0]["occurredAt"] < arrived["occurredAt"]
    assert datetime.fromisoformat(arrived["occurredAt"]) == ends + timedelta(minutes=45)


async def test_a_second_try_after_nobody_was_home(company: Company) -> None:
    order_id = await company.order()
    for outcome in ("NOT_HOME", "DELIVERED"):
        started = await company.do("simulateOrder", orderId=order_id, outcome=outcome, secondsPerStep=10)
        assert (await company.over(started["id"]))["lastError"] is None
    story = await company.story(order_id)
    assert [(one["outcome"], one["reason"]) for one in story["attempts"]] == [
        ("FAILED", "NOT_HOME"),
        ("DELIVERED", None),
    ]
    assert story["attemptNumber"] == 1


async def test_a_robot_for_each_order_at_a_time_and_then_again_for_the_next(company: Company) -> None:
    ids = [await company.order() for _ in range(3)]
    pair = [await company.do("simulateOrder", orderId=one, secondsPerStep=200) for one in ids[:2]]
    for one in pair:
        assert (await company.over(one["id"]))["lastError"] is None
    last = await company.do("simulateOrder", orderId=ids[2], secondsPerStep=10)
    assert (await company.over(last["id"]))["lastError"] is None
    [counts] = await company.rows(
        "SELECT (SELECT count(*) FROM drivers WHERE tenant_id = $1) AS drivers, (SELECT count(*) FROM vehicles WHERE tenant_id = $1) AS vehicles, "
        "(SELECT count(*) FROM depots WHERE tenant_id = $1) AS depots, (SELECT count(*) FROM shifts WHERE tenant_id = $1) AS shifts"
    )
    assert tuple(counts) == (2, 2, 1, 2)


async def test_on_a_route_with_others_only_its_own_stops_are_worked(company: Company, fleet: Fleet) -> None:
    mine, other = [await company.order(depotId=fleet.depot, dropoff={"coordinates": place}) for place in (DOOR, SHOP)]
    route = await fleet.route([mine, other])
    started = await company.do("simulateOrder", orderId=mine, outcome="REFUSED", secondsPerStep=10)
    over = await company.over(started["id"])
    assert (over["status"], over["route"]) == ("SUCCEEDED", {"id": route["id"], "status": "IN_PROGRESS"})
    assert (await company.story(mine))["status"] == "RETURNING"
    assert (await company.story(other))["status"] == "PICKED_UP"
    rest = await company.do("simulateOrder", orderId=other, secondsPerStep=10)
    assert (await company.over(rest["id"]))["route"]["status"] == "COMPLETED"
    assert (await company.statuses(mine))[-1] == "RETURNED"
    assert (await company.statuses(other))[-1] == "DELIVERED"


async def test_the_same_key_is_one_simulation(company: Company) -> None:
    order_id = await company.order()
    twice = [
        await company.do("simulateOrder", orderId=order_id, secondsPerStep=10, idempotencyKey="once") for _ in range(2)
    ]
    assert twice[0]["id"] == twice[1]["id"]
    await company.over(twice[0]["id"])
    assert await company.statuses(order_id) == [*LOADED, "DELIVERED"]
