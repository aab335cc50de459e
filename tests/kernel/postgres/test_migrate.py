"""Migrations under a lock, as the owner; another schema is refused with the remedy."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from tests.kernel.postgres.conftest import eventually, query

import doorstep
from doorstep.kernel.postgres import migrate as module
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.errors import MigrationBusy, SchemaNotCurrent
from doorstep.kernel.postgres.migrate import SchemaState, check_schema, expected_head, migrate, schema_state

REVISION = '''"""made for a test"""
from alembic import op

revision = {name!r}
down_revision = {below!r}


def upgrade():
    {action}
'''

Publish = Callable[..., None]


@pytest.fixture
def database(shared_cluster: EmbeddedCluster) -> Iterator[str]:
    name = f"m{uuid4().hex[:8]}"
    shared_cluster.create_database(name)
    yield name
    shared_cluster.drop_database(name)


def forget() -> None:
    for cached in (module.expected_head, module._known_revisions, module._scripts):
        cached.cache_clear()


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publish]:
    """A Doorstep with just these revisions: name to what it does."""
    shutil.copy(Path(doorstep.__path__[0], "migrations", "env.py"), tmp_path)
    (tmp_path / "versions").mkdir()
    monkeypatch.setattr(module, "MIGRATIONS", str(tmp_path))

    def write(**actions: str) -> None:
        below = None
        for name, action in actions.items():
            (tmp_path / "versions" / f"{name}.py").write_text(REVISION.format(name=name, below=below, action=action))
            below = name
        for path in (tmp_path / "versions").glob("*.py"):
            if path.stem not in actions:
                path.unlink()
        forget()

    yield write
    forget()


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def check(url: str) -> SchemaState:
    connection = await asyncpg.connect(url)
    try:
        await check_schema(connection)
        return await schema_state(connection)
    finally:
        await connection.close()


async def test_from_nothing_to_the_newest(shared_cluster: EmbeddedCluster, database: str, publish: Publish) -> None:
    publish(one='op.execute("CREATE TABLE one ()")', two='op.execute("CREATE TABLE two (n int)")')
    owner, app = shared_cluster.url("owner", database), shared_cluster.url("app", database)
    with pytest.raises(SchemaNotCurrent, match=r"no tables yet.*doorstep migrate"):
        await check(app)
    assert await migrate(owner) == SchemaState(None, "two")
    assert await check(app) == SchemaState("two", "two")
    assert await migrate(owner) == SchemaState("two", "two")
    assert await ask(app, "INSERT INTO two VALUES (7) RETURNING n") == 7
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ask(app, "DELETE FROM alembic_version")


async def test_an_older_and_a_newer_schema_are_refused(
    shared_cluster: EmbeddedCluster, database: str, publish: Publish
) -> None:
    publish(one='op.execute("CREATE TABLE one ()")')
    owner, system = shared_cluster.url("owner", database), shared_cluster.url("system", database)
    await migrate(owner)
    publish(one="pass", two='op.execute("CREATE TABLE two ()")')
    with pytest.raises(SchemaNotCurrent, match=r"revision one.*needs two.*'doorstep migrate'") as older:
        await check(system)
    assert (older.value.current, older.value.head) == ("one", "two")
    await migrate(owner)
    publish(one="pass")
    with pytest.raises(SchemaNotCurrent, match="newer Doorstep"):
        await check(system)
    with pytest.raises(SchemaNotCurrent, match="newer Doorstep"):
        await migrate(owner)


async def test_runs_at_the_same_time_do_not_collide(
    shared_cluster: EmbeddedCluster, database: str, publish: Publish
) -> None:
    publish(one='op.execute("CREATE TABLE one ()"); op.execute("SELECT pg_sleep(0.2)")')
    owner = shared_cluster.url("owner", database)
    before = await asyncio.gather(*(migrate(owner) for _ in range(4)))
    assert sorted(state.current or "" for state in before) == ["", "one", "one", "one"]


async def test_a_run_that_waits_too_long_says_so(
    shared_cluster: EmbeddedCluster, database: str, publish: Publish
) -> None:
    publish(one="pass")
    owner = shared_cluster.url("owner", database)
    holder = await asyncpg.connect(owner)
    await holder.execute(f"SELECT pg_advisory_lock({module._LOCK_KEY})")
    with pytest.raises(MigrationBusy, match="pg_stat_activity"):
        await migrate(owner, patience=0)
    await holder.close()
    await migrate(owner, patience=20)


async def test_a_revision_that_fails_leaves_the_ones_before_and_no_lock(
    shared_cluster: EmbeddedCluster, database: str, publish: Publish
) -> None:
    publish(one='op.execute("CREATE TABLE one ()")', two='op.execute("CREATE TABLE two ()"); op.execute("SELECT 1/0")')
    owner = shared_cluster.url("owner", database)
    with pytest.raises(Exception, match="division by zero"):
        await migrate(owner)
    assert await ask(owner, "SELECT version_num FROM alembic_version") == "one"
    assert await ask(owner, "SELECT to_regclass('two')") is None
    publish(one="pass", two='op.execute("CREATE TABLE two ()")')
    assert await migrate(owner, patience=20) == SchemaState("one", "two")


def test_a_killed_run_frees_the_lock_and_leaves_nothing_half_made(
    shared_cluster: EmbeddedCluster, database: str, publish: Publish
) -> None:
    publish(one='op.execute("CREATE TABLE one ()"); op.execute("SELECT pg_sleep(60)")')
    owner = shared_cluster.url("owner", database)
    code = (
        "import asyncio, sys; from doorstep.kernel.postgres import migrate as m; m.MIGRATIONS = sys.argv[2]; "
        "asyncio.run(m.migrate(sys.argv[1]))"
    )
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen([sys.executable, "-c", code, owner, module.MIGRATIONS], env=environment) as run:
        asleep = f"SELECT FROM pg_stat_activity WHERE datname = '{database}' AND wait_event = 'PgSleep'"
        eventually(lambda: query(shared_cluster.superuser_url, f"SELECT EXISTS ({asleep})") == "t", "it is at work")
        run.kill()
    publish(one='op.execute("CREATE TABLE one ()")')
    assert asyncio.run(migrate(owner, patience=20)) == SchemaState(None, "one")


async def test_tables_belong_to_the_owner_whoever_migrates(
    shared_cluster: EmbeddedCluster, database: str, publish: Publish
) -> None:
    publish(one='op.execute("CREATE TABLE one ()")')
    await migrate(shared_cluster.url("superuser", database))
    owner = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert await ask(shared_cluster.url("app", database), owner) == "doorstep_owner"


async def test_doorsteps_own_migrations(shared_cluster: EmbeddedCluster, database: str) -> None:
    forget()
    await migrate(shared_cluster.url("owner", database))
    assert (await check(shared_cluster.url("app", database))).head == expected_head() != ""
