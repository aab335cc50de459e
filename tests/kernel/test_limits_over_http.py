"""Limits as a client meets them: what is permitted passes at its largest, what is not is refused with the time to wait, and every answer says its cost."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import DatabaseUrls
from doorstep.kernel.graphql.attempts import BURST
from doorstep.kernel.graphql.bodies import MAX_QUERY_BYTES, MAX_STRANGERS_BYTES
from doorstep.kernel.paging import Sort, cursor_of
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.server import Server, running_server
from doorstep.settings import Settings

WHO = "{ viewer { tenant { slug } } }"
PAGE = "query Page($n: Int) { orders(first: $n) { nodes { id } } }"
LARGE_PAGE = """
{ orders(first: 250) { totalCount pageInfo { endCursor hasNextPage } nodes {
  id reference status pickup { address { city postalCode } windows { start end } } dropoff { address { city postalCode } windows { start end } }
  packages { barcode } assignment { vehicle { name } stops { id status plannedArrival eta { at } route { id driver { name } } } }
} } }
"""


@dataclass
class Place:
    """A server that listens, and a tenant's keys."""

    server: Server
    http: httpx.AsyncClient
    key: str
    other_key: str
    foreign_key: str

    async def ask(self, query: str, key: str | None = "", variables: Any = None, **headers: str) -> httpx.Response:
        given = {"authorization": f"Bearer {key or self.key}"} if key is not None else {}
        body = {"query": query, "variables": variables}
        return await self.http.post(self.server.graphql_url, json=body, headers={**given, **headers})


async def _key(server: Server, slug: str, name: str) -> str:
    tenant = await tenant_by_slug(server.services.system, slug)
    _, key = await create_key(server.services.system, tenant, name, sorted(ALL_PERMISSIONS))
    return key


@asynccontextmanager
async def serving(urls: DatabaseUrls, home: Path, **settings: Any) -> AsyncIterator[Server]:
    chosen = Settings(_env_file=None, home=home, roads="straight", drain_seconds=2, **settings)  # type: ignore[call-arg]
    async with running_server(chosen, urls, work=False, port=0) as server:
        yield server


@asynccontextmanager
async def place(urls: DatabaseUrls, home: Path, **settings: Any) -> AsyncIterator[Place]:
    async with serving(urls, home, **settings) as server, httpx.AsyncClient(timeout=60) as http:
        for slug in ("shop", "other"):
            await create_tenant(server.services.system, NewTenant(slug, slug.title(), "Europe/Vaduz", "LI"))
        keys = [await _key(server, slug, name) for slug, name in (("shop", "a"), ("shop", "b"), ("other", "c"))]
        yield Place(server, http, *keys)


def spot(number: int) -> dict[str, Any]:
    return {
        "address": {"line1": f"Street {number}", "city": "Vaduz", "postalCode": "9490", "country": "LI"},
        "coordinates": {"latitude": 47.14 + number / 100_000, "longitude": 9.52},
        "contact": {"name": f"Person {number}", "phone": "+4232361111"},
        "windows": [{"start": "2031-05-01T08:00:00Z", "end": "2031-05-01T18:00:00Z"}],
    }


async def test_the_largest_that_is_permitted_passes_under_default_limits(
    database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    async with place(database_urls, tmp_path) as here:
        introspection = await here.ask(get_introspection_query(input_value_deprecation=True), None)
        assert "errors" not in introspection.json()
        orders = [
            {
                "reference": f"R{at}",
                "kind": "PICKUP_AND_DELIVERY",
                "pickup": spot(at),
                "dropoff": spot(at + 1),
                "packages": [{"barcode": f"B{at}"}],
            }
            for at in range(1000)
        ]
        create = (
            "mutation ($i: CreateOrdersInput!) { createOrders(input: $i) "
            "{ results { index order { id reference } problems { code path } } problems { code path } } }"
        )
        made = (await here.ask(create, variables={"i": {"orders": orders}})).json()
        assert "errors" not in made, made
        assert [one["problems"] for one in made["data"]["createOrders"]["results"]] == [[]] * 1000
        page = (await here.ask(LARGE_PAGE)).json()
        assert "errors" not in page, page
        assert len(page["data"]["orders"]["nodes"]) == 250
        assert page["data"]["orders"]["totalCount"] == 1000
        cost = page["extensions"]["cost"]
        assert cost["actual"] < cost["requested"] <= 10_000
        assert cost["throttle"]["maximum"] == 20_000


async def test_every_answer_says_what_it_cost(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    async with place(database_urls, tmp_path) as here:
        answer = await here.ask(PAGE, variables={"n": 100})
        cost = answer.json()["extensions"]["cost"]
        assert cost["throttle"].pop("available") >= 19_990
        assert cost == {"requested": 101, "actual": 1, "throttle": {"maximum": 20_000, "restoreRate": 1_000}}
        assert (answer.headers["x-cost-requested"], answer.headers["x-cost-actual"]) == ("101", "1")
        assert answer.headers["ratelimit-policy"] == '"points";q=20000;w=20'
        assert re.fullmatch(r'"points";r=(20000|199\d\d);t=[01]', answer.headers["ratelimit"])


async def test_what_costs_too_much_is_refused_with_its_cost(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    async with place(database_urls, tmp_path) as here:
        stops = "routes(first: 250) { nodes { stops { orders { attempts { id } } } } }"
        answer = await here.ask(f"{{ {stops} }}", accept="application/graphql-response+json")
        [error] = answer.json()["errors"]
        assert answer.status_code == 400
        assert error["extensions"] == {"code": "QUERY_TOO_COMPLEX", "requestedCost": 35_251, "maximumCost": 10_000}


SMALL = {"max_cost": 1_000, "bucket_points": 1_000, "bucket_points_per_second": 1}


async def test_a_key_that_asks_too_much_waits_and_its_neighbours_do_not(
    database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    async with place(database_urls, tmp_path, **SMALL) as here:
        # What an answer does not hold is given back, so only what is refused stays spent: documents that are no queries.
        answers = [await here.ask("{ nothing }") for _ in range(101)]
        assert {answer.status_code for answer in answers[:99]} == {200}
        refused = answers[-1]
        [error] = refused.json()["errors"]
        assert (refused.status_code, error["extensions"]["code"]) == (429, "RATE_LIMITED")
        assert 0 < error["extensions"]["retryAfterMs"] <= 11_000
        assert 0 < int(refused.headers["retry-after"]) <= 11
        assert (await here.ask("{ nothing }", here.other_key)).status_code == 429, "one tenant, one bucket"
        assert (await here.ask(WHO, here.foreign_key)).status_code == 200
        assert (await here.ask(WHO, None)).status_code == 200


async def test_a_stranger_is_limited_by_address(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    async with place(database_urls, tmp_path, **SMALL) as here:
        introspection = "{ __schema { queryType { name } } }"
        answers = [await here.ask(introspection, None) for _ in range(11)]
        assert [answer.status_code for answer in answers] == [200] * 10 + [429]
        assert (await here.ask(introspection)).status_code == 200, "who has a key has a bucket of their own"


async def test_a_stranger_says_little(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    async with place(database_urls, tmp_path) as here:
        large = {"x": "x" * MAX_STRANGERS_BYTES}
        answer = await here.ask(WHO, None, variables=large)
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (413, "QUERY_TOO_COMPLEX")
        assert (await here.ask(WHO, variables=large)).status_code == 200


async def test_sockets_without_a_key_are_counted_by_network(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    async with (
        serving(database_urls, tmp_path, sockets_per_key=3) as server,
        contextlib.AsyncExitStack() as stack,
    ):

        async def come() -> Any:
            socket = await stack.enter_async_context(
                connect(server.socket_url, subprotocols=[Subprotocol("graphql-transport-ws")])
            )
            await socket.send('{"type": "connection_init"}')
            return socket

        opened = [await come() for _ in range(3)]
        assert ["connection_ack" in await socket.recv() for socket in opened] == [True] * 3
        with pytest.raises(ConnectionClosed) as closed:
            await (await come()).recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4429
        await opened[0].close()
        async with asyncio.timeout(5):
            while True:
                socket = await come()
                with contextlib.suppress(ConnectionClosed):
                    assert "connection_ack" in await socket.recv()
                    break


async def test_a_document_is_as_long_over_a_socket_as_by_http(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    async with serving(database_urls, tmp_path) as server:
        async with connect(server.socket_url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            await socket.send('{"type": "connection_init"}')
            await socket.recv()
            document = "subscription { events { kind } } #" + "x" * MAX_QUERY_BYTES
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": document}}))
            told = json.loads(await socket.recv())
        assert (told["type"], told["payload"][0]["extensions"]["code"]) == ("error", "QUERY_TOO_COMPLEX")


async def test_a_forged_cursor_whose_instant_overflows_is_bad_input(
    database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    async with place(database_urls, tmp_path) as here:
        tenant = await tenant_by_slug(here.server.services.system, "shop")
        for text in ("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59"):
            row = {"created_at": text, "id": "0" * 32}
            cursor = cursor_of("orders", Sort("CREATED_AT.DESC", "created_at", datetime), row, tenant["id"])  # type: ignore[arg-type]
            document = "query ($c: Cursor) { orders(after: $c) { nodes { id } } }"
            [error] = (await here.ask(document, variables={"c": cursor})).json()["errors"]
            assert error["extensions"]["code"] == "BAD_USER_INPUT", text


async def test_a_body_that_breaks_off_is_no_fault_of_ours(
    database_urls: DatabaseUrls, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with serving(database_urls, tmp_path) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.close()
        await asyncio.sleep(0.3)
    said = capfd.readouterr()
    assert "internal_error" not in said.out + said.err


async def test_a_fault_does_not_tell_a_long_value_back(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    async with place(database_urls, tmp_path) as here:
        document = "query ($f: OrderFilter) { orders(filter: $f) { nodes { id } } }"
        for wrong in ({"kinds": ["K" * 100_000] * 20}, {f"{at}{'k' * 50_000}": 1 for at in range(20)}):
            answer = await here.ask(document, variables={"f": wrong})
            assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {"BAD_USER_INPUT"}
            assert len(answer.content) < 50_000


async def test_a_guesser_finds_no_door_where_nobody_counts(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    async with place(database_urls, tmp_path) as here:

        async def guess(path: str, number: int) -> int:
            headers = {"authorization": f"Bearer dsk_live_{number:043}"}
            return (await here.http.get(f"{here.server.url}{path}", headers=headers)).status_code

        told = [await guess("/export", number) for number in range(BURST + 5)]
        assert told[:BURST] == [401] * BURST
        assert told[-1] == 429
        assert await guess("/graphql?query={viewer{scopes}}", 99) == 429, "they are counted together"
        own = await here.http.get(f"{here.server.url}/export", headers={"authorization": f"Bearer {here.key}"})
        assert own.status_code == 429, "a stranger's good guess waits as well"


async def test_two_processes_share_the_buckets(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    async with place(database_urls, tmp_path, **SMALL) as here, serving(database_urls, tmp_path, **SMALL) as second:
        urls = [here.server.graphql_url, second.graphql_url]
        headers = {"authorization": f"Bearer {here.key}"}
        answers = [
            await here.http.post(urls[at % 2], json={"query": "{ nothing }"}, headers=headers) for at in range(104)
        ]
        assert [answer.status_code for answer in answers].count(200) in range(98, 104)
        assert answers[-1].status_code == 429


async def test_a_subscription_is_charged(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    async with place(database_urls, tmp_path, **SMALL) as here:
        for _ in range(101):
            await here.ask("{ nothing }")
        answer = await here.ask("subscription { events { kind } }", accept="text/event-stream")
        assert "RATE_LIMITED" in answer.text


async def test_the_deadline_stops_the_sql(
    database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement waits for what somebody holds; it ends with the operation, and not at its own limit of 5 s."""
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    async with place(database_urls, tmp_path, operation_seconds=0.5) as here:
        database = here.server.services.db
        snapshot = database.snapshot

        @asynccontextmanager
        async def slow(*arguments: Any, **named: Any) -> AsyncIterator[Any]:
            async with snapshot(*arguments, **named) as tx:
                await tx.execute("SELECT pg_advisory_xact_lock(1)")
                yield tx

        async with here.server.services.system.transaction() as holder:
            await holder.execute("SELECT pg_advisory_xact_lock(1)")
            monkeypatch.setattr(database, "snapshot", slow)
            asked = asyncio.create_task(here.ask("{ orders { nodes { id } } }"))
            async with asyncio.timeout(3):
                while not await holder.fetchval(waiting):
                    await asyncio.sleep(0.02)
            [error] = (await asked).json()["errors"]
            assert error["extensions"]["code"] == "TIMEOUT"
            async with asyncio.timeout(2):
                while await holder.fetchval(waiting):
                    await asyncio.sleep(0.02)
        monkeypatch.undo()
        assert (await here.ask(WHO)).json()["data"]["viewer"], "and its connection serves on"


async def test_settings_in_which_the_dearest_operation_fits_no_bucket_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="DOORSTEP_BUCKET_POINTS"):
        Settings(_env_file=None, home=tmp_path, max_cost=10_000, bucket_points=9_999)  # type: ignore[call-arg]
