"""Locked stops: what would move without the lock stays with it, whoever plans; a refusal says what to unlock and writes nothing."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.planning.test_api import ask
from tests.planning.test_assigning import STOPS, assigned, route_of
from tests.planning.test_assigning import refused as refused_assignment
from tests.planning.test_hand_moves import change, order, refused, route, sequence, times
from tests.planning.test_hand_moves import preview as preview_change
from tests.planning.test_replanning import in_disorder, preview, replan
from tests.planning.test_tours import stops as stops_of_tours
from tests.planning.test_tours import toured

from doorstep.kernel.ids import new_id, public_id
from doorstep.orders.service import cancel_order
from doorstep.planning.service import commit_plan, replanning, set_stop_locks, unassign_orders
from doorstep.planning.solver import settling

LOCK = """
mutation ($input: SetStopLocksInput!) { setStopLocks(input: $input) { problems { code path message existingId }
  routes { id version stops { id locked orders { id } } } } }
"""


async def lock(world: Any, *stop_ids: UUID, locked: bool = True) -> Any:
    stops = [public_id("stop", one) for one in stop_ids]
    return (await ask(world, LOCK, input={"stopIds": stops, "locked": locked}))["setStopLocks"]


async def events(world: Any) -> int:
    return int(await world.value("SELECT count(*) FROM events WHERE tenant_id = $1"))


async def stop_of(world: Any, route_id: UUID, order_id: UUID) -> UUID:
    """The stop at which an order is delivered."""
    found = await world.rows(STOPS, route_id)
    return next(stop["id"] for stop in found if stop["kind"] == "DROPOFF" and order_id in stop["order_ids"])


async def lock_order(world: Any, route_id: UUID, order_id: UUID, *, locked: bool = True) -> UUID:
    """Lock the stop at which an order is delivered."""
    stop_id = await stop_of(world, route_id, order_id)
    assert (await lock(world, stop_id, locked=locked))["problems"] == []
    return stop_id


def brought_first(shown: Any) -> str:
    """The order that the first route of a preview delivers first."""
    stops = shown["routes"][0]["stops"]
    return str(next(stop["orders"][0]["id"] for stop in stops if stop["kind"] == "DROPOFF"))


def without_locks(*told: Any, locked: object, **more: Any) -> settling.Lane:
    """A lane as a solver would see it that knows no locks."""
    return settling.Lane(*told, **more)


async def test_what_replanning_would_move_stays_when_it_is_locked(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    route_id = await in_disorder(world)
    wrong = await sequence(world, route_id)
    free = await preview(world, route_id, etaPriceMinorPerMinute=0)
    assert brought_first(free) != order(wrong[0]), "without a lock the order that was put first goes elsewhere"
    version = (await route_of(world, route_id))["version"]
    locked = await lock_order(world, route_id, wrong[0])
    assert (await route_of(world, route_id))["version"] > version
    assert (await world.event_types())[-1] == "RouteChanged"

    shown = await preview(world, route_id, etaPriceMinorPerMinute=0)
    assert brought_first(shown) == order(wrong[0])
    with monkeypatch.context() as planted:
        planted.setattr(replanning, "Lane", without_locks)
        blind = await preview(world, route_id, etaPriceMinorPerMinute=0)
        assert brought_first(blind) != order(wrong[0]), "the test sees a blind solver"
    payload = await replan(world, route_id, etaPriceMinorPerMinute=0)
    assert payload["problems"] == []
    assert times(payload["routes"][0]["stops"], "plannedArrival") == times(shown["routes"][0]["stops"], "arrival")
    after = await world.rows(STOPS, route_id)
    assert [stop["id"] for stop in after if stop["locked"]] == [locked]

    await lock_order(world, route_id, wrong[0], locked=False)
    assert (await replan(world, route_id, etaPriceMinorPerMinute=0))["problems"] == []
    assert not any(stop["locked"] for stop in await world.rows(STOPS, route_id))


async def test_replanning_leaves_a_locked_stop_on_its_route(world: Any) -> None:
    spare = await assigned(world, await world.add_orders(1), await world.add_shift(cost_fixed_minor=0))
    fixed = await assigned(world, await world.add_orders(1), await world.add_shift(cost_fixed_minor=50_000))
    mine = (await sequence(world, fixed))[0]
    free = await preview(world, spare, fixed, etaPriceMinorPerMinute=0)
    assert [one["order"]["id"] for one in free["changes"] if one["kind"] == "MOVED"] == [order(mine)]
    await lock_order(world, fixed, mine)
    shown = await preview(world, spare, fixed, etaPriceMinorPerMinute=0)
    assert order(mine) not in [one["order"]["id"] for one in shown["changes"]]
    assert (await replan(world, spare, fixed, etaPriceMinorPerMinute=0))["problems"] == []
    assert mine in await sequence(world, fixed)


async def test_hands_leave_a_locked_stop_alone(world: Any) -> None:
    route_id = await assigned(world, await world.add_orders(4), await world.add_shift())
    other = await assigned(world, await world.add_orders(1), await world.add_shift())
    first, second, third, fourth = await sequence(world, route_id)
    stop = await lock_order(world, route_id, second)
    fresh = (await world.add_orders(1))[0]
    theirs = (await sequence(world, other))[0]
    for wanted in (
        {"remove": {"orderId": order(second)}},
        {"move": {"orderId": order(second), "position": 3}},
        {"move": {"orderId": order(second), "toRouteId": route(other)}},
        {"swap": {"orderId": order(second), "otherOrderId": order(theirs)}},
        {"move": {"orderId": order(fourth), "position": 0}},
        {"move": {"orderId": order(first), "position": 3}},
        {"insert": {"orderId": order(fresh), "routeId": route(route_id), "position": 1}},
    ):
        shown = await refused(world, "NOT_PLANNABLE", **wanted)
        assert "setStopLocks" in shown["problems"][0]["message"]
    before = await events(world)
    faults = await world.refused(unassign_orders, [first, second])
    assert [(one.code, one.path) for one in faults] == [("NOT_PLANNABLE", ["orderIds", "1"])]
    assert await events(world) == before
    assert (await sequence(world, route_id)) == [first, second, third, fourth]

    wanted = {"insert": {"orderId": order(fresh), "routeId": route(route_id)}}
    shown = await preview_change(world, **wanted)
    payload = await change(world, **wanted)
    assert payload["problems"] == []
    found = await sequence(world, route_id)
    assert found[:2] == [first, second]
    assert times(payload["routes"][0]["stops"], "plannedArrival") == times(shown["routes"][0]["stops"], "arrival")
    assert (await change(world, move={"orderId": order(found[-1]), "position": 2}))["problems"] == []
    assert (await change(world, remove={"orderId": order(first)}))["problems"] == []
    assert (await sequence(world, route_id))[0] == second, "what leaves in front of it brings it nearer"
    assert await stop_of(world, route_id, second) == stop


async def test_new_orders_go_behind_a_locked_stop(world: Any) -> None:
    shift = await world.add_shift()
    route_id = await assigned(world, await world.add_orders(4), shift)
    last = (await sequence(world, route_id))[-1]
    assert (await change(world, move={"orderId": order(last), "position": 0}))["problems"] == []
    before = await sequence(world, route_id)
    for order_id in (before[0], before[2]):
        await lock_order(world, route_id, order_id)
    more = await world.add_orders(2)
    assert await assigned(world, more, shift) == route_id
    after = await sequence(world, route_id)
    assert after[:3] == before[:3]
    assert set(after[3:]) == {before[3], *more}


async def test_a_cancelled_order_leaves_its_locked_stop(working_world: Any) -> None:
    world = working_world
    route_id = await assigned(world, await world.add_orders(3), await world.add_shift())
    first, second, third = await sequence(world, route_id)
    await lock_order(world, route_id, second)
    await world.do(cancel_order, second)
    await world.until_idle()
    assert await sequence(world, route_id) == [first, third]


async def test_the_stops_of_a_route_with_tours_are_locked_too(working_world: Any) -> None:
    orders = await toured(working_world)
    locked = next(stop for stop in await stops_of_tours(working_world) if stop["kind"] == "DROPOFF")
    await working_world.do(set_stop_locks, [locked["id"]], True)
    faults = await working_world.refused(unassign_orders, list(locked["order_ids"]))
    assert [one.existing_id for one in faults] == [public_id("stop", locked["id"])]
    before = [(stop["kind"], stop["order_ids"]) for stop in await stops_of_tours(working_world)]
    route = (await working_world.rows("SELECT id, shift_id FROM routes WHERE tenant_id = $1"))[0]
    more = await working_world.add_orders(1, pickup=True)
    told = await refused_assignment(working_world, more, route["shift_id"])
    assert [(one.code, one.existing_id) for one in told] == [("NOT_PLANNABLE", public_id("route", route["id"]))]
    assert [(stop["kind"], stop["order_ids"]) for stop in await stops_of_tours(working_world)] == before
    other = next(one for one in orders if one not in locked["order_ids"])
    await working_world.do(unassign_orders, [other])
    await working_world.until_idle()
    found = await stops_of_tours(working_world)
    assert [stop["id"] for stop in found if stop["locked"]] == [locked["id"]]


async def test_only_open_stops_at_customers_on_committed_routes_are_locked(world: Any, another_world: Any) -> None:
    route_id = await assigned(world, await world.add_orders(2), await world.add_shift(starts_in=timedelta(hours=-1)))
    start, one, two, _ = await world.rows(STOPS, route_id)
    foreign = await assigned(another_world, await another_world.add_orders(1), await another_world.add_shift())
    theirs = (await another_world.rows(STOPS, foreign))[1]
    await world.do(unassign_orders, two["order_ids"])
    gone = two["id"]
    before = await events(world)
    for stop_ids, code, path in (
        ([], "NOTHING_TO_PLAN", ["stopIds"]),
        ([one["id"], start["id"]], "INVALID_VALUE", ["stopIds", "1"]),
        ([one["id"], gone], "ILLEGAL_TRANSITION", ["stopIds", "1"]),
        ([one["id"], theirs["id"]], "NOT_FOUND", ["stopIds", "1"]),
        ([one["id"], new_id()], "NOT_FOUND", ["stopIds", "1"]),
    ):
        payload = await lock(world, *stop_ids)
        assert [(fault["code"], fault["path"]) for fault in payload["problems"]] == [(code, path)], payload
    assert await events(world) == before
    assert await world.rows("SELECT id FROM stops WHERE tenant_id = $1 AND locked") == []
    assert await another_world.rows("SELECT id FROM stops WHERE tenant_id = $1 AND locked") == []
    payload = await lock(world, one["id"])
    assert [(s["id"], s["locked"]) for s in payload["routes"][0]["stops"] if s["locked"]] == [
        (public_id("stop", one["id"]), True)
    ]
    version = payload["routes"][0]["version"]
    assert (await lock(world, one["id"]))["routes"][0]["version"] == version, "what is so already writes nothing"


async def test_a_proposal_is_locked_when_it_is_committed(working_world: Any) -> None:
    world = working_world
    plan_id = await world.proposed(await world.add_orders(1), [await world.add_shift()])
    draft = (
        await world.rows(
            "SELECT stop.id FROM stops AS stop JOIN routes AS route ON route.id = stop.route_id "
            "WHERE stop.tenant_id = $1 AND route.plan_id = $2 AND stop.kind = 'DROPOFF'",
            plan_id,
        )
    )[0]["id"]
    faults = await world.refused(set_stop_locks, [draft], True)
    assert [(one.code, one.path) for one in faults] == [("ILLEGAL_TRANSITION", ["stopIds", "0"])]
    await world.do(commit_plan, plan_id)
    await world.do(set_stop_locks, [draft], True)
    assert [row["id"] for row in await world.rows("SELECT id FROM stops WHERE tenant_id = $1 AND locked")] == [draft]
