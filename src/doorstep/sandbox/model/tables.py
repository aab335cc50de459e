"""Tables and words of the sandbox. No I/O."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from doorstep.kernel.tables import INSTANT, JSON_OBJECT, MutableTable, TenantTable, one_of, tenant_key
from doorstep.tracking.model import FailureReason

DEFAULT_LATE_MINUTES = 30
DEFAULT_STEP_SECONDS = 60


class SimulatedOutcome(StrEnum):
    """What becomes of an order."""

    DELIVERED = "DELIVERED"
    NOT_HOME = "NOT_HOME"
    REFUSED = "REFUSED"
    LATE = "LATE"
    CARRIER_DECLINES = "CARRIER_DECLINES"


FAILURES: dict[SimulatedOutcome, FailureReason] = {
    SimulatedOutcome.NOT_HOME: FailureReason.NOT_HOME,
    SimulatedOutcome.REFUSED: FailureReason.REFUSED,
}
"""Outcomes at which the driver fails at the door, and the reason that is given; at the others the order is handed over."""


class SimulationStatus(StrEnum):
    """Where a simulation stands."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Ending:
    """What becomes of one order; ``late_minutes`` is for LATE, after its last window or else its planned arrival."""

    outcome: SimulatedOutcome = SimulatedOutcome.DELIVERED
    late_minutes: int = 0

    @property
    def late_by(self) -> timedelta | None:
        """How late the robot comes; None: as it can."""
        return timedelta(minutes=self.late_minutes) if self.outcome is SimulatedOutcome.LATE else None

    def as_json(self) -> dict[str, Any]:
        """The stored form."""
        return {"outcome": self.outcome.value, "late_minutes": self.late_minutes}

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Ending":
        """From its stored form."""
        return cls(SimulatedOutcome(stored["outcome"]), int(stored["late_minutes"]))


class RobotRow(TenantTable, table=True):
    """A driver and a vehicle that the sandbox made, for orders that are on no route."""

    __tablename__ = "robots"
    __table_args__ = (
        tenant_key("driver_id", "drivers"),
        tenant_key("vehicle_id", "vehicles"),
        Index("robots_number", "tenant_id", "number", unique=True),
    )

    number: int
    driver_id: UUID
    vehicle_id: UUID


class SimulationRow(MutableTable, table=True):
    """One robot's work on one route, or its answer to one offer in the carrier's name; instants are the sandbox's.

    ``order_id``: only this order's stops, ``seconds_per_step`` apart; None: the whole route at its planned times. ``endings`` are by order id.
    ``steps`` counts the acts and makes their ids; ``played_to`` is when the last one was; ``positions`` counts those reported since.
    """

    __tablename__ = "simulations"
    __table_args__ = (
        CheckConstraint(one_of("status", list(SimulationStatus)), name="simulations_status"),
        CheckConstraint("num_nonnulls(route_id, tender_id) = 1", name="simulations_subject"),
        tenant_key("route_id", "routes", ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "tender_id"], ["tenders.merchant_id", "tenders.id"], ondelete="CASCADE"),
        tenant_key("order_id", "orders", ondelete="CASCADE"),
        Index("simulations_running", "tenant_id", "route_id", unique=True, postgresql_where=text("status = 'RUNNING'")),
        Index(
            "simulations_answering",
            "tenant_id",
            "tender_id",
            unique=True,
            postgresql_where=text("status = 'RUNNING'"),
        ),
        Index("simulations_by_order", "tenant_id", "order_id"),
    )

    route_id: UUID | None = None
    tender_id: UUID | None = None
    order_id: UUID | None = None
    job_id: UUID
    status: str = SimulationStatus.RUNNING.value
    endings: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs=JSON_OBJECT)
    seconds_per_step: int | None = None
    steps: int = 0
    positions: int = 0
    played_to: datetime = Field(sa_type=INSTANT, nullable=False)
    next_act_at: datetime | None = Field(default=None, sa_type=INSTANT)
    last_error: str | None = None
    started_at: datetime = Field(sa_type=INSTANT, nullable=False)
    finished_at: datetime | None = Field(default=None, sa_type=INSTANT)
