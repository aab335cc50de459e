"""Committing: what changed is refused or dropped, older proposals fall, and of two plans for one order exactly one wins."""

import asyncio
from itertools import pairwise
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from doorstep.fleets.service.shifts import archive_shift, update_shift
from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import Conflict, DoorstepError
from doorstep.kernel.ids import new_id, public_id
from doorstep.planning.service import (
    OnChanged,
    cancel_plan,
    cancel_route,
    commit_plan,
    committing,
    dispatch_plan,
    dispatch_route,
    optimize_plan,
    recall_route,
)

STATUSES = "SELECT status, count(*) FROM orders WHERE tenant_id = $1 GROUP BY status"


async def statuses(world: Any) -> dict[str, int]:
    return {row["status"]: row["count"] for row in await world.rows(STATUSES)}


async def touch(world: Any, table: str, identifier: UUID) -> None:
    """Somebody else changes an order or a shift."""
    async with world.writing() as scope:
        await scope.tx.execute(
            f"UPDATE {table} SET version = version + 1 WHERE tenant_id = $1 AND id = $2", scope.tenant_id, identifier
        )


async def log_length(world: Any) -> int:
    return int(await world.value("SELECT count(*) FROM events WHERE tenant_id = $1"))


async def test_a_committed_plan_assigns_its_orders_and_its_routes_go_to_their_drivers(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(8)
    plan_id = await world.proposed(orders, [await world.add_shift(), await world.add_shift()])
    assert await statuses(world) == {"PENDING": 8}, "a proposal changes nothing in the field"

    outcome = await world.do(commit_plan, plan_id)

    assert outcome == {"id": str(plan_id), "dropped": []}
    assert await statuses(world) == {"ASSIGNED": 8}
    assert await world.value("SELECT count(*) FROM assignments WHERE tenant_id = $1 AND active") == 8
    unknown = await world.value("SELECT count(*) FROM orders WHERE tenant_id = $1 AND eta_at IS NULL")
    assert unknown == 0, "every order knows when it is expected"
    await world.do(dispatch_plan, plan_id)
    routes = await world.rows("SELECT * FROM routes WHERE tenant_id = $1 AND plan_id = $2", plan_id)
    assert {route["status"] for route in routes} == {"DISPATCHED"}
    assert all(route["dispatched_at"] for route in routes)
    types = await world.event_types()
    assert types.count("OrderStatusChanged") == types.count("OrderEtaChanged") == 8
    assert types.count("RouteStatusChanged") == 2 * len(routes)


async def test_a_plan_is_committed_once_and_only_when_it_is_proposed(working_world: Any) -> None:
    world = working_world
    plan_id = await world.proposed(await world.add_orders(2), [await world.add_shift()])
    with pytest.raises(Conflict):
        await world.do(commit_plan, plan_id, if_version=1)
    await world.do(commit_plan, plan_id)
    before = await log_length(world)
    assert [fault.code for fault in await world.refused(commit_plan, plan_id)] == ["ILLEGAL_TRANSITION"]
    assert [fault.code for fault in await world.refused(cancel_plan, plan_id)] == ["ILLEGAL_TRANSITION"]
    assert [fault.code for fault in await world.refused(optimize_plan, plan_id)] == ["ILLEGAL_TRANSITION"]
    assert [fault.code for fault in await world.refused(commit_plan, new_id())] == ["NOT_FOUND"]
    assert await log_length(world) == before, "a refusal writes nothing"


async def test_a_stale_plan_is_refused_with_the_list_of_what_changed(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(4)
    shift = await world.add_shift()
    plan_id = await world.proposed(orders, [shift])
    await touch(world, "orders", orders[0])
    await touch(world, "orders", orders[2])

    faults = await world.refused(commit_plan, plan_id)

    assert {fault.code for fault in faults} == {"PLAN_STALE"}
    assert {fault.existing_id for fault in faults} == {public_id("order", orders[0]), public_id("order", orders[2])}
    assert await statuses(world) == {"PENDING": 4}
    assert (await world.plan(plan_id))["status"] == "PROPOSED"

    await touch(world, "shifts", shift)
    shift_faults = await world.refused(commit_plan, plan_id)
    assert public_id("shift", shift) in {fault.existing_id for fault in shift_faults}

    await world.do(optimize_plan, plan_id)
    await world.finished(plan_id)
    await world.do(commit_plan, plan_id)
    assert await statuses(world) == {"ASSIGNED": 4}


async def test_drop_commits_the_rest_and_reports_what_it_dropped(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(5)
    plan_id = await world.proposed(orders, [await world.add_shift()])
    await touch(world, "orders", orders[1])

    outcome = await world.do(commit_plan, plan_id, OnChanged.DROP)

    assert [(one["order_id"], one["code"]) for one in outcome["dropped"]] == [(str(orders[1]), "PLAN_STALE")]
    assert await statuses(world) == {"ASSIGNED": 4, "PENDING": 1}
    left = await world.rows("SELECT order_id, reasons FROM plan_orders WHERE tenant_id = $1 AND NOT assigned")
    assert [(row["order_id"], row["reasons"][0]["code"]) for row in left] == [(orders[1], "DROPPED")]
    summary = (await world.plan(plan_id))["summary"]
    assert (summary["orders"], summary["unassigned"], summary["routes"]) == (4, 1, 1)
    assert await world.value("SELECT count(*) FROM stop_orders WHERE tenant_id = $1 AND order_id = $2", orders[1]) == 0
    await world.until_idle()
    stops = await world.rows(
        "SELECT stop.* FROM stops AS stop JOIN routes AS route ON route.id = stop.route_id "
        "WHERE stop.tenant_id = $1 AND route.plan_id = $2 ORDER BY sequence",
        plan_id,
    )
    drops = [stop for stop in stops if stop["kind"] == "DROPOFF"]
    assert len(drops) == 4
    for before, after in pairwise(stops):
        gap = (after["planned_arrival"] - before["planned_departure"]).total_seconds()
        assert gap == after["leg_seconds"], "the legs were computed anew around the gap"


async def test_when_everything_changed_drop_refuses(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(2)
    plan_id = await world.proposed(orders, [await world.add_shift()])
    for order_id in orders:
        await touch(world, "orders", order_id)
    assert {fault.code for fault in await world.refused(commit_plan, plan_id, OnChanged.DROP)} == {"PLAN_STALE"}
    assert (await world.plan(plan_id))["status"] == "PROPOSED"


async def test_a_newer_plan_supersedes_older_proposals_that_hold_its_orders(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(4)
    apart = await world.add_orders(2)
    older = await world.proposed(orders, [await world.add_shift()])
    unrelated = await world.proposed(apart, [await world.add_shift()])
    newer = await world.proposed(orders[:2], [await world.add_shift()])

    await world.do(commit_plan, newer)

    fallen = await world.plan(older)
    assert (fallen["status"], fallen["superseded_by"]) == ("SUPERSEDED", newer)
    assert (await world.plan(unrelated))["status"] == "PROPOSED"
    faults = await world.refused(commit_plan, older)
    assert [(fault.code, fault.existing_id) for fault in faults] == [("ORDER_TAKEN", public_id("plan", newer))]
    assert await world.value("SELECT status FROM routes WHERE tenant_id = $1 AND plan_id = $2", older) == "CANCELLED"


async def test_a_newer_plan_finds_its_orders_taken_by_an_older_one(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(3)
    older = await world.proposed(orders[:2], [await world.add_shift()])
    newer = await world.proposed(orders, [await world.add_shift()])
    await world.do(commit_plan, older)

    faults = await world.refused(commit_plan, newer)
    assert [fault.code for fault in faults] == ["ORDER_TAKEN", "ORDER_TAKEN"]

    outcome = await world.do(commit_plan, newer, OnChanged.DROP)
    assert {one["code"] for one in outcome["dropped"]} == {"ORDER_TAKEN"}
    assert await statuses(world) == {"ASSIGNED": 3}


async def test_two_plans_cannot_fill_one_shift(working_world: Any) -> None:
    world = working_world
    shift = await world.add_shift()
    first = await world.proposed(await world.add_orders(2), [shift])
    second = await world.proposed(await world.add_orders(2), [shift])
    await world.do(commit_plan, first)
    assert {fault.code for fault in await world.refused(commit_plan, second)} == {"IN_USE"}


async def test_of_two_commits_that_race_exactly_one_wins(working_world: Any) -> None:
    world = working_world
    for turn in range(3):
        orders = await world.add_orders(3)
        shifts = [await world.add_shift(), await world.add_shift()]
        plans = [await world.proposed(orders, [shift]) for shift in shifts]

        results = await asyncio.gather(*(world.do(commit_plan, plan_id) for plan_id in plans), return_exceptions=True)

        losers = [result for result in results if isinstance(result, DoorstepError | ChangedMeanwhile)]
        assert len(losers) == 1, (turn, results)
        held = await world.value(
            "SELECT count(*) FROM assignments WHERE tenant_id = $1 AND active AND order_id = ANY($2)", orders
        )
        assert held == 3


async def test_the_last_wall_stands_even_when_the_checks_are_gone(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(1)
    plan_id = await world.proposed(orders, [await world.add_shift()])
    await world.do(commit_plan, plan_id)
    route_id = await world.value("SELECT route_id FROM assignments WHERE tenant_id = $1 AND active")
    with pytest.raises(asyncpg.UniqueViolationError):
        async with world.writing() as scope:
            await scope.tx.execute(
                "INSERT INTO assignments (tenant_id, id, order_id, route_id, active, assigned_at) VALUES ($1, $2, $3, $4, true, now())",
                scope.tenant_id,
                new_id(),
                orders[0],
                route_id,
            )


async def test_a_commit_that_compares_nothing_runs_into_the_last_wall(
    working_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: nobody compares, as if another commit had come in between."""
    world = working_world
    orders = await world.add_orders(2)
    older = await world.proposed(orders, [await world.add_shift()])
    newer = await world.proposed(orders, [await world.add_shift()])
    await world.do(commit_plan, older)

    async def nothing_changed(*_: Any) -> dict[UUID, DoorstepError]:
        return {}

    monkeypatch.setattr(committing, "_changes", nothing_changed)
    before = await log_length(world)
    assert [fault.code for fault in await world.refused(commit_plan, newer)] == ["ORDER_TAKEN"]
    assert await log_length(world) == before
    assert (await world.plan(newer))["status"] == "PROPOSED"
    assert await world.value("SELECT count(*) FROM assignments WHERE tenant_id = $1 AND active") == 2


async def test_a_dispatched_route_can_be_recalled_and_cancelled(working_world: Any) -> None:
    world = working_world
    plan_id = await world.proposed(await world.add_orders(3), [await world.add_shift()])
    await world.do(commit_plan, plan_id)
    route_id = await world.value("SELECT id FROM routes WHERE tenant_id = $1 AND plan_id = $2", plan_id)
    assert [fault.code for fault in await world.refused(recall_route, route_id)] == ["ILLEGAL_TRANSITION"]
    await world.do(dispatch_route, route_id)
    assert [fault.code for fault in await world.refused(dispatch_route, route_id)] == ["ILLEGAL_TRANSITION"]
    await world.do(recall_route, route_id)
    await world.do(dispatch_route, route_id)

    await world.do(cancel_route, route_id)

    assert await statuses(world) == {"PENDING": 3}
    assert await world.value("SELECT count(*) FROM assignments WHERE tenant_id = $1 AND active") == 0
    states = await world.rows("SELECT DISTINCT status FROM stops WHERE tenant_id = $1 AND route_id = $2", route_id)
    assert [row["status"] for row in states] == ["CANCELLED"]


async def test_a_route_with_goods_on_board_is_not_cancelled(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(2)
    plan_id = await world.proposed(orders, [await world.add_shift()])
    await world.do(commit_plan, plan_id)
    route_id = await world.value("SELECT id FROM routes WHERE tenant_id = $1 AND plan_id = $2", plan_id)
    async with world.writing() as scope:
        await scope.tx.execute(
            "UPDATE orders SET status = 'PICKED_UP', custody = 'VEHICLE' WHERE tenant_id = $1 AND id = $2",
            scope.tenant_id,
            orders[0],
        )
    faults = await world.refused(cancel_route, route_id)
    assert [(fault.code, fault.existing_id) for fault in faults] == [
        ("ILLEGAL_TRANSITION", public_id("order", orders[0]))
    ]
    assert await world.value("SELECT count(*) FROM assignments WHERE tenant_id = $1 AND active") == 2


async def test_a_shift_stands_while_its_route_does(working_world: Any) -> None:
    world = working_world
    shift, other = await world.add_shift(), await world.add_shift()
    plan_id = await world.proposed(await world.add_orders(2), [shift])
    await world.do(commit_plan, plan_id)
    route_id = await world.value("SELECT id FROM routes WHERE tenant_id = $1 AND status = 'COMMITTED'")
    before = await log_length(world)

    [archived] = await world.refused(archive_shift, shift)
    moved_driver = await world.value("SELECT driver_id FROM shifts WHERE tenant_id = $1 AND id = $2", other)
    [moved] = await world.refused(update_shift, shift, {"driver_id": moved_driver})

    assert {(fault.code.value, fault.existing_id) for fault in (archived, moved)} == {
        ("IN_USE", public_id("route", route_id))
    }
    assert await log_length(world) == before
    await world.do(update_shift, shift, {"max_stops": 40})
    await world.do(cancel_route, route_id)
    await world.do(archive_shift, shift)
