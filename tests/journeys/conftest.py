"""Journeys: whole servers, with a map and without."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from doorstep.kernel.db import DatabaseUrls
from doorstep.places import address_index, town
from doorstep.places.errors import EngineMissing
from doorstep.places.map_extract import SampleAddress, sample_addresses
from doorstep.places.roads import Profile, graphs, maps, programs
from doorstep.server import Server, running_server
from doorstep.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
LIECHTENSTEIN = REPOSITORY.parent / "shared" / "data" / "osm" / "liechtenstein-240304.osm.pbf"
VEHICLES = {"town": ("CAR", "BICYCLE"), "liechtenstein": ("CAR", "CAR")}


@dataclass(frozen=True)
class Ground:
    """A data folder with a map in use, and addresses of it. ``network`` is what plans are computed on."""

    name: str
    home: Path
    addresses: list[SampleAddress]
    time_zone: str
    network: str
    vehicles: tuple[str, ...]

    @property
    def country(self) -> str:
        return self.addresses[0].country


@pytest.fixture(scope="session")
def engine_home() -> Iterator[Path]:
    """The road engine's programs, fetched once; an empty folder where there are none for this machine."""
    home = Path(tempfile.mkdtemp(prefix="doorstep-journey-"))
    with contextlib.suppress(EngineMissing):
        programs.install(home)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session", params=["town", "liechtenstein"])
async def ground(request: pytest.FixtureRequest, engine_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """The made-up town, always; Liechtenstein where its extract lies beside the repository."""
    home = tmp_path_factory.mktemp(request.param)
    if request.param == "town":
        extract, time_zone = town.build(home / "testhaven.osm.pbf"), town.TIME_ZONE
    elif LIECHTENSTEIN.is_file():
        extract, time_zone = LIECHTENSTEIN, "Europe/Vaduz"
    else:
        pytest.skip("the Liechtenstein extract is not in ../shared/data/osm")
    vehicles = VEHICLES[request.param]
    has_engine = programs.find(engine_home) is not None
    if has_engine:
        (home / "roads").mkdir()
        if (engine_home / "roads" / "engine").exists():
            (home / "roads" / "engine").symlink_to(engine_home / "roads" / "engine")
        await graphs.use_extract(str(extract), home, [Profile(kind.lower()) for kind in vehicles])
    else:
        maps.use(await asyncio.to_thread(maps.store, extract, home), home)
    addresses = await asyncio.to_thread(sample_addresses, extract, 60)
    return Ground(request.param, home, addresses, time_zone, "ENGINE" if has_engine else "STRAIGHT_LINES", vehicles)


@pytest.fixture
async def server(ground: Ground, database_urls: DatabaseUrls) -> AsyncIterator[Server]:
    """A whole server on that ground, with the map's addresses in its index."""
    road_map = maps.current(ground.home)
    assert road_map is not None
    connection = await asyncpg.connect(database_urls.system)
    try:
        await address_index.load(connection, road_map.path, road_map.checksum)
    finally:
        await connection.close()
    settings = Settings(home=ground.home, solver_slots=1, drain_seconds=5)  # type: ignore[call-arg]
    async with running_server(settings, database_urls, port=0) as running:
        yield running


@pytest.fixture
async def plain_server(database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Server]:
    """A whole server without a map."""
    settings = Settings(home=tmp_path, roads="straight", solver_slots=1, drain_seconds=5)  # type: ignore[call-arg]
    async with running_server(settings, database_urls, port=0) as running:
        yield running
