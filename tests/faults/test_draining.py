"""SIGTERM: what is under way is answered, sockets are closed so that clients resume, and nothing is left running."""

import asyncio
import json
import time
from collections.abc import Callable

import httpx
import pytest
from tests.faults.clients import CREATE_ORDER, EVENTS, RETRY_CODES, Api, order_input
from tests.faults.conftest import Home
from tests.faults.processes import Cluster, eventually, serving
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

DRAIN_SECONDS = 30.0
"""The promise: a process that was told to stop has ended after so long."""

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


async def subscribed(url: str, key: str) -> ClientConnection:
    """A socket with a live stream."""
    socket = await connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None)
    for message in (
        {"type": "connection_init", "payload": {"Authorization": f"Bearer {key}"}},
        {"type": "subscribe", "id": "1", "payload": {"query": EVENTS}},
    ):
        await socket.send(json.dumps(message))
    assert json.loads(await socket.recv())["type"] == "connection_ack"
    assert json.loads(await socket.recv())["payload"]["data"]["events"]["kind"] == "CAUGHT_UP"
    return socket


async def closing_code(socket: ClientConnection) -> int | None:
    """The code that the server closed the socket with."""
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


@pytest.mark.timeout(120)
async def test_a_server_that_is_told_to_stop_finishes_and_closes_everything(
    home: Home, record_property: Callable[[str, object], None]
) -> None:
    async with serving(home.path, home.log) as (server,), Api(server.graphql_url, home.key, timeout=40) as api:
        idle = await subscribed(server.socket_url, home.key)
        await api.data(CREATE_ORDER, input=order_input("first"))
        async with home.truth() as truth:
            # Nobody can number an event while this row is locked: the order's transaction waits in its last step.
            hold = truth.transaction()
            await hold.start()
            await truth.execute("SELECT FROM event_heads FOR UPDATE")
            in_flight = asyncio.create_task(api.ask(CREATE_ORDER, input=order_input("in flight")))
            for _ in range(500):
                if await truth.fetchval(WAITING):
                    break
                await asyncio.sleep(0.02)
            server.terminate()
            told = time.monotonic()
            assert await asyncio.wait_for(closing_code(idle), DRAIN_SECONDS) == 1012
            async with httpx.AsyncClient() as http:
                with pytest.raises(httpx.TransportError):
                    await http.get(f"{server.url}/health/live")
            assert not in_flight.done()
            await hold.rollback()
            status, body = await in_flight
        assert status == 200, body
        assert body["data"]["createOrder"]["order"]["displayReference"] == "in flight"
        assert await server.ended(DRAIN_SECONDS) == 0
        record_property("drained_seconds", round(time.monotonic() - told, 1))
        await eventually(lambda: Cluster(home.path).stopped, "the end of PostgreSQL", 20)
        assert server.complaints() == []


@pytest.mark.release
@pytest.mark.timeout(120)
async def test_a_server_whose_database_is_silent_stops_in_time_too(
    home: Home, record_property: Callable[[str, object], None]
) -> None:
    async with serving(home.path, home.log) as (server,), Api(server.graphql_url, home.key, timeout=40) as api:
        await api.data(CREATE_ORDER, input=order_input("first"))
        Cluster(home.path).freeze_server(frozen=True)
        under_way = asyncio.create_task(api.ask(CREATE_ORDER, input=order_input("second")))
        await asyncio.sleep(0.5)
        server.terminate()
        told = time.monotonic()
        _, body = await under_way
        assert {error["extensions"]["code"] for error in body["errors"]} <= RETRY_CODES
        await server.ended(DRAIN_SECONDS)
        record_property("ended_seconds", round(time.monotonic() - told, 1))
