"""The real schema on a real database: each test has a tenant of its own (a desk) in one database that the folder shares."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event as sqlalchemy_event
from tests.conftest import cloned_database

from doorstep.identity.service import NewTenant, create_tenant
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.event_stream import EventHub
from doorstep.kernel.graphql.context import Context, Services
from doorstep.kernel.graphql.faults import public_errors
from doorstep.kernel.ids import new_id, parse_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import ALL_PERMISSIONS, Actor, ActorKind, Permission, Principal, Scope
from doorstep.places import town
from doorstep.places.errors import EngineMissing
from doorstep.places.roads import Profile, Roads, RoadsMode, graphs, maps, programs
from doorstep.schema import DoorstepSchema, build_schema

VADUZ = {"latitude": 47.1410, "longitude": 9.5209}
ADDRESS = {"line1": "Städtle 49", "city": "Vaduz", "postalCode": "9490"}
ORDER = """
id version reference displayReference kind status statusReason custody locationStatus attemptNumber priority requiredSkills vehicleKinds dueAt
load { weightGrams volumeCubicCentimeters items } metadata
packages { id barcode description fragile load { weightGrams volumeCubicCentimeters items } }
pickup { ...end } dropoff { ...end }
proofRequired { kinds pin } nextActions { kind to by mutation proofs }
"""
END = """
fragment end on Waypoint {
  address { line1 line2 city region postalCode country formatted } coordinates { latitude longitude } locationCheck locationReason
  contact { name phone email } windows { start end } serviceSeconds instructions accessCode
}
"""


def dropoff(**changes: Any) -> dict[str, Any]:
    """A sound drop-off with coordinates."""
    return {"address": dict(ADDRESS), "coordinates": dict(VADUZ), **changes}


def window(start: str, end: str, day: str = "2027-03-01") -> dict[str, str]:
    """A window of one day, UTC."""
    return {"start": f"{day}T{start}:00Z", "end": f"{day}T{end}:00Z"}


class Statements:
    """What one pool sends, as the driver sends it."""

    def __init__(self, database: Database) -> None:
        self.texts: list[str] = []
        sqlalchemy_event.listen(database._engine.sync_engine, "connect", self._listen)

    def _listen(self, dbapi_connection: Any, _record: object) -> None:
        dbapi_connection.driver_connection.add_query_logger(lambda record: self.texts.append(record.query))

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """The statements sent inside the block, without transaction control and the driver's own questions about types."""
        self.texts.clear()
        sent: list[str] = []
        yield sent
        control = ("BEGIN", "COMMIT", "ROLLBACK")
        sent += [
            text
            for text in self.texts
            if not text.strip().startswith(control) and "typeinfo" not in text and "'jit'" not in text
        ]


@dataclass
class Desk:
    """One tenant's place to work at."""

    schema: DoorstepSchema
    services: Services
    principal: Principal
    statements: Statements
    made: list[str] = field(default_factory=list)

    @property
    def tenant_id(self) -> UUID:
        return self.principal.tenant_id

    def without(self, *permissions: Permission) -> "Desk":
        """The same tenant with a credential that lacks these, also by what implies them."""
        kept = {
            one
            for one in ALL_PERMISSIONS
            if one not in permissions and one.value not in {p.implied_by for p in permissions}
        }
        lesser = Principal(self.tenant_id, self.principal.actor, frozenset(kept), country=self.principal.country)
        return Desk(self.schema, self.services, lesser, self.statements)

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Data and errors, as clients see them."""
        context = Context(self.services, self.principal, "test")
        if "...end" in query:
            query += END
        try:
            result = await self.schema.execute(query, variable_values=variables, context_value=context)
            errors = [dict(error.formatted) for error in public_errors(result)]
            return {"data": result.data, "errors": errors}
        finally:
            await context.finish()

    async def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data; there are no errors."""
        answer = await self.ask(query, **variables)
        assert not answer["errors"], answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def errors(self, query: str, **variables: Any) -> list[str]:
        """The codes of the top-level errors."""
        return [error["extensions"]["code"] for error in (await self.ask(query, **variables))["errors"]]

    async def change(self, mutation: str, selection: str = ORDER, **fields: Any) -> dict[str, Any]:
        """The payload of createOrder, updateOrder or cancelOrder."""
        type_name = mutation[0].upper() + mutation[1:] + "Input"
        document = (
            f"mutation($input: {type_name}!) {{ {mutation}(input: $input) {{ order {{ {selection} }} "
            "problems { code message path existingId } } }"
        )
        payload: dict[str, Any] = (await self.data(document, input=fields))[mutation]
        return payload

    async def place(self, **fields: Any) -> dict[str, Any]:
        """A new order, all of it."""
        payload = await self.change("createOrder", **{"dropoff": dropoff(), **fields})
        assert not payload["problems"], payload["problems"]
        order: dict[str, Any] = payload["order"]
        return order

    async def refused(self, mutation: str, **fields: Any) -> list[tuple[str, str]]:
        """Codes and paths of the problems; makes sure that nothing at all was written."""
        before = await self.written()
        payload = await self.change(mutation, **fields)
        assert await self.written() == before
        return [(problem["code"], ".".join(problem["path"])) for problem in payload["problems"]]

    async def place_many(self, orders: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
        """The payload of createOrders."""
        document = """
            mutation($input: CreateOrdersInput!) { createOrders(input: $input) {
                results { index order { id reference } problems { code message path existingId } }
                problems { code message path } } }
        """
        data = await self.data(document, input={"orders": orders, **fields})
        payload: dict[str, Any] = data["createOrders"]
        return payload

    async def order(self, order_id: str, selection: str = ORDER) -> dict[str, Any]:
        """An order by its id."""
        query = f"query($id: ID!) {{ order(by: {{id: $id}}) {{ {selection} }} }}"
        order: dict[str, Any] = (await self.data(query, id=order_id))["order"]
        return order

    async def events(self) -> list[tuple[str, dict[str, Any], int]]:
        """The tenant's log: type, facts, version of the order."""
        async with self.services.db.snapshot(self.tenant_id) as tx:
            rows = await tx.fetch(
                "SELECT type, data, aggregate_version FROM events WHERE tenant_id = $1 ORDER BY seq", self.tenant_id
            )
        return [(row["type"], row["data"], row["aggregate_version"]) for row in rows]

    async def written(self) -> tuple[Any, ...]:
        """Everything of this tenant that a mutation could have touched, as one value to compare."""
        tables = ("orders", "order_waypoints", "packages", "events", "event_heads", "idempotency_keys")
        async with self.services.db.snapshot(self.tenant_id) as tx:
            return tuple(
                [
                    await tx.fetchval(
                        f"SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY to_jsonb(t)::text), '[]') FROM {table} t WHERE tenant_id = $1",
                        self.tenant_id,
                    )
                    for table in tables
                ]
            )

    @asynccontextmanager
    async def scope(self) -> AsyncIterator[Scope]:
        """A unit of work of the services."""
        async with self.services.db.write(self.principal) as scope:
            yield scope

    async def depot(self, *, archived: bool = False) -> str:
        """A depot's id; made by hand, since orders do not know the service of fleets."""
        fields = {
            "name": f"Depot {uuid4().hex[:6]}",
            "address": ADDRESS,
            "coordinates": VADUZ,
            "timeZone": "Europe/Vaduz",
        }
        create = (
            "mutation($input: CreateDepotInput!) { createDepot(input: $input) { depot { id } problems { message } } }"
        )
        payload = (await self.data(create, input=fields))["createDepot"]
        assert not payload["problems"], payload
        depot_id: str = payload["depot"]["id"]
        if archived:
            archive = "mutation($input: ArchiveDepotInput!) { archiveDepot(input: $input) { problems { message } } }"
            assert not (await self.data(archive, input={"id": depot_id}))["archiveDepot"]["problems"]
        return depot_id


def uuid_of(order: dict[str, Any] | str) -> UUID:
    """The UUID behind an order's id."""
    return parse_id("order", order if isinstance(order, str) else order["id"])


@pytest.fixture(scope="session")
def orders_urls(cluster: EmbeddedCluster, template: str) -> Iterator[DatabaseUrls]:
    with cloned_database(cluster, template) as urls:
        yield urls


@pytest.fixture(scope="session")
async def orders_system(orders_urls: DatabaseUrls) -> AsyncIterator[Database]:
    system = Database(orders_urls.system, pool_size=2)
    yield system
    await system.close()


@pytest.fixture(scope="session")
async def straight_roads(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Roads]:
    roads = Roads(tmp_path_factory.mktemp("straight"), mode=RoadsMode.STRAIGHT)
    await roads.start()
    yield roads
    await roads.close()


@dataclass
class Office:
    """What all desks share."""

    schema: DoorstepSchema
    services: Services
    statements: Statements

    async def desk(self, country: str | None = "LI", services: Services | None = None) -> Desk:
        """A new tenant's desk."""
        system = self.services.system
        tenant_id = await create_tenant(system, NewTenant(uuid4().hex, "Test", "Europe/Vaduz", country))
        principal = Principal(tenant_id, Actor(ActorKind.API_KEY, new_id()), ALL_PERMISSIONS, country=country)
        return Desk(self.schema, services or self.services, principal, self.statements)

    def with_roads(self, roads: Roads) -> Services:
        """The same services on other roads."""
        services = Services(self.services.db, self.services.system, self.services.hub)
        services.offer(roads)
        return services


@pytest.fixture(scope="session")
async def office(orders_urls: DatabaseUrls, orders_system: Database, straight_roads: Roads) -> AsyncIterator[Office]:
    db = Database(orders_urls.app, pool_size=6)
    statements = Statements(db)
    services = Services(db, orders_system, EventHub(orders_system))
    services.offer(straight_roads)
    yield Office(build_schema(), services, statements)
    await db.close()


@pytest.fixture
async def desk(office: Office) -> Desk:
    return await office.desk()


@pytest.fixture
async def other(office: Office) -> Desk:
    return await office.desk()


# ── a map with real roads ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def town_extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return town.build(tmp_path_factory.mktemp("town") / "testhaven.osm.pbf")


@pytest.fixture(scope="session")
async def town_roads(town_extract: Path, session_home: Path) -> AsyncIterator[Roads]:
    """A running car engine on the made-up town."""
    home = session_home / "orders-roads"
    home.mkdir()
    try:
        programs.install(home)
    except EngineMissing as error:
        shutil.rmtree(home)
        pytest.skip(f"no road engine here: {error.message}")
    road_map = maps.store(town_extract, home)
    await graphs.build(road_map, Profile.CAR, home)
    maps.use(road_map, home)
    roads = Roads(home)
    await roads.start()
    await roads.warm_up(["CAR"])
    yield roads
    await roads.close()
