"""``doorstep partner``: the operator redeems a merchant's invitation for a carrier that has no credential of its own yet."""

from typing import Annotated
from uuid import UUID

import typer

from doorstep.cli.database import system_database
from doorstep.cli.terminal import CommandError, console, run
from doorstep.identity.service import system_principal, tenant_by_slug
from doorstep.kernel.errors import DoorstepError
from doorstep.kernel.ids import public_id
from doorstep.partners.service import accept_partnership
from doorstep.settings import get_settings

partner = typer.Typer(name="partner", help="Partnerships between tenants.", no_args_is_help=True)


@partner.callback()
def with_commands() -> None:
    """Keeps a single command a command: typer would make it the group itself."""


@partner.command("redeem")
def redeem_command(
    token: Annotated[str, typer.Argument(help="The invitation's token, or its whole link.")],
    tenant_slug: Annotated[str, typer.Option("--tenant", help="The carrier's slug.")],
) -> None:
    """Make a tenant the carrier of the merchant who made the invitation; `doorstep tenant create` makes a new one first."""

    async def work() -> str:
        async with system_database(get_settings()) as database:
            tenant = await tenant_by_slug(database, tenant_slug)
            principal = await system_principal(database, tenant["id"])
            async with database.write(principal) as scope:
                outcome: str = (await accept_partnership(scope, token))["id"]
                return outcome

    try:
        identifier = run(work)
    except DoorstepError as refusal:
        raise CommandError(refusal.message) from refusal
    console.print(f"'{tenant_slug}' is a carrier now ({public_id('partnership', UUID(identifier))}).")
    console.print(f"If it has no key yet: doorstep key create --tenant {tenant_slug} --name first")
