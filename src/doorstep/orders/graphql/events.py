"""The faces of the events of orders: fields are facts as of then, ``order`` is as of now."""

from datetime import datetime
from typing import cast
from uuid import UUID

import strawberry

from doorstep.kernel.graphql.context import Info
from doorstep.kernel.graphql.events import Event, register_event
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission
from doorstep.orders.graphql.types import Order, load_orders
from doorstep.orders.model import LocationStatus, OrderKind, OrderStatus, Readiness

_AS_OF_NOW = "as of now: the log itself holds nobody's words, so that people can be erased. Null once the order was erased, and without the scope `orders:read`."


@strawberry.type
class AboutOrder(Event):
    """Base of the events about an order; not in the schema by itself."""

    @property
    def about(self) -> UUID:
        """The order's id."""
        return cast(UUID, self.row["order_id"])

    def instant(self, name: str) -> datetime | None:
        """An instant among the facts."""
        text = self.row["data"].get(name)
        return datetime.fromisoformat(text) if text else None

    @strawberry.field(description="The order's id.")
    def order_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("order", self.about))

    @strawberry.field(description="The order as of now; null when it is gone, and without the scope `orders:read`.")
    async def order(self, info: Info) -> Order | None:
        return await self._present(info)

    async def _present(self, info: Info) -> Order | None:
        """The order as of now, for those who may see it."""
        if not info.context.principal.allows(Permission.ORDERS_READ):
            return None
        return await info.context.load(load_orders, self.about)


@register_event
@strawberry.type(description="A new order was taken in.")
class OrderPlaced(AboutOrder):
    @strawberry.field(description=f"The integrator's own number, {_AS_OF_NOW}")
    async def reference(self, info: Info) -> str | None:
        order = await self._present(info)
        return order.reference if order else None

    @strawberry.field(description=f"What people read on the ticket, {_AS_OF_NOW}")
    async def display_reference(self, info: Info) -> str | None:
        order = await self._present(info)
        return order.display_reference if order else None

    @strawberry.field(description="What it asks for.")
    def kind(self) -> OrderKind:
        return OrderKind(self.row["data"]["kind"])

    @strawberry.field(description="The state that it began in.")
    def status(self) -> OrderStatus:
        return OrderStatus(self.row["data"]["status"])

    @strawberry.field(description="Whether its addresses were found.")
    def location_status(self) -> LocationStatus:
        return LocationStatus(self.row["data"]["location_status"])

    @strawberry.field(description="The end of its last drop-off window.")
    def due_at(self) -> datetime | None:
        return self.instant("due_at")


@register_event
@strawberry.type(description="Fields of an order have new values.")
class OrderUpdated(AboutOrder):
    @strawberry.field(
        description="The names of the fields that have new values, such as `dropoff.windows`; at most 25."
    )
    def changes(self) -> list[str]:
        return list(self.row["data"]["changes"])

    @strawberry.field(description="Whether its addresses were found.")
    def location_status(self) -> LocationStatus:
        return LocationStatus(self.row["data"]["location_status"])

    @strawberry.field(description="The end of its last drop-off window.")
    def due_at(self) -> datetime | None:
        return self.instant("due_at")


@register_event
@strawberry.type(description="An order moved to another state.")
class OrderStatusChanged(AboutOrder):
    @strawberry.field(name="from", description="The state before.")
    def from_status(self) -> OrderStatus:
        return OrderStatus(self.row["data"]["from"])

    @strawberry.field(description="The state after.")
    def to(self) -> OrderStatus:
        return OrderStatus(self.row["data"]["to"])

    @strawberry.field(description="Why, where there is a reason: a failure reason, or why it was called off.")
    def reason(self) -> str | None:
        return cast("str | None", self.row["data"]["reason"])

    @strawberry.field(description="How often it had been tried before.")
    def attempt_number(self) -> int:
        return int(self.row["data"]["attempt_number"])


@register_event
@strawberry.type(description="The sender or the depot said how far the goods of an order are.")
class OrderReadinessChanged(AboutOrder):
    @strawberry.field(name="from", description="What was said before.")
    def from_readiness(self) -> Readiness:
        return Readiness(self.row["data"]["from"])

    @strawberry.field(description="How far they are.")
    def to(self) -> Readiness:
        return Readiness(self.row["data"]["to"])

    @strawberry.field(description="When they are expected to be ready; null: READY, or nothing was said.")
    def ready_at(self) -> datetime | None:
        return self.instant("ready_at")


@register_event
@strawberry.type(
    description="The expected arrival was set, cleared, or moved by more than two minutes since it was last announced."
)
class OrderEtaChanged(AboutOrder):
    @strawberry.field(description="The expected arrival; null: no longer known.")
    def at(self) -> datetime | None:
        return self.instant("at")

    @strawberry.field(description="What was announced before; null: nothing.")
    def previous_at(self) -> datetime | None:
        return self.instant("previous_at")

    @strawberry.field(description="How far it is past the end of the last window; 0 in time.")
    def late_by_seconds(self) -> int:
        return int(self.row["data"]["late_by_seconds"])

    @strawberry.field(description="How many stops come before it.")
    def stops_before(self) -> int:
        return int(self.row["data"]["stops_before"])
