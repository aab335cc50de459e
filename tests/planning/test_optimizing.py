"""A plan from its creation to its proposal, with the real solver on straight lines."""

from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from doorstep.planning.service import NewPlan, Pin, create_plan


async def test_a_plan_becomes_a_proposal_with_routes_stops_reasons_and_sums(working_world: Any) -> None:
    world = working_world
    orders = [*await world.add_orders(12), *await world.add_orders(3, pickup=True)]
    huge = (await world.add_orders(1, items=500))[0]
    lost = (await world.add_orders(1, location_status="NEEDS_LOCATION", position=(None, None)))[0]
    shifts = [await world.add_shift(), await world.add_shift(kind="CARGO_BIKE")]

    plan_id = await world.proposed([*orders, huge, lost], shifts, name="Morning")

    plan = await world.plan(plan_id)
    assert (plan["status"], plan["failure_reason"], plan["name"]) == ("PROPOSED", None, "Morning")
    assert plan["network"] == "STRAIGHT_LINES"
    assert "vroom" in plan["engine"]
    assert plan["summary"]["orders"] == len(orders)
    assert plan["summary"]["unassigned"] == 2
    assert plan["summary"]["cost"] <= plan["baseline"]["cost"]
    assert plan["summary"]["emissions_grams"] == round(plan["summary"]["distance_meters"] / 1000 * 200)
    left = {
        row["order_id"]: row["reasons"]
        for row in await world.rows("SELECT * FROM plan_orders WHERE tenant_id = $1 AND NOT assigned")
    }
    assert set(left) == {huge, lost}
    assert left[huge][0]["code"] == "CAPACITY"
    assert set(left[huge][0]["shift_ids"]) == {str(shift) for shift in shifts}
    assert left[lost] == [{"code": "NEEDS_LOCATION", "shift_ids": []}]
    assert await world.event_types() == ["PlanStatusChanged", "PlanStatusChanged", "PlanStatusChanged", "PlanFinished"]


async def test_stops_follow_each_other_in_time_with_paths_and_loads(working_world: Any) -> None:
    world = working_world
    orders = [*await world.add_orders(6), *await world.add_orders(2, pickup=True)]
    pause = {
        "start": (world.base + timedelta(minutes=5)).isoformat(),
        "end": (world.base + timedelta(hours=1)).isoformat(),
        "seconds": 600,
    }
    plan_id = await world.proposed(orders, [await world.add_shift(breaks=[pause])])

    stops = await world.rows(
        "SELECT stop.*, ARRAY(SELECT order_id FROM stop_orders WHERE stop_id = stop.id) AS order_ids FROM stops AS stop "
        "JOIN routes AS route ON route.id = stop.route_id WHERE stop.tenant_id = $1 AND route.plan_id = $2 ORDER BY sequence",
        plan_id,
    )
    kinds = [stop["kind"] for stop in stops]
    assert (kinds[0], kinds[-1]) == ("DEPOT_START", "DEPOT_END")
    assert kinds.count("DROPOFF") == 8
    assert kinds.count("PICKUP") == 2
    assert [stop["sequence"] for stop in stops] == list(range(len(stops)))
    assert sorted(stops[0]["order_ids"]) == sorted(orders[:6]), "what is loaded at the depot"
    for before, after in pairwise(stops):
        assert after["planned_arrival"] >= before["planned_departure"]
        assert after["planned_departure"] >= after["planned_service_start"] >= after["planned_arrival"]
    moving = [stop for stop in stops if stop["kind"] != "BREAK" and stop["leg_meters"]]
    assert all(stop["leg_path"] for stop in moving)
    assert stops[0]["load_after"]["items"] == 6
    assert stops[-1]["load_after"]["items"] == 0


async def test_orders_at_one_door_share_a_stop(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(3, position=(47.145, 9.525))
    plan_id = await world.proposed(orders, [await world.add_shift()])
    drops = await world.rows(
        "SELECT stop.id FROM stops AS stop JOIN routes AS route ON route.id = stop.route_id "
        "WHERE stop.tenant_id = $1 AND route.plan_id = $2 AND stop.kind = 'DROPOFF'",
        plan_id,
    )
    assert len(drops) == 1
    assert (
        await world.value("SELECT count(*) FROM stop_orders WHERE tenant_id = $1 AND stop_id = $2", drops[0]["id"]) == 3
    )


async def test_a_plan_of_which_nothing_can_be_placed_is_still_a_proposal_with_reasons(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(2, location_status="NEEDS_LOCATION", position=(None, None))
    plan = await world.plan(await world.proposed(orders, [await world.add_shift()]))
    assert plan["status"] == "PROPOSED"
    assert plan["summary"]["orders"] == 0
    assert plan["summary"]["unassigned"] == 2


async def test_shifts_of_a_civil_day_are_those_of_the_tenants_time_zone(world: Any) -> None:
    await world.add_orders(1)
    first = await world.add_shift()
    local_day = world.base.astimezone(ZoneInfo("Europe/Vaduz")).date()
    tomorrow = await world.add_shift(starts_in=timedelta(days=1))
    made = await world.do(create_plan, NewPlan(order_ids=tuple(world.order_ids), day=local_day, optimize=False))
    rows = await world.rows("SELECT shift_id FROM plan_shifts WHERE tenant_id = $1 AND plan_id = $2", UUID(made["id"]))
    assert [row["shift_id"] for row in rows] == [first]
    assert tomorrow != first
    assert (await world.plan(UUID(made["id"])))["status"] == "DRAFT"


async def test_a_pinned_order_is_planned_on_its_shift(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(6)
    shifts = [await world.add_shift() for _ in range(2)]
    pins = (Pin(orders[0], shifts[1]), Pin(orders[1], shifts[0]))
    plan_id = await world.proposed(orders, shifts, pins=pins)
    assert (await world.plan(plan_id))["summary"]["unassigned"] == 0
    carried = await world.rows(
        "SELECT stop_orders.order_id, route.shift_id FROM routes AS route JOIN stops AS stop ON stop.route_id = route.id "
        "JOIN stop_orders ON stop_orders.stop_id = stop.id WHERE route.tenant_id = $1 AND route.plan_id = $2",
        plan_id,
    )
    by_order = {row["order_id"]: row["shift_id"] for row in carried}
    assert by_order[orders[0]] == shifts[1]
    assert by_order[orders[1]] == shifts[0]


async def test_an_order_pinned_to_a_shift_that_is_too_small_says_so(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(2, items=20)
    small, large = await world.add_shift(capacity_items=10), await world.add_shift()
    await world.proposed(orders, [small, large], pins=(Pin(orders[0], small),))
    left = await world.rows("SELECT order_id, reasons FROM plan_orders WHERE tenant_id = $1 AND NOT assigned")
    assert [row["order_id"] for row in left] == [orders[0]]
    assert {reason["code"] for reason in left[0]["reasons"]} == {"PINNED", "CAPACITY"}
