"""Every code that design and README promise at the top level is brought about by a real request; there are no others.

RATE_LIMITED and what a full bucket answers are in the tests of the limits.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import cloned_database
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.errors import TimedOut, Unavailable
from doorstep.kernel.graphql import view
from doorstep.kernel.graphql.context import Context
from doorstep.kernel.graphql.tolls import Limits
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import ALL_PERMISSIONS, Permission
from doorstep.server import Server, running_server
from doorstep.settings import Settings

DOCUMENTED = {
    "UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED", "QUERY_TOO_COMPLEX", "BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED", "OPERATION_RESOLUTION_FAILURE", "TIMEOUT", "UNAVAILABLE", "RESYNC_REQUIRED", "INTERNAL",
    "ORIGIN_NOT_ALLOWED", "PERSISTED_DOCUMENT_NOT_FOUND", "PERSISTED_DOCUMENT_REQUIRED",
}  # fmt: skip

VIEWER = "{ viewer { scopes } }"


@pytest.fixture(scope="module")
async def server(
    cluster: EmbeddedCluster, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    home = tmp_path_factory.mktemp("codes")
    settings = Settings(_env_file=None, home=home, roads="straight", drain_seconds=2)  # type: ignore[call-arg]
    with cloned_database(cluster, template) as urls:
        async with running_server(settings, urls, work=False, port=0) as running:
            yield running


async def _key(server: Server, *permissions: Permission) -> str:
    tenant = await tenant_by_slug(server.services.system, "shop")
    return (await create_key(server.services.system, tenant, "test", list(permissions)))[1]


@pytest.fixture(scope="module")
async def http(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    await create_tenant(server.services.system, NewTenant("shop", "Shop"))
    key = await _key(server, *sorted(ALL_PERMISSIONS))
    async with httpx.AsyncClient(base_url=server.url, headers={"authorization": f"Bearer {key}"}) as client:
        yield client


Ask = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


def _post(query: Any, **more: Any) -> Ask:
    return lambda http: http.post("/graphql", json={"query": query, **more})


def _body(content: bytes, media: str = "application/json") -> Ask:
    return lambda http: http.post("/graphql", content=content, headers={"content-type": media})


def _as(authorization: str, query: str = VIEWER) -> Ask:
    return lambda http: http.post("/graphql", json={"query": query}, headers={"authorization": authorization})


SEVERAL = "query A { viewer { scopes } } query B { viewer { scopes } }"

REQUESTS: dict[str, tuple[str, int | None, Ask]] = {
    "a key that is none": ("UNAUTHENTICATED", 401, _as("Bearer dsk_live_x")),
    "no key": ("UNAUTHENTICATED", 200, _as("", "{ orders { nodes { id } } }")),
    "too many aliases": (
        "QUERY_TOO_COMPLEX",
        200,
        _post("{ viewer { " + " ".join(f"a{number}: scopes" for number in range(31)) + " } }"),
    ),
    "an argument out of range": ("BAD_USER_INPUT", 200, _post("{ orders(first: 0) { nodes { id } } }")),
    "a variable of another type": (
        "BAD_USER_INPUT",
        200,
        _post("query ($first: Int) { orders(first: $first) { nodes { id } } }", variables={"first": "x"}),
    ),
    "a forged cursor": ("BAD_USER_INPUT", 200, _post('{ orders(after: "AAAA") { nodes { id } } }')),
    "no GraphQL": ("GRAPHQL_PARSE_FAILED", 200, _post("{ viewer")),
    "an unknown field": ("GRAPHQL_VALIDATION_FAILED", 200, _post("{ nothing }")),
    "several operations without a name": ("OPERATION_RESOLUTION_FAILURE", 200, _post(SEVERAL)),
    "an operation that is not there": ("OPERATION_RESOLUTION_FAILURE", 400, _post(SEVERAL, operationName="C")),
    "a subscription by POST": ("OPERATION_RESOLUTION_FAILURE", 400, _post("subscription { events { kind } }")),
    "a mutation by GET": (
        "OPERATION_RESOLUTION_FAILURE",
        405,
        lambda http: http.get(
            "/graphql", params={"query": 'mutation { cancelOrder(input: {id: "x"}) { problems { code } } }'}
        ),
    ),
    "another method": ("OPERATION_RESOLUTION_FAILURE", 405, lambda http: http.put("/graphql", json={"query": VIEWER})),
    "GET without a document": ("BAD_USER_INPUT", None, lambda http: http.get("/graphql")),
    "POST without a document": ("BAD_USER_INPUT", 400, _body(b"{}")),
    "no JSON": ("BAD_USER_INPUT", 400, _body(b"{")),
    "nothing": ("BAD_USER_INPUT", 400, _body(b"")),
    "a list": ("BAD_USER_INPUT", 400, _body(b'[{"query": "{ viewer { scopes } }"}]')),
    "variables that are a text": ("BAD_USER_INPUT", 400, _post(VIEWER, variables="x")),
    "another media type": ("BAD_USER_INPUT", 415, _body(b"{ viewer { scopes } }", "text/plain")),
    "a document that is too long": ("QUERY_TOO_COMPLEX", 413, _post(VIEWER + "#" * 20_000)),
}
"""What is asked → code, status (None: any refusal), and how."""


@pytest.mark.parametrize("what", REQUESTS)
async def test_a_request_has_the_code_that_is_promised(http: httpx.AsyncClient, what: str) -> None:
    code, status, ask = REQUESTS[what]
    answer = await ask(http)
    found = {error["extensions"]["code"] for error in answer.json()["errors"]}
    assert found == {code}, answer.text
    assert answer.status_code == (status or answer.status_code)


async def test_a_key_without_the_right_is_told_so(server: Server, http: httpx.AsyncClient) -> None:
    key = await _key(server, Permission.FLEETS_READ)
    answer = await _as(f"Bearer {key}", "{ orders { nodes { id } } }")(http)
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("error", "code"),
    [(Unavailable("Away."), "UNAVAILABLE"), (TimedOut("Late."), "TIMEOUT"), (ValueError("x"), "INTERNAL")],
)
async def test_what_the_database_does_to_an_operation(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    async def fails(_context: Context) -> None:
        raise error

    monkeypatch.setattr(Context, "reads", fails)
    [found] = (await _post("{ orders { nodes { id } } }")(http)).json()["errors"]
    assert found["extensions"]["code"] == code
    assert ("reference" in found["extensions"]) == (code == "INTERNAL")


async def test_an_operation_past_its_deadline_is_a_timeout(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Limits, "seconds", property(lambda _: 0.0))
    [found] = (await _post("{ orders { nodes { id } } }")(http)).json()["errors"]
    assert found["extensions"]["code"] == "TIMEOUT"


async def test_a_fault_before_execution_has_a_reference_too(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(view.GraphQLView, "let_in", fails)
    answer = await _post(VIEWER)(http)
    [found] = answer.json()["errors"]
    assert answer.status_code == 500
    assert found["extensions"]["code"] == "INTERNAL"
    assert re.fullmatch(r"[0-9a-f]{12}", found["extensions"]["reference"])


async def _first_message(server: Server, authorization: str | None, query: str) -> dict[str, Any]:
    async with connect(server.socket_url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        payload = {"Authorization": authorization} if authorization else {}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        await socket.recv()
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
        message: dict[str, Any] = json.loads(await socket.recv())
        return message


async def test_a_socket_says_so_too(server: Server, http: httpx.AsyncClient) -> None:
    key = http.headers["authorization"]
    messages = {
        "OPERATION_RESOLUTION_FAILURE": await _first_message(server, key, VIEWER),
        "GRAPHQL_PARSE_FAILED": await _first_message(server, key, "subscription {"),
        "GRAPHQL_VALIDATION_FAILED": await _first_message(server, key, "subscription { nothing }"),
        "BAD_USER_INPUT": await _first_message(server, key, 'subscription { events(after: "AAAA") { kind } }'),
        "UNAUTHENTICATED": await _first_message(server, None, "subscription { events { kind } }"),
    }
    for code, message in messages.items():
        assert message["type"] == "error", message
        assert {error["extensions"]["code"] for error in message["payload"]} == {code}


def test_there_are_no_codes_but_these() -> None:
    """In the package's own words, wherever a code is given."""
    package = Path(view.__file__).parents[2]
    texts = [path.read_text() for path in (package / "kernel").rglob("*.py")]
    given = {code for text in texts for code in re.findall(r'(?:"code": |\bcode = |CODE = )"([A-Z_]+)"', text)}
    assert given - DOCUMENTED == set()
