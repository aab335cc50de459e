"""Furnishings of two companies: partnerships and tenders, of which the desk's tenant is one side and the other is made for it."""

from uuid import uuid4

from tests.isolation.clients import Client
from tests.isolation.desks import COUNTRY, FURNISHINGS, TIME_ZONE, Desk, furnishing
from tests.isolation.furnishings import new_order

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.scope import ALL_PERMISSIONS


async def new_partner(desk: Desk) -> Desk:
    """Another tenant, whose every text is this desk's."""
    services = desk.client.server.services
    slug = f"partner-{uuid4().hex[:12]}"
    tenant_id = await create_tenant(services.system, NewTenant(slug, f"{desk.canary} partner", TIME_ZONE, COUNTRY))
    tenant = await tenant_by_slug(services.system, slug)
    _, key = await create_key(services.system, tenant, "partner", sorted(ALL_PERMISSIONS))
    partner = Desk(slug, Client(desk.client.http, desk.client.server, key), tenant_id, desk.canary)
    partner.ids |= await FURNISHINGS["depot"](partner)
    return partner


@furnishing("tender", alone=True)
async def _partners(desk: Desk) -> dict[str, str]:
    """Partnerships with two other tenants: offered to us, accepted by us, offered by us to the one and in the queue for the other."""
    desk.neighbour = partner = await new_partner(desk)
    second = await new_partner(desk)
    ours, spare = await _partnership(desk, partner), await _partnership(desk, second)
    theirs = await _partnership(partner, desk)
    offered, taken = await _tender(partner, theirs), await _tender(partner, theirs)
    shown = "results { tender { order { id } } problems { code } }"
    accepted = await desk.made("acceptTender", shown, ids=[taken])
    return {
        "partnership": ours,
        "partnership:spare": spare,
        "partnership:carrier": theirs,
        "tender": await _tender(desk, ours, spare),
        "tender:carrier": offered,
        "tender:taken": taken,
        "order:copy": accepted["results"][0]["tender"]["order"]["id"],
    }


async def _partnership(merchant: Desk, carrier: Desk) -> str:
    invited = await merchant.made("invitePartner", "token partnership { id }")
    await carrier.made("acceptPartnership", "partnership { id }", token=invited["token"])
    partnership_id: str = invited["partnership"]["id"]
    return partnership_id


async def _tender(merchant: Desk, *partnership_ids: str) -> str:
    """An order of the merchant's, offered to its carriers in turn; the first one's tender."""
    order = await new_order(merchant)
    offers = [{"partnershipId": one, "priceMinor": 700} for one in partnership_ids]
    shown = "results { tender { id } problems { code } }"
    made = await merchant.made("tenderOrder", shown, orderIds=[order["id"]], offers=offers)
    tender_id: str = made["results"][0]["tender"]["id"]
    return tender_id
