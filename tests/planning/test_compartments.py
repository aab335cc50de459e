"""Frozen goods as a user sees them: placed through the API, planned, explained, assigned and moved by hand."""

from typing import Any

from tests.planning.test_api import ask
from tests.planning.test_assigning import assigned
from tests.planning.test_assigning import refused as refused_to_assign
from tests.planning.test_explaining import explain, left_out
from tests.planning.test_hand_moves import order, refused, route

from doorstep.kernel.ids import public_id

FREEZER = [{"name": "frozen", "weight_grams": 5000, "volume_cubic_centimeters": None, "items": None}]
FROZEN = {"weight_grams": 2000, "compartments": {"frozen": [2000, 1000, 1]}}
STOPS = """query ($id: ID!) { route(id: $id) { stops { kind loadAfter { weightGrams items
  compartments { name weightGrams volumeCubicCentimeters items } } } } }"""


async def test_the_small_freezer_binds_before_the_van_is_full(working_world: Any) -> None:
    world = working_world
    warm, cold = await world.add_shift(), await world.add_shift(compartments=FREEZER)
    frozen, plain = await world.add_orders(3, **FROZEN), await world.add_orders(4)
    plan_id = await world.proposed([*frozen, *plain], [warm, cold])
    (left,) = await left_out(world, plan_id)
    assert left in frozen, "two of 2 kg in a freezer for 5; everything else has room"
    carriers = await world.rows(
        "SELECT DISTINCT route.shift_id FROM routes AS route JOIN stops AS stop ON stop.tenant_id = route.tenant_id AND stop.route_id = route.id "
        "WHERE route.tenant_id = $1 AND stop.load_after->'compartments' ? 'frozen'"
    )
    assert [row["shift_id"] for row in carriers] == [cold]

    payload = await explain(world, plan_id, [left])
    assert payload["problems"] == []
    (told,) = payload["unassigned"]
    assert {code for kind in told["vehicleKinds"] for code in kind["codes"]} == {"COMPARTMENT", "NO_ROOM"}
    smallest = told["relaxations"][0]
    assert smallest["message"] == "A vehicle with 1 kg more in its compartment frozen with Driver on Vehicle."
    assert smallest["shift"]["id"] == public_id("shift", cold)
    for grams, expected in ((5999, 1), (6000, 0)):
        larger = await world.add_shift(compartments=[{**FREEZER[0], "weight_grams": grams}])
        assert len(await left_out(world, await world.proposed(frozen, [larger]))) == expected


async def test_a_freezer_is_filled_anew_for_each_tour(working_world: Any) -> None:
    world = working_world
    shift = await world.add_shift(compartments=FREEZER)
    async with world.writing() as scope:
        await scope.tx.execute("UPDATE shifts SET max_tours = 3 WHERE tenant_id = $1", scope.tenant_id)
    plan_id = await world.proposed(await world.add_orders(4, **FROZEN), [shift])
    assert await left_out(world, plan_id) == []
    route_id = await world.value("SELECT id FROM routes WHERE tenant_id = $1")
    stops = (await ask(world, STOPS, id=public_id("route", route_id)))["route"]["stops"]
    full = [{"name": "frozen", "weightGrams": 4000, "volumeCubicCentimeters": 2000, "items": 2}]
    assert [s["loadAfter"]["compartments"] for s in stops if s["kind"] in ("DEPOT_START", "RELOAD")] == [full, full]
    assert stops[-1]["loadAfter"] == {"weightGrams": 0, "items": 0, "compartments": []}


async def test_nobody_assigns_frozen_goods_to_a_warm_van(world: Any) -> None:
    warm, cold = await world.add_shift(), await world.add_shift(compartments=FREEZER)
    frozen = await world.add_orders(3, **FROZEN)
    (refusal,) = await refused_to_assign(world, frozen[:1], warm)
    assert (str(refusal.code), "COMPARTMENT" in refusal.message) == ("NOT_PLANNABLE", True)
    assert await refused_to_assign(world, frozen, cold), "6 kg do not fit into a freezer for 5"

    on_warm = {"routeId": route(await assigned(world, await world.add_orders(1), warm))}
    shown = await refused(world, "NOT_PLANNABLE", insert={"orderId": order(frozen[0]), **on_warm})
    assert [fault["rule"] for fault in shown["faults"]] == ["COMPARTMENT"]
    on_cold = {"routeId": route(await assigned(world, frozen[:2], cold))}
    shown = await refused(world, "TOO_LARGE_FOR_FLEET", insert={"orderId": order(frozen[2]), **on_cold})
    assert [(fault["rule"], fault["excess"]) for fault in shown["faults"]] == [("CAPACITY", 1000)]
