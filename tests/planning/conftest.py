"""A tenant with a depot, vehicles and orders on straight lines, services to plan with, and a worker to run the jobs."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from doorstep.fleets.model import DepotRow, DriverRow, ShiftRow, VehicleRow
from doorstep.identity.service import NewTenant, create_tenant, system_principal
from doorstep.kernel.db import Database, DatabaseUrls, Row
from doorstep.kernel.errors import DoorstepError, all_refusals
from doorstep.kernel.event_stream import EventHub
from doorstep.kernel.graphql.context import Services
from doorstep.kernel.ids import new_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import Principal, Scope
from doorstep.orders.model import OrderRow, OrderWaypointRow
from doorstep.places.roads import Roads, RoadsMode
from doorstep.planning.jobs import CONSUMERS, JOB_KINDS
from doorstep.planning.service import Engines, NewPlan, create_plan
from doorstep.planning.solver.pool import SolverPool
from doorstep.worker import Worker

CENTER = (47.14, 9.52)


def around(number: int, center: tuple[float, float] = CENTER, meters: float = 900.0) -> tuple[float, float]:
    """The ``number``-th of points spread around a centre."""
    angle, distance = number * 2.399963, meters * math.sqrt((number % 50 + 1) / 50)
    latitude = center[0] + distance * math.cos(angle) / 111_320
    return latitude, center[1] + distance * math.sin(angle) / (111_320 * math.cos(math.radians(center[0])))


@dataclass
class World:
    """One tenant's data, written past the API; ``base`` is a whole hour soon."""

    db: Database
    services: Services
    principal: Principal
    depot_id: UUID
    base: datetime
    center: tuple[float, float] = CENTER
    order_ids: list[UUID] = field(default_factory=list)
    addresses: list[tuple[float, float]] = field(default_factory=list)

    @property
    def engines(self) -> Engines:
        return Engines(self.services.get(Roads), self.services.get(SolverPool))

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Scope]:
        async with self.db.write(self.principal) as scope:
            yield scope

    async def do(self, use_case: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Run a use case in a transaction of its own."""
        async with self.writing() as scope:
            return await use_case(scope, *arguments, **named)

    async def refused(self, use_case: Callable[..., Any], *arguments: Any, **named: Any) -> list[DoorstepError]:
        """The refusals of a use case."""
        with pytest.raises(DoorstepError) as caught:
            await self.do(use_case, *arguments, **named)
        return all_refusals(caught.value)

    async def rows(self, sql: str, *arguments: Any) -> list[Row]:
        """Rows of this tenant (``$1``)."""
        async with self.db.snapshot(self.principal.tenant_id) as tx:
            return await tx.fetch(sql, self.principal.tenant_id, *arguments)

    async def value(self, sql: str, *arguments: Any) -> Any:
        return (await self.rows(sql, *arguments))[0][0]

    async def plan(self, plan_id: UUID) -> Row:
        return (await self.rows("SELECT * FROM plans WHERE tenant_id = $1 AND id = $2", plan_id))[0]

    async def event_types(self) -> list[str]:
        return [row["type"] for row in await self.rows("SELECT type FROM events WHERE tenant_id = $1 ORDER BY seq")]

    async def add_depot(self, position: tuple[float, float]) -> UUID:
        depot_id = new_id()
        async with self.writing() as scope:
            await scope.tx.insert(DepotRow, [depot_columns(self.principal, depot_id, position)])
        return depot_id

    async def add_shift(
        self,
        *,
        vehicle: bool = True,
        kind: str = "VAN",
        hours: float = 8.0,
        starts_in: timedelta = timedelta(0),
        depot_id: UUID | None = None,
        breaks: Sequence[dict[str, Any]] = (),
        **vehicle_columns: Any,
    ) -> UUID:
        """A driver with a vehicle (or without) from ``base`` on."""
        tenant_id, shift_id, driver_id, vehicle_id = self.principal.tenant_id, new_id(), new_id(), new_id()
        start = self.base + starts_in
        columns = {
            "skills": [], "cost_fixed_minor": 1000, "cost_per_hour_minor": 2500, "cost_per_kilometer_minor": 30, "speed_factor": 1.0,
            "emissions_grams_per_kilometer": 200.0, "capacity_items": 50, **vehicle_columns,
        }  # fmt: skip
        async with self.writing() as scope:
            await scope.tx.insert(
                DriverRow, [{"tenant_id": tenant_id, "id": driver_id, "version": 1, "name": "Driver", "skills": []}]
            )
            await scope.tx.insert(
                VehicleRow,
                [{"tenant_id": tenant_id, "id": vehicle_id, "version": 1, "name": "Vehicle", "kind": kind, **columns}],
            )
            await scope.tx.insert(
                ShiftRow,
                [
                    {
                        "tenant_id": tenant_id, "id": shift_id, "version": 1, "driver_id": driver_id,
                        "vehicle_id": vehicle_id if vehicle else None, "depot_id": depot_id or self.depot_id,
                        "starts_at": start, "ends_at": start + timedelta(hours=hours), "returns_to_depot": True,
                        "breaks": list(breaks),
                    }
                ],
            )  # fmt: skip
        return shift_id

    async def add_orders(self, count: int, *, pickup: bool = False, **columns: Any) -> list[UUID]:
        """Orders around the centre, without windows unless ``windows`` says so."""
        windows = columns.pop("windows", [])
        position = columns.pop("position", None)
        ids = [new_id() for _ in range(count)]
        orders, points = [], []
        for order_id in ids:
            number = len(self.order_ids)
            self.order_ids.append(order_id)
            orders.append(order_columns(self.principal, order_id, pickup, columns))
            points.append(
                waypoint(self.principal, order_id, "DROPOFF", position or around(number, self.center), windows)
            )
            if pickup:
                points.append(waypoint(self.principal, order_id, "PICKUP", around(number + 25, self.center), []))
        async with self.writing() as scope:
            await scope.tx.insert(OrderRow, orders)
            await scope.tx.insert(OrderWaypointRow, points)
        return ids

    async def proposed(self, order_ids: Sequence[UUID], shift_ids: Sequence[UUID], **options: Any) -> UUID:
        """A plan that the worker has optimized."""
        wanted = NewPlan(order_ids=tuple(order_ids), shift_ids=tuple(shift_ids), **options)
        plan_id = UUID((await self.do(create_plan, wanted))["id"])
        await self.finished(plan_id)
        return plan_id

    async def finished(self, plan_id: UUID, within: float = 60.0) -> Row:
        """The plan once it is no longer optimizing."""
        async with asyncio.timeout(within):
            while True:
                ticket = self.services.hub.ticket(self.principal.tenant_id)
                plan = await self.plan(plan_id)
                if plan["status"] != "OPTIMIZING":
                    return plan
                await self.services.hub.wait(ticket, 1.0)

    async def until(self, condition: Callable[[], Awaitable[Any]], within: float = 30.0) -> None:
        """Wait until something has become true."""
        async with asyncio.timeout(within):
            while True:
                if await condition():
                    return
                await asyncio.sleep(0.05)

    async def until_idle(self) -> None:
        """Wait until no job is due and every reaction has caught up."""

        async def idle() -> bool:
            return not await self.value(
                "SELECT (SELECT count(*) FROM jobs WHERE tenant_id = $1 AND state IN ('QUEUED', 'RUNNING')) "
                "+ (SELECT count(*) FROM event_heads AS head LEFT JOIN consumers AS place ON place.tenant_id = head.tenant_id "
                "WHERE head.tenant_id = $1 AND head.seq > coalesce(place.seq, 0))"
            )

        await self.until(idle)


def depot_columns(principal: Principal, depot_id: UUID, position: tuple[float, float]) -> dict[str, Any]:
    return {
        "tenant_id": principal.tenant_id, "id": depot_id, "version": 1, "name": "Depot", "line1": "Street 1", "city": "Town", "country": "LI",
        "formatted": "Street 1, Town", "latitude": position[0], "longitude": position[1], "time_zone": "Europe/Vaduz",
    }  # fmt: skip


def order_columns(principal: Principal, order_id: UUID, pickup: bool, columns: dict[str, Any]) -> dict[str, Any]:
    return {
        "tenant_id": principal.tenant_id, "id": order_id, "version": 1, "kind": "PICKUP_AND_DELIVERY" if pickup else "DELIVERY",
        "status": "PENDING", "custody": "SENDER" if pickup else "DEPOT", "location_status": "LOCATED", "priority": 0, "required_skills": [],
        "vehicle_kinds": [], "weight_grams": 500, "volume_cubic_centimeters": 1000, "items": 1, "proof_kinds": [], "metadata": {},
        "attempt_number": 0, **columns,
    }  # fmt: skip


def waypoint(
    principal: Principal, order_id: UUID, role: str, position: tuple[float, float], windows: Sequence[dict[str, str]]
) -> dict[str, Any]:
    return {
        "tenant_id": principal.tenant_id, "order_id": order_id, "role": role, "line1": "Street 2", "city": "Town", "country": "LI",
        "formatted": "Street 2, Town", "latitude": position[0], "longitude": position[1], "location_check": "UNCHECKED",
        "windows": list(windows), "service_seconds": 60,
    }  # fmt: skip


@asynccontextmanager
async def opened_services(urls: DatabaseUrls, home: Path, mode: RoadsMode) -> AsyncIterator[Services]:
    """Databases, hub, roads and solver, as a process has them."""
    system = Database(urls.system, pool_size=4)
    hub = EventHub(system)
    db = Database(urls.app, pool_size=12, on_commit=hub.signal)
    services = Services(db, system, hub)
    roads, solver = Roads(home, mode=mode), SolverPool(slots=2)
    services.offer(roads)
    services.offer(solver)
    hub.start()
    await roads.start()
    try:
        yield services
    finally:
        await hub.close()
        await solver.close()
        await roads.close()
        await db.close()
        await system.close()


@asynccontextmanager
async def working(services: Services, kinds: Any = None) -> AsyncIterator[Worker]:
    """A worker that runs jobs and reactions while the block lasts."""
    worker = Worker(services, kinds or JOB_KINDS, CONSUMERS, slots=2)
    worker.start()
    try:
        yield worker
    finally:
        await worker.stop(5)


async def new_world(services: Services, slug: str = "acme", center: tuple[float, float] = CENTER) -> World:
    tenant_id = await create_tenant(services.system, NewTenant(slug, slug.title(), "Europe/Vaduz", "LI", "CHF"))
    principal = await system_principal(services.system, tenant_id)
    base = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
    world = World(services.db, services, principal, new_id(), base, center)
    async with world.writing() as scope:
        await scope.tx.insert(DepotRow, [depot_columns(principal, world.depot_id, center)])
    return world


@pytest.fixture
async def services(database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Services]:
    """On a database of the test's own."""
    async with opened_services(database_urls, tmp_path, RoadsMode.STRAIGHT) as opened:
        yield opened


@pytest.fixture(scope="module")
async def shared_services(
    cluster: EmbeddedCluster, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Services]:
    """On one database for all tests of a file: each has a tenant of its own, and tenants do not see each other."""
    name = f"planning_{new_id().hex[-12:]}"
    cluster.create_database(name, template=template)
    urls = DatabaseUrls(cluster.url("app", name), cluster.url("system", name))
    async with opened_services(urls, tmp_path_factory.mktemp("home"), RoadsMode.STRAIGHT) as opened:
        yield opened
    cluster.drop_database(name)


@pytest.fixture
async def world(shared_services: Services) -> World:
    """A tenant without a worker: jobs stay queued."""
    return await new_world(shared_services, f"acme-{new_id().hex[-8:]}")


@pytest.fixture
async def another_world(shared_services: Services) -> World:
    """Another tenant of the same installation."""
    return await new_world(shared_services, f"other-{new_id().hex[-8:]}")


@pytest.fixture
async def working_world(world: World) -> AsyncIterator[World]:
    """The same with a worker."""
    async with working(world.services):
        yield world


@pytest.fixture
async def lone_world(services: Services) -> World:
    """A tenant on a database of its own, without a worker: the next due job is the test's."""
    return await new_world(services)


@pytest.fixture
def work() -> Callable[..., contextlib.AbstractAsyncContextManager[Worker]]:
    """Start a worker for a block of a test."""
    return working


@pytest.fixture
def open_services() -> Callable[..., contextlib.AbstractAsyncContextManager[Services]]:
    """Open services of one's own for a block."""
    return opened_services


@pytest.fixture
def make_world() -> Callable[..., Awaitable[World]]:
    """Make a tenant in services of one's own."""
    return new_world
