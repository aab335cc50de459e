"""Sequences by hand: timed whatever breaks, judged as the verifier judges, and one order put where it costs least."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from tests.planning.solver.cases import DAY, line, parcel, problem, town, van

from doorstep.planning.solver import handwork
from doorstep.planning.solver.errors import Rule
from doorstep.planning.solver.handwork import Fault, place, time_stops, without, worsened
from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.problem import Break, OnBoard, PickupDelivery, Problem, Visit, Window
from doorstep.planning.solver.schedule import route_of
from doorstep.planning.solver.solution import StepKind
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.verify import route_violations

DELIVERY, PICKUP = StepKind.DELIVERY, StepKind.PICKUP


def stops(*names: str) -> list[Any]:
    return [((DELIVERY, name),) for name in names]


def timed(asked: Problem, *names: str, waits: bool = True) -> Any:
    vehicle = asked.vehicles[0]
    return time_stops(asked, vehicle, Travel(asked).of(vehicle), stops(*names), waits=waits)


def test_what_holds_is_timed_as_the_solver_times_it_and_passes_the_verifier() -> None:
    rest = Break("rest", (Window(3600, 4 * 3600),), 1800)
    asked = town(14, vehicles=1, seed=3, capacity=60)
    asked = Problem(asked.orders, (replace(asked.vehicles[0], breaks=(rest,)),), asked.matrices)
    vehicle, travel = asked.vehicles[0], Travel(asked)
    sound = 0
    for seed in range(60):
        chosen = [asked.orders[i] for i in np.random.default_rng(seed).permutation(14)[:5]]
        found = time_stops(asked, vehicle, travel.of(vehicle), stops(*(order.id for order in chosen)), waits=True)
        violations = route_violations(asked, travel, [found.route])
        assert bool(violations) == bool(found.faults), (seed, violations, found.faults)
        known = route_of(vehicle, travel.of(vehicle), chosen)
        assert (known is None) == bool(found.faults)
        if known is not None:
            sound += 1
            assert found.route.steps[-1].departure == known.steps[-1].departure
            assert found.route.summary.cost <= known.summary.cost
    assert 5 < sound < 60, "both kinds were seen"


@pytest.mark.parametrize(
    ("change", "vehicle", "rule", "excess"),
    [
        ({"windows": (Window(0, 100),)}, {}, Rule.WINDOW, 80),
        ({"load": Load(items=9)}, {"capacity": Capacity(items=5)}, Rule.CAPACITY, 5),
        ({"skills": frozenset({"LIFT"})}, {}, Rule.SKILL, 1),
        ({"vehicle_kinds": frozenset({"BICYCLE"})}, {"kind": "VAN"}, Rule.VEHICLE_KIND, 1),
        ({"depot": 5}, {}, Rule.DEPOT, 1),
        ({}, {"window": Window(0, 500)}, Rule.SHIFT, 100),
        ({}, {"max_stops": 1}, Rule.MAX_STOPS, 1),
        ({}, {"max_distance_meters": 2500}, Rule.MAX_DISTANCE, 500),
        ({}, {"max_driving_seconds": 300}, Rule.MAX_DRIVING, 60),
    ],
)
def test_each_rule_is_told_with_how_far_it_is_off(change: Any, vehicle: Any, rule: Rule, excess: int) -> None:
    asked = problem([parcel("a", 2), parcel("b", 3, **change)], [van(**vehicle)])
    found = timed(asked, "b", "a") if rule is Rule.WINDOW else timed(asked, "a", "b")
    assert [(fault.rule, fault.excess) for fault in found.faults] == [(rule, excess)]
    assert found.faults[0].order_id in ("b", None)


def test_a_break_that_cannot_be_taken_in_time_is_told() -> None:
    rest = Break("rest", (Window(0, 60),), 600)
    asked = problem([parcel("a", 2)], [van(breaks=(rest,), window=Window(30, 8 * 3600))])
    assert timed(asked, "a").faults == ()
    asked = problem([parcel("a", 2)], [van(breaks=(replace(rest, max_load=Load()),))])
    assert [fault.rule for fault in timed(asked, "a").faults] == [Rule.BREAK]


def test_goods_on_board_are_late_and_never_at_fault() -> None:
    late = OnBoard("a", "van", 3, 120, Load(items=1), (Window(0, 60),))
    found = timed(problem([late], [van()]), "a")
    assert found.faults == ()
    assert found.route.summary.late_seconds == 120


def test_only_what_a_change_brings_about_or_makes_worse_counts() -> None:
    was = [Fault(Rule.WINDOW, "a", 60), Fault(Rule.SHIFT, None, 10)]
    now = [Fault(Rule.WINDOW, "a", 60), Fault(Rule.WINDOW, "b", 5), Fault(Rule.SHIFT, None, 11)]
    assert worsened(was, now) == (now[1], now[2])
    assert worsened(was, was) == ()


def test_an_order_goes_where_it_costs_least_or_where_it_is_wanted() -> None:
    asked = problem([parcel(str(at), at) for at in range(1, 6)], [van()])
    vehicle, legs = asked.vehicles[0], Travel(asked).of(asked.vehicles[0])
    there = stops("1", "2", "4", "5")
    assert place(asked, vehicle, legs, there, "3") == tuple(stops("1", "2", "3", "4", "5"))
    assert place(asked, vehicle, legs, there, "3", 0) == tuple(stops("3", "1", "2", "4", "5"))
    assert without(place(asked, vehicle, legs, there, "3", 4), "3") == tuple(there)
    with pytest.raises(ValueError, match="no place"):
        place(asked, vehicle, legs, there, "3", 5)


def test_a_place_that_breaks_nothing_comes_before_a_shorter_way() -> None:
    early = parcel("x", 5, windows=(Window(0, 330),))
    asked = problem([*(parcel(str(at), at) for at in (1, 2, 9)), early], [van()])
    vehicle, legs = asked.vehicles[0], Travel(asked).of(asked.vehicles[0])
    assert place(asked, vehicle, legs, stops("1", "2", "9"), "x") == tuple(stops("x", "1", "2", "9"))


def test_a_pickup_comes_before_its_delivery_and_the_best_pair_is_found() -> None:
    fetch = PickupDelivery("f", Visit(2, 60), Visit(4, 60), Load(items=1))
    asked = problem([*(parcel(str(at), at) for at in (1, 3, 5)), fetch], [van()])
    vehicle, legs = asked.vehicles[0], Travel(asked).of(asked.vehicles[0])
    found = place(asked, vehicle, legs, stops("1", "3", "5"), "f")
    assert [act for stop in found for act in stop] == [
        (DELIVERY, "1"), (PICKUP, "f"), (DELIVERY, "3"), (DELIVERY, "f"), (DELIVERY, "5"),
    ]  # fmt: skip
    assert time_stops(asked, vehicle, legs, found, waits=False).route.summary.driving_seconds == 600
    assert place(asked, vehicle, legs, stops("1", "3", "5"), "f", 4)[4] == ((DELIVERY, "f"),)
    with pytest.raises(ValueError, match="no place"):
        place(asked, vehicle, legs, stops("1"), "f", 0)


def test_the_detours_by_which_places_are_ranked_are_those_that_are_driven() -> None:
    asked = town(12, vehicles=1, seed=5, pickups=0.5)
    vehicle, legs = asked.vehicles[0], Travel(asked).of(asked.vehicles[0])
    fetch = next(order for order in asked.orders if isinstance(order, PickupDelivery))
    there: list[Any] = stops(*(order.id for order in asked.orders if not isinstance(order, PickupDelivery)))
    base = time_stops(asked, vehicle, legs, there, waits=False).route.summary.driving_seconds
    for added, before_pickup, before_delivery in handwork.ways_in(asked, vehicle, legs, there, fetch.id, None):
        longer = handwork.put_into(asked, there, fetch.id, before_pickup, before_delivery)
        driven = time_stops(asked, vehicle, legs, longer, waits=False).route.summary.driving_seconds
        assert driven - base == added


def test_no_way_is_a_fault_and_never_a_crash() -> None:
    places = line(10)
    places.durations[2, :] = np.nan
    asked = problem([parcel("a", 2), parcel("b", 3)], [van()], places)
    assert Rule.UNREACHABLE in {fault.rule for fault in timed(asked, "a", "b").faults}


def test_it_leaves_as_late_as_it_can_and_waits_no_more_than_it_must() -> None:
    asked = problem([parcel("a", 2, windows=(Window(7200, 9000),)), parcel("b", 4)], [van(window=DAY)])
    found = timed(asked, "a", "b")
    assert found.route.steps[0].departure == 7200 - 120
    assert all(one.departure <= other.arrival for one, other in pairwise(found.route.steps))
    assert timed(asked, "a", "b", waits=False).route.steps[0].departure == 0
