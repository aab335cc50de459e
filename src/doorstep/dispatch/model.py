"""Offers to drivers and their states. No I/O."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from doorstep.kernel.tables import INSTANT, MutableTable, one_of, tenant_key


class OfferState(StrEnum):
    """Where an offer to a driver stands."""

    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    ASSIGNED = "ASSIGNED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


class OfferAnswer(StrEnum):
    """What a driver says to an offer."""

    ACCEPT = "ACCEPT"
    DECLINE = "DECLINE"


_S = OfferState
OFFER_TRANSITIONS: dict[OfferState, frozenset[OfferState]] = {
    _S.OFFERED: frozenset({_S.ACCEPTED, _S.DECLINED, _S.EXPIRED, _S.WITHDRAWN}),
    _S.ACCEPTED: frozenset({_S.ASSIGNED, _S.WITHDRAWN}),
    _S.ASSIGNED: frozenset(),
    _S.DECLINED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.WITHDRAWN: frozenset(),
}
LIVE = (_S.OFFERED, _S.ACCEPTED)
"""States in which the order is kept for this driver."""

ANSWERED = {OfferAnswer.ACCEPT: _S.ACCEPTED, OfferAnswer.DECLINE: _S.DECLINED}


class OfferRow(MutableTable, table=True):
    """An order that is offered to a courier; ``arrives_at`` is when the recipient would have it (UTC), ``expires_at`` the database's clock."""

    __tablename__ = "dispatch_offers"
    __table_args__ = (
        CheckConstraint(one_of("state", list(OfferState)), name="dispatch_offers_state"),
        tenant_key("order_id", "orders", ondelete="CASCADE"),
        tenant_key("shift_id", "shifts"),
        tenant_key("driver_id", "drivers"),
        Index(
            "dispatch_offers_live", "tenant_id", "order_id", unique=True, postgresql_where=text(one_of("state", LIVE))
        ),
        Index("dispatch_offers_by_driver", "tenant_id", "driver_id", "id"),
        Index("dispatch_offers_by_order", "tenant_id", "order_id"),
    )

    order_id: UUID
    shift_id: UUID
    driver_id: UUID
    state: str = OfferState.OFFERED.value
    arrives_at: datetime = Field(sa_type=INSTANT, nullable=False)
    expires_at: datetime = Field(sa_type=INSTANT, nullable=False)
    answered_at: datetime | None = Field(default=None, sa_type=INSTANT)
