"""Scope: who acts, for which tenant, with which permissions, in which transaction, by which clock.

It is the first argument of every use case. The tenant only ever comes from the credential.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from doorstep.kernel.errors import Forbidden
from doorstep.kernel.time import WALL_CLOCK, Clock

if TYPE_CHECKING:
    from doorstep.kernel.db import Transaction
    from doorstep.kernel.events import DomainEvent


class Permission(StrEnum):
    """What a credential may do: an API key's scopes, a role's permissions. Who may write may read, too."""

    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    FLEETS_READ = "fleets:read"
    FLEETS_WRITE = "fleets:write"
    PLANNING_READ = "planning:read"
    PLANNING_WRITE = "planning:write"
    TRACKING_READ = "tracking:read"
    TRACKING_WRITE = "tracking:write"
    EVENTS_READ = "events:read"
    PARTNERS_READ = "partners:read"
    PARTNERS_WRITE = "partners:write"
    TENANT_READ = "tenant:read"
    TENANT_WRITE = "tenant:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    TOKENS_WRITE = "tokens:write"
    AUDIT_READ = "audit:read"
    USAGE_READ = "usage:read"
    PRIVACY_WRITE = "privacy:write"
    SANDBOX_WRITE = "sandbox:write"

    @property
    def implied_by(self) -> str:
        """The scope that holds this one too: who may write may read what it wrote."""
        return self.value.replace(":read", ":write")


ALL_PERMISSIONS = frozenset(Permission)


class ActorKind(StrEnum):
    """What sort of principal acted."""

    API_KEY = "API_KEY"
    SYSTEM = "SYSTEM"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted: an API key, or Doorstep itself."""

    kind: ActorKind
    id: UUID | None = None


SYSTEM_ACTOR = Actor(ActorKind.SYSTEM)


@dataclass(frozen=True, slots=True)
class Principal:
    """The result of authentication: tenant, actor, permissions and the tenant's clock."""

    tenant_id: UUID
    actor: Actor
    permissions: frozenset[Permission]
    clock: Clock = WALL_CLOCK
    time_zone: str = "UTC"
    country: str | None = None

    def allows(self, permission: Permission) -> bool:
        """Whether the credential has the permission, itself or by its right to write."""
        return permission in self.permissions or permission.implied_by in self.permissions

    def require(self, permission: Permission) -> None:
        """Pass, or raise Forbidden naming the missing permission."""
        if not self.allows(permission):
            raise Forbidden(f"This credential lacks the scope {permission.value}.", scope=permission.value)


@dataclass(slots=True)
class Scope:
    """A principal inside one transaction; the events that it emits are written by that transaction's commit."""

    principal: Principal
    tx: "Transaction"
    emitted: list["DomainEvent"] = field(default_factory=list)

    @property
    def tenant_id(self) -> UUID:
        """The tenant that owns everything this scope reads and writes."""
        return self.principal.tenant_id

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self.principal.actor

    @property
    def clock(self) -> Clock:
        """The tenant's clock."""
        return self.principal.clock

    def require(self, permission: Permission) -> None:
        """Pass, or raise Forbidden naming the missing permission."""
        self.principal.require(permission)

    def emit(self, event: "DomainEvent") -> None:
        """Record a fact: it becomes a row of the tenant's log in this transaction."""
        self.emitted.append(event)
