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
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from doorstep.assembly import open_database
from doorstep.demo.board import Board
from doorstep.demo.client import ApiClient
from doorstep.demo.dispatcher import CompanyDay, close_day, give_orders, open_day, plan_day
from doorstep.demo.documents import TO_PASTE, TO_PASTE_AS_CARRIER, TO_PASTE_AS_MERCHANT
from doorstep.demo.ground import Ground, load_addresses, near_roads, prepare
from doorstep.demo.robot import Robot
from doorstep.demo.world import CARRIER, COMPANIES, MERCHANT, OPENING, TENDERED, Company
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
from doorstep.kernel.db import Database, Row
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.kernel.time import Clock
from doorstep.places.roads import Roads
from doorstep.server import Server, running_server
from doorstep.settings import Settings

KEY_NAME = "demo"
BEFORE_OPENING = timedelta(minutes=10)
LAST_WORDS_SECONDS = 60


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
    own = {
        "database_url": None,
        "database_system_url": None,
        "database_owner_url": None,
        "home": settings.home / "demo",
    }
    return settings.model_copy(update={**own, "port": options.port})


async def run_day(settings: Settings, options: DemoOptions, console: Console) -> None:
    """Play a day; returns when it is over (``once``) or is cancelled by Ctrl-C."""
    started = time.monotonic()
    if options.fresh:
        await asyncio.to_thread(EmbeddedCluster.remove, settings.home)
        await asyncio.to_thread(shutil.rmtree, settings.home, ignore_errors=True)
    await asyncio.to_thread(settings.home.mkdir, parents=True, exist_ok=True)
    with _steps(console) as steps:
        ground = await prepare(settings.home, options.osm, steps.show)
        steps.show("Starting PostgreSQL", 0.0)
        async with open_database(settings) as urls:
            await load_addresses(urls.system, settings.home, steps.show)
            async with running_server(settings, urls, work=True) as server:
                number = await asyncio.to_thread(_next_day, settings.home)
                system = Database(urls.system, pool_size=2, name="doorstep demo")
                try:
                    await DemoDay(options, console, server, ground, number).play(system, steps, started)
                finally:
                    await system.close()


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
    return _Steps(
        Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
        )
    )


class DemoDay:
    """A day on a running server: tenants and their clock, plans, robots, the table."""

    def __init__(self, options: DemoOptions, console: Console, server: Server, ground: Ground, number: int) -> None:
        self._options = options
        self._console = console
        self._server = server
        self._ground = ground
        self._number = number
        self._midnight = _midnight(ground.time_zone, number)
        self._tenants: list[Row] = []
        self._days: list[CompanyDay] = []

    async def play(self, system: Database, steps: _Steps, started: float) -> None:
        """From the first tenant to the last order."""
        try:
            await self._open_tenants(system, steps)
            self._say_where()
            clock = Clock(time.time(), (self._midnight + OPENING - BEFORE_OPENING).timestamp(), 1.0)
            await self._set_clocks(system, clock)
            shifts = await self._open_days(steps)
            await self._tender(steps)
            board = Board(self._days, clock, ZoneInfo(self._ground.time_zone), self._server.url)
            board.start()
            try:
                await self._plan(shifts, steps)
                steps.show("Opening", 1.0)
                board.clock = await self._open(system)
                steps.hide()
                await self._drive(board, started)
            finally:
                await board.close()
        finally:
            for day in self._days:
                await day.api.close()

    async def _open_tenants(self, system: Database, steps: _Steps) -> None:
        for company in COMPANIES:
            tenant = await _tenant(system, company, self._ground)
            _, key = await create_key(system, tenant, KEY_NAME, sorted(ALL_PERMISSIONS))
            steps.say(f"[bold]{company.name}[/bold]\n[cyan]{key}[/cyan]")
            self._tenants.append(tenant)
            self._days.append(CompanyDay(company, ApiClient(self._server.url, key)))

    def _say_where(self) -> None:
        if self._ground.note:
            self._console.print(f"[yellow]{self._ground.note}[/yellow]")
        page = f"{self._server.url}/graphql"
        self._console.print(f"\nGraphiQL: {page}  (enter one of the keys above), and what to paste there:")
        for sentence, document in TO_PASTE:
            # Without a frame and unbroken, so that it can be copied as it stands.
            self._console.print(f"\n[dim]# {sentence}[/dim]\n{escape(document)}", soft_wrap=True)
        self._console.print()

    async def _set_clocks(self, system: Database, clock: Clock) -> None:
        for tenant in self._tenants:
            await set_clock(system, tenant, clock)

    async def _open_days(self, steps: _Steps) -> list[list[str]]:
        addresses = await near_roads(self._server.services.get(Roads), self._ground.addresses)
        shifts = []
        for day, home in zip(self._days, addresses, strict=False):
            steps.show(f"Orders of {day.company.name}", 0.0)
            shifts.append(await open_day(day, home, addresses[len(self._days) :], self._midnight, self._number))
        return shifts

    async def _tender(self, steps: _Steps) -> None:
        """The restaurant has some of its orders brought by its carrier."""
        day_of = {day.company.slug: day for day in self._days}
        merchant, carrier = day_of[MERCHANT], day_of[CARRIER]
        await give_orders(merchant, carrier, TENDERED)
        steps.say(
            f"{merchant.company.name} has {len(merchant.given_ids)} orders brought by its carrier {carrier.company.name}"
        )
        for day, document in ((merchant, TO_PASTE_AS_MERCHANT), (carrier, TO_PASTE_AS_CARRIER)):
            self._console.print(
                f"\n[dim]# What {day.company.name} follows of it, with its own key (a subscription)[/dim]"
            )
            self._console.print(escape(document), soft_wrap=True)

    async def _plan(self, shifts: list[list[str]], steps: _Steps) -> None:
        for day, shift_ids in zip(self._days, shifts, strict=True):

            async def progress(phase: str, name: str = day.company.name) -> None:
                steps.show(f"Planning for {name}: {phase.lower()}", 0.0)

            await plan_day(day, shift_ids, steps.say, progress)

    async def _open(self, system: Database) -> Clock:
        """Let the companies' clock run at the demo's speed, once every process has heard of it."""
        wait = CACHE_SECONDS + 0.5
        clock = Clock(time.time() + wait, (self._midnight + OPENING).timestamp(), self._options.speed)
        await self._set_clocks(system, clock)
        await asyncio.sleep(wait)
        return clock

    async def _drive(self, board: Board, started: float) -> None:
        with Live(board, console=self._console, refresh_per_second=4, transient=False):
            await self._robots(board, started)
            for day in self._days:
                await close_day(day)
            await asyncio.wait_for(board.all_final.wait(), LAST_WORDS_SECONDS)
        self._console.print(
            f"\nThe day is over: {board.finished} orders are final. First DELIVERED after {board.first_seconds:.0f} s."
        )
        if not self._options.once:
            self._console.print("The API stays open; Ctrl-C ends it.")
            await asyncio.Event().wait()

    async def _robots(self, board: Board, started: float) -> None:
        async def first() -> None:
            await board.first_delivered.wait()
            board.first_seconds = time.monotonic() - started

        watch = asyncio.create_task(first())
        try:
            async with asyncio.TaskGroup() as group:
                for day in self._days:
                    for route in day.route_ids:
                        group.create_task(Robot(day.api, board.clock, route, day.vehicle_of[route]).drive())
        finally:
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
