"""Two tenants' clients on a server that runs in this process, on straight lines."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from tests.conftest import cloned_database

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.server import Server, running_server
from doorstep.settings import Settings


class Client:
    """One tenant's GraphQL client."""

    def __init__(self, url: str, key: str, tenant_id: UUID | None = None) -> None:
        self.tenant_id = tenant_id
        self._http = httpx.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=30)
        self._url = url

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Data and errors."""
        response = await self._http.post(self._url, json={"query": query, "variables": variables})
        answer: dict[str, Any] = response.json()
        return answer

    async def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data; there are no errors."""
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def change(self, mutation: str, selection: str = "id version", **fields: Any) -> dict[str, Any]:
        """The payload of one mutation."""
        word = mutation.removeprefix("create").removeprefix("update").removeprefix("archive")
        type_name = mutation[0].upper() + mutation[1:] + "Input"
        query = (
            f"mutation($input: {type_name}!) {{ {mutation}(input: $input) {{ {word.lower()} {{ {selection} }} "
            "problems { code message path existingId } } }"
        )
        payload: dict[str, Any] = (await self.data(query, input=fields))[mutation]
        return payload

    async def made(self, mutation: str, **fields: Any) -> str:
        """The id of what a mutation made."""
        payload = await self.change(mutation, **fields)
        assert not payload["problems"], payload
        word = mutation.removeprefix("create").lower()
        identifier: str = payload[word]["id"]
        return identifier

    async def refused(self, mutation: str, **fields: Any) -> list[tuple[str, str]]:
        """Codes and paths of the problems."""
        payload = await self.change(mutation, **fields)
        return [(problem["code"], ".".join(problem["path"])) for problem in payload["problems"]]

    async def close(self) -> None:
        await self._http.aclose()


@pytest.fixture(scope="module")
async def urls(cluster: EmbeddedCluster, template: str) -> AsyncIterator[DatabaseUrls]:
    with cloned_database(cluster, template) as cloned:
        yield cloned


@pytest.fixture(scope="module")
async def system(urls: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(urls.system, pool_size=3)
    yield database
    await database.close()


@pytest.fixture(scope="module")
async def server(urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """One server for a file of tests; each test has tenants of its own."""
    settings = Settings(_env_file=None, home=tmp_path_factory.mktemp("home"), roads="straight", drain_seconds=5)  # type: ignore[call-arg]
    async with running_server(settings, urls, work=False, port=0) as running:
        yield running


async def client_of(server: Server, system: Database, country: str | None = "LI") -> Client:
    """A new tenant's client."""
    slug = f"t-{uuid4().hex[:8]}"
    tenant_id = await create_tenant(system, NewTenant(slug, slug.title(), "Europe/Vaduz", country))
    _, key = await create_key(system, await tenant_by_slug(system, slug), "test", sorted(ALL_PERMISSIONS))
    return Client(server.graphql_url, key, tenant_id)


@pytest.fixture
async def alpha(server: Server, system: Database) -> AsyncIterator[Client]:
    client = await client_of(server, system)
    yield client
    await client.close()


@pytest.fixture
async def beta(server: Server, system: Database) -> AsyncIterator[Client]:
    client = await client_of(server, system)
    yield client
    await client.close()


@pytest.fixture
def count(system: Database) -> Callable[[Client, str], Awaitable[int]]:
    """How many rows a tenant has in a table."""

    async def rows(client: Client, table: str) -> int:
        async with system.transaction() as tx:
            return int(await tx.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", client.tenant_id))

    return rows
