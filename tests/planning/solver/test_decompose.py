"""Groups: every order and vehicle in one of them, neighbours together, nothing lost when results are put back."""

from dataclasses import replace

import numpy as np
import pytest
from tests.planning.solver.cases import matrices, parcel, town, van

from doorstep.planning.solver.baseline import baseline
from doorstep.planning.solver.decompose import Group, Neighbourhood, compose, merge, positions
from doorstep.planning.solver.problem import OnBoard, Problem
from doorstep.planning.solver.travel import UNREACHABLE, Travel


def near(given: Problem) -> Neighbourhood:
    return Neighbourhood(given, Travel(given))


def ids(groups: list[Group]) -> list[str]:
    return sorted(order.id for group in groups for order in group.orders)


def test_sectors_share_out_every_order_and_vehicle_once() -> None:
    base = town(200, vehicles=10)
    aboard = tuple(OnBoard(f"aboard-{n}", f"van-{n}", n + 1) for n in range(10))
    given = Problem((*base.orders, *aboard), base.vehicles, base.matrices)
    groups = near(given).sectors(given.orders, 50)
    assert len(groups) == 4
    assert ids(groups) == sorted(order.id for order in given.orders)
    assert sorted(v.id for group in groups for v in group.vehicles) == sorted(v.id for v in given.vehicles)
    for group in groups:
        mine = {vehicle.id for vehicle in group.vehicles}
        assert all(order.vehicle in mine for order in group.orders if isinstance(order, OnBoard))


def test_each_depot_gets_what_is_nearest_or_lies_there() -> None:
    places = matrices([[0, 0], [10_000, 0], [100, 0], [9900, 0], [200, 50], [9800, 90]])
    orders = (parcel("a", 2), parcel("b", 3), parcel("c", 4), parcel("d", 5), parcel("bound", 2, depot=1))
    fleet = (van("west"), van("east", start=1, end=1))
    groups = near(Problem(orders, fleet, {"car": places})).sectors(orders, 10)
    assert {g.vehicles[0].id: ids([g]) for g in groups} == {"west": ["a", "c"], "east": ["b", "bound", "d"]}


def test_more_groups_than_vehicles_are_never_made() -> None:
    given = town(60, vehicles=2)
    groups = near(given).sectors(given.orders, 5)
    assert len(groups) == 2
    assert all(group.vehicles and group.orders for group in groups)


@pytest.mark.parametrize("turn", range(4))
def test_rounds_keep_routes_whole_and_bring_along_what_is_left_over(turn: int) -> None:
    given = town(120, vehicles=6, capacity=40)
    present = baseline(given)
    assert present.unassigned
    groups = near(given).regroup(present, 40, turn)
    assert ids(groups) == sorted(order.id for order in given.orders)
    for group in groups:
        inside = {order.id for order in group.orders}
        assert all(set(route.order_ids) <= inside for route in group.present)


def test_without_any_route_there_is_one_group_of_everything() -> None:
    given = town(30, vehicles=3)
    (group,) = near(given).regroup(compose(given, (), given.orders), 10, 0)
    assert ids([group]) == sorted(order.id for order in given.orders)
    assert len(group.vehicles) == 3


def test_left_over_orders_meet_the_vehicles_that_can_carry_them() -> None:
    given = town(60, vehicles=6)
    cold = frozenset(["cold"])
    orders = (replace(given.orders[0], skills=cold), *given.orders[1:])  # type: ignore[call-arg]
    fleet = (*given.vehicles[:5], replace(given.vehicles[5], skills=cold))
    asked = Problem(orders, fleet, given.matrices)
    others = [route for route in baseline(asked).routes if asked.orders[0].id not in route.order_ids]
    left = compose(asked, others, asked.orders)
    group = near(asked).leftovers(left, 30)
    assert group is not None
    assert asked.orders[0].id in {order.id for order in group.orders}
    assert "van-5" in {vehicle.id for vehicle in group.vehicles}


def test_merging_replaces_the_groups_own_routes_only() -> None:
    given = town(80, vehicles=8)
    present = baseline(given)
    first, *rest = present.routes
    group = Group(
        tuple(given.order_by_id[o] for o in first.order_ids), (given.vehicle_by_id[first.vehicle_id],), (first,)
    )
    emptied = merge(given, given.orders, present, group, compose(given, (), group.orders))
    assert emptied.routes == tuple(rest)
    assert set(emptied.unassigned) == set(present.unassigned) | set(first.order_ids)
    assert merge(given, given.orders, present, group, compose(given, [first], group.orders)) == present


def test_positions_resemble_travel_times() -> None:
    given = town(150)
    legs = Travel(given).of(given.vehicles[0])
    points = positions(legs)
    apart = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    assert np.corrcoef(apart.ravel(), legs.seconds.ravel())[0, 1] > 0.99


def test_positions_exist_whatever_the_matrix() -> None:
    given = town(5)
    legs = Travel(given).of(given.vehicles[0])
    legs.seconds[2, :] = legs.seconds[:, 2] = UNREACHABLE
    assert np.isfinite(positions(legs)).all()
    legs.seconds[:] = 0
    assert positions(legs).shape == (6, 2)


def test_an_order_that_is_bound_to_a_vehicle_is_in_its_group() -> None:
    base = town(120, vehicles=8)
    only = [frozenset([base.vehicles[number % 8].id]) if number % 5 == 0 else frozenset() for number in range(120)]
    orders = tuple(replace(order, vehicles=one) for order, one in zip(base.orders, only, strict=True))  # type: ignore[call-arg]
    given = replace(base, orders=orders)
    groups = near(given).sectors(given.orders, 30)
    assert len(groups) > 2
    assert sorted(order.id for group in groups for order in group.orders) == sorted(order.id for order in orders)
    for group in groups:
        fleet = {vehicle.id for vehicle in group.vehicles}
        assert all(order.vehicles <= fleet for order in group.orders)  # type: ignore[union-attr]
