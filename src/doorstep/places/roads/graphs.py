"""Road graphs: made by OSRM's programs from an extract, once per profile, and kept by checksum.

    <home>/roads/graphs/<sha256 of the extract>/<profile>-<digest>/map.osrm.*

The digest covers the engine's version and the profile's Lua, so a graph is never read by an engine that did not make
it. A graph is built beside its place and moved there in one step; a lock file lets several processes ask for the same
graph while one of them builds it.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from doorstep.places.errors import BadExtract, DiskFull, GraphBuildFailed, MapError, NoRoadsForProfile
from doorstep.places.roads import maps
from doorstep.places.roads.children import Child
from doorstep.places.roads.maps import RoadMap
from doorstep.places.roads.profiles import OURS, Profile, lua_of
from doorstep.places.roads.programs import Programs, Progress, require, silent

_log = structlog.get_logger(__name__)
BASE: Final = "map.osrm"
"""How the files of every graph begin. OSRM's programs refuse paths with spaces: they run inside their folder."""

_EXTRACT: Final = "map.osm.pbf"
_SPARE_BYTES: Final = 16_000_000
_LOCK_POLL_SECONDS: Final = 0.1
_LAST_WORDS: Final = 4_000


@dataclass(frozen=True, slots=True)
class Graph:
    """A finished graph; `data_version` is what the engine will say in every answer."""

    folder: Path
    profile: Profile
    data_version: str


async def build(road_map: RoadMap, profile: Profile, home: Path, progress: Progress = silent) -> Graph:
    """The graph of a map for a profile, built now unless it is there already.

    Cancelling kills the program that is running and leaves nothing behind.
    Raises EngineMissing, BadExtract, NoRoadsForProfile, DiskFull, GraphBuildFailed.
    """
    if profile is Profile.STRAIGHT:
        raise ValueError("straight lines need no graph")
    programs = require(home)
    place = _place(road_map, profile, home, programs)
    graph = Graph(place, profile, f"{road_map.version}-{profile.value}")
    if place.is_dir():
        return graph
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        async with _only_one(place.with_suffix(".lock")):
            if not place.is_dir():
                await _build_beside(place, road_map, profile, programs, graph.data_version, progress)
    except OSError as error:
        if _is_full_disk(error, home):
            raise DiskFull(home) from error
        raise
    progress(f"{profile.value} graph ready", 1.0)
    return graph


async def use_extract(
    source: str | Path, home: Path, profiles: Iterable[Profile] = (Profile.CAR,), progress: Progress = silent
) -> RoadMap:
    """Store a map (a file or an address), build its graphs, and only then make it the current one.

    So a bad file never replaces a good map, and a running server finds the graphs ready when it swaps.
    """
    road_map = await asyncio.to_thread(maps.store, source, home, progress)
    wanted = [profile for profile in dict.fromkeys(profiles) if profile is not Profile.STRAIGHT]
    try:
        for profile in wanted:
            await build(road_map, profile, home, progress)
    except BadExtract:
        road_map.path.unlink(missing_ok=True)
        raise
    maps.use(road_map, home)
    return road_map


def _is_full_disk(error: OSError, folder: Path) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or shutil.disk_usage(folder).free < _SPARE_BYTES


def _place(road_map: RoadMap, profile: Profile, home: Path, programs: Programs) -> Path:
    lua = lua_of(profile) if profile in OURS else ""
    digest = hashlib.sha256(f"{programs.version}\n{profile.value}\n{lua}".encode()).hexdigest()[:12]
    return home / "roads" / "graphs" / road_map.checksum / f"{profile.value}-{digest}"


@asynccontextmanager
async def _only_one(lock: Path) -> AsyncIterator[None]:
    """Hold a lock file that the kernel releases when this process dies; waiting can be cancelled."""
    with lock.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_LOCK_POLL_SECONDS)
        yield


async def _build_beside(
    place: Path, road_map: RoadMap, profile: Profile, programs: Programs, version: str, progress: Progress
) -> None:
    scratch = _scratch_beside(place)
    try:
        lua = _lay_out_profiles(scratch / "profiles", profile, programs)
        (scratch / _EXTRACT).symlink_to(road_map.path.resolve())
        steps = [
            ("reading roads", [programs.extract, "-p", lua, "-d", version, "-o", BASE, _EXTRACT]),
            ("dividing the graph", [programs.partition, BASE]),
            ("weighing the graph", [programs.customize, BASE]),
        ]
        for number, (label, command) in enumerate(steps):
            progress(f"{profile.value}: {label}", number / len(steps))
            await _run([str(part) for part in command], scratch, profile)
        _move_in(scratch, place)
        _log.info("roads.graph_built", profile=profile.value, map=road_map.name, data_version=version)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _scratch_beside(place: Path) -> Path:
    """A new folder next to the place, and none of those that a killed build left there."""
    for leftover in place.parent.glob(f".{place.name}-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}-"))


def _move_in(scratch: Path, place: Path) -> None:
    shutil.rmtree(scratch / "profiles")
    (scratch / _EXTRACT).unlink()
    scratch.chmod(0o755)
    scratch.rename(place)


def _lay_out_profiles(folder: Path, profile: Profile, programs: Programs) -> str:
    """Where the profile's Lua is, seen from beside `folder`.

    Ours needs OSRM's beside it; a copy leaves the installed package untouched.
    """
    shutil.copytree(programs.profiles, folder)
    lua = folder / f"{profile.value}.lua"
    if profile in OURS:
        lua.write_text(lua_of(profile), encoding="utf-8")
    return f"{folder.name}/{lua.name}"


async def _run(command: list[str], folder: Path, profile: Profile) -> None:
    child = await Child.start(command, folder)
    try:
        said = await _last_words(child.output)
        code = await child.process.wait()
    finally:
        await child.end(patience_seconds=0)
    if code != 0:
        raise _why(Path(command[0]).name, code, said, folder, profile)


async def _last_words(output: asyncio.StreamReader) -> str:
    kept = b""
    while block := await output.read(65_536):
        kept = (kept + block)[-_LAST_WORDS:]
    return kept.decode(errors="replace")


def _why(program: str, code: int, said: str, folder: Path, profile: Profile) -> MapError:
    if "No space left" in said or shutil.disk_usage(folder).free < _SPARE_BYTES:
        return DiskFull(folder.parent)
    if "osmium::" in said:
        return BadExtract("This is no OpenStreetMap extract (.osm.pbf), or it is cut short. Download it again.")
    if "no snappable edges" in said.lower() or "no edges" in said.lower():
        return NoRoadsForProfile(profile.value)
    if code in (-9, 137):
        return GraphBuildFailed(f"{program} was killed; most likely memory ran out. Use a smaller extract.")
    lines = [line for line in said.splitlines() if "[info]" not in line]
    return GraphBuildFailed(f"{program} ended with {code}: {' '.join(lines[-3:]) or 'it gave no reason'}")
