"""``serve`` and ``work`` as processes: they answer, drain, survive being killed, and share one database."""

import json
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from tests.processes.conftest import Doorstep, Process, eventually
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

EVENTS = "subscription { events { kind event { __typename ... on DriverCreated { driverId } } } }"


def ask(server: Process, key: str | None, query: str) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    answer: dict[str, Any] = httpx.post(
        f"{server.url}/graphql", json={"query": query}, headers=headers, timeout=30
    ).json()
    return answer


@contextmanager
def subscribed(server: Process, key: str) -> Iterator[ClientConnection]:
    """A socket with one subscription that has caught up."""
    address = f"ws{server.url.removeprefix('http')}/graphql"
    with connect(address, subprotocols=["graphql-transport-ws"], compression=None) as socket:  # type: ignore[list-item]
        socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {key}"}}))
        assert json.loads(socket.recv(10))["type"] == "connection_ack"
        socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": EVENTS}}))
        assert next_item(socket)["kind"] == "CAUGHT_UP"
        yield socket


def next_item(socket: ClientConnection) -> dict[str, Any]:
    message = json.loads(socket.recv(10))
    assert message["type"] == "next", message
    item: dict[str, Any] = message["payload"]["data"]["events"]
    return item


def test_serve_answers_survives_a_kill_and_drains(doorstep: Doorstep):
    first = doorstep.start("serve")
    metrics = first.find(r"Metrics\s+(http://\S+)")
    assert first.find(r"(doorstep tenant create)"), "an empty installation says what comes next"
    assert httpx.get(f"{first.url}/health/live").json() == {"status": "ok"}
    eventually(lambda: httpx.get(f"{first.url}/health/ready").json()["worker"] == "ok", "the worker is seen")
    assert httpx.get(f"{first.url}/health/ready").status_code == 200
    shown = httpx.get(metrics).text
    for figure in (
        'pool_in_use{role="app"}',
        "job_age_seconds",
        "event_lag_seconds_count",
        "solver_queue",
        "request_seconds_count",
    ):
        assert f"doorstep_{figure} " in shown
    assert "<title>" in httpx.get(f"{first.url}/graphql", headers={"accept": "text/html"}).text
    secrets = doorstep.home / "secret.keys"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600

    assert doorstep.run("tenant", "create", "shop")[0] == 0
    code, said = doorstep.run("key", "create", "--tenant", "shop", "--name", "till", "--json")
    assert code == 0, said
    key = json.loads(said)["key"]
    assert ask(first, key, "{ viewer { tenant { slug } } }")["data"] == {"viewer": {"tenant": {"slug": "shop"}}}

    kept = secrets.read_bytes()
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    second = doorstep.start("serve")
    assert ask(second, key, "{ viewer { tenant { slug } } }")["data"]["viewer"]["tenant"]["slug"] == "shop"
    assert secrets.read_bytes() == kept

    with subscribed(second, key) as socket:
        created = ask(
            second, key, 'mutation { createDriver(input: {name: "Ada"}) { driver { id } problems { message } } }'
        )
        item = next_item(socket)
        assert item["event"]["driverId"] == created["data"]["createDriver"]["driver"]["id"]
        assert second.stop() == 0
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert "Traceback" not in second.said
    assert "Ada" not in second.said
    eventually(lambda: doorstep.postmaster is None, "the database is down with its last user")


def test_api_and_worker_share_one_database_until_the_last_one_leaves(doorstep: Doorstep):
    api = doorstep.start("serve", "--no-work")
    assert "doorstep work" in httpx.get(f"{api.url}/health/ready").json()["worker"]
    worker = doorstep.start("work")
    worker.find(r"(works on jobs)")
    eventually(lambda: httpx.get(f"{api.url}/health/ready").json()["worker"] == "ok", "the worker is seen")
    assert httpx.get(worker.find(r"Metrics\s+(http://\S+)")).status_code == 200
    assert api.stop(signal.SIGINT) == 0
    assert doorstep.postmaster is not None
    assert worker.stop() == 0
    eventually(lambda: doorstep.postmaster is None, "the database is down with its last user")
