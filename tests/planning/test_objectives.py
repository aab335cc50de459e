"""What a plan aims at shows in its sums, and lateness wherever a user looks for it; bad aims are refused."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.planning.test_api import ask, created
from tests.planning.test_assigning import assigned
from tests.planning.test_refusals import faults_of

from doorstep.kernel.ids import public_id
from doorstep.planning.model import PlanObjective
from doorstep.planning.service import LatenessAllowance, NewPlan, commit_plan, create_plan, optimize_plan
from doorstep.planning.service.parts import together
from doorstep.planning.service.writing import Proposal

SUMS = """
query ($id: ID!) { plan(id: $id) {
  objective lateness { maxSeconds pricePerHourMinor }
  summary { ...sums } baseline { ...sums }
  savings { orders costMinor distanceMeters durationSeconds drivingSeconds routes emissionsGrams }
  routes { nodes { summary { lateSeconds lateOrders lateCostMinor durationSeconds }
    stops { kind lateSeconds plannedServiceStart orders { id dropoff { windows { end } } } } } }
} }
fragment sums on PlanSummary { costMinor distanceMeters durationSeconds drivingSeconds orders routes unassigned emissionsGrams
  lateSeconds lateOrders lateCostMinor longestRouteSeconds shortestRouteSeconds }
"""


async def sums(world: Any, plan_id: UUID) -> Any:
    return (await ask(world, SUMS, id=public_id("plan", plan_id)))["plan"]


async def test_a_clean_plan_and_a_cheap_one_of_the_same_orders(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(8)
    shifts = [
        await world.add_shift(emissions_grams_per_kilometer=250.0, cost_per_kilometer_minor=10),
        await world.add_shift(emissions_grams_per_kilometer=20.5, cost_per_kilometer_minor=400),
    ]
    cheap = await sums(world, await created(world, orders, shifts))
    clean = await sums(world, await created(world, orders, shifts, objective="EMISSIONS"))
    assert (cheap["objective"], clean["objective"], clean["lateness"]) == ("COST", "EMISSIONS", None)
    assert cheap["summary"]["orders"] == clean["summary"]["orders"] == 8
    assert clean["summary"]["emissionsGrams"] < cheap["summary"]["emissionsGrams"] / 5
    assert cheap["summary"]["costMinor"] < clean["summary"]["costMinor"]


async def test_savings_are_the_baseline_less_the_plan(working_world: Any) -> None:
    world = working_world
    plan = await sums(world, await created(world, await world.add_orders(12), [await world.add_shift()]))
    saved, before, after = plan["savings"], plan["baseline"], plan["summary"]
    assert saved["orders"] == 0
    assert saved["distanceMeters"] > 0
    for name in ("costMinor", "distanceMeters", "durationSeconds", "drivingSeconds", "routes", "emissionsGrams"):
        assert saved[name] == before[name] - after[name]


async def test_savings_do_not_guess_emissions(working_world: Any) -> None:
    world = working_world
    shift = await world.add_shift(emissions_grams_per_kilometer=None)
    plan = await sums(world, await created(world, await world.add_orders(2), [shift]))
    assert plan["savings"]["emissionsGrams"] is None


async def test_a_balanced_plan_and_a_cheap_one_of_the_same_orders(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(12)
    shifts = [await world.add_shift(capacity_items=8) for _ in range(3)]
    cheap = (await sums(world, await created(world, orders, shifts)))["summary"]
    fair = await sums(world, await created(world, orders, shifts, objective="BALANCE"))
    lengths = sorted(route["summary"]["durationSeconds"] for route in fair["routes"]["nodes"])
    assert (lengths[0], lengths[-1]) == (
        fair["summary"]["shortestRouteSeconds"],
        fair["summary"]["longestRouteSeconds"],
    )
    assert fair["summary"]["longestRouteSeconds"] < cheap["longestRouteSeconds"]
    assert fair["summary"]["routes"] == cheap["routes"] == 2
    assert (fair["summary"]["orders"], cheap["orders"]) == (12, 12)
    assert cheap["costMinor"] < fair["summary"]["costMinor"]


def promised(world: Any) -> list[dict[str, str]]:
    """Five minutes, an hour from the shifts' start."""
    start = world.base + timedelta(hours=1)
    return [{"start": start.isoformat(), "end": (start + timedelta(minutes=5)).isoformat()}]


async def rivals(world: Any) -> list[UUID]:
    """Two orders at opposite ends of the land, promised for the same five minutes."""
    return [
        (await world.add_orders(1, position=(latitude, 9.52), windows=promised(world)))[0]
        for latitude in (47.05, 47.22)
    ]


async def test_an_order_is_late_rather_than_left_out_and_says_so_everywhere(working_world: Any) -> None:
    world = working_world
    orders = await rivals(world)
    shifts = [await world.add_shift()]
    assert (await sums(world, await created(world, orders, shifts)))["summary"]["unassigned"] == 1
    lateness = {"maxSeconds": 7200, "pricePerHourMinor": 1200}
    plan_id = await created(world, orders, shifts, objective="ON_TIME", lateness=lateness)
    plan = await sums(world, plan_id)
    assert plan["lateness"] == lateness
    assert (plan["summary"]["unassigned"], plan["summary"]["lateOrders"]) == (0, 1)
    late = plan["summary"]["lateSeconds"]
    assert 0 < late <= 7200
    assert plan["summary"]["lateCostMinor"] == round(late * 1200 / 3600)
    assert plan["baseline"]["lateSeconds"] == 0, "without the plan nobody would have been served late"
    route = plan["routes"]["nodes"][0]
    assert (route["summary"]["lateSeconds"], route["summary"]["lateOrders"]) == (late, 1)
    assert route["summary"]["lateCostMinor"] == plan["summary"]["lateCostMinor"]
    drops = [stop for stop in route["stops"] if stop["kind"] == "DROPOFF"]
    assert [stop["lateSeconds"] for stop in drops] == [0, late]
    assert drops[0]["plannedServiceStart"] <= drops[0]["orders"][0]["dropoff"]["windows"][0]["end"]

    await world.do(commit_plan, plan_id)
    told = await world.rows("SELECT id, eta_late_by_seconds FROM orders WHERE tenant_id = $1 AND status = 'ASSIGNED'")
    assert sorted(row["eta_late_by_seconds"] for row in told) == [0, late]

    # One more order comes onto the route: who is planned late may stay so, but nobody becomes later.
    extra = await world.add_orders(1, position=(47.14, 9.52))
    route_id = await assigned(world, extra, shifts[0])
    rows = await world.rows(
        "SELECT late_seconds FROM stops WHERE tenant_id = $1 AND route_id = $2 AND kind = 'DROPOFF' AND status <> 'CANCELLED'",
        route_id,
    )
    seconds = sorted(row["late_seconds"] for row in rows)
    assert (len(seconds), seconds[:2]) == (3, [0, 0])
    assert seconds[-1] <= late


async def test_lateness_is_bought_where_it_is_cheaper_than_a_second_vehicle(working_world: Any) -> None:
    world = working_world
    orders, shifts = await rivals(world), [await world.add_shift(), await world.add_shift()]
    allowed = {"lateness": {"maxSeconds": 7200, "pricePerHourMinor": 100}}
    cheap = (await sums(world, await created(world, orders, shifts, **allowed)))["summary"]
    prompt = (await sums(world, await created(world, orders, shifts, objective="ON_TIME", **allowed)))["summary"]
    assert (cheap["routes"], prompt["routes"]) == (1, 2)
    assert cheap["lateSeconds"] > prompt["lateSeconds"] == 0
    assert cheap["costMinor"] + cheap["lateCostMinor"] < prompt["costMinor"]


@pytest.mark.parametrize(
    ("wanted", "faults"),
    [
        ({"objective": PlanObjective.ON_TIME}, [("REQUIRED", "lateness")]),
        ({"lateness": LatenessAllowance(0, 0)}, [("INVALID_VALUE", "lateness.maxSeconds")]),
        ({"lateness": LatenessAllowance(8 * 3600 + 1, 0)}, [("INVALID_VALUE", "lateness.maxSeconds")]),
        (
            {"lateness": LatenessAllowance(-5, -1)},
            [("INVALID_VALUE", "lateness.maxSeconds"), ("INVALID_VALUE", "lateness.pricePerHourMinor")],
        ),
        ({"lateness": LatenessAllowance(60, 10_000_001)}, [("INVALID_VALUE", "lateness.pricePerHourMinor")]),
        ({"objective": PlanObjective.EMISSIONS}, [("EMISSIONS_UNKNOWN", "shiftIds.1")]),
    ],
)
async def test_an_aim_that_makes_no_sense_is_refused(
    world: Any, wanted: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    shifts = (await world.add_shift(), await world.add_shift(emissions_grams_per_kilometer=None))
    orders = tuple(await world.add_orders(1))
    assert await faults_of(world, order_ids=orders, shift_ids=shifts, **wanted) == faults


async def test_a_plan_fails_when_a_vehicles_emissions_are_no_longer_known(working_world: Any) -> None:
    world = working_world
    wanted = NewPlan(
        order_ids=tuple(await world.add_orders(1)), shift_ids=(await world.add_shift(),), optimize=False,
        objective=PlanObjective.EMISSIONS,
    )  # fmt: skip
    plan_id = UUID((await world.do(create_plan, wanted))["id"])
    async with world.writing() as scope:
        await scope.tx.execute(
            "UPDATE vehicles SET emissions_grams_per_kilometer = NULL WHERE tenant_id = $1", scope.tenant_id
        )
    await world.do(optimize_plan, plan_id)
    plan = await world.finished(plan_id)
    assert plan["status"] == "FAILED"
    assert "emits" in plan["failure_reason"]


def test_the_parts_of_a_large_plan_add_up() -> None:
    def part(longest: int | None, shortest: int | None, late: int) -> Proposal:
        summary = {
            "cost": 5, "routes": 1 if longest else 0, "unassigned": 0, "late_cost": late, "late_orders": late, "emissions_grams": 7,
            "load_factor": None, "longest_route_seconds": longest, "shortest_route_seconds": shortest,
        }  # fmt: skip
        return Proposal([], {}, summary, summary, {}, {}, None)

    whole = together(together(part(300, 200, 1), part(None, None, 0)), part(400, 250, 2))
    for found in (whole.summary, whole.baseline or {}):
        assert (found["longest_route_seconds"], found["shortest_route_seconds"]) == (400, 200)
        assert (found["late_cost"], found["late_orders"]) == (3, 3)
