"""What row-level security costs: a point read and a list of 100 orders, as a ratio to the same statements without it.

``pytest -n 0 -m benchmark tests/benchmarks -s`` prints the figures and judges nothing. "Without it" is a copy of the table, with the same rows, indexes
and statistics and no row-level security, read by the same role on the same connection: the roles that look past the walls would not do, since
their policy ``USING (true)`` is row-level security, too, and a superuser skips other checks as well. The two are asked in turn, so that whatever
else the machine does falls on both; figures are medians.
"""

import statistics
import time
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import asyncpg
import pytest

from doorstep.kernel.db import DatabaseUrls
from doorstep.kernel.ids import new_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

TENANTS = 20
ORDERS_EACH = 1_000
ROUNDS = {"point": 3_000, "list": 600}

ROWS = """
INSERT INTO {table} (tenant_id, id, version, created_at, kind, status, custody, location_status, priority, weight_grams,
  volume_cubic_centimeters, items, attempt_number, reference)
SELECT $1, id, 1, now() - number * interval '1 second', 'DELIVERY', 'PENDING', 'SENDER', 'LOCATED', 0, 1000, 1000, 1, 1, 'r' || number
FROM unnest($2::uuid[]) WITH ORDINALITY AS new(id, number)
"""

POINT = "SELECT * FROM {table} WHERE tenant_id = $1 AND id = $2"
LIST = "SELECT * FROM {table} WHERE tenant_id = $1 ORDER BY created_at DESC, id DESC LIMIT 100"

TENANT = "BEGIN; SET LOCAL app.tenant_id = '{}'"


@pytest.fixture
async def app(
    cluster: EmbeddedCluster, database_urls: DatabaseUrls
) -> AsyncIterator[tuple[asyncpg.Connection, dict[UUID, list[UUID]]]]:
    """A request's connection to a database with 20,000 orders of 20 tenants, once behind the wall and once without."""
    name = database_urls.app.rpartition("/")[2]
    owner = await asyncpg.connect(cluster.url("owner", name))
    await owner.execute("CREATE TABLE orders_open (LIKE orders INCLUDING ALL)")
    orders = {new_id(): [new_id() for _ in range(ORDERS_EACH)] for _ in range(TENANTS)}
    for table in ("orders", "orders_open"):
        for tenant_id, ids in orders.items():
            await owner.execute(ROWS.format(table=table), tenant_id, ids)
    await owner.close()
    superuser = await asyncpg.connect(cluster.url("superuser", name))
    await superuser.execute("VACUUM (ANALYZE) orders, orders_open")
    await superuser.close()
    connection = await asyncpg.connect(database_urls.app)
    yield connection, orders
    await connection.close()


async def in_turn(connection: asyncpg.Connection, rounds: int, one: Callable[[str], object]) -> dict[str, float]:
    """Median seconds of one statement on each of the two tables, asked in turn."""
    took: dict[str, list[float]] = {"orders": [], "orders_open": []}
    for at in range(rounds + 50):
        for table in ("orders", "orders_open") if at % 2 else ("orders_open", "orders"):
            began = time.perf_counter()
            await one(table)  # type: ignore[misc]
            if at >= 50:
                took[table].append(time.perf_counter() - began)
    return {table: statistics.median(seconds) for table, seconds in took.items()}


async def test_overhead_of_row_level_security(
    app: tuple[asyncpg.Connection, dict[UUID, list[UUID]]], capsys: pytest.CaptureFixture[str]
) -> None:
    connection, orders = app
    tenant_id = list(orders)[TENANTS // 2]
    ids = orders[tenant_id]
    await connection.execute(TENANT.format(tenant_id))
    asked = iter(range(10**9))
    point = {table: await connection.prepare(POINT.format(table=table)) for table in ("orders", "orders_open")}
    listed = {table: await connection.prepare(LIST.format(table=table)) for table in ("orders", "orders_open")}
    found = await in_turn(
        connection, ROUNDS["point"], lambda table: point[table].fetch(tenant_id, ids[next(asked) % ORDERS_EACH])
    )
    pages = await in_turn(connection, ROUNDS["list"], lambda table: listed[table].fetch(tenant_id))
    planned = {}
    for name, sql in (("point read", POINT), ("list of 100", LIST)):
        for table in ("orders", "orders_open"):
            planned[name, table] = await planned_in(connection, sql.format(table=table), tenant_id, ids[0])
    assert len(await listed["orders"].fetch(tenant_id)) == len(await listed["orders_open"].fetch(tenant_id)) == 100
    with capsys.disabled():
        for name, medians in (("point read", found), ("list of 100", pages)):
            walled, open_ = medians["orders"] * 1e6, medians["orders_open"] * 1e6
            first = [planned[name, table] for table in ("orders", "orders_open")]
            print(  # noqa: T201 - figures are what a benchmark is for
                f"\n{name}: {walled:.0f} µs with row-level security, {open_:.0f} µs without: ratio {walled / open_:.3f}; "
                f"planning {first[0] * 1000:.0f} and {first[1] * 1000:.0f} µs: ratio {first[0] / first[1]:.2f}"
            )


async def planned_in(connection: asyncpg.Connection, sql: str, tenant_id: UUID, order_id: UUID) -> float:
    """Median milliseconds that the server plans a statement that it has not prepared."""
    text = sql.replace("$1", f"'{tenant_id}'").replace("$2", f"'{order_id}'")
    times = []
    for _ in range(200):
        [[plan]] = await connection.fetch(f"EXPLAIN (SUMMARY, FORMAT JSON) {text}")
        times.append(float(plan.partition('"Planning Time": ')[2].partition(",")[0].split()[0]))
    return statistics.median(times)
