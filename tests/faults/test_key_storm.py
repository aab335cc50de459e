"""One effect for each key, when twenty clients send it at once over two processes and the answers to COMMIT get lost on their way.

The same storm is run on servers that look a key up and store it without a lock, and must notice.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.faults.checking import OrderVerdict, StoredOrder, judge_orders
from tests.faults.clients import CREATE_ORDER, Api, OrderLog, order_input, place_once
from tests.faults.processes import Serve, serving
from tests.faults.proxy import LosingProxy

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database, DatabaseUrls, Transaction
from doorstep.kernel.graphql import context as kernel_context
from doorstep.kernel.idempotency import find_outcome, fingerprint
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.server import running_server
from doorstep.settings import Settings

AT_ONCE = 20
"""Clients that send one key at the same moment, half of them to each server."""

KEYS_AT_ONCE = 2
KEYS = 120
KEYS_BEFORE_A_RELEASE = 1000
KEYS_OF_A_BROKEN_SERVER = 15
LOST_SHARE = 0.1
SECRET = "ab" * 32

_EFFECTS = """
SELECT (SELECT count(*) FROM orders) AS orders, (SELECT count(*) FROM idempotency_keys) AS keys,
  (SELECT count(*) FROM audit_entries) AS audited, (SELECT count(*) FROM events WHERE order_id IS NOT NULL AND aggregate_version = 1) AS told,
  (SELECT count(*) FROM idempotency_keys AS k WHERE NOT EXISTS (SELECT FROM orders WHERE id = (k.outcome ->> 'id')::uuid)) AS orphans
"""


@dataclass
class Tenant:
    """Who sends."""

    id: UUID
    key: str


@pytest.fixture
async def tenant(system: Database) -> Tenant:
    identifier = await create_tenant(system, NewTenant("storm", "Storm", "Europe/Vaduz", "LI"))
    _, key = await create_key(system, await tenant_by_slug(system, "storm"), "storm", sorted(ALL_PERMISSIONS))
    return Tenant(identifier, key)


@asynccontextmanager
async def _two_processes(urls: DatabaseUrls, home: Path) -> AsyncIterator[tuple[list[str], LosingProxy]]:
    async with LosingProxy(urls.app, LOST_SHARE).running() as proxy:
        where = {"DATABASE_URL": proxy.url, "DATABASE_SYSTEM_URL": urls.system, "DOORSTEP_SECRET_KEYS": SECRET}
        servers: list[Serve]
        async with serving(home, home / "serve.log", count=2, **where) as servers:
            yield [server.graphql_url for server in servers], proxy


@asynccontextmanager
async def _two_servers(urls: DatabaseUrls, home: Path) -> AsyncIterator[list[str]]:
    """In this process, where they can be broken."""
    settings = Settings(_env_file=None, home=home, roads="straight", drain_seconds=2)  # type: ignore[call-arg]
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(running_server(settings, urls, work=False, port=0)) for _ in range(2)
        ]
        yield [server.graphql_url for server in servers]


async def _storm(urls: list[str], key: str, count: int) -> OrderLog:
    """Every key from many clients at once; each keeps trying until it is told an id."""
    log, room = OrderLog(), asyncio.Semaphore(KEYS_AT_ONCE)
    async with AsyncExitStack() as stack:
        apis = [await stack.enter_async_context(Api(urls[number % 2], key)) for number in range(AT_ONCE)]

        async def one(name: str, api: Api) -> None:
            if (id_ := await place_once(name, api, log)) is not None:
                log.acknowledged.setdefault(name, []).append(id_)

        async def all_at_once(name: str) -> None:
            async with room:
                await asyncio.gather(*(one(name, api) for api in apis))

        await asyncio.gather(*(all_at_once(f"storm-{number}") for number in range(count)))
    return log


async def _stored(system: Database) -> list[StoredOrder]:
    async with system.transaction() as tx:
        rows = await tx.fetch("SELECT id, display_reference FROM orders")
    return [StoredOrder(public_id("order", row["id"]), row["display_reference"]) for row in rows]


async def _effects(system: Database) -> dict[str, int]:
    async with system.transaction() as tx:
        row = await tx.fetchrow(_EFFECTS)
    assert row is not None
    return dict(row)


async def _one_effect_each(
    urls: DatabaseUrls, system: Database, tenant: Tenant, home: Path, count: int
) -> Counter[str]:
    async with _two_processes(urls, home) as (addresses, proxy):
        log = await _storm(addresses, tenant.key, count)
        lost = proxy.lost
        await _codes_are_seen(addresses, system, tenant, Database(urls.app, pool_size=1))
    assert log.unexpected == []
    assert lost >= count * LOST_SHARE / 3
    assert {len(ids) for ids in log.acknowledged.values()} == {AT_ONCE}
    assert judge_orders(log.acknowledged, await _stored(system)) == OrderVerdict([], [], [])
    effects = await _effects(system)
    assert effects["orphans"] == 0
    assert (effects["orders"], effects["keys"], effects["audited"], effects["told"]) == (count,) * 4
    return Counter({"lost": lost, "replays": log.replays, **log.retries})


async def _codes_are_seen(addresses: list[str], system: Database, tenant: Tenant, app: Database) -> None:
    """Another input under a used key, and a twin that is still at work in the other process."""
    async with Api(addresses[1], tenant.key) as api:
        other = {**order_input("storm-0"), "displayReference": "other"}
        assert await _problems(api, other) == {"IDEMPOTENCY_MISMATCH"}
        async with app.transaction(tenant.id) as tx:
            await find_outcome(tx, tenant.id, "createOrder", "at-work", fingerprint("x"))
            assert await _problems(api, order_input("at-work")) == {"IDEMPOTENCY_IN_PROGRESS"}
    await app.close()


async def _problems(api: Api, given: dict[str, Any]) -> set[str]:
    for _ in range(20):  # an answer may be lost on its way
        _, body = await api.ask(CREATE_ORDER, input=given)
        if "errors" not in body:
            return {problem["code"] for problem in body["data"]["createOrder"]["problems"]}
    raise AssertionError(body)


@pytest.mark.timeout(180)
async def test_twenty_clients_with_one_key_over_two_processes_make_one_order(
    database_urls: DatabaseUrls,
    system: Database,
    tenant: Tenant,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    figures = await _one_effect_each(database_urls, system, tenant, tmp_path, KEYS)
    record_property("figures", dict(figures))


@pytest.mark.release
@pytest.mark.timeout(1800)
async def test_a_thousand_keys(
    database_urls: DatabaseUrls,
    system: Database,
    tenant: Tenant,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    figures = await _one_effect_each(database_urls, system, tenant, tmp_path, KEYS_BEFORE_A_RELEASE)
    record_property("figures", dict(figures))


async def test_planted_fault_check_then_insert_is_caught_doubling(
    database_urls: DatabaseUrls,
    system: Database,
    tenant: Tenant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def looks(tx: Transaction, tenant_id: UUID, operation: str, key: str, _: bytes) -> dict[str, Any] | None:
        sql = "SELECT outcome FROM idempotency_keys WHERE tenant_id = $1 AND operation = $2 AND key = $3"
        found: dict[str, Any] | None = await tx.fetchval(sql, tenant_id, operation, key)
        return found

    async def stores(tx: Transaction, *values: object) -> None:
        sql = "INSERT INTO idempotency_keys (tenant_id, operation, key, fingerprint, outcome) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"
        await tx.execute(sql, *values)

    monkeypatch.setattr(kernel_context, "find_outcome", looks)
    monkeypatch.setattr(kernel_context, "store_outcome", stores)
    async with _two_servers(database_urls, tmp_path) as addresses:
        log = await _storm(addresses, tenant.key, KEYS_OF_A_BROKEN_SERVER)
    verdict = judge_orders(log.acknowledged, await _stored(system))
    assert verdict.doubled != []
    assert verdict.torn != []
