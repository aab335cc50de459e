"""The smallest change that would place an order: each kind by hand, and on random instances held against trying everything."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.planning.solver.cases import line, matrices, parcel, problem, van, wild

from doorstep.planning.solver.baseline import baseline
from doorstep.planning.solver.decompose import compose
from doorstep.planning.solver.easing import Eased, Easing, Search
from doorstep.planning.solver.insertion import put
from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.problem import (
    Break,
    Costs,
    Delivery,
    Order,
    PickupDelivery,
    Problem,
    VehicleShift,
    Visit,
    Window,
    visits,
)
from doorstep.planning.solver.relaxing import (
    MINUTE,
    TIME_LEVERS,
    WINDOW_LEVERS,
    Change,
    Changes,
    Lever,
    later_end,
    longer_limits,
    more_capacity,
    relaxed,
    share_of,
    unmet_demands,
    wider_window,
)
from doorstep.planning.solver.schedule import timed
from doorstep.planning.solver.sequence import Acts, acts_of, acts_of_route
from doorstep.planning.solver.solution import Solution
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.verify import violations

HOUR = 3600


def easing_of(given: Problem, solution: Solution) -> Easing:
    routes = {
        route.vehicle_id: acts_of_route(route, given.vehicle_by_id[route.vehicle_id], given.order_by_id)
        for route in solution.routes
    }
    return Easing(given, routes)


def eased(given: Problem, order_id: str, solution: Solution | None = None) -> Eased | None:
    easing = easing_of(given, solution or baseline(given))
    found = easing.by_insertion(given.order_by_id[order_id], time.monotonic() + 20)
    return found[0] if found else None


def applied(given: Problem, solution: Solution, found: Eased, changes: Changes) -> tuple[Problem, Solution]:
    """The whole problem with these changes, and the whole solution with the order on the route that was found."""
    loose = relaxed(given.order_by_id[found.order_id], given.vehicle_by_id[found.vehicle_id], changes)
    changed = replace(
        given,
        orders=tuple(loose.order if order.id == found.order_id else order for order in given.orders),
        vehicles=tuple(loose.vehicle if vehicle.id == found.vehicle_id else vehicle for vehicle in given.vehicles),
    )
    others = [route for route in solution.routes if route.vehicle_id != found.vehicle_id]
    return changed, compose(changed, [*others, found.route], changed.orders)


def one_smaller(changes: Changes, number: int) -> Changes:
    """The same with one change a unit smaller: a minute, a gram, a stop, a hundred metres; what cannot be less is left out."""
    change = changes[number]
    unit = {Lever.SHIFT: 60, Lever.WINDOW: 60, Lever.PICKUP_WINDOW: 60, Lever.DRIVING: 60, Lever.DISTANCE: 100}
    less = change.amount - unit.get(change.lever, 1)
    rest = (*changes[:number], *changes[number + 1 :])
    if change.lever is Lever.SKILL:
        return (*rest, replace(change, skills=frozenset(sorted(change.skills)[1:])))
    return rest if less <= 0 else (*rest, replace(change, amount=less))


CASES: list[tuple[Order, dict[str, Any], list[tuple[Lever, int]]]] = [
    # There and back is nine minutes each way, the first parcel takes two more at the door.
    (parcel("a", 9, windows=(Window(0, 300),)), {}, [(Lever.WINDOW, 240)]),
    (parcel("a", 1, windows=(Window(30_000, 40_000),)), {}, [(Lever.SHIFT, 1380)]),
    (parcel("a", 1, windows=(Window(3500, 20_000),)), {"window": Window(0, 3600)}, [(Lever.WINDOW, 120)]),
    (parcel("a", 1, load=Load(3000)), {"capacity": Capacity(2400)}, [(Lever.WEIGHT, 600)]),
    (parcel("a", 1, load=Load(0, 70, 3)), {"capacity": Capacity(None, 50, 3)}, [(Lever.VOLUME, 20)]),
    (parcel("a", 1, load=Load(items=4)), {"capacity": Capacity(items=3)}, [(Lever.ITEMS, 1)]),
    (parcel("a", 1, skills=frozenset(["cold", "heavy"])), {"skills": frozenset(["cold"])}, [(Lever.SKILL, 1)]),
    (parcel("a", 1, vehicle_kinds=frozenset(["VAN"])), {"kind": "BIKE"}, [(Lever.VEHICLE_KIND, 1)]),
    (parcel("a", 1, depot=4), {}, [(Lever.DEPOT, 1)]),
    (parcel("a", 9), {"window": Window(0, 1100)}, [(Lever.SHIFT, 120)]),
    (parcel("a", 9), {"max_distance_meters": 8950}, [(Lever.DISTANCE, 100)]),
    (parcel("a", 9), {"max_driving_seconds": 1000}, [(Lever.DRIVING, 120)]),
    (PickupDelivery("a", Visit(1), Visit(2)), {"max_stops": 1}, [(Lever.STOPS, 1)]),
    (PickupDelivery("a", Visit(9, 0, (Window(0, 480),)), Visit(1)), {}, [(Lever.PICKUP_WINDOW, 60)]),
    (
        PickupDelivery("a", Visit(5, 0, (Window(1200, 2400),)), Visit(6, 0, (Window(0, 600),))),
        {},
        [(Lever.PICKUP_WINDOW, 660)],
    ),
    (parcel("a", 1), {}, []),
]  # fmt: skip


@pytest.mark.parametrize(("order", "vehicle", "expected"), CASES)
def test_what_has_to_give(order: Order, vehicle: dict[str, Any], expected: list[tuple[Lever, int]]) -> None:
    given = problem([order], [van(**vehicle)])
    nothing = compose(given, (), given.orders)
    found = eased(given, "a", nothing)
    assert found is not None
    assert [(change.lever, change.amount) for change in found.changes] == expected
    assert violations(*applied(given, nothing, found, found.changes)) == ()


def test_a_pin_may_be_taken_away() -> None:
    given = problem([parcel("a", 9, vehicles=frozenset(["far"]))], [van("far", window=Window(0, 60)), van("near")])
    found = eased(given, "a", compose(given, (), given.orders))
    assert found is not None
    assert [(found.vehicle_id, change.lever) for change in found.changes] == [("near", Lever.PIN)]


def test_the_answer_asks_for_least_and_names_other_ways() -> None:
    """Twelve minutes on a window of two hours is a tenth; another kilogram on two would be a half, a skill a whole."""
    fleet = [
        van("late", window=Window(7920, 20_000)),
        van("small", capacity=Capacity(2000)),
        van("plain", kind="BIKE"),
    ]
    order = parcel("a", 1, load=Load(3000), windows=(Window(0, 7200),), vehicle_kinds=frozenset(["VAN"]))
    fleet = [replace(vehicle, kind=vehicle.kind or "VAN") for vehicle in fleet]
    given = problem([order], fleet)
    found = easing_of(given, compose(given, (), given.orders)).by_insertion(order, time.monotonic() + 20, most=3)
    told = [(one.vehicle_id, [change.lever for change in one.changes]) for one in found]
    assert told == [("late", [Lever.WINDOW]), ("small", [Lever.WEIGHT]), ("plain", [Lever.VEHICLE_KIND])]
    assert [change.amount for change in found[0].changes] == [780]


def test_a_break_is_part_of_what_it_takes() -> None:
    """The pause lies before the window's end: what is served after it is late by the pause as well."""
    pause = Break("lunch", (Window(0, 0),), 1200)
    given = problem([parcel("a", 5, windows=(Window(0, 600),))], [van(breaks=(pause,))])
    nothing = compose(given, (), given.orders)
    found = eased(given, "a", nothing)
    assert found is not None
    assert [(change.lever, change.amount) for change in found.changes] == [(Lever.WINDOW, 900)]
    assert violations(*applied(given, nothing, found, found.changes)) == ()


def test_routes_that_cannot_be_driven_are_left_alone() -> None:
    given = problem([parcel("a", 9, windows=(Window(0, 5),)), parcel("b", 1)], [van("v"), van("w")])
    routes: dict[str, Acts] = {"v": acts_of(given.order_by_id["a"])}
    (found,) = Easing(given, routes).by_insertion(given.order_by_id["b"], time.monotonic() + 20)
    assert found.vehicle_id == "w"


def test_nothing_is_told_when_the_time_is_over() -> None:
    given = problem([parcel("a", 9, windows=(Window(0, 300),))], [van()])
    assert Easing(given, {}).by_insertion(given.order_by_id["a"], time.monotonic() - 1) == []


# -- random instances --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_every_answer_holds_before_the_verifier_and_a_unit_less_does_not(seed: int) -> None:
    given = wild(seed)
    solution = baseline(given)
    easing = easing_of(given, solution)
    for order_id in solution.unassigned:
        order = given.order_by_id[order_id]
        for found in easing.by_insertion(order, time.monotonic() + 20, most=2):
            assert violations(*applied(given, solution, found, found.changes)) == ()
            for number in range(len(found.changes)):
                less = one_smaller(found.changes, number)
                assert violations(*applied(given, solution, found, less)), (found.changes[number], less)


def small(seed: int) -> Problem:
    """A few orders with tight windows on three vehicles, of which some stay out."""
    rng = np.random.default_rng(seed)
    places = matrices(rng.normal(0, 3000, (12, 2)))

    def windows() -> tuple[Window, ...]:
        starts = sorted(int(rng.integers(0, 3 * HOUR)) for _ in range(int(rng.integers(0, 3))))
        return tuple(Window(start, start + int(rng.integers(300, 2400))) for start in starts)

    orders: list[Order] = []
    for number in range(9):
        load = Load(int(rng.integers(0, 3000)), 0, int(rng.integers(0, 3)))
        shared: dict[str, Any] = {"load": load, "skills": frozenset(["cold"]) if rng.random() < 0.2 else frozenset()}
        to, service = int(rng.integers(1, 12)), int(rng.integers(0, 600))
        if rng.random() < 0.3:
            source = Visit(int(rng.integers(1, 12)), 60, windows(), int(rng.integers(0, 2)) * 90)
            orders.append(PickupDelivery(f"o{number}", source, Visit(to, service, windows()), **shared))
        else:
            orders.append(Delivery(f"o{number}", to, service, windows=windows(), setup_seconds=60, **shared))
    fleet = tuple(
        VehicleShift(
            f"v{number}", 0, Window(0, int(rng.integers(1, 4)) * HOUR), 0 if rng.random() < 0.7 else None,
            Capacity(6000, None, int(rng.integers(2, 7))), frozenset(["cold"]) if number == 0 else frozenset(),
            max_distance_meters=25_000 if rng.random() < 0.3 else None, costs=Costs(100, 3600, 10),
        )
        for number in range(3)
    )  # fmt: skip
    return Problem(tuple(orders), fleet, {"car": places})


def all_places(acts: Acts, order: Order) -> Iterator[tuple[int, ...]]:
    if len(visits(order)) == 1:
        yield from ((at,) for at in range(len(acts) + 1))
    else:
        yield from ((at, then) for at in range(len(acts) + 1) for then in range(at, len(acts) + 1))


def forced(order: Order, vehicle: VehicleShift, travel: Travel, acts: Acts, at: tuple[int, ...]) -> Changes | None:
    """What must give at a place whatever the times: read off the route that a vehicle without limits drives there."""
    free = replace(vehicle, capacity=Capacity(), max_distance_meters=None, window=Window(-(10**8), 10**8))
    bare = tuple(replace(act, order=_any_time(act.order)) for act in put(acts, order, at) if act.order)
    route = timed(free, travel.of(vehicle), bare)
    if route is None:
        return None
    carried = [step.load_after for step in route.steps]
    most = Load(max(c.weight_grams for c in carried), max(c.volume_cm3 for c in carried), max(c.items for c in carried))
    sums = route.summary
    limits = longer_limits(vehicle, sums.tasks, sums.distance_meters, sums.driving_seconds)
    return (*unmet_demands(order, vehicle), *more_capacity(vehicle, most), *limits)


def _any_time(order: Order) -> Order:
    if isinstance(order, PickupDelivery):
        return replace(order, pickup=replace(order.pickup, windows=()), delivery=replace(order.delivery, windows=()))
    return replace(order, windows=())


def times(order: Order, vehicle: VehicleShift, minutes: int) -> Iterator[Change]:
    """Every single way in which the times may give by so much."""
    ends = visits(order)
    for lever, visit in zip(WINDOW_LEVERS[-len(ends) :], ends, strict=True):
        for window in visit.windows:
            for earlier in (False, True):
                yield wider_window(lever, window, minutes * MINUTE, earlier=earlier)
    yield later_end(vehicle, minutes * MINUTE)


def smallest_by_trying(given: Problem, easing: Easing, order: Order, below: float) -> float:
    """The least size of what forces itself and at most one time, minute by minute, if less than `below`; else infinity."""
    best = below
    for vehicle in given.vehicles:
        acts = easing.acts[vehicle.id]
        for at in all_places(acts, order):
            must = forced(order, vehicle, easing.travel, acts, at)
            if must is None or share_of(must) >= best:
                continue
            if holds(easing, order, vehicle, acts, at, must):
                best = share_of(must)
                continue
            for number in range(len(list(times(order, vehicle, 1)))):
                for minutes in range(1, 24 * 60):
                    change = list(times(order, vehicle, minutes))[number]
                    if share_of((*must, change)) >= best:
                        break
                    if holds(easing, order, vehicle, acts, at, (*must, change)):
                        best = share_of((*must, change))
    return best if best < below else math.inf


def holds(
    easing: Easing, order: Order, vehicle: VehicleShift, acts: Acts, at: tuple[int, ...], changes: Sequence[Change]
) -> bool:
    loose = relaxed(order, vehicle, changes)
    return timed(loose.vehicle, easing.travel.of(vehicle), put(acts, loose.order, at)) is not None


@pytest.mark.parametrize("seed", range(25))
def test_nothing_smaller_is_found_by_trying_every_place_and_amount(seed: int) -> None:
    given = small(seed)
    solution = baseline(given)
    easing = easing_of(given, solution)
    for order_id in solution.unassigned:
        order = given.order_by_id[order_id]
        (found,) = easing.by_insertion(order, time.monotonic() + 60)
        by_trying = smallest_by_trying(given, easing, order, found.share - 1e-9)
        assert by_trying == math.inf, (order_id, found.changes, by_trying)


def test_the_random_instances_ask_for_every_kind_of_change() -> None:
    seen: set[Lever] = set()
    for seed in range(25):
        given = small(seed)
        solution = baseline(given)
        easing = easing_of(given, solution)
        for order_id in solution.unassigned:
            for found in easing.by_insertion(given.order_by_id[order_id], time.monotonic() + 20):
                seen |= {change.lever for change in found.changes}
    assert seen >= TIME_LEVERS | {Lever.WEIGHT, Lever.ITEMS, Lever.SKILL, Lever.DISTANCE}


# -- one re-solve ------------------------------------------------------------------------------------------------------


def test_a_re_solve_finds_what_no_single_place_gives() -> None:
    """Both vans hold three items and carry two each; the order has two. Another way of loading them makes the room."""
    fleet = [van("v", capacity=Capacity(items=3)), van("w", capacity=Capacity(items=3))]
    orders = [parcel(name, place) for place, name in enumerate("abcd", 1)] + [parcel("big", 5, load=Load(items=2))]
    given = problem(orders, fleet, line(10))
    by_id = given.order_by_id
    easing = Easing(
        given,
        {
            "v": (*acts_of(by_id["a"]), *acts_of(by_id["b"])),
            "w": (*acts_of(by_id["c"]), *acts_of(by_id["d"])),
        },
    )
    (inserted,) = easing.by_insertion(by_id["big"], time.monotonic() + 20)
    assert [(change.lever, change.amount) for change in inserted.changes] == [(Lever.ITEMS, 1)]

    (near,) = easing.neighbourhoods(by_id["big"], inserted)  # half of an item is none
    answered = baseline(replace(near, orders=tuple(near.order_by_id[name] for name in ("big", "a", "b", "c", "d"))))
    assert answered.unassigned == ()
    found = easing.by_resolve(by_id["big"], near, answered, time.monotonic() + 20)
    assert found is not None
    assert (found.search, found.changes) == (Search.RESOLVE, ())
    moved = answered.summary.cost - sum(easing.costs.values())
    assert found.added_cost == moved


def test_half_of_what_was_found_is_given_when_the_nearest_are_solved_once_more() -> None:
    given = problem([parcel("a", 9, windows=(Window(0, 300),)), parcel("b", 1)], [van()])
    easing = Easing(given, {"van": acts_of(given.order_by_id["b"])})
    late = given.order_by_id["a"]
    (found,) = easing.by_insertion(late, time.monotonic() + 20)
    assert [(change.lever, change.amount) for change in found.changes] == [(Lever.WINDOW, 240)]
    as_it_is, half = easing.neighbourhoods(late, found)
    assert visits(as_it_is.order_by_id["a"])[0].windows == (Window(0, 300),)
    assert visits(half.order_by_id["a"])[0].windows == (Window(0, 420),)
    assert {order.priority for order in half.orders} == {100}
    (open_,) = easing.neighbourhoods(late, None)
    assert visits(open_.order_by_id["a"])[0].windows == ()
