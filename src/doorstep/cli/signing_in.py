"""``doorstep tenant sign-in``: whose OpenID Connect tokens sign a tenant's people in. The operator's alone, see ``identity.oidc.providers``."""

from typing import Annotated
from uuid import UUID

import httpx
import typer

from doorstep.cli.database import system_database
from doorstep.cli.tables import AsJson, print_json, show
from doorstep.cli.terminal import CommandError, console, run
from doorstep.identity.errors import UnusableIssuer
from doorstep.identity.oidc.issuer_keys import FETCH_SECONDS, fetch_keys
from doorstep.identity.oidc.providers import add_provider, list_providers, remove_provider
from doorstep.identity.service import tenant_by_slug
from doorstep.kernel.db import Row
from doorstep.kernel.ids import InvalidId, parse_id, public_id
from doorstep.settings import get_settings

sign_in = typer.Typer(
    name="sign-in", help="OpenID Connect issuers that sign a tenant's people in.", no_args_is_help=True
)

Slug = Annotated[str, typer.Argument(help="The tenant's slug.")]


@sign_in.command("add")
def add_command(
    slug: Slug,
    issuer: Annotated[str, typer.Option(help="The issuer, to the letter as its tokens name it in `iss`.")],
    audience: Annotated[str, typer.Option(help="What its tokens name in `aud`, such as the portal's client id.")],
    as_json: AsJson = False,
) -> None:
    """Let an issuer's tokens sign people in."""

    async def work() -> tuple[UUID, str | None]:
        async with system_database(get_settings()) as database:
            identifier = await add_provider(database, await tenant_by_slug(database, slug), issuer, audience)
        return identifier, await _obstacle(issuer)

    identifier, obstacle = run(work)
    if as_json:
        print_json({"id": public_id("signin", identifier), "obstacle": obstacle})
        return
    console.print(f"Added {public_id('signin', identifier)}.")
    if obstacle:
        console.print(f"From here its keys cannot be had now: {obstacle}", markup=False)


@sign_in.command("list")
def list_command(slug: Slug, as_json: AsJson = False) -> None:
    """Show a tenant's issuers."""

    async def work() -> list[Row]:
        async with system_database(get_settings()) as database:
            return await list_providers(database, await tenant_by_slug(database, slug))

    empty = f"Nobody signs in by OpenID Connect yet: doorstep tenant sign-in add {slug} --issuer … --audience …"
    show(run(work), ("issuer", "audience", "created_at"), "signin", as_json, empty)


@sign_in.command("remove")
def remove_command(
    slug: Slug, provider_id: Annotated[str, typer.Argument(help="Its id, as `doorstep tenant sign-in list` shows it.")]
) -> None:
    """End sign-in by an issuer; its tokens stop working within 5 seconds."""
    try:
        identifier = parse_id("signin", provider_id)
    except InvalidId as error:
        raise CommandError(f"{provider_id!r} is no provider's id: {error}.") from error

    async def work() -> None:
        async with system_database(get_settings()) as database:
            await remove_provider(database, await tenant_by_slug(database, slug), identifier)

    run(work)
    console.print("Removed.")


async def _obstacle(issuer: str) -> str | None:
    """Why the issuer's keys cannot be had from here, so that a slip of the pen shows at once; the servers may see it otherwise."""
    async with httpx.AsyncClient(timeout=httpx.Timeout(FETCH_SECONDS)) as http:
        try:
            await fetch_keys(http, issuer)
        except UnusableIssuer as error:
            return str(error)
    return None
