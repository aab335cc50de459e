"""Furnishings of two companies: a partnership and tenders, of which the desk's tenant is one side and a neighbour the other."""

from tests.isolation.desks import FURNISHINGS, Desk, furnishing
from tests.isolation.furnishings import new_order


async def _partnership(merchant: Desk, carrier: Desk) -> str:
    made = await merchant.made("invitePartner", "token partnership { id }")
    await carrier.made("acceptPartnership", "partnership { id }", token=made["token"])
    partnership_id: str = made["partnership"]["id"]
    return partnership_id


async def _tender(merchant: Desk, partnership_id: str, order_id: str) -> str:
    made = await merchant.made(
        "tenderOrder",
        "results { tender { id } problems { code message path } }",
        orderIds=[order_id],
        offers=[{"partnershipId": partnership_id}],
    )
    tender_id: str = made["results"][0]["tender"]["id"]
    return tender_id


@furnishing("partnership")
async def _partnerships(desk: Desk) -> dict[str, str]:
    """One as the merchant, and one as the carrier: acts of both sides are walked. Of two companies one at a time is in force each way."""
    assert desk.neighbour is not None
    desk.neighbour.ids |= await FURNISHINGS["depot"](desk.neighbour)
    made = {}
    for kind, merchant, carrier in (
        ("partnership", desk, desk.neighbour),
        ("partnership:carrier", desk.neighbour, desk),
    ):
        if not await _in_force(desk, desk.ids.get(kind)):
            made[kind] = await _partnership(merchant, carrier)
    return made


async def _in_force(desk: Desk, partnership_id: str | None) -> bool:
    if partnership_id is None:
        return False
    document = "query($id: ID!) { partnership(id: $id) { status } }"
    return bool((await desk.read(document, id=partnership_id))["partnership"]["status"] == "ACTIVE")


@furnishing("tender")
async def _tenders(desk: Desk) -> dict[str, str]:
    assert desk.neighbour is not None
    mine, theirs = await new_order(desk), await new_order(desk.neighbour)
    return {
        "tender": await _tender(desk, desk.ids["partnership"], mine["id"]),
        "order:tendered": mine["id"],
        "tender:carrier": await _tender(desk.neighbour, desk.ids["partnership:carrier"], theirs["id"]),
    }
