"""Tables and state machines of planning: plans, routes, stops, assignments. No I/O."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from doorstep.kernel.tables import INSTANT, JSON_OBJECT, MutableTable, TenantTable, one_of, tenant_key


class PlanStatus(StrEnum):
    """Where a plan stands; nothing changes in the field until it is COMMITTED."""

    DRAFT = "DRAFT"
    OPTIMIZING = "OPTIMIZING"
    PROPOSED = "PROPOSED"
    COMMITTED = "COMMITTED"
    SUPERSEDED = "SUPERSEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class RouteStatus(StrEnum):
    """Where a route stands."""

    DRAFT = "DRAFT"
    COMMITTED = "COMMITTED"
    DISPATCHED = "DISPATCHED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class StopKind(StrEnum):
    """What happens at a stop."""

    DEPOT_START = "DEPOT_START"
    PICKUP = "PICKUP"
    DROPOFF = "DROPOFF"
    BREAK = "BREAK"
    RELOAD = "RELOAD"
    DEPOT_END = "DEPOT_END"


class StopStatus(StrEnum):
    """Where a stop stands."""

    PENDING = "PENDING"
    EN_ROUTE = "EN_ROUTE"
    ARRIVED = "ARRIVED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"


class PlanPhase(StrEnum):
    """What an optimization is busy with."""

    QUEUED = "QUEUED"
    ROADS = "ROADS"
    SOLVING = "SOLVING"
    PATHS = "PATHS"
    DONE = "DONE"


class PlanObjective(StrEnum):
    """What a plan should have little of, after leaving out as few orders as possible."""

    COST = "COST"
    DURATION = "DURATION"
    DISTANCE = "DISTANCE"
    FEWEST_VEHICLES = "FEWEST_VEHICLES"
    EMISSIONS = "EMISSIONS"
    ON_TIME = "ON_TIME"
    BALANCE = "BALANCE"


class PlanRelationKind(StrEnum):
    """How orders of a plan belong together."""

    SAME_ROUTE = "SAME_ROUTE"
    DIFFERENT_ROUTES = "DIFFERENT_ROUTES"
    IN_SEQUENCE = "IN_SEQUENCE"


class UnassignedCode(StrEnum):
    """Why an order is on no route of a plan."""

    CAPACITY = "CAPACITY"
    COMPARTMENT = "COMPARTMENT"
    SKILL = "SKILL"
    VEHICLE_KIND = "VEHICLE_KIND"
    DEPOT = "DEPOT"
    PINNED = "PINNED"
    RELATION = "RELATION"
    UNREACHABLE = "UNREACHABLE"
    WINDOW = "WINDOW"
    SHIFT = "SHIFT"
    RANGE = "RANGE"
    LIMIT = "LIMIT"
    PRIORITY = "PRIORITY"
    NO_ROOM = "NO_ROOM"
    NEEDS_LOCATION = "NEEDS_LOCATION"
    NOT_PLANNABLE = "NOT_PLANNABLE"
    DROPPED = "DROPPED"


class ExplanationStatus(StrEnum):
    """What the search for a relaxation came to."""

    FOUND = "FOUND"
    NONE = "NONE"
    OUT_OF_TIME = "OUT_OF_TIME"


class RelaxationKind(StrEnum):
    """What could give."""

    WINDOW = "WINDOW"
    PICKUP_WINDOW = "PICKUP_WINDOW"
    WEIGHT = "WEIGHT"
    VOLUME = "VOLUME"
    ITEMS = "ITEMS"
    COMPARTMENT = "COMPARTMENT"
    SKILL = "SKILL"
    VEHICLE_KIND = "VEHICLE_KIND"
    DEPOT = "DEPOT"
    PIN = "PIN"
    SHIFT = "SHIFT"
    STOPS = "STOPS"
    DISTANCE = "DISTANCE"
    DRIVING = "DRIVING"


class RelaxationSearch(StrEnum):
    """How a relaxation was found."""

    INSERTION = "INSERTION"
    RESOLVE = "RESOLVE"


class PlanChangeKind(StrEnum):
    """What is different for an order between two plans; the first that holds."""

    ASSIGNED = "ASSIGNED"
    UNASSIGNED = "UNASSIGNED"
    MOVED = "MOVED"
    RETIMED = "RETIMED"


class RouteRule(StrEnum):
    """What a change of a route by hand would break."""

    WINDOW = "WINDOW"
    CAPACITY = "CAPACITY"
    COMPARTMENT = "COMPARTMENT"
    SKILL = "SKILL"
    VEHICLE_KIND = "VEHICLE_KIND"
    DEPOT = "DEPOT"
    PINNED = "PINNED"
    UNREACHABLE = "UNREACHABLE"
    SHIFT = "SHIFT"
    BREAK = "BREAK"
    MAX_STOPS = "MAX_STOPS"
    MAX_DISTANCE = "MAX_DISTANCE"
    MAX_DRIVING = "MAX_DRIVING"


_P, _R, _S = PlanStatus, RouteStatus, StopStatus
PLAN_TRANSITIONS: dict[PlanStatus, frozenset[PlanStatus]] = {
    _P.DRAFT: frozenset({_P.OPTIMIZING, _P.CANCELLED}),
    _P.OPTIMIZING: frozenset({_P.PROPOSED, _P.FAILED, _P.CANCELLED}),
    _P.PROPOSED: frozenset({_P.OPTIMIZING, _P.COMMITTED, _P.SUPERSEDED, _P.CANCELLED}),
    _P.FAILED: frozenset({_P.DRAFT, _P.OPTIMIZING}),
    _P.COMMITTED: frozenset(),
    _P.SUPERSEDED: frozenset(),
    _P.CANCELLED: frozenset(),
}
ROUTE_TRANSITIONS: dict[RouteStatus, frozenset[RouteStatus]] = {
    _R.DRAFT: frozenset({_R.COMMITTED, _R.CANCELLED}),
    _R.COMMITTED: frozenset({_R.DISPATCHED, _R.CANCELLED}),
    _R.DISPATCHED: frozenset({_R.COMMITTED, _R.IN_PROGRESS, _R.CANCELLED}),
    _R.IN_PROGRESS: frozenset({_R.COMPLETED, _R.CANCELLED}),
    _R.COMPLETED: frozenset(),
    _R.CANCELLED: frozenset(),
}
STOP_TRANSITIONS: dict[StopStatus, frozenset[StopStatus]] = {
    _S.PENDING: frozenset({_S.EN_ROUTE, _S.ARRIVED, _S.FAILED, _S.SKIPPED, _S.CANCELLED}),
    _S.EN_ROUTE: frozenset({_S.PENDING, _S.ARRIVED, _S.FAILED, _S.SKIPPED, _S.CANCELLED}),
    _S.ARRIVED: frozenset({_S.PENDING, _S.COMPLETED, _S.FAILED, _S.SKIPPED, _S.CANCELLED}),
    _S.COMPLETED: frozenset(),
    _S.FAILED: frozenset(),
    _S.SKIPPED: frozenset(),
    _S.CANCELLED: frozenset(),
}
OPEN_STOPS = frozenset({_S.PENDING, _S.EN_ROUTE, _S.ARRIVED})
ACTIVE_ROUTES = frozenset({_R.COMMITTED, _R.DISPATCHED, _R.IN_PROGRESS})
"""Routes that hold their shift: a shift has at most one of them (a partial unique index)."""

CUSTOMER_STOPS = frozenset({StopKind.PICKUP, StopKind.DROPOFF})
"""Stops at doors."""

ORDER_STOPS = CUSTOMER_STOPS | {StopKind.RELOAD}
"""Stops that exist for their orders' sake: without orders they fall away."""


class PlanRow(MutableTable, table=True):
    """One optimization over orders and shifts; a proposal until it is committed."""

    __tablename__ = "plans"
    __table_args__ = (
        CheckConstraint(one_of("status", list(PlanStatus)), name="plans_status"),
        Index("plans_by_creation", "tenant_id", "created_at", "id"),
    )

    name: str | None = None
    status: str = PlanStatus.DRAFT.value
    job_id: UUID | None = None
    options: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs=JSON_OBJECT)
    progress: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs=JSON_OBJECT)
    failure_reason: str | None = None
    superseded_by: UUID | None = None
    network: str | None = None
    map_version: str | None = None
    engine: str | None = None
    summary: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    baseline: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    finished_at: datetime | None = Field(default=None, sa_type=INSTANT)


class PlanOrderRow(SQLModel, table=True):
    """An order of a plan, as the plan saw it (``order_version``); ``reasons`` are set when it stayed unassigned, ``relaxations`` when that was explained."""

    __tablename__ = "plan_orders"
    __table_args__ = (
        tenant_key("plan_id", "plans", ondelete="CASCADE"),
        tenant_key("order_id", "orders"),
        Index("plan_orders_by_order", "tenant_id", "order_id"),
    )

    tenant_id: UUID = Field(primary_key=True)
    plan_id: UUID = Field(primary_key=True)
    order_id: UUID = Field(primary_key=True)
    order_version: int
    assigned: bool = False
    reasons: list[dict[str, Any]] | None = Field(default=None, sa_type=JSONB)
    relaxations: dict[str, Any] | None = Field(default=None, sa_type=JSONB)


class PlanShiftRow(SQLModel, table=True):
    """A shift of a plan, as the plan saw it."""

    __tablename__ = "plan_shifts"
    __table_args__ = (tenant_key("plan_id", "plans", ondelete="CASCADE"), tenant_key("shift_id", "shifts"))

    tenant_id: UUID = Field(primary_key=True)
    plan_id: UUID = Field(primary_key=True)
    shift_id: UUID = Field(primary_key=True)
    shift_version: int


class RouteRow(MutableTable, table=True):
    """One shift's ordered stops; ``version`` also counts every change of its stops and is what a driver's acts carry."""

    __tablename__ = "routes"
    __table_args__ = (
        CheckConstraint(one_of("status", list(RouteStatus)), name="routes_status"),
        tenant_key("plan_id", "plans"),
        tenant_key("shift_id", "shifts"),
        tenant_key("driver_id", "drivers"),
        tenant_key("vehicle_id", "vehicles"),
        tenant_key("depot_id", "depots"),
        Index("routes_by_plan", "tenant_id", "plan_id", "id"),
        Index("routes_by_shift", "tenant_id", "shift_id"),
        Index("routes_by_start", "tenant_id", "starts_at", "id"),
        Index("routes_by_driver", "tenant_id", "driver_id", "status"),
        Index(
            "routes_active_shift",
            "tenant_id",
            "shift_id",
            unique=True,
            postgresql_where=text(one_of("status", sorted(ACTIVE_ROUTES))),
        ),
    )

    plan_id: UUID | None = None
    shift_id: UUID
    driver_id: UUID
    vehicle_id: UUID
    depot_id: UUID
    status: str = RouteStatus.DRAFT.value
    starts_at: datetime = Field(sa_type=INSTANT, nullable=False)
    network: str
    map_version: str | None = None
    summary: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs=JSON_OBJECT)
    dispatched_at: datetime | None = Field(default=None, sa_type=INSTANT)
    started_at: datetime | None = Field(default=None, sa_type=INSTANT)
    completed_at: datetime | None = Field(default=None, sa_type=INSTANT)


class StopRow(MutableTable, table=True):
    """One place and time on a route, for one or more orders."""

    __tablename__ = "stops"
    __table_args__ = (
        CheckConstraint(one_of("kind", list(StopKind)), name="stops_kind"),
        CheckConstraint(one_of("status", list(StopStatus)), name="stops_status"),
        tenant_key("route_id", "routes", ondelete="CASCADE"),
        tenant_key("depot_id", "depots"),
        Index("stops_by_route", "tenant_id", "route_id", "sequence"),
    )

    route_id: UUID
    sequence: int
    kind: str
    status: str = StopStatus.PENDING.value
    depot_id: UUID | None = None
    latitude: float | None = None
    longitude: float | None = None
    planned_arrival: datetime = Field(sa_type=INSTANT, nullable=False)
    planned_service_start: datetime = Field(sa_type=INSTANT, nullable=False)
    planned_departure: datetime = Field(sa_type=INSTANT, nullable=False)
    leg_meters: int = 0
    leg_seconds: int = 0
    leg_path: str | None = None
    load_after: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs=JSON_OBJECT)
    late_seconds: int = 0
    locked: bool = False
    eta_at: datetime | None = Field(default=None, sa_type=INSTANT)
    departed_at: datetime | None = Field(default=None, sa_type=INSTANT)
    arrived_at: datetime | None = Field(default=None, sa_type=INSTANT)
    closed_at: datetime | None = Field(default=None, sa_type=INSTANT)
    failure_reason: str | None = None


class StopOrderRow(SQLModel, table=True):
    """An order served at a stop."""

    __tablename__ = "stop_orders"
    __table_args__ = (
        tenant_key("stop_id", "stops", ondelete="CASCADE"),
        tenant_key("order_id", "orders"),
        Index("stop_orders_by_order", "tenant_id", "order_id"),
    )

    tenant_id: UUID = Field(primary_key=True)
    stop_id: UUID = Field(primary_key=True)
    order_id: UUID = Field(primary_key=True)


class AssignmentRow(TenantTable, table=True):
    """An order on a committed route; the partial unique index makes a second active one impossible, whatever races."""

    __tablename__ = "assignments"
    __table_args__ = (
        tenant_key("order_id", "orders"),
        tenant_key("route_id", "routes"),
        Index("assignments_active", "tenant_id", "order_id", unique=True, postgresql_where=text("active")),
        Index("assignments_by_route", "tenant_id", "route_id"),
    )

    order_id: UUID
    route_id: UUID
    active: bool = True
    assigned_at: datetime = Field(sa_type=INSTANT, nullable=False)
    ended_at: datetime | None = Field(default=None, sa_type=INSTANT)
