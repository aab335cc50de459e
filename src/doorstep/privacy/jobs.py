"""Background work of privacy: copies that could not be erased yet, and retention.

Retention goes a step at a time. A step is one short transaction for each tenant and class of data, so that tenants take turns, a worker may stop at any moment, and the next one
goes on where it was: what is left to do is seen from the rows themselves.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import structlog

from doorstep.identity.service import system_principal
from doorstep.kernel.audit import prune_audit
from doorstep.kernel.db import Database, Row, Transaction
from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import RequestError
from doorstep.kernel.event_stream import prune_events
from doorstep.kernel.jobs import Job, JobKind, enqueue
from doorstep.kernel.scope import Scope
from doorstep.orders.reads import finished_orders
from doorstep.partners.reads import copies_of
from doorstep.partners.service.relaying import Heard, also_relay
from doorstep.planning.reads import orders_on_active_routes
from doorstep.privacy.events import RecipientErased
from doorstep.privacy.model import ErasureCause
from doorstep.privacy.reads import all_retentions
from doorstep.privacy.service import ERASE_COPY, erase_copy, erase_orders
from doorstep.tracking.service import forget_positions

log = structlog.get_logger(__name__)

ORDERS = 250
"""Orders erased in one step."""

ROWS = 5000
"""Rows deleted in one step: some tens of milliseconds, for which the tenant's writers wait at most."""

STEP_SECONDS = 30.0
DAY_SECONDS = 86_400.0

Forget = Callable[[Transaction, UUID, int], Awaitable[int]]


# ── copies of partners' orders ──────────────────────────────────────────────────────────────────────────


async def erase_due_copy(job: Job) -> None:
    """Erase a copy that was under way when its original was erased; where it still is, a later job will."""
    async with job.db.write(job.principal) as scope:
        await job.fence(scope)
        await erase_copy(scope, UUID(job.input["order_id"]))
        await job.finish(scope, {})


async def try_again_tomorrow(scope: Scope, job: Job, _reason: str) -> None:
    """What failed again and again is an error of ours (and logged as one), but the person must be erased all the same."""
    await enqueue(scope, job.kind, job.input, after_seconds=DAY_SECONDS)


async def erase_copies(scope: Scope, heard: Heard) -> None:
    """A merchant erased somebody: its carriers' copies of the order are emptied, too, each with a receipt of its own."""
    for order_id in await copies_of(scope.tx, scope.tenant_id, heard.event["tenant_id"], heard.event["order_id"]):
        await erase_copy(scope, order_id)


also_relay(RecipientErased.TYPE, erase_copies)

JOB_KINDS: dict[str, JobKind] = {ERASE_COPY: JobKind(erase_due_copy, try_again_tomorrow)}


# ── retention ───────────────────────────────────────────────────────────────────────────────────────────


async def retain_once(db: Database, system: Database) -> bool:
    """One step for every tenant that has settings; returns whether more is left to do."""
    async with system.transaction() as tx:
        settings = await all_retentions(tx)
    more = False
    for row in settings:
        more = await _step(db, system, row) or more
    return more


async def _step(db: Database, system: Database, row: Row) -> bool:
    """One tenant's step. What fails is logged and comes again with the next round; the other tenants go on."""
    try:
        return await _retain(db, system, row)
    except RequestError:
        raise
    except ChangedMeanwhile:
        return True
    except Exception as error:
        log.error("retention_failed", tenant=str(row["tenant_id"]), exc_info=error)
        return False


async def _retain(db: Database, system: Database, row: Row) -> bool:
    tenant_id: UUID = row["tenant_id"]
    forgetting: list[tuple[int | None, Forget]] = [
        (row["positions_days"], forget_positions),
        (row["events_months"], lambda tx, tenant, months: prune_events(tx, tenant, months, ROWS)),
        (row["audit_days"], lambda tx, tenant, days: prune_audit(tx, tenant, days, ROWS)),
    ]
    more = False
    for kept, forget in forgetting:
        if kept is not None:
            async with system.transaction(statement_seconds=STEP_SECONDS) as tx:
                if await _taken(tx, tenant_id):
                    more = await forget(tx, tenant_id, kept) >= ROWS or more
    if row["personal_data_days"] is not None:
        more = await _erase(db, system, tenant_id, row["personal_data_days"]) or more
    return more


async def _erase(db: Database, system: Database, tenant_id: UUID, days: int) -> bool:
    """Empty the next orders whose people are no longer to be kept; returns whether there may be more."""
    principal = await system_principal(system, tenant_id)
    async with db.write(principal, statement_seconds=STEP_SECONDS) as scope:
        if not await _taken(scope.tx, tenant_id):
            return False
        order_ids = await _over(scope, days)
        if order_ids:
            await erase_orders(scope, order_ids, ErasureCause.RETENTION)
    return len(order_ids) == ORDERS


async def _over(scope: Scope, days: int) -> list[UUID]:
    """The next orders that are over, passing by those whose route is still being driven."""
    place: tuple[datetime, UUID] | None = None
    found: list[UUID] = []
    while len(found) < ORDERS:
        rows = await finished_orders(scope.tx, scope.tenant_id, days, place, ORDERS)
        ids = [row["id"] for row in rows]
        waiting = await orders_on_active_routes(scope.tx, scope.tenant_id, ids)
        found += [order_id for order_id in ids if order_id not in waiting]
        if len(rows) < ORDERS:
            break
        place = (rows[-1]["updated_at"], rows[-1]["id"])
    return found[:ORDERS]


async def _taken(tx: Transaction, tenant_id: UUID) -> bool:
    """Whether this worker has the tenant's turn until the transaction ends; another worker that is at it has it otherwise."""
    return bool(
        await tx.fetchval(
            "SELECT pg_try_advisory_xact_lock(hashtextextended('retention ' || $1::text, 0))", str(tenant_id)
        )
    )
