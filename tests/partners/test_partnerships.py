"""Partnerships: the one-time link, who may redeem it, what is shared, and the end."""

from datetime import UTC, datetime, timedelta

from tests.orders.conftest import Desk
from tests.partners.conftest import Pair, all_types, codes, do, partnership, refused

from doorstep.identity.model import TenantMode
from doorstep.identity.service import NewTenant, create_tenant
from doorstep.kernel.scope import ALL_PERMISSIONS, SYSTEM_ACTOR, Permission, Principal
from doorstep.partners.jobs import Relay

SHOWN = "partnership { id status version sharedFields validUntil merchantName carrierName side }"


def soon(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


async def test_an_invitation_is_redeemed_once(desk: Desk, office) -> None:
    invited = await do(desk, "invitePartner", f"token link {SHOWN}", idempotencyKey="invite")
    assert invited["partnership"]["status"] == "INVITED"
    assert invited["token"].startswith("dsp_")
    assert invited["link"].endswith(f"/graphql#invitation={invited['token']}")
    carrier, late = await office.desk(), await office.desk()
    accepted = await do(carrier, "acceptPartnership", SHOWN, token=invited["link"])
    assert (
        accepted["partnership"]["status"],
        accepted["partnership"]["merchantName"],
        accepted["partnership"]["carrierName"],
    ) == ("ACTIVE", "Test", "Test")
    for other in (late, carrier, desk):
        assert await refused(other, "acceptPartnership", token=invited["token"]) == ["INVITATION_INVALID"]
    async with desk.services.system.transaction() as tx:
        stored = await tx.fetchval(
            "SELECT string_agg(outcome::text, ' ') FROM idempotency_keys WHERE tenant_id = $1", desk.tenant_id
        )
    assert invited["token"] not in stored
    repeated = await do(desk, "invitePartner", f"token link {SHOWN}", idempotencyKey="invite")
    assert (repeated["token"], repeated["link"]) == (None, None)
    assert repeated["partnership"]["id"] == invited["partnership"]["id"]


async def test_what_cannot_be_redeemed(pair: Pair, office) -> None:
    own = (await do(pair.merchant, "invitePartner", "token"))["token"]
    assert await refused(pair.merchant, "acceptPartnership", token=own) == ["INVITATION_INVALID"]
    assert await refused(pair.carrier, "acceptPartnership", token=own) == [
        "INVITATION_INVALID"
    ]  # they are partners already
    assert await refused(pair.carrier, "acceptPartnership", token="dsp_made-up") == ["INVITATION_INVALID"]
    sandbox = await create_tenant(
        office.services.system, NewTenant("sandbox-of-partners", "Sandbox", mode=TenantMode.TEST)
    )
    tester = Desk(
        pair.carrier.schema,
        pair.carrier.services,
        Principal(sandbox, SYSTEM_ACTOR, ALL_PERMISSIONS),
        pair.carrier.statements,
    )
    assert await refused(tester, "acceptPartnership", token=own) == ["INVITATION_INVALID"]
    async with office.services.system.transaction() as tx:
        await tx.execute("UPDATE partnerships SET token_expires_at = now() WHERE token_hash IS NOT NULL")
    assert await refused(await office.desk(), "acceptPartnership", token=own) == ["INVITATION_INVALID"]
    assert await refused(pair.merchant, "invitePartner", expiresInHours=0) == ["INVALID_VALUE"]
    assert await refused(pair.merchant, "invitePartner", validUntil=soon(hours=-1)) == ["INVALID_VALUE"]


async def test_both_sides_read_of_the_partnership_in_their_own_logs(pair: Pair) -> None:
    await do(pair.merchant, "updatePartnership", id=pair.id, validUntil=soon(hours=1))
    await pair.relay()
    await do(pair.carrier, "endPartnership", id=pair.id)
    await pair.relay()
    mine = [kind for kind in await all_types(pair.merchant) if kind.startswith("Partnership")]
    assert mine == ["PartnershipInvited", "PartnershipAccepted", "PartnershipUpdated", "PartnershipEnded"]
    assert await all_types(pair.carrier) == ["PartnershipAccepted", "PartnershipUpdated", "PartnershipEnded"]


async def test_changes_need_the_right_side_version_and_scope(pair: Pair) -> None:
    change = {"id": pair.id, "sharedFields": []}
    assert await refused(pair.merchant, "updatePartnership", **change, ifVersion=1) == ["CONFLICT"]
    changed = await do(pair.merchant, "updatePartnership", SHOWN, **change, ifVersion=2)
    assert (changed["partnership"]["version"], changed["partnership"]["sharedFields"]) == (3, [])
    again = await do(pair.merchant, "updatePartnership", SHOWN, **change)
    assert again["partnership"]["version"] == 3
    reader = pair.merchant.without(Permission.PARTNERS_WRITE)
    assert await reader.errors(
        "mutation($input: EndPartnershipInput!) { endPartnership(input: $input) { problems { code } } }",
        input={"id": pair.id},
    ) == ["FORBIDDEN"]
    stranger = pair.merchant.without(Permission.PARTNERS_READ, Permission.PARTNERS_WRITE)
    assert await stranger.errors("{ partnerships { nodes { id } } }") == ["FORBIDDEN"]


async def test_its_last_day_ends_a_partnership_and_caps_deadlines(office) -> None:
    merchant, carrier = await office.desk(), await office.desk()
    until = soon(hours=1)
    partnership_id = await partnership(merchant, carrier, validUntil=until)
    order = await merchant.place(depotId=await merchant.depot())
    offers = [{"partnershipId": partnership_id, "deadlineSeconds": 604_800}]
    await do(merchant, "tenderOrder", orderIds=[order["id"]], offers=offers)
    tender = (await carrier.data("{ tenders { nodes { id deadlineAt } } }"))["tenders"]["nodes"][0]
    assert datetime.fromisoformat(tender["deadlineAt"]) == datetime.fromisoformat(until)
    async with merchant.services.system.transaction() as tx:
        await tx.execute("UPDATE partnerships SET valid_until = now() WHERE merchant_id = $1", merchant.tenant_id)
    assert await refused(carrier, "acceptTender", ids=[tender["id"]]) == ["PARTNERSHIP_INACTIVE"]
    other = await merchant.place()
    assert await refused(merchant, "tenderOrder", orderIds=[other["id"]], offers=offers) == ["PARTNERSHIP_INACTIVE"]
    pair = Pair(merchant, carrier, partnership_id, "", Relay())
    await pair.pass_deadlines()
    await pair.relay()
    assert (await carrier.data("{ partnerships { nodes { status } } }"))["partnerships"]["nodes"] == [
        {"status": "ENDED"}
    ]
    assert (await merchant.order(order["id"], "status"))["status"] == "PENDING"


async def test_ending_it_takes_open_offers_back_and_lets_accepted_orders_run(pair: Pair) -> None:
    for side, state in ((pair.merchant, "WITHDRAWN"), (pair.carrier, "DECLINED")):
        job = await pair.accepted()
        [offered], [tender_id] = await pair.offered()
        await do(side, "endPartnership", id=pair.id)
        assert await refused(pair.carrier, "acceptTender", ids=[tender_id]) == ["ILLEGAL_TRANSITION"]
        assert await refused(pair.merchant, "endPartnership", id=pair.id) == ["PARTNERSHIP_INACTIVE"]
        await job.report("PICK_UP")
        await pair.relay()
        assert await job.statuses() == ("PICKED_UP", "PICKED_UP", "ACCEPTED")
        order = await pair.merchant.order(offered, "status tenders { status }")
        assert order == {"status": "PENDING", "tenders": [{"status": state}]}
        # A change that the merchant makes still reaches whoever carries the goods.
        await pair.merchant.change("updateOrder", id=job.order_id, dropoff={"instructions": "Back door"})
        await job.report("DELIVER")
        await pair.relay()
        assert await job.statuses() == ("DELIVERED", "DELIVERED", "FULFILLED")
        assert await job.way() == ["OFFERED", "ASSIGNED", "PICKED_UP", "AT_DROPOFF", "DELIVERED"]
        pair.id = await partnership(pair.merchant, pair.carrier)
        await pair.relay()


async def test_partners_again_after_an_end(pair: Pair) -> None:
    await do(pair.merchant, "endPartnership", id=pair.id)
    again = await partnership(pair.merchant, pair.carrier)
    assert again != pair.id
    listed = await pair.carrier.data(
        "{ partnerships(filter: {statuses: [ACTIVE], side: CARRIER}) { totalCount nodes { id } } }"
    )
    assert listed["partnerships"] == {"totalCount": 1, "nodes": [{"id": again}]}
    assert codes(await do(pair.merchant, "endPartnership", id=again)) == []
