"""Objectives beside cost: two of them give different plans of the same orders, each better at what it counts; soft windows."""

from dataclasses import replace

import pytest
from tests.planning.solver.cases import emitted, line, mixed, parcel, problem, solved, town, van, wild

from doorstep.planning.solver import lateness as lateness_module
from doorstep.planning.solver.engine import Engine
from doorstep.planning.solver.errors import ProblemInvalidError, Rule
from doorstep.planning.solver.estimate import Lateness, Objective, SolveOptions
from doorstep.planning.solver.evening import even
from doorstep.planning.solver.lateness import opened, punctual, with_grace, with_windows
from doorstep.planning.solver.load import Load
from doorstep.planning.solver.pool import SolverPool
from doorstep.planning.solver.problem import Break, Costs, PickupDelivery, Problem, Visit, Window
from doorstep.planning.solver.ranking import Ranking
from doorstep.planning.solver.schedule import route_through
from doorstep.planning.solver.solution import Solution, StepKind, summarize_route, total
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.verify import violations

STEADY = SolveOptions(level=0, searches=2, deterministic=True)


@pytest.fixture
async def pool() -> SolverPool:
    return SolverPool(slots=2)


async def solve(pool: SolverPool, given: Problem, objective: Objective, **options: object) -> Solution:
    return solved(await pool.solve(given, replace(STEADY, objective=objective, **options)))


# -- emissions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", Engine)
async def test_a_plan_that_emits_little_and_a_cheap_one_differ(pool: SolverPool, engine: Engine) -> None:
    given = mixed(town(60, vehicles=6, seed=5, capacity=60))
    cheap = await solve(pool, given, Objective.COST, engine=engine)
    clean = await solve(pool, given, Objective.EMISSIONS, engine=engine)
    assert len(cheap.unassigned) == len(clean.unassigned) == 0
    assert emitted(given, clean) < emitted(given, cheap)
    assert cheap.summary.cost < clean.summary.cost


async def test_a_bicycle_goes_first_but_not_astray(pool: SolverPool) -> None:
    bicycle = van("bicycle", milligrams_per_kilometer=0)
    given = problem([parcel("a", 3), parcel("b", 6)], [van("diesel", milligrams_per_kilometer=250_000), bicycle])
    for engine in Engine:
        solution = await solve(pool, given, Objective.EMISSIONS, engine=engine)
        assert [route.vehicle_id for route in solution.routes] == ["bicycle"]
        assert solution.summary.distance_meters == 12 * 500


async def test_emissions_that_are_not_known_are_not_guessed(pool: SolverPool) -> None:
    given = problem([parcel("a", 3)], [van("known", milligrams_per_kilometer=1), van("unknown")])
    with pytest.raises(ProblemInvalidError) as caught:
        await pool.solve(given, replace(STEADY, objective=Objective.EMISSIONS))
    assert caught.value.field == "vehicles[unknown].milligrams_per_kilometer"


# -- soft windows ------------------------------------------------------------------------------------------------------

PROMPT = (Window(300, 420),)
"""Two doors eight minutes apart, both promised from minute 5 to 7: one vehicle can keep one promise."""


def apart(*vehicles: str, fixed: int = 0) -> Problem:
    costs = Costs(fixed, 3600, 0)
    orders = [parcel("near", 1, windows=PROMPT), parcel("far", 7, windows=PROMPT)]
    return problem(orders, [van(name, costs=costs) for name in vehicles])


async def test_an_order_is_late_rather_than_left_out(pool: SolverPool) -> None:
    given = apart("one")
    hard = await solve(pool, given, Objective.ON_TIME)
    assert len(hard.unassigned) == 1
    soft = await solve(pool, given, Objective.ON_TIME, lateness=Lateness(1800, 500))
    assert soft.unassigned == ()
    # Leaves the first door at minute 7 at the earliest and is at the other at minute 13, six after the window.
    assert (soft.summary.late_seconds, soft.summary.late_orders) == (360, 1)
    assert len((await solve(pool, given, Objective.ON_TIME, lateness=Lateness(359, 500))).unassigned) == 1


async def test_lateness_is_bought_with_cost_only_where_it_pays(pool: SolverPool) -> None:
    given = apart("one", "two", fixed=900)
    cheap = await solve(pool, given, Objective.COST, lateness=Lateness(1800, 500))
    dear = await solve(pool, given, Objective.COST, lateness=Lateness(1800, 100_000))
    prompt = await solve(pool, given, Objective.ON_TIME, lateness=Lateness(1800, 500))
    assert (len(cheap.routes), cheap.summary.late_seconds) == (1, 360)
    assert Ranking(given, Objective.COST, Lateness(1800, 500)).price(cheap) == 50
    for punctual_plan in (dear, prompt):
        assert (len(punctual_plan.routes), punctual_plan.summary.late_seconds) == (2, 0)
        assert cheap.summary.cost + 50 < punctual_plan.summary.cost


@pytest.mark.parametrize("objective", [Objective.DISTANCE, Objective.BALANCE, Objective.FEWEST_VEHICLES])
async def test_no_other_objective_is_late_without_need(pool: SolverPool, objective: Objective) -> None:
    plan = await solve(pool, apart("one", "two"), objective, lateness=Lateness(1800, 0))
    assert (plan.unassigned, plan.summary.late_seconds) == ((), 0)


@pytest.mark.parametrize("options", [{"engine": Engine.PYVRP}, {"group_size": 14, "improve_rounds": 0}], ids=str)
async def test_windows_are_softened_by_either_engine_and_in_groups(
    pool: SolverPool, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lateness_module, "SHARES", (1, 4))
    given = town(28, vehicles=3, seed=2, capacity=60)
    hours = [Window(3600 * (number % 3 + 1), 3600 * (number % 3 + 1) + 300) for number in range(28)]
    tight = [replace(order, windows=(window,)) for order, window in zip(given.orders, hours, strict=True)]
    given = replace(given, orders=tuple(tight))
    hard = await solve(pool, given, Objective.ON_TIME, **options)
    soft = await solve(pool, given, Objective.ON_TIME, lateness=Lateness(3600), **options)
    assert len(soft.unassigned) < len(hard.unassigned)
    assert 0 < soft.summary.late_seconds <= 3600 * soft.summary.late_orders
    assert violations(opened(given, with_windows(given), 3600), soft) == ()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("objective", [Objective.COST, Objective.ON_TIME, Objective.BALANCE])
async def test_plans_with_every_feature_hold(pool: SolverPool, objective: Objective, seed: int) -> None:
    """The pool rejects what breaks a rule; here what it verified is no worse than with hard windows."""
    given, allowed = wild(seed), Lateness(2700, 1200)
    hard = await solve(pool, given, objective)
    soft = await solve(pool, given, objective, lateness=allowed)
    assert violations(opened(given, with_windows(given), 2700), soft) == ()
    assert len(soft.unassigned) <= len(hard.unassigned)


async def test_what_may_be_late_already_stays_so_whatever_lateness_says_of_others(pool: SolverPool) -> None:
    """An order with a grace of its own is on the hard plan; to soften the windows of others must not take it away."""
    late = parcel("late", 5, windows=(Window(0, 100),), grace_seconds=3600)
    other = parcel("other", 9, windows=(Window(0, 200),), grace_seconds=900)
    given = problem([late, other], [van()])
    for lateness in (Lateness(600, firm=frozenset(["late"])), Lateness(60)):
        soft = await solve(pool, given, Objective.ON_TIME, lateness=lateness)
        assert (soft.unassigned, soft.summary.late_orders) == ((), 2)


def test_a_late_route_is_timed_as_punctually_as_its_sequence_can_be() -> None:
    """An engine to which the windows are open leaves late, so as not to wait for the last door; that costs two promises."""
    windows = {"early": (Window(60, 600),), "late": (Window(0, 200),), "last": (Window(7200, 7800),)}
    orders = [parcel(name, place, windows=windows[name]) for place, name in enumerate(windows, 1)]
    given = opened(problem(orders, [van()]), set(windows), 3000)
    travel = Travel(given)
    idle = route_through(
        given.vehicles[0], travel.of(given.vehicles[0]), [(StepKind.DELIVERY, o) for o in given.orders]
    )
    assert idle is not None
    assert idle.summary.late_seconds > 3000, "leaves as late as the open windows allow"
    timed = punctual(given, travel, Solution((idle,), (), total([idle])), Objective.ON_TIME, Lateness(3000))
    by_order = {step.order_id: step.late_seconds for step in timed.routes[0].steps if step.order_id}
    assert by_order == {"early": 0, "late": 40, "last": 0}
    assert violations(given, timed) == ()


def test_the_verifier_finds_lateness_that_is_hidden_or_beyond_what_is_allowed() -> None:
    orders = [parcel("door", 5, windows=(Window(0, 100),))]
    given = opened(problem(orders, [van()]), {"door"}, 200)
    legs = Travel(given).of(given.vehicles[0])
    route = route_through(given.vehicles[0], legs, [(StepKind.DELIVERY, given.orders[0])])
    assert route is not None
    sound = Solution((route,), (), route.summary)
    assert (violations(given, sound), route.summary.late_seconds) == ((), 200)
    hidden = tuple(replace(step, late_seconds=0) for step in route.steps)
    lie = replace(route, steps=hidden, summary=summarize_route(hidden, Costs()))
    assert Rule.TIMES in {one.rule for one in violations(given, Solution((lie,), (), lie.summary))}
    stricter = with_grace(given, {"door": 199})
    assert {one.rule for one in violations(stricter, sound)} == {Rule.WINDOW}


async def test_a_planted_fault_in_the_timing_never_reaches_a_plan(
    pool: SolverPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps that come too late for their legs are dropped for the plan that holds."""
    real = lateness_module._run
    monkeypatch.setattr(
        lateness_module,
        "_run",
        lambda *asked: tuple(replace(step, arrival=step.arrival - 60) for step in real(*asked) or ()) or None,
    )
    soft = await solve(pool, apart("one"), Objective.ON_TIME, lateness=Lateness(1800, 500))
    assert violations(opened(apart("one"), {"near", "far"}, 1800), soft) == ()


# -- balance -----------------------------------------------------------------------------------------------------------


def lengths(solution: Solution) -> list[int]:
    return sorted(route.steps[-1].departure - route.steps[0].arrival for route in solution.routes)


@pytest.mark.parametrize("engine", Engine)
async def test_a_balanced_plan_and_a_cheap_one_differ(pool: SolverPool, engine: Engine) -> None:
    given = town(60, vehicles=4, seed=1, capacity=60, costs=Costs(5000, 2000, 30))
    cheap = await solve(pool, given, Objective.COST, engine=engine)
    fair = await solve(pool, given, Objective.BALANCE, engine=engine)
    assert len(cheap.unassigned) == len(fair.unassigned) == 0
    assert {route.vehicle_id for route in fair.routes} == {route.vehicle_id for route in cheap.routes}
    assert max(lengths(fair)) < max(lengths(cheap))
    assert max(lengths(fair)) - min(lengths(fair)) < (max(lengths(cheap)) - min(lengths(cheap))) / 3
    assert cheap.summary.cost < fair.summary.cost


def test_evening_out_keeps_pickups_breaks_and_promises() -> None:
    pause = Break("pause", (Window(600, 1200),), 300)
    orders = [parcel(f"p{place}", place, windows=(Window(0, 20_000),)) for place in range(1, 8)]
    pairs = [PickupDelivery(f"x{n}", Visit(n, 60), Visit(n + 3, 60), Load(items=1)) for n in range(1, 4)]
    given = problem([*orders, *pairs], [van("busy", breaks=(pause,)), van("idle", breaks=(pause,))], line(12))
    travel, busy, idle = Travel(given), given.vehicles[0], given.vehicles[1]
    tasks = [(StepKind.DELIVERY, order) for order in orders[1:]]
    tasks += [(kind, pair) for pair in pairs for kind in (StepKind.PICKUP, StepKind.DELIVERY)]
    routes = [
        route_through(busy, travel.of(busy), tasks),
        route_through(idle, travel.of(idle), [(StepKind.DELIVERY, orders[0])]),
    ]
    before = Solution(tuple(r for r in routes if r), (), total(r for r in routes if r))
    assert violations(given, before) == ()
    after = even(given, travel, before, None)
    assert violations(given, after) == ()
    assert max(lengths(after)) < 0.7 * max(lengths(before))
    assert {step.order_id for step in after.routes[1].steps} & {"x1", "x2", "x3"}, "a pair can move"
