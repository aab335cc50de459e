"""Cancelled requests: on a pool of four, six of ten given up while they are under way, and never a row of another tenant."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.isolation.conftest import caught_logs
from tests.isolation.crowds import READ, SHARE_CANCELLED, DatabaseUnits, ask_and_hang_up, gather_crowd, left_behind
from tests.isolation.figures import Figures
from tests.isolation.stages import open_stage

from doorstep.identity.service import NewTenant, create_tenant
from doorstep.kernel.db import Database, DatabaseUrls, Transaction
from doorstep.kernel.ids import new_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster

POOL = 4
SIZES = [2_000, pytest.param(20_000, marks=[pytest.mark.release, pytest.mark.timeout(1800)])]
OVER_HTTP = [400, pytest.param(20_000, marks=[pytest.mark.release, pytest.mark.timeout(1800)])]

ORDER = """
INSERT INTO orders (tenant_id, id, version, kind, status, custody, location_status, priority, weight_grams, volume_cubic_centimeters, items, attempt_number)
SELECT $1, id, 1, 'DELIVERY', 'PENDING', 'SENDER', 'LOCATED', 0, 0, 0, 1, 1 FROM unnest($2::uuid[]) AS new(id)
"""


class SessionWide(Database):
    """The planted fault: the tenant is set for the session, and so stays when the connection goes back."""

    def _begin(self, begin: str, **options: Any) -> AbstractAsyncContextManager[Transaction]:
        return super()._begin(begin.replace("SET LOCAL app.", "SET app."), **options)


class LeftOpen(Database):
    """The planted fault: a cancelled transaction goes back as it is, and the next one finds itself inside it."""

    @asynccontextmanager
    async def _begin(self, begin: str, **_options: Any) -> AsyncIterator[Transaction]:
        connection, raw = await self._open(begin)
        try:
            yield Transaction(connection, raw, 5.0)
            await raw.execute("COMMIT")
        finally:
            await asyncio.shield(connection.close())


@pytest.fixture
async def orders(system: Database) -> dict[UUID, list[UUID]]:
    """Three tenants with five orders each."""
    made = {}
    for slug in ("alpha", "beta", "gamma"):
        tenant_id, ids = await create_tenant(system, NewTenant(slug, slug)), [new_id() for _ in range(5)]
        async with system.transaction() as tx:
            await tx.execute(ORDER, tenant_id, ids)
        made[tenant_id] = ids
    return made


def _name(urls: DatabaseUrls) -> str:
    return urls.app.rpartition("/")[2]


async def all_forgotten(database: Database) -> bool:
    """Whether every connection of the pool is without a tenant."""
    entered = asyncio.Barrier(POOL)

    async def rows() -> int:
        async with database.transaction() as tx:
            await entered.wait()
            return len(await tx.fetch(READ))

    return await asyncio.gather(*(rows() for _ in range(POOL))) == [0] * POOL


@pytest.mark.parametrize("number", SIZES)
async def test_cancelled_work_never_shows_another_tenants_row(
    number: int,
    database_urls: DatabaseUrls,
    orders: dict[UUID, list[UUID]],
    cluster: EmbeddedCluster,
    figures: Figures,
) -> None:
    database = Database(database_urls.app, pool_size=POOL)
    units = DatabaseUnits(database, orders)
    crowd = await gather_crowd(number, units)
    assert crowd.wrong == []
    assert crowd.completed + crowd.cancelled == number
    assert crowd.cancelled > number * (SHARE_CANCELLED - 0.05), "too few were still under way when they were cancelled"
    assert units.begun - units.ended > number * 0.1, "too few were inside their transaction when they were cancelled"
    assert await left_behind(cluster.superuser_url, _name(database_urls)) == []
    assert database.pool_in_use == 0
    assert await all_forgotten(database)
    await database.close()
    figures.add("units of work on a pool of 4", number)
    figures.add("of them cancelled", crowd.cancelled)
    figures.add("of those inside their transaction", units.begun - units.ended)


@pytest.mark.parametrize("fault", [SessionWide, LeftOpen])
async def test_planted_faults_a_tenant_that_outlives_its_transaction_is_caught(
    fault: type[Database], database_urls: DatabaseUrls, orders: dict[UUID, list[UUID]], figures: Figures
) -> None:
    database = fault(database_urls.app, pool_size=POOL)
    crowd = await gather_crowd(300, DatabaseUnits(database, orders))
    assert crowd.wrong
    await database.close()
    figures.planted(1, 1)


@pytest.mark.parametrize("number", OVER_HTTP)
async def test_clients_that_hang_up_never_make_another_tenants_row_appear(
    number: int, cluster: EmbeddedCluster, template: str, tmp_path: Path, figures: Figures
) -> None:
    document = "{ viewer { tenant { slug } } orders(first: 20) { nodes { id dropoff { contact { name } } } } events(first: 20) { nodes { id } } }"
    with caught_logs():
        async with open_stage(cluster, template, tmp_path, pool_size=POOL) as stage:
            desks = [await stage.desk(slug) for slug in ("alpha", "beta", "gamma")]

            async def unit(at: int) -> str | None:
                desk = desks[at % len(desks)]
                answer = await ask_and_hang_up(stage.server.port, desk.client.key, document)
                others = {other.canary for other in desks} - {desk.canary}
                mine = answer["data"]["viewer"]["tenant"]["slug"] == desk.name
                strange = [canary for canary in others if canary in json.dumps(answer)]
                return None if mine and not strange else f"{desk.name} saw {strange}"

            crowd = await gather_crowd(number, unit)
            assert crowd.wrong == []
            assert crowd.completed > number * 0.3
            assert crowd.cancelled > number * (SHARE_CANCELLED - 0.05)
            assert await left_behind(cluster.superuser_url, stage.owner_url.rpartition("/")[2]) == []
            assert stage.server.services.db.pool_in_use == 0
            assert await all_forgotten(stage.server.services.db)
    figures.add("requests over HTTP", number)
    figures.add("whose clients hung up", crowd.cancelled)
