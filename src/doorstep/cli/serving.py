"""``doorstep serve`` and ``doorstep work``: the processes that run until they are told to stop, then drain."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import structlog
import typer

from doorstep.assembly import open_database
from doorstep.cli.terminal import console, run
from doorstep.identity.service import list_tenants
from doorstep.kernel.graphql.context import Services
from doorstep.kernel.logs import configure_logging, log_stray_errors
from doorstep.server import metrics_endpoint, running_server, running_worker, spare_the_collector
from doorstep.settings import Settings, get_settings

log = structlog.get_logger(__name__)


def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen; DOORSTEP_HOST, or this machine alone.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="On which port; DOORSTEP_PORT, or 8000. 0 takes a free one.")
    ] = None,
    no_work: Annotated[
        bool, typer.Option("--no-work", help="Only the API: jobs and plans are left to `doorstep work`.")
    ] = False,
) -> None:
    """Run the API, with jobs and solver in the same process unless --no-work."""
    settings = get_settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = settings.model_copy(update=given)
    configure_logging(settings.log_format, settings.log_level)
    log_stray_errors()
    run(lambda: _serve(settings, work=not no_work))


def work() -> None:
    """Run jobs and solver without the API; start as many of these, on as many machines, as you want."""
    settings = get_settings()
    configure_logging(settings.log_format, settings.log_level)
    log_stray_errors()
    run(lambda: _work(settings))


async def _serve(settings: Settings, *, work: bool) -> None:
    with _told_to_stop() as stop, metrics_endpoint(settings) as metrics_url:
        async with open_database(settings) as urls, running_server(settings, urls, work=work) as server:
            spare_the_collector()
            # Somebody may watch this for a readiness line: it comes when requests are answered.
            console.print(f"Doorstep listens on {server.url}")
            base = settings.public_url.rstrip("/") if settings.public_url else server.url
            console.print(f"GraphiQL   {base}/graphql")
            console.print(f"Metrics    {metrics_url}")
            await _say_more(settings, server.services)
            log.info("serving", url=server.url, metrics=metrics_url, work=work)
            await stop.wait()
            log.info("draining", seconds=settings.drain_seconds)
    log.info("stopped")


async def _work(settings: Settings) -> None:
    with _told_to_stop() as stop, metrics_endpoint(settings) as metrics_url:
        async with open_database(settings) as urls, running_worker(settings, urls):
            spare_the_collector()
            console.print("Doorstep works on jobs and plans")
            console.print(f"Metrics    {metrics_url}")
            log.info("working", metrics=metrics_url)
            await stop.wait()
            log.info("draining", seconds=settings.drain_seconds)
    log.info("stopped")


async def _say_more(settings: Settings, services: Services) -> None:
    """Where the data lies, and the next step of somebody who just installed this."""
    if settings.embedded:
        console.print(f"Data       {settings.home} (embedded PostgreSQL)", markup=False)
        if not await list_tenants(services.system):
            console.print("\nThere is no tenant yet. In another terminal:")
            console.print('  doorstep tenant create my-shop --name "My Shop"')
            console.print("  doorstep key create --tenant my-shop --name first")


@contextmanager
def _told_to_stop() -> Iterator[asyncio.Event]:
    """An event that SIGTERM or Ctrl-C sets: everything drains. A second one ends the process without waiting."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()

    def on_signal() -> None:
        if stop.is_set() and main is not None:
            main.cancel()
        stop.set()

    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, on_signal)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
