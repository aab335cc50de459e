"""What flows between two accepted orders: status, ETA and proof back; cancelling and changes forward; and what races with pickup."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.orders.conftest import Desk, uuid_of
from tests.partners.conftest import Pair, all_types, codes, do, log_of, partnership, refused

from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.scope import Scope
from doorstep.orders.model import OrderStatus
from doorstep.orders.service import EtaChange, Move, move_orders, set_etas
from doorstep.partners.jobs import Relay


async def test_the_whole_way_is_told_once_each_in_order(pair: Pair) -> None:
    job = await pair.accepted(proofRequired={"kinds": ["NOTE"]})
    for act in ("ASSIGN", "DEPART", "ARRIVE", "PICK_UP", "DEPART", "ARRIVE"):
        await job.report(act)
        await pair.relay()
    await job.report(
        "DELIVER",
        proof=[{"kind": "NOTE", "note": "By the door", "recipientName": "Greta"}],
        coordinates={"latitude": 47.14, "longitude": 9.52},
    )
    await pair.relay()
    assert await job.way() == [
        "OFFERED", "ASSIGNED", "EN_ROUTE_TO_PICKUP", "AT_PICKUP", "PICKED_UP", "EN_ROUTE_TO_DROPOFF", "AT_DROPOFF", "DELIVERED",
    ]  # fmt: skip
    assert await job.statuses() == ("DELIVERED", "DELIVERED", "FULFILLED")
    order = await pair.merchant.order(
        job.order_id, "custody proofs { kind note recipientName coordinates { latitude } } attempts { outcome }"
    )
    assert order["custody"] == "RECIPIENT"
    assert order["proofs"] == [
        {"kind": "NOTE", "note": "By the door", "recipientName": "Greta", "coordinates": {"latitude": 47.14}}
    ]
    assert order["attempts"] == [{"outcome": "DELIVERED"}]
    assert [kind for kind, _ in await log_of(pair.merchant, job.order_id)].count("ProofReported") == 1
    assert [kind for kind, _ in await log_of(pair.merchant, job.order_id)].count("TenderFulfilled") == 1


async def test_the_eta_flows_back_and_is_cleared_when_nobody_drives(pair: Pair) -> None:
    job = await pair.accepted()
    await job.report("ASSIGN")
    carrier = pair.carrier
    when = carrier.principal.clock.now().replace(microsecond=0)
    async with carrier.scope() as scope:
        await set_etas(scope, [EtaChange(uuid_of(job.copy_id), when, 60, 3)])
    await pair.relay()
    eta = (await pair.merchant.order(job.order_id, "eta { at lateBySeconds stopsBefore }"))["eta"]
    assert eta == {"at": when.isoformat().replace("+00:00", "Z"), "lateBySeconds": 60, "stopsBefore": 3}
    async with carrier.scope() as scope:  # as planning does when it takes the order off its route
        await move(scope, job.copy_id, OrderStatus.PENDING)
    await pair.relay()
    assert (await pair.merchant.order(job.order_id, "status eta { at }")) == {"status": "ASSIGNED", "eta": None}


async def move(scope: Scope, order_id: str, to: OrderStatus) -> None:
    await move_orders(scope, [Move(uuid_of(order_id), to)])


async def test_a_failed_try_and_the_way_back(pair: Pair) -> None:
    job = await pair.accepted()
    await job.report("PICK_UP")
    assert await refused(pair.carrier, "reportOrder", orderId=job.copy_id, act="FAIL") == ["REQUIRED"]
    await job.report("FAIL", reason="NOT_HOME")
    await job.report("RETRY")
    await pair.relay()
    order = await pair.merchant.order(
        job.order_id, "status statusReason attemptNumber custody nextActions { kind } attempts { outcome reason }"
    )
    assert order == {
        "status": "AWAITING_REATTEMPT", "statusReason": None, "attemptNumber": 1, "custody": "VEHICLE", "nextActions": [{"kind": "CANCEL"}],
        "attempts": [{"outcome": "FAILED", "reason": "NOT_HOME"}],
    }  # fmt: skip
    # It waits for another try, but of the carrier: the merchant can neither plan nor assign it.
    plan = await do(
        pair.merchant,
        "createPlan",
        "plan { id }",
        orderIds=[job.order_id],
        shiftIds=["shift_01jd2n00000000000000000000"],
    )
    assert "NOT_PLANNABLE" in codes(plan)
    await job.report("RETURN")
    await job.report("HAND_BACK")
    await pair.relay()
    assert await job.statuses() == ("RETURNED", "RETURNED", "FULFILLED")
    assert (await pair.merchant.order(job.order_id, "custody"))["custody"] == "DEPOT"


async def test_given_up_before_pickup_shows_as_assigned_again(pair: Pair) -> None:
    job = await pair.accepted()
    await job.report("DEPART")
    await pair.relay()
    async with pair.carrier.scope() as scope:
        await move(scope, job.copy_id, OrderStatus.PENDING)
    await pair.relay()
    assert (await job.way())[-3:] == ["EN_ROUTE_TO_PICKUP", "PENDING", "ASSIGNED"]


async def test_cancelling_before_pickup_reaches_the_carrier(pair: Pair) -> None:
    job = await pair.accepted()
    await job.report("ARRIVE")
    payload = await pair.merchant.change("cancelOrder", id=job.order_id, reason="OUT_OF_STOCK")
    assert payload["order"]["status"] == "CANCELLED"
    # Before the relay has run: the carrier's driver is refused at the door of the shop already.
    assert await refused(pair.carrier, "reportOrder", orderId=job.copy_id, act="PICK_UP") == ["ILLEGAL_TRANSITION"]
    await pair.relay()
    assert await job.statuses() == ("CANCELLED", "CANCELLED", "CANCELLED")
    assert "TenderCancelled" in await all_types(pair.carrier)
    assert "TenderReleased" not in [*await all_types(pair.merchant), *await all_types(pair.carrier)]


async def test_cancelling_that_comes_after_the_pickup_is_refused_until_the_merchant_can_see_it(pair: Pair) -> None:
    job = await pair.accepted()
    await job.report("PICK_UP")
    before = await pair.merchant.order(job.order_id, "status")
    assert before["status"] == "ASSIGNED"
    assert await refused(pair.merchant, "cancelOrder", "order { status }", id=job.order_id) == ["ILLEGAL_TRANSITION"]
    await pair.relay()
    payload = await pair.merchant.change("cancelOrder", id=job.order_id)
    assert payload["order"]["status"] == "RETURNING"
    await pair.relay()
    assert await job.statuses() == ("RETURNING", "RETURNING", "ACCEPTED")
    await job.report("HAND_BACK")
    await pair.relay()
    assert await job.statuses() == ("RETURNED", "RETURNED", "FULFILLED")


async def test_cancelling_what_has_just_been_delivered_is_refused(pair: Pair) -> None:
    job = await pair.accepted()
    await job.report("PICK_UP")
    await pair.relay()
    await job.report("DELIVER")
    assert await refused(pair.merchant, "cancelOrder", "order { status }", id=job.order_id) == ["ILLEGAL_TRANSITION"]
    await pair.relay()
    assert await job.statuses() == ("DELIVERED", "DELIVERED", "FULFILLED")


async def test_cancelling_an_open_offer_withdraws_it(pair: Pair) -> None:
    [order_id], [tender_id] = await pair.offered()
    await pair.merchant.change("cancelOrder", id=order_id)
    assert await refused(pair.carrier, "acceptTender", ids=[tender_id]) == ["ILLEGAL_TRANSITION"]
    await pair.relay()
    assert await pair.merchant.order(order_id, "status tenders { status }") == {
        "status": "CANCELLED",
        "tenders": [{"status": "WITHDRAWN"}],
    }


NEW_PLACE = {
    "address": {"line1": "Aeulestrasse 2", "city": "Vaduz", "postalCode": "9490"},
    "coordinates": {"latitude": 47.15, "longitude": 9.53},
}


async def test_a_new_address_flows_forward_until_pickup(pair: Pair) -> None:
    [open_id], _ = await pair.offered()
    assert set(await refused(pair.merchant, "updateOrder", "order { id }", id=open_id, dropoff=NEW_PLACE)) == {"IN_USE"}
    job = await pair.accepted()
    window = {"start": "2027-03-01T10:00:00Z", "end": "2027-03-01T11:00:00Z"}
    change = {"dropoff": {**NEW_PLACE, "windows": [window], "contact": {"name": "Hugo", "email": "hugo@example.org"}}}
    assert not codes(await do(pair.merchant, "updateOrder", "order { id }", id=job.order_id, **change))
    await pair.relay()
    copy = await pair.carrier.order(job.copy_id)
    assert copy["dropoff"]["address"]["line1"] == "Aeulestrasse 2"
    assert copy["dropoff"]["coordinates"] == NEW_PLACE["coordinates"]
    assert (copy["dueAt"], copy["dropoff"]["windows"]) == (window["end"], [window])
    assert copy["dropoff"]["contact"] == {
        "name": "Hugo",
        "phone": None,
        "email": None,
    }  # the e-mail address is not shared
    assert copy["dropoff"]["instructions"] == "Ring twice"
    await job.report("PICK_UP")
    late = {"id": job.order_id, "dropoff": {"coordinates": {"latitude": 47.16, "longitude": 9.54}}}
    assert await refused(pair.merchant, "updateOrder", "order { id }", **late) == ["IN_USE"]
    assert not codes(
        await do(pair.merchant, "updateOrder", "order { id }", id=job.order_id, dropoff={"instructions": "Back door"})
    )
    await pair.relay()
    assert (await pair.carrier.order(job.copy_id))["dropoff"]["instructions"] == "Back door"
    await job.report("DELIVER")
    await pair.relay()
    assert await refused(pair.merchant, "updateOrder", "order { id }", **late) == ["ILLEGAL_TRANSITION"]


async def test_the_carriers_own_words_survive_a_change_of_the_merchant(pair: Pair) -> None:
    job = await pair.accepted()
    await do(
        pair.carrier,
        "updateOrder",
        "order { id }",
        id=job.copy_id,
        priority=9,
        carrierReference="C-77",
        dropoff={"instructions": "Use the ramp"},
    )
    await do(pair.merchant, "updateOrder", "order { id }", id=job.order_id, dropoff={"contact": {"name": "Hugo"}})
    await pair.relay()
    copy = await pair.carrier.order(job.copy_id, "priority carrierReference dropoff { instructions contact { name } }")
    assert copy == {
        "priority": 9,
        "carrierReference": "C-77",
        "dropoff": {"instructions": "Use the ramp", "contact": {"name": "Hugo"}},
    }
    assert (await pair.merchant.order(job.order_id, "carrierReference"))["carrierReference"] == "C-77"


async def test_the_merchant_cannot_move_what_a_carrier_has(pair: Pair) -> None:
    job = await pair.accepted()
    async with pair.merchant.services.db.snapshot(pair.merchant.tenant_id) as tx:
        version = await tx.fetchval("SELECT version FROM orders WHERE id = $1", uuid_of(job.order_id))
    with pytest.raises(DoorstepError) as refusal:
        async with pair.merchant.scope() as scope:
            await move(scope, job.order_id, OrderStatus.PICKED_UP)
    assert refusal.value.code is ProblemCode.ORDER_TAKEN
    assert (await pair.merchant.order(job.order_id, "version"))["version"] == version


async def test_report_order_is_for_orders_that_came_by_a_tender(pair: Pair) -> None:
    own = await pair.carrier.place()
    assert await refused(pair.carrier, "reportOrder", orderId=own["id"], act="PICK_UP") == ["ILLEGAL_TRANSITION"]
    job = await pair.accepted()
    assert await refused(pair.merchant, "reportOrder", orderId=job.order_id, act="PICK_UP") == ["ILLEGAL_TRANSITION"]
    assert await refused(pair.merchant, "reportOrder", orderId=job.copy_id, act="PICK_UP") == ["NOT_FOUND"]
    assert await refused(pair.carrier, "reportOrder", orderId=job.copy_id, act="DELIVER") == ["ILLEGAL_TRANSITION"]
    assert await refused(pair.carrier, "reportOrder", orderId=job.copy_id, act="RETURN") == ["ILLEGAL_TRANSITION"]
    assert await refused(
        pair.carrier, "reportOrder", orderId=job.copy_id, act="ASSIGN", occurredAt="2099-01-01T00:00:00Z"
    ) == ["INVALID_VALUE"]
    assert await refused(
        pair.carrier, "reportOrder", orderId=job.copy_id, act="ASSIGN", proof=[{"kind": "NOTE", "note": "x"}]
    ) == ["INVALID_VALUE"]


# ── deadlines and ranks ─────────────────────────────────────────────────────────────────────────────────


async def test_after_its_deadline_an_offer_is_refused_also_before_anybody_has_swept(pair: Pair) -> None:
    [order_id], [tender_id] = await pair.offered()
    await pair.expire()
    assert await refused(pair.carrier, "acceptTender", ids=[tender_id]) == ["TENDER_EXPIRED"]
    assert await refused(pair.carrier, "declineTender", ids=[tender_id], reason="TIME") == ["TENDER_EXPIRED"]
    await pair.pass_deadlines()
    await pair.relay()
    assert await pair.merchant.order(order_id, "status tenders { status }") == {
        "status": "PENDING",
        "tenders": [{"status": "EXPIRED"}],
    }
    assert (await all_types(pair.carrier))[-1] == "TenderExpired"
    assert await refused(pair.carrier, "acceptTender", ids=[tender_id]) == ["TENDER_EXPIRED"]


async def test_the_first_carrier_that_accepts_in_time_gets_it(pair: Pair, office: Any) -> None:
    second, third = await office.desk(), await office.desk()
    ranks = [pair.id, await partnership(pair.merchant, second), await partnership(pair.merchant, third)]
    order = await pair.order()
    offers = [
        {"partnershipId": one, "priceMinor": 500 + 100 * rank, "deadlineSeconds": 60} for rank, one in enumerate(ranks)
    ]
    await do(pair.merchant, "tenderOrder", orderIds=[order["id"]], offers=offers)
    assert (await tenders_of(second), await tenders_of(third)) == ([], [])
    await do(pair.carrier, "declineTender", ids=[(await tenders_of(pair.carrier))[0]["id"]], reason="PRICE")
    await pair.relay()
    [asked] = await tenders_of(second)
    assert (asked["status"], asked["priceMinor"]) == ("OFFERED", 600)
    assert (await pair.merchant.order(order["id"], "status"))["status"] == "OFFERED"
    await pair.expire()
    await pair.pass_deadlines()
    await pair.relay()
    [last] = await tenders_of(third)
    accepted = await do(third, "acceptTender", ids=[last["id"]])
    assert not codes(accepted)
    await pair.relay()
    shown = await pair.merchant.order(order["id"], "status carrierTender { id } tenders { status }")
    assert shown == {
        "status": "ASSIGNED",
        "carrierTender": {"id": last["id"]},
        "tenders": [{"status": s} for s in ("DECLINED", "EXPIRED", "ACCEPTED")],
    }
    assert [kind for kind, _ in await log_of(pair.merchant, order["id"])] == [
        "OrderPlaced", "TenderOffered", "OrderStatusChanged", "TenderDeclined", "TenderOffered", "TenderExpired", "TenderOffered", "TenderAccepted",
        "OrderStatusChanged",
    ]  # fmt: skip


async def test_after_the_last_carrier_the_order_is_pending_and_one_that_ended_has_no_turn(
    pair: Pair, office: Any
) -> None:
    second, third = await office.desk(), await office.desk()
    ended, last = await partnership(pair.merchant, second), await partnership(pair.merchant, third)
    order = await pair.order()
    await do(
        pair.merchant,
        "tenderOrder",
        orderIds=[order["id"]],
        offers=[{"partnershipId": one} for one in (pair.id, ended, last)],
    )
    await do(second, "endPartnership", id=ended)
    await do(pair.carrier, "declineTender", ids=[(await tenders_of(pair.carrier))[0]["id"]], reason="OTHER")
    await pair.relay()
    assert await tenders_of(second) == []
    await do(third, "declineTender", ids=[(await tenders_of(third))[0]["id"]], reason="OTHER")
    await pair.relay()
    assert (await pair.merchant.order(order["id"], "status"))["status"] == "PENDING"
    offers = [{"partnershipId": pair.id}, {"partnershipId": pair.id}]
    assert await refused(pair.merchant, "tenderOrder", orderIds=[order["id"]], offers=offers) == ["INVALID_VALUE"]
    offers = [{"partnershipId": pair.id, "deadlineSeconds": 1}]
    assert await refused(pair.merchant, "tenderOrder", orderIds=[order["id"]], offers=offers) == ["INVALID_VALUE"]


async def tenders_of(desk: Desk) -> list[dict[str, Any]]:
    """What a carrier was offered."""
    nodes: list[dict[str, Any]] = (await desk.data("{ tenders { nodes { id status priceMinor } } }"))["tenders"][
        "nodes"
    ]
    return nodes


async def test_a_carrier_may_give_an_order_on_and_everything_flows_through(pair: Pair, office: Any) -> None:
    job = await pair.accepted()
    sub = await office.desk()
    onward = Pair(pair.carrier, sub, await partnership(pair.carrier, sub), "", Relay())
    offered = await do(pair.carrier, "tenderOrder", orderIds=[job.copy_id], offers=[{"partnershipId": onward.id}])
    assert not codes(offered)
    await pair.relay()
    assert (await job.statuses())[:2] == ("ASSIGNED", "OFFERED")
    taken = await do(sub, "acceptTender", ids=[offered["results"][0]["tender"]["id"]])
    last_id = taken["results"][0]["tender"]["order"]["id"]
    for act in ("PICK_UP", "DELIVER"):
        assert not codes(await do(sub, "reportOrder", "order { id }", orderId=last_id, act=act))
    await pair.relay()
    assert await job.statuses() == ("DELIVERED", "DELIVERED", "FULFILLED")
    assert await job.way() == ["OFFERED", "ASSIGNED", "PICKED_UP", "AT_DROPOFF", "DELIVERED"]


async def test_a_new_contact_is_not_mixed_with_the_one_before(pair: Pair) -> None:
    job = await pair.accepted()
    await do(pair.merchant, "updatePartnership", id=pair.id, sharedFields=["CONTACT_EMAIL"])
    hugo = {"name": "Hugo H.", "phone": "+423 232 99 99", "email": "hugo@example.org"}
    assert not codes(await do(pair.merchant, "updateOrder", id=job.order_id, dropoff={"contact": hugo}))
    await pair.relay()
    copy = await pair.carrier.order(job.copy_id, "dropoff { contact { name phone email } instructions }")
    assert copy["dropoff"]["contact"] == {"name": None, "phone": None, "email": "hugo@example.org"}
    assert copy["dropoff"]["instructions"] == "Ring twice"  # the door is the same
    await do(pair.merchant, "updatePartnership", id=pair.id, sharedFields=[])
    await do(pair.merchant, "updateOrder", id=job.order_id, dropoff={"contact": {"name": "Ida"}})
    await pair.relay()
    copy = await pair.carrier.order(job.copy_id, "dropoff { contact { name phone email } }")
    assert not any((copy["dropoff"]["contact"] or {}).values())


async def test_nothing_has_happened_to_an_order_before_the_carrier_had_it(pair: Pair) -> None:
    job = await pair.accepted()
    yesterday, just_now = (datetime.now(UTC) - timedelta(days=1)).isoformat(), datetime.now(UTC).isoformat()
    early = {"orderId": job.copy_id, "act": "DEPART", "occurredAt": yesterday}
    assert await refused(pair.carrier, "reportOrder", **early) == ["INVALID_VALUE"]
    await job.report("DEPART", occurredAt=just_now)
