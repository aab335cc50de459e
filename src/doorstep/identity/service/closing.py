"""Closing a tenant: everything is exported, then every row of it is erased, and a receipt that holds nobody's data remains.

It can be killed at any moment and run again. Until the export is recorded nothing is erased and the export starts anew; from then on the tenant is
CLOSING, the export is never made again, and each batch of rows goes in one transaction with its place on the receipt.
"""

import hashlib
from uuid import UUID

from doorstep.identity.errors import ChangedWhileExported
from doorstep.identity.model import TenantStatus
from doorstep.identity.service.exporting import Manifest
from doorstep.identity.service.holdings import Holding, Owner, children_first, holdings, owner_of
from doorstep.kernel.db import Database, Row, Transaction

SETTLE_SECONDS = 15.0
"""How long after the suspension somebody may still write who was let in before: credentials are known for 2 s, an operation lasts 10 s."""

BATCH_ROWS = 2000
STATEMENT_SECONDS = 60.0


async def closure_of(system: Database, tenant_id: UUID) -> Row | None:
    """The receipt so far, or None when the tenant's export is not recorded."""
    async with system.transaction() as tx:
        row: Row | None = await tx.fetchrow("SELECT * FROM closures WHERE id = $1", tenant_id)
        return row


async def closures(system: Database) -> list[Row]:
    """The receipts of closed tenants, oldest first."""
    async with system.transaction() as tx:
        rows: list[Row] = await tx.fetch("SELECT * FROM closures WHERE closed_at IS NOT NULL ORDER BY closed_at, id")
        return rows


async def closures_of_slug(system: Database, slug: str) -> list[Row]:
    """The receipts of closed tenants that had this slug, newest first."""
    async with system.transaction() as tx:
        rows: list[Row] = await tx.fetch(
            "SELECT * FROM closures WHERE slug_hash = $1 AND closed_at IS NOT NULL ORDER BY closed_at DESC",
            slug_hash(slug),
        )
        return rows


def slug_hash(slug: str) -> bytes:
    """What a receipt knows a slug by."""
    return hashlib.sha256(slug.encode()).digest()


async def seconds_to_settle(system: Database, tenant_id: UUID) -> float:
    """How long to wait until nobody can be writing any more."""
    async with system.transaction() as tx:
        passed: float = await tx.fetchval(
            "SELECT extract(epoch FROM now() - suspended_at)::float8 FROM tenants WHERE id = $1", tenant_id
        )
    return max(0.0, SETTLE_SECONDS - passed)


async def record_export(system: Database, tenant: Row, manifest: Manifest) -> Row:
    """From here on the tenant is erased: its export is complete and safe. Raises ChangedWhileExported, and then nothing has happened."""
    async with system.transaction(statement_seconds=STATEMENT_SECONDS) as tx:
        owner = await owner_of(tx, tenant["id"])
        for holding in await holdings(tx):
            present = await tx.fetchval(f'SELECT count(*) FROM "{holding.name}" WHERE {holding.condition(owner)}')
            if present > manifest.rows.get(holding.name, 0):
                raise ChangedWhileExported(
                    f"Somebody still wrote to '{tenant['slug']}' ({holding.name}) while it was exported. Nothing was erased: run this again."
                )
        await tx.execute("UPDATE tenants SET status = $2 WHERE id = $1", tenant["id"], TenantStatus.CLOSING.value)
        row: Row | None = await tx.fetchrow(
            "INSERT INTO closures (id, slug_hash, exported_at, export_sha256, export_bytes, exported) VALUES ($1, $2, now(), $3, $4, $5) RETURNING *",
            tenant["id"], slug_hash(tenant["slug"]), manifest.sha256, manifest.bytes, manifest.rows,
        )  # fmt: skip
    if row is None:  # an INSERT that raised nothing has a row
        raise LookupError(str(tenant["id"]))
    return row


async def erase(system: Database, tenant_id: UUID) -> Row:
    """Erase every row of a tenant whose export is recorded; returns the receipt."""
    async with system.transaction() as tx:
        owner = await owner_of(tx, tenant_id)
        ordered = children_first(await holdings(tx))
    of_tenant = [one for one in ordered if not one.of_organization and one.name != "tenants"]
    while [one for one in of_tenant if await _erase_table(system, one, owner)]:
        pass  # until a whole round found nothing
    return await _finish(system, owner, ordered)


async def _erase_table(system: Database, holding: Holding, owner: Owner) -> bool:
    """Batch by batch; returns whether there was anything."""
    found = False
    while True:
        async with system.transaction(statement_seconds=STATEMENT_SECONDS) as tx:
            gone = await erase_batch(tx, holding, owner)
        if not gone:
            return found
        found = True


async def erase_batch(tx: Transaction, holding: Holding, owner: Owner) -> int:
    """Erase some rows and note it on the receipt, in the caller's transaction; returns how many."""
    condition = holding.condition(owner)
    if holding.key and not holding.refers_to_itself:
        key = ", ".join(f'"{column}"' for column in holding.key)
        condition += f' AND ({key}) IN (SELECT {key} FROM "{holding.name}" WHERE {condition} LIMIT {BATCH_ROWS})'
    gone: int = await tx.fetchval(
        f'WITH gone AS (DELETE FROM "{holding.name}" WHERE {condition} RETURNING 1) SELECT count(*) FROM gone'
    )
    if gone:
        await tx.execute(
            "UPDATE closures SET erased = erased || jsonb_build_object($2::text, coalesce((erased ->> $2)::bigint, 0) + $3::bigint) WHERE id = $1",
            owner.tenant_id,
            holding.name,
            gone,
        )
    return gone


async def _finish(system: Database, owner: Owner, ordered: list[Holding]) -> Row:
    """The tenant itself, and with its last tenant the company (members, roles): one transaction with the end of the receipt."""
    async with system.transaction(statement_seconds=STATEMENT_SECONDS) as tx:
        await tx.execute("SELECT 1 FROM organizations WHERE id = $1 FOR UPDATE", owner.organization_id)
        tenants = await tx.fetchval("SELECT count(*) FROM tenants WHERE organization_id = $1", owner.organization_id)
        for holding in ordered:
            if holding.name == "tenants" or (holding.of_organization and tenants == 1):
                while await erase_batch(tx, holding, owner):
                    pass
        row: Row | None = await tx.fetchrow(
            "UPDATE closures SET closed_at = now() WHERE id = $1 RETURNING *", owner.tenant_id
        )
    if row is None:  # each batch has needed it
        raise LookupError(str(owner.tenant_id))
    return row
