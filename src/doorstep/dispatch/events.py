"""Facts about offers to drivers; what follows for the order and the route is told by orders and planning."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from doorstep.dispatch.model import OfferState
from doorstep.kernel.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class DispatchOfferMade(DomainEvent):
    """An order was offered to a driver, who may answer until ``expires_at``."""

    offer_id: UUID
    driver_id: UUID
    shift_id: UUID
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class DispatchOfferChanged(DomainEvent):
    """An offer moved on: answered, run out, taken back, or made true."""

    offer_id: UUID
    driver_id: UUID
    to: OfferState
