"""How a tender ends without the carrier's answer, or after it: withdrawn, expired, released."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.orders.model import Custody, OrderStatus
from doorstep.orders.service import Move, lock_orders, move_orders
from doorstep.partners.errors import IllegalTender
from doorstep.partners.model import PartnerSide, TenderReason, TenderStatus
from doorstep.partners.service.answering import refusal_to_move
from doorstep.partners.service.offering import give_back, offer_next
from doorstep.partners.service.rows import lock_tenders, move_tenders
from doorstep.partners.service.verdicts import Verdicts


async def withdraw_tenders(scope: Scope, tenders: Sequence[UUID | DoorstepError]) -> dict[str, Any]:
    """Take offers back, each answered by itself; nobody else of the list is asked. Outcome ``{results: [{index, id: the tender, problems}]}``.

    Refuses an item: NOT_FOUND, ILLEGAL_TRANSITION (answered already: an accepted order is called off with cancelOrder).
    """
    scope.require(Permission.PARTNERS_WRITE)
    verdicts = Verdicts(tenders, "ids")
    await lock_orders(scope, await _orders_of(scope, verdicts.sound))
    rows = await lock_tenders(scope, verdicts.sound, PartnerSide.MERCHANT)
    for index, tender_id in verdicts.entries():
        refusal = refusal_to_move(rows.get(tender_id), TenderStatus.WITHDRAWN, verdicts.path(index))
        if refusal is not None:
            verdicts.refuse(index, refusal)
    chosen = verdicts.sound
    await withdraw_all(scope, chosen)
    return verdicts.outcome({tender_id: tender_id for tender_id in chosen})


async def _orders_of(scope: Scope, tender_ids: Sequence[UUID]) -> list[UUID]:
    """The merchant's orders of the tenders: they are locked before the tenders are."""
    rows = await scope.tx.fetch(
        "SELECT merchant_order_id FROM tenders WHERE merchant_id = $1 AND id = ANY($2)",
        scope.tenant_id,
        list(tender_ids),
    )
    return [row["merchant_order_id"] for row in rows]


async def withdraw_all(scope: Scope, tender_ids: Sequence[UUID]) -> None:
    """Withdraw those of the merchant's tenders that are still offered; their orders are PENDING again."""
    orders = await lock_orders(scope, await _orders_of(scope, tender_ids))
    moved = await move_tenders(scope, tender_ids, TenderStatus.WITHDRAWN)
    for row in moved.values():
        order = orders[row["merchant_order_id"]]
        if order["given_tender_id"] == row["id"]:
            await give_back(scope, order)


async def expire_tenders(scope: Scope, tender_ids: Sequence[UUID]) -> None:
    """As the merchant: what is offered and past its deadline is EXPIRED, and the next carrier of each list is asked."""
    await lock_orders(scope, await _orders_of(scope, tender_ids))
    locked = await lock_tenders(scope, tender_ids, PartnerSide.MERCHANT)
    late = [row["id"] for row in locked.values() if row["status"] == TenderStatus.OFFERED and row["is_late"]]
    for tender_id, row in (await move_tenders(scope, late, TenderStatus.EXPIRED)).items():
        await offer_next(scope, row["merchant_order_id"], tender_id)


async def release_tenders(
    scope: Scope, tenders: Sequence[UUID | DoorstepError], reason: TenderReason
) -> dict[str, Any]:
    """Give accepted orders back before their goods are on board, each answered by itself; the carrier's own order is CANCELLED.

    Outcome ``{results: [{index, id: the tender, problems}]}``. Refuses an item: NOT_FOUND, ILLEGAL_TRANSITION.
    """
    scope.require(Permission.PARTNERS_WRITE)
    verdicts = Verdicts(tenders, "ids")
    found = await scope.tx.fetch(
        "SELECT id, carrier_order_id FROM tenders WHERE carrier_id = $1 AND id = ANY($2) AND carrier_order_id IS NOT NULL",
        scope.tenant_id,
        verdicts.sound,
    )
    order_of = {row["id"]: row["carrier_order_id"] for row in found}
    orders = await lock_orders(scope, list(order_of.values()))
    rows = await lock_tenders(scope, verdicts.sound, PartnerSide.CARRIER)
    for index, tender_id in verdicts.entries():
        refusal = refusal_to_move(rows.get(tender_id), TenderStatus.RELEASED, verdicts.path(index))
        order = orders.get(order_of.get(tender_id, tender_id))
        if refusal is None and order is not None and not may_release(order):
            said = f"The order is {order['status']}, with its goods on board or given on to a carrier of yours: deliver it, or bring it back."
            refusal = IllegalTender(said, verdicts.path(index), existing_id=public_id("order", order["id"]))
        if refusal is not None:
            verdicts.refuse(index, refusal)
    chosen = verdicts.sound
    await move_tenders(scope, chosen, TenderStatus.RELEASED, reason)
    await move_orders(
        scope,
        [Move(order_of[tender_id], OrderStatus.CANCELLED, reason=reason.value) for tender_id in chosen],
        by_partner=True,
    )
    return verdicts.outcome({tender_id: tender_id for tender_id in chosen})


def may_release(order: Row) -> bool:
    """Whether the carrier may give its order back: it never had the goods, and has not given the order on to somebody else."""
    return bool(order["custody"] == Custody.SENDER and order["given_tender_id"] is None)
