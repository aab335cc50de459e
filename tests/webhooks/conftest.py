"""A server without a worker, a company's program, a receiver, and workers that deliver on a fast schedule."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from tests.conftest import cloned_database
from tests.webhooks.receiver import Receiver, receiving

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database, DatabaseUrls, Row
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import ALL_PERMISSIONS, Permission
from doorstep.server import Server, deliveries, running_server
from doorstep.settings import Settings
from doorstep.webhooks.model import Policy
from doorstep.worker import Worker

FAST = Policy(delays=(0.0, 0.1, 0.1, 0.1), jitter=0.0, timeout=1.0, lease=4.0, longest_rest=2.0)
DOOR = {"latitude": 47.14, "longitude": 9.52}
KEYS = "11" * 32

ENDPOINT = "id version status reason url eventTypes document scopes cursor openDeliveries failures failingSince nextProbeAt restsUntil previousSecretUntil"
SHOWN = {
    "createOrder": "order { id version }",
    "cancelOrder": "order { id }",
    "updateOrder": "order { id version }",
    "createWebhookEndpoint": f"endpoint {{ {ENDPOINT} }} secret",
    "rotateWebhookSecret": f"endpoint {{ {ENDPOINT} }} secret",
    "testWebhookEndpoint": "endpoint { id } delivery { id state }",
    "deleteWebhookEndpoint": "",
}
DELIVERIES = """
query ($id: ID!, $states: [DeliveryState!]) { webhookDeliveries(endpointId: $id, states: $states, first: 250) { totalCount nodes {
  id origin state eventType eventId orderId tries fault answerStatus answer nextTryAt finishedAt cursor endpoint { id }
} } }
"""


@dataclass
class Company:
    """A company's program: it knows the server and its key."""

    server: Server
    http: httpx.AsyncClient
    key: str
    tenant_id: UUID
    system: Database

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data; an error fails."""
        response = await self.http.post(
            self.server.graphql_url,
            json={"query": document, "variables": variables},
            headers={"authorization": f"Bearer {self.key}"},
        )
        answer: dict[str, Any] = response.json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    async def call(self, mutation: str, **values: Any) -> dict[str, Any]:
        """The payload, whatever it says."""
        kind = mutation[0].upper() + mutation[1:] + "Input"
        shown = SHOWN.get(mutation, f"endpoint {{ {ENDPOINT} }}")
        document = (
            f"mutation ($input: {kind}!) {{ {mutation}(input: $input) {{ {shown} problems {{ code message path }} }} }}"
        )
        payload: dict[str, Any] = (await self.ask(document, input=values))[mutation]
        return payload

    async def do(self, mutation: str, **values: Any) -> dict[str, Any]:
        """The payload of a mutation that is carried out."""
        payload = await self.call(mutation, **values)
        assert payload["problems"] == [], payload
        return payload

    async def refused(self, mutation: str, **values: Any) -> tuple[str, str, str]:
        """Code, path and message of a mutation that is refused; nothing was written."""
        before = await self._written()
        payload = await self.call(mutation, **values)
        assert await self._written() == before
        (problem,) = payload["problems"]
        return problem["code"], ".".join(problem["path"]), problem["message"]

    async def _written(self) -> list[Row]:
        tables = ("webhook_endpoints", "webhook_deliveries", "events", "audit_entries", "idempotency_keys")
        counts = ", ".join(
            f"(SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM {one} t WHERE tenant_id = $1)"
            for one in tables
        )
        return await self.rows(f"SELECT {counts}")

    async def rows(self, sql: str, *arguments: Any) -> list[Row]:
        """Rows, past row-level security; ``$1`` is the tenant."""
        async with self.system.transaction() as tx:
            found: list[Row] = await tx.fetch(sql, self.tenant_id, *arguments)
            return found

    async def execute(self, sql: str, *arguments: Any) -> None:
        """A statement, past row-level security; ``$1`` is the tenant."""
        async with self.system.transaction() as tx:
            await tx.execute(sql, self.tenant_id, *arguments)

    async def endpoint(self, url: str, **more: Any) -> dict[str, Any]:
        """A new endpoint, with its secret; only events of orders unless said otherwise."""
        types = ["OrderPlaced", "OrderUpdated", "OrderStatusChanged"]
        made = await self.do("createWebhookEndpoint", **{"name": "ours", "url": url, "eventTypes": types, **more})
        return {**made["endpoint"], "secret": made["secret"]}

    async def shown(self, endpoint: str) -> dict[str, Any]:
        """An endpoint as it is now."""
        found: dict[str, Any] = (
            await self.ask(f"query ($id: ID!) {{ webhookEndpoint(id: $id) {{ {ENDPOINT} }} }}", id=endpoint)
        )["webhookEndpoint"]
        return found

    async def deliveries(self, endpoint: str, *states: str) -> list[dict[str, Any]]:
        """The log of deliveries, oldest first."""
        found = await self.ask(DELIVERIES, id=endpoint, states=list(states) or None)
        nodes: list[dict[str, Any]] = found["webhookDeliveries"]["nodes"]
        return nodes[::-1]

    async def order(self, **values: Any) -> str:
        """A new order's id."""
        door = {"address": {"line1": "Herrengasse 1", "city": "Vaduz"}, "coordinates": DOOR}
        made = await self.do("createOrder", dropoff=door, **values)
        identifier: str = made["order"]["id"]
        return identifier

    async def touch(self, order: str) -> None:
        """One more event of an order."""
        await self.do("updateOrder", id=order, displayReference=uuid4().hex)

    async def until(self, endpoint: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """An endpoint once it is so."""
        async with asyncio.timeout(20):
            while not condition(shown := await self.shown(endpoint)):
                await asyncio.sleep(0.05)
            return shown

    async def all_delivered(self, endpoint: str) -> list[dict[str, Any]]:
        """The log once nothing is open, and the cursor is at the log's end."""
        async with asyncio.timeout(30):
            while True:
                (row,) = await self.rows(
                    "SELECT (SELECT count(*) FROM webhook_deliveries WHERE tenant_id = $1 AND finished_at IS NULL) + "
                    "(SELECT max(seq) FROM event_heads WHERE tenant_id = $1) - (SELECT min(seq) FROM webhook_endpoints WHERE tenant_id = $1) AS behind"
                )
                if row["behind"] == 0:
                    return await self.deliveries(endpoint)
                await asyncio.sleep(0.05)


async def make_company(
    server: Server, http: httpx.AsyncClient, system: Database, permissions: frozenset[Permission] = ALL_PERMISSIONS
) -> Company:
    """A company with a LIVE tenant."""
    slug = f"c{uuid4().hex[:10]}"
    tenant_id = await create_tenant(system, NewTenant(slug, "Corner Shop", "Europe/Vaduz", "LI"))
    _, key = await create_key(system, await tenant_by_slug(system, slug), "tests", sorted(permissions))
    return Company(server, http, key, tenant_id, system)


def settings_in(home: Path, **more: Any) -> Settings:
    """Settings of a server here, which may deliver to this machine."""
    given = {"webhooks_private": True, "secret_keys": [KEYS], "drain_seconds": 2, "roads": "straight", **more}
    return Settings(_env_file=None, home=home, **given)  # type: ignore[call-arg]


@pytest.fixture(scope="module")
async def urls(cluster: EmbeddedCluster, template: str) -> AsyncIterator[DatabaseUrls]:
    with cloned_database(cluster, template) as made:
        yield made


@pytest.fixture(scope="module")
async def all_tenants(urls: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(urls.system, pool_size=3)
    yield database
    await database.close()


@pytest.fixture(scope="module")
async def server(urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A server without a worker, for a whole module: each test has a tenant of its own, and workers as it needs them."""
    async with running_server(settings_in(tmp_path_factory.mktemp("webhooks")), urls, work=False, port=0) as running:
        yield running


@pytest.fixture
async def company(server: Server, all_tenants: Database) -> AsyncIterator[Company]:
    """A program with a key that may do everything; what it leaves behind is delivered nowhere."""
    async with httpx.AsyncClient(timeout=30) as http:
        made = await make_company(server, http, all_tenants)
        yield made
        await made.execute("DELETE FROM webhook_endpoints WHERE tenant_id = $1")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


Working = Callable[..., AbstractAsyncContextManager[Worker]]


@pytest.fixture
def working(server: Server) -> Working:
    """A worker that does nothing but deliver, on a fast schedule that may be changed."""

    @asynccontextmanager
    async def work(**changes: Any) -> AsyncIterator[Worker]:
        made = deliveries(server.services, replace(FAST, **changes))
        worker = Worker(server.services, {}, [], periodics=made.periodics(), slots=1)
        worker.start()
        try:
            yield worker
        finally:
            await worker.stop(2)

    return work
