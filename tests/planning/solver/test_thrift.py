"""Waiting that is paid for, which VROOM does not see: a plan for little cost is the cheapest, and holds before the referee."""

from dataclasses import replace

import pytest
from tests.planning.solver.cases import parcel, problem, solved, town, van, wild
from tests.planning.solver.referee import faults

from doorstep.planning.solver import thrift as thrift_module
from doorstep.planning.solver.decompose import compose
from doorstep.planning.solver.engine import Engine
from doorstep.planning.solver.estimate import SolveOptions
from doorstep.planning.solver.pool import SolverPool
from doorstep.planning.solver.problem import Costs, Problem, Window
from doorstep.planning.solver.schedule import route_through
from doorstep.planning.solver.solution import Solution, StepKind
from doorstep.planning.solver.thrift import thrifty, wastes
from doorstep.planning.solver.travel import Travel

STEADY = SolveOptions(level=0, searches=2, deterministic=True, engine=Engine.VROOM)


@pytest.fixture
async def pool() -> SolverPool:
    return SolverPool(slots=2)


def planned(given: Problem, rounds: dict[str, list[str]]) -> Solution:
    """These orders on these vehicles in this sequence."""
    travel = Travel(given)
    routes = []
    for name, orders in rounds.items():
        vehicle = given.vehicle_by_id[name]
        tasks = tuple((StepKind.DELIVERY, given.order_by_id[order]) for order in orders)
        route = route_through(vehicle, travel.of(vehicle), tasks)
        assert route is not None
        routes.append(route)
    return compose(given, routes, given.orders)


def test_an_order_moves_to_where_nobody_waits_for_it() -> None:
    """The last door of one van opens three hours after the others: the van that is out then passes by it."""
    late = Window(5 * 3600, 6 * 3600)
    given = problem(
        [parcel("a", 2, windows=(Window(0, 7200),)), parcel("b", 3, windows=(late,)), parcel("c", 4, windows=(late,))],
        [van("early", costs=Costs(100, 2000, 30)), van("late", costs=Costs(100, 2000, 30))],
    )
    before = planned(given, {"early": ["a", "b"], "late": ["c"]})
    after = thrifty(given, Travel(given), before, None)
    assert wastes(given, before)
    assert not wastes(given, after)
    assert {route.vehicle_id: [s.order_id for s in route.steps if s.order_id] for route in after.routes} == {
        "early": ["a"],
        "late": ["c", "b"],
    }
    assert faults(given, after) == []


def test_a_vehicle_that_loses_its_last_order_stays_at_home() -> None:
    given = problem([parcel("a", 2), parcel("b", 3)], [van("one"), van("two")])
    after = thrifty(given, Travel(given), planned(given, {"one": ["a"], "two": ["b"]}), None)
    assert [sum(step.order_id is not None for step in route.steps) for route in after.routes] == [2]


@pytest.mark.parametrize("seed", [4, 8])
async def test_a_fleet_of_dear_and_cheap_vehicles_costs_less_without_waiting(
    pool: SolverPool, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = town(40, vehicles=5, seed=seed, costs=Costs(1500, 2000, 30))
    cheap = [replace(one, costs=Costs(300, 1500, 5)) if turn % 2 else one for turn, one in enumerate(given.vehicles)]
    given = replace(given, vehicles=tuple(cheap))
    frugal = solved(await pool.solve(given, STEADY))
    assert faults(given, frugal) == []
    monkeypatch.setattr(thrift_module, "MOST_TIMINGS", 0)
    plain = solved(await pool.solve(given, STEADY))
    assert (frugal.unassigned, plain.unassigned) == ((), ())
    assert frugal.summary.cost < 0.95 * plain.summary.cost
    assert frugal.summary.waiting_seconds < plain.summary.waiting_seconds


@pytest.mark.parametrize("seed", range(40, 48))
async def test_with_every_feature_at_once_it_holds_and_is_never_dearer(
    pool: SolverPool, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = wild(seed)
    frugal = solved(await pool.solve(given, STEADY))
    assert faults(given, frugal) == []
    monkeypatch.setattr(thrift_module, "MOST_TIMINGS", 0)
    plain = solved(await pool.solve(given, STEADY))
    assert set(frugal.unassigned) == set(plain.unassigned)
    assert frugal.summary.cost <= plain.summary.cost
    assert frugal.summary.late_seconds <= plain.summary.late_seconds
