"""Tables of identity: organizations with their tenants, members and roles; a tenant's API keys, access tokens and sign-in issuers."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from doorstep.identity.permissions import Role
from doorstep.kernel.ids import new_id
from doorstep.kernel.tables import INSTANT, JSON_LIST, JSON_OBJECT, TenantTable, one_of, tenant_key

_NOW = {"server_default": func.now()}
_FIRST = {"server_default": text("1")}


def _ids() -> Any:
    """A column of ids; null is not the same as none."""
    return Field(default=None, sa_column=Column(ARRAY(Uuid()), nullable=True))


def _quota() -> Any:
    """A column of a limit that the operator sets; null: there is none."""
    return Field(default=None, sa_column=Column(BigInteger, nullable=True))


class TenantMode(StrEnum):
    """LIVE holds real deliveries; TEST is a sandbox that shares nothing with it."""

    LIVE = "LIVE"
    TEST = "TEST"


class TenantStatus(StrEnum):
    """ACTIVE works; SUSPENDED keeps everything and lets nobody in; CLOSING has been exported and is being erased."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CLOSING = "CLOSING"


class MemberStatus(StrEnum):
    """INVITED until the first sign-in; REMOVED members stay as names in the log."""

    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    REMOVED = "REMOVED"


class TokenKind(StrEnum):
    """ACCESS is a portal page's token, DRIVER a driver's phone's."""

    ACCESS = "ACCESS"
    DRIVER = "DRIVER"


class OrganizationRow(SQLModel, table=True):
    """A company: it owns a LIVE and a TEST tenant; members and roles are its own and act in both."""

    __tablename__ = "organizations"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    name: str
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs=_NOW)
    updated_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs=_NOW)


class TenantRow(SQLModel, table=True):
    """A company's walled part of this installation. Its row is its own tenant id; row-level security shows a tenant only its own row."""

    __tablename__ = "tenants"
    __table_args__ = (
        CheckConstraint(one_of("mode", list(TenantMode)), name="tenants_mode"),
        CheckConstraint(one_of("status", list(TenantStatus)), name="tenants_status"),
        CheckConstraint("dispatch_offer_seconds BETWEEN 0 AND 600", name="tenants_dispatch_offer_seconds"),
        CheckConstraint("dispatch_most_orders BETWEEN 1 AND 50", name="tenants_dispatch_most_orders"),
        CheckConstraint("(status = 'ACTIVE') = (suspended_at IS NULL)", name="tenants_suspended"),
        Index("tenants_one_of_a_mode", "organization_id", "mode", unique=True),
        Index("tenants_by_origin", "allowed_origins", postgresql_using="gin"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    organization_id: UUID = Field(foreign_key="organizations.id")
    slug: str = Field(unique=True)
    name: str
    mode: str = TenantMode.LIVE.value
    time_zone: str = "UTC"
    country: str | None = None
    currency: str = "EUR"
    locale: str = Field(default="en", sa_column_kwargs={"server_default": "en"})
    complete_without_arrival: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    dispatch_enabled: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    dispatch_offer_seconds: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    dispatch_most_orders: int = Field(default=3, sa_column_kwargs={"server_default": text("3")})
    nearest_depot: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    travel_time_factors: list[dict[str, Any]] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    allowed_origins: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(String()), nullable=False, server_default=text("'{}'"))
    )
    persisted_only: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    clock_anchor_wall: float = 0.0
    clock_anchor: float = 0.0
    clock_rate: float = 1.0
    status: str = Field(default=TenantStatus.ACTIVE.value, sa_column_kwargs={"server_default": "ACTIVE"})
    suspended_at: datetime | None = Field(default=None, sa_type=INSTANT)
    suspended_reason: str | None = None
    quota_orders_per_day: int | None = _quota()
    quota_solver_seconds_per_day: int | None = _quota()
    quota_sockets: int | None = None
    quota_storage_bytes: int | None = _quota()
    version: int = Field(default=1, sa_column_kwargs=_FIRST)
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs=_NOW)
    updated_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs=_NOW)


class RoleRow(SQLModel, table=True):
    """A role of an organization's own, made of permissions."""

    __tablename__ = "roles"
    __table_args__ = (Index("roles_name", "organization_id", text("lower(name)"), unique=True),)

    organization_id: UUID = Field(primary_key=True, foreign_key="organizations.id")
    id: UUID = Field(default_factory=new_id, primary_key=True)
    name: str
    permissions: list[str] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs=_NOW)
    updated_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs=_NOW)


class MemberRow(SQLModel, table=True):
    """Somebody of an organization: known by e-mail until the first sign-in, from then on by the issuer's subject.

    ``depot_ids`` (of either tenant) limit what they reach, null: everything. ``driver_ids`` say which driver a DRIVER is, in either tenant.
    """

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint(one_of("status", list(MemberStatus)), name="members_status"),
        CheckConstraint(one_of("role", list(Role)), name="members_role"),
        CheckConstraint("(role IS NULL) <> (role_id IS NULL)", name="members_one_role"),
        ForeignKeyConstraint(["organization_id", "role_id"], ["roles.organization_id", "roles.id"]),
        Index("members_email", "organization_id", "email", unique=True, postgresql_where=text("status <> 'REMOVED'")),
        Index(
            "members_subject",
            "organization_id",
            "issuer",
            "subject",
            unique=True,
            postgresql_where=text("status <> 'REMOVED'"),
        ),
    )

    organization_id: UUID = Field(primary_key=True, foreign_key="organizations.id")
    id: UUID = Field(default_factory=new_id, primary_key=True)
    email: str
    name: str
    status: str = MemberStatus.INVITED.value
    role: str | None = None
    role_id: UUID | None = None
    depot_ids: list[UUID] | None = _ids()
    driver_ids: list[UUID] | None = _ids()
    issuer: str | None = None
    subject: str | None = None
    version: int = 1
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs=_NOW)
    updated_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs=_NOW)
    last_seen_at: datetime | None = Field(default=None, sa_type=INSTANT)


class ApiKeyRow(TenantTable, table=True):
    """An API key: only the SHA-256 and the first characters of its secret are stored. After a rotation the previous secret works on for a while."""

    __tablename__ = "api_keys"
    __table_args__ = (
        Index("api_keys_by_hash", "hash"),
        Index("api_keys_by_previous_hash", "previous_hash", postgresql_where=text("previous_hash IS NOT NULL")),
    )

    name: str
    prefix: str
    hash: bytes
    previous_prefix: str | None = None
    previous_hash: bytes | None = None
    previous_until: datetime | None = Field(default=None, sa_type=INSTANT)
    scopes: list[str] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    depot_ids: list[UUID] | None = _ids()
    version: int = Field(default=1, sa_column_kwargs=_FIRST)
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs=_NOW)
    updated_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs=_NOW)
    expires_at: datetime | None = Field(default=None, sa_type=INSTANT)
    revoked_at: datetime | None = Field(default=None, sa_type=INSTANT)
    last_used_at: datetime | None = Field(default=None, sa_type=INSTANT)


class PersistedDocumentRow(TenantTable, table=True):
    """A document that a tenant registered; ``document_id`` is ``sha256:`` and the SHA-256 of its text in hexadecimal."""

    __tablename__ = "persisted_documents"
    __table_args__ = (Index("persisted_documents_by_document_id", "tenant_id", "document_id", unique=True),)

    document_id: str
    text: str
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs=_NOW)


class AccessTokenRow(TenantTable, table=True):
    """A short-lived credential that a key or a member had made; it can do no more than its maker, and ends with it.

    ``key_id`` or ``issued_by`` (a member) is the maker; ``member_id`` is the member as whom it acts.
    """

    __tablename__ = "access_tokens"
    __table_args__ = (
        CheckConstraint(one_of("kind", list(TokenKind)), name="access_tokens_kind"),
        CheckConstraint("(key_id IS NULL) <> (issued_by IS NULL)", name="access_tokens_issuer"),
        CheckConstraint("(kind = 'DRIVER') = (driver_id IS NOT NULL)", name="access_tokens_driver"),
        tenant_key("key_id", "api_keys"),
        tenant_key("order_id", "orders", ondelete="CASCADE"),
        tenant_key("driver_id", "drivers", ondelete="CASCADE"),
        Index("access_tokens_by_hash", "hash"),
        Index("access_tokens_by_expiry", "expires_at"),
    )

    kind: str
    hash: bytes
    prefix: str
    key_id: UUID | None = None
    issued_by: UUID | None = None
    member_id: UUID | None = None
    scopes: list[str] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    depot_ids: list[UUID] | None = _ids()
    order_id: UUID | None = None
    driver_id: UUID | None = None
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs=_NOW)
    expires_at: datetime = Field(sa_type=INSTANT, nullable=False)
    revoked_at: datetime | None = Field(default=None, sa_type=INSTANT)


class SignInProviderRow(TenantTable, table=True):
    """An OpenID Connect issuer whose tokens for ``audience`` sign people in. Both together belong to one tenant of the whole installation."""

    __tablename__ = "sign_in_providers"
    __table_args__ = (UniqueConstraint("issuer", "audience", name="sign_in_providers_issuer_audience_key"),)

    issuer: str
    audience: str
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs=_NOW)


class UsageDayRow(SQLModel, table=True):
    """What a tenant used on one of its civil days; what is metered next is one column more."""

    __tablename__ = "usage_days"

    tenant_id: UUID = Field(primary_key=True)
    day: date = Field(primary_key=True)
    orders: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    solver_seconds: float = Field(sa_column_kwargs={"server_default": text("0")})
    points: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    storage_bytes: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    storage_measured_at: datetime | None = Field(default=None, sa_type=INSTANT)


class ClosureRow(SQLModel, table=True):
    """The receipt of a closed tenant, by the id that it had; it holds nobody's data. ``exported`` and ``erased`` count rows by table.

    The slug is kept as its SHA-256, so that whoever knows it finds the receipt. ``closed_at`` is null while rows are left to erase.
    """

    __tablename__ = "closures"
    __table_args__ = (Index("closures_by_slug_hash", "slug_hash"),)

    id: UUID = Field(primary_key=True)
    slug_hash: bytes
    exported_at: datetime = Field(sa_type=INSTANT, nullable=False)
    export_sha256: str
    export_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    exported: dict[str, int] = Field(sa_type=JSONB, sa_column_kwargs=JSON_OBJECT)
    erased: dict[str, int] = Field(sa_type=JSONB, sa_column_kwargs=JSON_OBJECT)
    closed_at: datetime | None = Field(default=None, sa_type=INSTANT)
