"""Routes settled: cheaper where no promise is in the way, never worse than they were, and nobody moved who is not to be."""

from dataclasses import replace
from typing import Any

import pytest
from tests.planning.solver.cases import parcel, problem, town, van

from doorstep.planning.solver import settling
from doorstep.planning.solver.handwork import time_stops
from doorstep.planning.solver.load import Capacity
from doorstep.planning.solver.problem import OnBoard, Problem
from doorstep.planning.solver.settling import Lane, Promises, settle
from doorstep.planning.solver.solution import StepKind
from doorstep.planning.solver.travel import Travel


def lanes(asked: Problem, *sequences: list[str], at_depot: bool = True) -> list[Lane]:
    travel = Travel(asked)
    return [
        Lane(vehicle, travel.of(vehicle), tuple(((StepKind.DELIVERY, one),) for one in sequence), at_depot, False)
        for vehicle, sequence in zip(asked.vehicles, sequences, strict=True)
    ]


def arrivals(asked: Problem, there: list[Lane], stops: Any = None) -> dict[str, int]:
    found: dict[str, int] = {}
    for lane, own in zip(there, stops or [lane.stops for lane in there], strict=True):
        route = time_stops(asked, lane.vehicle, lane.legs, own, waits=False).route
        found |= {step.order_id: step.arrival for step in route.steps if step.order_id}
    return found


def cost(asked: Problem, there: list[Lane], stops: Any) -> int:
    timed = [
        time_stops(asked, lane.vehicle, lane.legs, own, waits=False) for lane, own in zip(there, stops, strict=True)
    ]
    return sum(one.route.summary.cost for one in timed if one.route.summary.orders)


def anybody(asked: Problem) -> dict[str, frozenset[str]]:
    return {order.id: frozenset(vehicle.id for vehicle in asked.vehicles) for order in asked.orders}


def names(stops: Any) -> list[list[str]]:
    return [[one for stop in own for _, one in stop] for own in stops]


def test_without_a_price_routes_are_put_in_order() -> None:
    asked = problem([parcel(str(at), at) for at in range(1, 6)], [van()])
    there = lanes(asked, ["3", "1", "5", "2", "4"])
    settled = settle(asked, there, Promises({}, 0), anybody(asked))
    assert cost(asked, there, settled) < cost(asked, there, [lane.stops for lane in there])
    assert sorted(names(settled)[0]) == ["1", "2", "3", "4", "5"]


def test_a_price_and_a_limit_keep_what_was_announced() -> None:
    asked = problem([parcel(str(at), at) for at in range(1, 6)], [van()])
    there = lanes(asked, ["3", "1", "5", "2", "4"])
    before = arrivals(asked, there)
    dear = settle(asked, there, Promises(before, 1_000_000), anybody(asked))
    assert dear == [lane.stops for lane in there], "too dear"
    limited = settle(asked, there, Promises(before, 0, most_seconds=600), anybody(asked))
    after = arrivals(asked, there, limited)
    assert max(abs(after[one] - before[one]) for one in before) <= 600
    assert limited != dear
    assert settle(asked, there, Promises(before, 0, most_seconds=0), anybody(asked)) == dear


def test_the_sum_of_cost_and_price_never_rises_and_kept_orders_are_not_moved() -> None:
    asked = town(30, vehicles=3, seed=8, capacity=60)
    chosen = [order.id for order in asked.orders]
    there = lanes(asked, chosen[:10], chosen[10:20], chosen[20:])
    before, kept = arrivals(asked, there), frozenset(chosen[3:9])
    for price in (0, 5, 50):
        settled = settle(asked, there, Promises(before, price, kept=kept), anybody(asked))
        assert sorted(one for own in names(settled) for one in own) == sorted(chosen), "everybody once"
        assert [one for one in names(settled)[0] if one in kept] == chosen[3:9], "on their route, in their order"
        after = arrivals(asked, there, settled)
        paid = sum(abs(after[one] - before[one]) for one in before) * price / 60
        assert cost(asked, there, settled) + paid <= cost(asked, there, [lane.stops for lane in there]) + 3


def test_it_breaks_no_rule_and_goods_stay_in_their_vehicle() -> None:
    aboard = OnBoard("aboard", "a", 4, 120)
    asked = problem(
        [parcel("1", 1), parcel("2", 2), aboard],
        [van("a", capacity=Capacity(items=5)), van("b", capacity=Capacity(items=1))],
    )
    there = lanes(asked, ["1", "aboard"], ["2"])
    only = {**anybody(asked), "aboard": frozenset({"a"})}
    settled = settle(asked, there, Promises({}, 0), only)
    assert names(settled)[1] == [], "one van is enough"
    small = Problem(
        asked.orders, (replace(asked.vehicles[0], capacity=Capacity(items=1)), asked.vehicles[1]), asked.matrices
    )
    settled = settle(small, lanes(small, ["1", "aboard"], ["2"]), Promises({}, 0), only)
    assert "aboard" in names(settled)[0]
    assert [len(own) for own in names(settled)] == [2, 1]


def test_it_ends_after_so_many_timings_and_is_the_same_each_time() -> None:
    asked = town(24, vehicles=4, seed=2, capacity=60)
    chosen = [order.id for order in asked.orders]
    there = lanes(asked, *(chosen[n::4] for n in range(4)))
    few = settle(asked, there, Promises({}, 0), anybody(asked), timings=200)
    many = settle(asked, there, Promises({}, 0), anybody(asked))
    assert cost(asked, there, many) <= cost(asked, there, few) < cost(asked, there, [lane.stops for lane in there])
    assert settle(asked, there, Promises({}, 0), anybody(asked)) == many


def test_planted_fault_a_settling_that_forgets_promises_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling._Settling, "_broken_promises", lambda *_: (0, 0))
    with pytest.raises(AssertionError):
        test_a_price_and_a_limit_keep_what_was_announced()
