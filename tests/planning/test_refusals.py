"""What cannot be planned is refused with what to do, and nothing is written."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from doorstep.kernel.ids import new_id, public_id
from doorstep.orders.reads import OrderQuery
from doorstep.planning.service import NewPlan, Pin, commit_plan, create_plan, plans

WRITTEN = "SELECT (SELECT count(*) FROM plans WHERE tenant_id = $1) + (SELECT count(*) FROM jobs WHERE tenant_id = $1) + (SELECT count(*) FROM events WHERE tenant_id = $1)"


async def faults_of(world: Any, **wanted: Any) -> list[tuple[str, str]]:
    """Codes and paths of createPlan's refusals; nothing was written."""
    before = await world.value(WRITTEN)
    faults = await world.refused(create_plan, NewPlan(**wanted))
    assert await world.value(WRITTEN) == before
    assert all(fault.message.endswith(".") for fault in faults), "each is a sentence for people"
    return [(fault.code.value, ".".join(fault.path)) for fault in faults]


async def test_a_plan_needs_something_to_plan(world: Any) -> None:
    shift = await world.add_shift()
    orders = await world.add_orders(1)
    tomorrow = world.base.date() + timedelta(days=30)
    assert await faults_of(world, order_ids=(), shift_ids=(shift,)) == [("NOTHING_TO_PLAN", "orderIds")]
    assert await faults_of(world, order_ids=tuple(orders), shift_ids=()) == [("NOTHING_TO_PLAN", "shiftIds")]
    assert await faults_of(world, order_ids=tuple(orders), day=tomorrow) == [("NOTHING_TO_PLAN", "date")]
    filtered = OrderQuery(references=("nobody has this",))
    assert await faults_of(world, order_query=filtered, shift_ids=(shift,)) == [("NOTHING_TO_PLAN", "orderFilter")]
    assert await faults_of(world) == [("REQUIRED", "orderIds"), ("REQUIRED", "shiftIds")]


async def test_unknown_ids_and_shifts_that_cannot_drive_are_all_named(world: Any) -> None:
    orders = await world.add_orders(1)
    walking = await world.add_shift(vehicle=False)
    over = await world.add_shift(starts_in=timedelta(days=-2))
    wanted = {"order_ids": (orders[0], new_id()), "shift_ids": (walking, new_id(), over)}
    assert await faults_of(world, **wanted) == [
        ("NOT_FOUND", "orderIds.1"),
        ("SHIFT_WITHOUT_VEHICLE", "shiftIds.0"),
        ("NOT_FOUND", "shiftIds.1"),
        ("INVALID_VALUE", "shiftIds.2"),
    ]


async def test_another_tenants_orders_and_shifts_do_not_exist(world: Any, another_world: Any) -> None:
    other = another_world
    theirs, their_shift = await other.add_orders(1), await other.add_shift()
    assert await faults_of(world, order_ids=tuple(theirs), shift_ids=(their_shift,)) == [
        ("NOT_FOUND", "orderIds.0"),
        ("NOT_FOUND", "shiftIds.0"),
    ]


async def test_an_order_that_is_not_plannable_is_named_with_its_state(working_world: Any) -> None:
    world = working_world
    cancelled = (await world.add_orders(1, status="CANCELLED"))[0]
    taken = await world.add_orders(1)
    await world.do(commit_plan, await world.proposed(taken, [await world.add_shift()]))
    shift = await world.add_shift()

    before = await world.value(WRITTEN)
    faults = await world.refused(create_plan, NewPlan(order_ids=(cancelled, taken[0]), shift_ids=(shift,)))

    assert [(fault.code, fault.path) for fault in faults] == [
        ("NOT_PLANNABLE", ["orderIds", "0"]),
        ("ORDER_TAKEN", ["orderIds", "1"]),
    ]
    assert "CANCELLED" in faults[0].message
    route_id = await world.value("SELECT route_id FROM assignments WHERE tenant_id = $1 AND active")
    assert faults[1].existing_id == public_id("route", route_id)
    assert await world.value(WRITTEN) == before
    used = await world.value("SELECT shift_id FROM routes WHERE tenant_id = $1 AND status = 'COMMITTED'")
    again = await world.refused(create_plan, NewPlan(order_ids=tuple(await world.add_orders(1)), shift_ids=(used,)))
    assert [fault.code for fault in again] == ["IN_USE"]


async def test_more_orders_than_a_plan_takes_are_refused_not_cut(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shift = await world.add_shift()
    many = tuple(new_id() for _ in range(1001))
    assert await faults_of(world, order_ids=many, shift_ids=(shift,)) == [("TOO_MANY_ITEMS", "orderIds")]
    assert plans.MOST_ORDERS == 20_000
    monkeypatch.setattr(plans, "MOST_ORDERS", 40)
    await world.add_orders(41)
    before = await world.value(WRITTEN)
    assert await faults_of(world, order_query=OrderQuery(), shift_ids=(shift,)) == [("PLAN_TOO_LARGE", "orderFilter")]
    assert await world.value(WRITTEN) == before


async def test_a_filter_finds_only_orders_that_can_be_planned(world: Any) -> None:
    await world.add_orders(2, status="CANCELLED")
    open_orders = await world.add_orders(3)
    made = await world.do(
        create_plan, NewPlan(order_query=OrderQuery(), shift_ids=(await world.add_shift(),), optimize=False)
    )
    rows = await world.rows("SELECT order_id FROM plan_orders WHERE tenant_id = $1 AND plan_id = $2", UUID(made["id"]))
    assert {row["order_id"] for row in rows} == set(open_orders)


async def test_pins_are_about_the_plans_own_orders_and_shifts_and_do_not_contradict(world: Any) -> None:
    (order, other), shift = await world.add_orders(2), await world.add_shift()
    stranger = new_id()
    wanted = {"order_ids": (order,), "shift_ids": (shift,)}
    assert await faults_of(world, **wanted, pins=(Pin(other, shift),)) == [("NOT_FOUND", "pins.0.orderId")]
    assert await faults_of(world, **wanted, pins=(Pin(order, stranger),)) == [("NOT_FOUND", "pins.0.shiftId")]
    twice = (Pin(order, shift), Pin(order, shift))
    assert await faults_of(world, **wanted, pins=twice) == [("INVALID_VALUE", "pins.1.orderId")]
