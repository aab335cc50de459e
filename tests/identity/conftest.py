"""A running server without a worker, and companies with credentials to talk to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from tests.conftest import cloned_database
from websockets.asyncio.client import ClientConnection, connect

from doorstep.identity.model import TenantMode
from doorstep.identity.service import NewTenant, create_key, create_organization, list_tenants
from doorstep.kernel.db import Database
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import Permission
from doorstep.server import Server, running_server
from doorstep.settings import Settings

POINT = {"latitude": 47.141, "longitude": 9.521}
ADDRESS = {"line1": "Städtle 49", "city": "Vaduz", "postalCode": "9490"}


@dataclass
class Client:
    """Somebody with a credential."""

    server: Server
    http: httpx.AsyncClient
    credential: str
    system: Database
    tenant_id: UUID
    made: dict[str, str] = field(default_factory=dict)

    def using(self, credential: str) -> "Client":
        """The same company with another credential."""
        return replace(self, credential=credential)

    async def answer(self, document: str, **variables: Any) -> httpx.Response:
        """The whole answer."""
        headers = {"authorization": f"Bearer {self.credential}"} if self.credential else {}
        body = {"query": document, "variables": variables}
        return await self.http.post(self.server.graphql_url, json=body, headers=headers)

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data; there are no errors."""
        said = (await self.answer(document, **variables)).json()
        assert "errors" not in said, said
        data: dict[str, Any] = said["data"]
        return data

    async def code(self, document: str, **variables: Any) -> str | None:
        """The code of the first error, or None."""
        said = (await self.answer(document, **variables)).json()
        return said["errors"][0]["extensions"]["code"] if said.get("errors") else None

    async def call(self, mutation: str, shown: str, **values: Any) -> dict[str, Any]:
        """The payload of a mutation."""
        kind = mutation[0].upper() + mutation[1:] + "Input"
        document = f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {shown} problems {{ code message path existingId }} }} }}"
        payload: dict[str, Any] = (await self.ask(document, input=values))[mutation]
        return payload

    async def do(self, mutation: str, shown: str, **values: Any) -> dict[str, Any]:
        """The same, and it was carried out."""
        payload = await self.call(mutation, shown, **values)
        assert not payload["problems"], payload
        return payload

    async def refused(self, mutation: str, **values: Any) -> list[tuple[str, str]]:
        """Codes and paths of the problems; nothing was written."""
        before = await self.written()
        payload = await self.call(mutation, "__typename", **values)
        assert await self.written() == before
        return [(one["code"], ".".join(one["path"])) for one in payload["problems"]]

    async def written(self) -> list[Any]:
        """What identity and the log hold of the company."""
        organization = "organization_id = (SELECT organization_id FROM tenants WHERE id = $1)"
        parts = [
            ("api_keys", "tenant_id = $1"),
            ("access_tokens", "tenant_id = $1"),
            ("members", organization),
            ("roles", organization),
            ("events", "tenant_id = $1"),
            ("idempotency_keys", "tenant_id = $1"),
        ]
        async with self.system.transaction() as tx:
            return [
                await tx.fetchval(
                    f"SELECT md5(coalesce(string_agg((to_jsonb(t) - 'last_used_at')::text, ',' ORDER BY to_jsonb(t)::text), '')) "
                    f"FROM {table} AS t WHERE {condition}",
                    self.tenant_id,
                )
                for table, condition in parts
            ]

    async def socket(self) -> ClientConnection:
        """An acknowledged socket."""
        socket = await connect(self.server.socket_url, subprotocols=["graphql-transport-ws"])  # type: ignore[list-item]
        init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {self.credential}"}}
        await socket.send(json.dumps(init))
        assert json.loads(await asyncio.wait_for(socket.recv(), 10))["type"] == "connection_ack"
        return socket

    async def key(self, *scopes: str, **values: Any) -> "Client":
        """A client with a new key of these scopes."""
        made = await self.do("createApiKey", "apiKey { id } secret", name="x", scopes=list(scopes), **values)
        client = self.using(made["secret"])
        client.made = {"key": made["apiKey"]["id"]}
        return client

    async def depot(self, name: str = "Depot") -> str:
        """A new depot's id."""
        made = await self.do(
            "createDepot", "depot { id }", name=f"{name} {uuid4().hex[:6]}", address=ADDRESS, coordinates=POINT
        )
        depot_id: str = made["depot"]["id"]
        return depot_id

    async def driver(self) -> str:
        """A new driver's id."""
        made = await self.do("createDriver", "driver { id }", name=f"Driver {uuid4().hex[:6]}")
        driver_id: str = made["driver"]["id"]
        return driver_id

    async def order(self, depot_id: str | None, **values: Any) -> str:
        """A new order's id."""
        stop = {"address": ADDRESS, "coordinates": POINT, "contact": {"name": "Ada"}}
        made = await self.do("createOrder", "order { id }", dropoff=stop, depotId=depot_id, **values)
        order_id: str = made["order"]["id"]
        return order_id


@dataclass
class Place:
    """The server and its database."""

    server: Server
    http: httpx.AsyncClient
    system: Database

    async def company(self, mode: TenantMode = TenantMode.LIVE) -> Client:
        """A new company's client, with a key that may do everything."""
        slug = f"c-{uuid4().hex[:12]}"
        made = await create_organization(self.system, NewTenant(slug, "Company", "Europe/Vaduz", "LI"))
        [tenant] = [row for row in await list_tenants(self.system) if row["id"] == made[mode]]
        _, key = await create_key(self.system, tenant, "first", list(Permission))
        return Client(self.server, self.http, key, self.system, tenant["id"])


@pytest.fixture(scope="module")
async def place(
    cluster: EmbeddedCluster, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    settings = Settings(_env_file=None, home=tmp_path_factory.mktemp("identity"), roads="straight", drain_seconds=2)  # type: ignore[call-arg]
    with cloned_database(cluster, template) as urls:
        system = Database(urls.system, pool_size=2)
        async with running_server(settings, urls, work=False, port=0) as server, httpx.AsyncClient(timeout=30) as http:
            yield Place(server, http, system)
        await system.close()


@pytest.fixture
async def company(place: Place) -> Client:
    return await place.company()
