"""Registered documents: named by their hash over every transport, their tenant's own, and for some tenants the only ones."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.kernel.test_limits_over_http import Place, place
from websockets.asyncio.client import connect

from doorstep.identity.service import create_key, tenant_by_slug
from doorstep.identity.service.documents import document_id
from doorstep.kernel.db import DatabaseUrls
from doorstep.kernel.scope import Permission

WHO = "query Who { viewer { tenant { slug } } }"
WATCH = "subscription { events { kind } }"
RENAME = 'mutation { updateTenant(input: { name: "Corner" }) { problems { code } } }'
REGISTER = "mutation ($i: RegisterDocumentsInput!) { registerDocuments(input: $i) { documentIds problems { code message path } } }"
REMOVE = "mutation ($i: RemoveDocumentsInput!) { removeDocuments(input: $i) { problems { code path } } }"


@pytest.fixture
async def here(database_urls: DatabaseUrls, tmp_path: Path):
    async with place(database_urls, tmp_path) as found:
        yield found


async def register(here: Place, *documents: str) -> Any:
    answer = await here.ask(REGISTER, variables={"i": {"documents": list(documents)}})
    return answer.json()["data"]["registerDocuments"]


async def send(here: Place, name: Any, key: str | None = "", **body: Any) -> Any:
    headers = {"authorization": f"Bearer {key or here.key}"} if key is not None else {}
    return await here.http.post(here.server.graphql_url, json={"documentId": name, **body}, headers=headers)


def code_of(answer: Any) -> str:
    [error] = answer.json()["errors"]
    return str(error["extensions"]["code"])


async def test_a_registered_document_is_answered_by_its_hash(here: Place) -> None:
    made = await register(here, WHO, RENAME)
    assert made == {"documentIds": [document_id(WHO), document_id(RENAME)], "problems": []}
    name = document_id(WHO)
    expected = {"viewer": {"tenant": {"slug": "shop"}}}
    assert (await send(here, name)).json()["data"] == expected
    got = await here.http.get(
        here.server.graphql_url, params={"documentId": name}, headers={"authorization": f"Bearer {here.key}"}
    )
    assert (got.status_code, got.json()["data"]) == (200, expected)
    assert got.headers["cache-control"] == "private, no-store"
    assert "Authorization" in got.headers["vary"]
    streamed = await here.http.post(
        here.server.graphql_url,
        json={"documentId": name},
        headers={"authorization": f"Bearer {here.key}", "accept": "text/event-stream"},
    )
    assert '"slug":"shop"' in streamed.text
    by_get = await here.http.get(
        here.server.graphql_url,
        params={"documentId": document_id(RENAME)},
        headers={"authorization": f"Bearer {here.key}"},
    )
    assert (by_get.status_code, by_get.headers["allow"]) == (405, "POST")


async def test_over_a_socket_as_well(here: Place) -> None:
    await register(here, WATCH)
    async with connect(here.server.socket_url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]

        async def say(**message: Any) -> Any:
            await socket.send(json.dumps(message))
            return json.loads(await asyncio.wait_for(socket.recv(), 10))

        await say(type="connection_init", payload={"Authorization": f"Bearer {here.key}"})
        first = await say(id="1", type="subscribe", payload={"documentId": document_id(WATCH)})
        assert first["payload"]["data"]["events"]["kind"] == "CAUGHT_UP"
        unknown = await say(id="2", type="subscribe", payload={"documentId": document_id("{ x }")})
        assert (unknown["type"], unknown["payload"][0]["extensions"]["code"]) == (
            "error",
            "PERSISTED_DOCUMENT_NOT_FOUND",
        )


async def test_another_tenants_documents_do_not_exist(here: Place) -> None:
    await register(here, WHO)
    assert code_of(await send(here, document_id(WHO), here.foreign_key)) == "PERSISTED_DOCUMENT_NOT_FOUND"
    stranger = await send(here, document_id(WHO), None)
    assert (stranger.status_code, code_of(stranger)) == (401, "UNAUTHENTICATED")
    listed = await here.ask("{ persistedDocuments { totalCount } }", here.foreign_key)
    assert listed.json()["data"]["persistedDocuments"]["totalCount"] == 0


@pytest.mark.parametrize("name", ["junk", "sha256:", "sha256:" + "A" * 64, "md5:" + "0" * 32, 1, {}, "\x00"])
async def test_what_is_no_id_is_bad_input(here: Place, name: Any) -> None:
    answer = await send(here, name)
    assert (answer.status_code, code_of(answer)) == (400, "BAD_USER_INPUT")


async def test_a_request_has_either_text_or_id(here: Place) -> None:
    await register(here, WHO)
    assert code_of(await send(here, document_id(WHO), query=WHO)) == "BAD_USER_INPUT"


async def test_only_what_can_be_answered_is_registered(here: Place) -> None:
    made = await register(here, WHO, "{ nothing }")
    assert made["documentIds"] == []
    assert [(one["code"], one["path"]) for one in made["problems"]] == [("INVALID_VALUE", ["documents", "1"])]
    for bad in ("{", "", "{ viewer { " + "a " * 2_000 + "} }", "x" * 17_000, "\x00"):
        assert [one["code"] for one in (await register(here, bad))["problems"]] == ["INVALID_VALUE"]
    assert [one["code"] for one in (await register(here, *[WHO] * 51))["problems"]] == ["TOO_MANY_ITEMS"]
    listed = await here.ask("{ persistedDocuments { nodes { documentId } } }")
    assert listed.json()["data"]["persistedDocuments"]["nodes"] == []


async def test_a_removed_document_is_unknown_within_5_s(here: Place) -> None:
    await register(here, WHO)
    assert (await send(here, document_id(WHO))).status_code == 200
    gone = await here.ask(REMOVE, variables={"i": {"documentIds": [document_id(WHO)]}})
    assert gone.json()["data"]["removeDocuments"]["problems"] == []
    again = await here.ask(REMOVE, variables={"i": {"documentIds": [document_id(WHO)]}})
    assert again.json()["data"]["removeDocuments"]["problems"] == [{"code": "NOT_FOUND", "path": ["documentIds", "0"]}]
    async with asyncio.timeout(6):
        while (await send(here, document_id(WHO))).status_code == 200:
            await asyncio.sleep(0.2)


async def test_a_tenant_may_have_only_registered_documents_answered(here: Place) -> None:
    tenant = await tenant_by_slug(here.server.services.system, "shop")
    _, till = await create_key(here.server.services.system, tenant, "till", [Permission.ORDERS_READ])
    await register(here, WHO)
    only = "mutation { updateTenant(input: { policies: { persistedDocumentsOnly: true } }) { tenant { policies { persistedDocumentsOnly } } } }"
    assert (await here.ask(only)).json()["data"]["updateTenant"]["tenant"]["policies"] == {
        "persistedDocumentsOnly": True
    }
    async with asyncio.timeout(6):
        while (answer := await here.ask(WHO, till)).status_code == 200:
            await asyncio.sleep(0.2)
    assert (answer.status_code, code_of(answer)) == (403, "PERSISTED_DOCUMENT_REQUIRED")
    assert (await send(here, document_id(WHO), till)).json()["data"]["viewer"]
    for accept in ("text/event-stream", "application/json"):
        body, headers = {"documentId": document_id(WHO)}, {"authorization": f"Bearer {till}", "accept": accept}
        answer = await here.http.post(here.server.graphql_url, json=body, headers=headers)
        assert '"slug":"shop"' in answer.text, "a registered document is answered over every transport"
        answer = await here.http.post(here.server.graphql_url, json={"query": WHO}, headers=headers)
        assert "PERSISTED_DOCUMENT_REQUIRED" in answer.text
    assert (await here.ask(WHO)).status_code == 200, "who may change the settings is not locked out"
    assert (await here.ask(WHO, here.foreign_key)).status_code == 200
