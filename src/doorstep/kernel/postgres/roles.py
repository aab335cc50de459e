"""A PostgreSQL of the operator's own: make or check the three roles there, and refuse to run with an unsafe login.

``doorstep migrate`` calls ``prepare_roles`` with the owner login. What that login may not do itself is collected as the
exact SQL for an administrator. ``serve`` and ``work`` call ``check_runtime_role`` on each of their two logins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

import asyncpg

from doorstep.kernel.postgres import grants
from doorstep.kernel.postgres.errors import (
    AdministratorNeeded,
    LoginRefused,
    PrivilegedRole,
    ServerTooOld,
    UnsafeServer,
    WrongRole,
)

RuntimeKind = Literal["app", "system"]

OLDEST_SERVER = 150014
_VARIABLES: dict[RuntimeKind, str] = {"app": "DATABASE_URL", "system": "DATABASE_SYSTEM_URL"}
_ROLES: dict[RuntimeKind, str] = {"app": grants.APP, "system": grants.SYSTEM}
_CHOOSE = "choose a password"
_SAFE_ATTRIBUTES = "NOSUPERUSER NOBYPASSRLS NOCREATEROLE"
_NOT_ALLOWED = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.UndefinedObjectError,
    asyncpg.UndefinedFileError,
    asyncpg.FeatureNotSupportedError,
)


@dataclass(frozen=True)
class Login:
    """Who a URL logs in as; ``password`` is None when the URL holds none (a pass file, a certificate)."""

    role: str
    password: str | None

    @classmethod
    def of(cls, url: str) -> Login:
        """Read a ``postgresql://`` URL; empty when it names no user."""
        parts = urlsplit(url)
        return cls(unquote(parts.username or ""), unquote(parts.password) if parts.password else None)


@dataclass(frozen=True)
class Requirement:
    """Something that must hold in the database: a query that says whether it does, and the statement that mends it."""

    what: str
    met: str
    remedy: str


async def prepare_roles(owner_url: str, *, system_url: str | None = None, app_url: str | None = None) -> list[str]:
    """Make what is missing of roles, rights and extensions; says what was made, in words. Safe to repeat.

    ``owner_url`` logs in as doorstep_owner or as an administrator. The two other URLs, when given, bring the passwords
    of roles that do not exist yet, and are tried at the end. All or nothing: raises ``AdministratorNeeded`` with the SQL
    for somebody else to run, ``LoginRefused``, ``ServerTooOld``, or what ``check_runtime_role`` raises.
    """
    connection = await asyncpg.connect(owner_url, server_settings={"application_name": "doorstep migrate"})
    try:
        _refuse_old(connection.get_server_version())
        async with connection.transaction():
            made = await _meet_requirements(connection, system_url, app_url)
    finally:
        await connection.close()
    if system_url:
        await _try_login(system_url, "system")
    if app_url:
        await _try_login(app_url, "app")
    return made


def administrator_script(
    database: str, *, owner: str = grants.OWNER, system_url: str | None = None, app_url: str | None = None
) -> str:
    """All that ``prepare_roles`` would do in an empty database, as SQL for an administrator who is connected to it."""
    requirements = _requirements(Login(owner, None), database, 0, system_url, app_url)
    return _script([requirement.remedy for requirement in requirements])


async def check_runtime_role(connection: asyncpg.Connection, kind: RuntimeKind) -> None:
    """Refuse to run on this connection when its login or its server is unsafe; every refusal says what to change.

    ``PrivilegedRole``: superuser, BYPASSRLS, CREATEROLE, owner of the tables, or able to become such a role.
    ``WrongRole``: not the role that ``kind`` stands for. ``UnsafeServer``, ``ServerTooOld``: about the server.
    """
    [facts] = await connection.fetch(_FACTS, grants.OWNER, grants.SYSTEM, _ROLES[kind], grants.SCHEMA)
    if facts["version_number"] < OLDEST_SERVER:
        raise ServerTooOld(facts["version"])
    reason = next((words for fact, words in _PRIVILEGES.items() if facts[fact]), None)
    if reason is None and kind == "app" and facts["is_system"]:
        reason = f"is {grants.SYSTEM} or a member of it"
    if reason:
        raise PrivilegedRole(facts["login"], reason)
    if not facts["is_itself"]:
        raise WrongRole(facts["login"], _VARIABLES[kind], _ROLES[kind])
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        if facts[setting] == "off":
            raise UnsafeServer(setting)


# Asked about the login and the current role alike: SET ROLE must not hide what RESET ROLE brings back.
_FACTS = """
WITH mine AS (
    SELECT role.*, CASE WHEN role.oid IN (current_user::regrole, session_user::regrole) THEN 0 ELSE 1 END AS distance
    FROM pg_roles role
    WHERE pg_has_role(session_user, role.oid, 'MEMBER') OR pg_has_role(current_user, role.oid, 'MEMBER')
)
SELECT session_user::text AS login,
       current_setting('server_version_num')::int AS version_number,
       current_setting('server_version') AS version,
       current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       EXISTS (SELECT FROM mine WHERE rolsuper) AS is_superuser,
       EXISTS (SELECT FROM mine WHERE rolbypassrls) AS bypasses,
       EXISTS (SELECT FROM mine WHERE rolcreaterole) AS makes_roles,
       EXISTS (SELECT FROM mine WHERE rolname = $1) AS is_owner,
       EXISTS (SELECT FROM mine WHERE rolname = $2) AS is_system,
       EXISTS (SELECT FROM mine WHERE rolname = $3) AS is_itself,
       EXISTS (SELECT FROM pg_database d JOIN mine ON d.datdba = mine.oid WHERE d.datname = current_database())
           OR EXISTS (SELECT FROM pg_class c JOIN mine ON c.relowner = mine.oid
                      JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $4) AS owns
"""
_PRIVILEGES = {
    "is_superuser": "is a superuser or can become one",
    "bypasses": "bypasses row-level security (BYPASSRLS)",
    "makes_roles": "may make roles and so become any of them (CREATEROLE)",
    "is_owner": f"is {grants.OWNER} or a member of it",
    "owns": "owns the database or tables in it",
}


async def _meet_requirements(connection: asyncpg.Connection, system_url: str | None, app_url: str | None) -> list[str]:
    [(database, login)] = await connection.fetch("SELECT current_database()::text, current_user::text")
    version = connection.get_server_version()
    requirements = list(_requirements(Login(login, None), database, version.major, system_url, app_url))
    made, missing = [], []
    for requirement in requirements:
        if await _met(connection, requirement):
            continue
        if _CHOOSE in requirement.remedy or not await _remedied(connection, requirement):
            missing.append(requirement)
        else:
            made.append(requirement.what)
    if missing:
        raise AdministratorNeeded(login, database, _script([requirement.remedy for requirement in missing]))
    await _give_default_rights(connection)
    return made


async def _met(connection: asyncpg.Connection, requirement: Requirement) -> bool:
    """A question about a role that is still missing is answered with no."""
    try:
        async with connection.transaction():
            return bool(await connection.fetchval(requirement.met))
    except asyncpg.UndefinedObjectError:
        return False


async def _remedied(connection: asyncpg.Connection, requirement: Requirement) -> bool:
    """Do it, if the login may. Some grants only warn when they do nothing, so the question is asked again."""
    try:
        async with connection.transaction():
            await connection.execute(requirement.remedy)
    except _NOT_ALLOWED:
        return False
    return await _met(connection, requirement)


async def _give_default_rights(connection: asyncpg.Connection) -> None:
    await connection.execute(f"SET LOCAL ROLE {grants.OWNER}")
    for statement in grants.default_rights():
        await connection.execute(statement)


async def _try_login(url: str, kind: RuntimeKind) -> None:
    variable, login = _VARIABLES[kind], Login.of(url)
    try:
        connection = await asyncpg.connect(url)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise LoginRefused(variable, login.role, str(error)) from error
    try:
        await check_runtime_role(connection, kind)
    finally:
        await connection.close()


def _refuse_old(version: asyncpg.ServerVersion) -> None:
    """asyncpg puts the second number of a version such as 15.14 into ``micro``."""
    if version.major * 10_000 + version.micro < OLDEST_SERVER:
        raise ServerTooOld(f"{version.major}.{version.micro}")


def _script(remedies: Sequence[str]) -> str:
    return "".join(f"{remedy};\n" for remedy in remedies)


def _requirements(
    owner: Login, database: str, major: int, system_url: str | None, app_url: str | None
) -> Iterator[Requirement]:
    """In the order in which they can be met. ``major`` is the server's version, 0 for a script that fits all."""
    yield _role_exists(grants.OWNER, None, may_log_in=owner.role == grants.OWNER)
    for standard, url in ((grants.SYSTEM, system_url), (grants.APP, app_url)):
        yield from _runtime_role(standard, Login.of(url) if url else Login(standard, None))
    if owner.role != grants.OWNER:
        yield _may_act_as_owner(owner.role, major)
    yield from _kept_apart()
    yield from _database_open(database)
    yield from _schema_open()
    for name in grants.EXTENSIONS:
        yield Requirement(
            f"extension {name}",
            _exists("pg_extension", "extname", name),
            f"CREATE EXTENSION IF NOT EXISTS {name} WITH SCHEMA {grants.SCHEMA}",
        )


def _runtime_role(standard: str, login: Login) -> Iterator[Requirement]:
    """The role itself; where the URL logs in under another name, that one as its member."""
    if login.role == standard:
        yield _role_exists(standard, login.password, may_log_in=True)
    else:
        yield _role_exists(standard, None, may_log_in=False)
        yield _role_exists(login.role, login.password, may_log_in=True)
        yield _member(login.role, standard)
    yield _plain(login.role)


def _role_exists(role: str, password: str | None, *, may_log_in: bool) -> Requirement:
    secret = password or (_CHOOSE if may_log_in else None)
    return Requirement(
        f"role {role}",
        _exists("pg_roles", "rolname", role),
        grants.create_role(role, secret, readable=secret == _CHOOSE),
    )


def _exists(table: str, column: str, value: str) -> str:
    """Both names are constants of this module; only ``value`` comes from outside."""
    return f"SELECT {grants.literal(value)} IN (SELECT {column} FROM {table})"


def _member(role: str, of: str) -> Requirement:
    return Requirement(
        f"{role} as a member of {of}",
        f"SELECT pg_has_role({grants.literal(role)}, {grants.literal(of)}, 'MEMBER')",
        f"GRANT {of} TO {grants.identifier(role)}",
    )


def _plain(role: str) -> Requirement:
    return Requirement(
        f"{role} without dangerous attributes",
        _exists("pg_roles WHERE NOT (rolsuper OR rolbypassrls OR rolcreaterole)", "rolname", role),
        f"ALTER ROLE {grants.identifier(role)} {_SAFE_ATTRIBUTES}",
    )


def _may_act_as_owner(login: str, major: int) -> Requirement:
    """From PostgreSQL 16 on, being a member and being allowed to SET ROLE are two things."""
    right = "SET" if major >= 16 else "MEMBER"
    return Requirement(
        f"{login} acting as {grants.OWNER}",
        f"SELECT pg_has_role({grants.literal(login)}, {grants.literal(grants.OWNER)}, '{right}')",
        f"GRANT {grants.OWNER} TO {grants.identifier(login)}",
    )


def _kept_apart() -> Iterator[Requirement]:
    for role, other in ((grants.SYSTEM, grants.OWNER), (grants.APP, grants.OWNER), (grants.APP, grants.SYSTEM)):
        yield Requirement(
            f"{role} apart from {other}",
            f"SELECT NOT pg_has_role({grants.literal(role)}, {grants.literal(other)}, 'MEMBER')",
            f"REVOKE {other} FROM {role}",
        )


def _database_open(database: str) -> Iterator[Requirement]:
    for role in (grants.OWNER, *grants.RUNTIME_ROLES):
        yield Requirement(
            f"{role} connecting to {database}",
            f"SELECT has_database_privilege({grants.literal(role)}, {grants.literal(database)}, 'CONNECT')",
            f"GRANT CONNECT ON DATABASE {grants.identifier(database)} TO {role}",
        )


def _schema_open() -> Iterator[Requirement]:
    schema = grants.literal(grants.SCHEMA)
    owner = grants.literal(grants.OWNER)
    yield Requirement(
        f"{grants.OWNER} making tables in the schema {grants.SCHEMA}",
        f"SELECT has_schema_privilege({owner}, {schema}, 'USAGE') "
        f"AND has_schema_privilege({owner}, {schema}, 'CREATE')",
        f"GRANT USAGE, CREATE ON SCHEMA {grants.SCHEMA} TO {grants.OWNER}",
    )
    for role in grants.RUNTIME_ROLES:
        yield Requirement(
            f"{role} using the schema {grants.SCHEMA}",
            f"SELECT has_schema_privilege({grants.literal(role)}, {schema}, 'USAGE')",
            f"GRANT USAGE ON SCHEMA {grants.SCHEMA} TO {role}",
        )
        yield Requirement(
            f"{role} making nothing in the schema {grants.SCHEMA}",
            f"SELECT NOT has_schema_privilege({grants.literal(role)}, {schema}, 'CREATE')",
            f"REVOKE CREATE ON SCHEMA {grants.SCHEMA} FROM PUBLIC, {role}",
        )
