"""The embedded cluster as its users see it: start or join it, its addresses, further databases, release.

Any number of processes may hold the same cluster; the first one starts it, and when the last one has gone, by whatever
death, it stops. While a process holds it, a watch in the background brings it back should its supervisor be killed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import structlog

from doorstep.kernel.postgres import grants
from doorstep.kernel.postgres.account import choose_account, require_reachable
from doorstep.kernel.postgres.binaries import Binaries, find_binaries
from doorstep.kernel.postgres.errors import (
    ClusterInUse,
    DiskFull,
    EmbeddedPostgresError,
    OtherMajorVersion,
    ServerFailed,
    StartTimedOut,
    UnsupportedPlatform,
)
from doorstep.kernel.postgres.folder import ROOM_TO_START, ClusterFolder, Credentials, State
from doorstep.kernel.postgres.initialise import SUPERUSER
from doorstep.kernel.postgres.locks import FileLock, held_exclusively
from doorstep.kernel.postgres.supervisor import Assignment

Role = Literal["owner", "system", "app", "superuser"]

_log = structlog.get_logger(__name__)
_PACKAGE_ROOT = Path(__file__).parents[3]
_LAUNCH = (
    "import sys; root = sys.argv.pop(1); root in sys.path or sys.path.insert(0, root); "
    "from doorstep.kernel.postgres.supervisor import main; main()"
)
_ROLE_NAMES: dict[Role, str] = {
    "owner": grants.OWNER,
    "system": grants.SYSTEM,
    "app": grants.APP,
    "superuser": SUPERUSER,
}
_WATCH_EVERY = 1.0
_WATCH_PATIENCE_LIMIT = 30.0
_WATCH_JOIN = 5.0
_ATTEMPTS = 4


class EmbeddedCluster:
    """A lease on the embedded cluster below one home folder. Make it with ``start``, end it with ``release``.

    All calls block; inside an event loop use ``asyncio.to_thread``. Addresses are plain ``postgresql://`` URLs on
    127.0.0.1 (asyncpg). The port can change when the server had to be restarted and its port was taken: read the
    address again for each new connection where that matters.
    """

    def __init__(self, home: Path, *, timeout: float) -> None:
        self.home = home
        self._folder = ClusterFolder(home / "postgres")
        self._timeout = timeout
        self._process = os.getpid()
        self._lease: FileLock | None = None
        self._state = State(phase="starting")
        self._credentials = Credentials("", "", "", "")
        self._client: Binaries | None = None
        self._released = threading.Event()
        self._watch = threading.Thread(target=self._watch_over, name="embedded-postgres", daemon=True)

    @classmethod
    def start(cls, home: Path, *, timeout: float = 120.0) -> EmbeddedCluster:
        """Start the cluster below ``home``, or join it when another process has started it.

        The first start makes it (a few seconds), later ones take less than a second. ``timeout`` in seconds also covers
        the recovery after a crash. Raises an ``EmbeddedPostgresError`` whose message says what to do.
        """
        if sys.platform == "win32":
            raise UnsupportedPlatform("Windows")
        cluster = cls(home.resolve(), timeout=timeout)
        try:
            cluster._bring_up()
        except OSError as error:
            cluster._give_back()
            raise cluster._folder.explain(error) from error
        except BaseException:
            cluster._give_back()
            raise
        cluster._watch.start()
        return cluster

    @classmethod
    def remove(cls, home: Path) -> None:
        """Delete the cluster below ``home`` with all its data; nothing happens when there is none.

        Raises ``ClusterInUse`` while somebody holds it or its server is still going down.
        """
        folder = ClusterFolder(home.resolve() / "postgres")
        if not folder.root.exists():
            return
        try:
            with FileLock(folder.start_lock) as starting, FileLock(folder.lease) as lease:
                if not starting.try_lock(shared=False) or not lease.try_lock(shared=False):
                    raise ClusterInUse(folder.root)
                shutil.rmtree(folder.root)
        except OSError as error:
            raise folder.explain(error) from error

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1."""
        return self._state.port

    @property
    def owner_url(self) -> str:
        """For migrations: the role that owns the tables."""
        return self.url("owner")

    @property
    def system_url(self) -> str:
        """For the relay, event readers, partitions and retention: sees all tenants."""
        return self.url("system")

    @property
    def app_url(self) -> str:
        """For requests and jobs: sees one tenant at a time."""
        return self.url("app")

    @property
    def superuser_url(self) -> str:
        """For the launcher and for tests only; nothing else may use it."""
        return self.url("superuser", "postgres")

    def url(self, role: Role, database: str = grants.DATABASE) -> str:
        """Address of a database of this cluster for one of the roles; holds the password."""
        password = getattr(self._credentials, role)
        return f"postgresql://{_ROLE_NAMES[role]}:{password}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def create_database(self, name: str, *, template: str | None = None) -> None:
        """Make a database owned by doorstep_owner, a copy of ``template`` (to which nobody may be connected).

        Without a template it is empty and has the roles' rights and the extensions, as the first database has.
        """
        copied = f" TEMPLATE {grants.identifier(template)}" if template else ""
        self.run_sql([f"CREATE DATABASE {grants.identifier(name)} OWNER {grants.OWNER}{copied}"], "postgres")
        if template is None:
            self.run_sql([*grants.database_rights(name), *grants.rights_inside_database()], name)

    def drop_database(self, name: str) -> None:
        """Remove a database if it exists; whoever is connected to it is thrown out."""
        self.run_sql([f"DROP DATABASE IF EXISTS {grants.identifier(name)} WITH (FORCE)"], "postgres")

    def run_sql(self, statements: list[str], database: str) -> None:
        """Run statements as the superuser, each in its own transaction; the first error ends it (ServerFailed)."""
        self._client = self._client or find_binaries(self._folder.root, None)
        answer = subprocess.run(
            [
                self._client.bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-",
                "-h", "127.0.0.1", "-p", str(self.port), "-U", SUPERUSER, "-d", database,
            ],
            input="".join(f"{statement};\n" for statement in statements),
            env={"PGPASSWORD": self._credentials.superuser, "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if answer.returncode != 0:
            raise ServerFailed("running a statement", answer.stderr.strip(), self._folder.log)

    def copy_to(self, folder: Path, told: Callable[[float], None]) -> None:
        """A base backup into the empty ``folder``, as compressed tars, while others write; ``told`` hears how much is done, 0…1."""
        self._client = self._client or find_binaries(self._folder.root, None)
        with subprocess.Popen(
            [
                self._client.bin / "pg_basebackup", "-D", folder, "-Ft", "-z", "-X", "stream", "--checkpoint=fast", "-P",
                "-h", "127.0.0.1", "-p", str(self.port), "-U", SUPERUSER, "-w",
            ],
            env={"PGPASSWORD": self._credentials.superuser, "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ) as copying:  # fmt: skip
            said = ""
            for line in copying.stderr or ():
                percent = re.search(r"\((\d+)%\)", line)
                if percent:
                    told(int(percent[1]) / 100)
                else:
                    said = line
        if copying.returncode != 0:
            raise ServerFailed("copying its data", said.strip(), self._folder.log)

    def release(self, *, wait: float = 20.0) -> None:
        """Give the lease back; may be called twice. As the last user, wait up to ``wait`` seconds for the server's end.

        The end comes all the same when this process dies without releasing.
        """
        if self._released.is_set() or self._process != os.getpid():
            return
        self._released.set()
        if self._watch.is_alive():
            self._watch.join(_WATCH_JOIN)
        last = self._lease is not None and self._lease.try_lock(shared=False)
        self._give_back()
        if last or held_exclusively(self._folder.lease):
            self._wait_for_end(time.monotonic() + wait)

    def __enter__(self) -> EmbeddedCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _give_back(self) -> None:
        if self._lease is not None:
            self._lease.close()
            self._lease = None

    def _wait_for_end(self, deadline: float) -> None:
        """Until the supervisor has gone. Somebody who joins meanwhile keeps it; then there is nothing to wait for."""
        joined_since: float | None = None
        while held_exclusively(self._folder.supervisor_lock) and time.monotonic() < deadline:
            if held_exclusively(self._folder.lease):
                joined_since = None
            else:
                joined_since = joined_since or time.monotonic()
                if time.monotonic() - joined_since > 1.0:
                    return
            time.sleep(0.01)

    def _bring_up(self) -> None:
        """Make sure that the server runs and that we know its address. Safe to repeat."""
        deadline = time.monotonic() + self._timeout
        self._folder.prepare()
        with self._starting(deadline):
            self._folder.undo_interrupted_restore()
            for _ in range(_ATTEMPTS):
                launched = not held_exclusively(self._folder.supervisor_lock)
                if launched:
                    self._launch()
                state = self._await_supervisor(deadline)
                if state.phase == "ready":
                    self._accept(state)
                    return
                if state.phase == "failed" and launched:
                    raise self._failure(state)
        if self._folder.free_bytes() < ROOM_TO_START:
            raise DiskFull(self._folder.root, self._folder.free_bytes())
        raise ServerFailed("starting", "its supervisor died again and again", self._folder.log)

    @contextlib.contextmanager
    def _starting(self, deadline: float) -> Iterator[None]:
        """One starter at a time, and with the lease: it is refused while a supervisor is taking its server down."""
        with FileLock(self._folder.start_lock) as lock:
            if not lock.lock_before(deadline, shared=False):
                raise StartTimedOut("waiting for another process to start PostgreSQL", self._timeout, self._folder.log)
            if self._lease is None:
                self._lease = FileLock(self._folder.lease)
                if not self._lease.lock_before(deadline, shared=True):
                    raise StartTimedOut("waiting for PostgreSQL to stop", self._timeout, self._folder.log)
            yield

    def _launch(self) -> None:
        """Start a supervisor; it inherits its lock already held, so that there never are two."""
        account = choose_account(self._folder.data)
        if account:
            require_reachable(self._folder.root, account)
        binaries = find_binaries(self._folder.root, account)
        found = self._folder.major_version()
        if found is not None and found != binaries.major:
            raise OtherMajorVersion(self._folder.data, found, binaries.major)
        with FileLock(self._folder.supervisor_lock) as lock:
            if not lock.lock_before(time.monotonic() + 1.0, shared=False):
                return
            port = self._folder.read_state().port
            self._folder.write_state(State(phase="starting", port=port))
            assignment = Assignment(str(self._folder.root), str(binaries.bin), account, port, lock.fd)
            started = subprocess.run(
                [sys.executable, "-P", "-c", _LAUNCH, str(_PACKAGE_ROOT), assignment.encode()],
                cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, pass_fds=[lock.fd], check=False,
            )  # fmt: skip
        if started.returncode != 0:
            raise ServerFailed("starting its supervisor", started.stderr.strip()[-1500:], self._folder.log)

    def _await_supervisor(self, deadline: float) -> State:
        """The state when the server is ready, or the last one when the supervisor has ended, perhaps without a word."""
        while held_exclusively(self._folder.supervisor_lock):
            state = self._folder.read_state()
            if state.phase == "ready" and _answers(state.port):
                return state
            if time.monotonic() > deadline:
                raise StartTimedOut(f"waiting for PostgreSQL ({state.phase})", self._timeout, self._folder.log)
            time.sleep(0.01)
        state = self._folder.read_state()
        return state if state.phase == "failed" else State(phase="starting")

    def _failure(self, state: State) -> EmbeddedPostgresError:
        kind, detail = state.failure or ("starting", "")
        if kind == "disk":
            return DiskFull(self._folder.root, self._folder.free_bytes())
        return ServerFailed(kind, detail, self._folder.log)

    def _accept(self, state: State) -> None:
        credentials = self._folder.read_credentials()
        if credentials is None:
            raise ServerFailed("starting", f"{self._folder.credentials_file} is missing", self._folder.log)
        self._state, self._credentials = state, credentials

    def _watch_over(self) -> None:
        """While we hold the lease: bring the server back when its supervisor was killed, ever more patiently."""
        pause = _WATCH_EVERY
        while not self._released.wait(pause):
            if held_exclusively(self._folder.supervisor_lock):
                self._follow_port()
                pause = _WATCH_EVERY
                continue
            pause = min(pause * 2, _WATCH_PATIENCE_LIMIT)
            _log.warning("embedded_postgres.supervisor_lost", home=str(self.home))
            if self._folder.major_version() is None:
                _log.error(
                    "embedded_postgres.data_gone", home=str(self.home)
                )  # never make an empty one behind a user's back
                return
            self._try(self._bring_up)

    def _follow_port(self) -> None:
        state = self._folder.read_state()
        if state.phase == "ready" and state.port != self._state.port:
            self._state = state

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (EmbeddedPostgresError, OSError) as error:
            _log.error("embedded_postgres.not_restarted", home=str(self.home), reason=str(error))


def _answers(port: int) -> bool:
    """Does somebody listen there? Closes at once, which the server does not even log."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2.0).close()
    except OSError:
        return False
    return True
