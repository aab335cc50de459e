"""Inputs of the mutations of partners."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from doorstep.kernel.errors import DoorstepError
from doorstep.kernel.graphql.context import input_id
from doorstep.kernel.graphql.scalars import Long
from doorstep.kernel.graphql.values import CoordinatesInput
from doorstep.orders.graphql.inputs import KEY
from doorstep.partners.model import DEFAULT_SHARED, ReportAct, SharedField, TenderReason
from doorstep.partners.service import Invitation, Offer, PartnershipPatch, Report
from doorstep.tracking.graphql.inputs import ProofInput, point, proofs_given
from doorstep.tracking.model import FailureReason

_IDS = "1 to 250 tenders, each answered by itself."


def ids_given(prefix: str, texts: Sequence[str], name: str) -> list[UUID | DoorstepError]:
    """The ids of a bulk call; a malformed one is a refusal in its place."""
    found: list[UUID | DoorstepError] = []
    for index, text in enumerate(texts):
        try:
            found.append(input_id(prefix, text, name, index))
        except DoorstepError as refusal:
            found.append(refusal)
    return found


@strawberry.input(description="Invite a carrier.")
class InvitePartnerInput:
    shared_fields: list[SharedField] = strawberry.field(
        default_factory=lambda: list(DEFAULT_SHARED), description="What you share of the orders that it accepts."
    )
    valid_until: datetime | None = strawberry.field(
        default=None,
        description="When the partnership ends by itself, by the wall clock; left out: when somebody ends it.",
    )
    expires_in_hours: int = strawberry.field(
        default=168, description="How long the invitation may be redeemed, 1 to 720 hours."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def invitation(self) -> Invitation:
        """For the service."""
        return Invitation(list(self.shared_fields), self.valid_until, self.expires_in_hours)


@strawberry.input(description="Redeem a merchant's invitation: you are its carrier then.")
class AcceptPartnershipInput:
    token: str = strawberry.field(description="The invitation's token, or its whole link.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Change a partnership, as the merchant; what is left out stays as it is.")
class UpdatePartnershipInput:
    id: strawberry.ID = strawberry.field(description="The partnership.")
    shared_fields: list[SharedField] | None = strawberry.field(
        default=None,
        description="All shared fields anew; for orders that are accepted, and changes that are made, from now on.",
    )
    valid_until: strawberry.Maybe[datetime | None] = strawberry.field(
        default=None, description="When it ends by itself, by the wall clock; null: when somebody ends it."
    )
    if_version: int | None = strawberry.field(
        default=None, description="Refuse with CONFLICT when the partnership is at another version."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def patch(self) -> PartnershipPatch:
        """For the service."""
        until = None if self.valid_until is None else (self.valid_until.value,)
        return PartnershipPatch(self.shared_fields, until)


@strawberry.input(description="End a partnership, as either side.")
class EndPartnershipInput:
    id: strawberry.ID = strawberry.field(description="The partnership.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="One carrier's turn.")
class TenderOfferInput:
    partnership_id: strawberry.ID = strawberry.field(description="The partnership with the carrier.")
    price_minor: Long | None = strawberry.field(
        default=None, description="The price in minor units of your currency, 0 or more; left out: as agreed otherwise."
    )
    deadline_seconds: int = strawberry.field(
        default=600,
        description="How long it may think, 5 to 604,800 seconds of the wall clock (also where your own clock runs faster, as in the demo).",
    )


@strawberry.input(
    description="Offer orders to partner carriers: to the first one, and to the next when it does not accept in time."
)
class TenderOrderInput:
    order_ids: list[strawberry.ID] = strawberry.field(description="1 to 250 orders, each answered by itself.")
    offers: list[TenderOfferInput] = strawberry.field(description="1 to 10 carriers, by rank; each has one turn.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def offered(self) -> list[Offer]:
        """For the service; raises INVALID_ID."""
        return [
            Offer(
                input_id("partnership", offer.partnership_id, "offers", rank, "partnershipId"),
                offer.price_minor,
                offer.deadline_seconds,
            )
            for rank, offer in enumerate(self.offers)
        ]


@strawberry.input(description="Accept offers.")
class AcceptTenderInput:
    ids: list[strawberry.ID] = strawberry.field(description=_IDS)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Decline offers.")
class DeclineTenderInput:
    ids: list[strawberry.ID] = strawberry.field(description=_IDS)
    reason: TenderReason = strawberry.field(description="Why.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Take offers back that nobody has answered yet.")
class WithdrawTenderInput:
    ids: list[strawberry.ID] = strawberry.field(description=_IDS)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Give accepted orders back before their goods are on board.")
class ReleaseTenderInput:
    ids: list[strawberry.ID] = strawberry.field(description=_IDS)
    reason: TenderReason = strawberry.field(description="Why.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(
    description="What has happened to an order that came by a tender, by the carrier's own dispatch system."
)
class ReportOrderInput:
    order_id: strawberry.ID = strawberry.field(description="Your own order.")
    act: ReportAct = strawberry.field(description="What has happened.")
    occurred_at: datetime | None = strawberry.field(
        default=None,
        description="When, by your clock; left out: now. At most 7 days ago, and not before you had the order.",
    )
    coordinates: CoordinatesInput | None = strawberry.field(default=None, description="Where.")
    reason: FailureReason | None = strawberry.field(default=None, description="Why it failed; needed for FAIL.")
    proof: list[ProofInput] | None = strawberry.field(
        default=None, description="What is shown for DELIVER or FAIL, at most 250."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def report(self) -> Report:
        """For the service; raises INVALID_ID."""
        return Report(
            order_id=input_id("order", self.order_id, "orderId"),
            act=self.act,
            occurred_at=self.occurred_at,
            coordinates=point(self.coordinates),
            reason=self.reason,
            proofs=proofs_given(self.proof or (), "proof"),
        )
