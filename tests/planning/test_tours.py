"""A shift with several tours, from the plan to the last door: what each tour takes is loaded where it begins."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from doorstep.fleets.service.shifts import update_shift
from doorstep.kernel.errors import DoorstepError
from doorstep.kernel.ids import new_id
from doorstep.planning.service import assign_orders, commit_plan, dispatch_plan, prepare_assignment, unassign_orders
from doorstep.planning.service.changes import Change, Put, Take
from doorstep.planning.service.previewing import weigh
from doorstep.tracking.model import FailureReason, StopAct
from doorstep.tracking.service.acts import DriverAct, advance_stop

STOPS = """
SELECT stop.*, ARRAY(SELECT link.order_id FROM stop_orders AS link WHERE link.tenant_id = stop.tenant_id AND link.stop_id = stop.id) AS order_ids
FROM stops AS stop WHERE stop.tenant_id = $1 AND stop.status <> 'CANCELLED' ORDER BY stop.sequence
"""


async def stops(world: Any) -> list[Any]:
    return list(await world.rows(STOPS))


async def status(world: Any, orders: Sequence[UUID]) -> set[str]:
    rows = await world.rows("SELECT status FROM orders WHERE tenant_id = $1 AND id = ANY($2)", list(orders))
    return {row["status"] for row in rows}


async def act(world: Any, stop: Any, kind: StopAct, **named: Any) -> None:
    await world.do(advance_stop, DriverAct(stop["id"], kind, str(new_id()), **named))


async def visit(world: Any, stop: Any) -> None:
    for kind in (StopAct.DEPART, StopAct.ARRIVE, StopAct.COMPLETE):
        await act(world, stop, kind)


async def toured(world: Any, count: int = 9) -> list[UUID]:
    """A committed plan of one van that holds four and may set out three times."""
    orders: list[UUID] = await world.add_orders(count)
    shift = await world.add_shift(capacity_items=4)
    await world.do(update_shift, shift, {"max_tours": 3, "reload_seconds": 300})
    plan_id = await world.proposed(orders, [shift])
    plan = await world.plan(plan_id)
    assert (plan["status"], plan["summary"]["unassigned"], plan["summary"]["routes"]) == ("PROPOSED", 0, 1)
    await world.do(commit_plan, plan_id)
    await world.do(dispatch_plan, plan_id)
    await world.until_idle()
    return orders


async def test_each_tour_is_loaded_where_it_begins(working_world: Any) -> None:
    orders = await toured(working_world)
    found = await stops(working_world)
    loading = [stop for stop in found if stop["kind"] in ("DEPOT_START", "RELOAD")]
    assert [stop["kind"] for stop in loading] == ["DEPOT_START", "RELOAD", "RELOAD"]
    assert sorted(order_id for stop in loading for order_id in stop["order_ids"]) == sorted(orders)
    for stop in loading:
        assert stop["load_after"]["items"] == len(stop["order_ids"]) <= 4
        assert stop["depot_id"] == working_world.depot_id
    again = loading[1]
    assert again["planned_departure"] - again["planned_service_start"] == timedelta(seconds=300)
    assert again["leg_meters"] > 0


async def test_a_driver_works_tour_after_tour(working_world: Any) -> None:
    world = working_world
    orders = await toured(world)
    found = await stops(world)
    first, second, third = [set(s["order_ids"]) for s in found if s["kind"] in ("DEPOT_START", "RELOAD")]
    await act(world, found[0], StopAct.COMPLETE)
    assert await status(world, list(first)) == {"PICKED_UP"}
    assert await status(world, list(second | third)) == {"ASSIGNED"}

    later = next(s for s in found if s["kind"] == "DROPOFF" and set(s["order_ids"]) <= second)
    with pytest.raises(DoorstepError, match="loaded first"):
        await act(world, later, StopAct.ARRIVE)
    assert await status(world, list(second)) == {"ASSIGNED"}, "nobody brings what still lies at the depot"

    failed = next(s for s in found if s["kind"] == "DROPOFF" and set(s["order_ids"]) <= first)
    await act(world, failed, StopAct.ARRIVE)
    await act(world, failed, StopAct.FAIL, reason=FailureReason.NOT_HOME)
    for stop in found[1:]:
        if stop["id"] != failed["id"]:
            await visit(world, stop)
            if stop["kind"] == "RELOAD" and set(stop["order_ids"]) == second:
                assert await status(world, list(second)) == {"PICKED_UP"}
                assert await status(world, failed["order_ids"]) == {"AWAITING_REATTEMPT"}, "handed in where it loads"
    assert await status(world, [one for one in orders if one not in failed["order_ids"]]) == {"DELIVERED"}
    assert (await world.value("SELECT status FROM routes WHERE tenant_id = $1")) == "COMPLETED"


async def test_a_tour_that_loses_its_orders_is_not_driven(working_world: Any) -> None:
    world = working_world
    await toured(world)
    found = await stops(world)
    last = [s for s in found if s["kind"] == "RELOAD"][-1]
    kept = next(s for s in found if s["kind"] == "RELOAD")
    await world.do(unassign_orders, [*last["order_ids"], kept["order_ids"][0]])
    await world.until_idle()
    now = await stops(world)
    assert [s["id"] for s in now if s["kind"] == "RELOAD"] == [kept["id"]]
    refreshed = next(s for s in now if s["id"] == kept["id"])
    assert refreshed["load_after"]["items"] == len(kept["order_ids"]) - 1, "timed anew with what is left"
    assert now[-1]["load_after"]["items"] == 0


async def put(world: Any, orders: Sequence[UUID], shift: UUID) -> Any:
    prepared = await prepare_assignment(world.db, world.principal, world.engines, lambda: (orders, shift))
    return await world.do(assign_orders, prepared)


async def test_orders_put_on_a_shift_make_tours_until_it_has_left(working_world: Any) -> None:
    world = working_world
    shift = await world.add_shift(capacity_items=3)
    await world.do(update_shift, shift, {"max_tours": 4})
    orders = await world.add_orders(5)
    await put(world, orders, shift)
    more = await world.add_orders(4)
    await put(world, more, shift)
    await world.until_idle()
    found = await stops(world)
    loading = [stop for stop in found if stop["kind"] in ("DEPOT_START", "RELOAD")]
    assert [stop["kind"] for stop in loading] == ["DEPOT_START", "RELOAD", "RELOAD"]
    assert sorted(one for stop in loading for one in stop["order_ids"]) == sorted([*orders, *more])
    assert [stop["sequence"] for stop in found] == list(range(len(found)))
    await act(world, found[0], StopAct.COMPLETE)
    with pytest.raises(DoorstepError, match="loads anew"):
        await put(world, await world.add_orders(1, pickup=True), shift)
    assert await world.value("SELECT count(*) FROM assignments WHERE tenant_id = $1 AND active") == 9


async def test_by_hand_a_route_with_tours_to_come_is_left_alone(working_world: Any) -> None:
    world = working_world
    orders = await toured(world)
    change = Change(takes=(Take(orders[0], None, ("orderId",), ("ifVersion",)),), puts=(Put(orders[0], ("orderId",)),))
    weighed = await weigh(world.db, world.principal, world.engines, lambda: change)
    assert weighed.refusal is not None
    assert "loads anew" in str(weighed.refusal)


async def test_how_many_tours_make_sense_is_checked(working_world: Any) -> None:
    shift = await working_world.add_shift()
    for changes in ({"max_tours": 0}, {"max_tours": 11}, {"reload_seconds": -1}):
        faults = await working_world.refused(update_shift, shift, changes)
        assert [fault.code for fault in faults] == ["INVALID_VALUE"]
