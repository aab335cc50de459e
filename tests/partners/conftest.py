"""A merchant and its carrier in one database, without a worker: tests say when the relay runs and when deadlines pass."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.orders.conftest import (
    Desk,
    Office,
    dropoff,
    office,
    orders_system,
    orders_urls,
    straight_roads,
)

from doorstep.kernel.graphql.context import Services
from doorstep.partners.jobs import Relay, pass_deadlines
from doorstep.settings import Settings

__all__ = ["office", "orders_system", "orders_urls", "straight_roads"]

BULK = ("tenderOrder", "acceptTender", "declineTender", "withdrawTender", "releaseTender")
CONTACT = {"name": "Greta G.", "phone": "+423 232 11 11", "email": "greta@example.org"}
WORDS = {"contact": CONTACT, "instructions": "Ring twice", "accessCode": "4711#"}
"""What of an order's drop-off a carrier may know only when it has accepted."""

TABLES_OF_ONE = (
    "orders", "order_waypoints", "packages", "proofs", "attempts", "tender_queues", "relayed_events", "events", "event_heads", "idempotency_keys",
)  # fmt: skip
TABLES_OF_TWO = ("partnerships", "tenders")


async def everything(services: Services) -> dict[str, Any]:
    """All rows of all tenants that partners could touch, as one value to compare."""
    async with services.system.transaction() as tx:
        return {
            table: await tx.fetchval(
                f"SELECT md5(coalesce(string_agg(to_jsonb(t)::text, ',' ORDER BY to_jsonb(t)::text), '')) FROM {table} t"
            )
            for table in (*TABLES_OF_ONE, *TABLES_OF_TWO)
        }


async def do(desk: Desk, mutation: str, shown: str = "", **values: Any) -> dict[str, Any]:
    """The payload of any mutation."""
    type_name = mutation[0].upper() + mutation[1:] + "Input"
    if mutation in BULK:
        shown = "results { index tender { id status reason order { id status } } problems { code message path existingId } }"
    document = f"mutation($input: {type_name}!) {{ {mutation}(input: $input) {{ {shown} problems {{ code message path existingId }} }} }}"
    payload: dict[str, Any] = (await desk.data(document, input=values))[mutation]
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    """The codes of the problems, of the call or of its items."""
    items = [problem for one in payload.get("results", []) for problem in one["problems"]]
    return [problem["code"] for problem in (items or payload["problems"])]


async def refused(desk: Desk, mutation: str, shown: str = "", **values: Any) -> list[str]:
    """The codes of the problems; makes sure that nothing at all was written, on neither side."""
    before = await everything(desk.services)
    payload = await do(desk, mutation, shown, **values)
    assert await everything(desk.services) == before
    return codes(payload)


@dataclass
class Pair:
    """A merchant, its carrier and their partnership."""

    merchant: Desk
    carrier: Desk
    id: str
    depot_id: str
    relay_runs: Relay

    async def relay(self) -> None:
        """Everything that is new goes to the other side, and what that causes too."""
        for _ in range(4):
            await self.relay_runs.run(self.merchant.services.db, self.merchant.services.system)

    async def expire(self) -> None:
        """The deadline of every open offer of the merchant passes now."""
        async with self.merchant.services.system.transaction() as tx:
            await tx.execute(
                "UPDATE tenders SET deadline_at = now() - interval '1 second' WHERE merchant_id = $1 AND status = 'OFFERED'",
                self.merchant.tenant_id,
            )

    async def pass_deadlines(self) -> None:
        """What the worker does every second."""
        await pass_deadlines(self.merchant.services.db, self.merchant.services.system)

    async def order(self, **changes: Any) -> dict[str, Any]:
        """A new order of the merchant, at its depot."""
        fields = {"depotId": self.depot_id, "dropoff": dropoff(**WORDS), "packages": [{"barcode": "B-1"}], **changes}
        return await self.merchant.place(**fields)

    async def offered(self, count: int = 1, **changes: Any) -> tuple[list[str], list[str]]:
        """Orders that are offered to the carrier, and their tenders."""
        ids = [(await self.order(**changes))["id"] for _ in range(count)]
        payload = await do(
            self.merchant, "tenderOrder", orderIds=ids, offers=[{"partnershipId": self.id, "priceMinor": 750}]
        )
        assert not codes(payload), payload
        return ids, [one["tender"]["id"] for one in payload["results"]]

    async def accepted(self, **changes: Any) -> "Job":
        """An order that the carrier has accepted; both sides know."""
        [order_id], [tender_id] = await self.offered(**changes)
        payload = await do(self.carrier, "acceptTender", ids=[tender_id])
        assert not codes(payload), payload
        await self.relay()
        return Job(self, order_id, payload["results"][0]["tender"]["order"]["id"], tender_id)


@dataclass
class Job:
    """An accepted order: the merchant's, the carrier's, and the tender."""

    pair: Pair
    order_id: str
    copy_id: str
    tender_id: str

    async def report(self, act: str, **more: Any) -> dict[str, Any]:
        """The carrier's own system says what has happened."""
        payload = await do(self.pair.carrier, "reportOrder", "order { status }", orderId=self.copy_id, act=act, **more)
        assert not codes(payload), payload
        return payload

    async def statuses(self) -> tuple[str, str, str]:
        """The merchant's order, the carrier's, and the tender."""
        order = await self.pair.merchant.order(self.order_id, "status carrierTender { status } tenders { status }")
        copy = await self.pair.carrier.order(self.copy_id, "status merchantTender { status }")
        return order["status"], copy["status"], copy["merchantTender"]["status"]

    async def way(self) -> list[str]:
        """The states that the merchant's log tells of the order, in turn."""
        return [to for kind, to in await log_of(self.pair.merchant, self.order_id) if kind == "OrderStatusChanged"]


async def log_of(desk: Desk, order_id: str) -> list[tuple[str, str | None]]:
    """The types of an order's events, with the new state where there is one."""
    query = """query($id: ID!) { events(first: 250, filter: {orderIds: [$id]}) { nodes {
        __typename ... on OrderStatusChanged { to } ... on ProofReported { kind } } } }"""
    nodes = (await desk.data(query, id=order_id))["events"]["nodes"]
    return [(node["__typename"], node.get("to") or node.get("kind")) for node in nodes]


async def all_types(desk: Desk) -> list[str]:
    """The types of everything in a tenant's log."""
    return [
        node["__typename"]
        for node in (await desk.data("{ events(first: 250) { nodes { __typename } } }"))["events"]["nodes"]
    ]


async def partnership(merchant: Desk, carrier: Desk, **invitation: Any) -> str:
    """A partnership of the two."""
    invited = await do(merchant, "invitePartner", "token partnership { id }", **invitation)
    accepted = await do(carrier, "acceptPartnership", "partnership { id status side }", token=invited["token"])
    assert accepted["partnership"] == {"id": invited["partnership"]["id"], "status": "ACTIVE", "side": "CARRIER"}
    identifier: str = accepted["partnership"]["id"]
    return identifier


@pytest.fixture(autouse=True)
def settings(office: Office) -> None:
    office.services.offer(Settings(_env_file=None))  # type: ignore[call-arg]


@pytest.fixture
async def desk(office: Office) -> Desk:
    return await office.desk()


@pytest.fixture
async def pair(office: Office) -> AsyncIterator[Pair]:
    """Partners with the usual shared fields."""
    merchant, carrier = await office.desk(), await office.desk()
    pair = Pair(merchant, carrier, await partnership(merchant, carrier), await merchant.depot(), Relay())
    await pair.relay()
    yield pair
    await pair.relay()  # what a test leaves behind is no other test's business
