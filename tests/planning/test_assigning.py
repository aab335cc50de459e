"""Orders to a shift without a plan, and off it again; twenty actors at once."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import DoorstepError, RequestError, all_refusals
from doorstep.kernel.ids import new_id, public_id
from doorstep.orders.events import OrderUpdated
from doorstep.orders.model import LocationStatus, OrderStatus, Readiness
from doorstep.orders.service import Move, move_orders, set_order_readiness
from doorstep.planning.model import RouteStatus, StopStatus
from doorstep.planning.service import (
    OnChanged,
    assign_orders,
    commit_plan,
    lock_route,
    prepare_assignment,
    set_route_status,
    unassign_orders,
    write_stop,
)
from doorstep.planning.solver.pool import SolverPool

STOPS = """
SELECT stop.*, ARRAY(SELECT order_id FROM stop_orders WHERE stop_id = stop.id ORDER BY order_id) AS order_ids
FROM stops AS stop WHERE stop.tenant_id = $1 AND stop.route_id = $2 AND stop.status <> 'CANCELLED' ORDER BY sequence
"""


async def assigned(world: Any, order_ids: Sequence[UUID], shift_id: UUID) -> UUID:
    prepared = await prepare_assignment(world.db, world.principal, world.engines, lambda: (order_ids, shift_id))
    return UUID((await world.do(assign_orders, prepared))["id"])


async def refused(world: Any, order_ids: Sequence[UUID], shift_id: UUID) -> list[DoorstepError]:
    """The refusals; nothing was written."""
    before = await world.value("SELECT count(*) FROM events WHERE tenant_id = $1")
    with pytest.raises(DoorstepError) as caught:
        await assigned(world, order_ids, shift_id)
    assert await world.value("SELECT count(*) FROM events WHERE tenant_id = $1") == before
    return all_refusals(caught.value)


async def route_of(world: Any, route_id: UUID) -> Any:
    return (await world.rows("SELECT * FROM routes WHERE tenant_id = $1 AND id = $2", route_id))[0]


async def test_orders_go_to_a_shift_at_once(world: Any) -> None:
    orders, shift = await world.add_orders(3), await world.add_shift()

    route_id = await assigned(world, orders, shift)

    route = await route_of(world, route_id)
    assert (route["status"], route["plan_id"], route["shift_id"]) == ("DISPATCHED", None, shift)
    stops = await world.rows(STOPS, route_id)
    assert [stop["kind"] for stop in stops] == ["DEPOT_START", "DROPOFF", "DROPOFF", "DROPOFF", "DEPOT_END"]
    assert stops[0]["order_ids"] == sorted(orders)
    assert all(stop["leg_path"] for stop in stops[1:])
    rows = await world.rows("SELECT status, eta_at FROM orders WHERE tenant_id = $1")
    assert all(row["status"] == "ASSIGNED" and row["eta_at"] for row in rows)
    assert "RouteStatusChanged" in await world.event_types()


async def test_a_route_takes_more_orders_in_and_keeps_its_stops(world: Any) -> None:
    shift = await world.add_shift()
    route_id = await assigned(world, await world.add_orders(3), shift)
    before = {tuple(stop["order_ids"]): stop["id"] for stop in await world.rows(STOPS, route_id)}
    version = (await route_of(world, route_id))["version"]
    more = await world.add_orders(2)

    assert await assigned(world, more, shift) == route_id

    stops = await world.rows(STOPS, route_id)
    assert [stop["sequence"] for stop in stops] == list(range(7))
    after = {tuple(stop["order_ids"]): stop["id"] for stop in stops}
    assert all(after[key] == identifier for key, identifier in before.items() if len(key) == 1), "stops keep their ids"
    assert len(stops[0]["order_ids"]) == 5
    assert (await route_of(world, route_id))["version"] > version
    changed = await world.rows(
        "SELECT data FROM events WHERE tenant_id = $1 AND type = 'RouteChanged' ORDER BY seq DESC"
    )
    assert sorted(changed[0]["data"]["added"]) == sorted(str(order_id) for order_id in more)


async def test_a_route_under_way_takes_pickups_in_but_nothing_that_lies_at_the_depot(world: Any) -> None:
    shift = await world.add_shift(starts_in=timedelta(hours=-3))
    loaded = await world.add_orders(3)
    route_id = await assigned(world, loaded, shift)
    now = world.principal.clock.now()
    async with world.writing() as scope:
        route, stops = await lock_route(scope, route_id)
        for status in (StopStatus.ARRIVED, StopStatus.COMPLETED):
            await write_stop(scope, stops[0]["id"], status=status, arrived_at=now, closed_at=now)
        await write_stop(scope, stops[1]["id"], status=StopStatus.EN_ROUTE, departed_at=now)
        await set_route_status(scope, route, RouteStatus.IN_PROGRESS, now)
        await move_orders(scope, [Move(order_id, OrderStatus.PICKED_UP) for order_id in loaded])
    fresh = (await world.add_orders(1, pickup=True))[0]

    assert await assigned(world, [fresh], shift) == route_id

    after = await world.rows(STOPS, route_id)
    assert [stop["id"] for stop in after[:2]] == [stop["id"] for stop in stops[:2]], "what is done or under way stays"
    mine = [stop["kind"] for stop in after if fresh in stop["order_ids"]]
    assert mine == ["PICKUP", "DROPOFF"]
    assert Counter(stop["kind"] for stop in after)["DROPOFF"] == 4
    assert [stop["sequence"] for stop in after] == list(range(len(after)))
    at_depot = await world.add_orders(1)
    assert [(one.code, one.path) for one in await refused(world, at_depot, shift)] == [
        ("NOT_PLANNABLE", ["orderIds", "0"])
    ]


async def test_orders_that_do_not_fit_are_refused_each_with_its_reason(world: Any) -> None:
    shift = await world.add_shift()
    fine = (await world.add_orders(1))[0]
    huge = (await world.add_orders(1, items=500))[0]
    early = (world.base - timedelta(hours=5)).isoformat()
    late = (await world.add_orders(1, windows=[{"start": early, "end": early.replace(":00:00", ":30:00")}]))[0]
    nowhere = (await world.add_orders(1, location_status="NEEDS_LOCATION", position=(None, None)))[0]

    assert [one.code for one in await refused(world, [fine, huge, late], shift)] == [
        "TOO_LARGE_FOR_FLEET",
        "NOT_PLANNABLE",
    ]
    assert [(one.code, one.path) for one in await refused(world, [fine, nowhere], shift)] == [
        ("NOT_PLANNABLE", ["orderIds", "1"])
    ]
    assert [one.code for one in await refused(world, [], shift)] == ["NOTHING_TO_PLAN"]
    assert [one.code for one in await refused(world, [new_id()], shift)] == ["NOT_FOUND"]
    assert [one.code for one in await refused(world, [fine], new_id())] == ["NOT_FOUND"]
    walking = await world.add_shift(vehicle=False)
    assert [one.code for one in await refused(world, [fine], walking)] == ["SHIFT_WITHOUT_VEHICLE"]
    assert await world.value("SELECT count(*) FROM routes WHERE tenant_id = $1") == 0


async def test_what_is_on_a_route_already_is_never_pushed_out(world: Any) -> None:
    shift = await world.add_shift(capacity_items=4)
    await assigned(world, await world.add_orders(3), shift)
    urgent = await world.add_orders(2, priority=100)
    faults = await refused(world, urgent, shift)
    assert {fault.code for fault in faults} <= {"NOT_PLANNABLE", "TOO_LARGE_FOR_FLEET"}
    assert await world.value("SELECT count(*) FROM assignments WHERE tenant_id = $1 AND active") == 3


async def test_a_change_between_computing_and_writing_is_noticed(world: Any) -> None:
    orders, shift = await world.add_orders(2), await world.add_shift()
    prepared = await prepare_assignment(world.db, world.principal, world.engines, lambda: (orders, shift))
    async with world.writing() as scope:
        await scope.tx.execute(
            "UPDATE orders SET version = version + 1 WHERE tenant_id = $1 AND id = $2", scope.tenant_id, orders[0]
        )
    assert [fault.code for fault in await world.refused(assign_orders, prepared)] == ["PLAN_STALE"]
    assert await world.value("SELECT count(*) FROM routes WHERE tenant_id = $1") == 0


async def test_unassigned_orders_leave_their_stops_and_the_route_is_timed_anew(working_world: Any) -> None:
    world = working_world
    orders, shift = await world.add_orders(4), await world.add_shift()
    route_id = await assigned(world, orders, shift)
    version = (await route_of(world, route_id))["version"]

    outcome = await world.do(unassign_orders, orders[:1])

    assert outcome == {"order_ids": [str(orders[0])], "route_ids": [str(route_id)]}
    order = (await world.rows("SELECT status, eta_at FROM orders WHERE tenant_id = $1 AND id = $2", orders[0]))[0]
    assert (order["status"], order["eta_at"]) == ("PENDING", None)
    assert (await route_of(world, route_id))["version"] == version + 1
    await world.until_idle()
    stops = await world.rows(STOPS, route_id)
    assert len([stop for stop in stops if stop["kind"] == "DROPOFF"]) == 3
    assert orders[0] not in stops[0]["order_ids"], "it is no longer loaded"
    assert [stop["load_after"]["items"] for stop in stops] == [3, 2, 1, 0, 0]
    for before, after in pairwise(stops):
        assert (after["planned_arrival"] - before["planned_departure"]).total_seconds() == after["leg_seconds"]


async def test_a_route_that_keeps_no_order_is_cancelled_and_its_shift_is_free(world: Any) -> None:
    orders, shift = await world.add_orders(2), await world.add_shift()
    route_id = await assigned(world, orders, shift)
    await world.do(unassign_orders, orders)
    assert (await route_of(world, route_id))["status"] == "CANCELLED"
    again = await assigned(world, orders, shift)
    assert again != route_id


async def test_only_what_is_on_a_route_and_not_picked_up_can_be_taken_off(world: Any) -> None:
    orders, shift = await world.add_orders(2), await world.add_shift()
    route_id = await assigned(world, orders[:1], shift)
    async with world.writing() as scope:
        await lock_route(scope, route_id)
        await move_orders(scope, [Move(orders[0], OrderStatus.PICKED_UP)])
    faults = await world.refused(unassign_orders, [*orders, new_id()])
    assert [(fault.code, fault.path[-1]) for fault in faults] == [
        ("ILLEGAL_TRANSITION", "0"),
        ("ILLEGAL_TRANSITION", "1"),
        ("NOT_FOUND", "2"),
    ]
    assert faults[0].existing_id == public_id("order", orders[0])


async def test_a_cancelled_order_leaves_its_route(working_world: Any) -> None:
    world = working_world
    orders, shift = await world.add_orders(3), await world.add_shift()
    route_id = await assigned(world, orders, shift)
    await world.do(move_orders, [Move(orders[1], OrderStatus.CANCELLED)])
    await world.until_idle()
    stops = await world.rows(STOPS, route_id)
    assert all(orders[1] not in stop["order_ids"] for stop in stops)
    assert await world.value("SELECT count(*) FROM assignments WHERE tenant_id = $1 AND active") == 2


async def test_a_returning_order_leaves_its_dropoff_but_stays_on_board(working_world: Any) -> None:
    world = working_world
    orders, shift = await world.add_orders(2), await world.add_shift()
    route_id = await assigned(world, orders, shift)
    moves = [Move(orders[0], OrderStatus.PICKED_UP), Move(orders[0], OrderStatus.RETURNING)]
    await world.do(move_orders, moves)
    await world.until_idle()
    dropped = [stop for stop in await world.rows(STOPS, route_id) if stop["kind"] == "DROPOFF"]
    assert [stop["order_ids"] for stop in dropped] == [[orders[1]]]
    assert await world.value("SELECT count(*) FROM assignments WHERE tenant_id = $1 AND active") == 2


async def test_an_order_that_moves_takes_its_stop_along(working_world: Any) -> None:
    world = working_world
    orders, shift = await world.add_orders(2), await world.add_shift()
    route_id = await assigned(world, orders, shift)
    version = (await route_of(world, route_id))["version"]
    async with world.writing() as scope:
        await scope.tx.execute(
            "UPDATE order_waypoints SET latitude = 47.16 WHERE tenant_id = $1 AND order_id = $2",
            scope.tenant_id,
            orders[0],
        )
        scope.emit(
            OrderUpdated(
                aggregate_version=2,
                order_id=orders[0],
                changes=["dropoff.coordinates"],
                location_status=LocationStatus.LOCATED,
                due_at=None,
            )
        )
    await world.until_idle()
    stops = await world.rows(STOPS, route_id)
    moved = next(stop for stop in stops if stop["kind"] == "DROPOFF" and orders[0] in stop["order_ids"])
    assert moved["latitude"] == 47.16
    assert (await route_of(world, route_id))["version"] == version, (
        "the sequence stands, so the driver's acts stay valid"
    )
    for before, after in pairwise(stops):
        assert (after["planned_arrival"] - before["planned_departure"]).total_seconds() == after["leg_seconds"]


async def test_twenty_actors_never_make_two_active_assignments_of_one_order(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(12)
    shifts = [await world.add_shift() for _ in range(4)]
    randomness = random.Random(7)
    plans = [await world.proposed(randomness.sample(orders, 4), [await world.add_shift()]) for _ in range(5)]
    outcomes: Counter[str] = Counter()

    async def act(number: int) -> None:
        chosen, shift = randomness.sample(orders, 3), shifts[number % len(shifts)]
        try:
            if number % 3 == 0:
                await world.do(unassign_orders, chosen)
            elif number % 3 == 1:
                await assigned(world, chosen, shift)
            else:
                await world.do(commit_plan, plans[number % len(plans)], randomness.choice(list(OnChanged)))
            outcomes["done"] += 1
        except (DoorstepError, ChangedMeanwhile, RequestError) as refusal:
            outcomes[type(refusal).__name__] += 1

    async def watch(done: asyncio.Event) -> None:
        while not done.is_set():
            await consistent(world)
            await asyncio.sleep(0.05)

    done = asyncio.Event()
    watcher = asyncio.create_task(watch(done))
    await asyncio.gather(*(act(number) for number in range(20)))
    done.set()
    await watcher
    await consistent(world)
    assert outcomes["done"] > 0


async def consistent(world: Any) -> None:
    """What must hold at every moment, seen from one snapshot."""
    async with world.db.snapshot(world.principal.tenant_id) as tx:
        twice = await tx.fetch(
            "SELECT order_id FROM assignments WHERE tenant_id = $1 AND active GROUP BY order_id HAVING count(*) > 1",
            world.principal.tenant_id,
        )
        lost = await tx.fetch(
            "SELECT id FROM orders AS one WHERE tenant_id = $1 AND (status = 'ASSIGNED') <> EXISTS ("
            "SELECT 1 FROM assignments AS held WHERE held.tenant_id = one.tenant_id AND held.order_id = one.id AND held.active)",
            world.principal.tenant_id,
        )
        crowded = await tx.fetch(
            "SELECT shift_id FROM routes WHERE tenant_id = $1 AND status IN ('COMMITTED', 'DISPATCHED', 'IN_PROGRESS') "
            "GROUP BY shift_id HAVING count(*) > 1",
            world.principal.tenant_id,
        )
    assert (twice, lost, crowded) == ([], [], [])


async def test_commits_and_assignments_race_for_the_same_orders(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(4)
    shifts = [await world.add_shift() for _ in range(4)]
    plans = [await world.proposed(orders, [shift]) for shift in shifts[:2]]
    results = await asyncio.gather(
        *(world.do(commit_plan, plan_id) for plan_id in plans),
        *(assigned(world, orders, shift) for shift in shifts[2:]),
        return_exceptions=True,
    )
    winners = [result for result in results if not isinstance(result, BaseException)]
    assert len(winners) == 1, results
    assert all(
        isinstance(result, DoorstepError | ChangedMeanwhile) for result in results if isinstance(result, BaseException)
    )
    await consistent(world)


async def test_a_route_waits_for_goods_that_are_not_ready_yet(working_world: Any) -> None:
    world = working_world
    [order], shift = await world.add_orders(1, pickup=True), await world.add_shift()
    route_id = await assigned(world, [order], shift)
    ready_at = world.base + timedelta(hours=2)
    await world.do(set_order_readiness, order, Readiness.PREPARING, ready_at)

    async def later() -> bool:
        stops = await world.rows(STOPS, route_id)
        return all(stop["eta_at"] >= ready_at for stop in stops if stop["kind"] == "DROPOFF")

    await world.until(later)
    other = await world.add_shift()
    await world.do(unassign_orders, [order])
    again = await assigned(world, [order], other)
    [pickup] = [stop for stop in await world.rows(STOPS, again) if stop["kind"] == "PICKUP"]
    assert pickup["planned_service_start"] >= ready_at


async def test_an_assignment_does_not_wait_for_plans(world: Any) -> None:
    orders, shift = await world.add_orders(2), await world.add_shift()
    pool = world.services.get(SolverPool)
    async with pool._free.slot("somebody else"), pool._free.slot("somebody else"):
        assert await assigned(world, orders, shift)
