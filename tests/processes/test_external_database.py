"""A PostgreSQL of the operator's own: what ``serve`` refuses, and the way that it names."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
from tests.processes.conftest import Doorstep

from doorstep.assembly import MissingUrl, open_database
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.errors import LoginRefused, PrivilegedRole, SchemaNotCurrent, WrongRole
from doorstep.kernel.secrets import SecretsError
from doorstep.settings import Settings

KEYS = "ab" * 32


@pytest.fixture
def empty_database(cluster: EmbeddedCluster) -> Iterator[str]:
    """A database that no migration has seen; the test's cluster plays the operator's server."""
    name = f"external_{uuid4().hex[:8]}"
    cluster.create_database(name)
    yield name
    cluster.drop_database(name)


async def opens(tmp_path: Path, **urls: str | None) -> None:
    """Open the database of such settings; raises the refusal."""
    settings = Settings(_env_file=None, home=tmp_path, secret_keys=[KEYS])  # type: ignore[call-arg]
    async with open_database(settings.model_copy(update=urls)):
        pass


async def test_unsafe_or_incomplete_settings_are_refused_with_the_remedy(cluster, template, database_urls, tmp_path):
    app, system = database_urls.app, database_urls.system
    owner = cluster.url("owner", app.rpartition("/")[2])
    superuser = cluster.url("superuser", app.rpartition("/")[2])
    await opens(tmp_path, database_url=app, database_system_url=system)

    for lonely in (superuser, owner, app):
        with pytest.raises(MissingUrl, match=r"DATABASE_URL .*DATABASE_SYSTEM_URL .*doorstep migrate"):
            await opens(tmp_path, database_url=lonely)
    for privileged in (superuser, owner):
        with pytest.raises(PrivilegedRole, match=r"DATABASE_URL .*DATABASE_SYSTEM_URL .*doorstep migrate"):
            await opens(tmp_path, database_url=privileged, database_system_url=system)
        with pytest.raises(PrivilegedRole, match="DATABASE_SYSTEM_URL"):
            await opens(tmp_path, database_url=app, database_system_url=privileged)
    with pytest.raises(PrivilegedRole, match="doorstep_system"):
        await opens(tmp_path, database_url=system, database_system_url=system)
    with pytest.raises(WrongRole, match="DATABASE_SYSTEM_URL"):
        await opens(tmp_path, database_url=app, database_system_url=app)
    with pytest.raises(SecretsError, match="DOORSTEP_SECRET_KEYS"):
        await opens(tmp_path, database_url=app, database_system_url=system, secret_keys=[])
    with pytest.raises(MissingUrl, match=r"DATABASE_URL is no address .*postgresql://"):
        await opens(tmp_path, database_url="db.example.com", database_system_url=system)
    nowhere = "postgresql://doorstep_app:secret@127.0.0.1:1/doorstep"
    with pytest.raises(LoginRefused, match="DATABASE_URL does not open") as refused:
        await opens(tmp_path, database_url=nowhere, database_system_url=system)
    assert "secret" not in str(refused.value)


async def test_a_newer_schema_is_refused(cluster, database_urls, tmp_path):
    connection = await asyncpg.connect(cluster.url("owner", database_urls.app.rpartition("/")[2]))
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()
    with pytest.raises(SchemaNotCurrent, match="newer Doorstep"):
        await opens(tmp_path, database_url=database_urls.app, database_system_url=database_urls.system)


def test_serve_migrates_nothing_by_itself_and_runs_after_migrate(
    cluster: EmbeddedCluster, empty_database: str, home: Path
):
    settings = {
        "DATABASE_URL": cluster.url("app", empty_database),
        "DATABASE_SYSTEM_URL": cluster.url("system", empty_database),
        "DOORSTEP_SECRET_KEYS": KEYS,
    }
    doorstep = Doorstep(home, **settings)
    code, said = doorstep.run("serve")
    assert (code, said.count("\n")) == (1, 1), said
    assert "no tables yet. Run 'doorstep migrate' with DATABASE_OWNER_URL" in said
    assert "DATABASE_OWNER_URL" in doorstep.run("migrate")[1]

    code, said = Doorstep(home, **settings, DATABASE_OWNER_URL=cluster.url("superuser", empty_database)).run("migrate")
    assert (code, "Migrated from nothing to" in said) == (0, True), said
    server = doorstep.start("serve")
    assert httpx.get(f"{server.url}/health/ready").status_code == 200
    assert server.stop() == 0
    assert not (home / "postgres").exists()
    assert not (home / "secret.keys").exists()
