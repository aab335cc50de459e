"""Offering, answering, and what each side may know; every refusal is typed and writes nothing."""

import json

from tests.partners.conftest import Job, Pair, all_types, codes, do, log_of, partnership, refused

SECRETS = ("Greta", "greta@", "232 11 11", "Ring twice", "4711#", "Städtle")


async def test_a_tendered_order_reaches_the_carrier_and_becomes_its_own(pair: Pair) -> None:
    [order_id], [tender_id] = await pair.offered(reference="R-1")
    assert (await pair.merchant.order(order_id, "status carrierTender { id }")) == {
        "status": "OFFERED",
        "carrierTender": {"id": tender_id},
    }
    await pair.relay()
    assert (await all_types(pair.carrier))[-1] == "TenderOffered"
    payload = await do(pair.carrier, "acceptTender", ids=[tender_id])
    copy_id = payload["results"][0]["tender"]["order"]["id"]
    assert payload["results"][0]["tender"]["status"] == "ACCEPTED"
    await pair.relay()
    copy = await pair.carrier.order(copy_id)
    assert (copy["kind"], copy["status"], copy["custody"]) == ("PICKUP_AND_DELIVERY", "PENDING", "SENDER")
    assert copy["displayReference"] == "R-1"
    assert copy["reference"] is None
    assert copy["dropoff"]["contact"] == {"name": "Greta G.", "phone": "+4232321111", "email": None}
    assert (copy["dropoff"]["instructions"], copy["dropoff"]["accessCode"]) == ("Ring twice", "4711#")
    assert [package["barcode"] for package in copy["packages"]] == ["B-1"]
    assert copy["pickup"]["address"]["city"] == "Vaduz"
    assert await Job(pair, order_id, copy_id, tender_id).way() == ["OFFERED", "ASSIGNED"]
    assert (await log_of(pair.merchant, order_id))[-2:] == [
        ("TenderAccepted", None),
        ("OrderStatusChanged", "ASSIGNED"),
    ]


async def test_before_acceptance_the_carrier_sees_price_load_windows_pickup_and_the_area_alone(pair: Pair) -> None:
    windows = [{"start": "2027-03-01T10:00:00Z", "end": "2027-03-01T11:00:00Z"}]
    dropoff = {
        "address": {"line1": "Städtle 49", "city": "Vaduz", "postalCode": "9490"}, "coordinates": {"latitude": 47.1, "longitude": 9.5},
        "contact": {"name": "Greta G."}, "instructions": "Ring twice", "accessCode": "4711#", "windows": windows,
    }  # fmt: skip
    _, [tender_id] = await pair.offered(dropoff=dropoff)
    query = """query($id: ID!) { tender(id: $id) { status side priceMinor currency deadlineAt load { items } order { id } dropoffWindows { start end }
        dropoffArea { postalCode city country } pickup { address { line1 city } coordinates { latitude } windows { start } }
        partnership { merchantName carrierName } } }"""
    tender = (await pair.carrier.data(query, id=tender_id))["tender"]
    assert tender["side"] == "CARRIER"
    assert (tender["priceMinor"], tender["currency"], tender["load"]) == (750, "EUR", {"items": 1})
    assert tender["dropoffArea"] == {"postalCode": "9490", "city": "Vaduz", "country": "LI"}
    assert tender["dropoffWindows"] == windows
    assert tender["order"] is None
    # The row itself, as the carrier's database role sees it, holds no more than that.
    async with pair.carrier.services.db.snapshot(pair.carrier.tenant_id) as tx:
        rows = [dict(row) for row in await tx.fetch("SELECT * FROM tenders")]
        rows += [dict(row) for row in await tx.fetch("SELECT * FROM partnerships")]
        assert await tx.fetch("SELECT * FROM doorstep_shared_orders((SELECT array_agg(id) FROM tenders))") == []
    text = json.dumps([{name: value for name, value in row.items() if name != "pickup"} for row in rows], default=str)
    assert not any(secret in text for secret in SECRETS)


async def test_only_what_the_partnership_shares_reaches_the_copy(pair: Pair) -> None:
    payload = await do(
        pair.merchant,
        "updatePartnership",
        "partnership { sharedFields version }",
        id=pair.id,
        sharedFields=["CONTACT_EMAIL"],
    )
    assert payload["partnership"]["sharedFields"] == ["CONTACT_EMAIL"]
    job = await pair.accepted(reference="R-2", proofRequired={"kinds": ["PIN"], "pin": "1234"}, metadata={"vip": True})
    copy = await pair.carrier.order(job.copy_id)
    assert copy["dropoff"]["contact"] == {"name": None, "phone": None, "email": "greta@example.org"}
    assert (copy["displayReference"], copy["dropoff"]["instructions"], copy["dropoff"]["accessCode"]) == (
        None,
        None,
        None,
    )
    assert (copy["packages"], copy["metadata"]) == ([], {})
    assert copy["load"]["items"] == 1
    assert copy["proofRequired"] == {"kinds": ["PIN"], "pin": None}


async def test_what_must_be_frozen_reaches_the_copy_with_the_skills_or_the_packages(pair: Pair) -> None:
    frozen = [{"compartment": "frozen", "load": {"items": 2}}]
    shown = "packages { compartment } load { compartments { name items } }"
    for fields, packages, compartments in (
        (["PACKAGES"], [{"compartment": "frozen"}], [{"name": "frozen", "items": 2}]),
        (["SKILLS"], [], [{"name": "frozen", "items": 2}]),
        (["METADATA"], [], []),
    ):
        await do(pair.merchant, "updatePartnership", "partnership { version }", id=pair.id, sharedFields=fields)
        job = await pair.accepted(packages=frozen)
        copy = await pair.carrier.order(job.copy_id, shown)
        assert copy == {"packages": packages, "load": {"compartments": compartments}}, fields


async def test_a_pin_that_is_not_shared_is_judged_all_the_same(pair: Pair) -> None:
    job = await pair.accepted(proofRequired={"kinds": ["PIN"], "pin": "1234"})
    await job.report("PICK_UP")
    wrong = {"orderId": job.copy_id, "act": "DELIVER", "proof": [{"kind": "PIN", "pin": "9999"}]}
    assert await refused(pair.carrier, "reportOrder", **wrong) == ["PROOF_REJECTED"]
    assert await refused(pair.carrier, "reportOrder", orderId=job.copy_id, act="DELIVER") == ["PROOF_REQUIRED"]
    await job.report("DELIVER", proof=[{"kind": "PIN", "pin": "1234"}])
    await pair.relay()
    order = await pair.merchant.order(job.order_id, "status proofs { kind stop { id } } attempts { number outcome }")
    assert order == {
        "status": "DELIVERED",
        "proofs": [{"kind": "PIN", "stop": None}],
        "attempts": [{"number": 1, "outcome": "DELIVERED"}],
    }


async def test_a_tender_without_a_partnership_is_refused(pair: Pair, desk) -> None:
    order = await pair.order()
    theirs = await partnership(desk, pair.carrier)
    for partnership_id in ("partnership_01jd2n00000000000000000000", theirs):
        offers = [{"partnershipId": partnership_id}]
        assert await refused(pair.merchant, "tenderOrder", orderIds=[order["id"]], offers=offers) == ["NOT_FOUND"]
    # The carrier is no merchant of that partnership, and an invitation that nobody redeemed joins nobody.
    own = await pair.carrier.place()
    assert await refused(pair.carrier, "tenderOrder", orderIds=[own["id"]], offers=[{"partnershipId": pair.id}]) == [
        "NOT_FOUND"
    ]
    invited = (await do(pair.merchant, "invitePartner", "partnership { id }"))["partnership"]["id"]
    offers = [{"partnershipId": invited}]
    assert await refused(pair.merchant, "tenderOrder", orderIds=[order["id"]], offers=offers) == [
        "PARTNERSHIP_INACTIVE"
    ]


async def test_a_second_tender_is_refused_and_names_the_first(pair: Pair) -> None:
    [order_id], [tender_id] = await pair.offered()
    offers = [{"partnershipId": pair.id}]
    assert await refused(pair.merchant, "tenderOrder", orderIds=[order_id], offers=offers) == ["ALREADY_TENDERED"]
    payload = await do(pair.merchant, "tenderOrder", orderIds=[order_id], offers=offers)
    assert payload["results"][0]["problems"][0]["existingId"] == tender_id
    await do(pair.carrier, "acceptTender", ids=[tender_id])
    await pair.relay()
    assert await refused(pair.merchant, "tenderOrder", orderIds=[order_id], offers=offers) == ["ALREADY_TENDERED"]


async def test_delivered_unknown_and_unlocated_orders_are_refused_and_the_others_offered(pair: Pair) -> None:
    job = await pair.accepted()
    await job.report("PICK_UP")
    await job.report("DELIVER")
    await pair.relay()
    cancelled = await pair.order()
    await pair.merchant.change("cancelOrder", id=cancelled["id"])
    lost = await pair.merchant.place(
        dropoff={"address": {"line1": "Nowhere 1", "city": "Vaduz"}}, depotId=pair.depot_id
    )
    fine = await pair.order()
    ids = [cancelled["id"], lost["id"], "order_01jd2n00000000000000000000", "nonsense"]
    offers = [{"partnershipId": pair.id}]
    assert await refused(pair.merchant, "tenderOrder", orderIds=ids, offers=offers) == [
        "ILLEGAL_TRANSITION", "NOT_PLANNABLE", "NOT_FOUND", "INVALID_ID",
    ]  # fmt: skip
    assert await refused(pair.merchant, "tenderOrder", orderIds=[job.order_id], offers=offers) == ["ALREADY_TENDERED"]
    payload = await do(pair.merchant, "tenderOrder", orderIds=[*ids, fine["id"]], offers=offers)
    assert [one["tender"] is not None for one in payload["results"]] == [False, False, False, False, True]
    assert await refused(pair.merchant, "tenderOrder", orderIds=[fine["id"]] * 251, offers=offers) == ["TOO_MANY_ITEMS"]


async def test_a_delivered_order_of_our_own_is_refused(pair: Pair) -> None:
    order = await pair.order()
    async with pair.merchant.services.system.transaction() as tx:
        await tx.execute("UPDATE orders SET status = 'DELIVERED' WHERE tenant_id = $1", pair.merchant.tenant_id)
    offers = [{"partnershipId": pair.id}]
    assert await refused(pair.merchant, "tenderOrder", orderIds=[order["id"]], offers=offers) == ["ILLEGAL_TRANSITION"]


async def test_a_declined_order_is_pending_again_with_the_reason_told(pair: Pair) -> None:
    [order_id], [tender_id] = await pair.offered()
    payload = await do(pair.carrier, "declineTender", ids=[tender_id], reason="AREA")
    assert payload["results"][0]["tender"]["reason"] == "AREA"
    assert await refused(pair.carrier, "acceptTender", ids=[tender_id]) == ["ILLEGAL_TRANSITION"]
    await pair.relay()
    order = await pair.merchant.order(order_id, "status carrierTender { id } tenders { status reason }")
    assert order == {"status": "PENDING", "carrierTender": None, "tenders": [{"status": "DECLINED", "reason": "AREA"}]}
    assert (await log_of(pair.merchant, order_id))[-2:] == [("TenderDeclined", None), ("OrderStatusChanged", "PENDING")]


async def test_a_withdrawn_offer_cannot_be_accepted(pair: Pair) -> None:
    [order_id], [tender_id] = await pair.offered()
    assert await refused(pair.carrier, "withdrawTender", ids=[tender_id]) == ["NOT_FOUND"]
    await do(pair.merchant, "withdrawTender", ids=[tender_id])
    assert (await pair.merchant.order(order_id, "status"))["status"] == "PENDING"
    assert await refused(pair.carrier, "acceptTender", ids=[tender_id]) == ["ILLEGAL_TRANSITION"]
    assert await refused(pair.merchant, "withdrawTender", ids=[tender_id]) == ["ILLEGAL_TRANSITION"]
    await pair.relay()
    assert (await all_types(pair.carrier))[-2:] == ["TenderOffered", "TenderWithdrawn"]


async def test_a_released_order_is_pending_again_and_the_copy_is_cancelled(pair: Pair) -> None:
    job = await pair.accepted()
    await job.report("ARRIVE")
    await pair.relay()
    assert await job.statuses() == ("AT_PICKUP", "AT_PICKUP", "ACCEPTED")
    assert await refused(pair.merchant, "releaseTender", ids=[job.tender_id], reason="TIME") == ["NOT_FOUND"]
    await do(pair.carrier, "releaseTender", ids=[job.tender_id], reason="NO_VEHICLE")
    await pair.relay()
    assert await job.statuses() == ("PENDING", "CANCELLED", "RELEASED")
    assert (await pair.merchant.order(job.order_id, "carrierTender { id }"))["carrierTender"] is None
    again = await do(pair.merchant, "tenderOrder", orderIds=[job.order_id], offers=[{"partnershipId": pair.id}])
    assert not codes(again)


async def test_goods_on_board_cannot_be_released(pair: Pair) -> None:
    job = await pair.accepted()
    await job.report("PICK_UP")
    assert await refused(pair.carrier, "releaseTender", ids=[job.tender_id], reason="TIME") == ["ILLEGAL_TRANSITION"]


async def test_a_carrier_that_calls_its_copy_off_releases_it(pair: Pair) -> None:
    job = await pair.accepted()
    await pair.carrier.change("cancelOrder", id=job.copy_id)
    await pair.relay()
    assert await job.statuses() == ("PENDING", "CANCELLED", "RELEASED")


async def test_a_repeated_call_has_one_effect(pair: Pair) -> None:
    order = await pair.order()
    call = {"orderIds": [order["id"]], "offers": [{"partnershipId": pair.id}], "idempotencyKey": "once"}
    first = await do(pair.merchant, "tenderOrder", **call)
    assert await do(pair.merchant, "tenderOrder", **call) == first
    tender_id = first["results"][0]["tender"]["id"]
    taken = await do(pair.carrier, "acceptTender", ids=[tender_id], idempotencyKey="take")
    assert await do(pair.carrier, "acceptTender", ids=[tender_id], idempotencyKey="take") == taken
    assert (await pair.carrier.data("{ orders { totalCount } }"))["orders"]["totalCount"] == 1


async def test_many_orders_take_as_many_statements_as_one(pair: Pair) -> None:
    counts = []
    for number in (1, 40):
        ids = [(await pair.order())["id"] for _ in range(number)]
        with pair.merchant.statements.counted() as offering:
            payload = await do(pair.merchant, "tenderOrder", orderIds=ids, offers=[{"partnershipId": pair.id}])
        with pair.carrier.statements.counted() as accepting:
            await do(pair.carrier, "acceptTender", ids=[one["tender"]["id"] for one in payload["results"]])
        with pair.merchant.statements.counted() as listing:
            await pair.merchant.data(
                "{ orders { nodes { carrierTender { partnership { id } } tenders { id } merchantTender { id } } } }"
            )
        counts.append((len(offering), len(accepting), len(listing)))
    assert counts[0] == counts[1]


async def test_250_orders_at_once(pair: Pair) -> None:
    made = await pair.merchant.place_many(
        [
            {
                "dropoff": {
                    "address": {"line1": "A 1", "city": "Vaduz"},
                    "coordinates": {"latitude": 47.1, "longitude": 9.5},
                },
                "depotId": pair.depot_id,
            }
        ]
        * 250
    )
    ids = [one["order"]["id"] for one in made["results"]]
    payload = await do(pair.merchant, "tenderOrder", orderIds=ids, offers=[{"partnershipId": pair.id}])
    tenders = [one["tender"]["id"] for one in payload["results"]]
    assert not codes(await do(pair.carrier, "acceptTender", ids=tenders))
    await pair.relay()
    counted = await pair.merchant.data(
        "{ orders(filter: {statuses: [ASSIGNED]}) { totalCount } tenders(filter: {statuses: [ACCEPTED]}) { totalCount } }"
    )
    assert counted == {"orders": {"totalCount": 250}, "tenders": {"totalCount": 250}}
