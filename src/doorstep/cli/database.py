"""``doorstep migrate``, and the database that operator commands (tenants, keys, maps) use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from doorstep.assembly import MissingUrl, connect, open_database
from doorstep.cli.terminal import console, run
from doorstep.kernel.db import Database
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.migrate import SchemaState, check_schema, expected_head
from doorstep.kernel.postgres.migrate import migrate as migrate_database
from doorstep.kernel.postgres.roles import check_runtime_role, prepare_roles
from doorstep.settings import Settings, get_settings


def migrate() -> None:
    """Bring the database's schema to this version of Doorstep; on an external database also make the roles.

    An external database needs DATABASE_OWNER_URL (an administrator, or doorstep_owner). DATABASE_URL and DATABASE_SYSTEM_URL, when set, bring
    the passwords of the two roles that run. What the login may not do is printed as SQL for an administrator.
    """
    settings = get_settings()
    before = run(lambda: _migrate_embedded(settings) if settings.embedded else _migrate_external(settings))
    if before.is_current:
        console.print(f"The schema is current ({before.head}).")
    else:
        console.print(f"Migrated from {before.current or 'nothing'} to {expected_head()}.")


async def _migrate_embedded(settings: Settings) -> SchemaState:
    cluster = await asyncio.to_thread(EmbeddedCluster.start, settings.home)
    try:
        return await migrate_database(cluster.owner_url)
    finally:
        await asyncio.to_thread(cluster.release)


async def _migrate_external(settings: Settings) -> SchemaState:
    if settings.database_owner_url is None:
        raise MissingUrl(
            "`doorstep migrate` needs DATABASE_OWNER_URL: the login of an administrator or of doorstep_owner. "
            "DATABASE_URL and DATABASE_SYSTEM_URL are for the two roles that run."
        )
    await (await connect(settings.database_owner_url, "DATABASE_OWNER_URL")).close()
    made = await prepare_roles(
        settings.database_owner_url, system_url=settings.database_system_url, app_url=settings.database_url
    )
    for what in made:
        console.print(f"Made: {what}", markup=False)
    return await migrate_database(settings.database_owner_url)


@asynccontextmanager
async def system_login(settings: Settings) -> AsyncIterator[str]:
    """The system role's address: of the embedded database (started, or shared with a server that runs), or of the external one, checked."""
    if settings.embedded:
        async with open_database(settings) as urls:
            yield urls.system
        return
    url = settings.database_system_url
    if url is None:
        raise MissingUrl("This command needs DATABASE_SYSTEM_URL: the login of the role doorstep_system.")
    connection = await connect(url, "DATABASE_SYSTEM_URL")
    try:
        await check_runtime_role(connection, "system")
        await check_schema(connection)
    finally:
        await connection.close()
    yield url


@asynccontextmanager
async def system_database(settings: Settings) -> AsyncIterator[Database]:
    """A small pool of the system role."""
    async with system_login(settings) as url:
        database = Database(url, pool_size=2, name="doorstep command")
        try:
            yield database
        finally:
            await database.close()
