"""The schema's version: bring it to the newest under a lock, and refuse to run on another one.

Migrations run as ``doorstep_owner`` whatever the login: every table has the same owner, and the default rights apply.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from doorstep.kernel.postgres import grants
from doorstep.kernel.postgres.errors import MigrationBusy, SchemaNotCurrent

MIGRATIONS = "doorstep:migrations"
_VERSION_TABLE = "alembic_version"
_LOCK_KEY = 0x646F6F7273746570  # "doorstep"
_LOCK_TIMEOUT = "30s"
_NOTICE_DEATH = "1s"  # a killed run ends, and with it its lock, also in the middle of a long statement


@dataclass(frozen=True)
class SchemaState:
    """Revision of a database (None: no tables yet) and the one that this Doorstep needs."""

    current: str | None
    head: str

    @property
    def is_current(self) -> bool:
        """Is the database just what this Doorstep needs?"""
        return self.current == self.head

    @property
    def is_newer(self) -> bool:
        """Was the database migrated by a Doorstep that knows more than this one?"""
        return self.current is not None and self.current not in _known_revisions()


async def migrate(owner_url: str, *, patience: float = 600.0) -> SchemaState:
    """Bring the schema of the database at ``owner_url`` to this Doorstep's; the state before is returned.

    One run at a time for each database: another one waits up to ``patience`` seconds, then raises ``MigrationBusy``.
    Raises ``SchemaNotCurrent`` when the schema is newer. A revision that fails is rolled back, those before it stay.
    """
    raw = await asyncpg.connect(owner_url, server_settings={"application_name": "doorstep migrate"})
    try:
        async with _only_run(raw, patience):
            before = await schema_state(raw)
            _refuse_newer(before)
            if not before.is_current:
                await _upgrade(raw)
            else:
                await _make_months(raw)
            return before
    finally:
        await raw.close()


async def schema_state(connection: asyncpg.Connection) -> SchemaState:
    """Where the schema of a database stands; any of the three roles may ask."""
    table = f"{grants.SCHEMA}.{_VERSION_TABLE}"
    current = None
    if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table):
        current = await connection.fetchval(f"SELECT version_num FROM {table}")
    return SchemaState(current, expected_head())


async def check_schema(connection: asyncpg.Connection) -> None:
    """Refuse a schema that is not this Doorstep's: ``SchemaNotCurrent`` names the remedy."""
    state = await schema_state(connection)
    _refuse_newer(state)
    if state.is_current:
        return
    found = f"is at revision {state.current}, this Doorstep needs {state.head}"
    if state.current is None:
        found = "has no tables yet"
    raise SchemaNotCurrent(
        f"The database {found}. Run 'doorstep migrate' with DATABASE_OWNER_URL set, then start again.",
        state.current,
        state.head,
    )


@cache
def expected_head() -> str:
    """The newest revision that this Doorstep carries."""
    return _scripts().get_current_head() or ""


def is_known_revision(revision: str) -> bool:
    """Whether a schema of that revision can be brought to this Doorstep's."""
    return revision in _known_revisions()


@cache
def _known_revisions() -> frozenset[str]:
    return frozenset(script.revision for script in _scripts().walk_revisions())


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    return config


def _refuse_newer(state: SchemaState) -> None:
    if state.is_newer:
        raise SchemaNotCurrent(
            f"The database was migrated by a newer Doorstep: its revision {state.current} is unknown here "
            f"(newest known: {state.head}). Install that newer Doorstep; migrations never go back.",
            state.current,
            state.head,
        )


@asynccontextmanager
async def _only_run(raw: asyncpg.Connection, patience: float) -> AsyncIterator[None]:
    """Hold the database's migration lock: it belongs to the session, so that a killed run frees it."""
    started = time.monotonic()
    while not await raw.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK_KEY):
        waited = time.monotonic() - started
        if waited >= patience:
            raise MigrationBusy(waited)
        await asyncio.sleep(min(0.25, patience))
    try:
        yield
    finally:
        if not raw.is_closed():
            await raw.execute(f"SELECT pg_advisory_unlock({_LOCK_KEY})")


async def _upgrade(raw: asyncpg.Connection) -> None:
    """Run Alembic on the session that holds the lock, which ends here. Busy tables are waited for, but not for ever."""
    await raw.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'; SET ROLE {grants.OWNER}")
    await raw.execute(f"SET client_connection_check_interval = '{_NOTICE_DEATH}'")

    async def same_session() -> asyncpg.Connection:
        return raw

    engine = create_async_engine("postgresql+asyncpg://", async_creator=same_session, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run_alembic)
        await connection.exec_driver_sql(
            f"REVOKE INSERT, UPDATE, DELETE ON {_VERSION_TABLE} FROM {', '.join(grants.RUNTIME_ROLES)}"
        )
        await connection.commit()


async def _make_months(raw: asyncpg.Connection) -> None:
    """The log's next months, which a migration makes as well. Where somebody holds the log, or there is none, it is the worker's business."""
    with suppress(asyncpg.LockNotAvailableError, asyncpg.UndefinedFunctionError):
        await raw.execute(f"SET ROLE {grants.OWNER}")
        await raw.execute("SELECT doorstep_ensure_event_partitions(3)")


def _run_alembic(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
