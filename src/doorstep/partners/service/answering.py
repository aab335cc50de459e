"""The carrier's answer to an offer: it accepts and gets an order of its own, or declines with a reason."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, NotFound
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.partners.errors import IllegalTender, PartnershipInactive, TenderExpired
from doorstep.partners.events import TenderAccepted
from doorstep.partners.model import TENDER_TRANSITIONS, PartnershipStatus, PartnerSide, TenderReason, TenderStatus
from doorstep.partners.service.copies import make_copies
from doorstep.partners.service.rows import lock_tenders, move_tenders
from doorstep.partners.service.verdicts import Verdicts


async def accept_tenders(scope: Scope, tenders: Sequence[UUID | DoorstepError]) -> dict[str, Any]:
    """Take orders on, each answered by itself; the carrier's own orders are there at once. Outcome ``{results: [{index, id: the tender, problems}]}``.

    Refuses an item: NOT_FOUND, TENDER_EXPIRED, ILLEGAL_TRANSITION (withdrawn or answered already), PARTNERSHIP_INACTIVE.
    """
    scope.require(Permission.PARTNERS_WRITE)
    verdicts = Verdicts(tenders, "ids")
    rows = await lock_tenders(scope, verdicts.sound, PartnerSide.CARRIER)
    active = await _active_partnerships(scope, list(rows.values()))
    for index, tender_id in verdicts.entries():
        row = rows.get(tender_id)
        refusal = refusal_to_move(row, TenderStatus.ACCEPTED, verdicts.path(index))
        if refusal is None and row is not None and row["partnership_id"] not in active:
            refusal = PartnershipInactive("This partnership has ended.", verdicts.path(index))
        if refusal is not None:
            verdicts.refuse(index, refusal)
    chosen = verdicts.sound
    if chosen:
        await _take_on(scope, chosen)
    return verdicts.outcome({tender_id: tender_id for tender_id in chosen})


async def _take_on(scope: Scope, tender_ids: Sequence[UUID]) -> None:
    """ACCEPTED first: only then the database shows what is shared. The fact is told with the order that came of it."""
    moved = await move_tenders(scope, tender_ids, TenderStatus.ACCEPTED, tell=False)
    copies = await make_copies(scope, tender_ids)
    await scope.tx.execute(
        "UPDATE tenders SET carrier_order_id = made.order_id FROM unnest($2::uuid[], $3::uuid[]) AS made(id, order_id) "
        "WHERE tenders.carrier_id = $1 AND tenders.id = made.id",
        scope.tenant_id,
        list(copies),
        list(copies.values()),
    )
    for tender_id, row in moved.items():
        scope.emit(
            TenderAccepted(
                aggregate_version=row["version"],
                order_id=copies[tender_id],
                tender_id=tender_id,
                partnership_id=row["partnership_id"],
            )
        )


async def _active_partnerships(scope: Scope, tenders: Sequence[Row]) -> set[UUID]:
    """Held still until the commit."""
    rows = await scope.tx.fetch(
        "SELECT id FROM partnerships WHERE carrier_id = $1 AND id = ANY($2) AND status = $3 "
        "AND (valid_until IS NULL OR valid_until > clock_timestamp()) ORDER BY id FOR SHARE",
        scope.tenant_id,
        sorted({tender["partnership_id"] for tender in tenders}),
        PartnershipStatus.ACTIVE.value,
    )
    return {row["id"] for row in rows}


def refusal_to_move(row: Row | None, to: TenderStatus, path: Sequence[str | int]) -> DoorstepError | None:
    """Why a locked tender cannot become ``to``, or None."""
    if row is None:
        return NotFound("tender", path)
    present = TenderStatus(row["status"])
    late = present is TenderStatus.EXPIRED or (present is TenderStatus.OFFERED and row["is_late"])
    if late and to in {TenderStatus.ACCEPTED, TenderStatus.DECLINED}:
        return TenderExpired(path)
    allowed = TENDER_TRANSITIONS[present]
    if to in allowed:
        return None
    after = f"It may become: {', '.join(sorted(allowed))}." if allowed else "That is final."
    said = f"The tender is {present} and cannot become {to}. {after}"
    return IllegalTender(said, path, existing_id=public_id("tender", row["id"]))


async def decline_tenders(
    scope: Scope, tenders: Sequence[UUID | DoorstepError], reason: TenderReason
) -> dict[str, Any]:
    """Refuse offers, each answered by itself; outcome and refusals as ``accept_tenders``."""
    scope.require(Permission.PARTNERS_WRITE)
    verdicts = Verdicts(tenders, "ids")
    rows = await lock_tenders(scope, verdicts.sound, PartnerSide.CARRIER)
    for index, tender_id in verdicts.entries():
        refusal = refusal_to_move(rows.get(tender_id), TenderStatus.DECLINED, verdicts.path(index))
        if refusal is not None:
            verdicts.refuse(index, refusal)
    await decline_all(scope, verdicts.sound, reason)
    return verdicts.outcome({tender_id: tender_id for tender_id in verdicts.sound})


async def decline_all(scope: Scope, tender_ids: Sequence[UUID], reason: TenderReason) -> None:
    """Decline those of the tenders that are still offered."""
    await move_tenders(scope, tender_ids, TenderStatus.DECLINED, reason)
