"""The faces of the events of partners: fields are facts as of then, objects as of now. Each side has them in its own log."""

from uuid import UUID

import strawberry

from doorstep.kernel.graphql.context import Info
from doorstep.kernel.graphql.events import Event, register_event
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission
from doorstep.orders.graphql import Order, load_orders
from doorstep.partners.graphql.types import Partnership, Tender, load_partnerships, load_tenders
from doorstep.partners.model import PartnerSide, TenderReason


@strawberry.type
class AboutPartnership(Event):
    """Base of the events about a partnership; not in the schema by itself."""

    @property
    def about(self) -> UUID:
        """The partnership's id."""
        return UUID(self.row["data"]["partnership_id"])

    @strawberry.field(description="The partnership's id.")
    def partnership_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("partnership", self.about))

    @strawberry.field(description="The partnership as of now; null without the scope `partners:read`.")
    async def partnership(self, info: Info) -> Partnership | None:
        if not info.context.principal.allows(Permission.PARTNERS_READ):
            return None
        return await info.context.load(load_partnerships, self.about)


@strawberry.type
class ActOfPartner(AboutPartnership):
    """Base of what one of the two sides did; not in the schema by itself."""

    @strawberry.field(description="Which side did it.")
    def by(self) -> PartnerSide:
        return PartnerSide(self.row["data"]["by"])


@register_event
@strawberry.type(description="The merchant made an invitation.")
class PartnershipInvited(ActOfPartner):
    pass


@register_event
@strawberry.type(description="A carrier redeemed the merchant's invitation.")
class PartnershipAccepted(ActOfPartner):
    pass


@register_event
@strawberry.type(description="The merchant shares other fields, or until another day.")
class PartnershipUpdated(ActOfPartner):
    pass


@register_event
@strawberry.type(description="Nothing more is offered over the partnership; what was accepted runs to its end.")
class PartnershipEnded(ActOfPartner):
    pass


@strawberry.type
class AboutTender(AboutPartnership):
    """Base of the events about a tender; not in the schema by itself."""

    @strawberry.field(description="The tender's id.")
    def tender_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("tender", UUID(self.row["data"]["tender_id"])))

    @strawberry.field(description="The tender as of now; null without the scope `partners:read`.")
    async def tender(self, info: Info) -> Tender | None:
        if not info.context.principal.allows(Permission.PARTNERS_READ):
            return None
        return await info.context.load(load_tenders, UUID(self.row["data"]["tender_id"]))

    @strawberry.field(
        description="Your own order as of now; null for a carrier that had none then, and without the scope `orders:read`."
    )
    async def order(self, info: Info) -> Order | None:
        order_id = self.row["order_id"]
        if order_id is None or not info.context.principal.allows(Permission.ORDERS_READ):
            return None
        return await info.context.load(load_orders, order_id)

    @strawberry.field(description="Why, where the carrier gave a reason.")
    def tender_reason(self) -> TenderReason | None:
        reason = self.row["data"]["reason"]
        return TenderReason(reason) if reason else None


@register_event
@strawberry.type(description="A merchant offered an order to a carrier.")
class TenderOffered(AboutTender):
    pass


@register_event
@strawberry.type(description="The carrier took the order and has one of its own for it.")
class TenderAccepted(AboutTender):
    pass


@register_event
@strawberry.type(description="The carrier does not want the order.")
class TenderDeclined(AboutTender):
    pass


@register_event
@strawberry.type(description="The deadline passed without an answer.")
class TenderExpired(AboutTender):
    pass


@register_event
@strawberry.type(description="The merchant took the offer back.")
class TenderWithdrawn(AboutTender):
    pass


@register_event
@strawberry.type(description="The carrier gives back what it had accepted, before it had the goods.")
class TenderReleased(AboutTender):
    pass


@register_event
@strawberry.type(description="The merchant called the order off before the carrier had the goods.")
class TenderCancelled(AboutTender):
    pass


@register_event
@strawberry.type(description="The order is delivered, or back where it came from.")
class TenderFulfilled(AboutTender):
    pass
