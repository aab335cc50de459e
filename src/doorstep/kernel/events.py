"""The event log: facts, written in the transaction of the change, numbered without gaps per tenant.

The number comes from one counter row per tenant, bumped as the last statement before the commit: whoever holds the row commits before the
next one gets a number, so numbers appear in commit order and a reader who asks for ``seq > last`` can miss nothing (a plain sequence would
lose events: design notes, reliability D1). ``recorded_at`` is taken under the same lock and never runs backwards within a tenant.
Events hold ids and facts, no personal data, so that erasing a person leaves the log valid.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from doorstep.kernel.ids import new_id
from doorstep.kernel.tables import INSTANT

if TYPE_CHECKING:
    from doorstep.kernel.scope import Scope


class EventRow(SQLModel, table=True):
    """One fact of a tenant's log; partitioned by month of ``recorded_at``."""

    __tablename__ = "events"
    __table_args__ = (
        Index("events_by_order", "tenant_id", "order_id", "seq"),
        Index("events_by_id", "tenant_id", "id"),
        {"postgresql_partition_by": "RANGE (recorded_at)"},
    )

    tenant_id: UUID = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    recorded_at: datetime = Field(sa_column=Column(INSTANT, primary_key=True))
    id: UUID
    type: str
    aggregate_version: int
    order_id: UUID | None = None
    plan_id: UUID | None = None
    route_id: UUID | None = None
    occurred_at: datetime = Field(sa_type=INSTANT, nullable=False)
    actor_kind: str
    actor_id: UUID | None = None
    data: dict[str, Any] = Field(sa_type=JSONB)


class EventHead(SQLModel, table=True):
    """The last number given in a tenant's log."""

    __tablename__ = "event_heads"

    tenant_id: UUID = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    recorded_at: datetime = Field(sa_type=INSTANT, nullable=False)
    pruned_seq: int = Field(sa_column=Column(BigInteger, nullable=False, server_default="0"))


class Installation(SQLModel, table=True):
    """One row: which life of this database it is. A restore starts a new ``epoch``, which makes older cursors RESYNC_REQUIRED."""

    __tablename__ = "installation"

    id: int = Field(primary_key=True, default=1)
    epoch: int = 1
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """Base of every event class; a slice's ``events.py`` declares them in the past tense.

    ``order_id``, ``plan_id`` and ``route_id`` are columns to filter by; every other field of a subclass goes to ``data`` as JSON.
    ``occurred_at`` is when it happened by the device or the tenant's clock (None: now).
    """

    TYPE: ClassVar[str] = ""

    aggregate_version: int
    order_id: UUID | None = None
    plan_id: UUID | None = None
    route_id: UUID | None = None
    occurred_at: datetime | None = None

    def __init_subclass__(cls) -> None:
        cls.TYPE = cls.__name__

    def data(self) -> dict[str, Any]:
        """The facts beside the common columns, as JSON values."""
        return {
            field.name: _json_value(getattr(self, field.name)) for field in fields(self) if field.name not in _COLUMNS
        }


_COLUMNS = {field.name for field in fields(DomainEvent)}


def _json_value(value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    return value


_BUMP = """
INSERT INTO event_heads AS head (tenant_id, seq, recorded_at) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (tenant_id) DO UPDATE
  SET seq = head.seq + $2, recorded_at = greatest(head.recorded_at, clock_timestamp())
RETURNING seq, recorded_at
"""


async def append_events(scope: "Scope") -> None:
    """Number and write what ``scope`` emitted; must be the last statements before its commit, since it holds the tenant's counter."""
    if not scope.emitted:
        return
    now = scope.clock.now()
    head = await scope.tx.fetchrow(_BUMP, scope.tenant_id, len(scope.emitted))
    assert head is not None  # noqa: S101 - an upsert returns its row
    first = head["seq"] - len(scope.emitted) + 1
    await scope.tx.insert(
        EventRow,
        [
            {
                "tenant_id": scope.tenant_id,
                "seq": first + position,
                "recorded_at": head["recorded_at"],
                "id": new_id(),
                "type": event.TYPE,
                "aggregate_version": event.aggregate_version,
                "order_id": event.order_id,
                "plan_id": event.plan_id,
                "route_id": event.route_id,
                "occurred_at": event.occurred_at or now,
                "actor_kind": scope.actor.kind.value,
                "actor_id": scope.actor.id,
                "data": event.data(),
            }
            for position, event in enumerate(scope.emitted)
        ],
    )
