"""``doorstep member``: who may sign in to a company's portals. The company's own owners do the rest through the API."""

from typing import Annotated
from uuid import UUID

import typer

from doorstep.cli.database import system_database
from doorstep.cli.tables import AsJson, print_json, show
from doorstep.cli.tenants import TenantSlug
from doorstep.cli.terminal import console, run
from doorstep.identity.permissions import Role
from doorstep.identity.service import tenant_by_slug
from doorstep.identity.service.owners import add_member, list_members, recover_owner
from doorstep.kernel.db import Row
from doorstep.kernel.ids import public_id
from doorstep.settings import get_settings

member = typer.Typer(name="member", help="People who may sign in to a company's portals.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The e-mail address that their sign-in must have verified.")]


@member.command("add")
def add_member_command(
    email: Email,
    tenant_slug: TenantSlug,
    name: Annotated[str, typer.Option(help="Their name; left out, the address.")] = "",
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.OWNER,
    as_json: AsJson = False,
) -> None:
    """Let somebody sign in: the first owner of a company."""

    async def work() -> UUID:
        async with system_database(get_settings()) as database:
            return await add_member(database, await tenant_by_slug(database, tenant_slug), email, name, role)

    _say(run(work), f"may sign in as {role.value}.", as_json)


@member.command("list")
def list_members_command(tenant_slug: TenantSlug, as_json: AsJson = False) -> None:
    """Show a company's members."""

    async def work() -> list[Row]:
        async with system_database(get_settings()) as database:
            return await list_members(database, await tenant_by_slug(database, tenant_slug))

    empty = f"This company has no members yet: doorstep member add owner@example.org --tenant {tenant_slug}"
    show(run(work), ("email", "name", "role", "status", "last_seen_at"), "member", as_json, empty)


@member.command("recover-owner")
def recover_owner_command(email: Email, tenant_slug: TenantSlug, as_json: AsJson = False) -> None:
    """Make whoever next signs in with this verified address an owner, when a company has lost its last one."""

    async def work() -> UUID:
        async with system_database(get_settings()) as database:
            return await recover_owner(database, await tenant_by_slug(database, tenant_slug), email)

    _say(run(work), "is an owner at the next sign-in.", as_json)


def _say(member_id: UUID, what: str, as_json: bool) -> None:
    identifier = public_id("member", member_id)
    if as_json:
        print_json({"id": identifier})
    else:
        console.print(f"{identifier} {what}")
