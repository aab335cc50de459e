"""Roles in a database that is not ours: made, checked, or left to an administrator; on PostgreSQL 18 and 15."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from tests.kernel.postgres.conftest import PROGRAMS, ForeignServer, eventually, query

from doorstep.kernel.postgres import roles
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.errors import (
    AdministratorNeeded,
    LoginRefused,
    PrivilegedRole,
    ServerTooOld,
    UnsafeServer,
    WrongRole,
)
from doorstep.kernel.postgres.roles import administrator_script, check_runtime_role, prepare_roles

NAME = "their own"
EXTRA_ROLES = ("doorstep_app", "doorstep_system", "doorstep_owner", "creator", "plain", "custom_app", "giver")


@dataclass(frozen=True)
class Blank:
    """An empty database, its owner doorstep_owner (an ordinary login), and the superuser beside it."""

    server: ForeignServer

    def url(self, role: str, password: str = "secret") -> str:
        return self.server.url(role, password, NAME.replace(" ", "%20"))

    @property
    def both(self) -> dict[str, str]:
        return {"system_url": self.url("doorstep_system", "s'1"), "app_url": self.url("doorstep_app", "a%5C1")}

    async def run(self, *statements: str, role: str = "postgres") -> None:
        connection = await asyncpg.connect(self.url(role))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def check(self, url: str, kind: roles.RuntimeKind) -> None:
        connection = await asyncpg.connect(url)
        try:
            await check_runtime_role(connection, kind)
        finally:
            await connection.close()


@pytest.fixture
async def blank(foreign_server: ForeignServer) -> AsyncIterator[Blank]:
    admin = await asyncpg.connect(foreign_server.url())
    await admin.execute(f'CREATE DATABASE "{NAME}"')
    yield Blank(foreign_server)
    await admin.execute(f'DROP DATABASE "{NAME}" WITH (FORCE)')
    for role in EXTRA_ROLES:
        await admin.execute(f"DROP ROLE IF EXISTS {role}")
    await admin.close()


async def make_a_table(blank: Blank, owner_login: str) -> None:
    await blank.run(
        "SET ROLE doorstep_owner",
        "CREATE TABLE things (n int)",
        "CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT 42'",
        "CREATE SEQUENCE counting",
        role=owner_login,
    )


async def test_an_administrators_login_makes_everything(blank: Blank) -> None:
    made = await prepare_roles(blank.url("postgres"), **blank.both)
    assert {"role doorstep_owner", "role doorstep_system", "role doorstep_app", "extension pg_trgm"} <= set(made)
    assert await prepare_roles(blank.url("postgres"), **blank.both) == []
    await make_a_table(blank, "postgres")
    for url in blank.both.values():
        connection = await asyncpg.connect(url)
        await connection.execute("INSERT INTO things SELECT answer() + nextval('counting')")
        await connection.execute("UPDATE things SET n = 1; DELETE FROM things")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DROP TABLE things")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE mine ()")
        await connection.close()


async def test_a_login_that_may_only_create_roles_is_enough(blank: Blank) -> None:
    await blank.run(
        "CREATE ROLE creator LOGIN PASSWORD 'secret' CREATEROLE", f'ALTER DATABASE "{NAME}" OWNER TO creator'
    )
    await prepare_roles(blank.url("creator"), **blank.both)
    await prepare_roles(blank.url("creator"), **blank.both)
    await make_a_table(blank, "creator")
    await blank.check(blank.both["app_url"], "app")


async def test_what_the_login_may_not_do_is_the_exact_sql_for_an_administrator(blank: Blank) -> None:
    await blank.run("CREATE ROLE doorstep_owner LOGIN PASSWORD 'secret'")
    with pytest.raises(AdministratorNeeded, match="'doorstep migrate' again") as refusal:
        await prepare_roles(blank.url("doorstep_owner"), **blank.both)
    sql = refusal.value.sql
    assert "s'1" not in sql
    assert "a\\1" not in sql
    for part in ('CREATE ROLE "doorstep_app"', 'CREATE ROLE "doorstep_system"', "CREATE EXTENSION", "ON SCHEMA public"):
        assert part in sql
    await blank.run(*filter(None, sql.split(";\n")))
    assert await prepare_roles(blank.url("doorstep_owner"), **blank.both) == []
    await make_a_table(blank, "doorstep_owner")
    await blank.check(blank.both["app_url"], "app")
    await blank.check(blank.both["system_url"], "system")


async def test_nothing_is_made_when_something_is_missing(blank: Blank) -> None:
    """The login could have made the roles, but not the schema's rights."""
    await blank.run("CREATE ROLE creator LOGIN PASSWORD 'secret' CREATEROLE")
    with pytest.raises(AdministratorNeeded):
        await prepare_roles(blank.url("creator"), **blank.both)
    with pytest.raises(asyncpg.PostgresError):
        await asyncpg.connect(blank.both["app_url"])


async def test_without_passwords_the_roles_are_left_to_the_administrator(blank: Blank) -> None:
    with pytest.raises(AdministratorNeeded, match="LOGIN PASSWORD 'choose a password'") as refusal:
        await prepare_roles(blank.url("postgres"))
    assert refusal.value.sql.count("choose a password") == 2


async def test_the_whole_script_can_be_printed_and_run(blank: Blank) -> None:
    script = administrator_script(NAME, **blank.both)
    script = script.replace("choose a password", "secret")
    answer = await asyncio.to_thread(
        subprocess.run,
        [PROGRAMS / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", blank.url("postgres")],
        input=script, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    assert await prepare_roles(blank.url("doorstep_owner"), **blank.both) == []


async def test_logins_of_other_names_are_made_members(blank: Blank) -> None:
    app_url = blank.url("custom_app", "x")
    await prepare_roles(blank.url("postgres"), system_url=blank.both["system_url"], app_url=app_url)
    await make_a_table(blank, "postgres")
    await blank.check(app_url, "app")
    connection = await asyncpg.connect(app_url)
    await connection.execute("INSERT INTO things VALUES (1)")
    await connection.close()


async def test_a_wrong_password_in_the_settings_is_told(blank: Blank) -> None:
    await prepare_roles(blank.url("postgres"), **blank.both)
    with pytest.raises(LoginRefused, match=r"DATABASE_URL does not open.*ALTER ROLE doorstep_app"):
        await prepare_roles(blank.url("postgres"), app_url=blank.url("doorstep_app", "other"))
    with pytest.raises(LoginRefused, match="DATABASE_SYSTEM_URL"):
        await prepare_roles(blank.url("postgres"), system_url="postgresql://doorstep_system:x@127.0.0.1:1/none")


async def test_a_privileged_url_names_both_settings_and_the_command(blank: Blank) -> None:
    for kind in ("app", "system"):
        with pytest.raises(PrivilegedRole, match="superuser") as refusal:
            await blank.check(blank.url("postgres"), kind)
        for word in ("DATABASE_URL", "DATABASE_SYSTEM_URL", "DATABASE_OWNER_URL", "doorstep migrate"):
            assert word in str(refusal.value)


Plant = tuple[roles.RuntimeKind, str, str, type[Exception], str]
PLANTS: list[Plant] = [
    ("app", "ALTER ROLE doorstep_app SUPERUSER", "ALTER ROLE doorstep_app NOSUPERUSER", PrivilegedRole, "superuser"),
    ("app", "ALTER ROLE doorstep_app BYPASSRLS", "ALTER ROLE doorstep_app NOBYPASSRLS", PrivilegedRole, "BYPASSRLS"),
    (
        "system",
        "ALTER ROLE doorstep_system BYPASSRLS",
        "ALTER ROLE doorstep_system NOBYPASSRLS",
        PrivilegedRole,
        "BYPASS",
    ),
    ("app", "ALTER ROLE doorstep_app CREATEROLE", "ALTER ROLE doorstep_app NOCREATEROLE", PrivilegedRole, "CREATEROLE"),
    ("app", "GRANT doorstep_owner TO doorstep_app", "REVOKE doorstep_owner FROM doorstep_app", PrivilegedRole, "owner"),
    (
        "app",
        "GRANT doorstep_system TO doorstep_app",
        "REVOKE doorstep_system FROM doorstep_app",
        PrivilegedRole,
        "system",
    ),
    (
        "system",
        "GRANT doorstep_owner TO doorstep_system",
        "REVOKE doorstep_owner FROM doorstep_system",
        PrivilegedRole,
        "o",
    ),
    ("app", "CREATE ROLE giver BYPASSRLS; GRANT giver TO doorstep_app", "DROP ROLE giver", PrivilegedRole, "BYPASSRLS"),
    ("app", "CREATE TABLE t (); ALTER TABLE t OWNER TO doorstep_app", "DROP TABLE t", PrivilegedRole, "owns"),
    (
        "app",
        "ALTER ROLE doorstep_app SET synchronous_commit = off",
        "ALTER ROLE doorstep_app RESET ALL",
        UnsafeServer,
        "synch",
    ),
]


async def test_every_unsafe_login_is_refused(blank: Blank) -> None:
    """Each fault is planted in a database that passes, found, and taken away again."""
    await prepare_roles(blank.url("postgres"), **blank.both)
    for kind, plant, mend, refusal, words in PLANTS:
        url = blank.both[f"{kind}_url"]
        await blank.check(url, kind)
        await blank.run(plant)
        with pytest.raises(refusal, match=words):
            await blank.check(url, kind)
        await blank.run(mend)
        await blank.check(url, kind)


async def test_migrate_takes_back_what_the_roles_should_not_have(blank: Blank) -> None:
    await prepare_roles(blank.url("postgres"), **blank.both)
    await blank.run("GRANT doorstep_owner TO doorstep_app", "ALTER ROLE doorstep_system BYPASSRLS")
    assert len(await prepare_roles(blank.url("postgres"), **blank.both)) == 2
    await blank.check(blank.both["app_url"], "app")


async def test_swapped_or_foreign_logins_are_refused(blank: Blank) -> None:
    await prepare_roles(blank.url("postgres"), **blank.both)
    with pytest.raises(PrivilegedRole, match="doorstep_system"):
        await blank.check(blank.both["system_url"], "app")
    with pytest.raises(WrongRole, match="DATABASE_SYSTEM_URL"):
        await blank.check(blank.both["app_url"], "system")


async def test_set_role_hides_nothing(blank: Blank) -> None:
    await prepare_roles(blank.url("postgres"), **blank.both)
    connection = await asyncpg.connect(blank.url("postgres"))
    await connection.execute("SET ROLE doorstep_app")
    with pytest.raises(PrivilegedRole):
        await check_runtime_role(connection, "app")
    await connection.close()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
async def test_unsafe_servers_are_refused(blank: Blank, setting: str) -> None:
    await prepare_roles(blank.url("postgres"), **blank.both)
    try:
        await blank.run(f"ALTER SYSTEM SET {setting} = off", "SELECT pg_reload_conf()")
        await _until_setting(blank, setting, "off")
        with pytest.raises(UnsafeServer, match=setting):
            await blank.check(blank.both["app_url"], "app")
    finally:
        await blank.run(f"ALTER SYSTEM RESET {setting}", "SELECT pg_reload_conf()")
        await _until_setting(blank, setting, "on")


async def _until_setting(blank: Blank, setting: str, value: str) -> None:
    """A reload reaches the server a moment later."""
    url = blank.url("postgres")
    await asyncio.to_thread(eventually, lambda: query(url, f"SHOW {setting}") == value, f"{setting} is {value}")


async def test_old_servers_are_refused(blank: Blank, monkeypatch: pytest.MonkeyPatch) -> None:
    await prepare_roles(blank.url("postgres"), **blank.both)
    monkeypatch.setattr(roles, "OLDEST_SERVER", 990000)
    with pytest.raises(ServerTooOld, match=r"needs 15\.14"):
        await blank.check(blank.both["app_url"], "app")
    with pytest.raises(ServerTooOld, match=r"needs 15\.14"):
        await prepare_roles(blank.url("postgres"))


async def test_the_embedded_roles_pass_and_need_nothing(shared_cluster: EmbeddedCluster) -> None:
    urls = {"system_url": shared_cluster.system_url, "app_url": shared_cluster.app_url}
    assert await prepare_roles(shared_cluster.owner_url, **urls) == []


async def test_databases_of_the_cluster_and_their_copies(shared_cluster: EmbeddedCluster) -> None:
    shared_cluster.create_database("pattern one")
    await _in(shared_cluster, "owner", "pattern one", "CREATE TABLE things (n int)")
    shared_cluster.create_database('copy "1"', template="pattern one")
    await _in(shared_cluster, "app", 'copy "1"', "INSERT INTO things VALUES (1)")
    await _in(shared_cluster, "owner", 'copy "1"', "CREATE TABLE later AS SELECT similarity('a', 'b')")
    await _in(shared_cluster, "system", 'copy "1"', "INSERT INTO later SELECT 1")
    for name in ('copy "1"', "pattern one", "never there"):
        shared_cluster.drop_database(name)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await _in(shared_cluster, "app", "pattern one", "SELECT 1")


async def _in(cluster: EmbeddedCluster, role: str, database: str, statement: str) -> None:
    connection = await asyncpg.connect(cluster.url(role, database))  # type: ignore[arg-type]
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def test_no_password_reaches_the_servers_log(shared_cluster: EmbeddedCluster) -> None:
    log = Path(shared_cluster.home, "postgres", "server.log").read_text()
    assert shared_cluster.app_url.split(":")[2].split("@")[0] not in log
