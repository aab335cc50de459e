"""One demo day from its first minute to its last order."""

import asyncio
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from doorstep.assembly import open_database
from doorstep.demo.board import Board
from doorstep.demo.client import ApiClient
from doorstep.demo.dispatcher import CompanyDay, close_day, open_day, plan_day
from doorstep.demo.documents import TO_PASTE
from doorstep.demo.ground import Ground, load_addresses, prepare
from doorstep.demo.robot import Robot
from doorstep.demo.world import COMPANIES, OPENING, Company
from doorstep.identity.errors import UnknownTenant
from doorstep.identity.service import (
    CACHE_SECONDS,
    NewTenant,
    create_key,
    create_tenant,
    revoke_keys_named,
    set_clock,
    tenant_by_slug,
)
from doorstep.kernel.db import Database, DatabaseUrls, Row
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.kernel.time import Clock
from doorstep.server import Server, running_server
from doorstep.settings import Settings

KEY_NAME = "demo"
BEFORE_OPENING = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line says: ``speed`` is how many times faster than the wall the day runs."""

    speed: float = 60.0
    osm: str | None = None
    once: bool = False
    fresh: bool = False
    port: int = 8000


def demo_settings(settings: Settings, options: DemoOptions) -> Settings:
    """The demo's own settings: always embedded, with a data folder of its own."""
    own = {"database_url": None, "database_system_url": None, "database_owner_url": None, "home": settings.home / "demo"}
    return settings.model_copy(update={**own, "port": options.port})


async def run_day(settings: Settings, options: DemoOptions, console: Console) -> None:
    """Play a day; returns when it is over (``once``) or is cancelled by Ctrl-C."""
    started = time.monotonic()
    if options.fresh:
        await asyncio.to_thread(shutil.rmtree, settings.home, ignore_errors=True)
    await asyncio.to_thread(settings.home.mkdir, parents=True, exist_ok=True)
    with _steps(console) as steps:
        ground = await prepare(settings.home, options.osm, steps.show)
        steps.show("Starting PostgreSQL", 0.0)
        async with open_database(settings) as urls:
            await load_addresses(urls.system, settings.home, steps.show)
            async with running_server(settings, urls, work=True) as server:
                await _play(settings, options, console, Stage(urls, server, ground, steps, started))


class _Steps:
    """What is being prepared, as one line with a spinner."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("Preparing", total=1.0)

    def show(self, label: str, done: float) -> None:
        """Say what happens now."""
        share = f" {done:.0%}" if 0 < done < 1 else ""
        self._progress.update(self._task, description=f"{label}{share}", completed=done)

    def say(self, text: str) -> None:
        """Leave a line behind."""
        self._progress.console.print(text)

    def __enter__(self) -> "_Steps":
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def hide(self) -> None:
        """Make room for the table."""
        self._progress.stop()
        self._progress.remove_task(self._task)


def _steps(console: Console) -> _Steps:
    return _Steps(Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True))


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a day is played on."""

    urls: DatabaseUrls
    server: Server
    ground: Ground
    steps: _Steps
    started: float


async def _play(settings: Settings, options: DemoOptions, console: Console, stage: Stage) -> None:
    number = await asyncio.to_thread(_next_day, settings.home)
    midnight = _midnight(stage.ground.time_zone, number)
    opening = (midnight + OPENING - BEFORE_OPENING).timestamp()
    system = Database(stage.urls.system, pool_size=2, name="doorstep demo")
    days: list[CompanyDay] = []
    try:
        tenants = [await _tenant(system, company, stage.ground) for company in COMPANIES]
        await _set_clocks(system, tenants, Clock(time.time(), opening, 1.0))
        for company, tenant in zip(COMPANIES, tenants, strict=True):
            _, key = await create_key(system, tenant, KEY_NAME, sorted(ALL_PERMISSIONS))
            stage.steps.say(f"[bold]{company.name}[/bold]  key [cyan]{key}[/cyan]")
            days.append(CompanyDay(company, ApiClient(stage.server.url, key)))
        _say_where(console, stage)
        await _drive(options, console, stage, system, tenants, days, midnight, number)
    finally:
        for day in days:
            await day.api.close()
        await system.close()


def _say_where(console: Console, stage: Stage) -> None:
    if stage.ground.note:
        console.print(f"[yellow]{stage.ground.note}[/yellow]")
    lines = [f"GraphiQL: [link={stage.server.url}/graphql]{stage.server.url}/graphql[/link]  (enter one of the keys above)"]
    for sentence, document in TO_PASTE:
        lines += ["", f"[dim]# {sentence}[/dim]", document]
    console.print(Panel("\n".join(lines), title="Try it", expand=False))


async def _drive(
    options: DemoOptions,
    console: Console,
    stage: Stage,
    system: Database,
    tenants: list[Row],
    days: list[CompanyDay],
    midnight: datetime,
    number: int,
) -> None:
    shifts = await _open_all(stage, days, midnight, number)
    board = Board(days, Clock(time.time(), (midnight + OPENING).timestamp(), 1.0), stage.server.url)
    board.start()
    try:
        for day, shift_ids in zip(days, shifts, strict=True):

            async def progress(phase: str, name: str = day.company.name) -> None:
                stage.steps.show(f"Planning for {name}: {phase.lower()}", 0.0)

            await plan_day(day, shift_ids, stage.steps.say, progress)
        stage.steps.show("Opening", 1.0)
        clock = Clock(time.time() + CACHE_SECONDS, (midnight + OPENING).timestamp(), options.speed)
        await _set_clocks(system, tenants, clock)
        board.clock = clock
        await asyncio.sleep(CACHE_SECONDS + 0.5)
        stage.steps.hide()
        with Live(board, console=console, refresh_per_second=4, transient=False):
            await _robots(days, clock, board, stage.started)
            for day in days:
                await close_day(day)
            await asyncio.wait_for(board.all_final.wait(), 60)
        console.print(f"The day is over: {board.finished} orders are final. First DELIVERED after {board.first_seconds:.0f} s.")
        if not options.once:
            console.print("The API stays open; Ctrl-C ends it.")
            await asyncio.Event().wait()
    finally:
        await board.close()


async def _open_all(stage: Stage, days: list[CompanyDay], midnight: datetime, number: int) -> list[list[str]]:
    shifts = []
    homes = stage.ground.addresses[: len(days)]
    for day, home in zip(days, homes, strict=True):
        stage.steps.show(f"Orders of {day.company.name}", 0.0)
        shifts.append(await open_day(day, home, stage.ground.addresses[len(days) :], midnight, number))
    return shifts


async def _robots(days: list[CompanyDay], clock: Clock, board: Board, started: float) -> None:
    async def first() -> None:
        await board.first_delivered.wait()
        board.first_seconds = time.monotonic() - started

    async with asyncio.TaskGroup() as group:
        watch = group.create_task(first())
        robots = [
            group.create_task(Robot(day.api, clock, route, day.vehicle_of[route]).drive()) for day in days for route in day.route_ids
        ]
        await asyncio.wait(robots)
        watch.cancel()


async def _tenant(system: Database, company: Company, ground: Ground) -> Row:
    """The company's tenant, made on the first day; the keys of earlier days are revoked."""
    try:
        tenant = await tenant_by_slug(system, company.slug)
    except UnknownTenant:
        await create_tenant(system, NewTenant(company.slug, company.name, ground.time_zone, ground.country))
        return await tenant_by_slug(system, company.slug)
    await revoke_keys_named(system, tenant, KEY_NAME)
    return tenant


async def _set_clocks(system: Database, tenants: list[Row], clock: Clock) -> None:
    for tenant in tenants:
        await set_clock(system, tenant, clock)


def _next_day(home: Path) -> int:
    """How many days this data folder has seen, this one included: each start plays a new one."""
    counter = home / "day"
    number = int(counter.read_text()) + 1 if counter.is_file() else 1
    counter.write_text(str(number))
    return number


def _midnight(time_zone: str, number: int) -> datetime:
    """The start of the demo's civil day: today for the first start, then a day on for each."""
    zone = ZoneInfo(time_zone)
    today = datetime.now(zone).date()
    return datetime.combine(today + timedelta(days=number - 1), datetime.min.time(), zone).astimezone(UTC)
