"""A tenant with on-demand dispatch: couriers on duty, rounds by hand or by a worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.planning.conftest import CENTER, World, new_world, opened_services

from doorstep.dispatch.jobs import CONSUMERS as DISPATCH_CONSUMERS
from doorstep.dispatch.jobs import JOB_KINDS as DISPATCH_JOB_KINDS
from doorstep.dispatch.service import Round, decide, give
from doorstep.identity.service.settings import update_tenant
from doorstep.kernel.db import DatabaseUrls, Principal, Row
from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import DoorstepError
from doorstep.kernel.graphql.context import Services
from doorstep.kernel.ids import new_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.places.roads import RoadsMode
from doorstep.planning.jobs import CONSUMERS, JOB_KINDS
from doorstep.worker import Worker

NORTH = (CENTER[0] + 0.02, CENTER[1])
SOUTH = (CENTER[0] - 0.02, CENTER[1])

TWICE = """
SELECT order_id FROM assignments WHERE tenant_id = $1 AND active GROUP BY order_id HAVING count(*) > 1
"""
OVERLOADED = """
SELECT route.id FROM routes AS route JOIN vehicles AS vehicle ON vehicle.tenant_id = $1 AND vehicle.id = route.vehicle_id
JOIN assignments AS link ON link.tenant_id = $1 AND link.route_id = route.id AND link.active
JOIN orders AS work ON work.tenant_id = $1 AND work.id = link.order_id
WHERE route.tenant_id = $1 AND route.status IN ('COMMITTED', 'DISPATCHED', 'IN_PROGRESS')
GROUP BY route.id, vehicle.capacity_items HAVING sum(work.items) > vehicle.capacity_items
"""


@dataclass
class Town:
    """A tenant's couriers and orders."""

    world: World

    @property
    def principal(self) -> Principal:
        return replace(self.world.principal, permissions=ALL_PERMISSIONS)

    async def allow(self, offer_seconds: int = 0, most_orders: int = 3, *, enabled: bool = True) -> None:
        changes = {
            "dispatch_enabled": enabled, "dispatch_offer_seconds": offer_seconds, "dispatch_most_orders": most_orders,
        }  # fmt: skip
        async with self.world.db.write(self.principal) as scope:
            await update_tenant(scope, changes)  # type: ignore[arg-type]

    async def courier(self, depot: tuple[float, float] | None = None, **vehicle: Any) -> UUID:
        """A shift on duty since an hour."""
        depot_id = await self.world.add_depot(depot) if depot else None
        since = datetime.now(UTC) - self.world.base - timedelta(hours=1)
        return await self.world.add_shift(starts_in=since, depot_id=depot_id, **vehicle)

    async def decide(self) -> Round:
        return await decide(self.world.db, self.principal, self.world.engines)

    async def round(self) -> int:
        """One round by hand; how many orders were given. What somebody else was faster with is left."""
        found, given = await self.decide(), 0
        for decision in found.decisions:
            try:
                await give(self.world.db, self.principal, self.world.engines, found.policy, decision)
                given += len(decision.order_ids)
            except (ChangedMeanwhile, DoorstepError):
                continue
        return given

    async def whose(self) -> dict[UUID, UUID]:
        """By order the shift that has it."""
        rows = await self.world.rows(
            "SELECT link.order_id, route.shift_id FROM assignments AS link "
            "JOIN routes AS route ON route.tenant_id = $1 AND route.id = link.route_id WHERE link.tenant_id = $1 AND link.active"
        )
        return {row["order_id"]: row["shift_id"] for row in rows}

    async def status(self, order_id: UUID) -> str:
        return str(await self.world.value("SELECT status FROM orders WHERE tenant_id = $1 AND id = $2", order_id))

    async def offers(self, state: str = "OFFERED") -> list[Row]:
        return await self.world.rows(
            "SELECT * FROM dispatch_offers WHERE tenant_id = $1 AND state = $2 ORDER BY id", state
        )

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A worker that dispatches."""
        services = self.world.services
        kinds = {**JOB_KINDS, **DISPATCH_JOB_KINDS}
        worker = Worker(services, kinds, [*CONSUMERS, *DISPATCH_CONSUMERS], slots=2)
        worker.start()
        try:
            yield
        finally:
            await worker.stop(5)


@pytest.fixture(scope="module")
async def town_services(
    cluster: EmbeddedCluster, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Services]:
    """On one database for all tests of a file."""
    name = f"dispatch_{new_id().hex[-12:]}"
    cluster.create_database(name, template=template)
    urls = DatabaseUrls(cluster.url("app", name), cluster.url("system", name))
    home: Path = tmp_path_factory.mktemp("home")
    async with opened_services(urls, home, RoadsMode.STRAIGHT) as opened:
        yield opened
    cluster.drop_database(name)


@pytest.fixture
async def town(town_services: Services) -> Town:
    """A tenant of its own that has switched dispatch on."""
    town = Town(await new_world(town_services, f"town-{new_id().hex[-8:]}"))
    await town.allow()
    return town
