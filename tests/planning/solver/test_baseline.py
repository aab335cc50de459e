"""The comparison plan: arrival order, nearest vehicle that can, and always within the rules."""

from itertools import pairwise

import pytest
from tests.planning.solver.cases import parcel, problem, town, van, wild

from doorstep.planning.solver.baseline import baseline
from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.problem import Break, OnBoard, PickupDelivery, Visit, Window
from doorstep.planning.solver.solution import StepKind
from doorstep.planning.solver.verify import verify


def test_orders_are_served_in_the_order_they_came_in() -> None:
    given = problem([parcel("c", 3), parcel("a", 9), parcel("b", 1)], [van()])
    assert baseline(given).routes[0].order_ids == ("c", "a", "b")


def test_each_goes_to_the_vehicle_whose_last_stop_is_nearest() -> None:
    given = problem([parcel("west", 1), parcel("east", 8), parcel("east-too", 7)], [van("w"), van("e", start=9, end=9)])
    solution = baseline(given)
    assert solution.route_by_vehicle["w"].order_ids == ("west",)
    assert solution.route_by_vehicle["e"].order_ids == ("east", "east-too")


def test_the_next_nearest_is_asked_when_the_nearest_cannot() -> None:
    given = problem(
        [parcel("a", 1, load=Load(items=2)), parcel("b", 1, load=Load(items=2)), parcel("c", 1, load=Load(items=9))],
        [van("small", capacity=Capacity(items=3)), van("far", start=9, end=9, capacity=Capacity(items=3))],
    )
    solution = baseline(given)
    assert {route.vehicle_id: route.order_ids for route in solution.routes} == {"small": ("a",), "far": ("b",)}
    assert solution.unassigned == ("c",)


def test_a_vehicle_leaves_only_when_it_must() -> None:
    given = problem([parcel("a", 2, windows=(Window(7200, 7300),))], [van()])
    (route,) = baseline(given).routes
    assert route.steps[0].departure >= 7200 - 120
    assert route.summary.waiting_seconds == 0
    verify(given, baseline(given))


def test_breaks_are_taken_before_they_are_missed() -> None:
    pause = Break("tea", (Window(0, 300),), 200)
    given = problem([parcel("a", 5), parcel("b", 6)], [van(breaks=(pause,), window=Window(0, 4000))])
    (route,) = baseline(given).routes
    verify(given, baseline(given))
    assert [step.kind for step in route.steps].count(StepKind.BREAK) <= 1


def test_what_is_on_board_is_delivered_first_and_takes_room() -> None:
    orders = [
        parcel("new", 1, load=Load(items=2)),
        OnBoard("old", "van", 5, load=Load(items=2)),
        PickupDelivery("pair", Visit(2), Visit(3), Load(items=3)),
    ]
    given = problem(orders, [van(capacity=Capacity(items=3))])
    solution = baseline(given)
    assert solution.routes[0].order_ids == ("old",)
    assert set(solution.unassigned) == {"new", "pair"}
    verify(given, solution)


@pytest.mark.parametrize("seed", range(25))
def test_it_keeps_every_rule(seed: int) -> None:
    given = wild(seed)
    verify(given, baseline(given))


def test_a_day_of_a_town_is_served_in_time() -> None:
    given = town(300, vehicles=24)
    solution = baseline(given)
    verify(given, solution)
    for route in solution.routes:
        assert all(a.departure <= b.arrival for a, b in pairwise(route.steps))
