"""Routes changed by hand: what a preview shows is what the change then does; what would not hold is told and refused; nobody is overtaken unseen."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.planning.test_api import answer, ask
from tests.planning.test_assigning import STOPS, assigned, route_of

from doorstep.kernel.ids import new_id, public_id
from doorstep.orders.model import OrderStatus
from doorstep.orders.service import Move, move_orders
from doorstep.planning.model import RouteStatus, StopStatus
from doorstep.planning.service import commit_plan, lock_route, previewing, recall_route, set_route_status, write_stop
from doorstep.planning.solver import handwork

PREVIEW = """
query ($change: RouteChangeInput!) { previewRouteChange(change: $change) {
  feasible problems { code path message } faults { rule excess message route { id } order { id } }
  difference { costMinor distanceMeters drivingSeconds durationSeconds lateSeconds emissionsGrams orders routes }
  routes { version route { id version } before { costMinor orders drivingSeconds } after { costMinor orders drivingSeconds }
    stops { kind arrival arrivalBefore laterSeconds legMeters coordinates { latitude } loadAfter { items } stop { id } orders { id } } } } }
"""
CHANGE = """
mutation ($input: ChangeRouteInput!) { changeRoute(input: $input) {
  problems { code path message } orders { id status }
  routes { id version status stops { id kind status plannedArrival orders { id } } } } }
"""


async def preview(world: Any, **change: Any) -> Any:
    return (await ask(world, PREVIEW, change=change))["previewRouteChange"]


async def change(world: Any, idempotency_key: str | None = None, **wanted: Any) -> Any:
    return (await ask(world, CHANGE, input={"change": wanted, "idempotencyKey": idempotency_key}))["changeRoute"]


async def refused(world: Any, code: str, **wanted: Any) -> Any:
    """The change is refused with this code, as its preview says, and writes nothing."""
    before = await world.value("SELECT count(*) FROM events WHERE tenant_id = $1")
    payload = await change(world, **wanted)
    assert [one["code"] for one in payload["problems"]] == [code], payload
    assert await world.value("SELECT count(*) FROM events WHERE tenant_id = $1") == before
    shown = await preview(world, **wanted)
    assert not shown["feasible"]
    assert bool(shown["faults"]) != bool(shown["problems"])
    return shown


def order(one: UUID) -> str:
    return public_id("order", one)


def route(one: UUID) -> str:
    return public_id("route", one)


def times(stops: Sequence[Any], name: str) -> list[Any]:
    return [(stop["kind"], sorted(one["id"] for one in stop["orders"]), stop[name]) for stop in stops]


async def sequence(world: Any, route_id: UUID) -> list[UUID]:
    return [one for stop in await world.rows(STOPS, route_id) if stop["kind"] == "DROPOFF" for one in stop["order_ids"]]


async def test_a_preview_shows_what_the_change_then_does(world: Any) -> None:
    route_id = await assigned(world, await world.add_orders(4), await world.add_shift())
    fresh = (await world.add_orders(1))[0]
    stops = {public_id("stop", stop["id"]) for stop in await world.rows(STOPS, route_id)}
    events = await world.value("SELECT count(*) FROM events WHERE tenant_id = $1")
    wanted = {"insert": {"orderId": order(fresh), "routeId": route(route_id)}}

    shown = await preview(world, **wanted)

    assert (shown["feasible"], shown["faults"], shown["problems"]) == (True, [], [])
    assert await world.value("SELECT count(*) FROM events WHERE tenant_id = $1") == events, "a preview writes nothing"
    forecast = shown["routes"][0]
    assert (forecast["before"]["orders"], forecast["after"]["orders"]) == (4, 5)
    for name in ("costMinor", "drivingSeconds"):
        assert shown["difference"][name] == forecast["after"][name] - forecast["before"][name]
    assert shown["difference"]["costMinor"] > 0
    assert shown["difference"]["emissionsGrams"] == pytest.approx(shown["difference"]["distanceMeters"] / 5, abs=1)
    new = [stop for stop in forecast["stops"] if stop["stop"] is None]
    assert [(stop["orders"], stop["arrivalBefore"]) for stop in new] == [([{"id": order(fresh)}], None)]

    wanted["insert"]["ifVersion"] = forecast["version"]
    payload = await change(world, **wanted)

    assert payload["problems"] == []
    now = payload["routes"][0]
    assert times(now["stops"], "plannedArrival") == times(forecast["stops"], "arrival")
    assert now["version"] > forecast["version"]
    assert stops <= {stop["id"] for stop in now["stops"]}, "stops keep their ids"
    assert payload["orders"] == [{"id": order(fresh), "status": "ASSIGNED"}]
    eta = await world.value("SELECT eta_at FROM orders WHERE tenant_id = $1 AND id = $2", fresh)
    assert eta == datetime.fromisoformat(new[0]["arrival"])


async def test_an_order_goes_to_the_place_that_is_wanted_and_out_again(world: Any) -> None:
    orders = await world.add_orders(4)
    route_id = await assigned(world, orders, await world.add_shift())
    before = await sequence(world, route_id)
    last = before[-1]
    for position in (0, 2):
        payload = await change(world, move={"orderId": order(last), "position": position})
        assert payload["problems"] == []
        assert (await sequence(world, route_id)).index(last) == position
    shown = await preview(world, move={"orderId": order(last)})
    assert shown["difference"]["costMinor"] <= 0, "the cheapest place costs no more than this one"
    assert [one["code"] for one in (await change(world, move={"orderId": order(last), "position": 4}))["problems"]] == [
        "INVALID_VALUE"
    ]
    shown = await preview(world, remove={"orderId": order(last)})
    assert (shown["feasible"], shown["difference"]["orders"]) == (True, -1)
    assert shown["difference"]["drivingSeconds"] < 0
    payload = await change(world, remove={"orderId": order(last)})
    assert payload["orders"] == [{"id": order(last), "status": "PENDING"}]
    assert await sequence(world, route_id) == [one for one in before if one != last]
    assert times(payload["routes"][0]["stops"], "plannedArrival")[:-1]
    for one in before[:-1]:
        payload = await change(world, remove={"orderId": order(one)})
    assert [one["status"] for one in payload["routes"]] == ["CANCELLED"], "nobody is left on it"


async def test_orders_change_over_between_two_routes(world: Any) -> None:
    one, other = [await assigned(world, await world.add_orders(3), await world.add_shift()) for _ in range(2)]
    mine, theirs = (await sequence(world, one))[0], (await sequence(world, other))[0]
    wanted = {"swap": {"orderId": order(mine), "otherOrderId": order(theirs)}}
    shown = await preview(world, **wanted)
    assert shown["feasible"]
    assert {forecast["route"]["id"] for forecast in shown["routes"]} == {route(one), route(other)}
    stops = [stop for forecast in shown["routes"] for stop in forecast["stops"]]
    assert all(stop["arrivalBefore"] and stop["stop"] for stop in stops), "each was on a route before"
    payload = await change(world, **wanted)
    assert payload["problems"] == []
    assert mine in await sequence(world, other)
    assert theirs in await sequence(world, one)
    assert Counter(await world.rows("SELECT status FROM orders WHERE tenant_id = $1")).total() == 6
    held = await world.rows("SELECT order_id, route_id FROM assignments WHERE tenant_id = $1 AND active")
    assert {row["order_id"]: row["route_id"] for row in held}.items() >= {mine: other, theirs: one}.items()
    payload = await change(world, move={"orderId": order(mine), "toRouteId": route(one), "position": 0})
    assert (await sequence(world, one))[0] == mine
    assert mine not in await sequence(world, other)
    sums = {forecast["id"]: len(forecast["stops"]) for forecast in payload["routes"]}
    assert set(sums) == {route(one), route(other)}


async def test_what_would_not_hold_is_told_and_refused(world: Any) -> None:
    small = await world.add_shift(capacity_items=3)
    route_id = await assigned(world, await world.add_orders(2), small)
    on = {"routeId": route(route_id)}
    large, skilled, by_bike, early, nowhere = [
        (await world.add_orders(1, **columns))[0]
        for columns in (
            {"items": 2},
            {"required_skills": ["LIFT"]},
            {"vehicle_kinds": ["BICYCLE"]},
            {"windows": [{"start": (world.base - timedelta(hours=5)).isoformat(), "end": (world.base - timedelta(hours=4)).isoformat()}]},
            {"location_status": "NEEDS_LOCATION", "position": (None, None)},
        )
    ]  # fmt: skip
    for one, rule, code in (
        (large, "CAPACITY", "TOO_LARGE_FOR_FLEET"),
        (skilled, "SKILL", "NOT_PLANNABLE"),
        (by_bike, "VEHICLE_KIND", "NOT_PLANNABLE"),
        (early, "WINDOW", "NOT_PLANNABLE"),
    ):
        shown = await refused(world, code, insert={"orderId": order(one), **on})
        assert [fault["rule"] for fault in shown["faults"]] == [rule]
        assert shown["routes"][0]["stops"], "what it would come to is shown all the same"
    assert (await preview(world, insert={"orderId": order(early), **on}))["faults"][0]["excess"] > 4 * 3600
    shown = await refused(world, "NOT_PLANNABLE", insert={"orderId": order(nowhere), **on})
    assert [one["path"] for one in shown["problems"]] == [["change", "insert", "orderId"]]
    short = await world.add_shift(hours=0.04)
    shown = await refused(
        world,
        "NOT_PLANNABLE",
        move={
            "orderId": order((await sequence(world, route_id))[0]),
            "toRouteId": route(await assigned(world, await world.add_orders(1, position=world.center), short)),
        },
    )
    assert [fault["rule"] for fault in shown["faults"]] == ["SHIFT"]


async def test_a_fault_that_is_there_already_is_no_obstacle_unless_it_grows(world: Any) -> None:
    """The route was committed for a window that has been narrowed since: it is late already."""
    orders = await world.add_orders(3)
    route_id = await assigned(world, orders, await world.add_shift())
    first, _, last = await sequence(world, route_id)
    window = [
        {"start": (world.base - timedelta(hours=2)).isoformat(), "end": (world.base - timedelta(hours=1)).isoformat()}
    ]
    async with world.writing() as scope:
        await scope.tx.execute(
            "UPDATE order_waypoints SET windows = $3 WHERE tenant_id = $1 AND order_id = $2",
            world.principal.tenant_id,
            last,
            window,
        )
    assert (await preview(world, remove={"orderId": order(first)}))["feasible"]
    shown = await preview(
        world, insert={"orderId": order((await world.add_orders(1))[0]), "routeId": route(route_id), "position": 0}
    )
    assert [(fault["rule"], fault["order"]["id"]) for fault in shown["faults"]] == [("WINDOW", order(last))]


async def under_way(world: Any) -> tuple[UUID, list[UUID]]:
    """A route whose first order is delivered, and the driver on the way to the second."""
    shift = await world.add_shift(starts_in=timedelta(hours=-3))
    loaded = await world.add_orders(4)
    route_id = await assigned(world, loaded, shift)
    now = world.principal.clock.now()
    async with world.writing() as scope:
        on_route, stops = await lock_route(scope, route_id)
        for stop in stops[:2]:
            for status in (StopStatus.ARRIVED, StopStatus.COMPLETED):
                await write_stop(scope, stop["id"], status=status, arrived_at=now, closed_at=now)
        await write_stop(scope, stops[2]["id"], status=StopStatus.EN_ROUTE, departed_at=now)
        await set_route_status(scope, on_route, RouteStatus.IN_PROGRESS, now)
        await move_orders(scope, [Move(order_id, OrderStatus.PICKED_UP) for order_id in loaded])
    return route_id, [stop["order_ids"][0] for stop in stops[1:5]]


async def test_done_stops_stay_and_goods_on_board_keep_their_vehicle(world: Any) -> None:
    route_id, (done, bound, third, fourth) = await under_way(world)
    before = await world.rows(STOPS, route_id)
    shown = await preview(world, move={"orderId": order(fourth), "position": 0})
    assert shown["feasible"]
    assert [stop["kind"] for stop in shown["routes"][0]["stops"]] == ["DROPOFF", "DROPOFF", "DEPOT_END"], (
        "of what is to come"
    )
    payload = await change(world, move={"orderId": order(fourth), "position": 0})
    assert payload["problems"] == []
    after = await world.rows(STOPS, route_id)
    assert [dict(stop) for stop in after[:3]] == [dict(stop) for stop in before[:3]], "done and under way as they were"
    assert [stop["order_ids"] for stop in after[3:5]] == [[fourth], [third]]
    for one in (done, bound):
        await refused(world, "ILLEGAL_TRANSITION", move={"orderId": order(one), "position": 0})
    await refused(world, "ILLEGAL_TRANSITION", remove={"orderId": order(third)})
    at_depot = (await world.add_orders(1))[0]
    await refused(world, "NOT_PLANNABLE", insert={"orderId": order(at_depot), "routeId": route(route_id)})
    fetch = (await world.add_orders(1, pickup=True))[0]
    payload = await change(world, insert={"orderId": order(fetch), "routeId": route(route_id), "position": 1})
    assert payload["problems"] == []
    after = await world.rows(STOPS, route_id)
    mine = [(number, stop["kind"]) for number, stop in enumerate(after) if fetch in stop["order_ids"]]
    assert mine == [(3, "PICKUP"), (4, "DROPOFF")]
    assert (await route_of(world, route_id))["status"] == "IN_PROGRESS"


async def test_nobody_is_overtaken_unseen(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    route_id = await assigned(world, await world.add_orders(3), await world.add_shift())
    first, _, third = await sequence(world, route_id)
    version = (await route_of(world, route_id))["version"]
    stale = {"move": {"orderId": order(third), "position": 0, "ifVersion": version}}
    assert (await change(world, **stale))["problems"] == []
    await refused(world, "CONFLICT", **stale)
    conflict = await change(world, **stale)
    assert [(one["id"], one["version"] > version) for one in conflict["routes"]] == [(route(route_id), True)]

    real = previewing._carry_out

    def carry_out(*arguments: Any) -> None:
        """Somebody else is faster while this one is worked out."""
        real(*arguments)
        asyncio.run_coroutine_threadsafe(world.do(recall_route, route_id), loop).result(10)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(previewing, "_carry_out", carry_out)
    late = await change(world, remove={"orderId": order(first)})
    assert [one["code"] for one in late["problems"]] == ["PLAN_STALE"]
    assert first in await sequence(world, route_id)


async def test_two_who_insert_one_order_at_once(world: Any) -> None:
    routes = [await assigned(world, await world.add_orders(2), await world.add_shift()) for _ in range(2)]
    fresh = (await world.add_orders(1))[0]
    answers = await asyncio.gather(
        *(change(world, insert={"orderId": order(fresh), "routeId": route(one)}) for one in routes for _ in range(2))
    )
    taken = [payload for payload in answers if not payload["problems"]]
    assert len(taken) == 1
    codes = {one["code"] for payload in answers for one in payload["problems"]}
    assert codes <= {"PLAN_STALE", "ORDER_TAKEN"}
    assert (
        await world.value("SELECT count(*) FROM assignments WHERE tenant_id = $1 AND order_id = $2 AND active", fresh)
        == 1
    )


async def test_planted_fault_a_timing_that_overlooks_windows_is_seen(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    route_id = await assigned(world, await world.add_orders(2), await world.add_shift())
    past = [
        {"start": (world.base - timedelta(hours=5)).isoformat(), "end": (world.base - timedelta(hours=4)).isoformat()}
    ]
    early = (await world.add_orders(1, windows=past))[0]
    monkeypatch.setattr(handwork, "late_seconds", lambda *_: 0)
    with pytest.raises(AssertionError):
        await refused(world, "NOT_PLANNABLE", insert={"orderId": order(early), "routeId": route(route_id)})


async def test_a_replay_a_committed_route_and_what_does_not_exist(working_world: Any, another_world: Any) -> None:
    world = working_world
    plan_id = await world.proposed(await world.add_orders(2), [await world.add_shift()])
    route_id = await world.value("SELECT id FROM routes WHERE tenant_id = $1 AND plan_id = $2", plan_id)
    fresh = (await world.add_orders(1))[0]
    wanted = {"insert": {"orderId": order(fresh), "routeId": route(route_id)}}
    await refused(world, "ILLEGAL_TRANSITION", **wanted)
    await world.do(commit_plan, plan_id)
    first = await change(world, "key 1", **wanted)
    again = await change(world, "key 1", **wanted)
    assert first["problems"] == again["problems"] == []
    assert first == again
    assert first["routes"][0]["status"] == "COMMITTED", "a route is dispatched by dispatchRoute alone"
    await refused(world, "ORDER_TAKEN", **wanted)
    lonely = (await world.add_orders(1))[0]
    await refused(world, "ILLEGAL_TRANSITION", remove={"orderId": order(lonely)})
    await refused(world, "INVALID_VALUE", swap={"orderId": order(fresh), "otherOrderId": order(fresh)})
    for unknown in (order(new_id()), order((await another_world.add_orders(1))[0])):
        await refused(world, "NOT_FOUND", remove={"orderId": unknown})
        await refused(world, "NOT_FOUND", insert={"orderId": unknown, "routeId": route(route_id)})
    await refused(world, "NOT_FOUND", insert={"orderId": order(lonely), "routeId": route(new_id())})
    await refused(world, "INVALID_ID", remove={"orderId": "order_x"})
    _, errors = await answer(world, PREVIEW, change={})
    assert errors
