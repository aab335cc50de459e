"""``doorstep tenant`` and ``doorstep key``: who may use this installation. They work while a server runs and without one."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from doorstep.cli.database import system_database
from doorstep.cli.signing_in import sign_in
from doorstep.cli.tables import AsJson, print_json, show
from doorstep.cli.terminal import CommandError, console, run
from doorstep.identity.model import TenantMode
from doorstep.identity.service import (
    NewTenant,
    create_key,
    create_organization,
    list_keys,
    list_tenants,
    revoke_key,
    tenant_by_slug,
)
from doorstep.identity.service.closing import closures
from doorstep.identity.service.tenants import TEST_SUFFIX
from doorstep.kernel.db import Row
from doorstep.kernel.ids import InvalidId, parse_id, public_id
from doorstep.kernel.scope import Permission
from doorstep.places.addresses import country as checked_country
from doorstep.settings import get_settings

tenant = typer.Typer(name="tenant", help="Companies on this installation.", no_args_is_help=True)
tenant.add_typer(sign_in)
key = typer.Typer(name="key", help="API keys of a tenant.", no_args_is_help=True)

TenantSlug = Annotated[str, typer.Option("--tenant", help="The tenant's slug.")]


@tenant.command("create")
def create_tenant_command(
    slug: Annotated[str, typer.Argument(help="A short name: lower-case letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="The company's name; left out, the slug.")] = "",
    time_zone: Annotated[str, typer.Option(help="IANA time zone of its civil days, such as Europe/Vaduz.")] = "UTC",
    country: Annotated[
        str | None, typer.Option(help="Two letters; taken where an address or telephone number names no country.")
    ] = None,
    currency: Annotated[str, typer.Option(help="ISO 4217 code of its amounts.")] = "EUR",
    as_json: AsJson = False,
) -> None:
    """Make a company: its tenant for real deliveries, and beside it a sandbox with the slug SLUG-test."""
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,56}[a-z0-9])?", slug):
        raise CommandError("A slug is 1 to 58 lower-case letters, digits and hyphens, such as corner-shop.")
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise CommandError("A currency is three capital letters, such as EUR.")
    new = NewTenant(
        slug=slug,
        name=name.strip() or slug,
        time_zone=_time_zone(time_zone),
        country=checked_country(country) if country else None,
        currency=currency,
    )

    async def work() -> dict[TenantMode, UUID]:
        async with system_database(get_settings()) as database:
            return await create_organization(database, new)

    made = run(work)
    identifier, sandbox = public_id("tenant", made[TenantMode.LIVE]), public_id("tenant", made[TenantMode.TEST])
    if as_json:
        print_json({"id": identifier, "slug": slug, "test": {"id": sandbox, "slug": f"{slug}{TEST_SUFFIX}"}})
    else:
        console.print(
            f"Made the tenant [bold]{slug}[/bold] ({identifier}) and its sandbox [bold]{slug}{TEST_SUFFIX}[/bold]."
        )
        console.print(f"Next: doorstep key create --tenant {slug} --name first")


@tenant.command("list")
def list_tenants_command(as_json: AsJson = False) -> None:
    """Show all tenants, and by their ids those that were closed."""

    async def work() -> list[dict[str, Any]]:
        async with system_database(get_settings()) as database:
            tenants = [{**tenant, "closed_at": None} for tenant in await list_tenants(database)]
            return tenants + [_closed(closure) for closure in await closures(database)]

    everything = ("slug", "name", "mode", "status", "time_zone", "country", "currency", "closed_at")
    columns = (
        everything if as_json else ("slug", "name", "status", "closed_at")
    )  # a terminal is narrow: `show` has the rest
    show(run(work), columns, "tenant", as_json, "There is no tenant yet: doorstep tenant create my-shop")


@key.command("create")
def create_key_command(
    tenant_slug: TenantSlug,
    name: Annotated[str, typer.Option(help="What the key is for, such as till.")],
    scopes: Annotated[
        list[Permission] | None,
        typer.Option("--scope", help="What it may do; may be given several times. Default: all."),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="After how many days it expires. Default: never.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key. It is shown now and never again."""
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None

    async def work() -> tuple[UUID, str]:
        async with system_database(get_settings()) as database:
            owner = await tenant_by_slug(database, tenant_slug)
            return await create_key(database, owner, name, scopes or list(Permission), expires_at)

    key_id, secret = run(work)
    if as_json:
        print_json({"id": public_id("key", key_id), "key": secret})
    else:
        console.print(f"Made the key {public_id('key', key_id)}. It is shown once:")
        console.print(secret, style="bold", markup=False)


@key.command("list")
def list_keys_command(tenant_slug: TenantSlug, as_json: AsJson = False) -> None:
    """Show a tenant's keys, without their secrets."""

    async def work() -> list[Row]:
        async with system_database(get_settings()) as database:
            return await list_keys(database, await tenant_by_slug(database, tenant_slug))

    columns = ("name", "scopes", "expires_at", "revoked_at", "last_used_at")
    empty = f"This tenant has no key yet: doorstep key create --tenant {tenant_slug} --name first"
    show(run(work), columns, "key", as_json, empty)


@key.command("revoke")
def revoke_key_command(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `doorstep key list` shows it.")],
    tenant_slug: TenantSlug,
) -> None:
    """Revoke a key; it stops working within 5 seconds."""
    try:
        identifier = parse_id("key", key_id)
    except InvalidId as error:
        raise CommandError(f"{key_id!r} is no key's id: {error}.") from error

    async def work() -> None:
        async with system_database(get_settings()) as database:
            await revoke_key(database, await tenant_by_slug(database, tenant_slug), identifier)

    run(work)
    console.print("Revoked.")


def _closed(closure: Row) -> dict[str, Any]:
    nothing = dict.fromkeys(("slug", "name", "mode", "time_zone", "country", "currency"))
    return {**nothing, "id": closure["id"], "status": "CLOSED", "closed_at": closure["closed_at"]}


def _time_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CommandError(f"{name!r} is no IANA time zone, such as Europe/Vaduz.") from error
