"""What a small plan waits while another tenant's large one is optimized, beside what it takes alone. Prints; asserts no time."""

import asyncio
import time
from pathlib import Path

import pytest

from doorstep.bench.plans import Day
from doorstep.bench.run import bench_settings
from doorstep.bench.stage import BenchOptions, open_stage
from doorstep.settings import get_settings

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]

LARGE, SMALL, ROUNDS = 10_000, 100, 5


async def _seconds(day: Day) -> float:
    began = time.perf_counter()
    await day.plan()
    return time.perf_counter() - began


async def test_a_small_plan_beside_a_large_one(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    extract = shared_data / "osm" / "liechtenstein-240304.osm.pbf"
    options = BenchOptions(plans=(SMALL, LARGE), osm=str(extract))
    with bench_settings(get_settings(), None) as settings:
        async with open_stage(settings, options, lambda *_: None) as stage:
            large, small = await Day.open(stage, LARGE), await Day.open(stage, SMALL)
            await small.plan()  # the roads' graph and the solver's processes are there
            alone = sorted([await _seconds(small) for _ in range(ROUNDS)])
            began = time.perf_counter()
            planning = asyncio.create_task(large.plan())
            beside: list[tuple[float, float]] = []
            while not planning.done():
                begun = time.perf_counter() - began
                beside.append((begun, await _seconds(small)))
                await asyncio.sleep(5)
            plan = await planning
            took = time.perf_counter() - began
    with capsys.disabled():
        print(f"\n{LARGE:,} orders planned in {took:.0f} s ({plan['summary']})")  # noqa: T201
        print(f"{SMALL} orders alone: {alone[0]:.2f} to {alone[-1]:.2f} s")  # noqa: T201
        print("beside it: " + ", ".join(f"{seconds:.2f} s (after {begun:.0f} s)" for begun, seconds in beside))  # noqa: T201
    assert beside, "the large plan ended before a small one could be made"
