"""GraphQL over HTTP as a client meets it, on a real server: what is refused is refused in JSON, with the right status."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.graphql.view import MAX_SUBSCRIPTIONS_PER_SOCKET
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.server import running_server
from doorstep.settings import Settings


@pytest.fixture
async def http(session_home: Path, database_urls) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(home=session_home, port=0, roads="straight", metrics_port=0)  # type: ignore[call-arg]
    async with running_server(settings, database_urls, work=False) as server:
        await create_tenant(server.services.system, NewTenant("shop", "Shop"))
        tenant = await tenant_by_slug(server.services.system, "shop")
        _, key = await create_key(server.services.system, tenant, "test", sorted(ALL_PERMISSIONS))
        async with httpx.AsyncClient(base_url=server.url, headers={"authorization": f"Bearer {key}"}) as client:
            yield client


async def test_what_is_no_request_is_refused_in_json(http: httpx.AsyncClient):
    mutation = 'mutation { cancelOrder(input: {id: "order_1"}) { problems { code } } }'
    several = "query A { viewer { scopes } } query B { viewer { scopes } }"
    answers = {
        "a mutation by GET": await http.get("/graphql", params={"query": mutation}),
        "a subscription by POST": await http.post("/graphql", json={"query": "subscription { events { kind } }"}),
        "a list": await http.post("/graphql", json=[{"query": "{ viewer { scopes } }"}]),
        "no JSON": await http.post("/graphql", content=b"{", headers={"content-type": "application/json"}),
        "too large": await http.post(
            "/graphql", json={"query": "{ viewer { scopes } }", "variables": {"x": "x" * 5_000_000}}
        ),
        "several operations": await http.post(
            "/graphql", json={"query": several}, headers={"accept": "application/graphql-response+json"}
        ),
        "a foreign key": await http.post(
            "/graphql", json={"query": "{ viewer { scopes } }"}, headers={"authorization": "Bearer dsk_live_x"}
        ),
    }
    assert {what: answer.status_code for what, answer in answers.items()} == {
        "a mutation by GET": 405,
        "a subscription by POST": 400,
        "a list": 400,
        "no JSON": 400,
        "too large": 413,
        "several operations": 400,
        "a foreign key": 401,
    }
    for what, answer in answers.items():
        assert answer.json()["errors"][0]["extensions"]["code"], what
    assert answers["a mutation by GET"].headers["allow"] == "POST"


JSON = "application/json"
BODIES = {
    "nothing": (b"", JSON, 400),
    "a string": (b'"foo"', JSON, 400),
    "a number": (b"1", JSON, 400),
    "null": (b"null", JSON, 400),
    "true": (b"true", JSON, 400),
    "a list": (b'[{"query": "{ __typename }"}]', JSON, 400),
    "half an object": (b'{"query": "{ __typename }"', JSON, 400),
    "two objects": (b'{"query": "{ __typename }"}{}', JSON, 400),
    "no UTF-8": (b'{"query": "\xff"}', JSON, 400),
    "a lone surrogate": (b'{"query": "{ __typename }", "variables": {"a": "\\ud800"}}', JSON, 400),
    "NaN": (b'{"query": "{ __typename }", "variables": {"a": NaN}}', JSON, 400),
    "100,000 levels": (b"[" * 100_000, JSON, 400),
    "100,000 levels in an object": (b'{"variables":' * 50_000, JSON, 400),
    "another charset": (b'{"query": "{ __typename }"}', f"{JSON}; charset=utf-16", 415),
    "a form": (b"query=%7B__typename%7D", "application/x-www-form-urlencoded", 415),
    "plain text": (b'{"query": "{ __typename }"}', "text/plain", 415),
    "multipart": (b"--x--", "multipart/form-data; boundary=x", 415),
    "no type": (b'{"query": "{ __typename }"}', "", 415),
    "no query": (b"{}", JSON, 400),
    "an empty query": (b'{"query": ""}', JSON, 400),
    "a query that is a number": (b'{"query": 1}', JSON, 400),
    "variables that are a list": (b'{"query": "{ __typename }", "variables": []}', JSON, 400),
    "extensions that are a string": (b'{"query": "{ __typename }", "extensions": "x"}', JSON, 400),
    "a name that is a number": (b'{"query": "query A { __typename }", "operationName": 1}', JSON, 400),
    "an unknown name": (b'{"query": "query A { __typename }", "operationName": "B"}', JSON, 400),
    "a long document": (b'{"query": "{ ' + b"__typename " * 2_000 + b'}"}', JSON, 413),
}


async def test_every_malformed_body_is_refused_in_json(http: httpx.AsyncClient):
    wrong = {}
    for what, (body, media, status) in BODIES.items():
        answer = await http.post("/graphql", content=body, headers={"content-type": media} if media else {})
        error = answer.json()["errors"][0]
        if answer.status_code != status or error["extensions"]["code"] == "INTERNAL" or "data" in answer.json():
            wrong[what] = (answer.status_code, error)
    assert wrong == {}


async def test_a_document_of_too_many_tokens_is_too_complex_and_no_syntax_error(http: httpx.AsyncClient):
    documents = {"tokens": "{ viewer { " + "a " * 1_100 + "} }", "comments": "{ viewer { scopes } }" + "\n#" * 1_100}
    for what, document in documents.items():
        answer = await http.post("/graphql", json={"query": document})
        [error] = answer.json()["errors"]
        assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX", what
        assert "data" not in answer.json()
    [error] = (await http.post("/graphql", json={"query": "{ viewer {"})).json()["errors"]
    assert error["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"


async def test_a_document_without_the_operation_asked_for_says_what_to_send(http: httpx.AsyncClient):
    for body, says in (
        ({"query": "fragment F on Query { __typename }"}, "write a query, mutation or subscription"),
        ({"query": "query A { __typename }", "operationName": "B"}, 'no operation named "B"'),
    ):
        [error] = (await http.post("/graphql", json=body)).json()["errors"]
        assert error["extensions"]["code"] == "OPERATION_RESOLUTION_FAILURE"
        assert says in error["message"]


async def test_two_credentials_are_none(http: httpx.AsyncClient):
    """A proxy in front might judge the one, and the server the other."""
    own = http.headers.pop("authorization")
    for others in ([own, own], [own, "Bearer dsk_live_x"], ["Basic YTpi", own], ["", own]):
        two = [("authorization", one) for one in others]
        for accept in ("application/json", "text/event-stream"):
            answer = await http.post(
                "/graphql", json={"query": "{ viewer { scopes } }"}, headers=[*two, ("accept", accept)]
            )
            [error] = answer.json()["errors"]
            assert (answer.status_code, error["extensions"]["code"]) == (400, "BAD_USER_INPUT")
        assert (await http.get("/export", headers=two)).status_code == 400
        address = f"ws{str(http.base_url).removeprefix('http')}/graphql"
        with pytest.raises(InvalidStatus) as refused:
            await connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], additional_headers=two)
        assert refused.value.response.status_code == 400


async def test_one_subscription_too_many_on_a_socket_is_a_matter_of_pace(http: httpx.AsyncClient):
    address = f"ws{str(http.base_url).removeprefix('http')}/graphql"
    subscription = {"query": "subscription { events { kind } }"}
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        init = {"type": "connection_init", "payload": {"Authorization": http.headers["authorization"]}}
        await socket.send(json.dumps(init))
        for number in range(MAX_SUBSCRIPTIONS_PER_SOCKET + 1):
            await socket.send(json.dumps({"id": str(number), "type": "subscribe", "payload": subscription}))
        async with asyncio.timeout(20):
            while (told := json.loads(await socket.recv()))["type"] != "error":
                pass
    assert told["id"] == str(MAX_SUBSCRIPTIONS_PER_SOCKET)
    assert [error["extensions"]["code"] for error in told["payload"]] == ["RATE_LIMITED"]


async def test_a_body_without_a_length_is_limited_as_well(http: httpx.AsyncClient):
    async def chunks():
        yield b'{"query": "{ __typename }", "variables": {"x": "'
        for _ in range(80):
            yield b"x" * 65_536

    answer = await http.post("/graphql", content=chunks(), headers={"content-type": JSON})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (413, "QUERY_TOO_COMPLEX")


async def test_get_asks_queries_and_nothing_else(http: httpx.AsyncClient):
    def asked(**parameters: str):
        return http.get("/graphql", params=parameters, headers={"accept": "application/graphql-response+json"})

    named = "query A { __typename } query B($x: Boolean!) { viewer @include(if: $x) { scopes } }"
    right = await asked(query=named, operationName="B", variables='{"x": false}')
    assert (right.status_code, right.json()["data"]) == (200, {})
    refused = {
        "no query": await asked(),
        "an empty one": await asked(query=""),
        "several and no name": await asked(query=named),
        "an unknown name": await asked(query=named, operationName="C"),
        "a subscription": await asked(query="subscription { events { kind } }"),
        "variables that are no JSON": await asked(query=named, operationName="B", variables="{"),
        "variables that are a list": await asked(query=named, operationName="B", variables="[]"),
        "a variable too few": await asked(query=named, operationName="B"),
    }
    for media in ("application/json", "*/*"):
        refused[f"no query, {media}"] = await http.get("/graphql", headers={"accept": media})
    assert {what: answer.status_code for what, answer in refused.items()} == dict.fromkeys(refused, 400)
    assert not any("data" in answer.json() for answer in refused.values())
    for method in ("PUT", "DELETE", "PATCH"):
        answer = await http.request(method, "/graphql")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
        assert answer.json()["errors"][0]["extensions"]["code"] == "OPERATION_RESOLUTION_FAILURE"


async def test_answers_are_nobody_elses(http: httpx.AsyncClient):
    answer = await http.post("/graphql", json={"query": "{ viewer { tenant { slug } } }"})
    assert answer.json()["data"] == {"viewer": {"tenant": {"slug": "shop"}}}
    assert answer.headers["cache-control"] == "private, no-store"
    assert "Authorization" in answer.headers["vary"]
    assert answer.headers["x-request-id"]


async def test_one_bad_id_costs_the_others_nothing(http: httpx.AsyncClient):
    answer = await http.post(
        "/graphql", json={"query": '{ nodes(ids: ["junk", "order_1"]) { id } node(id: "junk") { id } }'}
    )
    body = answer.json()
    assert body["data"] == {"nodes": [None, None], "node": None}
    assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_USER_INPUT"]


async def test_an_id_that_only_a_list_reads_is_told_which(http: httpx.AsyncClient):
    for prefix, field in (("event", "events"), ("audit", "auditLog")):
        query = f'{{ node(id: "{prefix}_01jm000000e0080000es16pq12") {{ id }} }}'
        [error] = (await http.post("/graphql", json={"query": query})).json()["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert f"`{field}`" in error["message"]


async def test_a_null_where_a_patch_wants_a_value_is_told_in_the_words_of_graphql(http: httpx.AsyncClient):
    document = "mutation ($input: UpdateDriverInput!) { updateDriver(input: $input) { problems { code } } }"
    answer = await http.post(
        "/graphql", json={"query": document, "variables": {"input": {"id": "driver_1", "name": None}}}
    )
    [error] = answer.json()["errors"]
    assert "cannot be null" in error["message"]
    assert "Maybe" not in error["message"]
