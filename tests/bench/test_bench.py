"""``doorstep bench`` from end to end at its smallest: what it reports, never how fast."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from doorstep.assembly import open_database
from doorstep.bench.figures import Taking, as_table, percentile, tidy
from doorstep.bench.instances import UnknownSet, load_instances
from doorstep.bench.machine import this_machine
from doorstep.cli.bench import _limits, _sizes
from doorstep.cli.terminal import CommandError
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.settings import Settings

SMALLEST = (
    "--json", "--orders", "20", "--plans", "5", "--seconds", "0.4", "--clients", "2", "--events", "10", "--rounds", "2", "--plan-rounds", "1",
)  # fmt: skip
UNITS = {
    "orders_one_by_one_1": "orders/s",
    "orders_one_by_one_2": "orders/s",
    "orders_in_bulk": "orders/s",
    "commit_to_subscriber": "ms",
    "plan_5": "s",
    "pages_of_100": "pages/s",
}


@pytest.fixture(scope="module")
def report(session_home: Path) -> dict[str, object]:
    """What the command prints with --json, in a data folder with a space in its name."""
    home = session_home / "bench home"
    told = subprocess.run(
        [sys.executable, "-m", "doorstep", "bench", *SMALLEST, "--home", str(home)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


async def test_every_figure_is_there_with_its_range_and_the_machine(report):
    assert report["machine"]["cores"] >= 1
    figures = {figure["name"]: figure for figure in report["figures"]}
    assert {name: figure["unit"] for name, figure in figures.items()} == UNITS
    for figure in figures.values():
        assert figure["lowest"] <= figure["median"] <= figure["highest"]
        assert figure["rounds"] >= 1
        assert figure["cores"] == report["machine"]["cores"]
        assert figure["load_before"] >= 0
        assert figure["load_after"] >= 0


async def test_pages_hold_the_planned_orders_and_events_are_all_heard(report):
    figures = {figure["name"]: figure for figure in report["figures"]}
    assert figures["pages_of_100"]["details"]["orders_per_page"] == 5
    assert figures["commit_to_subscriber"]["details"]["events"] == 10
    assert figures["plan_5"]["details"]["routes"] >= 1
    assert figures["orders_in_bulk"]["details"]["server_cpu_ms_per_order"] > 0


async def test_median_range_and_percentiles():
    figure = Taking().figure("x", "X", "s", [3.0, 1.0, 2.0004], {"p50": 2.00049, "roads": "ENGINE"})
    assert (figure.median, figure.lowest, figure.highest, figure.rounds) == (2.0, 1.0, 3.0, 3)
    assert figure.details == {"p50": 2.0, "roads": "ENGINE"}
    assert percentile(list(range(1, 201)), 99) == 198
    assert percentile([7.0], 50) == 7.0
    assert tidy(12345.6) == 12346
    assert tidy(0.0012345) == 0.00123
    assert tidy(-1.239) == -1.24
    assert as_table([figure], this_machine()).row_count == 1


@pytest.mark.parametrize("text", ["", "0", "ten", "5,20001"])
async def test_sizes_that_cannot_be_planned_are_refused(text):
    with pytest.raises(CommandError, match="--plans"):
        _sizes(text)


@pytest.mark.parametrize("text", ["", "0", "ten", "1,nan", "1,inf"])
async def test_limits_that_are_none_are_refused(text):
    with pytest.raises(CommandError, match="--seconds"):
        _limits(text)


@pytest.mark.parametrize("sets", [["solomom"], ["solomon", "nothing-in-it"], []])
async def test_sets_that_are_not_there_are_refused_with_those_that_are(tmp_path, sets):
    """An empty table of which "none" was lost said nothing."""
    (tmp_path / "best-known.json").write_text("{}")
    for name in ("solomon", "nothing-in-it"):
        (tmp_path / name).mkdir()
    (tmp_path / "solomon" / "C101.txt").write_text("")
    with pytest.raises(UnknownSet, match=r"it has solomon\.$"):
        load_instances(tmp_path, sets, 1)


async def test_ctrl_c_while_the_database_starts_leaves_no_server_behind(session_home):
    """Its folder can be removed at once, as the benchmark does with its own."""
    home = session_home / "interrupted"

    async def use() -> None:
        async with open_database(Settings(home=home)):
            pytest.fail("it was to be interrupted before")

    using = asyncio.create_task(use())
    await asyncio.sleep(0.3)
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using
    EmbeddedCluster.remove(home)
    assert not (home / "postgres").exists()


async def test_the_server_ends_with_the_process_that_started_it(database_urls, session_home):
    """Its input ends when its parent is gone, however that came about."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "doorstep.bench.served", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    settings = {"home": str(session_home / "served"), "roads": "straight", "drain_seconds": 2.0, "log_level": "error"}
    order = {"settings": settings, "app": database_urls.app, "system": database_urls.system}
    child.stdin.write(json.dumps(order).encode() + b"\n")
    assert json.loads(await child.stdout.readline())["url"].startswith("http://127.0.0.1:")
    child.stdin.write(b"{}\n")
    assert json.loads(await child.stdout.readline())["server"] > 0
    child.stdin.close()
    assert await asyncio.wait_for(child.wait(), 30) == 0
