"""Two companies on a running server: the carrier plans what it accepted with its own fleet, and each side follows its own stream."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from doorstep.demo import documents
from doorstep.demo.client import ApiClient
from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.server import Server, running_server
from doorstep.settings import Settings

PLACE = {
    "address": {"line1": "Städtle 49", "city": "Vaduz", "postalCode": "9490"},
    "coordinates": {"latitude": 47.141, "longitude": 9.521},
}
ELSEWHERE = {
    "address": {"line1": "Aeulestrasse 2", "city": "Vaduz"},
    "coordinates": {"latitude": 47.15, "longitude": 9.53},
}
STREAM = """subscription ($after: Cursor) { events(after: $after) { cursor event { __typename
  ... on OrderStatusChanged { orderId to } ... on OrderEtaChanged { orderId at } ... on TenderOffered { tender { id } } } } }"""
ASSIGN = "mutation ($input: AssignOrdersInput!) { assignOrders(input: $input) { route { id stops { id kind } } problems { code message } } }"
ACCEPT = "mutation ($input: AcceptTenderInput!) { acceptTender(input: $input) { results { tender { order { id } } } problems { message } } }"
UPDATE = "mutation ($input: UpdateOrderInput!) { updateOrder(input: $input) { order { id } problems { message } } }"
CREATE = "mutation ($input: CreateOrderInput!) { createOrder(input: $input) { order { id } problems { message } } }"
COPY = "query ($id: ID!) { order(by: {id: $id}) { status assignment { route { id } } dropoff { address { line1 } } } }"
ORDER = "query ($id: ID!) { order(by: {id: $id}) { status eta { at } proofs { kind note } carrierTender { status partnership { carrierName } } } }"


@pytest.fixture
async def server(database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Server]:
    settings = Settings(_env_file=None, home=tmp_path, roads="straight", solver_slots=1, drain_seconds=3)  # type: ignore[call-arg]
    async with running_server(settings, database_urls, port=0) as running:
        yield running


async def company(system: Database, server: Server, slug: str) -> ApiClient:
    await create_tenant(system, NewTenant(slug, slug.title(), "Europe/Vaduz", "LI"))
    _, key = await create_key(system, await tenant_by_slug(system, slug), "story", sorted(ALL_PERMISSIONS))
    return ApiClient(server.url, key)


class Follower:
    """What one company's stream says, from now on."""

    def __init__(self, api: ApiClient) -> None:
        self.events: list[dict[str, Any]] = []
        self._task = asyncio.create_task(self._follow(api))

    async def _follow(self, api: ApiClient) -> None:
        async for item in api.stream(STREAM, "events"):
            if item["event"] is not None:
                self.events.append(item["event"])

    async def until(self, kind: str, **facts: Any) -> dict[str, Any]:
        """The first event like this."""
        async with asyncio.timeout(20):
            while True:
                for event in self.events:
                    if event["__typename"] == kind and all(event.get(name) == value for name, value in facts.items()):
                        return event
                await asyncio.sleep(0.02)

    def way(self, order_id: str) -> list[str]:
        return [
            event["to"]
            for event in self.events
            if event["__typename"] == "OrderStatusChanged" and event["orderId"] == order_id
        ]

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_the_carrier_drives_with_its_own_fleet_and_the_merchant_watches(server: Server, system: Database) -> None:
    shop, courier = await company(system, server, "shop"), await company(system, server, "courier")
    watching, offered = Follower(shop), Follower(courier)
    await asyncio.sleep(0.3)
    token = (await shop.do(documents.INVITE_PARTNER))["token"]
    partnership = (await courier.do(documents.ACCEPT_PARTNERSHIP, token=token))["partnership"]["id"]
    depot = (await shop.do(documents.CREATE_DEPOT, name="Shop", **PLACE))["depot"]["id"]
    order = (await shop.do(CREATE, depotId=depot, dropoff=PLACE, proofRequired={"kinds": ["NOTE"]}))["order"]["id"]
    await shop.do(documents.TENDER_ORDER, orderIds=[order], offers=[{"partnershipId": partnership}])

    tender = (await offered.until("TenderOffered"))["tender"]["id"]
    copy = (await courier.do(ACCEPT, ids=[tender]))["results"][0]["tender"]["order"]["id"]
    await watching.until("OrderStatusChanged", orderId=order, to="ASSIGNED")
    shift = await fleet(courier)
    route = (await courier.do(ASSIGN, orderIds=[copy], shiftId=shift))["route"]["id"]
    await watching.until("OrderEtaChanged", orderId=order)
    assert (await shop.ask(ORDER, id=order))["order"]["eta"]["at"]

    # The merchant's customer has moved: the copy goes there, and off the route that did not.
    await shop.do(UPDATE, id=order, dropoff=ELSEWHERE)
    await offered.until("OrderStatusChanged", orderId=copy, to="PENDING")
    shown = (await courier.ask(COPY, id=copy))["order"]
    assert shown == {"status": "PENDING", "assignment": None, "dropoff": {"address": {"line1": "Aeulestrasse 2"}}}
    await until_free(courier, route)
    route = (await courier.do(ASSIGN, orderIds=[copy], shiftId=shift))["route"]
    stops = {stop["kind"]: stop["id"] for stop in route["stops"]}
    await act(courier, stops["DEPOT_START"], "COMPLETE")
    await act(courier, stops["PICKUP"], "ARRIVE", "COMPLETE")
    await act(courier, stops["DROPOFF"], "DEPART", "ARRIVE")
    await act(courier, stops["DROPOFF"], "COMPLETE", proofs=[{"kind": "NOTE", "note": "By the door"}])

    await watching.until("ProofReported")
    assert (await shop.ask(ORDER, id=order))["order"] == {
        "status": "DELIVERED", "eta": None, "proofs": [{"kind": "NOTE", "note": "By the door"}],
        "carrierTender": {"status": "FULFILLED", "partnership": {"carrierName": "Courier"}},
    }  # fmt: skip
    assert watching.way(order) == [
        "OFFERED",
        "ASSIGNED",
        "AT_PICKUP",
        "PICKED_UP",
        "EN_ROUTE_TO_DROPOFF",
        "AT_DROPOFF",
        "DELIVERED",
    ]
    assert [one["__typename"] for one in watching.events[-3:]] == [
        "OrderStatusChanged",
        "TenderFulfilled",
        "ProofReported",
    ]
    assert watching.way(copy) == offered.way(order) == []
    for one in (watching, offered, shop, courier):
        await one.close()


async def fleet(api: ApiClient) -> str:
    """A vehicle, a driver and a shift of the carrier."""
    depot = (await api.do(documents.CREATE_DEPOT, name="Garage", **ELSEWHERE))["depot"]["id"]
    vehicle = (await api.do(documents.CREATE_VEHICLE, name="Bike", kind="BICYCLE", depotId=depot))["vehicle"]["id"]
    driver = (await api.do(documents.CREATE_DRIVER, name="Ada"))["driver"]["id"]
    now = datetime.now(UTC)
    times = {"start": now.isoformat(), "end": (now + timedelta(hours=6)).isoformat()}
    made = await api.do(documents.CREATE_SHIFT, driverId=driver, vehicleId=vehicle, depotId=depot, **times)
    shift: str = made["shift"]["id"]
    return shift


async def until_free(api: ApiClient, route_id: str) -> None:
    """The route that lost its only order is cancelled."""
    async with asyncio.timeout(20):
        while (await api.ask("query ($id: ID!) { route(id: $id) { status } }", id=route_id))["route"][
            "status"
        ] != "CANCELLED":
            await asyncio.sleep(0.05)


async def act(api: ApiClient, stop_id: str, *acts: str, **more: Any) -> None:
    for one in acts:
        await api.do(documents.ADVANCE_STOP, stopId=stop_id, act=one, actId=uuid4().hex, **more)
