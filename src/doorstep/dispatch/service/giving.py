"""What a round decided is written, a courier at a time: assigned at once, or offered to the driver.

The shift's row is locked first, so that whoever gives this courier something does it one after the other and counts what the others gave.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg

from doorstep.dispatch.events import DispatchOfferMade
from doorstep.dispatch.model import LIVE, OfferRow
from doorstep.dispatch.reads import Policy, orders_of_shifts
from doorstep.dispatch.service.deciding import Decision
from doorstep.dispatch.service.waking import SETTLE
from doorstep.kernel import jobs
from doorstep.kernel.db import Database
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Principal, Scope
from doorstep.orders.model import OrderStatus, plannable
from doorstep.orders.service import Move, lock_orders, move_orders
from doorstep.planning.service import Engines, assign_orders, prepare_assignment
from doorstep.planning.service.preparing import Prepared
from doorstep.planning.service.proposals import add_paths

_OVERTAKEN: Final = "Somebody else was faster: the courier or one of the orders is not as the dispatcher saw it."


async def give(db: Database, principal: Principal, engines: Engines, policy: Policy, decision: Decision) -> None:
    """Carry one decision out; raises PLAN_STALE, ORDER_TAKEN or another refusal when it cannot be any more, and has written nothing then."""
    if policy.offer_seconds:
        async with db.write(principal) as scope:
            await offer_orders(scope, policy, decision)
        return
    prepared = await _complete(db, principal, engines, decision)
    async with db.write(principal) as scope:
        await assign_to_courier(scope, policy, prepared)


async def _complete(db: Database, principal: Principal, engines: Engines, decision: Decision) -> Prepared:
    """The route with its paths; computed for this courier alone where the round's own cannot be used as it is."""
    prepared = decision.prepared
    if prepared.draft is None:
        wanted = (prepared.order_ids, prepared.shift_id)
        return await prepare_assignment(db, principal, engines, lambda: wanted, may_be_late=True)
    await add_paths(engines.roads, [prepared.draft])
    return prepared


async def assign_to_courier(scope: Scope, policy: Policy, prepared: Prepared, *, offers: int = 0) -> None:
    """Put prepared orders on the courier's route, within what one courier may have; ``offers`` of its live offers are about these orders."""
    await _room(scope, policy, prepared.shift_id, len(prepared.order_ids) - offers)
    await assign_orders(scope, prepared)


async def offer_orders(scope: Scope, policy: Policy, decision: Decision) -> None:
    """Offer the orders to the courier's driver: each is OFFERED until it is answered, or the time is up."""
    shift = decision.courier.shift
    if await _room(scope, policy, shift.id, len(decision.order_ids)) != shift.version:
        raise DoorstepError(ProblemCode.PLAN_STALE, _OVERTAKEN)
    rows = await lock_orders(scope, decision.order_ids)
    for order_id in decision.order_ids:
        row = rows.get(order_id)
        same = row is not None and row["version"] == decision.prepared.order_versions[order_id]
        if row is None or not same or not plannable(row["status"], row["given_tender_id"]):
            raise DoorstepError(ProblemCode.PLAN_STALE, _OVERTAKEN)
    await move_orders(scope, [Move(order_id, OrderStatus.OFFERED) for order_id in sorted(decision.order_ids)])
    for order_id in decision.order_ids:
        await _offer(scope, policy, decision, order_id)


async def _offer(scope: Scope, policy: Policy, decision: Decision, order_id: UUID) -> None:
    shift, offer_id = decision.courier.shift, new_id()
    try:
        expires_at = await scope.tx.fetchval(
            f"INSERT INTO {OfferRow.__tablename__} (tenant_id, id, version, order_id, shift_id, driver_id, state, arrives_at, expires_at) "
            "VALUES ($1, $2, 1, $3, $4, $5, 'OFFERED', $6, now() + $7::interval) RETURNING expires_at",
            scope.tenant_id, offer_id, order_id, shift.id, shift.driver_id, decision.arrivals[order_id],
            timedelta(seconds=policy.offer_seconds),
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        raise DoorstepError(ProblemCode.ORDER_TAKEN, _OVERTAKEN) from error
    scope.emit(
        DispatchOfferMade(
            order_id=order_id,
            aggregate_version=1,
            offer_id=offer_id,
            driver_id=shift.driver_id,
            shift_id=shift.id,
            expires_at=expires_at,
        )
    )
    await jobs.enqueue(scope, SETTLE, {"offer_id": str(offer_id)}, after_seconds=float(policy.offer_seconds))


async def _room(scope: Scope, policy: Policy, shift_id: UUID, more: int) -> int:
    """Lock the courier, and refuse more orders than it may have, offers included; returns the shift's version."""
    version: int | None = await scope.tx.fetchval(
        "SELECT version FROM shifts WHERE tenant_id = $1 AND id = $2 AND archived_at IS NULL FOR NO KEY UPDATE",
        scope.tenant_id,
        shift_id,
    )
    held, _ = (await orders_of_shifts(scope.tx, scope.tenant_id, [shift_id])).get(shift_id, (0, 0))
    offered = await scope.tx.fetchval(
        "SELECT count(*) FROM dispatch_offers WHERE tenant_id = $1 AND shift_id = $2 AND state = ANY($3)",
        scope.tenant_id,
        shift_id,
        [state.value for state in LIVE],
    )
    if version is None or held + offered + more > policy.most_orders:
        raise DoorstepError(ProblemCode.PLAN_STALE, _OVERTAKEN)
    return version
