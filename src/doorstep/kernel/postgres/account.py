"""The account that the server runs as. PostgreSQL refuses root, so root lends it an unprivileged one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doorstep.kernel.postgres.errors import FolderNotReachable, NoServerAccount

if sys.platform != "win32":
    import pwd

_PREFERRED = ("doorstep", "nobody")
_FIRST_CLOSED = 'for place do [ -x "$place" ] || { printf %s "$place"; exit 0; }; done'


@dataclass(frozen=True)
class ServerAccount:
    """An existing, unprivileged user of this machine."""

    name: str
    uid: int
    gid: int

    def popen_options(self) -> dict[str, Any]:
        """Arguments of ``subprocess.Popen`` that run a program as this user, without root's groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def choose_account(data: Path) -> ServerAccount | None:
    """Who runs the server: None for ourselves, when we are not root.

    Existing data decides: it keeps its owner. Otherwise a user ``doorstep`` where there is one, else ``nobody``.
    The user must be known by name, because initdb refuses a bare number.
    """
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else 0
    if owner != 0:
        return _by_uid(owner, data)
    for name in _PREFERRED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerAccount(name, entry.pw_uid, entry.pw_gid)
    raise NoServerAccount(f"neither of the users {' and '.join(_PREFERRED)} exists")


def _by_uid(uid: int, data: Path) -> ServerAccount:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise NoServerAccount(f"{data} belongs to the user number {uid}, who has no name on this machine") from None
    return ServerAccount(entry.pw_name, entry.pw_uid, entry.pw_gid)


def require_reachable(folder: Path, account: ServerAccount) -> None:
    """Refuse a folder below one that the account cannot enter, naming that one.

    Asked of the kernel as that user, because mode bits do not tell about access lists and network file systems.
    """
    places = [str(place) for place in reversed([folder, *folder.parents])]
    try:
        answer = subprocess.run(
            ["/bin/sh", "-c", _FIRST_CLOSED, "sh", *places],
            cwd="/", env={}, stdin=subprocess.DEVNULL, capture_output=True, check=True, **account.popen_options(),
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise NoServerAccount(f"no program can be run as '{account.name}' ({error})") from error
    if answer.stdout:
        raise FolderNotReachable(folder, Path(os.fsdecode(answer.stdout)), account.name)
