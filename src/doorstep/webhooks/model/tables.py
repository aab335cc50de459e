"""Tables and words of webhooks."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, String, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from doorstep.kernel.tables import INSTANT, MutableTable, TenantTable, one_of, tenant_key


class EndpointStatus(StrEnum):
    """Whether anything is delivered to an endpoint."""

    ACTIVE = "ACTIVE"
    DOWN = "DOWN"
    PAUSED = "PAUSED"
    DISABLED = "DISABLED"


class EndpointReason(StrEnum):
    """Why Doorstep disabled an endpoint."""

    GONE = "GONE"
    FAILING = "FAILING"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "PENDING"
    SENDING = "SENDING"
    DELIVERED = "DELIVERED"
    PARKED = "PARKED"


class DeliveryOrigin(StrEnum):
    """Why there is a delivery."""

    EVENT = "EVENT"
    REPLAY = "REPLAY"
    TEST = "TEST"


class Fault(StrEnum):
    """What kept a try from being answered, or why its answer counts as a failure."""

    STATUS = "STATUS"
    TIMEOUT = "TIMEOUT"
    UNRESOLVED = "UNRESOLVED"
    FORBIDDEN_ADDRESS = "FORBIDDEN_ADDRESS"
    UNREACHABLE = "UNREACHABLE"
    BROKEN_ANSWER = "BROKEN_ANSWER"
    EVENT_GONE = "EVENT_GONE"
    INTERNAL = "INTERNAL"


_OPEN = text("finished_at IS NULL")


class EndpointRow(MutableTable, table=True):
    """An address of the tenant's, and where it stands in the log.

    ``seq`` is the cursor: up to there events were turned into deliveries (``seq_recorded_at`` is not after its event's, so that reads prune); what is made up to ``replay_until`` is a replay. Secrets are sealed.
    ``failures`` counts the different events that failed since ``fresh_since`` (a success, or when it was resumed); ``probes`` and ``next_probe_at`` are for DOWN; until
    ``rests_until`` the receiver asked to be left alone.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        CheckConstraint(one_of("status", list(EndpointStatus)), name="webhook_endpoints_status"),
        CheckConstraint(one_of("reason", list(EndpointReason)), name="webhook_endpoints_reason"),
        Index("webhook_endpoints_by_time", "tenant_id", "created_at", "id"),
    )

    name: str
    url: str
    event_types: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False, server_default=text("'{}'")))
    document: str | None = None
    scopes: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False, server_default=text("'{}'")))
    status: str = EndpointStatus.ACTIVE.value
    reason: str | None = None
    secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    previous_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    previous_until: datetime | None = Field(default=None, sa_type=INSTANT)
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    seq_recorded_at: datetime = Field(sa_type=INSTANT, nullable=False)
    replay_until: int = Field(sa_column=Column(BigInteger, nullable=False, server_default="0"))
    failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    failing_since: datetime | None = Field(default=None, sa_type=INSTANT)
    last_success_at: datetime | None = Field(default=None, sa_type=INSTANT)
    fresh_since: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    probes: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    next_probe_at: datetime | None = Field(default=None, sa_type=INSTANT)
    rests_until: datetime | None = Field(default=None, sa_type=INSTANT)


class DeliveryRow(TenantTable, table=True):
    """One event on its way to one endpoint; a test has no event, so no ``seq``.

    Deliveries with the same ``subject_id`` leave in the order of ``seq``. ``finished_at`` is null while it is open. ``answer`` is the beginning
    of what the receiver said last.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint(one_of("state", list(DeliveryState)), name="webhook_deliveries_state"),
        CheckConstraint(one_of("origin", list(DeliveryOrigin)), name="webhook_deliveries_origin"),
        CheckConstraint(one_of("fault", list(Fault)), name="webhook_deliveries_fault"),
        CheckConstraint(
            "(finished_at IS NULL) = (state IN ('PENDING', 'SENDING'))", name="webhook_deliveries_finished"
        ),
        tenant_key("endpoint_id", "webhook_endpoints", ondelete="CASCADE"),
        Index("webhook_deliveries_open", "tenant_id", "endpoint_id", "next_at", postgresql_where=_OPEN),
        Index("webhook_deliveries_in_order", "tenant_id", "endpoint_id", "subject_id", "seq", postgresql_where=_OPEN),
        Index(
            "webhook_deliveries_parked",
            "tenant_id",
            "endpoint_id",
            "subject_id",
            "seq",
            postgresql_where=text("state = 'PARKED'"),
        ),
        Index("webhook_deliveries_by_time", "tenant_id", "endpoint_id", "created_at", "id"),
        Index("webhook_deliveries_by_event", "tenant_id", "event_id"),
        Index("webhook_deliveries_by_order", "tenant_id", "order_id"),
        Index("webhook_deliveries_over", "finished_at"),
    )

    endpoint_id: UUID
    event_id: UUID | None = None
    seq: int | None = Field(default=None, sa_column=Column(BigInteger))
    recorded_at: datetime | None = Field(default=None, sa_type=INSTANT)
    type: str
    order_id: UUID | None = None
    subject_id: UUID | None = None
    origin: str = DeliveryOrigin.EVENT.value
    state: str = DeliveryState.PENDING.value
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    next_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    run_token: UUID | None = None
    lease_until: datetime | None = Field(default=None, sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    last_failed_at: datetime | None = Field(default=None, sa_type=INSTANT)
    finished_at: datetime | None = Field(default=None, sa_type=INSTANT)
    fault: str | None = None
    answer_status: int | None = None
    answer: str | None = None
    took_ms: int | None = None
