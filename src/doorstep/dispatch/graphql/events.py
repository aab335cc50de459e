"""The faces of the events of dispatch: fields are facts as of then, objects as of now."""

from datetime import datetime
from uuid import UUID

import strawberry

from doorstep.dispatch.graphql.types import DispatchOffer, load_offers
from doorstep.dispatch.model import OfferState
from doorstep.kernel.graphql.context import Info
from doorstep.kernel.graphql.events import Event, register_event
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission


@strawberry.type
class AboutOffer(Event):
    """Base of the events about an offer; not in the schema by itself."""

    @strawberry.field(description="The offer's id.")
    def offer_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("offer", UUID(self.row["data"]["offer_id"])))

    @strawberry.field(description="The offer as of now; null without the scope `tracking:read`.")
    async def offer(self, info: Info) -> DispatchOffer | None:
        if not info.context.principal.allows(Permission.TRACKING_READ):
            return None
        return await info.context.load(load_offers, UUID(self.row["data"]["offer_id"]))

    @strawberry.field(description="The order's id.")
    def order_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("order", self.row["order_id"]))

    @strawberry.field(description="The driver's id.")
    def driver_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("driver", UUID(self.row["data"]["driver_id"])))


@register_event
@strawberry.type(description="The dispatcher offered an order to a driver.")
class DispatchOfferMade(AboutOffer):
    @strawberry.field(description="Until when the driver may answer.")
    def expires_at(self) -> datetime:
        return datetime.fromisoformat(self.row["data"]["expires_at"])


@register_event
@strawberry.type(description="An offer was answered, ran out, was taken back, or became true.")
class DispatchOfferChanged(AboutOffer):
    @strawberry.field(description="The state after.")
    def to(self) -> OfferState:
        return OfferState(self.row["data"]["to"])
