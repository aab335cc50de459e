"""Plans too large for one matrix: cut by straight line, planned part by part, told as one."""

from typing import Any

import pytest

from doorstep.fleets.reads import shifts_for_planning
from doorstep.orders.reads import PlanningOrder, orders_for_planning
from doorstep.places.roads import Roads
from doorstep.planning.service import parts
from doorstep.planning.service.parts import cut


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_PLACES", 30)
    monkeypatch.setattr(parts, "PART_PLACES", 20)


async def loaded(world: Any) -> tuple[list[PlanningOrder], Any]:
    shift_ids = [row["id"] for row in await world.rows("SELECT id FROM shifts WHERE tenant_id = $1")]
    async with world.db.snapshot(world.principal.tenant_id) as tx:
        orders = await orders_for_planning(tx, world.principal.tenant_id, world.order_ids)
        return orders, await shifts_for_planning(tx, world.principal.tenant_id, shift_ids)


async def test_every_order_and_shift_is_in_one_part_and_no_part_is_too_large(world: Any, small: None) -> None:
    far = await world.add_depot((47.4, 9.9))
    for depot_id in (None, None, None, None, far, far):
        await world.add_shift(depot_id=depot_id)
    await world.add_orders(40)
    await world.add_orders(8, pickup=True)
    await world.add_orders(15, position=(47.41, 9.91))
    orders, shifts = await loaded(world)
    found = cut(orders, shifts)
    assert found.left == {}
    assert len(found.parts) >= 4
    assert sorted(order.id for part in found.parts for order in part.orders) == sorted(order.id for order in orders)
    used = [shift.id for part in found.parts for shift in part.shifts]
    assert len(used) == len(set(used))
    for part in found.parts:
        assert part.shifts
        assert len({shift.depot_id for shift in part.shifts}) == 1
        assert sum(2 if order.pickup else 1 for order in part.orders) < 30
    near_far = {order.id for order in orders if order.dropoff.latitude and order.dropoff.latitude > 47.4}
    assert {o.id for part in found.parts if part.shifts[0].depot_id == far for o in part.orders} == near_far


async def test_what_only_one_vehicle_may_carry_is_brought_to_its_part(world: Any, small: None) -> None:
    for skills in ([], [], ["cold"]):
        await world.add_shift(skills=skills)
    await world.add_orders(36)
    cold = await world.add_orders(4, required_skills=["cold"])
    orders, shifts = await loaded(world)
    able = [part for part in cut(orders, shifts).parts if any("cold" in shift.skills for shift in part.shifts)]
    assert len(able) == 1
    assert set(cold) <= {order.id for order in able[0].orders}


async def test_with_too_few_shifts_the_least_urgent_are_left_and_say_so(world: Any, small: None) -> None:
    await world.add_shift()
    await world.add_orders(25)
    urgent = await world.add_orders(10, priority=50)
    orders, shifts = await loaded(world)
    found = cut(orders, shifts)
    assert len(found.parts) == 1
    assert set(urgent) <= {order.id for order in found.parts[0].orders}
    assert len(found.left) == 15
    assert {left.code.value for why in found.left.values() for left in why} == {"NO_ROOM"}


async def test_a_plan_of_parts_is_one_proposal_and_no_matrix_is_too_large(
    working_world: Any, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = working_world
    asked: list[int] = []
    matrix = Roads.matrix

    async def counting(self: Roads, points: Any, *more: Any, **named: Any) -> Any:
        asked.append(len(points))
        return await matrix(self, points, *more, **named)

    monkeypatch.setattr(Roads, "matrix", counting)
    orders = await world.add_orders(50)
    huge = (await world.add_orders(1, items=500))[0]
    lost = (await world.add_orders(1, location_status="NEEDS_LOCATION", position=(None, None)))[0]
    shifts = [await world.add_shift(capacity_items=20) for _ in range(5)]
    plan_id = await world.proposed([*orders, huge, lost], shifts)
    plan = await world.plan(plan_id)
    assert (plan["status"], plan["failure_reason"]) == ("PROPOSED", None)
    assert len(asked) > 2
    assert max(asked) <= 30
    assert plan["summary"]["orders"] == len(orders)
    assert plan["summary"]["unassigned"] == 2
    routes = await world.rows("SELECT * FROM routes WHERE tenant_id = $1 AND plan_id = $2", plan_id)
    assert plan["summary"]["routes"] == len(routes)
    assert plan["summary"]["distance_meters"] == sum(route["summary"]["distance_meters"] for route in routes)
    assert plan["baseline"]["orders"] == len(orders)
    left = await world.rows("SELECT order_id FROM plan_orders WHERE tenant_id = $1 AND NOT assigned")
    assert {row["order_id"] for row in left} == {huge, lost}


async def test_what_found_no_room_in_its_part_meets_the_idle_shifts(working_world: Any, small: None) -> None:
    """The sectors of one side overflow their vehicles while the other side's stay at home."""
    world = working_world
    orders = await world.add_orders(36, position=(47.16, 9.53))
    shifts = [await world.add_shift(capacity_items=12) for _ in range(4)]
    await world.add_orders(4)
    plan_id = await world.proposed(world.order_ids, shifts)
    assert (await world.plan(plan_id))["summary"]["unassigned"] == 0
    assert orders
