"""The scripts that play whole days stay working: a handful of orders each, with offers to drivers among them. What they measure stands in their README."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.benchmarks.whole_days import meals, parcels
from tests.benchmarks.whole_days.place import Sandbox, open_sandbox

from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.server import running_server
from doorstep.settings import Settings

ORDERS = """order	x	y	placement_time	restaurant	ready_time
o1	1200	0	600	r1	605
o2	-900	0	615	r2	619
"""
RESTAURANTS = "restaurant	x	y\nr1	200	0\nr2	-200	0\n"
COURIERS = "courier	x	y	on_time	off_time\nc1	0	100	540	720\nc2	0	-100	590	720\nc3	0	0	300	400\n"
RULES = (
    "meters_per_minute	pickup service minutes	dropoff service minutes	target click-to-door	maximum click-to-door	pay per order	guaranteed pay per hour\n"
    "320	4	4	40	90	10	15\n"
)


@pytest.fixture
async def sandbox(database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A sandbox on a whole server with its worker."""
    settings = Settings(home=tmp_path, roads="straight")
    system = Database(database_urls.system, pool_size=2)
    async with running_server(settings, database_urls, port=0) as server:
        sandbox = await open_sandbox(system, server.url)
        yield sandbox
        await sandbox.api.close()
    await system.close()


async def test_a_small_day_of_meals(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    folder.mkdir()
    for name, text in (
        ("orders", ORDERS), ("restaurants", RESTAURANTS), ("couriers", COURIERS), ("instance_parameters", RULES),
    ):  # fmt: skip
        (folder / f"{name}.txt").write_text(text)

    day = meals.read_day(folder)
    figures = await meals.MealService(sandbox, day, speed=240, offer_seconds=30, most_orders=3).play()

    assert (figures["orders"], figures["delivered"]) == (2, 100.0)
    # Nobody can be faster than the kitchen, the way and half of the time at each door.
    assert 5 + 4 + 2 < figures["click to door, mean"] <= figures["click to door, p90"]
    assert figures["ready to picked up, mean"] > 0
    assert figures["orders per courier-hour"] == pytest.approx(2 / ((180 + 130 + 100) / 60))
    assert 1.0 < figures["km per order"] < 10.0


async def test_a_small_day_of_parcels(sandbox: Sandbox, tmp_path: Path) -> None:
    drops = [
        {"id": f"{number % 4:032x}", "point": {"lat": -22.9 + number / 500, "lng": -43.3}, "size": 5} for number in range(6)
    ]  # fmt: skip
    told = {
        "name": "tiny", "region": "rj-0", "origin": {"lat": -22.9, "lng": -43.31}, "vehicle_capacity": 20, "deliveries": drops,
    }  # fmt: skip
    (tmp_path / "day.json").write_text(json.dumps(told))

    figures = await parcels.ParcelService(sandbox, parcels.read_day(tmp_path / "day.json"), speed=900).play()

    assert (figures["parcels"], figures["delivered %"], figures["on time %"]) == (6, 100.0, 100.0)
    assert figures["vehicles"] == 2
    assert figures["km driven"] == pytest.approx(figures["km planned"], rel=0.01)
    assert figures["parcels per courier-hour"] > 1
