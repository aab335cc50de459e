"""Scope: who acts, for which tenant, with which permissions, in which transaction, by which clock.

It is the first argument of every use case. The tenant only ever comes from the credential.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
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
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"

    @property
    def implied_by(self) -> str:
        """The scope that holds this one too: who may write may read what it wrote."""
        return self.value.replace(":read", ":write")


ALL_PERMISSIONS = frozenset(Permission)

WITHIN_REACH = frozenset(
    {
        Permission.ORDERS_READ,
        Permission.ORDERS_WRITE,
        Permission.FLEETS_READ,
        Permission.FLEETS_WRITE,
        Permission.PLANNING_READ,
        Permission.PLANNING_WRITE,
        Permission.TRACKING_READ,
        Permission.TRACKING_WRITE,
        Permission.EVENTS_READ,
        Permission.TOKENS_WRITE,
    }
)
"""What a credential that is limited to depots, an order or a driver can hold; the rest is about the whole company."""

WITHIN_ONE = WITHIN_REACH - {Permission.FLEETS_WRITE, Permission.PLANNING_WRITE, Permission.TOKENS_WRITE}
"""The same of one that is limited to an order or a driver: what it reads of depots, shifts and routes is others' as well, so not its to write."""


class ActorKind(StrEnum):
    """What sort of principal acted."""

    API_KEY = "API_KEY"
    ACCESS_TOKEN = "ACCESS_TOKEN"  # noqa: S105 - a word, no secret
    DRIVER_TOKEN = "DRIVER_TOKEN"  # noqa: S105
    MEMBER = "MEMBER"
    RECIPIENT = "RECIPIENT"
    SYSTEM = "SYSTEM"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted: an API key, a token, a member, a recipient (by the id of their order), or Doorstep itself."""

    kind: ActorKind
    id: UUID | None = None


SYSTEM_ACTOR = Actor(ActorKind.SYSTEM)


@dataclass(frozen=True, slots=True)
class Reach:
    """Which of the tenant's objects a credential is limited to; None: all. What is given counts together.

    PostgreSQL enforces it beside the tenant (policies ``reach``, revision 0002): an object out of reach does not exist, and cannot be written.
    A route or plan that holds an order out of reach is out of reach as a whole, so that no use case changes half of it. It also becomes so the
    moment somebody who reaches more puts such an order on it, and comes back when the order has left.
    """

    depot_ids: frozenset[UUID] | None = None
    order_id: UUID | None = None
    driver_id: UUID | None = None

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self.depot_ids is not None or self.order_id is not None or self.driver_id is not None

    def permits(self, permission: Permission) -> bool:
        """Whether a credential of this reach can hold the permission at all."""
        if self.order_id is not None or self.driver_id is not None:
            return permission in WITHIN_ONE
        return self.depot_ids is None or permission in WITHIN_REACH


EVERYTHING = Reach()


@dataclass(frozen=True, slots=True)
class Principal:
    """The result of authentication: tenant, actor, permissions, reach and the tenant's clock.

    ``member_id`` is the member behind the actor, if there is one; ``expires_at`` when the credential ends (None: it does not by itself).
    ``most_sockets`` is how many sockets the tenant may have open at one process (None: any number). ``allowed_origins`` are those whose pages may
    call for the tenant; with ``persisted_only`` it has documents answered that it registered, and no others. ``recipient_of`` is the order that the
    holder of its link follows: whoever has it holds no permissions, and may do nothing else.
    """

    tenant_id: UUID
    actor: Actor
    permissions: frozenset[Permission]
    clock: Clock = WALL_CLOCK
    time_zone: str = "UTC"
    country: str | None = None
    reach: Reach = EVERYTHING
    member_id: UUID | None = None
    expires_at: datetime | None = None
    most_sockets: int | None = None
    allowed_origins: frozenset[str] = frozenset()
    persisted_only: bool = False
    recipient_of: UUID | None = None

    def allows(self, permission: Permission) -> bool:
        """Whether the credential has the permission, itself or by its right to write, and its reach permits it."""
        if not self.reach.permits(permission):
            return False
        return permission in self.permissions or permission.implied_by in self.permissions

    def require(self, permission: Permission) -> None:
        """Pass, or raise Forbidden naming the missing permission."""
        if not self.allows(permission):
            if not self.reach.permits(permission):
                raise Forbidden(
                    f"This credential is limited to a part of the company, and {permission.value} is about more than that.",
                    scope=permission.value,
                )
            raise Forbidden(f"This credential lacks the scope {permission.value}.", scope=permission.value)


@dataclass(slots=True)
class Scope:
    """A principal inside one transaction; the events that it emits are written by that transaction's commit."""

    principal: Principal
    tx: "Transaction"
    emitted: list["DomainEvent"] = field(default_factory=list)
    beside: "Beside | None" = None

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

    def at_the_end(self, beside: "Beside") -> None:
        """Do this with the transaction's last statement; one such thing in a transaction."""
        if self.beside is not None:
            raise RuntimeError("a transaction has one thing to do beside its events")
        self.beside = beside


@dataclass(frozen=True, slots=True)
class Beside:
    """A change that is made in the statement which appends the events, since it locks a row that the tenant's other writers want.

    ``tables`` is the SQL of common table expressions, the last of which is named ``beside``; $1 is the tenant, {0}, {1}, … are ``arguments``.
    ``check`` gets the row of ``beside``, None when there is none; a refusal that it raises undoes the whole transaction.
    """

    tables: str
    arguments: tuple[Any, ...]
    check: Callable[[Any], None]
