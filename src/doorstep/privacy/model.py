"""Tables of privacy. No I/O."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from doorstep.kernel.tables import INSTANT, JSON_LIST, JSON_OBJECT, TenantTable, one_of


class ErasureCause(StrEnum):
    """Why people were erased."""

    REQUEST = "REQUEST"
    RETENTION = "RETENTION"
    PARTNER = "PARTNER"


class ErasureRow(TenantTable, table=True):
    """A receipt: which orders were emptied, when, why, and how much that was. Nothing in it says who it was.

    ``request_hash`` is a keyed hash of who was named (None: nobody was), so that the same request can be recognised, but not read.
    """

    __tablename__ = "erasures"
    __table_args__ = (
        CheckConstraint(one_of("cause", list(ErasureCause)), name="erasures_cause"),
        Index("erasures_by_time", "tenant_id", "at", "id"),
    )

    at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    actor_kind: str
    actor_id: UUID | None = None
    cause: str
    request_hash: bytes | None = None
    order_ids: list[str] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    counts: dict[str, int] = Field(sa_type=JSONB, sa_column_kwargs=JSON_OBJECT)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most that a retention may be set to, in its unit; null, which keeps for good, is always allowed."""

    least: int
    most: int
    unit: str


RETENTIONS: Final[dict[str, Bounds]] = {
    "positions_days": Bounds(1, 3650, "days"),
    "personal_data_days": Bounds(7, 3650, "days"),
    "events_months": Bounds(1, 120, "months"),
    "audit_days": Bounds(30, 3650, "days"),
}
"""The classes of data that a tenant says how long to keep. The least leaves time for what is under way, for late reports and for questions."""


class RetentionRow(SQLModel, table=True):
    """How long a tenant keeps what; a tenant without a row keeps everything."""

    __tablename__ = "retention_settings"
    __table_args__ = tuple(
        CheckConstraint(f"{name} BETWEEN {bounds.least} AND {bounds.most}", name=f"retention_settings_{name}")
        for name, bounds in RETENTIONS.items()
    )

    tenant_id: UUID = Field(primary_key=True)
    version: int = 1
    positions_days: int | None = None
    personal_data_days: int | None = None
    events_months: int | None = None
    audit_days: int | None = None
    updated_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
