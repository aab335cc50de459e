"""The cluster's folder: what lies where, who owns it, and the two small files that processes share.

``state.json`` is written by the supervisor alone (and reset by a starter that is about to make one);
``credentials.json`` holds the passwords, readable by the folder's owner only.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from doorstep.kernel.postgres.errors import DiskFull, EmbeddedPostgresError, FolderNotWritable

Phase = Literal["starting", "ready", "failed"]
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
ROOM_TO_INITIALISE = 120 * 2**20
ROOM_TO_START = 20 * 2**20
BEFORE_RESTORE = ".before-restore"


@dataclass(frozen=True)
class Credentials:
    """Generated passwords of the four roles."""

    superuser: str
    owner: str
    system: str
    app: str

    @classmethod
    def generate(cls) -> Credentials:
        """Fresh passwords, safe inside a URL without quoting."""
        return cls(*(secrets.token_urlsafe(24) for _ in range(4)))


@dataclass(frozen=True)
class State:
    """What the supervisor last said. ``failure`` names the kind of error and its detail when ``phase`` is failed."""

    phase: Phase
    port: int = 0
    supervisor: int = 0
    postmaster: int = 0
    failure: tuple[str, str] | None = None


@dataclass(frozen=True)
class ClusterFolder:
    """Paths below ``<home>/postgres``."""

    root: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's own folder, mode 0700, owned by the account that the server runs as."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """What the server and the supervisor wrote to their standard error."""
        return self.root / "server.log"

    @property
    def start_lock(self) -> Path:
        """Held exclusively while somebody starts or joins."""
        return self.root / "lock"

    @property
    def lease(self) -> Path:
        """Held shared by every user of the cluster."""
        return self.root / "lease"

    @property
    def supervisor_lock(self) -> Path:
        """Held exclusively by the supervisor while it lives."""
        return self.root / "supervisor"

    @property
    def state_file(self) -> Path:
        """See ``State``."""
        return self.root / "state.json"

    @property
    def credentials_file(self) -> Path:
        """See ``Credentials``."""
        return self.root / "credentials.json"

    def major_version(self) -> str | None:
        """Major version that made the data folder; None when there is none yet."""
        try:
            return (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return None

    def undo_interrupted_restore(self) -> None:
        """A restore that was killed between setting the data folder aside and putting another in its place. Call it with ``start_lock`` held."""
        aside = self.data.with_name(f"{self.data.name}{BEFORE_RESTORE}")
        if aside.exists() and not self.data.exists():
            aside.rename(self.data)

    def free_bytes(self) -> int:
        """Room that is left for an ordinary user."""
        return shutil.disk_usage(self.root).free

    def read_state(self) -> State:
        """The last state; an unreadable file counts as none."""
        fields = _read_object(self.state_file)
        failure = fields.get("failure")
        try:
            return State(**{**fields, "failure": tuple(failure) if failure else None})
        except TypeError:
            return State(phase="starting")

    def write_state(self, state: State) -> None:
        """Replace the state at once for every reader."""
        self._write_private(self.state_file, json.dumps(asdict(state)), durable=False)

    def read_credentials(self) -> Credentials | None:
        """The passwords, or None when the file is absent or damaged."""
        try:
            return Credentials(**_read_object(self.credentials_file))
        except TypeError:
            return None

    def write_credentials(self, credentials: Credentials) -> None:
        """Store the passwords, on disk before this returns."""
        self._write_private(self.credentials_file, json.dumps(asdict(credentials)), durable=True)

    def prepare(self) -> None:
        """Make what is missing: folders that the server's account can pass through, and the lock files."""
        try:
            for path in reversed([self.root, *self.root.parents]):
                if not path.exists():
                    path.mkdir(exist_ok=True)
                    path.chmod(0o711 if os.geteuid() == 0 else 0o700)
                    self._give_to_owner_of_parent(path)
            for path in (self.start_lock, self.lease, self.supervisor_lock, self.log):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
                self._give_to_owner_of_parent(path)
        except OSError as error:
            raise self.explain(error) from error

    def explain(self, error: OSError) -> EmbeddedPostgresError:
        """The typed error behind a refusal of the file system."""
        if error.errno in NO_ROOM:
            return DiskFull(self.root, self.free_bytes() if self.root.exists() else 0)
        return FolderNotWritable(Path(error.filename or self.root), error.strerror or str(error))

    def _write_private(self, path: Path, text: str, *, durable: bool) -> None:
        new = path.with_name(f"{path.name}.new")
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "w") as file:
                file.write(text)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            self._give_to_owner_of_parent(new)
            new.replace(path)
        except OSError:
            new.unlink(missing_ok=True)
            raise
        if durable:
            sync_folder(path.parent)

    @staticmethod
    def _give_to_owner_of_parent(path: Path) -> None:
        """Root may visit a user's cluster: what it writes there must stay usable for that user."""
        if os.geteuid() != 0:
            return
        parent, own = path.parent.stat(), path.stat()
        if (parent.st_uid, parent.st_gid) != (own.st_uid, own.st_gid) and parent.st_uid != 0:
            os.chown(path, parent.st_uid, parent.st_gid)


def sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return fields if isinstance(fields, dict) else {}
