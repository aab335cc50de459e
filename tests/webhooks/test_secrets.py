"""Secrets of endpoints: shown once, sealed in the database, two of them live after a rotation, and sealed anew when the installation's keys change."""

import asyncio
import os

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from tests.cli.conftest import Run, doorstep
from tests.webhooks.conftest import KEYS, Company, Working, make_company, settings_in
from tests.webhooks.receiver import Got, Receiver

from doorstep.kernel.secrets import CannotOpen, SecretKeys
from doorstep.server import running_server
from doorstep.webhooks.service.secrets import PURPOSE

__all__ = ["doorstep"]

OLD = SecretKeys([bytes.fromhex(KEYS)])


def signed_by(secret: str, got: Got) -> bool:
    try:
        Webhook(secret).verify(got.text, got.headers)
    except WebhookVerificationError:
        return False
    return True


async def test_after_a_rotation_both_secrets_sign_until_the_old_one_ends(
    company: Company, receiver: Receiver, working: Working
):
    endpoint = await company.endpoint(receiver.url, idempotencyKey="made")
    again = await company.do(
        "createWebhookEndpoint",
        name="ours", url=receiver.url, eventTypes=["OrderPlaced", "OrderUpdated", "OrderStatusChanged"], idempotencyKey="made",
    )  # fmt: skip
    assert (again["endpoint"]["id"], again["secret"]) == (endpoint["id"], None), "it is shown once"
    first = endpoint["secret"]
    assert first.startswith("whsec_")
    second = (await company.do("rotateWebhookSecret", id=endpoint["id"]))["secret"]
    async with working():
        await company.order()
        await company.all_delivered(endpoint["id"])
        assert signed_by(first, receiver.got[0])
        assert signed_by(second, receiver.got[0])
        third = (await company.do("rotateWebhookSecret", id=endpoint["id"], previousValidForSeconds=0))["secret"]
        await company.order()
        await company.all_delivered(endpoint["id"])
    assert [signed_by(one, receiver.got[1]) for one in (first, second, third)] == [False, False, True]
    (row,) = await company.rows("SELECT secret, previous_secret FROM webhook_endpoints WHERE tenant_id = $1")
    opened = OLD.open(PURPOSE, row["secret"])
    assert Webhook(opened)._whsecret == Webhook(third)._whsecret
    assert opened not in row["secret"]
    refused = await company.refused("rotateWebhookSecret", id=endpoint["id"], previousValidForSeconds=604_801)
    assert refused[:2] == ("INVALID_VALUE", "previousValidForSeconds")


async def test_secrets_are_sealed_anew_with_the_first_key_so_that_the_old_one_can_go(
    doorstep: Run, database_urls, system, tmp_path, monkeypatch: pytest.MonkeyPatch
):

    async with (
        running_server(settings_in(tmp_path), database_urls, work=False, port=0) as server,
        httpx.AsyncClient(timeout=30) as http,
    ):
        company = await make_company(server, http, system)
        endpoint = await company.endpoint("https://example.com/")
        await company.do("rotateWebhookSecret", id=endpoint["id"])
    key = os.urandom(32)
    new = SecretKeys([key])
    sealed = "SELECT secret, previous_secret FROM webhook_endpoints WHERE tenant_id = $1"
    (before,) = await company.rows(sealed)
    for name in ("secret", "previous_secret"):
        with pytest.raises(CannotOpen):
            new.open(PURPOSE, before[name])

    monkeypatch.setenv("DATABASE_URL", database_urls.app)
    monkeypatch.setenv("DOORSTEP_SECRET_KEYS", f"{key.hex()},{KEYS}")
    code, said, _ = await asyncio.to_thread(doorstep, "secrets", "rotate")
    assert (code, "1 webhook endpoint " in said) == (0, True)
    (after,) = await company.rows(sealed)
    for name in ("secret", "previous_secret"):
        assert new.open(PURPOSE, after[name]) == OLD.open(PURPOSE, before[name])

    monkeypatch.setenv("DOORSTEP_SECRET_KEYS", os.urandom(32).hex())
    code, _, complaint = await asyncio.to_thread(doorstep, "secrets", "rotate")
    assert code == 1
    assert "DOORSTEP_SECRET_KEYS" in complaint
    assert (await company.rows(sealed))[0] == after
