"""A server with its worker, and two companies' programs: one with a key of a TEST tenant, one with a LIVE one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from tests.conftest import cloned_database
from tests.processes.conftest import doorstep, home
from websockets.asyncio.client import connect

from doorstep.identity.model import TenantMode
from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel import jobs
from doorstep.kernel.db import Database, DatabaseUrls, Row
from doorstep.kernel.jobs import Job
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import ALL_PERMISSIONS, Permission, Principal
from doorstep.server import Server, running_server
from doorstep.settings import Settings

PATIENCE = 40.0
FAST = 1000.0
DOOR = {"latitude": 47.14, "longitude": 9.52}
SHOP = {"latitude": 47.16, "longitude": 9.51}
DEPOT = {"latitude": 47.13, "longitude": 9.51}

SIMULATION = "simulation { id status nextActAt lastError startedAt finishedAt route { id status } order { id } tender { id status reason } }"
SHOWN = {
    "simulateOrder": SIMULATION,
    "simulateRoute": SIMULATION,
    "cancelSimulation": SIMULATION,
    "setSandboxClock": "clock { now rate }",
    "createOrder": "order { id packages { id } }",
    "createDepot": "depot { id }",
    "createVehicle": "vehicle { id }",
    "createDriver": "driver { id }",
    "createShift": "shift { id }",
    "assignOrders": "route { id stops { id kind plannedArrival orders { id } } }",
    "recallRoute": "route { id status }",
    "advanceStop": "stop { id status }",
    "invitePartner": "token",
    "acceptPartnership": "partnership { id }",
    "tenderOrder": "results { tender { id } problems { code } }",
    "acceptTender": "results { tender { id } problems { code } }",
    "declineTender": "results { tender { id } problems { code } }",
    "withdrawTender": "results { tender { id } problems { code } }",
}
STATUSES = """
query ($id: ID!) { order(by: { id: $id }) {
  status custody attempts { outcome reason } proofs { kind } attemptNumber
  events(first: 250) { nodes { __typename occurredAt aggregateVersion ... on OrderStatusChanged { from to reason } ... on OrderEtaChanged { lateBySeconds } } }
} }
"""
EVENTS = """
subscription ($after: Cursor) {
  events(after: $after) { kind cursor event {
    id __typename occurredAt
    ... on OrderStatusChanged { orderId to reason } ... on StopStatusChanged { stopId stop: to }
    ... on RouteStatusChanged { route: to } ... on OrderEtaChanged { orderId lateBySeconds }
  } }
}
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
        type_name = mutation[0].upper() + mutation[1:] + "Input"
        document = f"mutation ($input: {type_name}!) {{ {mutation}(input: $input) {{ {SHOWN[mutation]} problems {{ code message path existingId }} }} }}"
        payload: dict[str, Any] = (await self.ask(document, input=values))[mutation]
        return payload

    async def do(self, mutation: str, **values: Any) -> dict[str, Any]:
        """What a mutation that is carried out shows."""
        payload = await self.call(mutation, **values)
        assert payload["problems"] == [], payload
        shown: dict[str, Any] = next(value for name, value in payload.items() if name != "problems")
        return shown

    async def refused(self, mutation: str, **values: Any) -> list[tuple[str, str]]:
        """The codes and paths of a mutation that is refused; nothing at all was written."""
        before = await self.everything()
        payload = await self.call(mutation, **values)
        assert await self.everything() == before
        return [(problem["code"], ".".join(problem["path"])) for problem in payload["problems"]]

    async def everything(self) -> dict[str, Any]:
        """All rows of the tenant, but for when its key was used, what its requests cost and what its worker has read."""
        async with self.system.transaction() as tx:
            tables = await tx.fetch(
                "SELECT table_name::text AS name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) "
                "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = 'tenant_id' "
                "AND table_name NOT IN ('api_keys', 'consumers', 'usage_days') AND table_name NOT LIKE 'events\\_%' ORDER BY 1"
            )
            rows = {
                row["name"]: await tx.fetchval(
                    f"SELECT md5(coalesce(string_agg(to_jsonb(t)::text, ',' ORDER BY to_jsonb(t)::text), '')) FROM {row['name']} t WHERE tenant_id = $1",
                    self.tenant_id,
                )
                for row in tables
            }
            clock = "SELECT clock_anchor_wall, clock_anchor, clock_rate FROM tenants WHERE id = $1"
            return {**rows, "clock": tuple(await tx.fetchrow(clock, self.tenant_id))}

    async def rows(self, sql: str, *arguments: Any) -> list[Row]:
        """Rows, past row-level security; ``$1`` is the tenant."""
        async with self.system.transaction() as tx:
            found: list[Row] = await tx.fetch(sql, self.tenant_id, *arguments)
            return found

    async def order(self, **values: Any) -> str:
        """A new order's id."""
        door = {"address": {"line1": "Herrengasse 1", "city": "Vaduz"}, "coordinates": DOOR}
        more = {"dropoff": {**door, **values.pop("dropoff", {})}, **values}
        identifier: str = (await self.do("createOrder", **more))["id"]
        return identifier

    async def now(self) -> datetime:
        """The sandbox's clock."""
        return datetime.fromisoformat((await self.ask("{ sandboxClock { now } }"))["sandboxClock"]["now"])

    async def simulation(self, identifier: str) -> dict[str, Any]:
        """A simulation as it is now."""
        found = await self.ask(
            f"query ($id: ID!) {{ {SIMULATION.replace('simulation', 'simulation(id: $id)', 1)} }}", id=identifier
        )
        shown: dict[str, Any] = found["simulation"]
        return shown

    async def over(self, identifier: str) -> dict[str, Any]:
        """A simulation once it is over."""
        return await self.until(identifier, lambda shown: shown["status"] != "RUNNING")

    async def until(self, identifier: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """A simulation once it is so."""
        async with asyncio.timeout(PATIENCE):
            while True:
                shown = await self.simulation(identifier)
                if condition(shown):
                    return shown
                await asyncio.sleep(0.1)

    async def story(self, order_id: str) -> dict[str, Any]:
        """An order with its events."""
        shown: dict[str, Any] = (await self.ask(STATUSES, id=order_id))["order"]
        return shown

    async def statuses(self, order_id: str) -> list[str]:
        """The states that an order went through."""
        nodes = (await self.story(order_id))["events"]["nodes"]
        return [node["to"] for node in nodes if node["__typename"] == "OrderStatusChanged"]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Every event from now on, as a subscriber gets them over a WebSocket."""
        heard: list[dict[str, Any]] = []
        started = asyncio.Event()

        async def listen() -> None:
            async with connect(self.server.socket_url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
                hello = {"type": "connection_init", "payload": {"Authorization": f"Bearer {self.key}"}}
                await socket.send(json.dumps(hello))
                await socket.recv()
                await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": EVENTS}}))
                async for message in socket:
                    item = json.loads(message)["payload"]["data"]["events"]
                    started.set()
                    if item["kind"] == "EVENT":
                        heard.append(item["event"])

        task = asyncio.create_task(listen())
        try:
            waiting = asyncio.create_task(started.wait())
            await asyncio.wait({task, waiting}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            assert started.is_set(), task.exception() if task.done() else "no answer"
            yield heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def make_company(
    server: Server, http: httpx.AsyncClient, system: Database, mode: TenantMode,
    permissions: frozenset[Permission] = ALL_PERMISSIONS,
) -> Company:  # fmt: skip
    """A company with a tenant of that mode."""
    slug = f"c{uuid4().hex[:10]}"
    tenant_id = await create_tenant(system, NewTenant(slug, "Corner Shop", "Europe/Vaduz", "LI", mode=mode))
    _, key = await create_key(system, await tenant_by_slug(system, slug), "tests", sorted(permissions))
    return Company(server, http, key, tenant_id, system)


@pytest.fixture(scope="module")
async def sandbox_urls(cluster: EmbeddedCluster, template: str) -> AsyncIterator[DatabaseUrls]:
    with cloned_database(cluster, template) as urls:
        yield urls


@pytest.fixture(scope="module")
async def sandbox_system(sandbox_urls: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(sandbox_urls.system, pool_size=3)
    yield database
    await database.close()


@pytest.fixture(scope="module")
async def server(sandbox_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A server with its worker, for a whole module: each test has a tenant of its own."""
    home: Path = tmp_path_factory.mktemp("sandbox")
    settings = Settings(_env_file=None, home=home, roads="straight", solver_slots=1, drain_seconds=2)  # type: ignore[call-arg]
    async with running_server(settings, sandbox_urls, port=0) as running:
        yield running


@pytest.fixture
async def company(server: Server, sandbox_system: Database) -> AsyncIterator[Company]:
    """A program with a key of a TEST tenant, whose clock runs a thousand times as fast as the wall."""
    async with httpx.AsyncClient(timeout=30) as http:
        made = await make_company(server, http, sandbox_system, TenantMode.TEST)
        await made.do("setSandboxClock", rate=FAST)
        yield made


@pytest.fixture
async def slow(server: Server, sandbox_system: Database) -> AsyncIterator[Company]:
    """A program with a key of a TEST tenant, whose clock runs as the wall's."""
    async with httpx.AsyncClient(timeout=30) as http:
        yield await make_company(server, http, sandbox_system, TenantMode.TEST)


@pytest.fixture
async def live(server: Server, sandbox_system: Database) -> AsyncIterator[Company]:
    """A program with a key of a LIVE tenant."""
    async with httpx.AsyncClient(timeout=30) as http:
        yield await make_company(server, http, sandbox_system, TenantMode.LIVE)


@pytest.fixture
async def idle_server(database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Server]:
    """A server without a worker: tests play by their own hands, or start workers to kill."""
    settings = Settings(_env_file=None, home=tmp_path, roads="straight", drain_seconds=2)  # type: ignore[call-arg]
    async with running_server(settings, database_urls, work=False, port=0) as running:
        yield running


@pytest.fixture
async def idle(idle_server: Server, system: Database) -> AsyncIterator[Company]:
    """A company there."""
    async with httpx.AsyncClient(timeout=30) as http:
        yield await make_company(idle_server, http, system, TenantMode.TEST)


async def expire(company: Company) -> None:
    """As if whoever holds a job had been silent for too long."""
    async with company.system.transaction() as tx:
        await tx.execute("UPDATE jobs SET lease_until = now() - interval '1 s' WHERE state = 'RUNNING'")


async def claimed(system: Database, db: Database, principal: Principal) -> Job:
    """The one due job, as a worker claims it."""
    row = await jobs.claim(system)
    assert row is not None
    return Job(
        row["id"], row["tenant_id"], row["kind"], row["input"], row["attempts"], row["run_token"],
        principal, db, system, None,
    )  # fmt: skip


@dataclass
class Fleet:
    """A depot, and a shift."""

    company: Company
    depot: str
    shift: str

    async def route(self, order_ids: list[str]) -> dict[str, Any]:
        """These orders on the shift, dispatched."""
        return await self.company.do("assignOrders", orderIds=order_ids, shiftId=self.shift)


async def make_fleet(company: Company, starts: timedelta) -> Fleet:
    """One of each; the shift starts so much later than now."""
    address = {"line1": "Landstrasse 1", "city": "Triesen"}
    depot = (await company.do("createDepot", name="Depot", address=address, coordinates=DEPOT))["id"]
    vehicle = (await company.do("createVehicle", name="Van", kind="VAN"))["id"]
    driver = (await company.do("createDriver", name="Ada"))["id"]
    now = await company.now()
    times = {"start": (now + starts).isoformat(), "end": (now + timedelta(hours=20)).isoformat()}
    shift = await company.do("createShift", driverId=driver, vehicleId=vehicle, depotId=depot, **times)
    return Fleet(company, depot, shift["id"])


@pytest.fixture
async def fleet(company: Company) -> Fleet:
    """The fast company's: its shift has begun."""
    return await make_fleet(company, timedelta(hours=-1))


@pytest.fixture
async def slow_fleet(slow: Company) -> Fleet:
    """The slow company's: its shift begins in an hour, so that nothing moves before the clock is set."""
    return await make_fleet(slow, timedelta(hours=1))


__all__ = ["doorstep", "home"]
