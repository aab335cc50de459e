"""CARRIER_DECLINES: a robot declines an offer in a carrier's name, on a running server; only where the carrier is a sandbox, too."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.sandbox.conftest import FAST, PATIENCE, SIMULATION, Company, Fleet, make_company, make_fleet

from doorstep.identity.model import TenantMode
from doorstep.kernel.db import Database
from doorstep.kernel.ids import new_id, parse_id, public_id
from doorstep.kernel.scope import Permission
from doorstep.sandbox.service import declining
from doorstep.server import Server

TENDERS = "query ($id: ID!) { order(by: { id: $id }) { status tenders { id status reason } } }"
TYPES = "{ events(first: 250) { nodes { __typename } } }"


async def partnership(merchant: Company, carrier: Company) -> str:
    """The carrier becomes the merchant's."""
    token = await merchant.do("invitePartner")
    identifier: str = (await carrier.do("acceptPartnership", token=token))["id"]
    return identifier


@dataclass
class Ring:
    """A merchant and two carriers, ranked; all of them sandboxes whose clocks run as the wall's."""

    merchant: Company
    first: Company
    second: Company
    partnerships: list[str]
    depot: str

    async def offered(self) -> tuple[str, str]:
        """A new order and its tender, which both logs know of."""
        order_id = await self.merchant.order(depotId=self.depot)
        offers = [{"partnershipId": one} for one in self.partnerships]
        [result] = await self.merchant.do("tenderOrder", orderIds=[order_id], offers=offers)
        await self.settled()
        return order_id, result["tender"]["id"]

    async def settled(self) -> None:
        """Once everything that happened is relayed, and reacted to."""
        async with asyncio.timeout(PATIENCE):
            while await self.merchant.rows(
                "SELECT 1 FROM consumers AS place JOIN event_heads AS head ON head.tenant_id = place.tenant_id "
                "WHERE head.seq > place.seq AND place.tenant_id = ANY($2) AND $1::uuid IS NOT NULL",
                [one.tenant_id for one in (self.merchant, self.first, self.second)],
            ):
                await asyncio.sleep(0.05)

    async def everything(self) -> list[Any]:
        """All rows of the three, with those that two of them have."""
        own = [await one.everything() for one in (self.merchant, self.first, self.second)]
        shared = await self.merchant.rows("SELECT to_jsonb(t)::text AS row FROM tenders t WHERE merchant_id = $1")
        return [*own, sorted(row["row"] for row in shared)]

    async def refused(self, **values: Any) -> list[tuple[str, str]]:
        """The refusal of simulateOrder; nothing was written, of none of the three."""
        await self.settled()
        before = await self.everything()
        payload = await self.merchant.call("simulateOrder", **values)
        assert await self.everything() == before
        return [(problem["code"], ".".join(problem["path"])) for problem in payload["problems"]]

    async def tenders(self, order_id: str) -> list[tuple[str, str | None]]:
        """The order's tenders, oldest first."""
        found = (await self.merchant.ask(TENDERS, id=order_id))["order"]["tenders"]
        return [(one["status"], one["reason"]) for one in sorted(found, key=lambda one: one["id"])]

    async def until(self, order_id: str, wanted: list[tuple[str, str | None]]) -> None:
        """Once the order's tenders are so."""
        async with asyncio.timeout(PATIENCE):
            while await self.tenders(order_id) != wanted:
                await asyncio.sleep(0.05)

    async def later(self, **delta: float) -> None:
        """The merchant's clock jumps."""
        await self.merchant.do("setSandboxClock", at=(await self.merchant.now() + timedelta(**delta)).isoformat())

    async def of_first(self, *, mode: TenantMode) -> None:
        """The first carrier becomes a tenant of that mode: by the partnership's own wall none ever is a LIVE one."""
        async with self.merchant.system.transaction() as tx:
            await tx.execute("UPDATE tenants SET mode = $2 WHERE id = $1", self.first.tenant_id, mode.value)


@pytest.fixture
async def ring(server: Server, sandbox_system: Database) -> AsyncIterator[Ring]:
    async with httpx.AsyncClient(timeout=30) as http:
        three = [await make_company(server, http, sandbox_system, TenantMode.TEST) for _ in range(3)]
        merchant, *carriers = three
        ids = [await partnership(merchant, carrier) for carrier in carriers]
        ring = Ring(merchant, *carriers, ids, (await make_fleet(merchant, timedelta(hours=1))).depot)
        await ring.settled()
        yield ring
        await ring.settled()


async def types(company: Company) -> list[str]:
    """What a company's log tells of tenders."""
    nodes = (await company.ask(TYPES))["events"]["nodes"]
    return [node["__typename"] for node in nodes if node["__typename"].startswith("Tender")]


async def test_both_logs_tell_it_and_the_next_carrier_is_asked_and_then_nobody(ring: Ring) -> None:
    order_id, tender_id = await ring.offered()
    await ring.merchant.do("setSandboxClock", rate=FAST)
    started = await ring.merchant.do("simulateOrder", orderId=order_id, outcome="CARRIER_DECLINES", secondsPerStep=300)
    assert (started["status"], started["route"], started["order"]["id"]) == ("RUNNING", None, order_id)
    assert started["tender"]["id"] == tender_id
    over = await ring.merchant.over(started["id"])
    assert (over["status"], over["lastError"]) == ("SUCCEEDED", None)
    assert over["tender"] == {"id": tender_id, "status": "DECLINED", "reason": "NO_CAPACITY"}
    await ring.until(order_id, [("DECLINED", "NO_CAPACITY"), ("OFFERED", None)])
    await ring.settled()
    assert await types(ring.first) == ["TenderOffered", "TenderDeclined"]
    assert await types(ring.second) == ["TenderOffered"]
    assert await types(ring.merchant) == ["TenderOffered", "TenderDeclined", "TenderOffered"]
    again = await ring.merchant.do("simulateOrder", orderId=order_id, outcome="CARRIER_DECLINES", secondsPerStep=300)
    assert (await ring.merchant.over(again["id"]))["status"] == "SUCCEEDED"
    await ring.until(order_id, [("DECLINED", "NO_CAPACITY")] * 2)
    await ring.settled()
    assert await ring.merchant.statuses(order_id) == ["OFFERED", "PENDING"]
    actors = await ring.first.rows("SELECT actor_kind FROM events WHERE tenant_id = $1 AND type = 'TenderDeclined'")
    assert [row["actor_kind"] for row in actors] == ["SYSTEM"]


async def test_it_waits_a_step_of_the_merchants_clock_and_can_be_cancelled(ring: Ring) -> None:
    order_id, _ = await ring.offered()
    started = await ring.merchant.do("simulateOrder", orderId=order_id, outcome="CARRIER_DECLINES", secondsPerStep=3600)
    waits = await ring.merchant.until(started["id"], lambda shown: shown["nextActAt"] is not None)
    assert (waits["status"], waits["tender"]["status"]) == ("RUNNING", "OFFERED")
    [problem] = (await ring.merchant.call("simulateOrder", orderId=order_id, outcome="CARRIER_DECLINES"))["problems"]
    assert (problem["code"], problem["existingId"]) == ("IN_USE", started["id"])
    assert (await ring.merchant.do("cancelSimulation", simulationId=started["id"]))["status"] == "CANCELLED"
    second = await ring.merchant.do("simulateOrder", orderId=order_id, outcome="CARRIER_DECLINES", secondsPerStep=3600)
    await ring.later(hours=2)
    await ring.merchant.over(second["id"])
    await ring.settled()
    assert await types(ring.first) == ["TenderOffered", "TenderDeclined"]


@pytest.mark.parametrize(
    ("side", "mutation", "status", "said"),
    [
        ("merchant", "withdrawTender", "FAILED", "WITHDRAWN"),
        ("first", "acceptTender", "FAILED", "ACCEPTED"),
        ("first", "declineTender", "SUCCEEDED", None),
    ],
)
async def test_somebody_was_faster_than_the_robot(
    ring: Ring, side: str, mutation: str, status: str, said: str | None
) -> None:
    order_id, tender_id = await ring.offered()
    started = await ring.merchant.do("simulateOrder", orderId=order_id, outcome="CARRIER_DECLINES", secondsPerStep=3600)
    more = {"reason": "AREA"} if mutation == "declineTender" else {}
    await getattr(ring, side).do(mutation, ids=[tender_id], **more)
    await ring.settled()
    tenders = await ring.tenders(order_id)
    await ring.later(hours=2)
    over = await ring.merchant.over(started["id"])
    assert over["status"] == status
    assert (over["lastError"] is None) if said is None else (said in over["lastError"])
    assert await ring.tenders(order_id) == tenders


async def test_what_is_refused(ring: Ring) -> None:
    decline = {"outcome": "CARRIER_DECLINES"}
    pending = await ring.merchant.order(depotId=ring.depot)
    assert await ring.refused(orderId=pending, **decline) == [("ILLEGAL_TRANSITION", "orderId")]
    [problem] = (await ring.merchant.call("simulateOrder", orderId=pending, **decline))["problems"]
    assert "tenderOrder" in problem["message"]
    unknown = public_id("order", new_id())
    assert await ring.refused(orderId=unknown, **decline) == [("NOT_FOUND", "orderId")]
    order_id, tender_id = await ring.offered()
    assert await ring.refused(orderId=order_id, lateByMinutes=5, **decline) == [("INVALID_VALUE", "lateByMinutes")]
    assert await ring.refused(orderId=order_id, secondsPerStep=0, **decline) == [("INVALID_VALUE", "secondsPerStep")]
    assert await ring.refused(orderId=order_id) == [("ILLEGAL_TRANSITION", "orderId")]
    await ring.first.do("acceptTender", ids=[tender_id])
    assert await ring.refused(orderId=order_id, **decline) == [("ILLEGAL_TRANSITION", "orderId")]


async def test_on_a_route_nobody_is_asked(slow: Company, slow_fleet: Fleet) -> None:
    order_id = await slow.order(depotId=slow_fleet.depot)
    route_id = (await slow_fleet.route([order_id]))["id"]
    outcomes = [{"orderId": order_id, "outcome": "CARRIER_DECLINES"}]
    assert await slow.refused("simulateRoute", routeId=route_id, outcomes=outcomes) == [
        ("INVALID_VALUE", "outcomes.0.outcome")
    ]
    assert await slow.refused("simulateOrder", orderId=order_id, outcome="CARRIER_DECLINES") == [
        ("ILLEGAL_TRANSITION", "orderId")
    ]


async def test_a_live_carriers_people_answer(ring: Ring) -> None:
    order_id, _ = await ring.offered()
    await ring.of_first(mode=TenantMode.LIVE)
    assert await ring.refused(orderId=order_id, outcome="CARRIER_DECLINES") == [("NOT_A_SANDBOX", "orderId")]


async def declined_though_live(ring: Ring) -> tuple[dict[str, Any], list[tuple[str, str | None]]]:
    """The carrier becomes LIVE between the request and the robot's answer: the simulation, and the order's tenders."""
    order_id, _ = await ring.offered()
    started = await ring.merchant.do("simulateOrder", orderId=order_id, outcome="CARRIER_DECLINES", secondsPerStep=3600)
    await ring.of_first(mode=TenantMode.LIVE)
    await ring.later(hours=2)
    over = await ring.merchant.over(started["id"])
    await ring.settled()
    return over, await ring.tenders(order_id)


async def test_the_robot_looks_again_whose_name_it_is(ring: Ring) -> None:
    over, tenders = await declined_though_live(ring)
    assert over["status"] == "FAILED"
    assert "LIVE" in over["lastError"]
    assert tenders == [("OFFERED", None)]


async def test_planted_fault_without_that_look_a_live_carrier_would_have_declined(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def any_tenant(*_: Any) -> bool:
        return True

    monkeypatch.setattr(declining, "sandbox_clock", any_tenant)
    _, tenders = await declined_though_live(ring)
    assert tenders[0] == ("DECLINED", "NO_CAPACITY")


async def test_planted_fault_without_the_door_the_request_would_be_taken(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def any_carrier(*_: Any) -> bool:
        return True

    order_id, _ = await ring.offered()
    await ring.of_first(mode=TenantMode.LIVE)
    monkeypatch.setattr(declining, "carrier_is_sandbox", any_carrier)
    started = await ring.merchant.do("simulateOrder", orderId=order_id, outcome="CARRIER_DECLINES", secondsPerStep=1)
    assert (await ring.merchant.over(started["id"]))["status"] == "FAILED"
    assert await ring.tenders(order_id) == [("OFFERED", None)]


async def test_no_more_of_the_carrier_is_told_than_the_answer(
    ring: Ring, server: Server, sandbox_system: Database
) -> None:
    """The carrier's mode is told of a merchant's own offers alone, to nobody else; and who may only simulate does not see the tender."""
    order_id, tender_id = await ring.offered()
    uuid = parse_id("tender", tender_id)
    asked = {}
    db = server.services.db
    for name, company in (("merchant", ring.merchant), ("carrier", ring.first), ("third", ring.second)):
        async with db.snapshot(company.tenant_id) as tx:
            asked[name] = await tx.fetchval("SELECT doorstep_carrier_is_sandbox($1)", uuid)
    assert asked == {"merchant": True, "carrier": False, "third": False}
    for stranger in (ring.first, ring.second):
        payload = await stranger.call("simulateOrder", orderId=order_id, outcome="CARRIER_DECLINES")
        assert [one["code"] for one in payload["problems"]] == ["NOT_FOUND"]
    started = await ring.merchant.do("simulateOrder", orderId=order_id, outcome="CARRIER_DECLINES", secondsPerStep=3600)
    for company in (ring.first, ring.second):
        shown = await company.ask(
            f"query ($id: ID!) {{ {SIMULATION.replace('simulation', 'simulation(id: $id)', 1)} }}", id=started["id"]
        )
        assert shown["simulation"] is None
    async with httpx.AsyncClient(timeout=30) as http:
        narrow = await make_company(
            server, http, sandbox_system, TenantMode.TEST, frozenset({Permission.SANDBOX_WRITE})
        )
        payload = await narrow.call("simulateOrder", orderId=order_id, outcome="CARRIER_DECLINES")
        assert [one["code"] for one in payload["problems"]] == ["NOT_FOUND"]
