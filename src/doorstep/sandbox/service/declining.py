"""A robot that answers an offer in a partner carrier's name, and declines it. The carrier is a sandbox, too: a live one's people answer.

The merchant's simulation stays locked while the carrier's tenant declines in a transaction of its own, so that a simulation that was cancelled
declines nothing. A worker that dies between the two commits leaves a tender that is DECLINED, and whoever comes next finds it so: it is declined
once, and never the offer that went to the next carrier meanwhile, since a simulation is about one tender. The simulation SUCCEEDED when its
tender is declined, by whomever; when the tender went any other way before the robot came, it FAILED and says which.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Scope
from doorstep.kernel.time import Clock
from doorstep.orders.model import OrderStatus
from doorstep.orders.service import lock_orders
from doorstep.partners.model import PartnerSide, TenderReason, TenderStatus
from doorstep.partners.service import decline_tenders
from doorstep.partners.service.answering import refusal_to_move
from doorstep.partners.service.rows import lock_tenders
from doorstep.sandbox.errors import CarrierIsLive
from doorstep.sandbox.model import Ending, SimulationStatus
from doorstep.sandbox.reads import carrier_is_sandbox, sandbox_clock
from doorstep.sandbox.service.rows import Subject, begin, close, refuse_running

Decline = Callable[[UUID, UUID], Awaitable[None]]
"""Declines the carrier's tender in the carrier's tenant and commits: ``(carrier_id, tender_id)``; refuses as ``decline_offer``."""


async def nobody(carrier_id: UUID, tender_id: UUID) -> None:
    """Only a job can act for a carrier: where none runs, nothing is declined."""
    raise LookupError(f"nobody declines {tender_id} for {carrier_id} here")


async def simulate_decline(scope: Scope, order_id: UUID, ending: Ending, step: int) -> dict[str, Any]:
    """Let a robot decline the order's open offer in so many seconds of the merchant's sandbox. Outcome ``{id, tender_id, order_id}``.

    Refuses an unknown order, one that is not OFFERED or whose offer is answered already (ILLEGAL_TRANSITION), an offer past its deadline
    (TENDER_EXPIRED), a LIVE carrier (NOT_A_SANDBOX), an offer that has a robot already (IN_USE).
    """
    order = (await lock_orders(scope, [order_id])).get(order_id)
    if order is None:
        raise NotFound("order", ["orderId"])
    tender_id: UUID | None = order["given_tender_id"]
    if order["status"] != OrderStatus.OFFERED or tender_id is None:
        said = f"This order is {order['status']}, and no carrier is asked: offer it with tenderOrder first."
        name = public_id("order", order_id)
        raise DoorstepError(ProblemCode.ILLEGAL_TRANSITION, said, ["orderId"], existing_id=name)
    tender = (await lock_tenders(scope, [tender_id], PartnerSide.MERCHANT)).get(tender_id)
    if not await carrier_is_sandbox(scope.tx, tender_id):
        raise CarrierIsLive(["orderId"])
    refusal = refusal_to_move(tender, TenderStatus.DECLINED, ["orderId"])
    if refusal is not None:
        raise refusal
    subject = Subject(tender_id=tender_id, order_id=order_id)
    await refuse_running(scope, subject, "orderId")
    return await begin(scope, subject, {order_id: ending}, step)


async def play_decline(scope: Scope, simulation: Row, clock: Clock, decline: Decline) -> float | None:
    """Decline a locked simulation's tender, if it is time; returns wall seconds until it is, None when the simulation is over."""
    due: datetime = simulation["played_to"] + timedelta(seconds=simulation["seconds_per_step"])
    if due > clock.now():
        await _tell_when(scope, simulation, due)
        return clock.wall_delay(due)
    carrier_id = await scope.tx.fetchval(
        "SELECT carrier_id FROM tenders WHERE merchant_id = $1 AND id = $2", scope.tenant_id, simulation["tender_id"]
    )
    await decline(carrier_id, simulation["tender_id"])
    await close(scope, simulation["id"], SimulationStatus.SUCCEEDED, due, None)
    return None


async def _tell_when(scope: Scope, simulation: Row, due: datetime) -> None:
    if simulation["next_act_at"] != due:
        await scope.tx.execute(
            "UPDATE simulations SET next_act_at = $3, version = version + 1, updated_at = now() WHERE tenant_id = $1 AND id = $2",
            scope.tenant_id,
            simulation["id"],
            due,
        )


async def decline_offer(scope: Scope, tender_id: UUID) -> None:
    """In the carrier's tenant: decline the tender, unless that is done. Refuses a LIVE tenant, and a tender that went another way."""
    if await sandbox_clock(scope.tx, scope.tenant_id) is None:
        raise CarrierIsLive
    tender = (await lock_tenders(scope, [tender_id], PartnerSide.CARRIER)).get(tender_id)
    if tender is not None and tender["status"] == TenderStatus.DECLINED:
        return
    refusal = refusal_to_move(tender, TenderStatus.DECLINED, ["orderId"])
    if refusal is not None:
        raise refusal
    await decline_tenders(scope, [tender_id], TenderReason.NO_CAPACITY)
