"""setOrderReadiness: what it tells, what it refuses, and that nothing is fetched before it is ready."""

from datetime import UTC, datetime, timedelta

from tests.orders.conftest import Desk, dropoff, uuid_of, window
from tests.orders.test_change import TO_DELIVERED, drive

from doorstep.orders.reads import OPEN_END, orders_for_planning

SHOWN = "id version readiness readyAt status"
AT = "2027-03-01T11:30:00+00:00"


async def test_readiness_is_told_in_an_event_with_the_order_s_version(desk: Desk) -> None:
    order = await desk.place()
    assert (await desk.order(order["id"], SHOWN))["readiness"] == "READY"
    payload = await desk.change("setOrderReadiness", SHOWN, id=order["id"], state="PREPARING", readyAt=AT, ifVersion=1)
    assert payload["problems"] == []
    after = payload["order"]
    assert (after["readiness"], after["version"], after["status"]) == ("PREPARING", 2, "PENDING")
    assert datetime.fromisoformat(after["readyAt"]) == datetime.fromisoformat(AT)
    kind, facts, version = (await desk.events())[-1]
    assert (kind, version) == ("OrderReadinessChanged", 2)
    assert (facts["from"], facts["to"]) == ("READY", "PREPARING")
    before = await desk.written()
    await desk.change("setOrderReadiness", SHOWN, id=order["id"], state="PREPARING", readyAt=AT)
    assert await desk.written() == before
    ready = await desk.change("setOrderReadiness", SHOWN, id=order["id"], state="READY")
    assert (ready["order"]["readiness"], ready["order"]["readyAt"], ready["order"]["version"]) == ("READY", None, 3)


async def test_a_new_order_says_how_far_its_goods_are(desk: Desk) -> None:
    payload = await desk.change("createOrder", SHOWN, dropoff=dropoff(), readiness="NOT_READY", readyAt=AT)
    assert payload["order"]["readiness"] == "NOT_READY"
    assert await desk.refused("createOrder", dropoff=dropoff(), readyAt=AT) == [("INVALID_VALUE", "readyAt")]


async def test_what_is_refused_writes_nothing(desk: Desk) -> None:
    order = await desk.place()
    far = (datetime.now(UTC) + timedelta(days=400)).isoformat()
    assert await desk.refused("setOrderReadiness", id=order["id"], state="READY", readyAt=AT) == [
        ("INVALID_VALUE", "readyAt")
    ]
    assert await desk.refused("setOrderReadiness", id=order["id"], state="PREPARING", readyAt=far) == [
        ("INVALID_VALUE", "readyAt")
    ]
    assert await desk.refused("setOrderReadiness", id=order["id"], state="READY", ifVersion=7) == [
        ("CONFLICT", "ifVersion")
    ]
    await drive(desk, order, *TO_DELIVERED[:2])
    assert await desk.refused("setOrderReadiness", id=order["id"], state="PREPARING") == [("ILLEGAL_TRANSITION", "id")]


async def test_nobody_is_sent_before_the_goods_are_ready(desk: Desk) -> None:
    windows = [window("10:00", "11:00"), window("11:00", "12:00")]
    fetched = await desk.place(kind="PICKUP_AND_DELIVERY", pickup=dropoff(windows=windows), dropoff=dropoff())
    missed = await desk.place(kind="PICKUP_AND_DELIVERY", pickup=dropoff(windows=windows[:1]), dropoff=dropoff())
    at = datetime.fromisoformat(AT)
    for order in (fetched, missed):
        await desk.change("setOrderReadiness", id=order["id"], state="PREPARING", readyAt=AT)
    async with desk.services.db.snapshot(desk.tenant_id) as tx:
        found = {
            one.id: one for one in await orders_for_planning(tx, desk.tenant_id, [uuid_of(fetched), uuid_of(missed)])
        }
    pickup = found[uuid_of(fetched)].pickup
    assert pickup is not None
    assert [(one.start, one.end) for one in pickup.windows] == [(at, at + timedelta(minutes=30))]
    [door] = found[uuid_of(fetched)].dropoff.windows
    assert (door.start, door.end) == (at, at + OPEN_END)
    late = found[uuid_of(missed)].pickup
    assert late is not None
    assert [(one.start, one.end) for one in late.windows] == [(at, at)]
