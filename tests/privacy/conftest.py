"""A real server with tenants that talk to it by HTTP, and a look at everything that its database holds."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from tests.conftest import cloned_database

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.ids import parse_id, public_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import ALL_PERMISSIONS, Permission
from doorstep.server import Server, running_server
from doorstep.settings import Settings

ADDRESS = {"line1": "Städtle 49", "city": "Vaduz", "postalCode": "9490"}
POINT = {"latitude": 47.1410, "longitude": 9.5209}


def instant(hours: float) -> str:
    """So many hours from now."""
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Desk:
    """A tenant and its client."""

    http: httpx.AsyncClient
    server: Server
    system: Database
    tenant_id: UUID
    key: str
    key_id: str
    things: dict[str, str] = field(default_factory=dict)

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """Data and errors, by HTTP."""
        response = await self.http.post(
            self.server.graphql_url,
            json={"query": document, "variables": variables},
            headers={"authorization": f"Bearer {self.key}"},
        )
        answer: dict[str, Any] = response.json()
        return answer

    async def data(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data; there are no errors."""
        answer = await self.ask(document, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def change(self, mutation: str, shown: str = "", **values: Any) -> dict[str, Any]:
        """A mutation's payload."""
        type_name = mutation[0].upper() + mutation[1:] + "Input"
        document = f"mutation($input: {type_name}!) {{ {mutation}(input: $input) {{ {shown} problems {{ code message path existingId }} }} }}"
        payload: dict[str, Any] = (await self.data(document, input=values))[mutation]
        return payload

    async def made(self, mutation: str, shown: str = "", **values: Any) -> dict[str, Any]:
        """The payload of a mutation that was carried out."""
        payload = await self.change(mutation, shown, **values)
        assert not payload["problems"], payload
        return payload

    async def furnish(self) -> None:
        """A depot, a vehicle, a driver and a shift that has begun."""
        name = uuid4().hex[:6]
        depot = await self.made("createDepot", "depot { id }", name=name, address=ADDRESS, coordinates=POINT)
        self.things["depotId"] = depot["depot"]["id"]
        vehicle = await self.made("createVehicle", "vehicle { id }", name=name, kind="VAN")
        self.things["vehicleId"] = vehicle["vehicle"]["id"]
        self.things["driverId"] = (await self.made("createDriver", "driver { id }", name=name))["driver"]["id"]
        shift = await self.made("createShift", "shift { id }", **self.things, start=instant(-1), end=instant(8))
        self.things["shiftId"] = shift["shift"]["id"]

    async def place(self, **fields: Any) -> str:
        """A new order's id."""
        dropoff = {"address": dict(ADDRESS), "coordinates": dict(POINT), **fields.pop("dropoff", {})}
        payload = await self.made("createOrder", "order { id }", dropoff=dropoff, **fields)
        order_id: str = payload["order"]["id"]
        return order_id

    async def place_cancelled(self, **fields: Any) -> str:
        """The id of an order that is final."""
        order_id = await self.place(**fields)
        await self.made("cancelOrder", id=order_id)
        return order_id

    async def rows(self, sql: str, *arguments: Any) -> list[dict[str, Any]]:
        """What the database holds of the tenant (``$1``)."""
        async with self.system.transaction() as tx:
            return [dict(row) for row in await tx.fetch(sql, self.tenant_id, *arguments)]


@dataclass
class Office:
    """A server and its tenants."""

    http: httpx.AsyncClient
    server: Server
    urls: DatabaseUrls
    system: Database

    async def desk(self, *, without: tuple[Permission, ...] = ()) -> Desk:
        """A new tenant, with a key that may do everything but ``without`` (and what implies it)."""
        slug = uuid4().hex
        tenant_id = await create_tenant(self.system, NewTenant(slug, "Test", "Europe/Vaduz", "LI"))
        tenant = await tenant_by_slug(self.system, slug)
        implied = {one.implied_by for one in without}
        scopes = sorted(one for one in ALL_PERMISSIONS if one not in without and one.value not in implied)
        _, key = await create_key(self.system, tenant, "test", scopes)
        async with self.system.transaction() as tx:
            key_id = await tx.fetchval("SELECT id FROM api_keys WHERE tenant_id = $1", tenant_id)
        return Desk(self.http, self.server, self.system, tenant_id, key, public_id("key", key_id))


def uuid_of(order_id: str) -> UUID:
    """The UUID behind an order's id."""
    return parse_id("order", order_id)


@pytest.fixture(scope="session")
def privacy_urls(cluster: EmbeddedCluster, template: str) -> Iterator[DatabaseUrls]:
    with cloned_database(cluster, template) as urls:
        yield urls


@pytest.fixture(scope="session")
async def office(privacy_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    settings = Settings(_env_file=None, home=tmp_path_factory.mktemp("privacy"), roads="straight", drain_seconds=2)  # type: ignore[call-arg]
    system = Database(privacy_urls.system, pool_size=2)
    async with (
        running_server(settings, privacy_urls, work=False, port=0) as server,
        httpx.AsyncClient(timeout=30) as http,
    ):
        yield Office(http, server, privacy_urls, system)
    await system.close()


@pytest.fixture
async def desk(office: Office) -> Desk:
    return await office.desk()


@pytest.fixture
async def other(office: Office) -> Desk:
    return await office.desk()
