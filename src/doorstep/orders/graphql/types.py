"""Order and its parts as the schema shows them. Nested objects are batch reads: one query per field and level, never per row."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from doorstep.kernel.db import Row
from doorstep.kernel.event_stream import decode_cursor
from doorstep.kernel.graphql.connections import After, Connection, First, PageInfo
from doorstep.kernel.graphql.context import Context, Info
from doorstep.kernel.graphql.enums import member_of
from doorstep.kernel.graphql.events import Event, show_event
from doorstep.kernel.graphql.nodes import Node, register_node
from doorstep.kernel.graphql.scalars import URL, JSONObject
from doorstep.kernel.graphql.values import Coordinates, Load, TimeWindow
from doorstep.kernel.paging import PageRequest
from doorstep.kernel.pins import shown_pin
from doorstep.kernel.scope import Permission
from doorstep.orders.graphql.edges import ASSIGNMENT, ATTEMPTS, DEPOT, PROOFS, TENDER, TENDERS, TRACKING_URL
from doorstep.orders.graphql.parts import Eta, OrderAction
from doorstep.orders.model import (
    ON_ROUTE,
    Custody,
    LocationCheck,
    LocationReason,
    LocationStatus,
    OrderKind,
    OrderStatus,
    ProofKind,
    Readiness,
    Standing,
    WaypointRole,
    next_actions,
)
from doorstep.orders.reads import (
    compartments_of,
    count_events_of,
    events_of,
    orders_by_ids,
    packages_by_ids,
    packages_of,
    waypoints_of,
    windows_of,
)
from doorstep.places.graphql import Address, Contact
from doorstep.places.model import VehicleKind

if TYPE_CHECKING:
    from doorstep.fleets.graphql import Depot
    from doorstep.partners.graphql import Tender
    from doorstep.planning.graphql import Assignment
    from doorstep.tracking.graphql import Attempt, Proof

_CUSTODY = member_of(Custody)
_READINESS = member_of(Readiness)
_LOCATION_CHECK = member_of(LocationCheck)
_LOCATION_REASON = member_of(LocationReason)
_LOCATION_STATUS = member_of(LocationStatus)
_ORDER_KIND = member_of(OrderKind)
_ORDER_STATUS = member_of(OrderStatus)


def _amounts(row: Row) -> tuple[int, int, int]:
    return row["weight_grams"], row["volume_cubic_centimeters"], row["items"]


@strawberry.type(description="One end of an order: where it is fetched, or where it goes.")
class Waypoint:
    address: Address = strawberry.field(description="The postal address.")
    coordinates: Coordinates | None = strawberry.field(
        description="The point; null while the address is not found, and once the order was erased."
    )
    location_check: LocationCheck = strawberry.field(description="Whether a road is known to lead there.")
    location_reason: LocationReason | None = strawberry.field(
        description="Why the address was not found for sure; null when the order has a point."
    )
    contact: Contact | None = strawberry.field(description="Whom to ask for.")
    windows: list[TimeWindow] = strawberry.field(
        description="When somebody may come, earliest first, at most 10; empty: any time."
    )
    service_seconds: int = strawberry.field(description="Seconds that the driver needs at the door.")
    instructions: str | None = strawberry.field(description="What the driver should know.")
    access_code: str | None = strawberry.field(description="What opens the door.")

    @classmethod
    def of(cls, row: Row) -> "Waypoint":
        """From a row of ``order_waypoints``."""
        located = row["latitude"] is not None
        contact = (row["contact_name"], row["contact_phone"], row["contact_email"])
        return cls(
            address=Address.of(row),
            coordinates=Coordinates(latitude=row["latitude"], longitude=row["longitude"]) if located else None,
            location_check=_LOCATION_CHECK(row["location_check"]),
            location_reason=_LOCATION_REASON(row["location_reason"]) if row["location_reason"] else None,
            contact=Contact(name=contact[0], phone=contact[1], email=contact[2]) if any(contact) else None,
            windows=[TimeWindow(start=window.start, end=window.end) for window in windows_of(row)],
            service_seconds=row["service_seconds"],
            instructions=row["instructions"],
            access_code=row["access_code"],
        )


@strawberry.type(description="A parcel of an order.")
class Package(Node):
    barcode: str | None = strawberry.field(description="What is scanned.")
    description: str | None = strawberry.field(description="What is inside.")
    load: Load = strawberry.field(description="How much of a vehicle it takes.")
    fragile: bool = strawberry.field(description="Whether it breaks easily.")
    compartment: str | None = strawberry.field(description="The compartment that it must travel in; null: anywhere.")

    @classmethod
    def of(cls, row: Row) -> "Package":
        """From a row of ``packages``."""
        return cls(
            uuid=row["id"],
            barcode=row["barcode"],
            description=row["description"],
            load=Load.of(*_amounts(row), {row["compartment"]: _amounts(row)} if row["compartment"] else None),
            fragile=row["fragile"],
            compartment=row["compartment"],
        )


@strawberry.type(description="What the driver must show before an order counts as delivered.")
class ProofRequirement:
    kinds: list[ProofKind] = strawberry.field(description="Every kind that must be shown; at most one of each.")
    given_pin: strawberry.Private[str | None]

    @strawberry.field(
        description="What the recipient tells the driver, where a PIN is required; shown only to credentials that may write orders."
    )
    def pin(self, info: Info) -> str | None:
        return self.given_pin if info.context.principal.allows(Permission.ORDERS_WRITE) else None


@strawberry.type(description="One thing to deliver, or to fetch and deliver. It keeps one id for life.")
class Order(Node):
    row: strawberry.Private[Row]
    reference: str | None = strawberry.field(
        description="The integrator's own number; unique in the tenant when given."
    )
    display_reference: str | None = strawberry.field(description="What people read on the ticket; may repeat.")
    carrier_reference: str | None = strawberry.field(
        description="The carrier's own number for it; flows back to the merchant."
    )
    version: int = strawberry.field(
        description="Counts the changes; send it as `ifVersion` to change only what you saw."
    )
    kind: OrderKind = strawberry.field(description="What it asks for.")
    status: OrderStatus = strawberry.field(description="Where it stands.")
    status_reason: str | None = strawberry.field(
        description="Why it came into this state, such as a failure reason or why it was called off."
    )
    custody: Custody = strawberry.field(description="Who holds the goods.")
    location_status: LocationStatus = strawberry.field(description="Whether its addresses are found.")
    readiness: Readiness = strawberry.field(description="How far the goods are: set by setOrderReadiness.")
    ready_at: datetime | None = strawberry.field(description="When the goods are expected to be ready; null: not said.")
    attempt_number: int = strawberry.field(description="How often it was tried before, without success.")
    priority: int = strawberry.field(description="0 to 100; where not all fit, higher ones go first.")
    required_skills: list[str] = strawberry.field(description="What driver and vehicle must be able to do, at most 20.")
    due_at: datetime | None = strawberry.field(description="The end of the last drop-off window; null: any time.")
    created_at: datetime = strawberry.field(description="When it was taken in.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    erased_at: datetime | None = strawberry.field(
        description="When its people were erased: since then `erased` stands for what may not be null, and nothing of it can be changed."
    )

    @classmethod
    def of(cls, row: Row) -> "Order":
        """From a row with the columns of ``reads.COLUMNS``."""
        return cls(
            uuid=row["id"],
            row=row,
            reference=row["reference"],
            display_reference=row["display_reference"],
            carrier_reference=row["carrier_reference"],
            version=row["version"],
            kind=_ORDER_KIND(row["kind"]),
            status=_ORDER_STATUS(row["status"]),
            status_reason=row["status_reason"],
            custody=_CUSTODY(row["custody"]),
            location_status=_LOCATION_STATUS(row["location_status"]),
            readiness=_READINESS(row["readiness"]),
            ready_at=row["ready_at"],
            attempt_number=row["attempt_number"],
            priority=row["priority"],
            required_skills=row["required_skills"],
            due_at=row["due_at"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            erased_at=row["erased_at"],
        )

    @strawberry.field(
        description="What may be done now, by whom, and what proof it needs; computed from the state machine, at most 8."
    )
    def next_actions(self) -> list[OrderAction]:
        standing = Standing(
            self.status, self.custody, self.kind, self.location_status, tuple(self._proof_kinds()),
            given=self.row["given_tender_id"] is not None, for_another=self.row["source_tender_id"] is not None,
        )  # fmt: skip
        return [OrderAction.of(action) for action in next_actions(standing)]

    @strawberry.field(description="Where it is fetched; null: loaded at the depot.")
    async def pickup(self, info: Info) -> Waypoint | None:
        return (await info.context.load(load_waypoints, self.uuid)).get(WaypointRole.PICKUP)

    @strawberry.field(description="Where it goes.")
    async def dropoff(self, info: Info) -> Waypoint | None:
        return (await info.context.load(load_waypoints, self.uuid)).get(WaypointRole.DROPOFF)

    @strawberry.field(description="The depot that it is served from; null: any.")
    async def depot(self, info: Info) -> Annotated["Depot", strawberry.lazy("doorstep.fleets.graphql")] | None:
        depot_id: UUID | None = self.row["depot_id"]
        return await DEPOT.load(info.context, depot_id) if depot_id else None

    @strawberry.field(
        description="The route that it is on, with stops, driver and vehicle; null while it is on none, and without the scope `planning:read`."
    )
    async def assignment(
        self, info: Info
    ) -> Annotated["Assignment", strawberry.lazy("doorstep.planning.graphql")] | None:
        return await ASSIGNMENT.load(info.context, self.uuid)

    @strawberry.field(
        description="The tender by which a partner carrier has it, or is offered it; null: neither, and without the scope `partners:read`."
    )
    async def carrier_tender(
        self, info: Info
    ) -> Annotated["Tender", strawberry.lazy("doorstep.partners.graphql")] | None:
        given: UUID | None = self.row["given_tender_id"]
        return await TENDER.load(info.context, given) if given else None

    @strawberry.field(
        description="The tender by which it came from a merchant; null: it is our own, and without the scope `partners:read`."
    )
    async def merchant_tender(
        self, info: Info
    ) -> Annotated["Tender", strawberry.lazy("doorstep.partners.graphql")] | None:
        source: UUID | None = self.row["source_tender_id"]
        return await TENDER.load(info.context, source) if source else None

    @strawberry.field(
        description="Its offers to partner carriers, first to last; empty without the scope `partners:read`."
    )
    async def tenders(self, info: Info) -> list[Annotated["Tender", strawberry.lazy("doorstep.partners.graphql")]]:
        return await TENDERS.load(info.context, self.uuid)

    @strawberry.field(description="Its tries so far, first to last.")
    async def attempts(self, info: Info) -> list[Annotated["Attempt", strawberry.lazy("doorstep.tracking.graphql")]]:
        return await ATTEMPTS.load(info.context, self.uuid)

    @strawberry.field(description="What drivers showed for its outcomes, first to last.")
    async def proofs(self, info: Info) -> list[Annotated["Proof", strawberry.lazy("doorstep.tracking.graphql")]]:
        return await PROOFS.load(info.context, self.uuid)

    @strawberry.field(
        description=(
            "The page on which its recipient follows it, for a message to them; the token behind the # is also a credential for `tracking`. Good "
            "until 48 hours after the final state, unless revokeTracking ends it. Null without the scopes `tokens:write` and `tracking:read`, and "
            "once the order was erased."
        )
    )
    async def tracking_url(self, info: Info) -> URL | None:
        return await TRACKING_URL.load(info.context, self.uuid)

    @strawberry.field(description="Its parcels, at most 100.")
    async def packages(self, info: Info) -> list[Package]:
        return await info.context.load(load_packages, self.uuid)

    @strawberry.field(description="How much of a vehicle it takes: the sum of its packages.")
    def load(self) -> Load:
        return Load.of(*_amounts(self.row), compartments_of(self.row))

    @strawberry.field(description="The kinds of vehicle that may bring it; empty: any.")
    def vehicle_kinds(self) -> list[VehicleKind]:
        return [VehicleKind(kind) for kind in self.row["vehicle_kinds"]]

    @strawberry.field(description="What the driver must show.")
    def proof_required(self) -> ProofRequirement:
        return ProofRequirement(kinds=self._proof_kinds(), given_pin=shown_pin(self.row["pin"]))

    @strawberry.field(description="When it is expected; null while it is on no route.")
    def eta(self) -> Eta | None:
        if self.row["eta_at"] is None or self.status not in ON_ROUTE:
            return None
        return Eta(
            at=self.row["eta_at"].astimezone(UTC),
            stops_before=self.row["eta_stops_before"] or 0,
            late_by_seconds=self.row["eta_late_by_seconds"] or 0,
            updated_at=self.row["eta_updated_at"],
        )

    @strawberry.field(description="The integrator's own data.")
    def metadata(self) -> JSONObject:
        return JSONObject(self.row["metadata"])

    @strawberry.field(
        description="What happened to it, oldest first. Needs the scope `events:read`. The cursors are places in the tenant's event log."
    )
    async def events(
        self,
        info: Info,
        first: First = None,
        after: After = None,
    ) -> Connection[Event]:
        context = info.context
        context.require(Permission.EVENTS_READ)
        size = PageRequest(first=first).size()
        seq = decode_cursor(context.tenant_id, after).seq if after is not None else 0
        rows = await context.load(load_events, (self.uuid, size, seq))
        shown = [show_event(row) for row in rows[:size]]
        return Connection(
            items=shown,
            cursors=lambda: [event.cursor(info) for event in shown],
            page_info=PageInfo(
                has_next_page=len(rows) > size,
                has_previous_page=after is not None,
                start_cursor=shown[0].cursor(info) if shown else None,
                end_cursor=shown[-1].cursor(info) if shown else after,
            ),
            count=lambda: context.load(load_event_counts, self.uuid),
        )

    def _proof_kinds(self) -> list[ProofKind]:
        return [ProofKind(kind) for kind in self.row["proof_kinds"]]


async def load_orders(context: Context, keys: list[UUID]) -> Sequence[Order | None]:
    """Orders by id."""
    rows = await orders_by_ids(await context.reads(), context.tenant_id, keys)
    found = {row["id"]: Order.of(row) for row in rows}
    return [found.get(key) for key in keys]


async def load_waypoints(context: Context, keys: list[UUID]) -> Sequence[dict[WaypointRole, Waypoint]]:
    """The ends of orders, by order id."""
    ends: defaultdict[UUID, dict[WaypointRole, Waypoint]] = defaultdict(dict)
    for row in await waypoints_of(await context.reads(), context.tenant_id, keys):
        ends[row["order_id"]][WaypointRole(row["role"])] = Waypoint.of(row)
    return [ends[key] for key in keys]


async def load_packages(context: Context, keys: list[UUID]) -> Sequence[list[Package]]:
    """The packages of orders, by order id."""
    packages: defaultdict[UUID, list[Package]] = defaultdict(list)
    for row in await packages_of(await context.reads(), context.tenant_id, keys):
        packages[row["order_id"]].append(Package.of(row))
    return [packages[key] for key in keys]


async def load_packages_by_id(context: Context, keys: list[UUID]) -> Sequence[Package | None]:
    """Packages by their own ids."""
    rows = await packages_by_ids(await context.reads(), context.tenant_id, keys)
    found = {row["id"]: Package.of(row) for row in rows}
    return [found.get(key) for key in keys]


async def load_events(context: Context, keys: list[tuple[UUID, int, int]]) -> Sequence[list[Row]]:
    """One more than so many events of each order after a number, by (order id, how many, number)."""
    found: dict[tuple[UUID, int, int], list[Row]] = {key: [] for key in keys}
    for size, seq in sorted({(size, seq) for _, size, seq in keys}):
        orders = [order_id for order_id, its_size, its_seq in keys if (its_size, its_seq) == (size, seq)]
        for row in await events_of(await context.reads(), context.tenant_id, orders, seq, size + 1):
            found[row["order_id"], size, seq].append(row)
    return [found[key] for key in keys]


async def load_event_counts(context: Context, keys: list[UUID]) -> Sequence[int]:
    """How many events each order has."""
    counts = await count_events_of(await context.reads(), context.tenant_id, keys)
    return [counts.get(key, 0) for key in keys]


register_node("order", "Order", Permission.ORDERS_READ, load_orders)
register_node("pkg", "Package", Permission.ORDERS_READ, load_packages_by_id)
