"""A day on demand through the public API: orders find their couriers by themselves, drivers say yes and no."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.outsider import Outsider
from tests.portal.desk import DEPOT, office_of, waypoint

from doorstep.demo import documents
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.server import running_server
from doorstep.settings import Settings

POLICY = """mutation ($input: UpdateTenantInput!) {
  updateTenant(input: $input) { tenant { policies { dispatch { enabled offerSeconds mostOrders } } } problems { code path } }
}"""
TOKEN = (
    """mutation ($input: CreateDriverTokenInput!) { createDriverToken(input: $input) { secret problems { code } } }"""
)
PLACE = """mutation ($input: CreateOrderInput!) { createOrder(input: $input) { order { id } problems { code } } }"""
READY = """mutation ($input: SetOrderReadinessInput!) { setOrderReadiness(input: $input) { order { id } problems { code } } }"""
ORDER = "query ($id: ID!) { order(by: { id: $id }) { status assignment { driver { id } } } }"
OFFERS = "{ dispatchOffers { id state expiresAt order { id dropoff { address { formatted } } } } }"
ALL_OFFERS = "{ dispatchOffers(states: [ASSIGNED, DECLINED, EXPIRED, WITHDRAWN]) { state driver { id } order { id } } }"
ANSWER = """mutation ($input: AnswerDispatchOfferInput!) {
  answerDispatchOffer(input: $input) { offer { state } problems { code message path } }
}"""
CANCEL = (
    """mutation ($input: CancelOrderInput!) { cancelOrder(input: $input) { order { status } problems { code } } }"""
)
EVENTS = "{ events(first: 250) { nodes { __typename ... on DispatchOfferChanged { to orderId } } } }"


class Office:
    """The company, and its drivers' phones."""

    def __init__(self, outsider: Outsider, server: Any) -> None:
        self.outsider, self.server = outsider, server
        self.depot = ""

    async def policy(self, **dispatch: Any) -> dict[str, Any]:
        made = await self.outsider.change(POLICY, policies={"dispatch": dispatch})
        policies: dict[str, Any] = made["tenant"]["policies"]["dispatch"]
        return policies

    async def courier(self, name: str) -> tuple[str, Outsider]:
        """A driver on duty, and the phone with the driver's token."""
        office = self.outsider
        if not self.depot:
            self.depot = (await office.change(documents.CREATE_DEPOT, name="Kitchen", **waypoint(*DEPOT)))["depot"][
                "id"
            ]
        vehicle = await office.change(
            documents.CREATE_VEHICLE, name=f"{name}'s bike", kind="BICYCLE", depotId=self.depot, capacity={"items": 4}
        )
        driver = (await office.change(documents.CREATE_DRIVER, name=name))["driver"]["id"]
        now = datetime.now(UTC)
        await office.change(
            documents.CREATE_SHIFT, driverId=driver, vehicleId=vehicle["vehicle"]["id"], depotId=self.depot,
            start=(now - timedelta(minutes=5)).isoformat(), end=(now + timedelta(hours=6)).isoformat(),
        )  # fmt: skip
        secret = (await office.change(TOKEN, driverId=driver, expiresInSeconds=3600))["secret"]
        return driver, Outsider(self.server, secret)

    async def place(self, **more: Any) -> str:
        order = await self.outsider.change(
            PLACE, dropoff=waypoint(DEPOT[0] + 0.004, DEPOT[1]), packages=[{"load": {"items": 1}}], **more
        )
        order_id: str = order["order"]["id"]
        return order_id

    async def order(self, order_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.outsider.ask(ORDER, id=order_id))["order"]
        return found

    async def until(self, order_id: str, status: str) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while (found := await self.order(order_id))["status"] != status:
                await asyncio.sleep(0.1)
        return found

    async def offer_of(self, order_id: str, phones: dict[str, Outsider]) -> tuple[str, str]:
        """The driver who is offered the order, and the offer, as that driver's phone shows it; no other phone does."""
        await self.until(order_id, "OFFERED")
        shown = {
            driver: [
                one["id"]
                for one in (await phone.ask(OFFERS))["dispatchOffers"]
                if (one["order"] or {}).get("id") == order_id
            ]
            for driver, phone in phones.items()
        }
        [(driver, offers)] = [(driver, offers) for driver, offers in shown.items() if offers]
        return driver, offers[0]


@pytest.fixture
async def office(database_urls: DatabaseUrls, system: Database, tmp_path: Path) -> AsyncIterator[Office]:
    settings = Settings(home=tmp_path, roads="straight", solver_slots=1, drain_seconds=5)  # type: ignore[call-arg]
    async with running_server(settings, database_urls, port=0) as server, await office_of(server, system) as outsider:
        yield Office(outsider, server)


async def test_an_order_finds_its_courier_once_it_is_ready(office: Office) -> None:
    ada, _ = await office.courier("Ada")
    early = await office.place()
    assert (await office.policy(enabled=True))["mostOrders"] == 3
    assert (await office.until(early, "ASSIGNED"))["assignment"]["driver"]["id"] == ada
    order = await office.place(readiness="NOT_READY")
    await asyncio.sleep(1.5)
    assert (await office.order(order))["status"] == "PENDING"
    await office.outsider.change(READY, id=order, state="READY")
    await office.until(order, "ASSIGNED")


async def test_drivers_are_asked_one_after_the_other(office: Office) -> None:
    ada, ada_s = await office.courier("Ada")
    ben, ben_s = await office.courier("Ben")
    async with ada_s, ben_s:
        phones = {ada: ada_s, ben: ben_s}
        await office.policy(enabled=True, offerSeconds=5, mostOrders=2)
        order = await office.place()
        first, offer = await office.offer_of(order, phones)
        other = ben if first == ada else ada
        # Another driver's offer does not exist, and its order neither.
        [payload] = (await phones[other].ask(ANSWER, input={"offerId": offer, "answer": "ACCEPT"})).values()
        assert [one["code"] for one in payload["problems"]] == ["NOT_FOUND"]
        assert (await phones[other].ask(ORDER.replace("assignment { driver { id } }", ""), id=order))["order"] is None

        await phones[first].change(ANSWER, offerId=offer, answer="DECLINE")
        async with asyncio.timeout(20):
            while not (await phones[other].ask(OFFERS))["dispatchOffers"]:
                await asyncio.sleep(0.1)
        second, again = await office.offer_of(order, phones)
        assert second == other
        await phones[second].change(ANSWER, offerId=again, answer="ACCEPT")
        await phones[second].change(ANSWER, offerId=again, answer="ACCEPT")
        assert (await office.until(order, "ASSIGNED"))["assignment"]["driver"]["id"] == second
        [late] = (await phones[second].ask(ANSWER, input={"offerId": again, "answer": "DECLINE"})).values()
        assert [one["code"] for one in late["problems"]] == ["ILLEGAL_TRANSITION"]
        routes = await phones[second].ask("{ routes { nodes { stops { orders { id } } } } }")
        assert order in {one["id"] for stop in routes["routes"]["nodes"][0]["stops"] for one in stop["orders"]}

        # Nobody answers: the offer runs out and goes to the other driver; an order that is called off takes its offer along.
        silent = await office.place()
        ignored, _ = await office.offer_of(silent, phones)
        async with asyncio.timeout(20):
            while (ignored, silent) not in {
                (one["driver"]["id"], one["order"]["id"]) for one in await ended(office, "EXPIRED")
            }:
                await asyncio.sleep(0.2)
        asked, _ = await office.offer_of(
            silent, {driver: phone for driver, phone in phones.items() if driver != ignored}
        )
        assert asked != ignored
        await office.outsider.change(CANCEL, id=silent)
        async with asyncio.timeout(20):
            while not await ended(office, "WITHDRAWN"):
                await asyncio.sleep(0.1)
    events = (await office.outsider.ask(EVENTS))["events"]["nodes"]
    told = [one["to"] for one in events if one["__typename"] == "DispatchOfferChanged" and one["orderId"] == order]
    assert told == ["DECLINED", "ACCEPTED", "ASSIGNED"]


async def ended(office: Office, state: str) -> list[dict[str, Any]]:
    found = (await office.outsider.ask(ALL_OFFERS))["dispatchOffers"]
    return [one for one in found if one["state"] == state]
