"""The event log: facts, written in the transaction of the change, numbered without gaps per tenant.

The number comes from one counter row per tenant, bumped as the last statement before the commit: whoever holds the row commits before the
next one gets a number, so numbers appear in commit order and a reader who asks for ``seq > last`` can miss nothing (a plain sequence would
lose events: design notes, reliability D1). ``recorded_at`` is taken under the same lock and never runs backwards within a tenant.
Events hold ids and facts, no personal data, so that erasing a person leaves the log valid.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

import orjson
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
    """One row: which life of this database it is. A restore starts a new ``epoch``, which makes older cursors RESYNC_REQUIRED.

    ``system_identifier`` and ``timeline`` are the server's as the epoch began: ``epochs`` compares them.
    """

    __tablename__ = "installation"

    id: int = Field(primary_key=True, default=1)
    epoch: int = 1
    epoch_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    system_identifier: int | None = Field(default=None, sa_column=Column(BigInteger))
    timeline: int | None = None
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


_HEAD = """
head AS (
  INSERT INTO event_heads AS head (tenant_id, seq, recorded_at) VALUES ($1, $2, clock_timestamp())
  ON CONFLICT (tenant_id) DO UPDATE
    SET seq = head.seq + $2, recorded_at = greatest(head.recorded_at, clock_timestamp())
  RETURNING seq, recorded_at
)
"""
_EVENTS = """
INSERT INTO events (tenant_id, seq, recorded_at, actor_kind, actor_id,
                    id, type, aggregate_version, order_id, plan_id, route_id, occurred_at, data)
SELECT $1, head.seq - $2 + new.position, head.recorded_at, $3, $4,
       new.id, new.type, new.aggregate_version, new.order_id, new.plan_id, new.route_id, new.occurred_at, new.data::jsonb
FROM head, unnest($5::uuid[], $6::text[], $7::int[], $8::uuid[], $9::uuid[], $10::uuid[], $11::timestamptz[], $12::text[])
  WITH ORDINALITY AS new(id, type, aggregate_version, order_id, plan_id, route_id, occurred_at, data, position)
"""
_APPEND = f"WITH {_HEAD} {_EVENTS}"
_ARGUMENTS = 12
"""One statement: between taking the tenant's counter and the commit every other writer of the tenant waits, so no round trip is spent there."""


@lru_cache(maxsize=16)
def _with_beside(tables: str, count: int, *, appends: bool) -> str:
    """The statement that makes a change beside the events, or without any."""
    first = _ARGUMENTS + 1 if appends else 2
    made = tables.format(*(f"${number}" for number in range(first, first + count)))
    return f"WITH {made}{f', {_HEAD}, appended AS ({_EVENTS})' if appends else ''} SELECT * FROM beside"


async def append_events(scope: "Scope") -> None:
    """Number and write what ``scope`` emitted, and make the change beside it.

    Must be the last statement before the commit, since it holds the tenant's counter.
    """
    beside, arguments = scope.beside, _arguments(scope) if scope.emitted else ()
    if beside is not None:
        sql = _with_beside(beside.tables, len(beside.arguments), appends=bool(arguments))
        beside.check(await scope.tx.fetchrow(sql, *(arguments or (scope.tenant_id,)), *beside.arguments))
    elif arguments:
        await scope.tx.execute(_APPEND, *arguments)


def _arguments(scope: "Scope") -> tuple[Any, ...]:
    events = scope.emitted
    now = scope.clock.now()
    return (
        scope.tenant_id,
        len(events),
        scope.actor.kind.value,
        scope.actor.id,
        [new_id() for _ in events],
        [event.TYPE for event in events],
        [event.aggregate_version for event in events],
        [event.order_id for event in events],
        [event.plan_id for event in events],
        [event.route_id for event in events],
        [event.occurred_at or now for event in events],
        [orjson.dumps(event.data()).decode() for event in events],
    )
