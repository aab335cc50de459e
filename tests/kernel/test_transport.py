"""GraphQL over HTTP as a client meets it, on a real server: what is refused is refused in JSON, with the right status."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
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
        "too large": await http.post("/graphql", json={"query": "{ viewer { scopes } }", "variables": {"x": "x" * 5_000_000}}),
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
    # The size is refused before anything of ours runs, so in plain text.
    assert answers.pop("too large").text == "Content Too Large"
    for what, answer in answers.items():
        assert answer.json()["errors"][0]["extensions"]["code"], what
    assert answers["a mutation by GET"].headers["allow"] == "POST"


async def test_answers_are_nobody_elses(http: httpx.AsyncClient):
    answer = await http.post("/graphql", json={"query": "{ viewer { tenant { slug } } }"})
    assert answer.json() == {"data": {"viewer": {"tenant": {"slug": "shop"}}}}
    assert answer.headers["cache-control"] == "private, no-store"
    assert "Authorization" in answer.headers["vary"]
    assert answer.headers["x-request-id"]


async def test_one_bad_id_costs_the_others_nothing(http: httpx.AsyncClient):
    answer = await http.post("/graphql", json={"query": '{ nodes(ids: ["junk", "order_1"]) { id } node(id: "junk") { id } }'})
    body = answer.json()
    assert body["data"] == {"nodes": [None, None], "node": None}
    assert [error["extensions"]["code"] for error in body["errors"]] == ["BAD_USER_INPUT"]


async def test_a_null_where_a_patch_wants_a_value_is_told_in_the_words_of_graphql(http: httpx.AsyncClient):
    document = "mutation ($input: UpdateDriverInput!) { updateDriver(input: $input) { problems { code } } }"
    answer = await http.post("/graphql", json={"query": document, "variables": {"input": {"id": "driver_1", "name": None}}})
    [error] = answer.json()["errors"]
    assert "cannot be null" in error["message"]
    assert "Maybe" not in error["message"]
