"""The relay between two tenants while the whole process is killed, again and again: each status reaches the merchant once, in order."""

import asyncio
import random
from typing import Any

import pytest
from tests.faults.conftest import Home
from tests.faults.processes import serving

from doorstep.demo import documents
from doorstep.demo.client import ApiClient
from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import ALL_PERMISSIONS

ORDERS = 30
WAY = ["OFFERED", "ASSIGNED", "PICKED_UP", "AT_DROPOFF", "DELIVERED"]
REPORT = (
    "mutation ($input: ReportOrderInput!) { reportOrder(input: $input) { order { status } problems { code message } } }"
)
CREATE = "mutation ($input: CreateOrdersInput!) { createOrders(input: $input) { results { order { id } } problems { code message } } }"
LOG = """query ($after: Cursor) { events(first: 250, after: $after, filter: {types: ["OrderStatusChanged", "TenderAccepted", "TenderFulfilled"]}) {
  nodes { __typename ... on OrderStatusChanged { orderId to } ... on TenderAccepted { order { id } } ... on TenderFulfilled { order { id } } }
  pageInfo { hasNextPage endCursor } } }"""


async def a_carrier(home: Home) -> str:
    """Another tenant's key."""
    with EmbeddedCluster.start(home.path, timeout=60) as cluster:
        system = Database(cluster.system_url, pool_size=1)
        await create_tenant(system, NewTenant("carrier", "Carrier", "Europe/Vaduz", "LI"))
        _, key = await create_key(system, await tenant_by_slug(system, "carrier"), "drill", sorted(ALL_PERMISSIONS))
        await system.close()
    return key


async def told(api: ApiClient) -> dict[str, list[str]]:
    """What the merchant's log tells of each order, in turn."""
    found: dict[str, list[str]] = {}
    after = None
    while True:
        page = (await api.ask(LOG, after=after))["events"]
        for node in page["nodes"]:
            order_id = node.get("orderId") or node["order"]["id"]
            found.setdefault(order_id, []).append(node.get("to") or node["__typename"])
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


@pytest.mark.timeout(170)
async def test_killed_while_it_relays_each_status_arrives_once_in_order(home: Home) -> None:
    key = await a_carrier(home)
    chance = random.Random(11)
    async with serving(home.path, home.log) as (server,):
        merchant, carrier = ApiClient(server.url, home.key, tries=60), ApiClient(server.url, key, tries=60)

        async def kill_soon() -> None:
            await asyncio.sleep(chance.uniform(0.02, 0.25))
            server.kill()
            server.launch()

        token = (await merchant.do(documents.INVITE_PARTNER))["token"]
        partnership = (await carrier.do(documents.ACCEPT_PARTNERSHIP, token=token))["partnership"]["id"]
        point = {
            "address": {"line1": "Städtle 49", "city": "Vaduz"},
            "coordinates": {"latitude": 47.14, "longitude": 9.52},
        }
        order: dict[str, Any] = {"kind": "PICKUP_AND_DELIVERY", "pickup": point, "dropoff": point}
        made = await merchant.do(CREATE, orders=[order] * ORDERS)
        ids = [result["order"]["id"] for result in made["results"]]
        await merchant.do(
            documents.TENDER_ORDER, orderIds=ids, offers=[{"partnershipId": partnership}], idempotencyKey="offer"
        )
        offers = (await carrier.ask(documents.OFFERS))["tenders"]["nodes"]
        taken = await carrier.do(
            documents.ACCEPT_TENDER, ids=[tender["id"] for tender in offers], idempotencyKey="take"
        )
        await kill_soon()
        copies = [result["tender"]["order"]["id"] for result in taken["results"]]
        for act in ("PICK_UP", "DELIVER"):
            await asyncio.gather(
                *(carrier.do(REPORT, orderId=copy, act=act, idempotencyKey=f"{act}-{copy}") for copy in copies),
                kill_soon(),
            )
        await server.ready()
        found: dict[str, list[str]] = {}

        async def look() -> None:
            while sum("TenderFulfilled" in one for one in found.values()) < ORDERS:
                found.update(await told(merchant))
                await asyncio.sleep(0.2)

        await asyncio.wait_for(look(), 60)
        await asyncio.sleep(1)  # for one event too many
        found = await told(merchant)
        await merchant.close()
        await carrier.close()
        complaints = server.complaints()
    assert server.starts == 4
    assert {
        order_id: [one for one in ways if not one.startswith("Tender")] for order_id, ways in found.items()
    } == dict.fromkeys(ids, WAY)
    assert all(ways.count("TenderAccepted") == ways.count("TenderFulfilled") == 1 for ways in found.values())
    assert complaints == []
