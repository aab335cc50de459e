"""Several tours of one shift: capacity binds and time does not; every plan before the independent referee."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.planning.solver.cases import line, parcel, problem, solved, town, van, wild
from tests.planning.solver.referee import faults

from doorstep.planning.solver import touring as touring_module
from doorstep.planning.solver.baseline import baseline
from doorstep.planning.solver.easing import Easing
from doorstep.planning.solver.engine import Engine
from doorstep.planning.solver.errors import ProblemInvalidError, Rule
from doorstep.planning.solver.estimate import Lateness, Objective, SolveOptions
from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.pool import SolverPool
from doorstep.planning.solver.problem import Break, Costs, OnBoard, PickupDelivery, Problem, VehicleShift, Visit, Window
from doorstep.planning.solver.ranking import Ranking
from doorstep.planning.solver.relaxing import Lever
from doorstep.planning.solver.sequence import Acts, acts_of_route
from doorstep.planning.solver.solution import Route, Solution, Step, StepKind, summarize_route, total
from doorstep.planning.solver.travel import Legs
from doorstep.planning.solver.verify import violations

STEADY = SolveOptions(level=0, searches=1, deterministic=True)


@pytest.fixture
async def pool() -> SolverPool:
    return SolverPool(slots=2)


def touring(given: Problem, most: int, reload_seconds: int = 600) -> Problem:
    """The same with vehicles that may make so many tours."""
    vehicles = tuple(replace(one, max_tours=most, reload_seconds=reload_seconds) for one in given.vehicles)
    return replace(given, vehicles=vehicles)


def small(count: int = 6, **changes: object) -> Problem:
    """So many parcels on a line and one van that holds two of them and may go out three times."""
    one = van(capacity=Capacity(items=2), max_tours=3, reload_seconds=300)
    return problem([parcel(f"p{n}", n + 1) for n in range(count)], [replace(one, **changes)])  # type: ignore[arg-type]


def reloads(solution: Solution) -> list[int]:
    """How often each route loads anew."""
    return [sum(step.kind is StepKind.RELOAD for step in route.steps) for route in solution.routes]


async def test_a_full_van_comes_back_for_more(pool: SolverPool) -> None:
    given = small()
    outcome = await pool.solve(given, STEADY)
    solution = solved(outcome)
    assert faults(given, solution) == []
    assert (solution.unassigned, reloads(solution)) == ((), [2])
    carried = [
        step.load_after.items for step in solution.routes[0].steps if step.kind in (StepKind.START, StepKind.RELOAD)
    ]
    assert carried == [2, 2, 2]
    assert outcome.baseline is not None
    assert outcome.baseline.unassigned == ()
    once = solved(await pool.solve(touring(given, 1), STEADY))
    assert len(once.unassigned) == 4


async def test_no_more_tours_than_allowed_and_none_that_is_not_needed(pool: SolverPool) -> None:
    assert len(solved(await pool.solve(small(max_tours=2), STEADY)).unassigned) == 2
    assert reloads(solved(await pool.solve(small(2), STEADY))) == [0]


async def test_orders_that_no_tour_can_take_stay_out_alone(pool: SolverPool) -> None:
    """On the real clock: where all that is left out is hopeless there is nothing to share the time among."""
    lost = parcel("lost", 1, windows=(Window(20 * 3600, 21 * 3600),))
    given = problem([parcel("p0", 1), lost], small().vehicles)
    solution = solved(await pool.solve(given, replace(STEADY, deterministic=False)))
    assert (faults(given, solution), solution.unassigned, reloads(solution)) == ([], ("lost",), [0])


async def test_time_and_limits_hold_for_the_whole_shift(pool: SolverPool) -> None:
    for changes in (
        {"window": Window(0, 2400)}, {"max_stops": 3}, {"max_distance_meters": 9000}, {"max_driving_seconds": 900},
        {"reload_seconds": 7 * 3600},
    ):  # fmt: skip
        given = small(**changes)  # type: ignore[arg-type]
        solution = solved(await pool.solve(given, STEADY))
        assert faults(given, solution) == []
        assert 0 < len(solution.unassigned) < 5, changes


@pytest.mark.parametrize("engine", Engine)
async def test_few_vans_bring_what_took_many(pool: SolverPool, engine: Engine) -> None:
    given = town(60, vehicles=3, seed=3, capacity=20, costs=Costs(0, 2000, 30))
    options = replace(STEADY, engine=engine)
    once = solved(await pool.solve(given, options))
    several = touring(given, 4)
    solution = solved(await pool.solve(several, options))
    assert faults(several, solution) == []
    assert len(once.unassigned) > 20
    assert solution.unassigned == ()


async def test_in_groups_and_with_soft_windows_it_holds(pool: SolverPool) -> None:
    given = touring(town(120, vehicles=6, seed=5, capacity=25, pickups=0.1), 4)
    grouped = solved(await pool.solve(given, replace(STEADY, group_size=50, improve_rounds=1)))
    assert faults(given, grouped) == []
    once = solved(await pool.solve(touring(given, 1), replace(STEADY, group_size=50, improve_rounds=1)))
    assert len(grouped.unassigned) < len(once.unassigned)
    part = replace(given, orders=given.orders[:40], vehicles=given.vehicles[:2])
    late = replace(STEADY, lateness=Lateness(1800, 1000))
    soft = solved(await pool.solve(part, late))
    once = solved(await pool.solve(touring(part, 1), late))
    assert len(soft.unassigned) < len(once.unassigned)


@pytest.mark.parametrize("seed", range(60, 68))
async def test_with_every_feature_at_once_it_holds_and_is_never_worse(pool: SolverPool, seed: int) -> None:
    single = wild(seed)
    tight = tuple(replace(one, capacity=Capacity(12_000, None, 5)) for one in single.vehicles)
    single = replace(single, vehicles=tight)
    given = touring(single, 3)
    once, solution = solved(await pool.solve(single, STEADY)), solved(await pool.solve(given, STEADY))
    assert faults(given, solution) == []
    ranking = Ranking(given, Objective.COST)
    assert ranking.rank(solution) <= ranking.rank(once)


async def test_one_van_twice_instead_of_two(pool: SolverPool) -> None:
    dear = Costs(fixed=50_000, per_hour=1000)
    fleet = [van(name, capacity=Capacity(items=2), costs=dear, max_tours=2) for name in ("a", "b")]
    given = problem([parcel(f"p{n}", n + 1) for n in range(4)], fleet)
    solution = solved(await pool.solve(given, STEADY))
    assert faults(given, solution) == []
    assert (solution.unassigned, reloads(solution)) == ((), [1])


async def test_an_open_end_a_break_and_goods_on_board(pool: SolverPool) -> None:
    pause = Break("lunch", (Window(1500, 2400),), 600)
    orders = [parcel(f"p{n}", n + 1) for n in range(5)]
    aboard = OnBoard("aboard", "van", 8, 60, Load(items=2))
    one = van(end=None, breaks=(pause,), capacity=Capacity(items=2), max_tours=4, reload_seconds=120)
    given = problem([*orders, aboard], [one])
    solution = solved(await pool.solve(given, STEADY))
    assert faults(given, solution) == []
    assert solution.unassigned == ()
    assert solution.routes[0].steps[-1].kind is StepKind.DELIVERY


async def test_a_plan_that_breaks_a_rule_is_not_made(pool: SolverPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tours put together with ways half as long are caught by the verifier: none of them is in the plan."""
    given = small()

    def careless(vehicle: VehicleShift, legs: Legs, acts: Acts) -> Route | None:
        return honest(vehicle, Legs(legs.seconds // 2, legs.meters), acts)

    honest = touring_module.timed
    monkeypatch.setattr(touring_module, "timed", careless)
    solution = solved(await pool.solve(given, STEADY))
    assert faults(given, solution) == []


def test_what_makes_no_sense_is_refused() -> None:
    for changes in ({"max_tours": 0}, {"max_tours": 51}, {"reload_seconds": -1}):
        with pytest.raises(ProblemInvalidError, match=next(iter(changes))):
            small(**changes)


# -- planted faults ----------------------------------------------------------------------------------------------------


def changed(before: Solution, change: Callable[[Step], Step], of: StepKind) -> Solution:
    """The steps of one kind changed, with sums that agree."""
    first = before.routes[0]
    steps = tuple(change(step) if step.kind is of else step for step in first.steps)
    return rebuilt(before, steps)


def rebuilt(before: Solution, steps: tuple[Step, ...]) -> Solution:
    route = Route("van", steps, summarize_route(steps, small().vehicles[0].costs))
    return Solution((route,), before.unassigned, total([route]))


def without_reloads(before: Solution) -> Solution:
    return rebuilt(before, tuple(step for step in before.routes[0].steps if step.kind is not StepKind.RELOAD))


def moved_reload(before: Solution) -> Solution:
    """The second loading one stop too late, at a door: more is brought than was put in."""
    steps = list(before.routes[0].steps)
    at = next(n for n, step in enumerate(steps) if step.kind is StepKind.RELOAD)
    steps[at], steps[at + 1] = steps[at + 1], steps[at]
    return rebuilt(before, tuple(steps))


def loaded_for_nothing(before: Solution) -> Solution:
    steps = before.routes[0].steps
    at = next(n for n, step in enumerate(steps) if step.kind is StepKind.RELOAD)
    again = replace(
        steps[at], arrival=steps[at].departure, service_start=steps[at].departure, leg_seconds=0, leg_meters=0
    )
    return rebuilt(before, (*steps[:at], steps[at], replace(again, departure=again.arrival + 300), *steps[at + 1 :]))


PLANTED: dict[str, tuple[Callable[[Solution], Solution], Rule, str]] = {
    "it does not come back": (without_reloads, Rule.CAPACITY, "fit"),
    "it loads elsewhere": (
        lambda s: changed(s, lambda step: replace(step, location=2), StepKind.RELOAD), Rule.SHAPE, "away from its depot",
    ),
    "it loads in no time": (
        lambda s: changed(s, lambda step: replace(step, departure=step.service_start), StepKind.RELOAD), Rule.TIMES, "stays",
    ),
    "it carries what it has not loaded": (
        lambda s: changed(s, lambda step: replace(step, load_after=Load()), StepKind.RELOAD), Rule.LOAD, "",
    ),
    "it loads too late": (moved_reload, Rule.CAPACITY, "fit"),
    "it loads for nothing": (loaded_for_nothing, Rule.SHAPE, "load nothing"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_each_fault_is_seen_by_the_verifier_and_by_the_referee(name: str) -> None:
    given = small()
    sound = baseline(given)
    assert reloads(sound) == [2]
    assert violations(given, sound) == ()
    assert faults(given, sound) == []
    damage, rule, words = PLANTED[name]
    broken = damage(sound)
    assert rule in {violation.rule for violation in violations(given, broken)}
    if words:
        assert any(words in fault for fault in faults(given, broken))


def test_more_tours_than_allowed_and_a_pickup_that_does_not_fit_across_are_seen() -> None:
    given = small()
    sound = baseline(given)
    fewer = replace(given, vehicles=(replace(given.vehicles[0], max_tours=2),))
    assert Rule.MAX_TOURS in {violation.rule for violation in violations(fewer, sound)}
    assert any("max_tours" in fault for fault in faults(fewer, sound))
    pair = PickupDelivery("pair", Visit(1), Visit(9), Load(items=1))
    across = problem([*given.orders, pair], given.vehicles, line(10))
    steps = list(sound.routes[0].steps)
    first = steps[1]
    picked = replace(
        first, kind=StepKind.PICKUP, order_id="pair", service_start=first.departure, arrival=first.departure,
        leg_seconds=0, leg_meters=0, load_after=Load(items=2),
    )  # fmt: skip
    steps[2:2] = [picked]
    last = steps[-2]
    brought = replace(last, order_id="pair", location=9)
    broken = rebuilt(sound, (*steps[:-1], brought, steps[-1]))
    assert Rule.CAPACITY in {violation.rule for violation in violations(across, broken)}
    assert any("fit" in fault for fault in faults(across, broken))


async def test_the_smallest_relaxation_is_found_in_the_tour_where_it_is_smallest(pool: SolverPool) -> None:
    """Seven parcels, three tours of two: one more item is enough, and the answer keeps its tours."""
    given = small(7, capacity=Capacity(items=2), max_stops=None)
    solution = solved(await pool.solve(given, STEADY))
    (left,) = [given.order_by_id[one] for one in solution.unassigned]
    acts = {
        route.vehicle_id: acts_of_route(route, given.vehicle_by_id[route.vehicle_id], given.order_by_id)
        for route in solution.routes
    }
    (eased,) = Easing(given, acts).by_insertion(left, time.monotonic() + 60)
    assert [(change.lever, change.amount) for change in eased.changes] == [(Lever.ITEMS, 1)]
    roomier = replace(given, vehicles=(replace(given.vehicles[0], capacity=Capacity(items=3)),))
    whole = Solution((eased.route,), (), eased.route.summary)
    assert faults(roomier, whole) == []
    assert reloads(whole) == [2]
