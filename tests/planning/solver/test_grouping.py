"""Plans that are cut into groups: the same each time, hardly worse than one run, and nothing scarce is lost between them."""

from dataclasses import replace

import pytest
from tests.planning.solver.cases import solved, town

from doorstep.planning.solver.estimate import SolveOptions
from doorstep.planning.solver.pool import SolverPool
from doorstep.planning.solver.problem import Problem

QUICK = SolveOptions(level=0, searches=1, deterministic=True)


@pytest.fixture
async def pool() -> SolverPool:
    return SolverPool(slots=2)


async def test_the_same_problem_gives_the_same_plan(pool: SolverPool) -> None:
    options = replace(QUICK, group_size=40, improve_rounds=1)
    first = solved(await pool.solve(town(120, seed=5), options))
    again = solved(await pool.solve(town(120, seed=5), options))
    assert first == again


async def test_groups_are_not_worse_than_a_quick_single_run(pool: SolverPool) -> None:
    given = town(180, vehicles=16, seed=4)
    single = solved(await pool.solve(given, QUICK)).summary
    grouped = solved(await pool.solve(given, replace(QUICK, group_size=90, improve_rounds=2))).summary
    assert grouped.orders >= single.orders
    assert grouped.cost < single.cost * 1.08


async def test_scarce_skills_survive_the_grouping(pool: SolverPool) -> None:
    """Only one vehicle can carry what is spread over all groups: what the groups leave over finds it afterwards."""
    given = town(90, vehicles=8, seed=6, capacity=100)
    cold = frozenset(["cold"])
    orders = tuple(replace(order, skills=cold) if n % 24 == 0 else order for n, order in enumerate(given.orders))  # type: ignore[call-arg]
    fleet = (replace(given.vehicles[0], skills=cold), *given.vehicles[1:])
    again = Problem(orders, fleet, given.matrices)
    solution = solved(await pool.solve(again, replace(QUICK, group_size=30, improve_rounds=3)))
    assert solution.unassigned == ()
