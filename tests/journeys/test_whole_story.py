"""The whole promise over real HTTP and WebSocket: orders come in, a plan over real roads, drivers work the stops, a subscriber misses nothing."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.journeys.conftest import Ground
from tests.journeys.outsider import Outsider, Subscriber

from doorstep.identity.service import NewTenant, create_key, create_tenant, set_clock, tenant_by_slug
from doorstep.kernel.db import Database
from doorstep.kernel.scope import ALL_PERMISSIONS, Permission
from doorstep.kernel.time import Clock
from doorstep.server import Server

EIGHT = datetime(2027, 3, 1, 8, tzinfo=UTC)
NINE = EIGHT + timedelta(hours=1)
EVENING = EIGHT + timedelta(hours=14)
PIN = "271828"
ORDERS = 18

PROBLEMS = "problems { code message path }"
CREATE_DEPOT = f"mutation ($input: CreateDepotInput!) {{ createDepot(input: $input) {{ depot {{ id }} {PROBLEMS} }} }}"
CREATE_VEHICLE = (
    f"mutation ($input: CreateVehicleInput!) {{ createVehicle(input: $input) {{ vehicle {{ id }} {PROBLEMS} }} }}"
)
CREATE_DRIVER = (
    f"mutation ($input: CreateDriverInput!) {{ createDriver(input: $input) {{ driver {{ id }} {PROBLEMS} }} }}"
)
CREATE_SHIFT = f"mutation ($input: CreateShiftInput!) {{ createShift(input: $input) {{ shift {{ id }} {PROBLEMS} }} }}"
CREATE_ORDERS = f"""
mutation ($input: CreateOrdersInput!) {{ createOrders(input: $input) {{
  results {{ index order {{ id reference status locationStatus version }} {PROBLEMS} }} {PROBLEMS}
}} }}
"""
UPDATE_ORDER = f"""
mutation ($input: UpdateOrderInput!) {{ updateOrder(input: $input) {{ order {{ locationStatus }} {PROBLEMS} }} }}
"""
CREATE_PLAN = (
    f"mutation ($input: CreatePlanInput!) {{ createPlan(input: $input) {{ plan {{ id status }} {PROBLEMS} }} }}"
)
PROGRESS = "subscription ($id: ID!) { planProgress(id: $id) { status fraction phase } }"
PLAN = """
query ($id: ID!) { plan(id: $id) {
  status failureReason mapVersion network summary { orders routes distanceMeters }
  unassigned(first: 50) { nodes { order { reference } reasons { code } } }
  routes(first: 10) { nodes { id network stops { kind legPath legMeters orders { id } } } }
} }
"""
COMMIT = f"mutation ($input: CommitPlanInput!) {{ commitPlan(input: $input) {{ plan {{ status }} {PROBLEMS} }} }}"
DISPATCH = f"""
mutation ($input: DispatchPlanInput!) {{ dispatchPlan(input: $input) {{ routes {{ id status }} {PROBLEMS} }} }}
"""
ROUTE = """
query ($id: ID!) { route(id: $id) {
  status version vehicle { id }
  stops { id kind status plannedArrival plannedDeparture coordinates { latitude longitude }
    orders { id reference status eta { at } proofRequired { kinds } packages { barcode } } }
} }
"""
ADVANCE = f"""
mutation ($input: AdvanceStopInput!) {{ advanceStop(input: $input) {{ stop {{ status }} route {{ status }} {PROBLEMS} }} }}
"""
REPORT = f"""
mutation ($input: ReportPositionsInput!) {{ reportPositions(input: $input) {{
  results {{ kept vehicle {{ position {{ coordinates {{ latitude longitude }} }} }} }} {PROBLEMS}
}} }}
"""
DELIVERED = """
query ($after: Cursor) { orders(first: 50, after: $after, filter: { statuses: [DELIVERED] }) {
  totalCount nodes { id custody attempts { outcome } proofs { kind } assignment { route { status } } }
} }
"""
LOG = """
query ($after: Cursor) { events(first: 250, after: $after) {
  nodes { id __typename } pageInfo { hasNextPage endCursor }
} }
"""


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def waypoint(address: Any, *, located: bool, **more: Any) -> dict[str, Any]:
    """An end of an order; without coordinates the server has to find the address."""
    point = {"latitude": address.latitude, "longitude": address.longitude}
    words = {
        "line1": address.line1,
        "city": address.city,
        "postalCode": address.postal_code,
        "country": address.country,
    }
    return {"address": words, **({"coordinates": point} if located else {}), "serviceSeconds": 60, **more}


def orders_at(ground: Ground, depot: str) -> list[dict[str, Any]]:
    """Orders at real street addresses: every third without coordinates, some fetched elsewhere, some with proofs to show."""
    window = {"start": NINE.isoformat(), "end": EVENING.isoformat()}
    orders: list[dict[str, Any]] = []
    for number in range(ORDERS):
        dropoff = waypoint(ground.addresses[number + 1], located=number % 3 != 0, windows=[window])
        order: dict[str, Any] = {
            "reference": f"R-{number}",
            "dropoff": {**dropoff, "contact": {"name": "Ida", "email": "ida@example.com"}},
            "packages": [{"barcode": f"P-{number}", "load": {"weightGrams": 800, "items": 1}}],
        }
        if number % 6 == 5:
            pickup = waypoint(ground.addresses[number + 30], located=True)
            order |= {"kind": "PICKUP_AND_DELIVERY", "pickup": pickup}
        else:
            order["depotId"] = depot
        if number % 4 == 1:
            order["proofRequired"] = {"kinds": ["PIN", "BARCODE"], "pin": PIN}
        orders.append(order)
    orders[0]["dropoff"]["address"]["line1"] = "Nowhere Whatsoever 99999"
    return orders


async def set_up(office: Outsider, ground: Ground) -> tuple[str, list[str]]:
    """Depot, two vehicles, their drivers and shifts; returns the depot's id and the shifts'."""
    home = waypoint(ground.addresses[0], located=True)
    place = {"address": home["address"], "coordinates": home["coordinates"]}
    depot = (await office.change(CREATE_DEPOT, name="Shop", **place))["depot"]["id"]
    shifts = []
    for number, kind in enumerate(ground.vehicles, 1):
        capacity = {"items": 30, "weightGrams": 60_000}
        vehicle = await office.change(
            CREATE_VEHICLE, name=f"{kind.title()} {number}", kind=kind, depotId=depot, capacity=capacity
        )
        driver = await office.change(CREATE_DRIVER, name=f"Driver {number}")
        shift = await office.change(
            CREATE_SHIFT,
            driverId=driver["driver"]["id"],
            vehicleId=vehicle["vehicle"]["id"],
            depotId=depot,
            start=NINE.isoformat(),
            end=EVENING.isoformat(),
        )
        shifts.append(shift["shift"]["id"])
    return depot, shifts


async def take_orders(office: Outsider, ground: Ground, depot: str) -> list[str]:
    """All orders in one call; the one whose address nobody knows is cured."""
    made = await office.change(CREATE_ORDERS, orders=orders_at(ground, depot), idempotencyKey="the day's orders")
    results = made["results"]
    assert [one["problems"] for one in results] == [[]] * ORDERS
    lost = [one["order"]["reference"] for one in results if one["order"]["locationStatus"] == "NEEDS_LOCATION"]
    assert "R-0" in lost
    for one in results:
        if one["order"]["reference"] in lost:
            address = ground.addresses[one["index"] + 1]
            point = {"latitude": address.latitude, "longitude": address.longitude}
            cured = await office.change(UPDATE_ORDER, id=one["order"]["id"], dropoff={"coordinates": point})
            assert cured["order"]["locationStatus"] == "LOCATED"
    assert len(lost) <= 3, "nearly every real address is found by its words"
    return [one["order"]["id"] for one in results]


async def plan(office: Outsider, ground: Ground, orders: list[str], shifts: list[str]) -> list[str]:
    """A plan over the ground's roads, committed and dispatched; returns its routes."""
    plan_id = (await office.change(CREATE_PLAN, orderIds=orders, shiftIds=shifts))["plan"]["id"]
    seen = [item["planProgress"]["status"] async for item in office.watch(PROGRESS, id=plan_id)]
    assert seen[-1] == "PROPOSED", seen
    found = (await office.ask(PLAN, id=plan_id))["plan"]
    assert found["unassigned"]["nodes"] == []
    assert found["summary"]["orders"] == ORDERS
    routes = found["routes"]["nodes"]
    assert {route["network"] for route in routes} == {ground.network}
    driven = [stop for route in routes for stop in route["stops"] if stop["legMeters"] > 50]
    assert len(driven) >= ORDERS
    assert all(stop["legPath"] for stop in driven)
    assert (await office.change(COMMIT, planId=plan_id))["plan"]["status"] == "COMMITTED"
    dispatched = await office.change(DISPATCH, planId=plan_id)
    assert {route["status"] for route in dispatched["routes"]} == {"DISPATCHED"}
    return [route["id"] for route in dispatched["routes"]]


async def drive(phone: Outsider, route_id: str, late: timedelta) -> None:
    """Work a route's stops by the plan, a little late, from the depot back to the depot."""
    route = (await phone.ask(ROUTE, id=route_id))["route"]
    before: datetime | None = None
    for number, stop in enumerate(route["stops"]):

        async def act(what: str, at: datetime, number: int = number, stop: Any = stop, **more: Any) -> Any:
            act_id = f"{route_id}/{number}/{what}"[-64:]
            return await phone.change(
                ADVANCE,
                stopId=stop["id"],
                act=what,
                actId=act_id,
                occurredAt=at.isoformat(),
                routeVersion=route["version"],
                **more,
            )

        if before is not None:
            await act("DEPART", before)
        await act("ARRIVE", instant(stop["plannedArrival"]) + late)
        before = instant(stop["plannedDeparture"]) + late
        proofs: list[dict[str, Any]] = []
        if any(order["proofRequired"]["kinds"] for order in stop["orders"]) and stop["kind"] == "DROPOFF":
            refused = await phone.ask(
                ADVANCE, input={"stopId": stop["id"], "act": "COMPLETE", "actId": f"{number}-without-proof"}
            )
            assert {one["code"] for one in refused["advanceStop"]["problems"]} == {"PROOF_REQUIRED"}
            codes = [package["barcode"] for order in stop["orders"] for package in order["packages"]]
            proofs = [{"kind": "PIN", "pin": PIN}, *({"kind": "BARCODE", "barcode": code} for code in codes)]
        done = await act("COMPLETE", before, proofs=proofs)
        assert done["stop"]["status"] == "COMPLETED"
    assert done["route"]["status"] == "COMPLETED"
    last = next(stop["coordinates"] for stop in route["stops"] if stop["coordinates"])
    position = {"vehicleId": route["vehicle"]["id"], "coordinates": last, "occurredAt": before.isoformat()}  # type: ignore[union-attr]
    told = await phone.change(REPORT, positions=[position])
    assert told["results"] == [{"kept": True, "vehicle": {"position": {"coordinates": last}}}]


async def whole_log(office: Outsider) -> list[str]:
    """The ids of all events."""
    ids: list[str] = []
    after = None
    while True:
        page = (await office.ask(LOG, after=after))["events"]
        ids += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return ids


async def test_from_an_empty_tenant_to_delivered(server: Server, ground: Ground, system: Database) -> None:
    await create_tenant(system, NewTenant("shop", "The Shop", ground.time_zone, ground.country))
    tenant = await tenant_by_slug(system, "shop")
    await set_clock(system, tenant, Clock(time.time(), EIGHT.timestamp()))
    _, office_key = await create_key(system, tenant, "office", sorted(ALL_PERMISSIONS))
    async with Outsider(server, office_key) as office:
        start = (await office.ask(LOG, after=None))["events"]["pageInfo"]["endCursor"]
        follower = Subscriber(office, start)
        following = asyncio.create_task(follower.run())
        try:
            depot, shifts = await set_up(office, ground)
            orders = await take_orders(office, ground, depot)
            await follower.has(ORDERS)
            follower.cut()
            routes = await plan(office, ground, orders, shifts)
            await set_clock(system, tenant, Clock(time.time(), EVENING.timestamp()))
            scopes = [
                Permission.TRACKING_WRITE,
                Permission.PLANNING_READ,
                Permission.ORDERS_READ,
                Permission.FLEETS_READ,
            ]
            _, phone_key = await create_key(system, tenant, "phones", scopes)
            async with Outsider(server, phone_key) as phone:
                before = len(follower.events)
                async with asyncio.TaskGroup() as driving:
                    for number, route in enumerate(routes):
                        driving.create_task(drive(phone, route, timedelta(minutes=9 * number)))
                    await follower.has(before + 30)
                    follower.cut()
            ids = await whole_log(office)
            await follower.has(len(ids))
            assert [event["id"] for event in follower.events] == ids
            assert follower.connections == 3
            assert follower.kinds.count("CAUGHT_UP") <= 3
            await _check_delivered(office, orders)
            _check_ways(follower.events, orders)
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following


async def _check_delivered(office: Outsider, orders: list[str]) -> None:
    found = (await office.ask(DELIVERED, after=None))["orders"]
    assert found["totalCount"] == ORDERS
    assert {node["id"] for node in found["nodes"]} == set(orders)
    assert {node["custody"] for node in found["nodes"]} == {"RECIPIENT"}
    assert all([attempt["outcome"] for attempt in node["attempts"]] == ["DELIVERED"] for node in found["nodes"])
    shown = [tuple(sorted(proof["kind"] for proof in node["proofs"])) for node in found["nodes"]]
    assert {("BARCODE", "PIN")} <= set(shown)


def _check_ways(events: list[dict[str, Any]], orders: list[str]) -> None:
    """Each order's way as the subscriber saw it is one unbroken line to DELIVERED."""
    place = dict.fromkeys(orders, "PENDING")
    for event in events:
        if event["__typename"] == "OrderStatusChanged":
            assert event["from"] == place[event["orderId"]]
            place[event["orderId"]] = event["to"]
    assert set(place.values()) == {"DELIVERED"}
