"""What orders asks before it touches an order between two companies (``orders.service.questions``), answered here.

The tender's row is locked and decides what races: whoever gets it first wins, and the other one is refused in words of its own state.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, ProblemCode, Refusals
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Scope
from doorstep.orders.model import Custody, OrderStatus
from doorstep.orders.service.changes import ALWAYS, UNTIL_FINAL
from doorstep.orders.service.questions import COPIES_MOVE, COPIES_MOVED, GIVEN_ORDER_CHANGES, GIVEN_ORDER_IS_CANCELLED
from doorstep.partners.errors import IllegalTender
from doorstep.partners.model import PartnerSide, TenderReason, TenderStatus
from doorstep.partners.service.offering import clear_queue
from doorstep.partners.service.rows import lock_tenders, move_tenders

_ENDS: Final = frozenset({OrderStatus.DELIVERED, OrderStatus.RETURNED})
BEFORE_PICKUP: Final = UNTIL_FINAL | {
    "dropoff.address",
    "dropoff.coordinates",
    "dropoff.windows",
    "dropoff.serviceSeconds",
    "priority",
}
"""What a merchant may still change of an order that a carrier has accepted, until the goods are on board."""


async def copies_move(scope: Scope, moves: Sequence[tuple[Row, OrderStatus]]) -> None:
    """The carrier's orders are about to move: note at the tender that goods are fetched, and refuse to fetch what was called off."""
    fetched = {row["source_tender_id"]: row for row, to in moves if to is OrderStatus.PICKED_UP}
    tenders = await lock_tenders(scope, fetched, PartnerSide.CARRIER)
    for tender_id, row in fetched.items():
        if tender_id not in tenders or tenders[tender_id]["status"] != TenderStatus.ACCEPTED:
            said = "The merchant has called this order off: do not fetch it."
            raise IllegalTender(said, existing_id=public_id("order", row["id"]))
    if fetched:
        await _note_pickup(scope, list(fetched))


async def copies_moved(scope: Scope, moves: Sequence[tuple[Row, OrderStatus]]) -> None:
    """The carrier's orders have moved: a tender is fulfilled with its order, and released when the carrier itself called the order off."""
    await move_tenders(scope, [row["source_tender_id"] for row, to in moves if to in _ENDS], TenderStatus.FULFILLED)
    cancelled = [row["source_tender_id"] for row, to in moves if to is OrderStatus.CANCELLED]
    await move_tenders(scope, cancelled, TenderStatus.RELEASED, TenderReason.OTHER)


async def _note_pickup(scope: Scope, tender_ids: Sequence[UUID]) -> None:
    await scope.tx.execute(
        "UPDATE tenders SET picked_up = true, version = version + 1, updated_at = now() "
        "WHERE carrier_id = $1 AND id = ANY($2) AND NOT picked_up",
        scope.tenant_id,
        sorted(set(tender_ids)),
    )


async def given_order_is_cancelled(scope: Scope, subject: tuple[Row, OrderStatus]) -> None:
    """The merchant calls off an order that a carrier has or is offered; what is on board must come back, as the carrier's state says."""
    order, to = subject
    tender = (await lock_tenders(scope, [order["given_tender_id"]], PartnerSide.MERCHANT)).get(order["given_tender_id"])
    await clear_queue(scope, [order["id"]])
    if tender is not None and tender["status"] == TenderStatus.FULFILLED:
        said = "The carrier has just delivered it, or brought it back: this order will say so in a moment."
        raise IllegalTender(said, existing_id=public_id("order", order["id"]))
    if tender is None or tender["status"] not in {TenderStatus.OFFERED, TenderStatus.ACCEPTED}:
        return
    if tender["status"] == TenderStatus.OFFERED:
        await move_tenders(scope, [tender["id"]], TenderStatus.WITHDRAWN)
        return
    if tender["picked_up"] and Custody(order["custody"]) is not Custody.VEHICLE:
        said = "The carrier has just taken the goods on board: this order will say so in a moment. Call it off again then, and it comes back."
        raise IllegalTender(said, existing_id=public_id("order", order["id"]))
    if not tender["picked_up"] and to is OrderStatus.CANCELLED:
        await move_tenders(scope, [tender["id"]], TenderStatus.CANCELLED)


async def given_order_changes(scope: Scope, subject: tuple[Row, frozenset[str]]) -> None:
    """The merchant changes such an order: what the offer shows stays while it is open; where it goes may change until pickup."""
    order, fields = subject
    tender = (await lock_tenders(scope, [order["given_tender_id"]], PartnerSide.MERCHANT)).get(order["given_tender_id"])
    status = TenderStatus(tender["status"]) if tender else TenderStatus.FULFILLED
    if tender is None or status not in {TenderStatus.OFFERED, TenderStatus.ACCEPTED}:
        _refuse_but(ALWAYS, fields, ProblemCode.ILLEGAL_TRANSITION, f"The tender is {status}, which is final")
    elif status is TenderStatus.OFFERED:
        _refuse_but(
            UNTIL_FINAL, fields, ProblemCode.IN_USE, "It is offered to a carrier as it is: withdraw the tender first"
        )
    elif tender["picked_up"]:
        _refuse_but(UNTIL_FINAL, fields, ProblemCode.IN_USE, "The carrier has the goods on board")
    else:
        _refuse_but(BEFORE_PICKUP, fields, ProblemCode.IN_USE, "A carrier has accepted it as it is")


def _refuse_but(allowed: frozenset[str], fields: frozenset[str], code: ProblemCode, why: str) -> None:
    forbidden = sorted(fields - allowed)
    if forbidden:
        said = f"{why}; only these may change now: {', '.join(sorted(allowed))}."
        raise Refusals([DoorstepError(code, said, name.split(".")) for name in forbidden])


COPIES_MOVE.answered_by(copies_move)
COPIES_MOVED.answered_by(copies_moved)
GIVEN_ORDER_IS_CANCELLED.answered_by(given_order_is_cancelled)
GIVEN_ORDER_CHANGES.answered_by(given_order_changes)
