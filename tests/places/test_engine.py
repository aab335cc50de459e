"""What the supervision of engines, graphs and maps promises, each promise with its fault planted."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from doorstep.places import town
from doorstep.places.errors import (
    BadExtract,
    DiskFull,
    DownloadFailed,
    EngineMissing,
    NoRoadsForProfile,
    RoadsUnavailable,
)
from doorstep.places.roads import EngineState, Profile, Roads, Source, graphs, maps, programs

POINTS = [(town.CENTER[0] - 0.01, town.CENTER[1] - 0.01), (town.CENTER[0] + 0.01, town.CENTER[1] + 0.01)]
Homes = Callable[[], Path]


@contextlib.asynccontextmanager
async def running(home: Path):  # type: ignore[no-untyped-def]
    roads = Roads(home)
    await roads.start()
    try:
        yield roads
    finally:
        await roads.close()


async def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come about in time")


def engine_pid(roads: Roads) -> int | None:
    return next((engine.pid for engine in roads.status().engines), None)


async def test_an_engine_that_is_killed_comes_back(town_home: Path) -> None:
    async with running(town_home) as roads:
        before = await roads.matrix(POINTS, "CAR")
        first = engine_pid(roads)
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: engine_pid(roads) not in (None, first))
        after = await roads.matrix(POINTS, "CAR")
        assert (after.durations == before.durations).all()
        assert roads.status().ok


async def test_closing_stops_every_engine(town_home: Path) -> None:
    async with running(town_home) as roads:
        await roads.warm_up(["CAR", "ON_FOOT"])
        pids = [engine.pid for engine in roads.status().engines]
    assert len(pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids if pid is not None)


async def test_no_engine_outlives_a_killed_server(town_home: Path) -> None:
    program = """
        import asyncio, sys
        from pathlib import Path
        from doorstep.places.roads import Roads
        async def main():
            roads = Roads(Path(sys.argv[1]))
            await roads.warm_up(["CAR"])
            print("engine", roads.status().engines[0].pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(town_home)]
    server = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, env=_with_source())
    assert server.stdout is not None
    pid = await anext(int(line.split()[1]) async for line in server.stdout if line.startswith(b"engine"))
    assert "osrm-routed" in psutil.Process(pid).name()
    server.kill()
    await server.wait()
    await eventually(lambda: not _is_alive(pid), 5)


def test_elsewhere_the_leash_holds_without_the_kernel(tmp_path: Path) -> None:
    leash = Path(graphs.__file__).with_name("leash.py")
    program = f"""
        import runpy, sys
        sys.platform = "another"
        sys.argv = ["leash.py", "0", "/bin/sleep", "60"]
        runpy.run_path({str(leash)!r}, run_name="__main__")
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as holder:
        held = psutil.Process(holder.pid)
        for _ in range(200):
            if held.children():
                break
            held.cpu_percent(0.05)
        [child] = held.children()
        assert holder.stdin is not None
        holder.stdin.close()
        assert holder.wait(10) != 0
    psutil.wait_procs([child], timeout=5)
    assert not _is_alive(child.pid)


async def test_a_new_map_takes_over_without_a_restart(new_home: Homes, town_home: Path, tmp_path: Path) -> None:
    engines_of_others = len(_children_named("osrm-routed"))
    async with running(town_home) as roads:
        old = await roads.data_version("CAR")
        other = town.build(tmp_path / "other.osm.pbf", seed=2, size=20)
        asking = asyncio.create_task(_ask_until(roads, lambda version: version != old))
        road_map = await graphs.use_extract(other, town_home)
        answers = await asyncio.wait_for(asking, 30)
        assert answers > 0
        assert (await roads.matrix(POINTS[:1], "CAR")).data_version == f"{road_map.version}-car"
        assert roads.status().map_name == "other.osm.pbf"
        await eventually(lambda: len(_children_named("osrm-routed")) == engines_of_others + 1)


async def test_a_first_map_is_used_without_a_restart(new_home: Homes, town_extract: Path) -> None:
    home = new_home()
    async with running(home) as roads:
        assert roads.source("CAR") is Source.STRAIGHT_LINES
        await graphs.use_extract(town_extract, home)
        assert roads.source("CAR") is Source.ENGINE
        assert (await roads.matrix(POINTS, "CAR")).data_version != "straight-lines"


@pytest.mark.parametrize("damage", ["cut short", "no map at all", "empty"])
async def test_a_damaged_file_never_replaces_a_good_map(
    town_home: Path, town_extract: Path, tmp_path: Path, damage: str
) -> None:
    before = maps.current(town_home)
    bad = _damaged(town_extract, tmp_path / "bad.osm.pbf", damage)
    with pytest.raises(BadExtract):
        await graphs.use_extract(bad, town_home)
    assert maps.current(town_home) == before
    assert not [path for path in (town_home / "roads" / "graphs").glob("*/.*") if path.is_dir()]


def _damaged(good: Path, bad: Path, damage: str) -> Path:
    whole = good.read_bytes()
    bad.write_bytes(
        {"cut short": whole[: len(whole) // 2], "no map at all": b"hello, world" * 50, "empty": b""}[damage]
    )
    return bad


async def test_a_map_without_roads_is_refused(town_home: Path, tmp_path: Path) -> None:
    osmium = pytest.importorskip("osmium")
    lonely = tmp_path / "island.osm.pbf"
    with osmium.SimpleWriter(str(lonely)) as writer:
        writer.add_node(osmium.osm.mutable.Node(id=1, version=1, location=(-58.0, 33.5), tags={"place": "islet"}))
    with pytest.raises(NoRoadsForProfile):
        await graphs.use_extract(lonely, town_home)


async def test_a_missing_file_is_named(town_home: Path, tmp_path: Path) -> None:
    with pytest.raises(BadExtract, match=r"no file .*nowhere\.osm\.pbf"):
        await graphs.use_extract(tmp_path / "nowhere.osm.pbf", town_home)


async def test_an_address_that_answers_nothing_is_named(town_home: Path) -> None:
    with pytest.raises(DownloadFailed, match="could not be downloaded"):
        await graphs.use_extract("http://127.0.0.1:9/map.osm.pbf", town_home)


async def test_a_map_is_downloaded_with_progress(new_home: Homes, town_extract: Path) -> None:
    body, seen = await asyncio.to_thread(town_extract.read_bytes), []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    home = new_home()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        address = f"http://127.0.0.1:{port}/maps/town.osm.pbf?key=1"
        road_map = await graphs.use_extract(address, home, progress=lambda label, done: seen.append((label, done)))
    assert road_map.name == "town.osm.pbf"
    assert await asyncio.to_thread(road_map.path.read_bytes) == body
    assert ("downloading the map", 1.0) in seen
    assert maps.current(home) == road_map


async def test_cancelling_a_build_leaves_nothing_behind(new_home: Homes, tmp_path: Path) -> None:
    home = new_home()
    extract = town.build(tmp_path / "cancelled.osm.pbf", seed=3)
    road_map = maps.store(extract, home)
    building = asyncio.create_task(graphs.build(road_map, Profile.CAR, home))
    await eventually(lambda: bool(_children_named("osrm-extract")))
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    assert not _children_named("osrm-extract")
    assert not [path for path in (home / "roads" / "graphs" / road_map.checksum).iterdir() if path.is_dir()]
    await graphs.build(road_map, Profile.CAR, home)


async def test_two_who_want_the_same_graph_build_it_once(new_home: Homes, tmp_path: Path) -> None:
    home, steps = new_home(), []
    road_map = maps.store(town.build(tmp_path / "twice.osm.pbf", seed=4), home)
    both = [graphs.build(road_map, Profile.CAR, home, lambda label, done: steps.append(label)) for _ in range(2)]
    first, second = await asyncio.gather(*both)
    assert first == second
    assert len([label for label in steps if "reading roads" in label]) == 1


async def test_an_engine_that_cannot_come_up_is_unavailable_and_says_why(new_home: Homes, town_extract: Path) -> None:
    home = new_home()
    road_map = await graphs.use_extract(town_extract, home)
    maps.use(replace(road_map, checksum="0000", name="lost.osm.pbf"), home)
    async with running(home) as roads:
        with pytest.raises(RoadsUnavailable, match=r"lost\.osm\.pbf is gone"):
            await roads.matrix(POINTS, "CAR")
        assert roads.status().engines[0].state is EngineState.FAILED
        assert not roads.status().ok
        maps.use(road_map, home)
        await eventually(lambda: roads.status().ok)
        await roads.matrix(POINTS, "CAR")


async def test_without_programs_lines_are_straight_and_the_remedy_is_named(tmp_path: Path, town_extract: Path) -> None:
    if programs.find(tmp_path) is not None:
        pytest.skip("the programs are installed with this Python")
    maps.use(maps.store(town_extract, tmp_path), tmp_path)
    async with running(tmp_path) as roads:
        assert (await roads.matrix(POINTS, "CAR")).data_version == "straight-lines"
        assert "doorstep roads install" in roads.status().explanation
    with pytest.raises(EngineMissing, match="doorstep roads install"):
        await graphs.use_extract(town_extract, tmp_path)


@pytest.fixture(params=["20k", "200k", "600k"])
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A disk that fills up at once; only root may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if (
        sys.platform != "linux"
        or libc.mount(b"none", bytes(folder), b"tmpfs", 0, f"size={request.param}".encode()) != 0
    ):
        pytest.skip("a small disk can be mounted on Linux and by root only")
    yield folder
    libc.umount2(bytes(folder), 2)


async def test_a_full_disk_is_named(small_disk: Path, store: Path, town_extract: Path) -> None:
    (small_disk / "roads").mkdir()
    if (store / "roads" / "engine").exists():
        (small_disk / "roads" / "engine").symlink_to(store / "roads" / "engine")
    with pytest.raises(DiskFull, match="DOORSTEP_HOME"):
        await graphs.use_extract(town_extract, small_disk)
    assert maps.current(small_disk) is None


async def _ask_until(roads: Roads, enough: Callable[[str | None], bool]) -> int:
    """Keep asking: every answer must be whole, whichever map gives it."""
    answers = 0
    while not enough((await roads.matrix(POINTS[:1], "CAR")).data_version):
        answers += 1
        await asyncio.sleep(0.02)
    return answers


def _children_named(name: str) -> list[int]:
    children = psutil.Process().children(recursive=True)
    found = []
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.name() == name[:15] and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child.pid)
    return found


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _with_source() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
