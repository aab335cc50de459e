"""``reportOrder``: a carrier with a dispatch system of its own says what has happened, without a route of Doorstep."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode, Refusals
from doorstep.kernel.geo import Coordinates
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.orders.model import Custody, OrderStatus
from doorstep.orders.service import Move, lock_orders, move_orders
from doorstep.partners.errors import IllegalTender
from doorstep.partners.model import ReportAct, fitting_acts, reported_steps
from doorstep.planning.reads import is_assigned
from doorstep.tracking.model import AttemptOutcome, FailureReason
from doorstep.tracking.model.proofs import ProofGiven, check_form
from doorstep.tracking.service import keep_attempts, keep_proofs

AHEAD: Final = timedelta(minutes=5)
"""How far the clock of a carrier's system may be off."""
MAX_LATENESS: Final = timedelta(days=7)
MAX_PROOFS: Final = 250
_OUTCOMES: Final = {ReportAct.DELIVER: AttemptOutcome.DELIVERED, ReportAct.FAIL: AttemptOutcome.FAILED}


@dataclass(frozen=True, slots=True)
class Report:
    """An act as the carrier's system tells it; ``occurred_at`` is its clock, UTC (None: now)."""

    order_id: UUID
    act: ReportAct
    occurred_at: datetime | None = None
    coordinates: Coordinates | None = None
    reason: FailureReason | None = None
    proofs: tuple[ProofGiven, ...] = ()


async def report_order(scope: Scope, report: Report) -> dict[str, Any]:
    """Move an order that came by a tender, or that a carrier had on board when it was closed; outcome ``{id}``.

    Refuses without writing anything: a malformed report, NOT_FOUND, ILLEGAL_TRANSITION (the order is our own, or the act does not fit its state),
    IN_USE (a route of Doorstep has it), ORDER_TAKEN (given on to another carrier), PROOF_REQUIRED, PROOF_REJECTED.
    """
    scope.require(Permission.TRACKING_WRITE)
    at = report.occurred_at or scope.clock.now()
    _check_form(report, at, scope.clock.now())
    order = (await lock_orders(scope, [report.order_id])).get(report.order_id)
    if order is None:
        raise NotFound("order", ["orderId"])
    _check_age(report, order)
    left = await _is_left(scope, order)
    steps = await _steps(scope, order, report.act, left=left)
    reason = report.reason.value if report.reason else None
    again = report.act is ReportAct.RETRY
    moves = [Move(order["id"], step, reason, at, new_attempt=again) for step in steps]
    await move_orders(scope, moves, by_partner=left)
    if report.act in _OUTCOMES:
        delivers = report.act is ReportAct.DELIVER
        await keep_proofs(scope, [order], report.proofs, None, at, report.coordinates, all_required=delivers)
        await keep_attempts(scope, {order["id"]: _OUTCOMES[report.act]}, None, at, report.reason, None)
    return {"id": str(order["id"])}


async def _is_left(scope: Scope, order: Row) -> bool:
    """Whether it is on board of a carrier that was closed since: its tender is gone with the carrier, who will say nothing more."""
    if order["given_tender_id"] is None or order["custody"] != Custody.VEHICLE:
        return False
    found = await scope.tx.fetchval(
        "SELECT 1 FROM tenders WHERE merchant_id = $1 AND id = $2", scope.tenant_id, order["given_tender_id"]
    )
    return found is None


async def _steps(scope: Scope, order: Row, act: ReportAct, *, left: bool) -> tuple[OrderStatus, ...]:
    name = public_id("order", order["id"])
    if order["source_tender_id"] is None and not left:
        said = "This order came by no tender: its route is driven by advanceStop."
        raise IllegalTender(said, ["orderId"], existing_id=name)
    if await is_assigned(scope.tx, scope.tenant_id, order["id"]):
        said = "This order is on a route of Doorstep: let the driver report (advanceStop), or take it off first (unassignOrders)."
        raise DoorstepError(ProblemCode.IN_USE, said, ["orderId"], existing_id=name)
    status = OrderStatus(order["status"])
    steps = reported_steps(status, act)
    if act is ReportAct.RETURN and order["custody"] == Custody.SENDER:
        steps = ()
    if not steps:
        fitting = ", ".join(fitting_acts(status)) or "nothing: that is final"
        raise IllegalTender(
            f"The order is {status}: {act} does not fit. What fits: {fitting}.", ["act"], existing_id=name
        )
    return steps


def _check_age(report: Report, order: Row) -> None:
    if report.occurred_at is not None and report.occurred_at < order["created_at"] - AHEAD:
        said = f"You have this order since {order['created_at'].isoformat(timespec='seconds')}: nothing has happened to it before."
        raise DoorstepError(ProblemCode.INVALID_VALUE, said, ["occurredAt"])


def _check_form(report: Report, at: datetime, now: datetime) -> None:
    refusals = check_form(report.proofs)
    if at > now + AHEAD:
        said = f"This is in the future: it is {now.isoformat(timespec='seconds')} now."
        refusals.append(DoorstepError(ProblemCode.INVALID_VALUE, said, ["occurredAt"]))
    if at < now - MAX_LATENESS:
        said = f"An act may be reported at most {MAX_LATENESS.days} days late."
        refusals.append(DoorstepError(ProblemCode.INVALID_VALUE, said, ["occurredAt"]))
    if report.act is ReportAct.FAIL and report.reason is None:
        refusals.append(DoorstepError(ProblemCode.REQUIRED, "Say why it failed.", ["reason"]))
    if report.act is not ReportAct.FAIL and report.reason is not None:
        refusals.append(DoorstepError(ProblemCode.INVALID_VALUE, "A reason belongs to FAIL.", ["reason"]))
    if report.proofs and report.act not in _OUTCOMES:
        refusals.append(DoorstepError(ProblemCode.INVALID_VALUE, "Proofs belong to DELIVER and FAIL.", ["proof"]))
    if len(report.proofs) > MAX_PROOFS:
        refusals.append(DoorstepError(ProblemCode.TOO_MANY_ITEMS, f"At most {MAX_PROOFS} proofs.", ["proof"]))
    if report.coordinates is not None and not report.coordinates.on_globe():
        said = "Latitude is -90 to 90 degrees, longitude -180 to 180."
        refusals.append(DoorstepError(ProblemCode.INVALID_COORDINATES, said, ["coordinates"]))
    if refusals:
        raise Refusals(refusals)
