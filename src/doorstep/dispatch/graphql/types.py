"""DispatchOffer as the schema shows it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from doorstep.dispatch.model import OfferState
from doorstep.dispatch.reads import offers_by_ids
from doorstep.fleets.graphql import Driver, Shift, load_drivers, load_shifts
from doorstep.kernel.db import Row
from doorstep.kernel.graphql.context import Context, Info
from doorstep.kernel.graphql.nodes import Node, register_node
from doorstep.kernel.scope import Permission
from doorstep.orders.graphql import Order, load_orders


@strawberry.type(description="An order that the dispatcher offers to the driver of a shift on duty.")
class DispatchOffer(Node):
    version: int = strawberry.field(description="Counts the changes.")
    state: OfferState = strawberry.field(description="Where it stands.")
    arrives_at: datetime = strawberry.field(description="When the recipient would have the order, as it was computed.")
    expires_at: datetime = strawberry.field(description="Until when the driver may answer, by the server's clock.")
    answered_at: datetime | None = strawberry.field(description="When it was answered, ran out or was taken back.")
    created_at: datetime = strawberry.field(description="When it was made.")
    order_uuid: strawberry.Private[UUID]
    driver_uuid: strawberry.Private[UUID]
    shift_uuid: strawberry.Private[UUID]

    @classmethod
    def of(cls, row: Row) -> "DispatchOffer":
        """From a row of ``dispatch_offers``."""
        return cls(
            uuid=row["id"],
            version=row["version"],
            state=OfferState(row["state"]),
            arrives_at=row["arrives_at"],
            expires_at=row["expires_at"],
            answered_at=row["answered_at"],
            created_at=row["created_at"],
            order_uuid=row["order_id"],
            driver_uuid=row["driver_id"],
            shift_uuid=row["shift_id"],
        )

    @strawberry.field(
        description="The order; a driver sees it while the offer is OFFERED or ACCEPTED, and once it is on their route. Null without `orders:read`."
    )
    async def order(self, info: Info) -> Order | None:
        if not info.context.principal.allows(Permission.ORDERS_READ):
            return None
        return await info.context.load(load_orders, self.order_uuid)

    @strawberry.field(description="Who is asked; null without the scope `fleets:read`.")
    async def driver(self, info: Info) -> Driver | None:
        if not info.context.principal.allows(Permission.FLEETS_READ):
            return None
        return await info.context.load(load_drivers, self.driver_uuid)

    @strawberry.field(
        description="The shift on which the order would be brought; null without the scope `fleets:read`."
    )
    async def shift(self, info: Info) -> Shift | None:
        if not info.context.principal.allows(Permission.FLEETS_READ):
            return None
        return await info.context.load(load_shifts, self.shift_uuid)


async def load_offers(context: Context, keys: list[UUID]) -> Sequence[DispatchOffer | None]:
    """Offers by id."""
    rows = await offers_by_ids(await context.reads(), context.tenant_id, keys)
    found = {row["id"]: DispatchOffer.of(row) for row in rows}
    return [found.get(key) for key in keys]


register_node("offer", "DispatchOffer", Permission.TRACKING_READ, load_offers)
