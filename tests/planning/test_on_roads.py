"""Planning on the real road engine, over the streets of the made-up town."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from doorstep.kernel.db import DatabaseUrls
from doorstep.places import town
from doorstep.places.errors import EngineMissing
from doorstep.places.map_extract import sample_addresses
from doorstep.places.roads import Profile, RoadsMode, graphs, polyline, programs


@pytest.fixture(scope="module")
def road_home() -> Iterator[Path]:
    """A data folder with the road engine's programs."""
    home = Path(tempfile.mkdtemp(prefix="doorstep-planning-"))
    try:
        programs.install(home)
    except EngineMissing as error:
        shutil.rmtree(home)
        pytest.skip(f"no road engine here: {error.message}")
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
async def town_world(
    road_home: Path, database_urls: DatabaseUrls, open_services: Any, make_world: Any, work: Any
) -> AsyncIterator[Any]:
    """A tenant in the town, with a worker."""
    extract = town.build(road_home / "town.osm.pbf")
    await graphs.use_extract(extract, road_home, profiles=(Profile.CAR,))
    async with open_services(database_urls, road_home, RoadsMode.AUTO) as services:
        world = await make_world(services, center=town.CENTER)
        world.addresses = [(one.latitude, one.longitude) for one in sample_addresses(extract, 12)]
        async with work(services):
            yield world


async def test_a_plan_follows_the_streets_and_one_bad_point_costs_only_its_own_order(town_world: Any) -> None:
    world = town_world
    orders = [(await world.add_orders(1, position=position))[0] for position in world.addresses]
    at_sea = (await world.add_orders(1, position=(town.CENTER[0] + 2.0, town.CENTER[1])))[0]

    plan_id = await world.proposed([*orders, at_sea], [await world.add_shift(kind="CAR")])

    plan = await world.plan(plan_id)
    assert plan["status"] == "PROPOSED", plan["failure_reason"]
    left = await world.rows("SELECT order_id, reasons FROM plan_orders WHERE tenant_id = $1 AND NOT assigned")
    assert [(row["order_id"], row["reasons"][0]["code"]) for row in left] == [(at_sea, "UNREACHABLE")]
    assert plan["summary"]["orders"] == len(orders)
    stops = await world.rows(
        "SELECT stop.*, route.network FROM stops AS stop JOIN routes AS route ON route.id = stop.route_id "
        "WHERE stop.tenant_id = $1 AND route.plan_id = $2 AND stop.leg_meters > 100",
        plan_id,
    )
    assert {stop["network"] for stop in stops} == {"ENGINE"}
    assert plan["map_version"]
    assert any(len(polyline.decode(stop["leg_path"])) > 2 for stop in stops), "streets have corners"
