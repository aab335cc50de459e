"""Reads of the sandbox that return rows."""

from collections.abc import Sequence
from uuid import UUID

from doorstep.kernel.db import Row, Transaction


async def simulations_by_ids(tx: Transaction, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Simulations by id; unknown ids are missing."""
    rows = await tx.fetch(
        "SELECT id, version, route_id, tender_id, order_id, status, next_act_at, last_error, started_at, finished_at FROM simulations "
        "WHERE tenant_id = $1 AND id = ANY($2)",
        tenant_id,
        list(ids),
    )
    return {row["id"]: row for row in rows}


async def carrier_is_sandbox(tx: Transaction, tender_id: UUID) -> bool:
    """Whether the carrier of one of the tenant's own offers is a sandbox, too; False for any other tender."""
    return bool(await tx.fetchval("SELECT doorstep_carrier_is_sandbox($1)", tender_id))


async def sandbox_clock(tx: Transaction, tenant_id: UUID) -> Row | None:
    """The clock of a TEST tenant as its row has it now; None for a LIVE one."""
    return await tx.fetchrow(
        "SELECT clock_anchor_wall, clock_anchor, clock_rate FROM tenants WHERE id = $1 AND mode = 'TEST'", tenant_id
    )
