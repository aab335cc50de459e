"""How one object of each kind is made, through the public API, with a canary in every text that a client may write.

To add a kind: a function under ``@furnishing("prefix")`` that returns its id, and the ids of what came with it.
"""

from typing import Any
from uuid import uuid4

from tests.isolation.clients import Client
from tests.isolation.desks import COUNTRY, TIME_ZONE, Desk, furnishing, instant

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.scope import ALL_PERMISSIONS

POINT = {"latitude": 47.14, "longitude": 9.52}
ELSEWHERE = {"latitude": 47.16, "longitude": 9.51}


def _address(desk: Desk) -> dict[str, str]:
    text = {name: f"{desk.canary} {name}" for name in ("line1", "line2", "city")}
    return {**text, "postalCode": "9490", "country": COUNTRY}


def _waypoint(desk: Desk, point: dict[str, float]) -> dict[str, Any]:
    return {
        "address": _address(desk),
        "coordinates": point,
        "contact": {"name": desk.canary, "phone": "+423 232 66 11", "email": f"{desk.canary}@example.org"},
        "instructions": desk.canary,
        "accessCode": desk.canary,
        "windows": [{"start": instant(-2), "end": instant(48)}],
    }


@furnishing("depot")
async def _depot(desk: Desk) -> dict[str, str]:
    key = desk.new_name("idempotencyKey")
    desk.names["idempotencyKey"] = [key] * 500  # who tries it is refused and stores nothing
    made = await desk.made(
        "createDepot", "depot { id }",
        name=desk.unique("depot"), address=_address(desk), coordinates=POINT, idempotencyKey=key,
    )  # fmt: skip
    return {"depot": made["depot"]["id"]}


@furnishing("vehicle")
async def _vehicle(desk: Desk) -> dict[str, str]:
    made = await desk.made(
        "createVehicle", "vehicle { id }",
        name=desk.unique("vehicle"), kind="VAN", depotId=desk.ids["depot"], skills=[desk.canary],
    )  # fmt: skip
    position = {"vehicleId": made["vehicle"]["id"], "coordinates": POINT, "occurredAt": instant(0)}
    await desk.made("reportPositions", "results { problems { code } }", positions=[position])
    return {"vehicle": made["vehicle"]["id"]}


@furnishing("driver")
async def _driver(desk: Desk) -> dict[str, str]:
    made = await desk.made(
        "createDriver", "driver { id }", name=desk.unique("driver"), phone="+423 232 66 11", skills=[desk.canary]
    )
    return {"driver": made["driver"]["id"]}


async def _shift(desk: Desk, start: float) -> str:
    who = {"driverId": desk.ids["driver"], "vehicleId": desk.ids["vehicle"], "depotId": desk.ids["depot"]}
    rest = {"start": instant(start + 1), "end": instant(start + 7), "durationSeconds": 60}
    made = await desk.made(
        "createShift", "shift { id }", **who, start=instant(start), end=instant(start + 8), breaks=[rest]
    )
    shift_id: str = made["shift"]["id"]
    return shift_id


@furnishing("shift")
async def _shifts(desk: Desk) -> dict[str, str]:
    return {"shift": await _shift(desk, -1), "shift:free": await _shift(desk, 24)}


async def _order(desk: Desk, point: dict[str, float] = POINT) -> dict[str, Any]:
    made = await desk.made(
        "createOrder", "order { id packages { id } }",
        dropoff=_waypoint(desk, point), depotId=desk.ids["depot"], metadata={desk.canary: [desk.canary]},
        packages=[{"description": desk.canary, "barcode": desk.canary}],
    )  # fmt: skip
    order: dict[str, Any] = made["order"]
    return order


@furnishing("order")
async def _orders(desk: Desk) -> dict[str, str]:
    order, free = await _order(desk), await _order(desk)
    return {"order": order["id"], "pkg": order["packages"][0]["id"], "order:free": free["id"]}


@furnishing("route")
async def _route(desk: Desk) -> dict[str, str]:
    """A route with two deliveries: one done, with attempt and proof, and one where the driver stands at the door."""
    done = await _order(desk, ELSEWHERE)
    orders = [done["id"], desk.ids["order"]]
    made = await desk.made(
        "assignOrders", "route { id stops { id orders { id } } }", orderIds=orders, shiftId=desk.ids["shift"]
    )
    start, *doors = made["route"]["stops"][:3]
    by_order = {order["id"]: stop["id"] for stop in doors for order in stop["orders"]}
    act = desk.new_name("actId")
    for stop_id, name, more in (
        (start["id"], "COMPLETE", {}),
        (by_order[done["id"]], "ARRIVE", {}),
        (by_order[done["id"]], "COMPLETE", {"note": desk.canary, "proofs": [{"kind": "NOTE", "note": desk.canary}]}),
        (by_order[desk.ids["order"]], "ARRIVE", {"actId": act}),
    ):
        await desk.made("advanceStop", "stop { id }", **{"stopId": stop_id, "act": name, "actId": uuid4().hex, **more})
    return {"route": made["route"]["id"], "stop": by_order[desk.ids["order"]], "order:done": done["id"]}


@furnishing("attempt")
async def _attempt(desk: Desk) -> dict[str, str]:
    document = "query($id: ID!) { order(by: {id: $id}) { attempts { id } proofs { id } } }"
    order = (await desk.read(document, id=desk.ids["order:done"]))["order"]
    return {"attempt": order["attempts"][0]["id"], "proof": order["proofs"][0]["id"]}


@furnishing("plan")
async def _plan(desk: Desk) -> dict[str, str]:
    """A draft, and another one whose optimization waits for a worker."""
    what = {"orderIds": [desk.ids["order:free"]], "shiftIds": [desk.ids["shift:free"]], "name": desk.canary}
    await desk.made("createPlan", "plan { id }", **what)
    made = await desk.made("createPlan", "plan { id }", **what, optimize=False)
    return {"plan": made["plan"]["id"]}


@furnishing("key", alone=True)
async def _key(desk: Desk) -> dict[str, str]:
    made = await desk.made("createApiKey", "apiKey { id }", name=desk.unique("key"), scopes=["orders:read"])
    acting = (await desk.read("{ viewer { keyId } }"))["viewer"]["keyId"]
    return {"key": made["apiKey"]["id"], "key:acting": acting}


@furnishing("token", alone=True)
async def _token(desk: Desk) -> dict[str, str]:
    made = await desk.made("createAccessToken", "accessToken { id }", scopes=["orders:read"])
    return {"token": made["accessToken"]["id"]}


@furnishing("role", alone=True)
async def _role(desk: Desk) -> dict[str, str]:
    made = await desk.made("createRole", "role { id }", name=desk.unique("role"), permissions=["orders:read"])
    return {"role": made["role"]["id"]}


@furnishing("member", alone=True)
async def _member(desk: Desk) -> dict[str, str]:
    email = f"{desk.canary}.{uuid4().hex[:8]}@example.org"
    limit = {"role": "VIEWER", "depotIds": [desk.ids["depot"]]}
    made = await desk.made("inviteMember", "member { id }", email=email, name=desk.canary, **limit)
    return {"member": made["member"]["id"]}


@furnishing("erasure", alone=True)
async def _erasure(desk: Desk) -> dict[str, str]:
    """An order that is over and erased, another one that is over; days to keep things; the log of all that was done."""
    erased, final = await _order(desk), await _order(desk)
    for order in (erased, final):
        await desk.made("cancelOrder", "order { id }", id=order["id"])
    made = await desk.made("eraseRecipient", "receipt { id }", orderIds=[erased["id"]])
    await desk.made("updateRetention", "retention { auditDays }", auditDays=400)
    entries = (await desk.read("{ auditLog(first: 1) { nodes { id } } }"))["auditLog"]["nodes"]
    return {"erasure": made["receipt"]["id"], "order:final": final["id"], "audit": entries[0]["id"]}


async def _partner(desk: Desk) -> Desk:
    """Another tenant, whose every text is this desk's."""
    services = desk.client.server.services
    slug = f"partner-{uuid4().hex[:12]}"
    tenant_id = await create_tenant(services.system, NewTenant(slug, f"{desk.canary} partner", TIME_ZONE, COUNTRY))
    tenant = await tenant_by_slug(services.system, slug)
    _, key = await create_key(services.system, tenant, "partner", sorted(ALL_PERMISSIONS))
    partner = Desk(slug, Client(desk.client.http, desk.client.server, key), tenant_id, desk.canary)
    partner.ids |= await _depot(partner)
    return partner


@furnishing("tender", alone=True)
async def _partners(desk: Desk) -> dict[str, str]:
    """Partnerships with two other tenants: offered to us, accepted by us, offered by us to the one and in the queue for the other."""
    partner, second = await _partner(desk), await _partner(desk)
    ours, spare = await _partnership(desk, partner), await _partnership(desk, second)
    theirs = await _partnership(partner, desk)
    offered, taken = await _tender(partner, theirs), await _tender(partner, theirs)
    shown = "results { tender { order { id } } problems { code } }"
    accepted = await desk.made("acceptTender", shown, ids=[taken])
    return {
        "partnership": ours,
        "partnership:spare": spare,
        "tender": offered,
        "tender:taken": taken,
        "tender:given": await _tender(desk, ours, spare),
        "order:copy": accepted["results"][0]["tender"]["order"]["id"],
    }


async def _partnership(merchant: Desk, carrier: Desk) -> str:
    invited = await merchant.made("invitePartner", "token partnership { id }")
    await carrier.made("acceptPartnership", "partnership { id }", token=invited["token"])
    partnership_id: str = invited["partnership"]["id"]
    return partnership_id


async def _tender(merchant: Desk, *partnership_ids: str) -> str:
    """An order of the merchant's, offered to its carriers in turn; the first one's tender."""
    order = await _order(merchant)
    offers = [{"partnershipId": one, "priceMinor": 700} for one in partnership_ids]
    shown = "results { tender { id } problems { code } }"
    made = await merchant.made("tenderOrder", shown, orderIds=[order["id"]], offers=offers)
    tender_id: str = made["results"][0]["tender"]["id"]
    return tender_id


@furnishing("event", alone=True)
async def _event(desk: Desk) -> dict[str, str]:
    events = (await desk.read("{ events(first: 1) { nodes { id } } }"))["events"]
    return {"event": events["nodes"][0]["id"]}


NAMED_ORDERS = 12


async def name_orders(desk: Desk) -> None:
    """Orders with names that the sender made up, enough of them that each place of the walk gets names nobody tried before."""
    orders = [
        {
            "dropoff": _waypoint(desk, POINT),
            "reference": desk.new_name("reference"),
            "displayReference": desk.new_name("displayReference"),
            "packages": [{"barcode": desk.new_name("barcode")}],
        }
        for _ in range(NAMED_ORDERS)
    ]
    await desk.made("createOrders", "results { order { id } }", orders=orders)
