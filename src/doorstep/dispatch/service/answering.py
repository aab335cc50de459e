"""A driver's answer to an offer, and what follows from it: the driver only answers, the dispatcher alone assigns.

So a driver's credential never writes routes. Between a yes and the assignment the order is kept for the driver; when it does not fit any more, the
order goes back to those that wait.
"""

from typing import Any
from uuid import UUID

from doorstep.dispatch.events import DispatchOfferChanged
from doorstep.dispatch.model import ANSWERED, LIVE, OFFER_TRANSITIONS, OfferAnswer, OfferState
from doorstep.dispatch.reads import policy_of
from doorstep.dispatch.service.giving import assign_to_courier
from doorstep.dispatch.service.waking import SETTLE
from doorstep.kernel import jobs
from doorstep.kernel.db import Database, Row
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.scope import Permission, Principal, Scope
from doorstep.orders.model import OrderStatus
from doorstep.orders.service import Move, lock_orders, move_orders
from doorstep.planning.service import Engines, prepare_assignment

TRIES = 3
_LOCK = "SELECT *, expires_at <= now() AS over FROM dispatch_offers WHERE tenant_id = $1 AND id = $2 FOR UPDATE"


async def answer_offer(scope: Scope, offer_id: UUID, answer: OfferAnswer) -> dict[str, Any]:
    """Say yes or no to an offer that waits; outcome ``{id}``. The same answer again changes nothing.

    Raises NotFound, and ILLEGAL_TRANSITION once it was answered otherwise, has run out or was taken back.
    """
    scope.require(Permission.TRACKING_WRITE)
    row = await scope.tx.fetchrow(_LOCK, scope.tenant_id, offer_id)
    if row is None:
        raise NotFound("offer", ["offerId"])
    to, present = ANSWERED[answer], OfferState(row["state"])
    if present is to or (present is OfferState.ASSIGNED and answer is OfferAnswer.ACCEPT):
        return {"id": str(offer_id)}
    if present is not OfferState.OFFERED or row["over"]:
        stands = OfferState.EXPIRED if present is OfferState.OFFERED else present
        said = f"This offer is {stands}: it can be answered no more."
        raise DoorstepError(ProblemCode.ILLEGAL_TRANSITION, said, ["offerId"])
    await _move(scope, row, to)
    await jobs.enqueue(scope, SETTLE, {"offer_id": str(offer_id)})
    return {"id": str(offer_id)}


async def settle_offer(db: Database, principal: Principal, engines: Engines, offer_id: UUID) -> None:
    """Do what follows from an offer's answer, or from its time being up. Raises Unavailable when that cannot be computed now."""
    async with db.write(principal) as scope:
        row = await scope.tx.fetchrow(_LOCK, scope.tenant_id, offer_id)
        if row is not None and row["state"] == OfferState.OFFERED and row["over"]:
            await _move(scope, row, OfferState.EXPIRED)
            await _wait_again(scope, row["order_id"])
        elif row is not None and row["state"] == OfferState.DECLINED:
            await _wait_again(scope, row["order_id"])
    if row is not None and row["state"] == OfferState.ACCEPTED:
        await _make_true(db, principal, engines, row)


async def _make_true(db: Database, principal: Principal, engines: Engines, offer: Row) -> None:
    wanted = ([offer["order_id"]], offer["shift_id"])
    for attempt in range(TRIES):
        prepared = await prepare_assignment(db, principal, engines, lambda: wanted, offered=True, may_be_late=True)
        try:
            async with db.write(principal) as scope:
                policy = await policy_of(scope.tx, scope.tenant_id)
                await assign_to_courier(scope, policy, prepared, offers=1)
                row = await scope.tx.fetchrow(_LOCK, scope.tenant_id, offer["id"])
                if row is None or row["state"] != OfferState.ACCEPTED:
                    raise DoorstepError(ProblemCode.PLAN_STALE, "The offer was settled a moment ago.")
                await _move(scope, row, OfferState.ASSIGNED)
        except DoorstepError as refusal:
            if refusal.code is not ProblemCode.PLAN_STALE or attempt == TRIES - 1:
                async with db.write(principal) as scope:
                    await let_go(scope, offer["id"])
                return
        else:
            return


async def let_go(scope: Scope, offer_id: UUID) -> None:
    """Take back an offer that is live; its order waits again."""
    row = await scope.tx.fetchrow(_LOCK, scope.tenant_id, offer_id)
    if row is not None and row["state"] in LIVE:
        await _move(scope, row, OfferState.WITHDRAWN)
        await _wait_again(scope, row["order_id"])


async def withdraw_offers(scope: Scope, order_id: UUID) -> None:
    """The order was called off or is somebody else's business by now: its offer goes."""
    rows = await scope.tx.fetch(
        "SELECT * FROM dispatch_offers WHERE tenant_id = $1 AND order_id = $2 AND state = ANY($3) FOR UPDATE",
        scope.tenant_id,
        order_id,
        [state.value for state in LIVE],
    )
    for row in rows:
        await _move(scope, row, OfferState.WITHDRAWN)


async def _wait_again(scope: Scope, order_id: UUID) -> None:
    row = (await lock_orders(scope, [order_id])).get(order_id)
    if row is not None and row["status"] == OrderStatus.OFFERED and row["given_tender_id"] is None:
        await move_orders(scope, [Move(order_id, OrderStatus.PENDING)])


async def _move(scope: Scope, row: Row, to: OfferState) -> None:
    if to not in OFFER_TRANSITIONS[OfferState(row["state"])]:
        raise DoorstepError(ProblemCode.ILLEGAL_TRANSITION, f"This offer is {row['state']} and cannot become {to}.")
    await scope.tx.execute(
        "UPDATE dispatch_offers SET state = $3, version = version + 1, updated_at = now(), answered_at = coalesce(answered_at, now()) "
        "WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id,
        row["id"],
        to.value,
    )
    scope.emit(
        DispatchOfferChanged(
            order_id=row["order_id"],
            aggregate_version=row["version"] + 1,
            offer_id=row["id"],
            driver_id=row["driver_id"],
            to=to,
        )
    )
