"""``doorstep roads``: the road engine's programs, the map, its graphs and its street addresses."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from doorstep.assembly import connect
from doorstep.cli.database import system_database, system_login
from doorstep.cli.terminal import console, progress_bars, run
from doorstep.places import address_index, town
from doorstep.places.roads import graphs, maps, programs
from doorstep.places.roads.maps import RoadMap
from doorstep.places.roads.profiles import Profile
from doorstep.settings import Settings, get_settings

TOWN = "town"
"""The word that stands for the made-up town in place of a file."""

roads = typer.Typer(name="roads", help="The road network and the street addresses.", no_args_is_help=True)
Progress = Callable[[str, float], None]


@roads.command()
def install() -> None:
    """Fetch the road engine's programs (OSRM, 21 MB), where the installation brought none (Python 3.11)."""
    home = get_settings().home
    found = programs.find(home)
    if found is None:
        with progress_bars() as progress:
            found = programs.install(home, progress)
    console.print(f"OSRM {found.version} is installed in {found.folder}.")


@roads.command()
def build(
    source: Annotated[
        str, typer.Argument(help="An OpenStreetMap extract (.osm.pbf): a file or an address. `town`: a made-up town.")
    ],
    profiles: Annotated[
        list[Profile] | None,
        typer.Option("--profile", help="A road graph to build now; others are built when a vehicle first needs them."),
    ] = None,
    country: Annotated[
        str | None, typer.Option(help="Two letters; needed only where the extract does not say its country.")
    ] = None,
) -> None:
    """Use a map: build its road graphs and load its street addresses. A running server takes it over without a restart."""
    settings = get_settings()
    with progress_bars() as progress:
        road_map, loaded = run(lambda: _build(settings, source, profiles or [Profile.CAR], country, progress))
    console.print(f"Roads of {road_map.name} ({road_map.version}).", markup=False)
    console.print(f"{loaded.houses:,} addresses and {loaded.names:,} streets and towns of {loaded.country}.")


async def _build(
    settings: Settings, source: str, profiles: list[Profile], country: str | None, progress: Progress
) -> tuple[RoadMap, address_index.Loaded]:
    if source == TOWN:
        with tempfile.TemporaryDirectory() as folder:
            file = await asyncio.to_thread(town.build, Path(folder) / "town.osm.pbf")
            road_map = await graphs.use_extract(file, settings.home, profiles, progress)
    else:
        road_map = await graphs.use_extract(source, settings.home, profiles, progress)
    async with system_login(settings) as url:
        connection = await connect(url, "DATABASE_SYSTEM_URL")
        try:
            loaded = await address_index.load(connection, road_map.path, road_map.checksum, country, progress)
        finally:
            await connection.close()
    return road_map, loaded


@roads.command()
def status() -> None:
    """Show the engine, the map, its graphs and its address index."""
    settings = get_settings()
    found = programs.find(settings.home)
    road_map = maps.current(settings.home)
    console.print(f"Engine   {f'OSRM {found.version}' if found else 'not installed: doorstep roads install'}")
    if road_map is None:
        console.print("Map      none: doorstep roads build FILE (until then straight lines)")
        return
    folder = settings.home / "roads" / "graphs" / road_map.checksum
    built = sorted({path.name.partition("-")[0] for path in folder.glob("[a-z]*-*")}) if folder.is_dir() else []
    console.print(f"Map      {road_map.name} ({road_map.version})", markup=False)
    console.print(f"Graphs   {', '.join(built) or 'none yet; built when a vehicle first needs one'}")
    console.print(f"Index    {run(lambda: _index_state(settings, road_map))}")


async def _index_state(settings: Settings, road_map: RoadMap) -> str:
    async with system_database(settings) as database, database.transaction() as tx:
        loaded = await address_index.current(tx.raw)
    if loaded == road_map.checksum:
        return "street addresses of this map"
    return "no street addresses of this map: run `doorstep roads build` again"
