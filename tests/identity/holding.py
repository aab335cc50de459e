"""A company with rows in many tables, and what the database itself says it holds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from tests.identity.conftest import ADDRESS, POINT, Client, Place

from doorstep.identity.service import tenant_by_slug
from doorstep.kernel.db import Database, Row

TABLES = """
SELECT column_name, table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name IN ('tenant_id', 'merchant_id', 'carrier_id')
  AND table_name NOT IN (SELECT inhrelid::regclass::text FROM pg_inherits) ORDER BY 2
"""


async def furnished(company: Client, word: str, orders: int = 3) -> None:
    """Rows in most tables; ``word`` is in every text that a person would write."""
    address = {**ADDRESS, "line1": f"{word} 1"}
    depot = (await company.do("createDepot", "depot { id }", name=word, address=address, coordinates=POINT))["depot"][
        "id"
    ]
    driver = (await company.do("createDriver", "driver { id }", name=word))["driver"]["id"]
    vehicle = (await company.do("createVehicle", "vehicle { id }", name=word, kind="VAN", depotId=depot))["vehicle"][
        "id"
    ]
    times = {"start": datetime.now(UTC).isoformat(), "end": (datetime.now(UTC) + timedelta(hours=8)).isoformat()}
    shift = (
        await company.do("createShift", "shift { id }", driverId=driver, vehicleId=vehicle, depotId=depot, **times)
    )["shift"]["id"]
    stop = {"address": address, "coordinates": POINT, "contact": {"name": word}, "instructions": word}
    wanted = [{"dropoff": stop, "depotId": depot, "packages": [{"description": word}]} for _ in range(orders)]
    made = await company.do("createOrders", "results { order { id } }", orders=wanted, idempotencyKey=word)
    ids = [one["order"]["id"] for one in made["results"]]
    await company.do("createPlan", "plan { id }", orderIds=ids[1:], shiftIds=[shift], name=word)
    await company.do("assignOrders", "route { id }", orderIds=ids[:1], shiftId=shift)
    await company.do("inviteMember", "member { id }", email=f"{word.lower()}@example.org", name=word, role="VIEWER")
    await company.do("createRole", "role { id }", name=word, permissions=["orders:read"])
    await company.do("createAccessToken", "secret", scopes=["orders:read"])


async def held(system: Database, tenant_id: object) -> dict[str, int]:
    """Rows by table that name the tenant, asked for table by table; those without rows are left out."""
    async with system.transaction() as tx:
        holders: dict[str, list[str]] = {}
        for row in await tx.fetch(TABLES):
            holders.setdefault(row["table_name"], []).append(row["column_name"])
        counts = {
            table: await tx.fetchval(
                f'SELECT count(*) FROM "{table}" WHERE {" OR ".join(f"{column} = $1" for column in columns)}', tenant_id
            )
            for table, columns in holders.items()
        }
    return {table: count for table, count in counts.items() if count}


async def tables_with(system: Database, word: str) -> set[str]:
    """Tables any row of which has the word in it, whoever holds it."""
    async with system.transaction() as tx:
        names = [
            row["name"]
            for row in await tx.fetch(
                "SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            )
        ]
        return {
            name
            for name in names
            if await tx.fetchval(f'SELECT EXISTS (SELECT 1 FROM "{name}" AS t WHERE t::text ILIKE $1)', f"%{word}%")
        }


async def as_owner(place: Place, cluster: Any, *statements: str) -> None:
    """Change the schema, as a migration would."""
    name = place.system.url.rpartition("/")[2].partition("?")[0]
    connection = await asyncpg.connect(cluster.url("owner", name))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def row_of(company: Client) -> Row:
    """The tenant's row."""
    async with company.system.transaction() as tx:
        slug = await tx.fetchval("SELECT slug FROM tenants WHERE id = $1", company.tenant_id)
    return await tenant_by_slug(company.system, slug)
