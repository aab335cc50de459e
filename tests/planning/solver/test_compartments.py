"""Goods that must travel in a compartment: only in a vehicle that has it, and never more than fits in; before the referee."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.planning.solver.cases import DAY, parcel, problem, solved, town, van, with_compartments
from tests.planning.solver.referee import faults
from tests.planning.solver.test_easing import eased

from doorstep.planning.solver import pool, vroom
from doorstep.planning.solver.baseline import baseline
from doorstep.planning.solver.engine import Engine
from doorstep.planning.solver.errors import ProblemInvalidError, Rule, SolutionRejectedError
from doorstep.planning.solver.estimate import SolveOptions
from doorstep.planning.solver.handwork import time_stops
from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.pool import SolverPool
from doorstep.planning.solver.problem import Break, Delivery, PickupDelivery, Problem, VehicleShift, Visit
from doorstep.planning.solver.relaxing import Lever
from doorstep.planning.solver.solution import StepKind
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.unassigned import Reason, explain
from doorstep.planning.solver.verify import violations

STEADY = SolveOptions(level=0, searches=1, deterministic=True)


def frozen(name: str, place: int, grams: int = 2000) -> Delivery:
    return Delivery(name, place, 60, Load(grams, 0, 1, (("frozen", Load(grams, 0, 1)),)))


def freezer(name: str = "cold", grams: int | None = 5000, **changes: object) -> VehicleShift:
    room = Capacity(100_000, compartments=(("frozen", Capacity(grams)),))
    return van(name, capacity=room, **changes)


async def solve(given: Problem, options: SolveOptions = STEADY) -> dict[str, tuple[str, ...]]:
    """Who brings what; the plan holds before both judges."""
    solution = solved(await SolverPool(slots=1).solve(given, options))
    assert faults(given, solution) == []
    assert violations(given, solution) == ()
    return {route.vehicle_id: route.order_ids for route in solution.routes}


@pytest.mark.parametrize("engine", [Engine.VROOM, Engine.PYVRP])
async def test_frozen_goods_go_only_in_the_van_with_a_freezer_and_its_freezer_binds_first(engine: Engine) -> None:
    orders = [*(frozen(f"f{n}", n + 1) for n in range(3)), *(parcel(f"p{n}", n + 1) for n in range(3))]
    given = problem(orders, [van("warm"), freezer()])
    brought = await solve(given, replace(STEADY, engine=engine))
    cold = [name for name in brought["cold"] if name.startswith("f")]
    assert len(cold) == 2, "4 kg of frozen goods in a freezer for 5, in a van for 100"
    assert not [name for name in brought.get("warm", ()) if name.startswith("f")]
    assert sum(len(names) for names in brought.values()) == 5


async def test_a_freezer_is_empty_again_after_the_depot() -> None:
    given = problem([frozen(f"f{n}", n + 1) for n in range(4)], [freezer(max_tours=3, reload_seconds=300)])
    solution = solved(await SolverPool(slots=1).solve(given, STEADY))
    assert faults(given, solution) == []
    assert not solution.unassigned
    loaded = [s.load_after for s in solution.routes[0].steps if s.kind in (StepKind.START, StepKind.RELOAD)]
    assert [dict(load.compartments)["frozen"].weight_grams for load in loaded] == [4000, 4000]
    assert solution.routes[0].steps[-1].load_after == Load()


async def test_what_is_fetched_on_the_way_frees_its_place_again() -> None:
    load = frozen("", 0).load
    orders = [PickupDelivery(f"s{n}", Visit(n + 1), Visit(n + 5), replace(load, weight_grams=2000)) for n in range(4)]
    assert set((await solve(problem(orders, [freezer()])))["cold"]) == {order.id for order in orders}


@pytest.mark.parametrize("options", [STEADY, replace(STEADY, engine=Engine.PYVRP), replace(STEADY, group_size=50)])
async def test_larger_plans_hold(options: SolveOptions) -> None:
    assert await solve(with_compartments(town(90, vehicles=9, seed=7)), options)


def test_the_baseline_obeys() -> None:
    given = with_compartments(town(60, vehicles=6, seed=3))
    assert faults(given, baseline(given)) == []


async def test_the_reason_says_what_is_missing() -> None:
    given = problem([frozen("f", 1), frozen("big", 2, 6000)], [van("warm"), freezer(grams=1000)])
    solution = solved(await SolverPool(slots=1).solve(given, STEADY))
    reasons = {one.order_id: {b.vehicle_id: b.reasons for b in one.vehicles} for one in explain(given, solution)}
    assert reasons["f"] == {"warm": (Reason.COMPARTMENT,), "cold": (Reason.CAPACITY,)}


def test_the_smallest_change_is_a_little_more_freezer() -> None:
    given = problem([frozen("a", 1), frozen("b", 2), frozen("f", 3)], [freezer()])
    solution = replace(baseline(replace(given, orders=given.orders[:2])), unassigned=("f",))
    found = eased(given, "f", solution)
    assert found is not None
    [change] = found.changes
    assert (change.lever, change.amount, change.compartment) == (Lever.WEIGHT, 1000, "frozen")


def test_a_freezer_at_all_is_a_change_too() -> None:
    given = problem([parcel("a", 1), frozen("f", 3)], [van("warm")])
    solution = replace(baseline(replace(given, orders=given.orders[:1])), unassigned=("f",))
    found = eased(given, "f", solution)
    assert found is not None
    assert [(one.lever, one.compartment) for one in found.changes] == [(Lever.COMPARTMENT, "frozen")]


def test_a_hand_sees_the_fault() -> None:
    given = problem([frozen("a", 1), frozen("b", 2), frozen("c", 3)], [freezer(), van("warm")])
    stops = [((StepKind.DELIVERY, order.id),) for order in given.orders]
    legs = Travel(given).of(given.vehicles[0])
    full = time_stops(given, given.vehicles[0], legs, stops, waits=False)
    assert [(fault.rule, fault.excess) for fault in full.faults] == [(Rule.CAPACITY, 1000)]
    lacking = time_stops(given, given.vehicles[1], legs, stops, waits=False)
    assert {fault.rule for fault in lacking.faults} == {Rule.COMPARTMENT}


BAD: dict[str, Callable[[], Problem]] = {
    "alphabetical": lambda: problem([parcel("a", 1)], [van(capacity=Capacity(compartments=(("b", Capacity()), ("a", Capacity()))))]),
    "occurs twice": lambda: problem([parcel("a", 1)], [van(capacity=Capacity(compartments=(("a", Capacity()),) * 2))]),
    "from 0 to 1": lambda: problem([Delivery("a", 1, 0, Load(1, 0, 0, (("a", Load(2)),)))], [van()]),
    "no compartments here": lambda: problem(
        [parcel("a", 1)], [van(breaks=(Break("lunch", (DAY,), 60, Load(1, 0, 0, (("a", Load(1)),))),))]
    ),
}  # fmt: skip


@pytest.mark.parametrize("said", BAD)
def test_bad_compartments_are_refused(said: str) -> None:
    with pytest.raises(ProblemInvalidError, match=said):
        BAD[said]()


async def test_a_translation_that_forgets_compartments_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = vroom.dimensions
    monkeypatch.setattr(vroom, "dimensions", lambda loads: [one for one in plain(loads) if one[0] is None])
    given = problem([frozen(f"f{n}", n + 1) for n in range(4)], [freezer()])
    with pytest.raises(SolutionRejectedError):
        await SolverPool(slots=1).solve(given, STEADY)
    monkeypatch.setattr(pool, "verify", lambda _problem, _solution: None)
    assert faults(given, solved(await SolverPool(slots=1).solve(given, STEADY))), "the referee sees it as well"
