"""Plans, dispatch's answers and changed routes when roads take longer at some hours."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from tests.planning.test_assigning import assigned
from tests.planning.test_hand_moves import preview

from doorstep.identity.service.settings import update_tenant
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.places.roads import HourFactor, Profile, Roads
from doorstep.planning.service import by_hour, previewing
from doorstep.planning.service.refreshing import compute, load_route

pytestmark = pytest.mark.usefixtures("working_world")

VADUZ = ZoneInfo("Europe/Vaduz")


async def set_factors(world: Any, *factors: HourFactor) -> None:
    """As the office sets them."""
    async with world.db.write(replace(world.principal, permissions=ALL_PERMISSIONS)) as scope:
        await update_tenant(scope, {"travel_time_factors": list(factors)})


def hour_of(moment: datetime) -> int:
    return moment.astimezone(VADUZ).hour


def rush(world: Any, after: int, factor: float, profile: Profile = Profile.VAN) -> HourFactor:
    """The ``after``-th hour after the base, every day."""
    hour = hour_of(world.base + timedelta(hours=after))
    return HourFactor(profile, hour, hour + 1, factor)


def all_day(factor: float, profile: Profile = Profile.VAN) -> HourFactor:
    return HourFactor(profile, 0, 24, factor)


async def stops_of(world: Any, plan_id: UUID) -> list[Any]:
    rows: list[Any] = await world.rows(
        "SELECT stop.* FROM stops AS stop JOIN routes AS route ON route.tenant_id = $1 AND route.id = stop.route_id "
        "WHERE stop.tenant_id = $1 AND route.plan_id = $2 ORDER BY stop.route_id, stop.sequence",
        plan_id,
    )
    return rows


def window(start: datetime, end: datetime) -> list[dict[str, str]]:
    return [{"start": start.isoformat(), "end": end.isoformat()}]


def far(world: Any, kilometers: float) -> tuple[float, float]:
    return world.center[0] + kilometers / 111.32, world.center[1]


async def test_the_same_plan_drives_longer_and_arrives_later_at_the_rush(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(8, windows=window(world.base, world.base + timedelta(hours=8)))
    shift = await world.add_shift()
    calm = await world.proposed(orders, [shift])
    await set_factors(world, all_day(3.0, Profile.BICYCLE))
    other = await world.proposed(orders, [shift])
    await set_factors(world, all_day(2.0))
    slow = await world.proposed(orders, [shift])

    plans = {plan_id: (await world.plan(plan_id))["summary"] for plan_id in (calm, other, slow)}
    assert plans[other] == plans[calm], "bicycles are no vans"
    driving = plans[calm]["driving_seconds"]
    assert plans[slow]["driving_seconds"] == pytest.approx(2 * driving, abs=9)
    assert plans[slow]["distance_meters"] == pytest.approx(plans[calm]["distance_meters"], rel=0.02)
    assert plans[slow]["cost"] > plans[calm]["cost"]
    baseline = (await world.plan(slow))["baseline"]["driving_seconds"]
    assert baseline == pytest.approx(2 * (await world.plan(calm))["baseline"]["driving_seconds"], abs=9)
    first, last = (await stops_of(world, slow))[0], (await stops_of(world, slow))[-1]
    calm_first, calm_last = (await stops_of(world, calm))[0], (await stops_of(world, calm))[-1]
    taken = last["planned_arrival"] - first["planned_departure"]
    assert taken - (calm_last["planned_arrival"] - calm_first["planned_departure"]) == timedelta(
        seconds=plans[slow]["driving_seconds"] - driving
    )


async def test_each_leg_takes_the_factor_of_the_hour_in_which_it_is_driven(working_world: Any) -> None:
    world = working_world
    early = (world.base + timedelta(minutes=20), world.base + timedelta(minutes=40))
    late = (world.base + timedelta(minutes=80), world.base + timedelta(minutes=100))
    first = (await world.add_orders(1, position=far(world, 2), windows=window(*early)))[0]
    second = (await world.add_orders(1, position=far(world, 4), windows=window(*late)))[0]
    shift = await world.add_shift()
    calm = await stops_of(world, await world.proposed([first, second], [shift]))
    await set_factors(world, rush(world, 0, 2.0), rush(world, 1, 3.0))

    stops = await stops_of(world, await world.proposed([first, second], [shift]))

    assert [stop["kind"] for stop in stops] == ["DEPOT_START", "DROPOFF", "DROPOFF", "DEPOT_END"]
    factors = [stop["leg_seconds"] / free["leg_seconds"] for stop, free in zip(stops[1:], calm[1:], strict=True)]
    # The second leg begins in the hour of factor 2, since the driver goes on at once and waits there.
    assert factors == pytest.approx([2.0, 2.0, 3.0], rel=0.02)
    for before, stop in pairwise(stops):
        assert stop["planned_arrival"] - before["planned_departure"] == timedelta(seconds=stop["leg_seconds"])


async def _rush_hour_orders(world: Any) -> tuple[Sequence[UUID], UUID]:
    """An order due early in a rush, which hardly shows in the mean over the whole shift."""
    due = window(world.base + timedelta(minutes=65), world.base + timedelta(minutes=80))
    near = await world.add_orders(1, position=far(world, 4), windows=due)
    await set_factors(world, rush(world, 1, 3.0))
    return near, await world.add_shift(hours=8)


async def test_what_the_rush_would_make_late_leaves_earlier(working_world: Any) -> None:
    orders, shift = await _rush_hour_orders(working_world)

    plan_id = await working_world.proposed(orders, [shift])

    stops = await stops_of(working_world, plan_id)
    assert stops[1]["planned_service_start"] <= working_world.base + timedelta(minutes=80)
    assert timedelta() < stops[0]["planned_departure"] - working_world.base < timedelta(minutes=60)
    assert (await working_world.plan(plan_id))["summary"]["late_seconds"] == 0


async def _too_far_for_the_rush(world: Any) -> tuple[list[UUID], UUID]:
    """Two orders at opposite ends, both due in the rush: at the mean one vehicle has time for both, at the hour it has not."""
    due = window(world.base, world.base + timedelta(minutes=40))
    there = (await world.add_orders(1, position=far(world, 4), windows=due))[0]
    back = (await world.add_orders(1, position=far(world, -4), windows=due))[0]
    await set_factors(world, rush(world, 0, 3.0))
    return [there, back], await world.add_shift(hours=10)


async def test_what_cannot_be_done_at_the_hour_is_not_promised(
    working_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders, shift = await _too_far_for_the_rush(working_world)

    honest = (await working_world.plan(await working_world.proposed(orders, [shift])))["summary"]
    monkeypatch.setattr(by_hour, "MOST_SOLVES", 1)
    once = (await working_world.plan(await working_world.proposed(orders, [shift])))["summary"]

    assert (honest["orders"], honest["unassigned"], honest["late_seconds"]) == (1, 1, 0)
    assert once["orders"] == 2
    assert once["late_seconds"] > 0, "with the mean alone one of them would be late, and says so"


async def test_a_changed_route_is_timed_by_the_hour(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(3)
    plan_id = await world.proposed(orders, [await world.add_shift()])
    route_id = (await stops_of(world, plan_id))[0]["route_id"]
    async with world.writing() as scope:
        await scope.tx.execute(
            "UPDATE routes SET status = 'COMMITTED' WHERE tenant_id = $1 AND id = $2", scope.tenant_id, route_id
        )

    async def seconds() -> int:
        async with world.db.snapshot(world.principal.tenant_id) as tx:
            route = await load_route(tx, world.principal.tenant_id, route_id)
        assert route is not None
        return sum(stop.leg_seconds for stop in (await compute(world.services.get(Roads), route)).stops)

    calm = await seconds()
    await set_factors(world, all_day(2.5))
    assert await seconds() == pytest.approx(2.5 * calm, abs=5)


async def test_a_preview_of_a_change_knows_the_hour(working_world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops before the one that is put last stay where they are; the planted fault, times at the mean of the day, moves them."""
    world = working_world
    await set_factors(world, rush(world, 0, 3.0), rush(world, 1, 3.0))
    ends = [far(world, 2.0 * number) for number in range(1, 5)]
    orders = [(await world.add_orders(1, position=end))[0] for end in ends]
    route_id = await assigned(world, orders[:3], await world.add_shift())

    async def moved() -> list[int]:
        put = {"orderId": public_id("order", orders[3]), "routeId": public_id("route", route_id), "position": 3}
        shown = await preview(world, insert=put)
        drops = [stop for route in shown["routes"] for stop in route["stops"] if stop["kind"] == "DROPOFF"]
        return [stop["laterSeconds"] for stop in drops if stop["laterSeconds"] is not None]

    assert await moved() == [0, 0, 0]
    monkeypatch.setattr(previewing, "retimed", lambda _, solution: solution)
    assert await moved() != [0, 0, 0]
