"""Tables and state machine of orders. No I/O."""

from dataclasses import dataclass
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
    OFFERED = "OFFERED"
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


class Readiness(StrEnum):
    """How far the goods are, at the sender or at the depot; it stands beside the state."""

    NOT_READY = "NOT_READY"
    PREPARING = "PREPARING"
    READY = "READY"


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
    _S.PENDING: frozenset({_S.OFFERED, _S.ASSIGNED, _S.CANCELLED}),
    _S.OFFERED: frozenset({_S.PENDING, _S.ASSIGNED, _S.RETURNING, _S.CANCELLED}),
    _S.ASSIGNED: frozenset(
        {_S.PENDING, _S.EN_ROUTE_TO_PICKUP, _S.AT_PICKUP, _S.PICKED_UP, _S.ATTEMPT_FAILED, _S.RETURNING, _S.CANCELLED}
    ),
    _S.EN_ROUTE_TO_PICKUP: frozenset({_S.PENDING, _S.AT_PICKUP, _S.PICKED_UP, _S.ATTEMPT_FAILED, _S.CANCELLED}),
    _S.AT_PICKUP: frozenset({_S.PENDING, _S.PICKED_UP, _S.ATTEMPT_FAILED, _S.CANCELLED}),
    _S.PICKED_UP: frozenset({_S.EN_ROUTE_TO_DROPOFF, _S.AT_DROPOFF, _S.ATTEMPT_FAILED, _S.RETURNING}),
    _S.EN_ROUTE_TO_DROPOFF: frozenset({_S.PICKED_UP, _S.AT_DROPOFF, _S.ATTEMPT_FAILED, _S.RETURNING}),
    _S.AT_DROPOFF: frozenset({_S.EN_ROUTE_TO_DROPOFF, _S.DELIVERED, _S.ATTEMPT_FAILED, _S.RETURNING}),
    _S.ATTEMPT_FAILED: frozenset({_S.PENDING, _S.AWAITING_REATTEMPT, _S.RETURNING, _S.CANCELLED}),
    _S.AWAITING_REATTEMPT: frozenset({_S.OFFERED, _S.ASSIGNED, _S.PENDING, _S.RETURNING, _S.CANCELLED}),
    _S.RETURNING: frozenset({_S.RETURNED}),
    _S.DELIVERED: frozenset(),
    _S.RETURNED: frozenset(),
    _S.CANCELLED: frozenset(),
}
"""From each state the states that it may move to (design: state machines)."""

FINAL = frozenset(status for status, following in TRANSITIONS.items() if not following)
PLANNABLE = frozenset({_S.PENDING, _S.AWAITING_REATTEMPT})


def plannable(status: str, given_tender_id: UUID | None) -> bool:
    """Whether a plan may take the order: it waits to be brought, and no partner carrier has it."""
    return status in PLANNABLE and given_tender_id is None


ON_ROUTE = frozenset(
    {_S.ASSIGNED, _S.EN_ROUTE_TO_PICKUP, _S.AT_PICKUP, _S.PICKED_UP, _S.EN_ROUTE_TO_DROPOFF, _S.AT_DROPOFF}
)
"""The states in which an order stands on somebody's route and therefore has an ETA."""

AWAITS_GOODS = PLANNABLE | {_S.OFFERED, _S.ASSIGNED, _S.EN_ROUTE_TO_PICKUP, _S.AT_PICKUP, _S.ATTEMPT_FAILED}
"""The states in which the goods are still to be fetched or loaded, so that it matters when they are ready."""

CUSTODY_ON_ENTERING: dict[OrderStatus, Custody] = {
    _S.PICKED_UP: Custody.VEHICLE,
    _S.DELIVERED: Custody.RECIPIENT,
    _S.RETURNED: Custody.DEPOT,
}
"""Who holds the goods once a state is entered; in every other state they stay with whoever had them."""


def first_custody(kind: OrderKind) -> Custody:
    """Who holds the goods of a new order: the depot, or the sender at whose address they are fetched."""
    return Custody.DEPOT if kind is OrderKind.DELIVERY else Custody.SENDER


def cancelled_status(custody: Custody, *, for_another: bool = False) -> OrderStatus:
    """What cancelling means: goods on board must come back first.

    Every depot is the tenant's own, so that its own goods there never left the sender; those that it carries ``for_another`` company did.
    """
    left = custody is Custody.VEHICLE or (for_another and custody is Custody.DEPOT)
    return OrderStatus.RETURNING if left else OrderStatus.CANCELLED


class CancelReason(StrEnum):
    """Why an order was called off; a fixed list, because it goes into the log, which holds nobody's words."""

    CUSTOMER_REQUEST = "CUSTOMER_REQUEST"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    DUPLICATE = "DUPLICATE"
    ADDRESS = "ADDRESS"
    CLOSED = "CLOSED"
    OTHER = "OTHER"


class LocationReason(StrEnum):
    """Why an address was not located (the verdicts of the address index)."""

    NO_MAP = "NO_MAP"
    OTHER_COUNTRY = "OTHER_COUNTRY"
    NOT_FOUND = "NOT_FOUND"
    STREET_ONLY = "STREET_ONLY"
    PLACE_ONLY = "PLACE_ONLY"
    AMBIGUOUS = "AMBIGUOUS"
    DOUBTFUL = "DOUBTFUL"
    NO_TIME = "NO_TIME"


class OrderActionKind(StrEnum):
    """What can be done to an order."""

    LOCATE = "LOCATE"
    ASSIGN = "ASSIGN"
    TENDER = "TENDER"
    WITHDRAW = "WITHDRAW"
    UNASSIGN = "UNASSIGN"
    DEPART = "DEPART"
    ARRIVE = "ARRIVE"
    PICK_UP = "PICK_UP"
    DELIVER = "DELIVER"
    FAIL = "FAIL"
    RETURN = "RETURN"
    CANCEL = "CANCEL"


class ActorRole(StrEnum):
    """Whose act something is."""

    MERCHANT = "MERCHANT"
    DISPATCHER = "DISPATCHER"
    DRIVER = "DRIVER"


@dataclass(frozen=True, slots=True)
class NextAction:
    """Something that may be done now: to which state it leads, whose act it is, by which mutation, and the proofs that it needs."""

    kind: OrderActionKind
    to: OrderStatus
    by: tuple[ActorRole, ...]
    mutation: str
    proofs: tuple[ProofKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides an order's next actions; ``given``: a partner carrier has it or is offered it, ``for_another``: it came from a merchant."""

    status: OrderStatus
    custody: Custody
    kind: OrderKind
    location_status: LocationStatus
    proof_kinds: tuple[ProofKind, ...] = ()
    given: bool = False
    for_another: bool = False


_DRIVER = (ActorRole.DRIVER,)
_OFFICE = (ActorRole.MERCHANT, ActorRole.DISPATCHER)
_K = OrderActionKind
_ACTS: tuple[tuple[OrderActionKind, OrderStatus, OrderStatus], ...] = (
    (_K.ARRIVE, _S.EN_ROUTE_TO_PICKUP, _S.AT_PICKUP),
    (_K.PICK_UP, _S.AT_PICKUP, _S.PICKED_UP),
    (_K.DEPART, _S.PICKED_UP, _S.EN_ROUTE_TO_DROPOFF),
    (_K.ARRIVE, _S.PICKED_UP, _S.AT_DROPOFF),
    (_K.ARRIVE, _S.EN_ROUTE_TO_DROPOFF, _S.AT_DROPOFF),
    (_K.DELIVER, _S.AT_DROPOFF, _S.DELIVERED),
    (_K.RETURN, _S.RETURNING, _S.RETURNED),
    *((_K.FAIL, status, _S.ATTEMPT_FAILED) for status in sorted(ON_ROUTE)),
)
_ACTS_AT_DEPOT = ((_K.PICK_UP, _S.ASSIGNED, _S.PICKED_UP),)
_ACTS_AT_SENDER = ((_K.DEPART, _S.ASSIGNED, _S.EN_ROUTE_TO_PICKUP), (_K.ARRIVE, _S.ASSIGNED, _S.AT_PICKUP))


def to_be_fetched(kind: OrderKind, custody: Custody) -> bool:
    """Whether somebody must still go to the pickup address; after a failed try the goods of such an order lie at a depot, too."""
    return kind is OrderKind.PICKUP_AND_DELIVERY and custody is Custody.SENDER


def next_actions(order: Standing) -> list[NextAction]:
    """What may be done to the order now; every one of them leads along ``TRANSITIONS``, but LOCATE, which leaves the state as it is."""
    actions = _with_partner(order) if order.given else _own_actions(order)
    cancelled = cancelled_status(order.custody, for_another=order.for_another)
    if cancelled in TRANSITIONS[order.status]:
        actions.append(NextAction(_K.CANCEL, cancelled, _OFFICE, "cancelOrder"))
    return actions


def _with_partner(order: Standing) -> list[NextAction]:
    """Everything else is the partner carrier's business."""
    return [NextAction(_K.WITHDRAW, _S.PENDING, _OFFICE, "withdrawTender")] if order.status is _S.OFFERED else []


def _own_actions(order: Standing) -> list[NextAction]:
    actions: list[NextAction] = []
    if order.status in PLANNABLE and order.location_status is LocationStatus.NEEDS_LOCATION:
        actions.append(NextAction(_K.LOCATE, order.status, _OFFICE, "updateOrder"))
    elif order.status in PLANNABLE:
        actions.append(NextAction(_K.ASSIGN, _S.ASSIGNED, (ActorRole.DISPATCHER,), "assignOrders"))
        actions.append(NextAction(_K.TENDER, _S.OFFERED, _OFFICE, "tenderOrder"))
    if order.status is _S.ASSIGNED:
        actions.append(NextAction(_K.UNASSIGN, _S.PENDING, (ActorRole.DISPATCHER,), "unassignOrders"))
    first_acts = _ACTS_AT_SENDER if to_be_fetched(order.kind, order.custody) else _ACTS_AT_DEPOT
    actions += [
        NextAction(kind, to, _DRIVER, "advanceStop", order.proof_kinds if kind is _K.DELIVER else ())
        for kind, status, to in (*first_acts, *_ACTS)
        if status is order.status
    ]
    return actions


_TO_ERASE = text(f"erased_at IS NULL AND {one_of('status', sorted(FINAL))}")


class OrderRow(MutableTable, table=True):
    """One thing to deliver or move, for one recipient; it keeps its id for life."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(one_of("kind", list(OrderKind)), name="orders_kind"),
        CheckConstraint(one_of("status", list(OrderStatus)), name="orders_status"),
        CheckConstraint(one_of("custody", list(Custody)), name="orders_custody"),
        CheckConstraint(one_of("location_status", list(LocationStatus)), name="orders_location_status"),
        CheckConstraint(one_of("readiness", list(Readiness)), name="orders_readiness"),
        CheckConstraint("readiness <> 'READY' OR ready_at IS NULL", name="orders_ready_at"),
        CheckConstraint("priority BETWEEN 0 AND 100", name="orders_priority"),
        tenant_key("depot_id", "depots"),
        Index(
            "orders_reference", "tenant_id", "reference", unique=True, postgresql_where=text("reference IS NOT NULL")
        ),
        Index("orders_by_creation", "tenant_id", "created_at", "id"),
        Index("orders_by_status", "tenant_id", "status", "created_at", "id"),
        Index("orders_by_due", "tenant_id", "due_order", "id"),
        Index("orders_by_priority", "tenant_id", "priority", "id"),
        Index("orders_to_erase", "tenant_id", "updated_at", postgresql_where=_TO_ERASE),
        Index("orders_by_display_reference", "tenant_id", "display_reference", "created_at", "id"),
    )

    reference: str | None = None
    display_reference: str | None = None
    kind: str
    status: str = OrderStatus.PENDING.value
    custody: str
    location_status: str = LocationStatus.LOCATED.value
    readiness: str = Field(default=Readiness.READY.value, sa_column_kwargs={"server_default": "READY"})
    ready_at: datetime | None = Field(default=None, sa_type=INSTANT)
    depot_id: UUID | None = None
    priority: int = 0
    required_skills: list[str] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    vehicle_kinds: list[str] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    weight_grams: int = Field(default=0, sa_type=BigInteger)
    volume_cubic_centimeters: int = Field(default=0, sa_type=BigInteger)
    items: int = 0
    compartments: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs=JSON_OBJECT)
    proof_kinds: list[str] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    pin: str | None = None
    custom: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs={**JSON_OBJECT, "name": "metadata"})
    attempt_number: int = 0
    status_reason: str | None = None
    carrier_reference: str | None = None
    given_tender_id: UUID | None = None
    source_tender_id: UUID | None = None
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
    erased_at: datetime | None = Field(default=None, sa_type=INSTANT)


class OrderWaypointRow(SQLModel, table=True):
    """One end of an order: address, point, contact, time windows. Personal data of an order lives here and nowhere else."""

    __tablename__ = "order_waypoints"
    __table_args__ = (
        CheckConstraint(one_of("role", list(WaypointRole)), name="order_waypoints_role"),
        CheckConstraint(one_of("location_check", list(LocationCheck)), name="order_waypoints_location_check"),
        CheckConstraint(
            f"location_reason IS NULL OR {one_of('location_reason', list(LocationReason))}",
            name="order_waypoints_location_reason",
        ),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="order_waypoints_point"),
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
        CheckConstraint("compartment <> ''", name="packages_compartment"),
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
    compartment: str | None = None
