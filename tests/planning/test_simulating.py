"""Scenarios side by side: each as a plan of its own would come out, one that cannot be tried alone among the others, and nothing written."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.planning.test_api import answer, ask

from doorstep.kernel.errors import Unavailable
from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.scope import Permission
from doorstep.planning.service import problems, simulating
from doorstep.planning.service.changes import Change
from doorstep.planning.service.explaining import prepare_explanation
from doorstep.planning.service.previewing import Asked, weigh
from doorstep.planning.service.replanning import Terms, weigh_replan
from doorstep.planning.solver.pool import SolverPool

SIMULATE = """
query ($input: SimulatePlanInput!) { simulatePlan(input: $input) { problems { code path }
  scenarios { name objective problems { code path } failureReason engine network
    summary { costMinor distanceMeters drivingSeconds routes orders unassigned emissionsGrams } baseline { costMinor distanceMeters orders }
    difference { costMinor distanceMeters routes orders emissionsGrams } unassigned { code orders }
    routes { shift { id } summary { costMinor orders } } } } }
"""
TRACES = """
SELECT (SELECT count(*) FROM events WHERE tenant_id = $1), (SELECT count(*) FROM plans WHERE tenant_id = $1),
  (SELECT count(*) FROM routes WHERE tenant_id = $1), (SELECT count(*) FROM jobs WHERE tenant_id = $1), (SELECT count(*) FROM assignments WHERE tenant_id = $1),
  (SELECT sum(version) FROM orders WHERE tenant_id = $1), (SELECT sum(version) FROM shifts WHERE tenant_id = $1)
"""


async def simulated(world: Any, orders: list[Any], *scenarios: Any, **more: Any) -> Any:
    asked = {"orderIds": [public_id("order", one) for one in orders], "scenarios": list(scenarios), **more}
    return (await ask(world, SIMULATE, input=asked))["simulatePlan"]


def with_shifts(*shifts: Any, **more: Any) -> dict[str, Any]:
    return {"shiftIds": [public_id("shift", one) for one in shifts], **more}


async def test_five_scenarios_side_by_side_and_nothing_is_written(world: Any) -> None:
    orders = await world.add_orders(8)
    soon = [{"start": world.base.isoformat(), "end": (world.base + timedelta(minutes=1)).isoformat()}]
    early = await world.add_orders(1, windows=soon, position=(world.center[0] + 0.05, world.center[1]))
    van, bike = await world.add_shift(), await world.add_shift(kind="BICYCLE", emissions_grams_per_kilometer=0.0)
    small = await world.add_shift(capacity_items=3)
    before = [tuple(row) for row in await world.rows(TRACES)]

    shown = await simulated(
        world,
        [*orders, *early],
        with_shifts(van, name="One van"),
        with_shifts(van, small, objective="DISTANCE"),
        with_shifts(small, name="Too small"),
        with_shifts(van, shiftWindowsSeconds=3600, name="An hour later"),
        with_shifts(bike, widenWindowsSeconds=7200, name="By bike, any time"),
    )

    assert [tuple(row) for row in await world.rows(TRACES)] == before, "nothing is written or reserved"
    assert shown["problems"] == []
    one, two, small_one, later, bike_one = shown["scenarios"]
    assert [scenario["name"] for scenario in shown["scenarios"]] == [
        "One van", None, "Too small", "An hour later", "By bike, any time",
    ]  # fmt: skip
    assert (one["summary"]["orders"], one["summary"]["unassigned"]) == (8, 1)
    assert one["unassigned"] == [{"code": "WINDOW", "orders": 1}]
    assert one["baseline"]["distanceMeters"] >= one["summary"]["distanceMeters"]
    assert one["difference"] == {"costMinor": 0, "distanceMeters": 0, "routes": 0, "orders": 0, "emissionsGrams": 0}
    assert two["objective"] == "DISTANCE"
    assert small_one["summary"]["unassigned"] == 6
    assert {left["code"] for left in small_one["unassigned"]} == {"NO_ROOM", "WINDOW"}
    assert later["summary"]["unassigned"] == bike_one["summary"]["unassigned"] == 0
    assert later["difference"]["orders"] == 1
    assert bike_one["summary"]["emissionsGrams"] == 0
    for scenario in shown["scenarios"]:
        assert (scenario["problems"], scenario["failureReason"]) == ([], None)
        assert sum(route["summary"]["orders"] for route in scenario["routes"]) == scenario["summary"]["orders"]
        assert scenario["network"] == "STRAIGHT_LINES"
    used = await world.value("SELECT solver_seconds FROM usage_days WHERE tenant_id = $1")
    assert used > 0, "what the solver worked counts as for a plan"


async def test_scenarios_differ_in_what_they_aim_at(world: Any) -> None:
    start = world.base + timedelta(hours=1)
    same_time = [{"start": start.isoformat(), "end": (start + timedelta(minutes=5)).isoformat()}]
    ends = [(47.05, 9.52), (47.22, 9.52)]
    orders = [(await world.add_orders(1, position=end, windows=same_time))[0] for end in ends]
    van, unknown = await world.add_shift(), await world.add_shift(emissions_grams_per_kilometer=None)
    late = {"maxSeconds": 7200, "pricePerHourMinor": 1200}
    shown = await simulated(
        world,
        orders,
        with_shifts(van),
        with_shifts(van, objective="ON_TIME", lateness=late),
        with_shifts(van, objective="ON_TIME"),
        with_shifts(unknown, objective="EMISSIONS"),
    )
    strict, soft, *wrong = shown["scenarios"]
    assert (strict["summary"]["unassigned"], soft["summary"]["unassigned"]) == (1, 0)
    assert [[(one["code"], one["path"]) for one in scenario["problems"]] for scenario in wrong] == [
        [("REQUIRED", ["scenarios", "2", "lateness"])],
        [("EMISSIONS_UNKNOWN", ["scenarios", "3", "shiftIds", "0"])],
    ]


async def test_a_scenario_comes_out_as_the_plan_would(working_world: Any) -> None:
    world = working_world
    orders, shifts = await world.add_orders(6), [await world.add_shift(capacity_items=4) for _ in range(2)]
    shown = await simulated(world, orders, with_shifts(*shifts), with_shifts(shifts[0]))
    plan = await world.plan(await world.proposed(orders, shifts))
    summary = shown["scenarios"][0]["summary"]
    assert (summary["costMinor"], summary["distanceMeters"]) == (
        plan["summary"]["cost"],
        plan["summary"]["distance_meters"],
    )
    assert shown["scenarios"][0]["baseline"]["costMinor"] == plan["baseline"]["cost"]
    assert shown["scenarios"][1]["difference"]["orders"] == -2


async def test_what_cannot_be_tried_says_why_and_leaves_the_others_alone(world: Any, another_world: Any) -> None:
    orders, shift = await world.add_orders(2), await world.add_shift()
    theirs, walking = await another_world.add_shift(), await world.add_shift(vehicle=False)
    shown = await simulated(
        world,
        orders,
        with_shifts(shift),
        with_shifts(theirs),
        with_shifts(new_id()),
        with_shifts(walking),
        {"objective": "COST"},
    )
    assert [[(one["code"], one["path"]) for one in scenario["problems"]] for scenario in shown["scenarios"]] == [
        [],
        [("NOT_FOUND", ["scenarios", "1", "shiftIds", "0"])],
        [("NOT_FOUND", ["scenarios", "2", "shiftIds", "0"])],
        [("SHIFT_WITHOUT_VEHICLE", ["scenarios", "3", "shiftIds", "0"])],
        [("REQUIRED", ["scenarios", "4", "shiftIds"])],
    ]
    assert [bool(scenario["summary"]) for scenario in shown["scenarios"]] == [True, False, False, False, False]
    assert shown["scenarios"][1]["difference"] is None


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"scenarios": []}, "REQUIRED", ["scenarios"]),
        ({"scenarios": [{"date": "2030-01-01"}] * 6}, "TOO_MANY_ITEMS", ["scenarios"]),
        ({"orderIds": []}, "NOTHING_TO_PLAN", ["orderIds"]),
        ({"orderIds": ["order_x"]}, "INVALID_ID", ["orderIds", "0"]),
        ({"orderIds": [public_id("order", new_id())] * 501}, "PLAN_TOO_LARGE", ["orderIds"]),
        ({"scenarios": [{"widenWindowsSeconds": -1}]}, "INVALID_VALUE", ["scenarios", "0", "widenWindowsSeconds"]),
        ({"scenarios": [{"shiftWindowsSeconds": 86_401}]}, "INVALID_VALUE", ["scenarios", "0", "shiftWindowsSeconds"]),
        ({"scenarios": [{"shiftIds": ["shift_x"]}]}, "INVALID_ID", ["scenarios", "0", "shiftIds", "0"]),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(world: Any, change: Any, code: str, path: list[str]) -> None:
    asked = {"orderIds": [public_id("order", new_id())], "scenarios": [{"date": "2030-01-01"}], **change}
    shown = (await ask(world, SIMULATE, input=asked))["simulatePlan"]
    assert [(one["code"], one["path"]) for one in shown["problems"]] == [(code, path)]
    assert shown["scenarios"] == []


async def test_it_is_answered_in_time_while_the_solver_is_taken(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    orders, shift = await world.add_orders(3), await world.add_shift()
    monkeypatch.setattr(simulating, "SECONDS", 1.5)
    pool = world.services.get(SolverPool)
    async with pool._free.slot("somebody else"), pool._free.slot("somebody else"):
        began = time.monotonic()
        shown = await simulated(world, orders, with_shifts(shift), with_shifts(shift))
        assert time.monotonic() - began < 15, "bounded, however busy this machine is"
    for scenario in shown["scenarios"]:
        assert "in time" in scenario["failureReason"]
        assert (scenario["summary"], scenario["problems"]) == (None, [])


async def test_it_needs_the_right_and_solver_seconds(world: Any) -> None:
    orders, shift = await world.add_orders(1), await world.add_shift()
    asked = {"orderIds": [public_id("order", orders[0])], "scenarios": [with_shifts(shift)]}
    reader = replace(world, principal=replace(world.principal, permissions=frozenset({Permission.PLANNING_READ})))
    _, errors = await answer(reader, SIMULATE, input=asked)
    assert "planning:write" in str(errors[0])
    async with world.services.system.write(world.principal) as scope:
        await scope.tx.execute(
            "UPDATE tenants SET quota_solver_seconds_per_day = 0 WHERE id = $1", world.principal.tenant_id
        )
    shown = (await ask(world, SIMULATE, input=asked))["simulatePlan"]
    assert [one["code"] for one in shown["problems"]] == ["QUOTA_EXCEEDED"]


async def test_two_at_once_do_not_disturb_each_other(world: Any) -> None:
    orders, shift = await world.add_orders(4), await world.add_shift()
    both = await asyncio.gather(*(simulated(world, orders, with_shifts(shift)) for _ in range(2)))
    assert both[0]["scenarios"][0]["summary"] == both[1]["scenarios"][0]["summary"]


async def test_a_flood_of_questions_leaves_desk_and_database_to_the_others(
    world: Any, another_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty at once of one tenant: two are read and solved at a time, the rest is told to come again; another's is answered."""
    monkeypatch.setattr(problems, "DESK_SECONDS", 0.5)
    gate, asked = asyncio.Event(), 0
    honest = simulating.pose

    async def slow(roads: Any, orders: Any, *more: Any, **named: Any) -> Any:
        nonlocal asked
        if orders and orders[0].id in own:
            asked += 1
            await gate.wait()
        return await honest(roads, orders, *more, **named)

    monkeypatch.setattr(simulating, "pose", slow)
    own, shift = await world.add_orders(2), await world.add_shift()
    theirs, their_shift = await another_world.add_orders(2), await another_world.add_shift()
    question = {"orderIds": [public_id("order", one) for one in own], "scenarios": [with_shifts(shift)]}
    flood = [asyncio.create_task(answer(world, SIMULATE, input=question)) for _ in range(20)]
    refused, _ = await asyncio.wait(flood, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    shown = await simulated(another_world, theirs, with_shifts(their_shift))
    assert shown["scenarios"][0]["summary"]["orders"] == 2
    assert asked == 2
    gate.set()
    answers = await asyncio.gather(*flood)
    assert sum(not errors for _, errors in answers) >= 2
    said = {str(error.original_error) for _, errors in answers for error in errors or ()}
    assert len(said) == 1
    assert "busy with other questions" in said.pop()
    assert refused


async def test_previews_and_explanations_wait_for_the_same_desks(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problems, "DESK_SECONDS", 0.1)
    db, principal, engines = world.db, world.principal, world.engines
    terms = Terms((Asked(new_id(), None, ["replan"], ["replan"]),), (), 0, 0, None)
    plan: tuple[UUID, list[UUID], None] = (new_id(), [new_id()], None)
    async with engines.desk(principal.tenant_id), engines.desk(principal.tenant_id):
        for asking in (
            weigh(db, principal, engines, Change),
            weigh_replan(db, principal, engines, lambda: terms),
            prepare_explanation(db, principal, engines, lambda: plan),
        ):
            with pytest.raises(Unavailable, match="busy with other questions"):
                await asking
    assert (await weigh_replan(db, principal, engines, lambda: terms)).refusal is not None, "the desks are free again"
