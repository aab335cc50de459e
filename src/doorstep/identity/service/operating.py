"""What an operator does with a tenant: suspend, resume, set quotas. Under the system role."""

from collections.abc import Mapping

from doorstep.identity.errors import WrongStanding
from doorstep.identity.model import TenantStatus
from doorstep.kernel import jobs
from doorstep.kernel.db import Database, Row

QUOTAS = ("orders_per_day", "solver_seconds_per_day", "sockets", "storage_bytes")
"""The names of the quotas; each is a column ``quota_…`` of the tenant."""


async def suspend(system: Database, tenant: Row, reason: str | None = None) -> None:
    """Let nobody of the tenant in and run nothing for it; nothing of it is lost. Suspended again, only the reason changes.

    Its credentials are refused within 5 s. Jobs that run are put back into the queue, and their workers stop within 5 s, too.
    """
    _refuse_closing(tenant, "suspended")
    async with system.transaction() as tx:
        await tx.execute(
            "UPDATE tenants SET status = $2, suspended_at = coalesce(suspended_at, now()), suspended_reason = $3 "
            "WHERE id = $1 AND status <> $4",
            tenant["id"],
            TenantStatus.SUSPENDED.value,
            reason,
            TenantStatus.CLOSING.value,
        )
        await jobs.put_all_back(tx, tenant["id"])


async def resume(system: Database, tenant: Row) -> None:
    """Let a suspended tenant go on where it stopped. Raises WrongStanding when it is being closed."""
    _refuse_closing(tenant, "resumed")
    async with system.transaction() as tx:
        await tx.execute(
            "UPDATE tenants SET status = $2, suspended_at = NULL, suspended_reason = NULL WHERE id = $1 AND status = $3",
            tenant["id"],
            TenantStatus.ACTIVE.value,
            TenantStatus.SUSPENDED.value,
        )


async def set_quotas(system: Database, tenant: Row, quotas: Mapping[str, int | None]) -> None:
    """Set the quotas that are named, None: no limit. Orders, solver and storage heed it at once, sockets within a few seconds."""
    known = {name: quotas[name] for name in QUOTAS if name in quotas}
    if known:
        changes = ", ".join(f"quota_{name} = ${number}" for number, name in enumerate(known, 2))
        async with system.transaction() as tx:
            await tx.execute(f"UPDATE tenants SET {changes} WHERE id = $1", tenant["id"], *known.values())


def _refuse_closing(tenant: Row, done: str) -> None:
    if tenant["status"] == TenantStatus.CLOSING:
        raise WrongStanding(
            f"The tenant '{tenant['slug']}' is being closed and cannot be {done}: `doorstep tenant close` finishes it."
        )
