"""Tables of identity: tenants and their API keys."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from doorstep.kernel.ids import new_id
from doorstep.kernel.tables import INSTANT, JSON_LIST, TenantTable, one_of


class TenantMode(StrEnum):
    """LIVE holds real deliveries; TEST is a sandbox that shares nothing with it."""

    LIVE = "LIVE"
    TEST = "TEST"


class TenantRow(SQLModel, table=True):
    """A company's walled part of this installation. Its row is its own tenant id; row-level security shows a tenant only its own row."""

    __tablename__ = "tenants"
    __table_args__ = (CheckConstraint(one_of("mode", list(TenantMode)), name="tenants_mode"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    slug: str = Field(unique=True)
    name: str
    mode: str = TenantMode.LIVE.value
    time_zone: str = "UTC"
    country: str | None = None
    currency: str = "EUR"
    clock_anchor_wall: float = 0.0
    clock_anchor: float = 0.0
    clock_rate: float = 1.0
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})


class ApiKeyRow(TenantTable, table=True):
    """An API key: only its SHA-256 and the first characters are stored."""

    __tablename__ = "api_keys"
    __table_args__ = (Index("api_keys_by_hash", "hash"),)

    name: str
    prefix: str
    hash: bytes
    scopes: list[str] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    expires_at: datetime | None = Field(default=None, sa_type=INSTANT)
    revoked_at: datetime | None = Field(default=None, sa_type=INSTANT)
    last_used_at: datetime | None = Field(default=None, sa_type=INSTANT)
