"""Tables of execution: acts, attempts, proofs, newest positions."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from doorstep.kernel.tables import INSTANT, JSON_OBJECT, TenantTable, one_of, tenant_key


class StopAct(StrEnum):
    """What a driver does at a stop."""

    DEPART = "DEPART"
    ARRIVE = "ARRIVE"
    COMPLETE = "COMPLETE"
    FAIL = "FAIL"
    SKIP = "SKIP"


class FailureReason(StrEnum):
    """Why an attempt failed."""

    NOT_HOME = "NOT_HOME"
    ADDRESS_NOT_FOUND = "ADDRESS_NOT_FOUND"
    NO_ACCESS = "NO_ACCESS"
    REFUSED = "REFUSED"
    DAMAGED = "DAMAGED"
    MISSING_ITEMS = "MISSING_ITEMS"
    AGE_CHECK_FAILED = "AGE_CHECK_FAILED"
    PIN_WRONG = "PIN_WRONG"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    NOT_READY = "NOT_READY"
    CLOSED = "CLOSED"
    NO_TIME = "NO_TIME"
    VEHICLE_TROUBLE = "VEHICLE_TROUBLE"
    WEATHER = "WEATHER"
    UNSAFE = "UNSAFE"
    OTHER = "OTHER"


class AttemptOutcome(StrEnum):
    """How one try ended."""

    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class StopActRow(SQLModel, table=True):
    """An act as the device reported it; its id, made by the device, makes a repeated report harmless."""

    __tablename__ = "stop_acts"
    __table_args__ = (
        CheckConstraint(one_of("act", list(StopAct)), name="stop_acts_act"),
        tenant_key("stop_id", "stops", ondelete="CASCADE"),
        Index("stop_acts_by_stop", "tenant_id", "stop_id", "occurred_at"),
    )

    tenant_id: UUID = Field(primary_key=True)
    act_id: str = Field(primary_key=True)
    stop_id: UUID
    act: str
    fingerprint: bytes
    occurred_at: datetime = Field(sa_type=INSTANT, nullable=False)
    recorded_at: datetime = Field(sa_type=INSTANT, nullable=False)
    outcome: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs=JSON_OBJECT)


class AttemptRow(TenantTable, table=True):
    """One try at delivering an order."""

    __tablename__ = "attempts"
    __table_args__ = (
        CheckConstraint(one_of("outcome", list(AttemptOutcome)), name="attempts_outcome"),
        tenant_key("order_id", "orders", ondelete="CASCADE"),
        tenant_key("stop_id", "stops"),
        Index("attempts_by_order", "tenant_id", "order_id", "number"),
    )

    order_id: UUID
    stop_id: UUID | None = None
    number: int
    outcome: str
    reason: str | None = None
    note: str | None = None
    occurred_at: datetime = Field(sa_type=INSTANT, nullable=False)


class ProofRow(TenantTable, table=True):
    """What the driver showed for an outcome."""

    __tablename__ = "proofs"
    __table_args__ = (
        tenant_key("order_id", "orders", ondelete="CASCADE"),
        tenant_key("stop_id", "stops"),
        Index("proofs_by_order", "tenant_id", "order_id", "captured_at"),
    )

    order_id: UUID
    stop_id: UUID | None = None
    kind: str
    captured_at: datetime = Field(sa_type=INSTANT, nullable=False)
    latitude: float | None = None
    longitude: float | None = None
    distance_from_target_meters: float | None = None
    barcode: str | None = None
    recipient_name: str | None = None
    note: str | None = None


class PositionRow(SQLModel, table=True):
    """The newest position of a vehicle, by the device's clock; older reports change nothing."""

    __tablename__ = "vehicle_positions"
    __table_args__ = (tenant_key("vehicle_id", "vehicles", ondelete="CASCADE"),)

    tenant_id: UUID = Field(primary_key=True)
    vehicle_id: UUID = Field(primary_key=True)
    latitude: float
    longitude: float
    occurred_at: datetime = Field(sa_type=INSTANT, nullable=False)
    recorded_at: datetime = Field(sa_type=INSTANT, nullable=False)
    heading_degrees: float | None = None
    speed_meters_per_second: float | None = None
    accuracy_meters: float | None = None


class TrackingLinkRow(SQLModel, table=True):
    """The link by which a recipient follows an order. A raised ``generation`` is another token; ``hash`` is null until somebody reads it."""

    __tablename__ = "tracking_links"
    __table_args__ = (tenant_key("order_id", "orders", ondelete="CASCADE"), Index("tracking_links_by_hash", "hash"))

    tenant_id: UUID = Field(primary_key=True)
    order_id: UUID = Field(primary_key=True)
    generation: int
    hash: bytes | None = None
