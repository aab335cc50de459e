"""The ground that the demo day is played on: a map with its roads and addresses."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from doorstep.demo.world import COMPANIES
from doorstep.places import address_index, town
from doorstep.places.errors import EngineMissing, MapError
from doorstep.places.map_extract import SampleAddress, sample_addresses
from doorstep.places.roads import Roads, graphs, maps, profile_of, programs

ADDRESSES = 400
NEAR_METERS = 250
TOWN_SEED = 1
VEHICLE_KINDS = tuple(company.vehicle_kind for company in COMPANIES)

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Ground:
    """Addresses to deliver to, where they are, and what is to be said about the roads."""

    addresses: list[SampleAddress]
    time_zone: str
    country: str
    note: str


async def prepare(
    home: Path,
    osm: str | None,
    progress: Progress,
    *,
    vehicle_kinds: Sequence[str] = VEHICLE_KINDS,
    addresses: int = ADDRESSES,
) -> Ground:
    """The extract (or the made-up town), its road graphs for these vehicles, and sample addresses, as many as it has up to ``addresses``.

    Where no road engine can be had the note says so and plans use straight lines. Raises MapError for a bad extract.
    """
    note = await _engine(home, progress)
    source = osm or str(await asyncio.to_thread(_town, home))
    if not note:
        wanted = [profile_of(kind) for kind in vehicle_kinds]
        road_map = await graphs.use_extract(source, home, wanted, progress)
    else:
        road_map = await asyncio.to_thread(maps.store, source, home, progress)
    found = await asyncio.to_thread(sample_addresses, road_map.path, addresses)
    if len(found) < 50:
        raise MapError(f"This extract has only {len(found)} complete addresses; 50 or more are needed.")
    time_zone = "UTC" if osm else town.TIME_ZONE
    return Ground(found, time_zone, found[0].country, note)


async def _engine(home: Path, progress: Progress) -> str:
    """Make sure that the road engine's programs are there; otherwise the sentence that says why they are not."""
    if programs.find(home) is not None:
        return ""
    try:
        await asyncio.to_thread(programs.install, home, progress)
    except EngineMissing as error:
        return f"No road engine: {error.message} Plans use straight lines."
    return ""


def _town(home: Path) -> Path:
    path = home / "town" / f"town-{hashlib.sha256(str(TOWN_SEED).encode()).hexdigest()[:8]}.osm.pbf"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        town.build(path, seed=TOWN_SEED)
    return path


async def near_roads(roads: Roads, addresses: Sequence[SampleAddress]) -> list[SampleAddress]:
    """The addresses that a vehicle can get close to: maps hold some houses that no road leads to."""
    points = [(address.latitude, address.longitude) for address in addresses]
    snapped = await roads.snap(points, within=30)
    return [address for address, point in zip(addresses, snapped, strict=True) if point.distance_meters <= NEAR_METERS]


async def load_addresses(system_url: str, home: Path, progress: Progress) -> None:
    """Load the current map's addresses into the index, so that orders without coordinates are found."""
    road_map = maps.current(home)
    if road_map is None:
        return
    connection = await asyncpg.connect(system_url)
    try:
        await address_index.load(connection, road_map.path, road_map.checksum, progress=progress)
    finally:
        await connection.close()
