"""Background work of dispatch: rounds, what follows from offers, and the reaction to whatever makes another round worth while."""

from dataclasses import replace
from typing import Final
from uuid import UUID

import structlog

from doorstep.dispatch.reads import policy_of
from doorstep.dispatch.service import (
    DISPATCH,
    SETTLE,
    decide,
    give,
    let_go,
    settle_offer,
    wake_dispatcher,
    withdraw_offers,
)
from doorstep.fleets.events import ShiftCreated, ShiftUpdated
from doorstep.identity.events import TenantUpdated
from doorstep.kernel.consumers import Consumer
from doorstep.kernel.db import Row
from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import DoorstepError
from doorstep.kernel.jobs import Job, JobKind
from doorstep.kernel.scope import ALL_PERMISSIONS, Scope
from doorstep.orders.events import OrderPlaced, OrderReadinessChanged, OrderStatusChanged, OrderUpdated
from doorstep.orders.model import PLANNABLE, OrderStatus
from doorstep.places.roads import Roads
from doorstep.planning.events import StopStatusChanged
from doorstep.planning.service import Engines
from doorstep.planning.solver.pool import SolverPool

log = structlog.get_logger(__name__)

AGAIN_SECONDS: Final = 15.0
"""While orders wait that nobody could take: couriers move, report where they are, and come on duty."""

SOON_SECONDS: Final = 0.5
"""After somebody was faster than the dispatcher, or the courier that was best for several orders had no room for all of them."""

TURN_SECONDS: Final = 0.2
"""How long a round waits for another one of its tenant."""

_ENDS: Final = PLANNABLE | {
    OrderStatus.DELIVERED,
    OrderStatus.ATTEMPT_FAILED,
    OrderStatus.CANCELLED,
    OrderStatus.RETURNED,
}
_OFF: Final = frozenset({OrderStatus.CANCELLED, OrderStatus.RETURNING})
_WAKING: Final = (
    OrderPlaced,
    OrderUpdated,
    OrderReadinessChanged,
    StopStatusChanged,
    ShiftCreated,
    ShiftUpdated,
    TenantUpdated,
)


async def dispatch(job: Job) -> None:
    """One round (kind ``dispatch_round``): decide, give, and come back while orders wait."""
    if await _another_thinks(job):
        return
    principal = replace(job.principal, permissions=ALL_PERMISSIONS)
    engines = Engines(job.services.get(Roads), job.services.get(SolverPool))
    found = await decide(job.db, principal, engines)
    given, overtaken = 0, 0
    for decision in found.decisions:
        await job.report({"decisions": len(found.decisions), "given": given})
        try:
            await give(job.db, principal, engines, found.policy, decision)
            given += len(decision.order_ids)
        except (ChangedMeanwhile, DoorstepError) as reason:
            overtaken += 1
            log.info("dispatch_overtaken", shift=str(decision.courier.shift.id), reason=str(reason))
    async with job.db.write(job.principal) as scope:
        await job.fence(scope)
        await job.finish(
            scope, {"waiting": found.waiting, "couriers": found.couriers, "given": given, "overtaken": overtaken}
        )
        if found.policy.enabled and (overtaken or found.waiting > given):
            await wake_dispatcher(scope, SOON_SECONDS if overtaken or given else AGAIN_SECONDS)


async def _another_thinks(job: Job) -> bool:
    """Whether a round of the tenant is under way that began earlier: then this one waits for its end. Two at once do no harm, and no good."""
    async with job.db.write(job.principal) as scope:
        await job.fence(scope)
        busy = await scope.tx.fetchval(
            "SELECT EXISTS (SELECT FROM jobs WHERE tenant_id = $1 AND kind = $2 AND state = 'RUNNING' AND lease_until > now() AND id < $3)",
            job.tenant_id,
            DISPATCH,
            job.id,
        )
        if busy:
            await job.put_off(scope, TURN_SECONDS)
    return bool(busy)


async def give_up_round(scope: Scope, job: Job, reason: str) -> None:
    """Another round follows all the same: orders must not wait because one did not work out."""
    log.warning("dispatch_round_failed", job=str(job.id), reason=reason)
    await wake_dispatcher(scope, AGAIN_SECONDS)


async def settle(job: Job) -> None:
    """What follows from an offer (kind ``settle_dispatch_offer``, input ``{"offer_id"}``)."""
    principal = replace(job.principal, permissions=ALL_PERMISSIONS)
    engines = Engines(job.services.get(Roads), job.services.get(SolverPool))
    await settle_offer(job.db, principal, engines, UUID(job.input["offer_id"]))
    async with job.db.write(job.principal) as scope:
        await job.fence(scope)
        await job.finish(scope, {})


async def give_up_offer(scope: Scope, job: Job, reason: str) -> None:
    """The order must not stay with a driver to whom it cannot be given."""
    log.warning("offer_not_settled", job=str(job.id), reason=reason)
    await let_go(scope, UUID(job.input["offer_id"]))


async def react(scope: Scope, event: Row) -> None:
    """Something happened that may let an order find its courier."""
    if event["type"] == OrderStatusChanged.TYPE:
        to = event["data"]["to"]
        if to in _OFF:
            await withdraw_offers(scope, event["order_id"])
        if to not in _ENDS:
            return
    if (await policy_of(scope.tx, scope.tenant_id)).enabled:
        await wake_dispatcher(scope)


JOB_KINDS: dict[str, JobKind] = {DISPATCH: JobKind(dispatch, give_up_round), SETTLE: JobKind(settle, give_up_offer)}
CONSUMERS: list[Consumer] = [
    Consumer("dispatch", frozenset({OrderStatusChanged.TYPE, *(event.TYPE for event in _WAKING)}), react)
]
