"""The relay: what happened on one side of a partnership, applied to the other side. The one piece of code that acts for another tenant.

An event of the source's log is applied in one transaction of the target, together with a row that says so; the place in the source's log moves
afterwards (``jobs``). So a relay that is killed anywhere applies the event again, finds the row, and goes on: nothing is lost, nothing comes twice.
Events are applied in the source's order, each before the next one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog

from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Scope
from doorstep.orders.model import FINAL, TRANSITIONS, OrderStatus
from doorstep.orders.service import (
    EtaChange,
    Move,
    cancel_order,
    carry_over,
    lock_orders,
    move_orders,
    set_etas,
)
from doorstep.orders.service.patches import PreparedPatch
from doorstep.orders.service.values import Check
from doorstep.partners import events
from doorstep.partners.model import PartnerSide, merchants_status
from doorstep.partners.service.copies import patch_of_copy, shared_orders
from doorstep.partners.service.offering import clear_queue, give_back, offer_next
from doorstep.partners.service.rows import own_order
from doorstep.planning.reads import active_routes_of_orders
from doorstep.planning.service import unassign_orders
from doorstep.tracking.model import AttemptOutcome, FailureReason
from doorstep.tracking.service import keep_attempts, write_proofs

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of the source's log and what it is about; ``facts`` are read on the source's side (a proof, the carrier's reference)."""

    event: Row
    tender: Row | None
    partnership: Row | None
    facts: dict[str, Any]

    @property
    def target_order(self) -> UUID | None:
        """The order on the other side that the tender is about."""
        if self.tender is None:
            return None
        return own_order(self.target or UUID(int=0), self.tender)

    @property
    def target(self) -> UUID | None:
        """The tenant on the other side; None while there is none."""
        row = self.tender or self.partnership
        if row is None:
            return None
        found: UUID | None = row["carrier_id" if row["merchant_id"] == self.event["tenant_id"] else "merchant_id"]
        return found

    @property
    def side(self) -> PartnerSide:
        """Which side the event comes from."""
        row = self.tender or self.partnership
        is_merchant = row is not None and row["merchant_id"] == self.event["tenant_id"]
        return PartnerSide.MERCHANT if is_merchant else PartnerSide.CARRIER


async def apply_once(scope: Scope, heard: Heard) -> bool:
    """Apply an event in the target's transaction, unless it was applied before; returns whether it was now."""
    if await _is_known(scope, heard):
        return False
    effect = _EFFECTS.get((heard.side, heard.event["type"]))
    if effect is not None:
        await effect(scope, heard)
    return True


async def _is_known(scope: Scope, heard: Heard) -> bool:
    """A twin at work on the same event makes this wait; then it is known."""
    about = heard.tender or heard.partnership
    fresh = await scope.tx.fetchval(
        "INSERT INTO relayed_events (tenant_id, event_id, about_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1",
        scope.tenant_id,
        heard.event["id"],
        about["id"] if about is not None else heard.event["id"],
    )
    return fresh is None


# ── facts that both logs have ───────────────────────────────────────────────────────────────────────────


async def _tell_tender(scope: Scope, heard: Heard) -> None:
    event, tender = heard.event, heard.tender
    if tender is None:
        return
    kind: type[events.TenderEvent] = getattr(events, event["type"])
    scope.emit(
        kind(
            aggregate_version=event["aggregate_version"],
            order_id=heard.target_order,
            occurred_at=event["occurred_at"],
            tender_id=tender["id"],
            partnership_id=tender["partnership_id"],
            reason=event["data"]["reason"],
        )
    )


async def _tell_partnership(scope: Scope, heard: Heard) -> None:
    event, partnership = heard.event, heard.partnership
    if partnership is None or event["data"]["by"] != heard.side:
        return
    kind: type[events.PartnershipEvent] = getattr(events, event["type"])
    scope.emit(
        kind(
            aggregate_version=event["aggregate_version"],
            occurred_at=event["occurred_at"],
            partnership_id=partnership["id"],
            by=heard.side,
        )
    )


# ── back to the merchant ────────────────────────────────────────────────────────────────────────────────


async def _lock_given(scope: Scope, heard: Heard) -> Row | None:
    """The merchant's order, locked; None when this carrier no longer has it."""
    order_id = heard.target_order
    if heard.tender is None or order_id is None:
        return None
    row = (await lock_orders(scope, [order_id])).get(order_id)
    return row if row is not None and row["given_tender_id"] == heard.tender["id"] else None


async def _accepted(scope: Scope, heard: Heard) -> None:
    await _tell_tender(scope, heard)
    order = await _lock_given(scope, heard)
    if order is not None:
        await clear_queue(scope, [order["id"]])
        if order["status"] == OrderStatus.OFFERED:
            await move_orders(scope, [Move(order["id"], OrderStatus.ASSIGNED)], by_partner=True)


async def _declined(scope: Scope, heard: Heard) -> None:
    await _tell_tender(scope, heard)
    if heard.tender is not None:
        await offer_next(scope, heard.tender["merchant_order_id"], heard.tender["id"])


async def _released(scope: Scope, heard: Heard) -> None:
    await _tell_tender(scope, heard)
    order = await _lock_given(scope, heard)
    if order is not None:
        await give_back(scope, order)


def way(present: OrderStatus, to: OrderStatus) -> list[OrderStatus] | None:
    """The moves that bring the merchant's order to the carrier's state; None when nothing leads there (the merchant went another way).

    A carrier that takes an order off its route still has it: the merchant sees it given up (PENDING) and ASSIGNED again.
    """
    if present is to:
        return []
    if to in TRANSITIONS[present]:
        return [to]
    if to is OrderStatus.ASSIGNED and OrderStatus.PENDING in TRANSITIONS[present]:
        return [OrderStatus.PENDING, to]
    return None


async def _follow(scope: Scope, heard: Heard) -> None:
    order = await _lock_given(scope, heard)
    data, at = heard.event["data"], heard.event["occurred_at"]
    to = merchants_status(OrderStatus(data["to"]))
    if order is None or to is None:
        return
    steps = way(OrderStatus(order["status"]), to)
    if steps is None:
        log.warning("relay_passed_over", present=order["status"], to=to.value)
        return
    counts = data["attempt_number"] > order["attempt_number"]
    await move_orders(
        scope,
        [Move(order["id"], step, data["reason"], at, new_attempt=counts and step is steps[-1]) for step in steps],
        by_partner=True,
    )
    if data["to"] == OrderStatus.PENDING:
        await set_etas(scope, [EtaChange(order["id"], None, 0, 0)])
    await _keep_attempt(scope, order["id"], OrderStatus(data["to"]), data["reason"], at)


_OUTCOMES: Final = {
    OrderStatus.DELIVERED: AttemptOutcome.DELIVERED,
    OrderStatus.ATTEMPT_FAILED: AttemptOutcome.FAILED,
}


async def _keep_attempt(scope: Scope, order_id: UUID, to: OrderStatus, reason: str | None, at: datetime) -> None:
    if to in _OUTCOMES:
        why = FailureReason(reason) if reason in set(FailureReason) else None
        await keep_attempts(scope, {order_id: _OUTCOMES[to]}, None, at, why, None)


async def _eta(scope: Scope, heard: Heard) -> None:
    order = await _lock_given(scope, heard)
    data = heard.event["data"]
    if order is not None:
        at = datetime.fromisoformat(data["at"]) if data["at"] else None
        await set_etas(scope, [EtaChange(order["id"], at, data["late_by_seconds"], data["stops_before"])])


async def _proof(scope: Scope, heard: Heard) -> None:
    order = await _lock_given(scope, heard)
    proof: Row | None = heard.facts.get("proof")
    if order is not None and proof is not None:
        kept = {name: value for name, value in proof.items() if name not in {"id", "order_id", "stop_id"}}
        own = {"tenant_id": scope.tenant_id, "id": new_id(), "order_id": order["id"], "stop_id": None}
        await write_proofs(scope, [{**own, **kept}])


async def _carrier_reference(scope: Scope, heard: Heard) -> None:
    order = await _lock_given(scope, heard)
    if order is not None and "carrierReference" in heard.event["data"]["changes"]:
        columns = {"carrier_reference": heard.facts.get("carrier_reference")}
        await carry_over(scope, PreparedPatch(order["id"], Check(), columns))


# ── forward to the carrier ──────────────────────────────────────────────────────────────────────────────


async def _cancelled(scope: Scope, heard: Heard) -> None:
    await _tell_tender(scope, heard)
    await _call_off(scope, heard)


async def _call_off(scope: Scope, heard: Heard) -> None:
    order_id = heard.target_order
    row = (await lock_orders(scope, [order_id])).get(order_id) if order_id else None
    if row is None or row["status"] in FINAL or row["status"] == OrderStatus.RETURNING:
        return
    await cancel_order(scope, row["id"])


async def _merchant_moved(scope: Scope, heard: Heard) -> None:
    """The merchant's order is RETURNING: it was called off with the goods on board."""
    if heard.event["data"]["to"] == OrderStatus.RETURNING:
        await _call_off(scope, heard)


async def _merchant_changed(scope: Scope, heard: Heard) -> None:
    """What is shared of the change goes to the carrier's order; one that goes elsewhere is taken off its route first, to be planned anew."""
    order_id, changes = heard.target_order, heard.event["data"]["changes"]
    shared = await shared_orders(scope, [heard.tender["id"]]) if heard.tender is not None else {}
    if order_id is None or heard.tender is None or heard.tender["id"] not in shared:
        return
    moved = {"dropoff.address", "dropoff.coordinates", "dropoff.windows"}.intersection(changes)
    if moved and await active_routes_of_orders(scope.tx, scope.tenant_id, [order_id]):
        await _take_off(scope, order_id)
    await carry_over(scope, patch_of_copy(order_id, shared[heard.tender["id"]], changes))


async def _take_off(scope: Scope, order_id: UUID) -> None:
    try:
        async with scope.tx.savepoint():
            await unassign_orders(scope, [order_id])
    except DoorstepError:
        log.info("stays_on_route")  # it was fetched meanwhile: whoever drives reads the new address


_S = PartnerSide
Effect = Callable[[Scope, Heard], Awaitable[None]]
_EFFECTS: Final[dict[tuple[PartnerSide, str], Effect]] = {
    **{(_S.MERCHANT, name): _tell_tender for name in events.BY_MERCHANT},
    **{(_S.CARRIER, name): _tell_tender for name in events.BY_CARRIER},
    (_S.CARRIER, "TenderAccepted"): _accepted,
    (_S.CARRIER, "TenderDeclined"): _declined,
    (_S.CARRIER, "TenderReleased"): _released,
    (_S.MERCHANT, "TenderCancelled"): _cancelled,
    **{
        (side, name): _tell_partnership
        for side in PartnerSide
        for name in ("PartnershipAccepted", "PartnershipUpdated", "PartnershipEnded")
    },
    (_S.CARRIER, "OrderStatusChanged"): _follow,
    (_S.CARRIER, "OrderEtaChanged"): _eta,
    (_S.CARRIER, "ProofCaptured"): _proof,
    (_S.CARRIER, "ProofReported"): _proof,
    (_S.CARRIER, "OrderUpdated"): _carrier_reference,
    (_S.MERCHANT, "OrderStatusChanged"): _merchant_moved,
    (_S.MERCHANT, "OrderUpdated"): _merchant_changed,
}
"""What each event of one side does on the other; other events do nothing."""

ABOUT_COPIES: Final[set[str]] = set()
"""Events of a merchant that concern every carrier which has a copy of the order, however its tender ended."""


def also_relay(name: str, effect: Effect) -> None:
    """Say what an event of a slice above does to the carriers' copies of the order that it is about; called when that slice is imported."""
    _EFFECTS[_S.MERCHANT, name] = effect
    ABOUT_COPIES.add(name)


def relayed() -> set[str]:
    """The types of events that concern the other side at all."""
    return {name for _, name in _EFFECTS}
