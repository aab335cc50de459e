"""Each order that is left out is told why, by every vehicle."""

from typing import Any

import numpy as np
import pytest
from tests.planning.solver.cases import line, parcel, problem, van

from doorstep.planning.solver.decompose import compose
from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.problem import OnBoard, Order, PickupDelivery, Visit, Window
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.unassigned import Reason, explain, hopeless

HOUR = Window(0, 3600)


@pytest.mark.parametrize(
    ("order", "vehicle", "reasons"),
    [
        (parcel("a", 1, load=Load(weight_grams=2001)), {"capacity": Capacity(2000)}, {Reason.CAPACITY}),
        (parcel("a", 1, skills=frozenset(["cold"])), {}, {Reason.SKILL}),
        (parcel("a", 1, vehicle_kinds=frozenset(["VAN"])), {"kind": "BIKE"}, {Reason.VEHICLE_KIND}),
        (parcel("a", 1, vehicle_kinds=frozenset(["VAN"])), {}, {Reason.VEHICLE_KIND}),
        (parcel("a", 1, depot=4), {}, {Reason.DEPOT}),
        (parcel("a", 9, windows=(Window(0, 500),)), {}, {Reason.WINDOW}),
        (parcel("a", 1, windows=(Window(4000, 5000),)), {"window": HOUR}, {Reason.WINDOW}),
        (parcel("a", 1, windows=(Window(3590, 3600),)), {"window": HOUR}, {Reason.SHIFT}),
        (parcel("a", 1, service_seconds=3601), {"window": HOUR}, {Reason.SHIFT}),
        (parcel("a", 9), {"window": Window(0, 1000)}, {Reason.SHIFT}),
        (parcel("a", 9), {"max_distance_meters": 8999}, {Reason.RANGE}),
        (parcel("a", 9), {"max_driving_seconds": 1079}, {Reason.LIMIT}),
        (PickupDelivery("a", Visit(1), Visit(2)), {"max_stops": 1}, {Reason.LIMIT}),
        (PickupDelivery("a", Visit(9), Visit(1, 0, (Window(0, 600),))), {}, {Reason.WINDOW}),
        (parcel("a", 1), {}, {Reason.NO_ROOM}),
        (
            parcel("a", 1, skills=frozenset(["cold"]), load=Load(items=5)),
            {"capacity": Capacity(items=4)},
            {Reason.SKILL, Reason.CAPACITY},
        ),
    ],
)
def test_the_constraint_that_blocks_is_named(order: Order, vehicle: dict[str, Any], reasons: set[Reason]) -> None:
    given = problem([order], [van(**vehicle)])
    (told,) = explain(given, compose(given, (), given.orders))
    assert set(told.reasons) == reasons
    assert [(b.vehicle_id, set(b.reasons)) for b in told.vehicles] == [("van", reasons)]


def test_each_vehicle_has_its_own_reasons_and_the_most_frequent_comes_first() -> None:
    fleet = [van("a", capacity=Capacity(items=0)), van("b", kind="BIKE"), van("c", kind="FOOT")]
    given = problem([parcel("o", 1, vehicle_kinds=frozenset(["VAN"]))], fleet)
    (told,) = explain(given, compose(given, (), given.orders))
    assert told.reasons == (Reason.VEHICLE_KIND, Reason.CAPACITY)
    assert [blocked.reasons for blocked in told.vehicles] == [
        (Reason.CAPACITY, Reason.VEHICLE_KIND), (Reason.VEHICLE_KIND,), (Reason.VEHICLE_KIND,),
    ]  # fmt: skip


def test_an_on_board_order_is_a_matter_of_its_own_vehicle() -> None:
    given = problem([OnBoard("o", "b", 9)], [van("a"), van("b", window=Window(0, 60))])
    (told,) = explain(given, compose(given, (), given.orders))
    assert [(blocked.vehicle_id, blocked.reasons) for blocked in told.vehicles] == [("b", (Reason.SHIFT,))]


def test_what_is_on_board_counts_against_what_is_to_be_loaded() -> None:
    given = problem([OnBoard("o", "van", 1, load=Load(items=3)), parcel("p", 1)], [van(capacity=Capacity(items=3))])
    by_order = {told.order_id: told.reasons for told in explain(given, compose(given, (), given.orders))}
    assert by_order["p"] == (Reason.CAPACITY,)


def test_only_what_no_detour_could_help_is_hopeless() -> None:
    places = line(10)
    places.durations[0, 3] = np.nan  # not straight, but by way of another place
    places.durations[5, :] = np.nan  # one can get there, not away
    places.durations[:, 6] = np.inf  # one cannot get there
    orders = [
        parcel("fine", 1),
        parcel("detour", 3),
        parcel("trap", 5),
        parcel("island", 6),
        PickupDelivery("half", Visit(1), Visit(6)),
        parcel("big", 1, load=Load(items=9)),
        parcel("yesterday", 1, windows=(Window(-90, -1),)),
        parcel("tight", 9, windows=(Window(0, 1),)),
        OnBoard("stuck", "van", 6),
    ]
    given = problem(orders, [van(capacity=Capacity(items=8))], places)
    lost = {order.id for order in hopeless(given, Travel(given))}
    assert lost == {"trap", "island", "half", "big", "yesterday", "stuck"}
