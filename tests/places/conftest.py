"""Maps and road engines for the tests: the made-up town always, Liechtenstein where its extract lies beside the clone.

Programs, extracts and graphs are fetched and built once per run and shared; each test that changes the current map gets
a home of its own that links to them.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from doorstep.places import town
from doorstep.places.errors import EngineMissing
from doorstep.places.roads import Profile, Roads, graphs, maps, programs

REPOSITORY = Path(__file__).resolve().parents[2]
LIECHTENSTEIN = REPOSITORY.parent / "shared" / "data" / "osm" / "liechtenstein-240304.osm.pbf"


@pytest.fixture(scope="session")
def town_extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return town.build(tmp_path_factory.mktemp("town") / "testhaven.osm.pbf")


@pytest.fixture(scope="session")
def liechtenstein() -> Path:
    if not LIECHTENSTEIN.is_file():
        pytest.skip("the Liechtenstein extract is not in ../shared/data/osm")
    return LIECHTENSTEIN


@pytest.fixture(scope="session")
def store() -> Iterator[Path]:
    """Where the programs, extracts and graphs of the whole run are kept."""
    home = Path(tempfile.mkdtemp(prefix="doorstep-roads-"))
    try:
        programs.install(home)
    except EngineMissing as error:
        shutil.rmtree(home)
        pytest.skip(f"no road engine here: {error.message}")
    (home / "roads" / "extracts").mkdir(parents=True)
    (home / "roads" / "graphs").mkdir(parents=True)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def new_home(store: Path, tmp_path: Path) -> Callable[[], Path]:
    """Makes homes without a current map, which share everything that takes time."""
    made: list[Path] = []

    def make() -> Path:
        home = tmp_path / f"home {len(made)}"
        (home / "roads").mkdir(parents=True)
        for shared in ("engine", "extracts", "graphs"):
            if (store / "roads" / shared).exists():
                (home / "roads" / shared).symlink_to(store / "roads" / shared)
        made.append(home)
        return home

    return make


@pytest.fixture
async def town_home(new_home: Callable[[], Path], town_extract: Path) -> Path:
    """A home whose current map is the town."""
    home = new_home()
    await graphs.use_extract(town_extract, home)
    return home


@pytest.fixture(scope="session")
async def town_roads(store: Path, town_extract: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Roads]:
    """Running engines on the town, for tests that only ask."""
    async for roads in _running(store, town_extract, tmp_path_factory):
        yield roads


@pytest.fixture(scope="session")
async def liechtenstein_roads(
    store: Path, liechtenstein: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Roads]:
    """Running engines on Liechtenstein, for tests that only ask."""
    async for roads in _running(store, liechtenstein, tmp_path_factory):
        yield roads


async def _running(store: Path, extract: Path, folders: pytest.TempPathFactory) -> AsyncIterator[Roads]:
    home = folders.mktemp("asked")
    (home / "roads").mkdir()
    for shared in ("engine", "extracts", "graphs"):
        if (store / "roads" / shared).exists():
            (home / "roads" / shared).symlink_to(store / "roads" / shared)
    road_map = await asyncio.to_thread(maps.store, extract, home)
    await graphs.build(road_map, Profile.CAR, home)
    maps.use(road_map, home)
    roads = Roads(home)
    await roads.start()
    yield roads
    await roads.close()
