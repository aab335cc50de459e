"""Nothing moves in a tenant that is suspended, and what was meant for it comes when it goes on."""

from tests.orders.conftest import Desk, Office
from tests.partners.conftest import Pair, codes, do, partnership
from tests.partners.test_operated import row_of

from doorstep.identity.service.operating import resume, suspend


async def suspended(desk: Desk) -> None:
    await suspend(desk.services.system, await row_of(desk))


async def resumed(desk: Desk) -> None:
    await resume(desk.services.system, await row_of(desk))


async def held_places(desk: Desk) -> int:
    async with desk.services.system.transaction() as tx:
        count: int = await tx.fetchval(
            "SELECT count(*) FROM consumers WHERE tenant_id = $1 AND name LIKE 'partners.relay:%'", desk.tenant_id
        )
        return count


async def status(desk: Desk, order_id: str) -> str:
    found: str = (await desk.order(order_id, "status"))["status"]
    return found


async def test_a_suspended_merchant_hears_nothing_until_it_goes_on_and_others_do(pair: Pair, office: Office) -> None:
    job = await pair.accepted()
    other = await office.desk()
    theirs = Pair(other, pair.carrier, await partnership(other, pair.carrier), await other.depot(), pair.relay_runs)
    await pair.relay()
    await suspended(pair.merchant)
    before = await job.way()
    for act in ("DEPART", "PICK_UP"):
        await job.report(act)
    await pair.relay()
    assert await job.way() == before
    # The same carrier's log goes on for everybody else.
    elsewhere = await theirs.accepted()
    assert await status(other, elsewhere.order_id) == "ASSIGNED"
    await resumed(pair.merchant)
    await job.report("DEPART")  # comes after what was held back
    await pair.relay()
    assert (await job.way())[len(before) :] == ["EN_ROUTE_TO_PICKUP", "PICKED_UP", "EN_ROUTE_TO_DROPOFF"]
    assert await held_places(pair.carrier) == 0


async def test_the_log_of_a_suspended_carrier_is_not_followed(pair: Pair) -> None:
    job = await pair.accepted()
    await job.report("DEPART")
    await suspended(pair.carrier)
    await pair.relay()
    assert await status(pair.merchant, job.order_id) == "ASSIGNED"
    await resumed(pair.carrier)
    await pair.relay()
    assert await status(pair.merchant, job.order_id) == "EN_ROUTE_TO_PICKUP"


async def test_the_deadlines_of_a_suspended_merchant_wait(pair: Pair) -> None:
    [order_id], _ = await pair.offered()
    await do(pair.merchant, "updatePartnership", id=pair.id, validUntil="2099-01-01T00:00:00Z")
    await pair.expire()
    async with pair.merchant.services.system.transaction() as tx:
        await tx.execute("UPDATE partnerships SET valid_until = now() WHERE merchant_id = $1", pair.merchant.tenant_id)
    await suspended(pair.merchant)
    await pair.pass_deadlines()
    assert await status(pair.merchant, order_id) == "OFFERED"
    await resumed(pair.merchant)
    await pair.pass_deadlines()
    assert await status(pair.merchant, order_id) == "PENDING"


async def test_a_tenant_that_is_being_closed_stops_nobody(pair: Pair) -> None:
    job = await pair.accepted()
    await suspended(pair.merchant)
    await job.report("DEPART")
    await pair.relay()
    assert await held_places(pair.carrier) == 1
    async with pair.merchant.services.system.transaction() as tx:
        await tx.execute("UPDATE tenants SET status = 'CLOSING' WHERE id = $1", pair.merchant.tenant_id)
    await pair.relay()
    await job.report("PICK_UP")
    await pair.relay()
    assert await held_places(pair.carrier) == 0
    assert await status(pair.merchant, job.order_id) == "ASSIGNED"
    assert not codes(await do(pair.carrier, "endPartnership", id=pair.id))
