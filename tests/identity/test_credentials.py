"""Bad credentials on a real server, over HTTP and over a WebSocket: all are refused alike, with the same work, and only so often."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.identity.issuer import running_issuer
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from doorstep.identity.keys import key_hash, new_key, well_formed
from doorstep.identity.model import TenantMode
from doorstep.identity.service import Authenticator, NewTenant, create_key, create_tenant, revoke_key, tenant_by_slug
from doorstep.identity.service.authenticating import AUTHENTICATE
from doorstep.kernel.db import Database, DatabaseUrls, Row, Transaction
from doorstep.kernel.errors import Unauthenticated
from doorstep.kernel.graphql.attempts import BURST
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import ALL_PERMISSIONS, Principal
from doorstep.server import Server, running_server
from doorstep.settings import Settings

WHO = "{ viewer { tenant { slug } } }"
CREATE = """mutation { createDriver(input: {name: "Eve"}) { driver { id } problems { message } } }"""


@dataclass
class Outside:
    """Anybody who can reach the server; each new caller comes from an address of its own, as the trusted proxy says."""

    server: Server
    http: httpx.AsyncClient
    addresses: Any = field(default_factory=lambda: (f"198.51.{n >> 8}.{n & 255}" for n in itertools.count(1)))

    async def asks(self, credential: str, document: str = WHO, address: str | None = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {credential}".encode(), "x-forwarded-for": address or next(self.addresses)}
        return await self.http.post(self.server.graphql_url, json={"query": document}, headers=headers)

    async def opens(self, credential: str, *, in_header: bool = False, address: str | None = None) -> int | None:
        """The code with which a socket was closed, or None when it was let in."""
        headers = {"x-forwarded-for": address or next(self.addresses)}
        init: dict[str, Any] = {"type": "connection_init"}
        if in_header:
            headers["authorization"] = f"Bearer {credential}"
        else:
            init["payload"] = {"Authorization": f"Bearer {credential}"}
        async with connect(
            self.server.socket_url, subprotocols=["graphql-transport-ws"], additional_headers=headers
        ) as socket:
            await socket.send(json.dumps(init))
            try:
                assert json.loads(await socket.recv())["type"] == "connection_ack"
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006
        return None

    @property
    def system(self) -> Database:
        return self.server.services.system


@asynccontextmanager
async def outside(home: Path, urls: DatabaseUrls, *, proxies: list[str]) -> AsyncIterator[Outside]:
    settings = Settings(_env_file=None, home=home, roads="straight", trusted_proxies=proxies)  # type: ignore[call-arg]
    async with running_server(settings, urls, work=False, port=0) as server, httpx.AsyncClient(timeout=20) as http:
        yield Outside(server, http)


@pytest.fixture
async def caller(session_home: Path, database_urls: DatabaseUrls) -> AsyncIterator[Outside]:
    async with outside(session_home, database_urls, proxies=["127.0.0.1"]) as anybody:
        yield anybody


@dataclass
class Shop:
    tenant: Row
    key_id: UUID
    key: str


async def open_shop(caller: Outside, slug: str) -> Shop:
    await create_tenant(caller.system, NewTenant(slug, slug.title()))
    tenant = await tenant_by_slug(caller.system, slug)
    key_id, key = await create_key(caller.system, tenant, "test", sorted(ALL_PERMISSIONS))
    return Shop(tenant, key_id, key)


async def bad_credentials(caller: Outside, shop: Shop) -> dict[str, str]:
    """Everything that somebody may try who has no good key, or had one."""
    everything = sorted(ALL_PERMISSIONS)
    revoked_id, revoked = await create_key(caller.system, shop.tenant, "revoked", everything)
    await revoke_key(caller.system, shop.tenant, revoked_id)
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    _, expired = await create_key(caller.system, shop.tenant, "expired", everything, an_hour_ago)
    key = shop.key
    async with running_issuer() as issuer:
        foreign_token = issuer.token()
    return {
        "forged": new_key(TenantMode.LIVE),
        "forged for a sandbox": new_key(TenantMode.TEST),
        "revoked": revoked,
        "expired": expired,
        "truncated": key[:-1],
        "half": key[: len(key) // 2],
        "one letter changed": key[:-10] + ("A" if key[-10] != "A" else "B") + key[-9:],
        "one letter more": key + "0",
        "of the other mode": key.replace("dsk_live_", "dsk_test_"),
        "in capitals": key.upper(),
        "its beginning": key[:17],
        "its hash": key_hash(key).hex(),
        "its id": public_id("key", shop.key_id),
        "the tenant's id": public_id("tenant", shop.tenant["id"]),
        "twice": f"{key} {key}",
        "in quotes": f'"{key}"',
        "SQL": "' OR 1=1 --",
        "another alphabet": "dsk_live_ключ",
        "very long": "dsk_live_" + "0" * 5_000,
        "a token of an issuer that nobody configured": foreign_token,
        "a token without a signature": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.",
    }


async def written(caller: Outside) -> tuple[int, int, int]:
    """What a mutation would have left behind, and whose key was used."""
    async with caller.system.transaction() as tx:
        return (
            await tx.fetchval("SELECT count(*) FROM drivers"),
            await tx.fetchval("SELECT count(*) FROM events"),
            await tx.fetchval("SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL"),
        )


async def test_every_bad_credential_gets_the_same_answer_and_does_nothing(caller: Outside):
    shop = await open_shop(caller, "shop")
    answers = {}
    for what, credential in (await bad_credentials(caller, shop)).items():
        for document in (WHO, CREATE):
            answer = await caller.asks(credential, document)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), what
            assert "data" not in answer.json(), what
            answers[what] = answer.json()["errors"][0]["extensions"]["code"], answer.json()["errors"][0]["message"]
    keys_and_tokens = {message for what, message in answers.items() if "a token" not in what}
    assert len(keys_and_tokens) == 1
    assert {code for code, _ in answers.values()} == {"UNAUTHENTICATED"}
    assert await written(caller) == (0, 0, 0)
    assert (await caller.asks(shop.key)).json()["data"] == {"viewer": {"tenant": {"slug": "shop"}}}


async def test_no_bad_credential_opens_a_socket(caller: Outside):
    shop = await open_shop(caller, "shop")
    bad = await bad_credentials(caller, shop)
    assert {what: code for what, credential in bad.items() if (code := await caller.opens(credential)) != 4403} == {}
    for what in ("forged", "revoked", "expired", "truncated"):
        assert await caller.opens(bad[what], in_header=True) == 4403, what
    assert [await caller.opens(shop.key, in_header=in_header) for in_header in (True, False)] == [None, None]


async def test_a_key_stands_in_the_header_alone(caller: Outside):
    shop = await open_shop(caller, "shop")
    url = caller.server.graphql_url
    nobody = [
        await caller.http.get(url, params={"query": WHO, "authorization": f"Bearer {shop.key}", "key": shop.key}),
        await caller.http.post(url, json={"query": WHO, "extensions": {"authorization": f"Bearer {shop.key}"}}),
        await caller.http.post(url, json={"query": WHO}, headers={"cookie": f"authorization={shop.key}"}),
        await caller.http.post(url, json={"query": WHO}, headers={"authorization": f"Basic {shop.key}"}),
        await caller.http.post(url, json={"query": WHO}, headers={"authorization": shop.key}),
    ]
    assert [answer.json()["data"] for answer in nobody] == [{"viewer": None}] * len(nobody)


async def test_another_company_s_key_opens_its_own_door_alone(caller: Outside):
    shop, other = await open_shop(caller, "shop"), await open_shop(caller, "other")
    made = (await caller.asks(shop.key, CREATE)).json()["data"]["createDriver"]["driver"]["id"]
    document = f'{{ viewer {{ tenant {{ slug }} }} driver(id: "{made}") {{ name }} node(id: "{made}") {{ id }} }}'
    theirs = (await caller.asks(other.key, document)).json()["data"]
    assert theirs == {"viewer": {"tenant": {"slug": "other"}}, "driver": None, "node": None}
    assert (await caller.asks(shop.key, document)).json()["data"]["driver"] == {"name": "Eve"}


async def test_a_key_ends_within_five_seconds(caller: Outside):
    shop = await open_shop(caller, "shop")
    in_a_second = datetime.now(UTC) + timedelta(seconds=1)
    _, short_lived = await create_key(caller.system, shop.tenant, "short", sorted(ALL_PERMISSIONS), in_a_second)
    assert [(await caller.asks(key)).status_code for key in (shop.key, short_lived)] == [200, 200]
    await revoke_key(caller.system, shop.tenant, shop.key_id)
    async with asyncio.timeout(6):
        for key in (shop.key, short_lived):
            while (await caller.asks(key)).status_code == 200:
                await asyncio.sleep(0.2)
    assert [await caller.opens(key) for key in (shop.key, short_lived)] == [4403, 4403]


async def costs(caller: Outside, monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, ...]]:
    """The statements that bad keys make us send, each kind of bad once."""
    shop = await open_shop(caller, "shop")
    bad = await bad_credentials(caller, shop)
    asked: list[str] = []
    real = Transaction.fetchrow

    async def fetchrow(self: Transaction, sql: str, *arguments: Any) -> Any:
        asked.append(sql)
        return await real(self, sql, *arguments)

    monkeypatch.setattr(Transaction, "fetchrow", fetchrow)
    found = set()
    for what, credential in bad.items():
        if "a token" not in what:
            asked.clear()
            await caller.asks(credential)
            found.add(tuple(asked))
    return found


async def test_a_bad_key_costs_the_same_whether_it_exists_or_not(caller: Outside, monkeypatch: pytest.MonkeyPatch):
    assert await costs(caller, monkeypatch) == {(AUTHENTICATE,)}


async def test_planted_fault_a_shortcut_for_what_cannot_be_a_key_is_noticed(
    caller: Outside, monkeypatch: pytest.MonkeyPatch
):
    real = Authenticator.__call__

    async def with_shortcut(self: Authenticator, credential: str) -> Principal:
        if not well_formed(credential):
            raise Unauthenticated("This credential is unknown, expired or revoked.")
        return await real(self, credential)

    monkeypatch.setattr(Authenticator, "__call__", with_shortcut)
    assert len(await costs(caller, monkeypatch)) == 2


async def test_an_address_that_fails_too_often_waits_and_its_neighbours_do_not(caller: Outside):
    shop = await open_shop(caller, "shop")
    here = next(caller.addresses)
    assert (await caller.asks(shop.key, address=here)).status_code == 200
    _, fresh = await create_key(caller.system, shop.tenant, "fresh", sorted(ALL_PERMISSIONS))
    guesses = [caller.asks(new_key(TenantMode.LIVE), address=here) for _ in range(BURST)]
    assert {answer.status_code for answer in await asyncio.gather(*guesses)} == {401}

    limited = await caller.asks(new_key(TenantMode.LIVE), address=here)
    [error] = limited.json()["errors"]
    assert (limited.status_code, error["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert 0 < error["extensions"]["retryAfterMs"] <= 3_000
    assert 1 <= int(limited.headers["retry-after"]) <= 3
    assert await caller.opens(new_key(TenantMode.LIVE), address=here) == 4429
    # A good key that was never seen waits like a guess; one that was in use works on, over both transports; other addresses notice nothing.
    assert (await caller.asks(fresh, address=here)).status_code == 429
    assert (await caller.asks(shop.key, address=here)).status_code == 200
    assert await caller.opens(shop.key, address=here) is None
    assert (await caller.asks(fresh)).status_code == 200
    assert (await caller.asks(new_key(TenantMode.LIVE))).status_code == 401
    # Without any credential there is nothing to guess.
    answer = await caller.http.post(caller.server.graphql_url, json={"query": WHO}, headers={"x-forwarded-for": here})
    assert answer.json()["data"] == {"viewer": None}


async def test_guesses_over_sockets_count_as_well(caller: Outside):
    here = next(caller.addresses)
    codes = [await caller.opens(new_key(TenantMode.LIVE), address=here) for _ in range(BURST + 1)]
    assert codes == [4403] * BURST + [4429]


async def test_who_is_no_trusted_proxy_cannot_say_where_it_comes_from(session_home: Path, database_urls: DatabaseUrls):
    async with outside(session_home, database_urls, proxies=[]) as caller:
        answers = [(await caller.asks(new_key(TenantMode.LIVE))).status_code for _ in range(BURST + 1)]
    assert answers == [401] * BURST + [429]
