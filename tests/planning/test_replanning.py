"""Routes under way planned again: the preview tells who is moved and what it saves, the mutation does just that, and promises are dear."""

from typing import Any
from uuid import UUID

from tests.planning.test_api import ask
from tests.planning.test_assigning import STOPS, assigned, route_of
from tests.planning.test_hand_moves import change, order, route, sequence, times, under_way

from doorstep.kernel.ids import new_id

TERMS = "difference { costMinor drivingSeconds orders } changes { kind laterSeconds order { id } routeBefore { id } routeAfter { id } }"
PREVIEW = f"""
query ($replan: ReplanInput!) {{ previewReplan(replan: $replan) {{ feasible problems {{ code path }} faults {{ rule }} {TERMS}
  routes {{ version route {{ id }} stops {{ kind arrival laterSeconds orders {{ id }} }} }} }} }}
"""
REPLAN = """
mutation ($input: ReplanRoutesInput!) { replanRoutes(input: $input) { problems { code path } orders { id status }
  routes { id version status stops { id kind status plannedArrival orders { id } } } } }
"""


def terms(*routes: UUID, **more: Any) -> dict[str, Any]:
    return {"routes": [{"routeId": route(one)} for one in routes], **more}


async def preview(world: Any, *routes: UUID, **more: Any) -> Any:
    return (await ask(world, PREVIEW, replan=terms(*routes, **more)))["previewReplan"]


async def replan(world: Any, *routes: UUID, **more: Any) -> Any:
    return (await ask(world, REPLAN, input={"replan": terms(*routes, **more)}))["replanRoutes"]


async def in_disorder(world: Any) -> UUID:
    """A route whose last order was put first by hand."""
    route_id = await assigned(world, await world.add_orders(5), await world.add_shift())
    last = (await sequence(world, route_id))[-2]
    assert (await change(world, move={"orderId": order(last), "position": 0}))["problems"] == []
    return route_id


async def test_the_preview_is_what_is_then_done(world: Any) -> None:
    route_id = await in_disorder(world)
    before = await world.rows(STOPS, route_id)
    events = await world.value("SELECT count(*) FROM events WHERE tenant_id = $1")
    shown = await preview(world, route_id, etaPriceMinorPerMinute=0)
    assert await world.value("SELECT count(*) FROM events WHERE tenant_id = $1") == events
    assert (shown["feasible"], shown["faults"], shown["problems"]) == (True, [], [])
    assert shown["difference"]["costMinor"] < 0
    assert shown["difference"]["orders"] == 0
    assert {one["kind"] for one in shown["changes"]} == {"RETIMED"}
    payload = await replan(world, route_id, etaPriceMinorPerMinute=0)
    assert payload["problems"] == []
    assert times(payload["routes"][0]["stops"], "plannedArrival") == times(shown["routes"][0]["stops"], "arrival")
    assert {stop["id"] for stop in await world.rows(STOPS, route_id)} == {stop["id"] for stop in before}, (
        "the same stops"
    )
    version = (await route_of(world, route_id))["version"]
    again = await replan(world, route_id)
    assert (again["problems"], again["orders"]) == ([], [])
    assert (await route_of(world, route_id))["version"] == version, "what changes nothing writes nothing"


async def test_promises_have_a_price_and_a_limit(world: Any) -> None:
    route_id = await in_disorder(world)
    for more in ({"etaPriceMinorPerMinute": 1_000_000}, {"etaPriceMinorPerMinute": 0, "mostEtaShiftSeconds": 0}):
        shown = await preview(world, route_id, **more)
        assert shown["changes"] == []
        assert shown["difference"]["costMinor"] == 0
    kept = await sequence(world, route_id)
    shown = await preview(world, route_id, etaPriceMinorPerMinute=0, keepOrderIds=[order(one) for one in kept])
    assert shown["changes"] == []


async def test_orders_go_over_to_another_route_but_goods_on_board_never(world: Any) -> None:
    busy, (done, bound, third, fourth) = await under_way(world)
    spare = await assigned(world, await world.add_orders(1), await world.add_shift(cost_fixed_minor=0))
    fixed = await assigned(world, await world.add_orders(1), await world.add_shift(cost_fixed_minor=50_000))
    before = await world.rows(STOPS, busy)
    mine = (await sequence(world, fixed))[0]
    shown = await preview(world, busy, spare, fixed, etaPriceMinorPerMinute=0)
    moved = {one["order"]["id"]: one["routeAfter"]["id"] for one in shown["changes"] if one["kind"] == "MOVED"}
    assert moved == {order(mine): route(spare)}, (
        "one van is cheaper than two; what lies at the depot cannot go to one that has left"
    )
    payload = await replan(world, busy, spare, fixed, etaPriceMinorPerMinute=0)
    assert payload["problems"] == []
    assert {one["id"]: one["status"] for one in payload["routes"]} == {
        route(busy): "IN_PROGRESS", route(spare): "DISPATCHED", route(fixed): "CANCELLED",
    }  # fmt: skip
    assert payload["orders"] == [{"id": order(mine), "status": "ASSIGNED"}]
    after = await world.rows(STOPS, busy)
    assert [dict(stop) for stop in after[:3]] == [dict(stop) for stop in before[:3]], "done and under way as they were"
    assert {one for stop in after if stop["kind"] == "DROPOFF" for one in stop["order_ids"]} == {
        done,
        bound,
        third,
        fourth,
    }


async def test_what_makes_no_sense_is_refused_and_writes_nothing(world: Any, another_world: Any) -> None:
    route_id = await in_disorder(world)
    theirs = await assigned(another_world, await another_world.add_orders(1), await another_world.add_shift())
    events = await world.value("SELECT count(*) FROM events WHERE tenant_id = $1")
    stale = {"routes": [{"routeId": route(route_id), "ifVersion": 1}]}
    for asked, code, path in (
        ({"routes": []}, "NOTHING_TO_PLAN", ["replan", "routes"]),
        (terms(*[route_id] * 11), "TOO_MANY_ITEMS", ["replan", "routes"]),
        (terms(new_id()), "NOT_FOUND", ["replan", "routes", "0", "routeId"]),
        (terms(theirs), "NOT_FOUND", ["replan", "routes", "0", "routeId"]),
        (terms(route_id, keepOrderIds=[order(new_id())]), "NOT_FOUND", ["replan", "keepOrderIds", "0"]),
        (terms(route_id, etaToleranceSeconds=-1), "INVALID_VALUE", ["replan", "etaToleranceSeconds"]),
        (stale, "CONFLICT", ["replan", "routes", "0", "ifVersion"]),
    ):
        shown = (await ask(world, PREVIEW, replan=asked))["previewReplan"]
        payload = (await ask(world, REPLAN, input={"replan": asked}))["replanRoutes"]
        assert [(one["code"], one["path"]) for one in shown["problems"]] == [(code, path)]
        assert payload["problems"] == shown["problems"]
        assert (shown["feasible"], shown["difference"], shown["routes"]) == (False, None, [])
    assert await world.value("SELECT count(*) FROM events WHERE tenant_id = $1") == events
