"""Tables and state machine of orders. No I/O."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Computed, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from doorstep.kernel.tables import INSTANT, JSON_LIST, JSON_OBJECT, MutableTable, TenantTable, one_of, tenant_key


class OrderKind(StrEnum):
    """DELIVERY: loaded at the depot, brought to the recipient. PICKUP_AND_DELIVERY: fetched at one address, brought to another."""

    DELIVERY = "DELIVERY"
    PICKUP_AND_DELIVERY = "PICKUP_AND_DELIVERY"


class OrderStatus(StrEnum):
    """Where an order stands."""

    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    EN_ROUTE_TO_PICKUP = "EN_ROUTE_TO_PICKUP"
    AT_PICKUP = "AT_PICKUP"
    PICKED_UP = "PICKED_UP"
    EN_ROUTE_TO_DROPOFF = "EN_ROUTE_TO_DROPOFF"
    AT_DROPOFF = "AT_DROPOFF"
    DELIVERED = "DELIVERED"
    ATTEMPT_FAILED = "ATTEMPT_FAILED"
    AWAITING_REATTEMPT = "AWAITING_REATTEMPT"
    RETURNING = "RETURNING"
    RETURNED = "RETURNED"
    CANCELLED = "CANCELLED"


class Custody(StrEnum):
    """Who holds the goods: decides what cancelling, failing and returning mean."""

    SENDER = "SENDER"
    DEPOT = "DEPOT"
    VEHICLE = "VEHICLE"
    RECIPIENT = "RECIPIENT"


class LocationStatus(StrEnum):
    """NEEDS_LOCATION: an address without coordinates could not be found for sure; updateOrder cures it."""

    LOCATED = "LOCATED"
    NEEDS_LOCATION = "NEEDS_LOCATION"


class LocationCheck(StrEnum):
    """Whether the point was held against the road network (UNCHECKED: it did not answer in time; planning checks again)."""

    CHECKED = "CHECKED"
    UNCHECKED = "UNCHECKED"


class ProofKind(StrEnum):
    """What a driver can show for an outcome."""

    PIN = "PIN"
    BARCODE = "BARCODE"
    NOTE = "NOTE"
    LEFT_WITH = "LEFT_WITH"


class WaypointRole(StrEnum):
    """Which end of an order a waypoint is."""

    PICKUP = "PICKUP"
    DROPOFF = "DROPOFF"


_S = OrderStatus
TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    _S.PENDING: frozenset({_S.ASSIGNED, _S.CANCELLED}),
    _S.ASSIGNED: frozenset(
        {_S.PENDING, _S.EN_ROUTE_TO_PICKUP, _S.AT_PICKUP, _S.PICKED_UP, _S.ATTEMPT_FAILED, _S.CANCELLED}
    ),
    _S.EN_ROUTE_TO_PICKUP: frozenset({_S.PENDING, _S.AT_PICKUP, _S.PICKED_UP, _S.ATTEMPT_FAILED, _S.CANCELLED}),
    _S.AT_PICKUP: frozenset({_S.PENDING, _S.PICKED_UP, _S.ATTEMPT_FAILED, _S.CANCELLED}),
    _S.PICKED_UP: frozenset({_S.EN_ROUTE_TO_DROPOFF, _S.AT_DROPOFF, _S.ATTEMPT_FAILED, _S.RETURNING}),
    _S.EN_ROUTE_TO_DROPOFF: frozenset({_S.PICKED_UP, _S.AT_DROPOFF, _S.ATTEMPT_FAILED, _S.RETURNING}),
    _S.AT_DROPOFF: frozenset({_S.EN_ROUTE_TO_DROPOFF, _S.DELIVERED, _S.ATTEMPT_FAILED, _S.RETURNING}),
    _S.ATTEMPT_FAILED: frozenset({_S.PENDING, _S.AWAITING_REATTEMPT, _S.RETURNING, _S.CANCELLED}),
    _S.AWAITING_REATTEMPT: frozenset({_S.ASSIGNED, _S.PENDING, _S.RETURNING, _S.CANCELLED}),
    _S.RETURNING: frozenset({_S.RETURNED}),
    _S.DELIVERED: frozenset(),
    _S.RETURNED: frozenset(),
    _S.CANCELLED: frozenset(),
}
"""From each state the states that it may move to (design: state machines)."""

FINAL = frozenset(status for status, following in TRANSITIONS.items() if not following)
PLANNABLE = frozenset({_S.PENDING, _S.AWAITING_REATTEMPT})
ON_ROUTE = frozenset(
    {
        _S.ASSIGNED,
        _S.EN_ROUTE_TO_PICKUP,
        _S.AT_PICKUP,
        _S.PICKED_UP,
        _S.EN_ROUTE_TO_DROPOFF,
        _S.AT_DROPOFF,
    }
)
"""The states in which an order stands on somebody's route and therefore has an ETA."""

CUSTODY_ON_ENTERING: dict[OrderStatus, Custody] = {
    _S.PICKED_UP: Custody.VEHICLE,
    _S.DELIVERED: Custody.RECIPIENT,
    _S.RETURNED: Custody.DEPOT,
}
"""Who holds the goods once a state is entered; in every other state they stay with whoever had them."""


def first_custody(kind: OrderKind) -> Custody:
    """Who holds the goods of a new order: the depot, or the sender at whose address they are fetched."""
    return Custody.DEPOT if kind is OrderKind.DELIVERY else Custody.SENDER


def cancelled_status(custody: Custody) -> OrderStatus:
    """What cancelling means: goods on board must come back first (every depot is the tenant's own, so goods there never left the sender)."""
    return OrderStatus.RETURNING if custody is Custody.VEHICLE else OrderStatus.CANCELLED


class OrderRow(MutableTable, table=True):
    """One thing to deliver or move, for one recipient; it keeps its id for life."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(one_of("kind", list(OrderKind)), name="orders_kind"),
        CheckConstraint(one_of("status", list(OrderStatus)), name="orders_status"),
        CheckConstraint(one_of("custody", list(Custody)), name="orders_custody"),
        CheckConstraint(one_of("location_status", list(LocationStatus)), name="orders_location_status"),
        CheckConstraint("priority BETWEEN 0 AND 100", name="orders_priority"),
        tenant_key("depot_id", "depots"),
        Index(
            "orders_reference", "tenant_id", "reference", unique=True, postgresql_where=text("reference IS NOT NULL")
        ),
        Index("orders_by_creation", "tenant_id", "created_at", "id"),
        Index("orders_by_status", "tenant_id", "status", "created_at", "id"),
        Index("orders_by_due", "tenant_id", "due_order", "id"),
        Index("orders_by_priority", "tenant_id", "priority", "id"),
        Index("orders_by_display_reference", "tenant_id", "display_reference", "created_at", "id"),
    )

    reference: str | None = None
    display_reference: str | None = None
    kind: str
    status: str = OrderStatus.PENDING.value
    custody: str
    location_status: str = LocationStatus.LOCATED.value
    depot_id: UUID | None = None
    priority: int = 0
    required_skills: list[str] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    vehicle_kinds: list[str] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    weight_grams: int = Field(default=0, sa_type=BigInteger)
    volume_cubic_centimeters: int = Field(default=0, sa_type=BigInteger)
    items: int = 0
    proof_kinds: list[str] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    pin: str | None = None
    custom: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs={**JSON_OBJECT, "name": "metadata"})
    attempt_number: int = 0
    status_reason: str | None = None
    due_at: datetime | None = Field(default=None, sa_type=INSTANT)
    due_order: datetime | None = Field(
        default=None,
        sa_column=Column(
            INSTANT, Computed("coalesce(due_at, TIMESTAMPTZ '9999-12-31 00:00:00+00')", persisted=True), nullable=False
        ),
    )
    eta_at: datetime | None = Field(default=None, sa_type=INSTANT)
    eta_late_by_seconds: int | None = None
    eta_stops_before: int | None = None
    eta_updated_at: datetime | None = Field(default=None, sa_type=INSTANT)
    eta_announced_at: datetime | None = Field(default=None, sa_type=INSTANT)


class OrderWaypointRow(SQLModel, table=True):
    """One end of an order: address, point, contact, time windows. Personal data of an order lives here and nowhere else."""

    __tablename__ = "order_waypoints"
    __table_args__ = (
        CheckConstraint(one_of("role", list(WaypointRole)), name="order_waypoints_role"),
        CheckConstraint(one_of("location_check", list(LocationCheck)), name="order_waypoints_location_check"),
        tenant_key("order_id", "orders", ondelete="CASCADE"),
    )

    tenant_id: UUID = Field(primary_key=True)
    order_id: UUID = Field(primary_key=True)
    role: str = Field(primary_key=True)
    line1: str
    line2: str | None = None
    city: str
    region: str | None = None
    postal_code: str | None = None
    country: str
    formatted: str
    latitude: float | None = None
    longitude: float | None = None
    location_check: str = LocationCheck.UNCHECKED.value
    location_reason: str | None = None
    road_distance_meters: float | None = None
    contact_name: str | None = None
    contact_phone: str | None = None
    contact_email: str | None = None
    windows: list[dict[str, str]] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    service_seconds: int = 0
    instructions: str | None = None
    access_code: str | None = None


class PackageRow(TenantTable, table=True):
    """A parcel of an order."""

    __tablename__ = "packages"
    __table_args__ = (
        tenant_key("order_id", "orders", ondelete="CASCADE"),
        Index("packages_by_order", "tenant_id", "order_id", "position"),
        Index("packages_by_barcode", "tenant_id", "barcode"),
    )

    order_id: UUID
    position: int
    barcode: str | None = None
    description: str | None = None
    weight_grams: int = Field(default=0, sa_type=BigInteger)
    volume_cubic_centimeters: int = Field(default=0, sa_type=BigInteger)
    items: int = 1
    fragile: bool = False
