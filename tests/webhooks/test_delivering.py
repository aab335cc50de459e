"""What a receiver gets: signed, with id, cursor and version, as filtered, as a stored document says; and what the log of deliveries tells."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from tests.webhooks.conftest import Company, Working, make_company, settings_in
from tests.webhooks.receiver import Got, Receiver, reply

from doorstep.identity.service import create_key
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.scope import Permission
from doorstep.server import Server, running_server


async def test_an_event_is_posted_signed_and_resumes_the_log(company: Company, receiver: Receiver, working: Working):
    endpoint = await company.endpoint(receiver.url)
    order = await company.order(reference="A-1")
    async with working():
        await receiver.until(lambda: len(receiver.got) == 1)
        (delivery,) = await company.all_delivered(endpoint["id"])
    got = receiver.got[0]
    body: dict[str, Any] = Webhook(endpoint["secret"]).verify(got.text, got.headers)
    assert body["type"] == "OrderPlaced"
    assert body["id"] == got.id == delivery["eventId"]
    assert (body["orderId"], body["orderVersion"], body["replay"], body["missedBefore"]) == (order, 1, False, None)
    assert (got.headers["doorstep-cursor"], got.headers["doorstep-order-version"]) == (body["cursor"], "1")
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert body["data"]["orderId"] == order
    assert body["data"]["status"] == "PENDING"
    assert all(at.endswith("Z") for at in (body["timestamp"], body["data"]["occurredAt"])), "instants in one form"
    assert "A-1" not in got.text, "the standard payload holds facts, nobody's words"
    assert (delivery["state"], delivery["origin"], delivery["tries"]) == ("DELIVERED", "EVENT", 1)
    assert (delivery["answerStatus"], delivery["answer"], delivery["cursor"]) == (200, "ok", body["cursor"])
    await company.touch(order)
    after = await company.ask(
        "query ($after: Cursor) { events(after: $after) { nodes { __typename } } }", after=body["cursor"]
    )
    assert [node["__typename"] for node in after["events"]["nodes"]] == ["OrderUpdated"]


DOCUMENT = """subscription Payload {
  told: events { kind event { __typename ... on OrderPlaced { order { reference customer: dropoff { address { city } } } } } }
}"""
READS = ["events:read", "orders:read"]


async def test_a_stored_document_is_the_payload_with_the_scopes_that_were_granted(
    company: Company, receiver: Receiver, working: Working
):
    full = await company.endpoint(f"{receiver.url}&who=full", document=DOCUMENT, scopes=READS)
    less = await company.endpoint(f"{receiver.url}&who=less", document=DOCUMENT, scopes=["events:read"])
    await company.order(reference="A-1")
    async with working():
        await receiver.until(lambda: len(receiver.taken) == 2)
        await company.all_delivered(full["id"])
    told = {}
    for got in receiver.got:
        for name, endpoint in (("full", full), ("less", less)):
            with suppress(WebhookVerificationError):
                told[name] = Webhook(endpoint["secret"]).verify(got.text, got.headers)
    order = {"reference": "A-1", "customer": {"address": {"city": "Vaduz"}}}
    assert told["full"]["data"] == {"told": {"kind": "EVENT", "event": {"__typename": "OrderPlaced", "order": order}}}
    assert told["less"]["data"]["told"]["event"]["order"] is None
    assert "errors" not in told["full"]

    await company.do("updateWebhookEndpoint", id=full["id"], document=None)
    assert (await company.shown(full["id"]))["scopes"] == []


WIDE = """subscription { events { event { ... on OrderPlaced { order {
  all: events(first: 250) { nodes { id } } again: events(first: 249) { nodes { id } }
} } } } }"""


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (WIDE, "points"),
        ("{ viewer { kind } }", "subscription"),
        ("subscription { events(after: null) { cursor } }", "arguments"),
        ("subscription ($first: Int) { events { cursor } }", "variables"),
        ("subscription { planProgress(id: 1) { __typename } }", "`events`"),
        ("subscription { ...all } fragment all on Subscription { events { cursor } }", "`events`"),
        ("subscription { events { nonsense } }", "not valid"),
        ("subscription { events { ", "not valid"),
        ("subscription { events { cursor } } #" + "x" * 17_000, "bytes"),
    ],
)
async def test_a_document_that_cannot_be_a_payload_is_refused(company: Company, document: str, says: str):
    values = {"name": "ours", "url": "https://example.com/", "document": document, "scopes": READS}
    code, path, message = await company.refused("createWebhookEndpoint", **values)
    assert (code, path) == ("INVALID_VALUE", "document")
    assert says in message


@pytest.mark.parametrize("scopes", [[], ["orders:read"]])
async def test_a_document_without_the_scope_that_every_one_needs_is_told_which(company: Company, scopes: list[str]):
    values = {"name": "ours", "url": "https://example.com/", "document": DOCUMENT, "scopes": scopes}
    code, path, message = await company.refused("createWebhookEndpoint", **values)
    assert (code, path) == ("REQUIRED", "scopes")
    assert "events:read" in message


async def test_nothing_is_granted_that_the_creator_does_not_hold(
    server: Server, all_tenants: Database, company: Company
):
    endpoint = await company.endpoint("https://example.com/", document=DOCUMENT, scopes=READS)
    lesser_permissions = frozenset({Permission.WEBHOOKS_WRITE, Permission.EVENTS_READ})
    async with httpx.AsyncClient() as http:
        lesser = await make_company(server, http, all_tenants, lesser_permissions)
        values = {"name": "ours", "url": "https://example.com/", "document": DOCUMENT, "scopes": READS}
        assert (await lesser.refused("createWebhookEndpoint", **values))[0] == "EXCEEDS_RIGHTS"
        _, lesser.key = await create_key(
            all_tenants, {"id": company.tenant_id, "mode": "LIVE"}, "less", sorted(lesser_permissions)
        )  # type: ignore[arg-type]
        lesser.tenant_id = company.tenant_id
        moved = {"id": endpoint["id"], "url": "https://elsewhere.example/"}
        assert (await lesser.refused("updateWebhookEndpoint", **moved))[0] == "EXCEEDS_RIGHTS"


async def test_a_test_is_sent_once_and_its_outcome_changes_nothing_else(
    company: Company, receiver: Receiver, working: Working
):
    endpoint = await company.endpoint(receiver.url)
    await company.do("pauseWebhookEndpoint", id=endpoint["id"])

    async def refuse(_got: Got) -> bytes:
        return reply(500, b"we are shut")

    receiver.answer = refuse
    made = await company.do("testWebhookEndpoint", id=endpoint["id"])
    async with working():
        await receiver.until(lambda: len(receiver.taken) == 1)
        await asyncio.sleep(0.3)
    (delivery,) = await company.deliveries(endpoint["id"])
    assert delivery["id"] == made["delivery"]["id"] == receiver.got[0].id
    assert (delivery["state"], delivery["origin"], delivery["answer"]) == ("PARKED", "TEST", "we are shut")
    assert (delivery["eventType"], delivery["eventId"], delivery["tries"]) == ("WebhookTest", None, 1)
    assert Webhook(endpoint["secret"]).verify(receiver.got[0].text, receiver.got[0].headers)["type"] == "WebhookTest"
    shown = await company.shown(endpoint["id"])
    assert (shown["status"], shown["failures"]) == ("PAUSED", 0)


async def test_a_server_delivers_by_itself(
    database_urls: DatabaseUrls, system: Database, receiver: Receiver, tmp_path: Path
):
    async with (
        running_server(settings_in(tmp_path), database_urls, port=0) as server,
        httpx.AsyncClient(timeout=30) as http,
    ):
        company = await make_company(server, http, system)
        await company.endpoint(receiver.url)
        order = await company.order()
        await receiver.until(lambda: len(receiver.taken) == 1)
    assert receiver.got[0].order == order


async def test_a_deleted_endpoint_gets_nothing_more(company: Company, receiver: Receiver, working: Working):
    endpoint = await company.endpoint(receiver.url)
    await company.order()
    await company.do("deleteWebhookEndpoint", id=endpoint["id"])
    async with working():
        await asyncio.sleep(0.5)
    assert receiver.got == []
    assert await company.shown(endpoint["id"]) is None
    assert await company.refused("pauseWebhookEndpoint", id=endpoint["id"]) == (
        "NOT_FOUND",
        "id",
        "No such webhook endpoint.",
    )
