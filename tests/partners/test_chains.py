"""Carriers that give orders on to carriers of their own."""

from tests.orders.conftest import Desk, Office
from tests.partners.conftest import Job, Pair, codes, do, partnership, refused

from doorstep.kernel.ids import parse_id


async def given_on(pair: Pair, job: Job, carrier: Desk) -> str:
    """The carrier of the job gives its order on; returns the order of the carrier's carrier."""
    through = await partnership(pair.carrier, carrier)
    await pair.relay()
    payload = await do(pair.carrier, "tenderOrder", orderIds=[job.copy_id], offers=[{"partnershipId": through}])
    assert not codes(payload), payload
    payload = await do(carrier, "acceptTender", ids=[payload["results"][0]["tender"]["id"]])
    assert not codes(payload), payload
    await pair.relay()
    identifier: str = payload["results"][0]["tender"]["order"]["id"]
    return identifier


async def test_a_hidden_pin_is_judged_by_the_carriers_carrier(pair: Pair, desk: Desk) -> None:
    job = await pair.accepted(proofRequired={"kinds": ["PIN"], "pin": "1234"})
    last = await given_on(pair, job, desk)
    assert (await desk.order(last))["proofRequired"] == {"kinds": ["PIN"], "pin": None}
    assert not codes(await do(desk, "reportOrder", orderId=last, act="PICK_UP"))
    wrong = {"orderId": last, "act": "DELIVER", "proof": [{"kind": "PIN", "pin": "9999"}]}
    assert await refused(desk, "reportOrder", **wrong) == ["PROOF_REJECTED"]
    assert not codes(await do(desk, "reportOrder", orderId=last, act="DELIVER", proof=[{"kind": "PIN", "pin": "1234"}]))
    await pair.relay()
    assert await job.statuses() == ("DELIVERED", "DELIVERED", "FULFILLED")


async def test_an_order_never_comes_back_to_a_company_that_gave_it_on(pair: Pair, office: Office) -> None:
    job = await pair.accepted()
    third = await office.desk()
    back = await partnership(pair.carrier, pair.merchant)
    on = await partnership(pair.carrier, third)
    # Also not by the second place of a list, which nobody looks at again.
    for offers in ([back], [on, back]):
        named = [{"partnershipId": one} for one in offers]
        assert await refused(pair.carrier, "tenderOrder", orderIds=[job.copy_id], offers=named) == [
            "ILLEGAL_TRANSITION"
        ]
    payload = await do(pair.carrier, "tenderOrder", orderIds=[job.copy_id], offers=[{"partnershipId": on}])
    payload = await do(third, "acceptTender", ids=[payload["results"][0]["tender"]["id"]])
    last = payload["results"][0]["tender"]["order"]["id"]
    await pair.relay()
    for earlier in (pair.carrier, pair.merchant):
        named = [{"partnershipId": await partnership(third, earlier)}]
        assert await refused(third, "tenderOrder", orderIds=[last], offers=named) == ["ILLEGAL_TRANSITION"]
    # An order of its own may go the other way, of course.
    await pair.carrier.depot()
    own = await pair.carrier.place()
    assert not codes(await do(pair.carrier, "tenderOrder", orderIds=[own["id"]], offers=[{"partnershipId": back}]))


async def test_the_way_of_an_order_is_told_to_who_has_it_alone(pair: Pair, desk: Desk) -> None:
    job = await pair.accepted()
    ask = "SELECT order_id FROM doorstep_would_come_back($1, $2)"
    copy, carriers = parse_id("order", job.copy_id), [pair.merchant.tenant_id]
    told = {}
    for who in (pair.carrier, pair.merchant, desk):
        async with who.services.db.transaction(who.tenant_id) as tx:
            told[who.tenant_id] = len(await tx.fetch(ask, [copy], carriers))
    assert told == {pair.carrier.tenant_id: 1, pair.merchant.tenant_id: 0, desk.tenant_id: 0}
