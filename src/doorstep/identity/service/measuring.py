"""How much tenants store: the bytes of their rows as PostgreSQL keeps them, without indexes, measured now and then by the worker."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from doorstep.identity.service.holdings import HOLDERS, Holding, holdings
from doorstep.kernel.db import Database, Transaction

EVERY_SECONDS = 3300.0
"""Workers look once an hour; what another one measured since is good enough."""

SAMPLED_ABOVE_BYTES = 256 * 1024 * 1024
"""A larger table is estimated from as much of it, so that measuring costs the same however large the installation grows."""

STATEMENT_SECONDS = 60.0


_WRITE = """
INSERT INTO usage_days (tenant_id, day, orders, solver_seconds, storage_bytes, storage_measured_at)
SELECT new.tenant_id, new.day, 0, 0, new.bytes, now() FROM unnest($1::uuid[], $2::date[], $3::bigint[]) AS new(tenant_id, day, bytes)
JOIN tenants AS tenant ON tenant.id = new.tenant_id AND tenant.status <> 'CLOSING' ORDER BY tenant.id FOR SHARE OF tenant
ON CONFLICT (tenant_id, day) DO UPDATE SET storage_bytes = excluded.storage_bytes, storage_measured_at = excluded.storage_measured_at
"""
"""Not for a tenant that is being erased, which the lock makes certain."""


async def measure_storage(system: Database, *, every_seconds: float = EVERY_SECONDS) -> bool:
    """Write each tenant's storage into its day, unless somebody did so a short while ago; returns whether it did."""
    async with system.transaction(statement_seconds=STATEMENT_SECONDS) as tx:
        if not await tx.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('doorstep storage'))"):
            return False
        if await tx.fetchval(
            "SELECT EXISTS (SELECT 1 FROM usage_days WHERE day >= current_date - 2 AND storage_measured_at > now() - make_interval(secs => $1))",
            every_seconds,
        ):
            return False
        stored = await _stored(tx)
        zones = {row["id"]: row["time_zone"] for row in await tx.fetch("SELECT id, time_zone FROM tenants ORDER BY id")}
        # At the end, and in one statement: it holds the rows that creators of orders want.
        await tx.execute(
            _WRITE,
            list(zones),
            [datetime.now(ZoneInfo(zone)).date() for zone in zones.values()],
            [stored.get(tenant_id, 0) for tenant_id in zones],
        )
        return True


async def _stored(tx: Transaction) -> dict[UUID, int]:
    total: dict[UUID, int] = {}
    for holding in await holdings(tx):
        if holding.holders[0] in HOLDERS:
            for row in await tx.fetch(_measure(holding)):
                total[row["holder"]] = total.get(row["holder"], 0) + int(row["bytes"])
    return total


def _measure(holding: Holding) -> str:
    """Bytes by tenant of one table; a row that two share counts for the first that it names. The same pages are looked at each time."""
    share = min(1.0, SAMPLED_ABOVE_BYTES / max(1, holding.bytes))
    sample = f"TABLESAMPLE SYSTEM ({share * 100:.6f}) REPEATABLE (1)" if share < 1 else ""
    return (
        f'SELECT "{holding.holders[0]}" AS holder, sum(pg_column_size(held.*)) / {share:.8f} AS bytes '
        f'FROM "{holding.name}" AS held {sample} GROUP BY 1'
    )
