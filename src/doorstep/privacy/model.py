"""Tables of privacy. No I/O."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

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
