"""Partnership and Tender as the schema shows them; either side sees the same, but its own order alone."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import strawberry

from doorstep.kernel.db import Row
from doorstep.kernel.graphql.context import Context, Info
from doorstep.kernel.graphql.nodes import Node, register_node
from doorstep.kernel.graphql.scalars import CountryCode, CurrencyCode, Long
from doorstep.kernel.graphql.values import Coordinates, Load, TimeWindow
from doorstep.kernel.scope import Permission
from doorstep.orders.graphql import Order, load_orders
from doorstep.orders.graphql.edges import TENDER, TENDERS
from doorstep.partners.model import PartnershipStatus, PartnerSide, SharedField, TenderReason, TenderStatus
from doorstep.partners.reads import partnerships_by_ids, tenders_by_ids, tenders_of_orders
from doorstep.partners.service.rows import own_order, side_of
from doorstep.places.graphql import Address


@strawberry.type(description="Two companies that work together: a merchant, and a carrier that brings its orders.")
class Partnership(Node):
    row: strawberry.Private[Row]
    status: PartnershipStatus = strawberry.field(description="Where it stands.")
    version: int = strawberry.field(
        description="Counts the changes; send it as `ifVersion` to change only what you saw."
    )
    merchant_name: str = strawberry.field(description="The merchant's name.")
    carrier_name: str | None = strawberry.field(description="The carrier's name; null until it has accepted.")
    shared_fields: list[SharedField] = strawberry.field(
        description="What the merchant shares of the orders that the carrier accepts; at most one of each."
    )
    valid_until: datetime | None = strawberry.field(
        description="When it ends by itself, by the wall clock; null: when somebody ends it."
    )
    created_at: datetime = strawberry.field(description="When the invitation was made.")
    accepted_at: datetime | None = strawberry.field(description="When the carrier accepted.")
    ended_at: datetime | None = strawberry.field(description="When it ended.")

    @strawberry.field(description="Which side you are.")
    def side(self, info: Info) -> PartnerSide:
        return side_of(info.context.tenant_id, self.row)

    @classmethod
    def of(cls, row: Row) -> "Partnership":
        """From a row of ``partnerships``."""
        return cls(
            uuid=row["id"],
            row=row,
            status=PartnershipStatus(row["status"]),
            version=row["version"],
            merchant_name=row["merchant_name"],
            carrier_name=row["carrier_name"],
            shared_fields=[SharedField(name) for name in row["shared_fields"]],
            valid_until=row["valid_until"],
            created_at=row["created_at"],
            accepted_at=row["accepted_at"],
            ended_at=row["ended_at"],
        )


@strawberry.type(description="Where the goods of a tender are fetched.")
class TenderPickup:
    address: Address = strawberry.field(description="The postal address.")
    coordinates: Coordinates | None = strawberry.field(description="The point.")
    windows: list[TimeWindow] = strawberry.field(
        description="When they may be fetched, earliest first, at most 10; empty: any time."
    )


@strawberry.type(description="Where a tender goes, as far as a carrier may know before it accepts.")
class TenderArea:
    postal_code: str | None = strawberry.field(description="Postcode.")
    city: str = strawberry.field(description="Town.")
    country: CountryCode = strawberry.field(description="Country.")


@strawberry.type(description="An order offered to a partner carrier, with a price and a deadline.")
class Tender(Node):
    row: strawberry.Private[Row]
    status: TenderStatus = strawberry.field(description="Where it stands.")
    version: int = strawberry.field(description="Counts the changes.")
    reason: TenderReason | None = strawberry.field(description="Why the carrier declined or released it.")
    price_minor: Long | None = strawberry.field(
        description="The offered price in minor units of `currency`; null: as agreed otherwise."
    )
    currency: CurrencyCode = strawberry.field(description="The merchant's currency, ISO 4217.")
    deadline_at: datetime = strawberry.field(description="Until when the carrier may answer, by the wall clock.")
    picked_up: bool = strawberry.field(description="Whether the carrier has had the goods on board.")
    created_at: datetime = strawberry.field(description="When it was offered.")
    answered_at: datetime | None = strawberry.field(description="When it was answered, withdrawn or expired.")

    @strawberry.field(description="Which side you are.")
    def side(self, info: Info) -> PartnerSide:
        return side_of(info.context.tenant_id, self.row)

    @strawberry.field(description="The partnership over which it is offered.")
    async def partnership(self, info: Info) -> Partnership | None:
        return await info.context.load(load_partnerships, self.row["partnership_id"])

    @strawberry.field(
        description="Your own order: the merchant's that is offered, or the carrier's that came of it. Null for a carrier that has not accepted, "
        "and without the scope `orders:read`."
    )
    async def order(self, info: Info) -> Order | None:
        order_id = own_order(info.context.tenant_id, self.row)
        if order_id is None or not info.context.principal.allows(Permission.ORDERS_READ):
            return None
        return await info.context.load(load_orders, order_id)

    @strawberry.field(
        description="How much of a vehicle it takes, as a whole: of compartments the order tells, once it is accepted."
    )
    def load(self) -> Load:
        row = self.row
        return Load(
            weight_grams=row["weight_grams"],
            volume_cubic_centimeters=row["volume_cubic_centimeters"],
            items=row["items"],
        )

    @strawberry.field(description="Where the goods are fetched; whom to ask for there is told with the order.")
    def pickup(self) -> TenderPickup:
        place: dict[str, Any] = self.row["pickup"]
        point = Coordinates(latitude=place["latitude"], longitude=place["longitude"]) if place["latitude"] else None
        address = Address(
            line1=place["line1"],
            line2=place["line2"],
            city=place["city"],
            region=place["region"],
            postal_code=place["postal_code"],
            country=CountryCode(place["country"]),
            formatted=place["formatted"],
        )
        return TenderPickup(address=address, coordinates=point, windows=_windows(place["windows"]))

    @strawberry.field(description="Where it goes, roughly; the whole address is told with the order.")
    def dropoff_area(self) -> TenderArea:
        row = self.row
        return TenderArea(
            postal_code=row["dropoff_postal_code"],
            city=row["dropoff_city"],
            country=CountryCode(row["dropoff_country"]),
        )

    @strawberry.field(description="When it may be brought, earliest first, at most 10; empty: any time.")
    def dropoff_windows(self) -> list[TimeWindow]:
        return _windows(self.row["dropoff_windows"])

    @classmethod
    def of(cls, row: Row) -> "Tender":
        """From a row of ``tenders``."""
        return cls(
            uuid=row["id"],
            row=row,
            status=TenderStatus(row["status"]),
            version=row["version"],
            reason=TenderReason(row["reason"]) if row["reason"] else None,
            price_minor=Long(row["price_minor"]) if row["price_minor"] is not None else None,
            currency=CurrencyCode(row["currency"]),
            deadline_at=row["deadline_at"],
            picked_up=row["picked_up"],
            created_at=row["created_at"],
            answered_at=row["answered_at"],
        )


def _windows(stored: Sequence[dict[str, str]]) -> list[TimeWindow]:
    return [
        TimeWindow(
            start=datetime.fromisoformat(window["start"]).astimezone(UTC),
            end=datetime.fromisoformat(window["end"]).astimezone(UTC),
        )
        for window in stored
    ]


async def load_partnerships(context: Context, keys: list[UUID]) -> Sequence[Partnership | None]:
    """Partnerships by id, of either side."""
    rows = await partnerships_by_ids(await context.reads(), context.tenant_id, keys)
    return [Partnership.of(rows[key]) if key in rows else None for key in keys]


async def load_tenders(context: Context, keys: list[UUID]) -> Sequence[Tender | None]:
    """Tenders by id, of either side."""
    rows = await tenders_by_ids(await context.reads(), context.tenant_id, keys)
    return [Tender.of(rows[key]) if key in rows else None for key in keys]


async def load_visible_tenders(context: Context, keys: list[UUID]) -> Sequence[Tender | None]:
    """Tenders by id; none without the scope `partners:read`."""
    if not context.principal.allows(Permission.PARTNERS_READ):
        return [None for _ in keys]
    return await load_tenders(context, keys)


async def load_tenders_of_orders(context: Context, keys: list[UUID]) -> Sequence[list[Tender]]:
    """The tenders by which orders were offered, by order; none without the scope `partners:read`."""
    found: defaultdict[UUID, list[Tender]] = defaultdict(list)
    if context.principal.allows(Permission.PARTNERS_READ):
        for row in await tenders_of_orders(await context.reads(), context.tenant_id, keys):
            found[row["merchant_order_id"]].append(Tender.of(row))
    return [found[key] for key in keys]


register_node("partnership", "Partnership", Permission.PARTNERS_READ, load_partnerships)
register_node("tender", "Tender", Permission.PARTNERS_READ, load_tenders)
TENDER.supply(load_visible_tenders)
TENDERS.supply(load_tenders_of_orders)
