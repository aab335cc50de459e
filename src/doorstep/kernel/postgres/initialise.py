"""Making the cluster: initdb, roles, database. Whole or not at all: made beside its place and renamed when complete.

The roles are made in single-user mode, before anybody could connect.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from doorstep.kernel.postgres import grants
from doorstep.kernel.postgres.account import ServerAccount
from doorstep.kernel.postgres.children import Children, Command
from doorstep.kernel.postgres.folder import ClusterFolder, Credentials, sync_folder

SUPERUSER = "postgres"
_NEW = "data.new."


class InitialiseFailed(Exception):
    """A program ended with an error; the text is what it said."""


def initialise(folder: ClusterFolder, programs: Path, account: ServerAccount | None, children: Children) -> None:
    """Make the data folder and the passwords."""
    workshop = Path(tempfile.mkdtemp(prefix=_NEW, dir=folder.root))
    try:
        credentials = Credentials.generate()
        password_file = workshop / "password"
        password_file.write_text(credentials.superuser)
        if account:
            os.chown(workshop, account.uid, account.gid)
            os.chown(password_file, account.uid, account.gid)
        data = workshop / "data"
        _initdb(programs, data, password_file, children)
        _single_user(programs, data, "postgres", _roles_and_database(credentials), children)
        _single_user(programs, data, grants.DATABASE, grants.rights_inside_database(), children)
        folder.write_credentials(credentials)
        data.rename(folder.data)
        sync_folder(folder.root)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def remove_leftovers(folder: ClusterFolder) -> None:
    """Clear away what attempts that were killed left behind; their last programs may still be writing into it."""
    for leftover in folder.root.glob(f"{_NEW}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def renew_credentials(folder: ClusterFolder, programs: Path, children: Children) -> None:
    """New passwords for a cluster whose file of passwords was lost. No server may run on it."""
    credentials = Credentials.generate()
    logins = {
        SUPERUSER: credentials.superuser,
        grants.OWNER: credentials.owner,
        grants.SYSTEM: credentials.system,
        grants.APP: credentials.app,
    }
    _single_user(programs, folder.data, "postgres", [grants.set_password(*login) for login in logins.items()], children)
    folder.write_credentials(credentials)


def _initdb(programs: Path, data: Path, password_file: Path, children: Children) -> None:
    command: Command = [
        programs / "initdb", "--pgdata", data, "--username", SUPERUSER, "--pwfile", password_file,
        "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8",
    ]  # fmt: skip
    code, output = children.run(command)
    if code != 0:
        raise InitialiseFailed(output)


def _roles_and_database(credentials: Credentials) -> list[str]:
    return [
        grants.create_role(grants.OWNER, credentials.owner),
        grants.create_role(grants.SYSTEM, credentials.system),
        grants.create_role(grants.APP, credentials.app),
        f"CREATE DATABASE {grants.DATABASE} OWNER {grants.OWNER}",
        *grants.database_rights(grants.DATABASE),
        "REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC",
    ]


def _single_user(programs: Path, data: Path, database: str, statements: Sequence[str], children: Children) -> None:
    """Run statements without a server; each is one line. The first error ends it."""
    quiet = ("-c", "exit_on_error=on", "-c", "log_min_messages=error")
    command: Command = [programs / "postgres", "--single", "-D", data, *quiet, database]
    code, output = children.run(command, text="".join(f"{line};\n" for line in statements))
    if code != 0:
        raise InitialiseFailed(output)
