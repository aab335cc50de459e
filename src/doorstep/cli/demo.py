"""``doorstep demo``: a whole delivery day, played by robots on embedded defaults."""

import asyncio
import signal
from typing import Annotated

import typer
from rich.console import Console

from doorstep.cli.terminal import CommandError, run
from doorstep.demo.client import RefusedByApi
from doorstep.demo.day import DemoOptions, demo_settings, run_day
from doorstep.server import PortTaken, listen
from doorstep.settings import Settings, get_settings


def demo(
    speed: Annotated[
        float, typer.Option(min=1, max=3600, help="How many times faster than the wall the day runs.")
    ] = 60.0,
    osm: Annotated[
        str | None,
        typer.Option(help="An OpenStreetMap extract (.osm.pbf), a file or an address; without it a made-up town."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when every order is final.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the days that were played before.")] = False,
    port: Annotated[
        int | None,
        typer.Option(help="Where the API listens; left out: DOORSTEP_PORT or 8000, or a free one where that is taken."),
    ] = None,
) -> None:
    """Play a delivery day: three companies, 300 orders, real plans, robot drivers, a live table."""
    settings = get_settings()
    where = _port(settings) if port is None else _free(settings.host, port)
    options = DemoOptions(speed=speed, osm=osm, once=once, fresh=fresh, port=where)
    console = Console()
    try:
        run(lambda: _until_stopped(demo_settings(settings, options), options, console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Stopped. Everything is kept; `doorstep demo` plays the next day.")
    except RefusedByApi as refusal:
        raise CommandError(f"The demo was refused: {refusal}") from refusal


def _port(settings: Settings) -> int:
    """The usual port, or any free one when somebody listens there: a demo need not be found at a fixed address."""
    try:
        return _free(settings.host, settings.port)
    except PortTaken:
        return 0


def _free(host: str, port: int) -> int:
    """The port, known to be free before minutes go into preparing; raises PortTaken."""
    listen(host, port).close()
    return port


async def _until_stopped(settings: Settings, options: DemoOptions, console: Console) -> None:
    """Play; SIGTERM ends the day as cleanly as Ctrl-C does."""
    playing = asyncio.current_task()
    if playing is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    await run_day(settings, options, console)
