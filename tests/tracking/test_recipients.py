"""Public tracking over real HTTP, WebSocket and SSE: what a recipient sees, and that nobody sees what is another's."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.identity.conftest import ADDRESS, POINT, Client, Place, company, place
from tests.identity.test_reach import routed
from tests.kernel.streams.conftest import following
from tests.tracking.recipients import FOLLOW, TRACKING, Van, on_a_route, recipient, sees, streaming

from doorstep.kernel.db import Transaction
from doorstep.kernel.graphql.sharing import shapes
from doorstep.kernel.ids import parse_id
from doorstep.kernel.scope import EVERYTHING, Actor, ActorKind, Principal, Reach
from doorstep.kernel.time import TimeWindow
from doorstep.orders.model import FINAL, OrderStatus
from doorstep.tracking.graphql import recipients
from doorstep.tracking.model.recipients import STATUSES, expected

__all__ = ["company", "place"]


async def test_the_story_of_an_order_as_its_recipient_reads_it(company: Client) -> None:
    window = {"start": datetime.now(UTC).isoformat(), "end": (datetime.now(UTC) + timedelta(hours=8)).isoformat()}
    route = await on_a_route(company, windows=[window], instructions="Behind the shed")
    van, ada = Van(company, route), await recipient(company, route["order"])
    shown = await sees(ada)
    assert shown["status"] == "SCHEDULED"
    assert shown["merchantName"] == "Company"
    assert shown["timeZone"] == "Europe/Vaduz"
    assert datetime.fromisoformat(shown["window"]["end"]) == datetime.fromisoformat(window["end"])
    assert shown["vehicle"] is None
    async with following(ada, FOLLOW) as socket, streaming(ada) as stream:
        for said in (await socket.next(), await stream.next()):
            assert {**said, "expected": None} == {**shown, "expected": None}, "five minutes may just be full"
        await van.act("start", "COMPLETE")
        on_board = await socket.until(lambda item: item["status"] == "ON_THE_WAY")
        assert on_board["stopsBefore"] == 0
        begins, ends = (datetime.fromisoformat(on_board["expected"][name]) for name in ("start", "end"))
        assert timedelta(minutes=5) <= ends - begins <= timedelta(hours=2)
        assert begins.minute % 5 == ends.minute % 5 == 0
        await van.act("stop", "DEPART")
        await van.at(POINT["latitude"] + 0.01)
        near = await socket.until(lambda item: item["vehicle"] is not None)
        assert near["status"] == "COMING"
        assert 1100 <= near["vehicle"]["metersAway"] <= 1150
        await van.at(POINT["latitude"] + 0.002)
        await socket.until(lambda item: item["vehicle"]["metersAway"] < 300)
        await van.act("stop", "ARRIVE", "COMPLETE")
        last = await socket.until(lambda item: item["status"] == "DELIVERED")
        assert last["deliveredAt"] is not None
        assert last["vehicle"] is last["expected"] is last["stopsBefore"] is None
        while (said := await stream.next())["status"] != "DELIVERED":
            pass
        assert said == last == await sees(ada)
    assert "shed" not in str(socket.seen)


async def test_an_order_nobody_brings_yet_and_a_try_that_failed(company: Client) -> None:
    waiting = await sees(await recipient(company, await company.order(None)))
    assert waiting["status"] == "RECEIVED"
    assert waiting["expected"] is waiting["stopsBefore"] is waiting["trouble"] is waiting["attribution"] is None
    assert waiting["proofs"] == []
    route = await on_a_route(company)
    van, ada = Van(company, route), await recipient(company, route["order"])
    await van.act("start", "COMPLETE")
    await van.act("stop", "ARRIVE")
    await van.act("stop", "FAIL", reason="NOT_HOME", note="A dog, and they shouted")
    shown = await sees(ada)
    assert shown["status"] in ("NOT_DELIVERED", "WILL_BE_TRIED_AGAIN")
    assert shown["trouble"] == "NOBODY_THERE"
    assert "dog" not in (await ada.answer(TRACKING)).text


async def test_the_vehicle_is_shown_to_whom_it_comes_to_next_alone(company: Client) -> None:
    depot, driver = await company.depot(), await company.driver()
    first = await routed(company, depot, driver)
    elsewhere = {"address": ADDRESS, "coordinates": {"latitude": 47.15, "longitude": 9.521}}
    second = (await company.do("createOrder", "order { id }", dropoff=elsewhere, depotId=depot))["order"]["id"]
    shown = "route { vehicle { id } stops { id kind orders { id } } }"
    made = await company.do("assignOrders", shown, orderIds=[second], shiftId=first["shift"])
    stops = {one["orders"][0]["id"]: one["id"] for one in made["route"]["stops"] if one["kind"] == "DROPOFF"}
    order = [one["orders"][0]["id"] for one in made["route"]["stops"] if one["kind"] == "DROPOFF"]
    route = {**first, "vehicle": made["route"]["vehicle"]["id"], "one": stops[order[0]], "two": stops[order[1]]}
    van, ada, bert = Van(company, route), await recipient(company, order[0]), await recipient(company, order[1])
    await van.at(47.2)
    assert (await sees(ada))["vehicle"] is None
    await van.act("start", "COMPLETE")
    assert (await sees(ada))["vehicle"] is None, "where it was before it set out is nobody's business"
    await van.at(47.19)
    assert (await sees(ada))["vehicle"]["coordinates"]["latitude"] == 47.19
    seen = await sees(bert)
    assert (seen["vehicle"], seen["stopsBefore"]) == (None, 1)
    await van.act("one", "DEPART", "ARRIVE")
    await van.at(47.18)
    assert (await sees(bert))["vehicle"] is None
    await van.act("one", "COMPLETE")
    assert (await sees(ada))["vehicle"] is None
    assert (await sees(bert))["vehicle"] is None, "it still stands at another recipient's door"
    await van.at(47.17)
    assert (await sees(bert))["vehicle"]["coordinates"]["latitude"] == 47.17
    assert (await sees(ada))["vehicle"] is None


async def test_no_other_order_is_asked_for_its_vehicle(company: Client, place: Place) -> None:
    route, stranger, db = await on_a_route(company), await place.company(), company.server.services.db
    van, order_id = Van(company, route), parse_id("order", route["order"])
    await van.act("start", "COMPLETE")
    await van.at(47.2)
    other = parse_id("order", await company.order(None))
    for tenant_id, followed, shown in (
        (company.tenant_id, order_id, [47.2]),
        (company.tenant_id, other, []),
        (company.tenant_id, None, []),
        (stranger.tenant_id, order_id, []),
    ):
        reads_as = Principal(tenant_id, Actor(ActorKind.RECIPIENT), frozenset(), reach=Reach(order_id=followed))
        async with db.snapshot(reads_as) as tx:
            rows = await tx.fetch("SELECT * FROM doorstep_way_to_recipient()")
            assert [row["latitude"] for row in rows] == shown
            for table in ("routes", "stops", "assignments", "vehicle_positions", "vehicles", "drivers", "plans"):
                assert await tx.fetch(f"SELECT * FROM {table}") == [] or followed is None, table


async def test_what_happens_to_others_costs_a_page_nothing(company: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    order, looks, look = await company.order(None), [], recipients.order_followed

    async def counting(tx: Transaction, tenant_id: UUID, order_id: UUID) -> Any:
        looks.append(order_id)
        return await look(tx, tenant_id, order_id)

    monkeypatch.setattr(recipients, "order_followed", counting)
    async with following(await recipient(company, order), FOLLOW) as socket:
        await socket.next()
        before = len(looks)
        for _ in range(5):
            await company.order(None)
        await asyncio.sleep(1)
        assert len(looks) == before
        await company.do("cancelOrder", "__typename", id=order)
        assert (await socket.next(within=recipients.POLL_SECONDS / 2))["status"] == "CANCELLED"


async def followed_side_by_side(company: Client) -> tuple[str, str]:
    """What two recipients, whose orders stand differently, are told at once."""
    ours, theirs = await company.order(None), await company.order(None)
    await company.do("cancelOrder", "__typename", id=theirs)
    ada, bert = await recipient(company, ours), await recipient(company, theirs)
    async with following(ada, FOLLOW) as one, following(bert, FOLLOW) as other:
        return (await one.next())["status"], (await other.next())["status"]


async def test_neighbours_never_share_an_execution(company: Client) -> None:
    assert await followed_side_by_side(company) == ("RECEIVED", "CANCELLED")


async def test_the_test_notices_a_key_of_sharing_without_the_order(
    company: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = shapes._shape

    def without_order(*given: Any) -> Any:
        shape = right(*given)
        principal: Principal | None = shape.principal if shape is not None else None
        if shape is None or principal is None:
            return shape
        *same, whose = shape.key
        return replace(shape, key=(*same, replace(whose, reach=EVERYTHING, recipient_of=None)))

    monkeypatch.setattr(shapes, "_shape", without_order)
    assert await followed_side_by_side(company) == ("RECEIVED", "RECEIVED")


def test_every_state_and_reason_has_a_recipients_word() -> None:
    assert set(STATUSES) == set(OrderStatus)
    ending = {STATUSES[one] for one in FINAL}
    assert {one.value for one in ending} == {"DELIVERED", "GOES_BACK", "CANCELLED"}


NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "stops", "windows", "begins", "ends"),
    [
        (0, 0, (), -5, 15),
        (2, 0, (), -5, 15),
        (0, 5, (), -15, 35),
        (0, 500, (), -35, 75),
        (0, 0, ((-60, 60),), -5, 15),
        (0, 0, ((30, 60),), 30, 40),
        (0, 0, ((-90, -60),), -5, 15),
    ],
)
def test_an_arrival_is_a_range(
    minutes: int, stops: int, windows: tuple[tuple[int, int], ...], begins: int, ends: int
) -> None:
    given = [TimeWindow(NOON + timedelta(minutes=a), NOON + timedelta(minutes=b)) for a, b in windows]
    found = expected(NOON + timedelta(minutes=minutes), stops, given)
    assert found == TimeWindow(NOON + timedelta(minutes=begins), NOON + timedelta(minutes=ends))
