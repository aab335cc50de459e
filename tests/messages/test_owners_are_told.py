"""Owners hear by mail of what they must do something about: once, by their present address, and nobody else does."""

import asyncio
from dataclasses import replace
from functools import partial

import httpx
import pytest
from tests.isolation.conftest import caught_logs
from tests.messages.conftest import OUTBOX, TOLD, Office, at_work
from tests.messages.mail_server import MailBox, mail_server
from tests.webhooks.conftest import make_company
from tests.webhooks.receiver import Got, Receiver, reply

from doorstep.identity.permissions import Role
from doorstep.identity.service import system_principal
from doorstep.kernel.consumers import Consumer
from doorstep.kernel.db import Row
from doorstep.kernel.errors import Unavailable
from doorstep.kernel.scope import Scope
from doorstep.messages import service
from doorstep.messages.jobs import sending, telling
from doorstep.webhooks.events import WebhookEndpointStatusChanged, WebhookEventsLost


async def fail(_got: Got) -> bytes:
    return reply(500)


async def test_after_five_days_of_nothing_but_failure_each_owner_gets_one_mail_that_says_what_to_do(
    office: Office, receiver: Receiver, box: MailBox
):
    owners = [await office.member(Role.OWNER, "kanarienvogel") for _ in range(2)]
    admin = await office.member(Role.ADMIN)
    company = office.company
    receiver.answer = fail
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    endpoint = await company.endpoint(f"http://127.0.0.1:{port}/s3cret-path", name="five days")
    await company.order()
    await company.execute(
        "UPDATE webhook_endpoints SET failing_since = '2026-01-02 03:04Z' WHERE tenant_id = $1 AND name = 'five days'"
    )
    with caught_logs() as logs:
        async with at_work(office, box.url, delivers=True):
            await company.until(endpoint["id"], lambda shown: shown["status"] == "DISABLED")
            async with asyncio.timeout(20):
                while len(box.mails) < 2:
                    await asyncio.sleep(0.05)
            outbox = await office.outbox_when(lambda one: one["status"] == "SENT")
    assert [len(box.to(address)) for address in (*owners, admin)] == [1, 1, 0]
    (mail,) = box.to(owners[0])
    assert mail["Subject"] == 'Webhook endpoint "five days" was disabled'
    assert mail["From"] == "Doorstep <doorstep@example.com>"
    text = mail.get_content()
    for said in (
        "Corner Shop (LIVE)",
        endpoint["id"],
        "at 127.0.0.1",
        "since 2026-01-02 03:04 UTC",
        "resumeWebhookEndpoint",
    ):
        assert said in text
    assert "s3cret" not in text
    assert {(one["kind"], one["endpointId"], one["tries"]) for one in outbox} == {
        ("WEBHOOK_DISABLED", endpoint["id"], 1)
    }
    assert {f"<{one['id']}@example.com>" for one in outbox} == {str(one["Message-ID"]) for one in box.mails}
    assert "message_sent" in logs.getvalue()
    assert "kanarienvogel" not in logs.getvalue().lower()
    assert "s3cret" not in logs.getvalue()


async def test_another_company_sees_nothing_of_it(office: Office):
    await office.member(Role.OWNER)
    await office.disable()
    await office.react()
    (message,) = await office.outbox()
    async with httpx.AsyncClient() as http:
        other = await make_company(office.company.server, http, office.company.system)
        assert (await other.ask(OUTBOX))["messages"] == {"totalCount": 0, "nodes": []}
        assert (await other.ask("query ($id: ID!) { node(id: $id) { id } }", id=message["id"]))["node"] is None


async def told_again(office: Office, consumer: Consumer = TOLD) -> int:
    """How many messages there are after the log was read once more from its beginning."""
    await office.company.execute("UPDATE consumers SET seq = 0 WHERE tenant_id = $1 AND name = 'messages'")
    await office.react(consumer)
    return len(await office.outbox())


async def test_a_consumer_that_reads_an_event_again_writes_nothing_more(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    await office.member(Role.OWNER)
    await office.disable()
    await office.react()
    assert len(await office.outbox()) == 1
    assert await told_again(office) == 1
    (jobs,) = await office.company.rows("SELECT count(*) AS count FROM jobs WHERE tenant_id = $1")
    assert jobs["count"] == 1
    # Planted: the place in the log that makes a message the same one is lost.
    monkeypatch.setattr(service, "_WRITE", service._WRITE.replace("$3, $4", "$3 + 1000000, $4"))
    assert await told_again(office) == 2


class _Crash(Exception):
    """The worker dies."""


async def test_message_and_place_are_one_transaction(office: Office, monkeypatch: pytest.MonkeyPatch):
    await office.member(Role.OWNER)
    await office.disable()
    written = []

    async def dies(scope: Scope, event: Row) -> None:
        await TOLD.react(scope, event)
        written.append(await scope.tx.fetchval("SELECT count(*) FROM messages WHERE tenant_id = $1", scope.tenant_id))
        raise _Crash

    with pytest.raises(_Crash):
        await office.react(replace(TOLD, react=dies))
    assert written == [1]
    assert await office.outbox() == []
    places = await office.company.rows("SELECT seq FROM consumers WHERE tenant_id = $1 AND name = 'messages'")
    assert places == []
    # Planted: the message is committed by itself, so that the crash leaves it without its place. It is seen, and the next reading adds nothing.
    services = office.company.server.services
    principal = await system_principal(services.system, office.company.tenant_id)

    async def writes_apart(_scope: Scope, event: Row) -> None:
        async with services.db.write(principal) as apart:
            await TOLD.react(apart, event)
        raise _Crash

    with pytest.raises(_Crash):
        await office.react(replace(TOLD, react=writes_apart))
    assert len(await office.outbox()) == 1
    await office.react()
    assert len(await office.outbox()) == 1


async def test_events_that_were_lost_are_told_once_a_day(office: Office):
    await office.member(Role.OWNER)
    lost = partial(WebhookEventsLost, endpoint_id=office.uuid, aggregate_version=1)
    await office.emit(lost(count=1234))
    await office.emit(lost(count=1))
    await office.react()
    (message,) = await office.outbox()
    assert message["kind"] == "WEBHOOK_EVENTS_LOST"
    assert "1,234 events" in message["text"]
    await office.company.execute("UPDATE messages SET created_at = now() - interval '25 hours' WHERE tenant_id = $1")
    await office.emit(lost(count=5))
    await office.react()
    assert len(await office.outbox()) == 2


def test_webhooks_are_known_here_by_the_names_of_their_events():
    assert telling.STATUS_CHANGED == WebhookEndpointStatusChanged.TYPE
    assert telling.EVENTS_LOST == WebhookEventsLost.TYPE


async def test_without_a_mail_server_a_message_is_kept_and_a_log_line_says_so(office: Office):
    address = await office.member(Role.OWNER)
    await office.disable()
    with caught_logs() as logs:
        async with at_work(office, None):
            (message,) = await office.outbox_when(lambda one: one["status"] != "PENDING")
    assert (message["status"], message["tries"], message["sentAt"]) == ("KEPT", 0, None)
    assert "message_kept" in logs.getvalue()
    assert address not in logs.getvalue()


async def test_a_mail_server_that_is_down_is_tried_again_for_a_day(office: Office):
    address = await office.member(Role.OWNER)
    await office.disable()
    async with mail_server() as box:
        port, url = box.port, box.url
    with caught_logs() as logs:
        async with at_work(office, url):
            (message,) = await office.outbox_when(lambda one: one["tries"] == 1)
            assert (message["status"], message["fault"]) == ("PENDING", "UNREACHABLE")
            (job,) = await office.company.rows(
                "SELECT extract(epoch FROM run_after - now()) AS wait FROM jobs WHERE tenant_id = $1"
            )
            assert 30 < job["wait"] <= 60
            async with mail_server(port) as box:
                await office.again()
                (message,) = await office.outbox_when(lambda one: one["status"] == "SENT")
                assert (message["tries"], message["fault"]) == (2, None)
                assert len(box.to(address)) == 1
            await office.disable()
            await office.outbox_when(lambda one: one["fault"] == "UNREACHABLE" or one["status"] == "SENT", 2)
            await office.company.execute("UPDATE messages SET tries = 7 WHERE tenant_id = $1 AND status = 'PENDING'")
            await office.again()
            message, _ = await office.outbox_when(lambda one: one["status"] != "PENDING", 2)
    assert (message["status"], message["tries"], message["fault"]) == ("FAILED", 8, "UNREACHABLE")
    assert sum(service.PAUSES) < 86_400
    assert address not in logs.getvalue()


async def test_a_refused_address_and_who_is_no_longer_an_owner_get_nothing(office: Office, box: MailBox):
    address = await office.member(Role.OWNER)
    box.recipient = f"550 no such mailbox {address}".encode()
    await office.disable()
    with caught_logs() as logs:
        async with at_work(office, box.url):
            (message,) = await office.outbox_when(lambda one: one["status"] != "PENDING")
    assert (message["status"], message["fault"]) == ("FAILED", "REFUSED")
    assert address not in logs.getvalue()
    await office.disable()
    await office.react()
    await office.company.execute("UPDATE members SET role = 'ADMIN' WHERE email = $2 AND $1::uuid IS NOT NULL", address)
    async with at_work(office, box.url):
        message, _ = await office.outbox_when(lambda one: one["status"] != "PENDING", 2)
    assert (message["status"], message["fault"], box.mails) == ("FAILED", "NO_OWNER", [])


async def test_a_worker_that_dies_after_the_servers_yes_sends_the_same_mail_again(
    office: Office, box: MailBox, monkeypatch: pytest.MonkeyPatch
):
    """Planted: the commit after the first sending is lost. Nobody is told less for it, and the double can be known as one."""
    address = await office.member(Role.OWNER)
    await office.disable()
    lost = iter([True])

    async def settle(*given: object, **more: object) -> float | None:
        if next(lost, False):
            raise Unavailable("The database is away for the moment.")
        return await service.settle(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(sending, "settle", settle)
    async with at_work(office, box.url):
        async with asyncio.timeout(20):
            while len(box.mails) < 2:
                await office.again()
                await asyncio.sleep(0.1)
        (message,) = await office.outbox_when(lambda one: one["status"] == "SENT")
    assert message["tries"] == 1
    first, second = box.to(address)
    assert first["Message-ID"] == second["Message-ID"] == f"<{message['id']}@example.com>"
    assert first.as_bytes() == second.as_bytes()
