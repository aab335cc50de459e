"""Partners whose operator holds them to quotas, exports, suspends or closes them."""

import gzip

import orjson
from tests.orders.conftest import Desk, Office
from tests.partners.conftest import Pair, all_types, do, partnership, refused

from doorstep.identity.service import tenant_by_slug
from doorstep.identity.service.closing import erase, record_export
from doorstep.identity.service.exporting import Manifest, export
from doorstep.identity.service.operating import set_quotas, suspend
from doorstep.kernel.db import Row
from doorstep.partners.jobs import leave_partners
from doorstep.partners.reads import count_open_tenders


async def row_of(desk: Desk) -> Row:
    async with desk.services.system.transaction() as tx:
        slug = await tx.fetchval("SELECT slug FROM tenants WHERE id = $1", desk.tenant_id)
    return await tenant_by_slug(desk.services.system, slug)


async def exported(desk: Desk) -> Manifest:
    manifest = Manifest()
    async for _ in export(desk.services.system, desk.tenant_id, manifest):
        pass
    return manifest


async def closed(desk: Desk) -> Row:
    """As ``doorstep tenant close --leave-partners`` does it."""
    system, tenant = desk.services.system, await row_of(desk)
    await suspend(system, tenant)
    assert await leave_partners(system, system, desk.tenant_id)
    await record_export(system, tenant, await exported(desk))
    return await erase(system, desk.tenant_id)


async def rows_of(desk: Desk, table: str, holder: str = "tenant_id") -> int:
    async with desk.services.system.transaction() as tx:
        count: int = await tx.fetchval(f"SELECT count(*) FROM {table} WHERE {holder} = $1", desk.tenant_id)
        return count


async def test_an_order_that_a_carrier_accepts_counts_for_the_carrier(pair: Pair) -> None:
    system = pair.carrier.services.system
    await pair.accepted()
    assert await rows_of(pair.carrier, "usage_days") == 1
    _, tenders = await pair.offered(2)
    await set_quotas(system, await row_of(pair.carrier), {"orders_per_day": 2})
    assert await refused(pair.carrier, "acceptTender", ids=tenders) == ["QUOTA_EXCEEDED"]
    payload = await do(pair.carrier, "acceptTender", ids=tenders[:1])
    assert not payload["problems"]
    assert payload["results"][0]["tender"]["status"] == "ACCEPTED"


async def test_a_tender_is_in_the_export_of_both_sides_and_counts_as_open(pair: Pair) -> None:
    job = await pair.accepted()
    for side in (pair.merchant, pair.carrier):
        manifest = await exported(side)
        assert (manifest.rows["partnerships"], manifest.rows["tenders"], manifest.rows["orders"]) == (1, 1, 1)
        async with side.services.system.transaction() as tx:
            assert await count_open_tenders(tx, side.tenant_id) == 1
    for act in ("ASSIGN", "DEPART", "ARRIVE", "PICK_UP", "DEPART", "ARRIVE", "DELIVER"):
        await job.report(act)
        await pair.relay()
    async with pair.merchant.services.system.transaction() as tx:
        assert await count_open_tenders(tx, pair.merchant.tenant_id) == 0


async def test_a_pin_that_is_not_shared_is_not_in_the_carriers_export(pair: Pair) -> None:
    await pair.accepted(proofRequired={"kinds": ["PIN"], "pin": "1234"})
    pins = {}
    for side in (pair.merchant, pair.carrier):
        stream = b"".join([piece async for piece in export(side.services.system, side.tenant_id, Manifest())])
        rows = [orjson.loads(line) for line in gzip.decompress(stream).splitlines()]
        pins[side.tenant_id] = [row["row"]["pin"] for row in rows if row.get("table") == "orders"]
        assert b'"sha256:' not in gzip.decompress(stream)
    assert pins == {pair.merchant.tenant_id: ["1234"], pair.carrier.tenant_id: ["hidden"]}


async def test_a_merchant_is_closed_and_its_carrier_keeps_its_own_and_works_on(pair: Pair) -> None:
    job = await pair.accepted()
    receipt = await closed(pair.merchant)
    assert receipt["erased"]["tenders"] == 1
    assert await rows_of(pair.carrier, "tenders", "carrier_id") == 0
    assert await rows_of(pair.carrier, "orders") == 1
    await job.report("ASSIGN")
    await pair.relay()
    assert (await pair.carrier.order(job.copy_id, "status"))["status"] == "ASSIGNED"


async def test_a_carrier_is_closed_and_its_merchants_get_back_what_it_has_not_fetched(pair: Pair) -> None:
    job, fetched = await pair.accepted(), await pair.accepted()
    await fetched.report("PICK_UP")
    [offered], _ = await pair.offered()
    await closed(pair.carrier)
    assert await rows_of(pair.merchant, "tenders", "merchant_id") == 0
    statuses = [
        (await pair.merchant.order(order_id, "status"))["status"]
        for order_id in (job.order_id, offered, fetched.order_id)
    ]
    assert statuses == ["PENDING", "PENDING", "PICKED_UP"]
    told = await all_types(pair.merchant)
    assert [told.count(kind) for kind in ("TenderReleased", "TenderDeclined", "PartnershipEnded")] == [1, 1, 1]
    assert not (await do(pair.merchant, "cancelOrder", "order { status }", id=job.order_id))["problems"]
    await pair.relay()


async def test_a_merchant_says_itself_how_it_ended_with_what_a_closed_carrier_had_on_board(pair: Pair) -> None:
    delivered, returned = await pair.accepted(), await pair.accepted()
    for job in (delivered, returned):
        await job.report("PICK_UP")
    await pair.relay()
    report = {"orderId": delivered.order_id, "act": "DELIVER"}
    assert await refused(pair.merchant, "reportOrder", **report) == ["ILLEGAL_TRANSITION"]  # the carrier will say it
    await closed(pair.carrier)
    assert not (await do(pair.merchant, "reportOrder", **report))["problems"]
    assert not (await do(pair.merchant, "cancelOrder", id=returned.order_id))["problems"]
    assert not (await do(pair.merchant, "reportOrder", orderId=returned.order_id, act="HAND_BACK"))["problems"]
    statuses = [(await pair.merchant.order(job.order_id, "status"))["status"] for job in (delivered, returned)]
    assert statuses == ["DELIVERED", "RETURNED"]


async def test_what_a_closed_carrier_gave_on_comes_back_all_the_way(pair: Pair, office: Office) -> None:
    job, last = await pair.accepted(), await office.desk()
    through = await partnership(pair.carrier, last)
    payload = await do(pair.carrier, "tenderOrder", orderIds=[job.copy_id], offers=[{"partnershipId": through}])
    payload = await do(last, "acceptTender", ids=[payload["results"][0]["tender"]["id"]])
    await pair.relay()
    await closed(pair.carrier)
    assert (await pair.merchant.order(job.order_id, "status"))["status"] == "PENDING"
    copy_id = payload["results"][0]["tender"]["order"]["id"]
    assert (await last.order(copy_id, "status"))["status"] == "CANCELLED"


async def test_a_suspended_merchant_is_told_by_a_carrier_that_is_closed(pair: Pair) -> None:
    job = await pair.accepted()
    await suspend(pair.merchant.services.system, await row_of(pair.merchant))
    await job.report("DEPART")
    await pair.relay()
    await closed(pair.carrier)
    assert (await pair.merchant.order(job.order_id, "status"))["status"] == "PENDING"
