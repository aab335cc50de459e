"""Facts about who may act: ids and names of fields, never names, addresses or secrets."""

from dataclasses import dataclass
from uuid import UUID

from doorstep.kernel.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class ApiKeyCreated(DomainEvent):
    """A key is there."""

    key_id: UUID
    scopes: list[str]


@dataclass(frozen=True, kw_only=True)
class ApiKeyUpdated(DomainEvent):
    """Fields of a key (``changes``) have new values."""

    key_id: UUID
    changes: list[str]


@dataclass(frozen=True, kw_only=True)
class ApiKeyRotated(DomainEvent):
    """A key has a new secret."""

    key_id: UUID


@dataclass(frozen=True, kw_only=True)
class ApiKeyRevoked(DomainEvent):
    """A key works no more."""

    key_id: UUID


@dataclass(frozen=True, kw_only=True)
class MemberInvited(DomainEvent):
    """Somebody may sign in."""

    member_id: UUID


@dataclass(frozen=True, kw_only=True)
class MemberUpdated(DomainEvent):
    """Fields of a member (``changes``) have new values."""

    member_id: UUID
    changes: list[str]


@dataclass(frozen=True, kw_only=True)
class MemberRemoved(DomainEvent):
    """A member can no longer sign in."""

    member_id: UUID


@dataclass(frozen=True, kw_only=True)
class RoleCreated(DomainEvent):
    """A role of the organization's own is there."""

    role_id: UUID
    permissions: list[str]


@dataclass(frozen=True, kw_only=True)
class RoleUpdated(DomainEvent):
    """A role has another name or other permissions."""

    role_id: UUID
    changes: list[str]


@dataclass(frozen=True, kw_only=True)
class RoleDeleted(DomainEvent):
    """A role is gone."""

    role_id: UUID


@dataclass(frozen=True, kw_only=True)
class TenantUpdated(DomainEvent):
    """Settings of the tenant (``changes``) have new values."""

    changes: list[str]
