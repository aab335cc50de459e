"""``doorstep tenant suspend | resume | quota | show | usage | export | close``: running an installation for companies. With a server or without."""

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

import typer
from rich.table import Table

from doorstep.cli.database import system_database
from doorstep.cli.export_file import ExportFile
from doorstep.cli.tables import AsJson, print_json
from doorstep.cli.tenants import tenant
from doorstep.cli.terminal import CommandError, console, errors, run
from doorstep.identity.errors import UnknownTenant
from doorstep.identity.model import TenantStatus
from doorstep.identity.service import tenant_by_slug
from doorstep.identity.service.closing import closure_of, closures_of_slug, erase, record_export, seconds_to_settle
from doorstep.identity.service.exporting import Manifest, export
from doorstep.identity.service.operating import QUOTAS, resume, set_quotas, suspend
from doorstep.identity.service.usage import usage_of_all
from doorstep.kernel.db import Database, Row
from doorstep.kernel.ids import public_id
from doorstep.partners.jobs import leave_partners
from doorstep.partners.reads import count_open_tenders
from doorstep.settings import get_settings

__all__ = ["tenant"]

T = TypeVar("T")

Slug = Annotated[str, typer.Argument(help="The tenant's slug, as `doorstep tenant list` shows it.")]
_A_QUOTA = "A number, or `none` for no limit; left out, it stays as it is."


def _with_tenant(slug: str, work: Callable[[Database, Row], Awaitable[T]]) -> T:
    async def connected() -> T:
        async with system_database(get_settings()) as database:
            return await work(database, await tenant_by_slug(database, slug))

    return run(connected)


@tenant.command("suspend")
def suspend_command(
    slug: Slug,
    reason: Annotated[
        str | None, typer.Option(help="Why, for other operators; `doorstep tenant show` shows it.")
    ] = None,
) -> None:
    """Let nobody of a tenant in and run nothing for it, within 5 seconds. Nothing is lost."""
    _with_tenant(slug, lambda database, found: suspend(database, found, reason))
    console.print(f"Suspended. `doorstep tenant resume {slug}` lets it go on.")


@tenant.command("resume")
def resume_command(slug: Slug) -> None:
    """Let a suspended tenant go on where it stopped."""
    _with_tenant(slug, resume)
    console.print("Resumed.")


@tenant.command("quota")
def quota_command(
    slug: Slug,
    orders_per_day: Annotated[str | None, typer.Option(help=f"New orders on one civil day. {_A_QUOTA}")] = None,
    solver_seconds_per_day: Annotated[
        str | None, typer.Option(help=f"Solver time on one day, seconds. {_A_QUOTA}")
    ] = None,
    sockets: Annotated[str | None, typer.Option(help=f"Open sockets, at each server process. {_A_QUOTA}")] = None,
    storage_bytes: Annotated[str | None, typer.Option(help=f"Bytes before new orders are refused. {_A_QUOTA}")] = None,
    as_json: AsJson = False,
) -> None:
    """Set a tenant's quotas, and show them."""
    values = (orders_per_day, solver_seconds_per_day, sockets, storage_bytes)
    wanted = {name: _limit(name, text) for name, text in zip(QUOTAS, values, strict=True) if text is not None}

    async def work(database: Database, found: Row) -> Row:
        await set_quotas(database, found, wanted)
        return await tenant_by_slug(database, slug)

    _show_one(_quotas(_with_tenant(slug, work)), as_json)


@tenant.command("show")
def show_command(slug: Slug, as_json: AsJson = False) -> None:
    """Show a tenant, its state and its quotas."""

    async def work(_database: Database, found: Row) -> Row:
        return found

    found = _with_tenant(slug, work)
    shown = (
        "slug",
        "name",
        "mode",
        "status",
        "suspended_at",
        "suspended_reason",
        "time_zone",
        "country",
        "currency",
        "created_at",
    )
    facts = {"id": public_id("tenant", found["id"]), **{name: found[name] for name in shown}}
    _show_one({**facts, "quotas": _quotas(found)} if as_json else {**facts, **_quotas(found)}, as_json)


@tenant.command("usage")
def usage_command(
    slug: Annotated[str | None, typer.Argument(help="One tenant's slug; left out, all.")] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="The first day; left out, the first of this month.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="The last day; left out, up to now.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values, for billing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what tenants used by civil day: orders, processor seconds of the solver, points of operations, bytes stored."""
    now = datetime.now(UTC).date()
    # East of here it may be tomorrow already.
    days = (_day("--from", first) or now.replace(day=1), _day("--to", last) or now + timedelta(days=1))

    async def work() -> list[Row]:
        async with system_database(get_settings()) as database:
            one = (await tenant_by_slug(database, slug))["id"] if slug else None
            return await usage_of_all(database, *days, one)

    columns = ("tenant", "id", "day", "orders", "solver_seconds", "points", "storage_bytes")
    rows = [_usage(row) for row in run(work)]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif as_csv:
        typer.echo(_csv([columns, *rows]), nl=False)
    elif rows:
        console.print(_table(columns, rows))
    else:
        console.print(f"Nothing was used from {days[0]} to {days[1]}.")


@tenant.command("export")
def export_command(
    slug: Slug,
    to: Annotated[
        Path, typer.Option("--to", help="The file to write, such as shop.ndjson.gz; it must not be there yet.")
    ],
    as_json: AsJson = False,
) -> None:
    """Write everything that a tenant holds to a file: gzip'd JSON lines."""
    file = ExportFile(to)

    async def work(database: Database, found: Row) -> Manifest:
        with file.begin() as part:
            manifest = await _write(database, found, part)
        file.finish()
        return manifest

    manifest = _with_tenant(slug, work)
    facts = {"file": str(to), "bytes": manifest.bytes, "sha256": manifest.sha256, "rows": manifest.rows}
    _show_one(facts if as_json else {**facts, "rows": sum(manifest.rows.values())}, as_json)


@tenant.command("close")
def close_command(
    slug: Slug,
    export_to: Annotated[Path, typer.Option("--export", help="The file to export to before anything is erased.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    leave_partners: Annotated[
        bool,
        typer.Option(
            "--leave-partners",
            help="Also while orders are under way with partners: it gives back what it has not fetched, and of the rest they hear nothing more.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Export everything that a tenant holds, erase every row of it, and print a receipt. When it was killed, run it again."""

    async def work() -> Row:
        async with system_database(get_settings()) as database:
            try:
                found = await tenant_by_slug(database, slug)
            except UnknownTenant:
                if earlier := await closures_of_slug(database, slug):
                    return earlier[0]
                raise
            if not leave_partners:
                await _refuse_open_tenders(database, found)
            return await _close(database, found, ExportFile(export_to), ask=not yes)

    _show_one(_receipt(run(work)), as_json)


async def _close(database: Database, found: Row, file: ExportFile, *, ask: bool) -> Row:
    if ask:
        await asyncio.to_thread(_ask, found["slug"])
    closure = await closure_of(database, found["id"])
    if closure is None:
        with file.begin() as part:  # first, so that a name that will not do changes nothing
            await suspend(database, found, "It is being closed.")
            if seconds := await seconds_to_settle(database, found["id"]):
                errors.print(f"Suspended; waiting {seconds:.0f} s for what is under way.")
                await asyncio.sleep(seconds)
            if not await leave_partners(database, database, found["id"]):
                raise CommandError(
                    "Its partners could not be told of everything yet. Nothing was erased: run this again."
                )
            manifest = await _write(database, found, part)
        await record_export(database, found, manifest)
        file.finish()
    else:
        file.finish_left_behind(closure["export_sha256"])
        errors.print("Its export was written before; erasing goes on.")
    return await erase(database, found["id"])


async def _refuse_open_tenders(database: Database, found: Row) -> None:
    async with database.transaction() as tx:
        number = await count_open_tenders(tx, found["id"])
    if number and found["status"] != TenantStatus.CLOSING:
        raise CommandError(
            f"'{found['slug']}' has {number} orders offered to or under way with partners: let them be delivered, released or called off first. "
            "With --leave-partners open offers end, merchants get back what was not fetched, and of the rest nobody hears again."
        )


def _ask(slug: str) -> None:
    typer.echo(
        "Everything of this tenant will be exported and then erased for good, its usage for billing, too.", err=True
    )
    if typer.prompt("Type its slug to go on", err=True) != slug:
        raise CommandError("That is not its slug: nothing was done.")


async def _write(database: Database, found: Row, part: BinaryIO) -> Manifest:
    """The whole export, on the disk but not yet under its name."""
    manifest = Manifest()
    async with aclosing(export(database, found["id"], manifest)) as pieces:
        async for piece in pieces:
            part.write(piece)
    ExportFile.secure(part)
    return manifest


def _receipt(closure: Row) -> dict[str, Any]:
    times = {name: closure[name].isoformat(timespec="seconds") for name in ("exported_at", "closed_at")}
    facts = {"id": public_id("tenant", closure["id"]), **times}
    return {
        **facts,
        "export_sha256": closure["export_sha256"],
        "export_bytes": closure["export_bytes"],
        "erased": closure["erased"],
    }


def _quotas(found: Row) -> dict[str, int | None]:
    return {name: found[f"quota_{name}"] for name in QUOTAS}


def _limit(name: str, text: str) -> int | None:
    if text == "none":
        return None
    most = 2**31 - 1 if name == "sockets" else 2**53 - 1
    if not text.isascii() or not text.isdigit() or int(text) > most:
        raise CommandError(f"--{name.replace('_', '-')} takes a whole number, or none for no limit; not {text!r}.")
    return int(text)


def _day(option: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise CommandError(f"{option} takes a day such as 2027-03-01, not {text!r}.") from error


def _usage(row: Row) -> tuple[object, ...]:
    return (
        row["slug"], public_id("tenant", row["id"]), row["day"].isoformat(), row["orders"], round(row["solver_seconds"], 3), row["points"], row["storage_bytes"],
    )  # fmt: skip


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    table = Table(box=None)
    for name in columns:
        table.add_column(name.replace("_", " "), no_wrap=name in {"tenant", "day"}, overflow="fold")
    for row in rows:
        table.add_row(*("–" if value is None else str(value) for value in row))
    return table


def _show_one(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    table = Table(box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), _text(value))
    console.print(table)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name} {number:,}" for name, number in value.items())
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return "–" if value is None else str(value)
