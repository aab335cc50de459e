"""Starting, joining, leaving, and every way of dying."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.kernel.postgres.conftest import Holder, Person, eventually, is_gone, query, stopped

from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.errors import ClusterInUse
from doorstep.kernel.postgres.folder import ClusterFolder, State

Hold = Callable[..., Holder]
MakeHome = Callable[[Person], Path]
as_ourselves = pytest.mark.parametrize("person", ["ourselves"], indirect=True)


def state_of(home: Path) -> State:
    return ClusterFolder(home / "postgres").read_state()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def add_row(holder: Holder) -> None:
    query(holder.says["url"], "INSERT INTO kept VALUES (2)")


def rows(url: str) -> str:
    return query(url, "SELECT count(*) FROM kept")


def test_first_start_makes_everything_and_last_one_out_stops_it(person: Person, new_home: MakeHome, hold: Hold) -> None:
    home = new_home(person)
    holder = hold(home)
    assert holder.says["phase"] == "ready"
    assert holder.says["imported_wheel"] is False
    assert query(holder.says["url"], "SHOW server_version_num").startswith("18")
    holder.leave()
    assert stopped(home)
    data = home / "postgres" / "data"
    assert data.stat().st_mode & 0o777 == 0o700
    assert data.stat().st_uid != 0
    assert (home / "postgres" / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert not list((home / "postgres").glob("data.new.*"))


def test_four_at_once_on_an_empty_home_share_one_server(person: Person, new_home: MakeHome, hold: Hold) -> None:
    home = new_home(person)
    holders = [hold(home) for _ in range(4)]
    assert len({(holder.says["supervisor"], holder.says["postmaster"], holder.says["port"]) for holder in holders}) == 1
    for holder in holders[:3]:
        holder.leave()
    assert query(holders[3].says["url"], "SELECT 1") == "1"
    holders[3].leave()
    assert stopped(home)


def test_killed_user_leaves_the_server_to_the_others(person: Person, made_home: MakeHome, hold: Hold) -> None:
    home = made_home(person)
    first, second = hold(home), hold(home)
    assert first.says["postmaster"] == second.says["postmaster"]
    first.kill()
    add_row(second)
    second.leave()
    assert stopped(home)


def test_last_user_killed_stops_the_server(person: Person, made_home: MakeHome, hold: Hold) -> None:
    home = made_home(person)
    holder = hold(home)
    add_row(holder)
    holder.kill()
    eventually(lambda: stopped(home), "the server noticed that nobody holds it")
    assert is_gone(holder.says["postmaster"])
    again = hold(home)
    assert rows(again.says["url"]) == "2"


def test_killed_supervisor_is_replaced_while_somebody_holds_the_cluster(
    person: Person, made_home: MakeHome, hold: Hold
) -> None:
    home = made_home(person)
    holder = hold(home)
    add_row(holder)
    before = holder.says
    kill(before["supervisor"])
    eventually(lambda: is_gone(before["postmaster"]), "the server died with its supervisor")
    after = eventually(
        lambda: (s := state_of(home)).phase == "ready" and s.supervisor != before["supervisor"] and s, "another"
    )
    assert after.port == before["port"]
    assert rows(before["url"]) == "2"
    holder.leave()
    assert stopped(home)


def test_server_dies_with_its_supervisor_when_nobody_is_left(person: Person, made_home: MakeHome, hold: Hold) -> None:
    holder = hold(made_home(person))
    kill(holder.says["supervisor"])
    holder.kill()
    eventually(lambda: is_gone(holder.says["postmaster"]), "the kernel told the server")


def test_killed_server_is_started_again(person: Person, made_home: MakeHome, hold: Hold) -> None:
    home = made_home(person)
    holder = hold(home)
    add_row(holder)
    kill(holder.says["postmaster"])
    eventually(lambda: state_of(home).postmaster not in (0, holder.says["postmaster"]), "the server was started again")
    assert rows(holder.says["url"]) == "2"
    assert state_of(home).supervisor == holder.says["supervisor"]


def test_all_killed_at_once(person: Person, made_home: MakeHome, hold: Hold) -> None:
    home = made_home(person)
    holder = hold(home)
    add_row(holder)
    for pid in (holder.says["supervisor"], holder.process.pid, holder.says["postmaster"]):
        kill(pid)
    again = hold(home)
    assert rows(again.says["url"]) == "2"
    assert again.says["postmaster"] != holder.says["postmaster"]


@pytest.mark.parametrize(
    ("person", "victims"),
    [
        pytest.param("ourselves", ("holder",), marks=pytest.mark.release),
        ("ourselves", ("supervisor",)),
        ("ourselves", ("holder", "supervisor")),
        ("ordinary", ("holder", "supervisor")),
    ],
    indirect=["person"],
)
def test_killed_in_the_middle_of_making_the_cluster(
    person: Person, new_home: MakeHome, hold: Hold, victims: tuple[str, ...]
) -> None:
    home = new_home(person)
    holder = hold(home)
    eventually(lambda: list((home / "postgres").glob("data.new.*/data/base/1/*")), "initdb is at work")
    supervisor = _supervisor_of(home)
    for victim in victims:
        if victim == "holder":
            holder.kill()
        else:
            kill(supervisor)
    again = hold(home) if "holder" in victims else holder
    assert query(again.says["url"], "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'doorstep%'") == "3"
    assert not list((home / "postgres").glob("data.new.*"))
    again.leave()
    assert stopped(home)


def _supervisor_of(home: Path) -> int:
    """The supervisor does not report while it initialises: found by its command line."""
    wanted = f'"folder": "{home / "postgres"}"'.encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if wanted in command.replace(b"\\u00e4", "ä".encode()) and b"postgres.supervisor" in command:
            return int(process.name)
    raise AssertionError("no supervisor found")


@as_ourselves
def test_forked_child_does_not_keep_the_lease(person: Person, made_home: MakeHome, hold: Hold) -> None:
    home = made_home(person)
    holder = hold(home)
    assert holder.says
    child = holder.tell("fork")["child"]
    try:
        holder.kill()
        eventually(lambda: stopped(home), "the server stopped although the child lives")
        assert not is_gone(child)
    finally:
        kill(child)


@as_ourselves
def test_signals_of_a_terminal_do_not_stop_a_server_in_use(person: Person, made_home: MakeHome, hold: Hold) -> None:
    home = made_home(person)
    holder = hold(home)
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(holder.says["supervisor"], sign)
    time.sleep(0.2)
    assert query(holder.says["url"], "SELECT 1") == "1"
    assert os.getsid(holder.says["supervisor"]) != os.getsid(0)


def test_release_can_be_repeated_and_the_process_can_start_again(used_home: Path) -> None:
    with EmbeddedCluster.start(used_home) as cluster:
        port = cluster.port
    cluster.release()
    assert stopped(used_home)
    with EmbeddedCluster.start(used_home) as cluster:
        assert cluster.port == port
        with EmbeddedCluster.start(used_home) as same_process:
            assert same_process.app_url == cluster.app_url
        assert query(cluster.superuser_url, "SELECT 1") == "1"


def test_remove_deletes_a_cluster_that_nobody_uses(used_home: Path) -> None:
    with EmbeddedCluster.start(used_home) as cluster:
        with pytest.raises(ClusterInUse, match="stop every 'doorstep'"):
            EmbeddedCluster.remove(used_home)
        assert rows(cluster.superuser_url) == "1"
    EmbeddedCluster.remove(used_home)
    assert list(used_home.iterdir()) == []
    EmbeddedCluster.remove(used_home)


def test_data_that_vanished_is_not_silently_made_anew(used_home: Path) -> None:
    with EmbeddedCluster.start(used_home) as cluster:
        supervisor = state_of(used_home).supervisor
        shutil.move(used_home / "postgres" / "data", used_home / "away")
        kill(supervisor)
        cluster._watch.join(30)
        assert not cluster._watch.is_alive()
        assert not (used_home / "postgres" / "data").exists()


def test_start_while_the_last_one_leaves(used_home: Path) -> None:
    """A lease that ends and one that begins at the same moment never meet on a dying server."""
    for _ in range(3):
        leaving = EmbeddedCluster.start(used_home)
        leaving.release(wait=0)
        with EmbeddedCluster.start(used_home) as cluster:
            assert rows(cluster.superuser_url) == "1"


def test_another_port_when_ours_was_taken(used_home: Path) -> None:
    with EmbeddedCluster.start(used_home) as cluster:
        port = cluster.port
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        with EmbeddedCluster.start(used_home) as cluster:
            assert cluster.port != port
            assert rows(cluster.superuser_url) == "1"


def test_root_may_visit_a_users_cluster(
    ourselves: Person, ordinary: Person, made_home: MakeHome, new_home: MakeHome
) -> None:
    if ourselves.uid != 0:
        pytest.skip("not root")
    home = made_home(ordinary)
    with EmbeddedCluster.start(home) as cluster:
        query(cluster.superuser_url, "INSERT INTO kept VALUES (2)")
    owners = {path.stat().st_uid for path in (home / "postgres").iterdir()}
    assert owners == {ordinary.uid}
    holder = Holder(ordinary, home)
    assert rows(holder.says["url"]) == "2"
    holder.leave()
    holder.close()


@pytest.mark.release
@pytest.mark.timeout(900)
def test_a_hundred_random_deaths_lose_nothing(person: Person, made_home: MakeHome, hold: Hold) -> None:
    """Two users at a time; somebody is killed at a random moment; every committed row is there in the end."""
    home = made_home(person)
    chance = random.Random(7)
    written = 1
    for _ in range(100):
        holders = [hold(home) for _ in range(chance.choice((1, 2)))]
        if chance.random() < 0.7:
            add_row(holders[0])
            written += 1
            victims = [state_of(home).supervisor, state_of(home).postmaster, *(h.process.pid for h in holders)]
        else:
            time.sleep(chance.random() * 0.3)
            victims = [holders[0].process.pid]
        for victim in chance.sample(victims, chance.randint(1, len(victims))):
            subprocess.run(["kill", "-9", str(victim)], check=False, capture_output=True)
        for holder in holders:
            holder.close()
    assert rows(hold(home).says["url"]) == str(written)
