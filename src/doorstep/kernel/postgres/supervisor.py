"""The process that owns the server.

It is nobody's child, so that no user's death takes it along, and the parent of ``postgres``, which dies with it. It
makes the data folder when there is none, starts the server, starts it again when it was killed, and stops it as soon as
nobody holds the lease. It ignores the signals that a terminal or a service manager sends to a whole group: users of the
cluster first finish their work, then their lease ends. Only the standard library is imported here.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from doorstep.kernel.postgres.account import ServerAccount
from doorstep.kernel.postgres.children import Children, Command, Stopped
from doorstep.kernel.postgres.folder import NO_ROOM, ROOM_TO_INITIALISE, ROOM_TO_START, ClusterFolder, State
from doorstep.kernel.postgres.initialise import InitialiseFailed, initialise, remove_leftovers, renew_credentials
from doorstep.kernel.postgres.locks import FileLock
from doorstep.kernel.postgres.postmaster import clear_the_way, is_ready

# Given on the command line, so that neither postgresql.conf nor ALTER SYSTEM weakens them. Statements and their
# parameters stay out of the log: they hold people's names and addresses.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_checkpoints": "off",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}
_LOG_LIMIT = 10 * 2**20
_SHUTDOWN_PATIENCE = 60.0
_OLD_SERVER_PATIENCE = 30.0
_STEADY_AFTER = 60.0
_MAX_FAILURES_IN_A_ROW = 5
_NO_ROOM_WORDS = ("No space left on device", "Disk quota exceeded")
_PORT_WORDS = ("could not create any TCP/IP sockets", "Address already in use")
_BUSY_WORDS = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')


class Failure(Exception):
    """The server cannot run; ``kind`` is ``disk`` or what was being done."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True)
class Assignment:
    """What a starter tells its supervisor. ``lock_fd`` is the supervisor's lock, already held."""

    folder: str
    programs: str
    account: ServerAccount | None
    port: int
    lock_fd: int

    def encode(self) -> str:
        """For the command line; holds no secret."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> Assignment:
        """The inverse of ``encode``."""
        fields = json.loads(text)
        account = fields.pop("account")
        return cls(account=ServerAccount(**account) if account else None, **fields)


class Supervisor:
    """Runs one server until nobody needs it."""

    def __init__(self, assignment: Assignment) -> None:
        self._folder = ClusterFolder(Path(assignment.folder))
        self._programs = Path(assignment.programs)
        self._account = assignment.account
        self._children = Children(assignment.account)
        self._state = State(phase="starting", port=assignment.port, supervisor=os.getpid())

    def run(self) -> None:
        """Until the last lease ends (returns) or the server cannot run (the state says why)."""
        threading.Thread(target=self._watch_lease, name="lease", daemon=True).start()
        try:
            self._prepare()
            self._keep_running()
        except Stopped:
            pass
        except Failure as failure:
            self._report(replace(self._state, phase="failed", failure=(failure.kind, failure.detail)))
        except InitialiseFailed as error:
            self._report_failure("initialising its data folder", str(error))
        except OSError as error:
            self._report_failure("starting", str(error), full=error.errno in NO_ROOM)

    def _watch_lease(self) -> None:
        """The lease stays ours until this process has ended: nobody may join a server that is going down."""
        lease = FileLock(self._folder.lease)
        lease.wait_exclusive()
        self._children.stop()
        threading.Event().wait(_SHUTDOWN_PATIENCE)
        self._children.stop_hard()

    def _prepare(self) -> None:
        remove_leftovers(self._folder)
        fresh = self._folder.major_version() is None
        if self._folder.free_bytes() < (ROOM_TO_INITIALISE if fresh else ROOM_TO_START):
            raise Failure("disk")
        if fresh:
            initialise(self._folder, self._programs, self._account, self._children)
            remove_leftovers(self._folder)
        elif self._folder.read_credentials() is None:
            self._wait_for_old_server()
            renew_credentials(self._folder, self._programs, self._children)

    def _wait_for_old_server(self) -> None:
        if not clear_the_way(self._folder.data, patience=_OLD_SERVER_PATIENCE):
            raise Failure("starting", "an older server still runs on the data folder and does not end")

    def _keep_running(self) -> None:
        failures = 0
        while True:
            started = time.monotonic()
            log_start = self._folder.log.stat().st_size
            became_ready = self._serve_once()
            self._children.sleep(0)
            said = self._said_since(log_start)
            steady = became_ready and time.monotonic() - started > _STEADY_AFTER
            failures = 0 if steady else failures + 1
            self._judge(said, failures, became_ready=became_ready)
            self._report(replace(self._state, phase="starting", postmaster=0))
            self._children.sleep(min(0.1 * 2**failures, 2.0))

    def _judge(self, said: str, failures: int, *, became_ready: bool) -> None:
        """Why did the server end, and is it worth another try?"""
        if any(words in said for words in _NO_ROOM_WORDS) or self._folder.free_bytes() < ROOM_TO_START // 10:
            raise Failure("disk")
        passing = became_ready or any(words in said for words in (*_PORT_WORDS, *_BUSY_WORDS))
        if failures >= _MAX_FAILURES_IN_A_ROW or not passing:
            raise Failure("starting", said[-1500:].strip())

    def _serve_once(self) -> bool:
        """One life of the server; says whether it ever was ready."""
        self._wait_for_old_server()
        port = usable_port(self._state.port)
        self._state = replace(self._state, phase="starting", port=port)
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with self._folder.log.open("ab") as log:
            command: Command = [self._programs / "postgres", "-D", self._folder.data, "-c", f"port={port}", *settings]
            server = self._children.start(command, stop_with=signal.SIGINT, output=log)
        ready = self._wait_until_ready(server)
        if ready:
            self._report(replace(self._state, phase="ready", postmaster=server.pid))
        server.wait()
        return ready

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> bool:
        while server.poll() is None:
            if is_ready(self._folder.data, server.pid):
                return True
            time.sleep(0.01)
        return False

    def _said_since(self, offset: int) -> str:
        with self._folder.log.open("rb") as log:
            log.seek(offset)
            return log.read(64 * 1024).decode(errors="replace")

    def _report_failure(self, doing: str, detail: str, *, full: bool = False) -> None:
        full = full or any(words in detail for words in _NO_ROOM_WORDS)
        kind = "disk" if full or self._folder.free_bytes() < ROOM_TO_START // 10 else doing
        self._report(replace(self._state, phase="failed", failure=(kind, detail[-1500:].strip())))

    def _report(self, state: State) -> None:
        """Tell the starters. On a full disk this fails too; they find the supervisor gone and look for themselves."""
        self._state = state
        try:
            self._folder.write_state(state)
        except OSError as error:
            sys.stderr.write(f"doorstep: cannot write the state: {error}\n")


def usable_port(wanted: int) -> int:
    """``wanted`` when it is free on the loopback address, else another that is."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Failure("starting", "no TCP port is free on 127.0.0.1")


def _shorten_log(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
        log.touch(mode=0o600)


def _detach(log: Path) -> None:
    """Become nobody's child, in a session of its own, writing to the log only."""
    if os.fork() != 0:
        os._exit(0)
    os.setsid()
    os.chdir("/")
    for unheeded in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(unheeded, _stay)  # a handler, not SIG_IGN, which the server would inherit
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for source, target in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(written)


def _stay(_signal: int, _frame: object) -> None:
    """Only the end of the last lease ends the supervisor."""


def main() -> None:
    """Entry point of the process; its only argument is an ``Assignment``."""
    assignment = Assignment.decode(sys.argv[1])
    os.set_inheritable(assignment.lock_fd, False)
    log = ClusterFolder(Path(assignment.folder)).log
    _shorten_log(log)
    _detach(log)
    Supervisor(assignment).run()
