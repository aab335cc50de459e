"""Plans of all kinds before a judge that shares nothing with the solver; and each rule broken by hand, which it must see."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.planning.solver.cases import parcel, problem, solomon, solved, town, van, wild
from tests.planning.solver.referee import faults

from doorstep.planning.solver.engine import Engine
from doorstep.planning.solver.estimate import SolveOptions
from doorstep.planning.solver.load import Capacity
from doorstep.planning.solver.pool import SolverPool
from doorstep.planning.solver.problem import Break, Problem, Window
from doorstep.planning.solver.solution import Solution, Step, StepKind

QUICK = SolveOptions(level=0, searches=1, deterministic=True)


@pytest.mark.parametrize("seed", range(20, 32))
async def test_what_vroom_plans_holds(seed: int) -> None:
    given = wild(seed)
    assert faults(given, solved(await SolverPool(slots=1).solve(given, QUICK))) == []


@pytest.mark.parametrize("seed", range(3))
async def test_what_pyvrp_plans_holds(seed: int) -> None:
    given = town(60, seed=seed)
    options = replace(QUICK, engine=Engine.PYVRP)
    assert faults(given, solved(await SolverPool(slots=1).solve(given, options))) == []


async def test_what_is_planned_in_groups_holds() -> None:
    given = town(150, vehicles=16, seed=4, pickups=0.2)
    options = replace(QUICK, group_size=50, improve_rounds=1)
    assert faults(given, solved(await SolverPool(slots=2).solve(given, options))) == []


async def test_a_public_instance_holds(shared_data: Path) -> None:
    given = solomon(shared_data / "vrp" / "solomon" / "RC101.txt")
    assert faults(given, solved(await SolverPool(slots=1).solve(given, QUICK))) == []


def changed(solution: Solution, change: Callable[[Step], Step]) -> Solution:
    """The same with each step changed."""
    routes = [replace(route, steps=tuple(change(step) for step in route.steps)) for route in solution.routes]
    return replace(solution, routes=tuple(routes))


BROKEN: dict[str, Callable[[Problem], Problem]] = {
    "in no window": lambda p: with_order(p, windows=(Window(0, 1),)),
    "needs a skill": lambda p: with_order(p, skills=frozenset(["cold"])),
    "needs another kind": lambda p: with_order(p, vehicle_kinds=frozenset(["DRONE"])),
    "is at another depot": lambda p: with_order(p, depot=2),
    "is another's": lambda p: with_order(p, vehicles=frozenset(["spare"])),
    "fit": lambda p: with_van(p, capacity=Capacity(items=1)),
    "max_stops": lambda p: with_van(p, max_stops=1),
    "max_distance_meters": lambda p: with_van(p, max_distance_meters=10),
    "max_driving_seconds": lambda p: with_van(p, max_driving_seconds=10),
    "after the shift": lambda p: with_van(p, window=Window(0, 60)),
    "leaves out": lambda p: with_van(p, breaks=(Break("lunch", (Window(0, 60),), 600),)),
    "costs": lambda p: with_van(p, costs=replace(p.vehicles[0].costs, fixed=900)),
    "stays": lambda p: with_order(p, service_seconds=999),
}


def with_order(given: Problem, **changes: object) -> Problem:
    return replace(given, orders=(replace(given.orders[0], **changes), *given.orders[1:]))  # type: ignore[arg-type]


def with_van(given: Problem, **changes: object) -> Problem:
    return replace(given, vehicles=(replace(given.vehicles[0], **changes), *given.vehicles[1:]))  # type: ignore[arg-type]


@pytest.fixture
def plain() -> Problem:
    far_away = van("spare", costs=replace(van().costs, fixed=100_000))
    return problem([parcel("a", 1), parcel("b", 2)], [van(), far_away])


@pytest.mark.parametrize("word", BROKEN)
async def test_a_plan_of_a_laxer_problem_is_refused_by_a_stricter_one(plain: Problem, word: str) -> None:
    lax = solved(await SolverPool(slots=1).solve(plain, QUICK))
    assert faults(plain, lax) == []
    assert any(word in fault for fault in faults(BROKEN[word](plain), lax))


async def test_a_plan_that_says_something_else_than_it_does_is_refused(plain: Problem) -> None:
    good = solved(await SolverPool(slots=1).solve(plain, QUICK))

    def sooner(step: Step) -> Step:
        delivery = step.kind is StepKind.DELIVERY
        return replace(step, arrival=step.arrival - 9, service_start=step.service_start - 9) if delivery else step

    assert faults(plain, changed(good, sooner)) != []
    assert faults(plain, changed(good, lambda step: replace(step, load_after=step.load_after + parcel("x", 1).load)))
    assert faults(plain, replace(good, unassigned=("a",))) != []
    assert faults(plain, replace(good, routes=(*good.routes, *good.routes))) != []
