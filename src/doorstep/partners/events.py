"""Facts of partnerships and tenders. Each side has them in its own log; ``order_id`` is the order of the side whose log it is."""

from dataclasses import dataclass
from uuid import UUID

from doorstep.kernel.events import DomainEvent
from doorstep.partners.model import PartnerSide, TenderReason


@dataclass(frozen=True, kw_only=True)
class PartnershipEvent(DomainEvent):
    """Base of the facts about a partnership; ``by`` is the side that acted (the relay tells the other one)."""

    partnership_id: UUID
    by: PartnerSide


@dataclass(frozen=True, kw_only=True)
class PartnershipInvited(PartnershipEvent):
    """A merchant made an invitation; nobody has redeemed it yet."""


@dataclass(frozen=True, kw_only=True)
class PartnershipAccepted(PartnershipEvent):
    """A carrier redeemed the invitation."""


@dataclass(frozen=True, kw_only=True)
class PartnershipUpdated(PartnershipEvent):
    """The merchant shares other fields, or until another day."""


@dataclass(frozen=True, kw_only=True)
class PartnershipEnded(PartnershipEvent):
    """Nothing more is offered over it; what was accepted runs to its end."""


@dataclass(frozen=True, kw_only=True)
class TenderEvent(DomainEvent):
    """Base of the facts about a tender."""

    tender_id: UUID
    partnership_id: UUID
    reason: TenderReason | None = None


@dataclass(frozen=True, kw_only=True)
class TenderOffered(TenderEvent):
    """A merchant offered an order to a carrier."""


@dataclass(frozen=True, kw_only=True)
class TenderAccepted(TenderEvent):
    """The carrier took it and has an order of its own for it."""


@dataclass(frozen=True, kw_only=True)
class TenderDeclined(TenderEvent):
    """The carrier does not want it."""


@dataclass(frozen=True, kw_only=True)
class TenderExpired(TenderEvent):
    """The deadline passed without an answer."""


@dataclass(frozen=True, kw_only=True)
class TenderWithdrawn(TenderEvent):
    """The merchant took the offer back."""


@dataclass(frozen=True, kw_only=True)
class TenderReleased(TenderEvent):
    """The carrier gives back what it had accepted, before it had the goods."""


@dataclass(frozen=True, kw_only=True)
class TenderCancelled(TenderEvent):
    """The merchant called the order off before the carrier had the goods."""


@dataclass(frozen=True, kw_only=True)
class TenderFulfilled(TenderEvent):
    """The order is delivered, or back where it came from."""


EVENT_OF_TENDER: dict[str, type[TenderEvent]] = {
    "OFFERED": TenderOffered,
    "ACCEPTED": TenderAccepted,
    "DECLINED": TenderDeclined,
    "EXPIRED": TenderExpired,
    "WITHDRAWN": TenderWithdrawn,
    "RELEASED": TenderReleased,
    "CANCELLED": TenderCancelled,
    "FULFILLED": TenderFulfilled,
}
"""The fact that a tender's new state is."""

BY_MERCHANT = frozenset({"TenderOffered", "TenderWithdrawn", "TenderExpired", "TenderCancelled"})
BY_CARRIER = frozenset({"TenderAccepted", "TenderDeclined", "TenderReleased", "TenderFulfilled"})
"""Who makes which fact: the relay carries it to the other side, and never back."""
