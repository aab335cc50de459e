"""How one object of each kind is made, through the public API, with a canary in every text that a client may write.

To add a kind: a function under ``@furnishing("prefix")`` that returns its id, and the ids of what came with it.
"""

from typing import Any
from uuid import uuid4

from tests.isolation.desks import COUNTRY, Desk, furnishing, instant

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


async def new_order(desk: Desk, point: dict[str, float] = POINT) -> dict[str, Any]:
    """An order with a text in everything that can hold one, at the desk's depot if it has one."""
    made = await desk.made(
        "createOrder", "order { id packages { id } }",
        dropoff=_waypoint(desk, point), depotId=desk.ids.get("depot"), metadata={desk.canary: [desk.canary]},
        packages=[{"description": desk.canary, "barcode": desk.canary}],
    )  # fmt: skip
    order: dict[str, Any] = made["order"]
    return order


@furnishing("order")
async def _orders(desk: Desk) -> dict[str, str]:
    order, free = await new_order(desk), await new_order(desk)
    return {"order": order["id"], "pkg": order["packages"][0]["id"], "order:free": free["id"]}


@furnishing("route")
async def _route(desk: Desk) -> dict[str, str]:
    """A route with two deliveries: one done, with attempt and proof, and one where the driver stands at the door."""
    done = await new_order(desk, ELSEWHERE)
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


@furnishing("simulation", alone=True)
async def _simulation(desk: Desk) -> dict[str, str]:
    """Where nothing is simulated because the tenant is LIVE, it is a sandbox for as long as this takes."""
    order_id = (await new_order(desk))["id"]
    assert desk.into_mode is not None
    await desk.into_mode("TEST")
    made = await desk.made("simulateOrder", "simulation { id }", orderId=order_id)
    await desk.into_mode("LIVE")
    return {"simulation": made["simulation"]["id"]}


@furnishing("webhook", alone=True)
async def _webhook(desk: Desk) -> dict[str, str]:
    """An endpoint, and a test that waits for a worker."""
    made = await desk.made(
        "createWebhookEndpoint", "endpoint { id }",
        name=desk.canary, url=f"https://{desk.canary}.example.org/", document="subscription { events { event { id } } }",
        scopes=["events:read"],
    )  # fmt: skip
    endpoint = made["endpoint"]["id"]
    test = await desk.made("testWebhookEndpoint", "delivery { id }", id=endpoint)
    return {"webhook": endpoint, "delivery": test["delivery"]["id"]}


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
