"""Use cases of identity. Tenants and keys are made by the operator, under the system role; requests only ask who a key is."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from doorstep.identity.errors import SlugTaken, UnknownKey, UnknownTenant
from doorstep.identity.keys import PREFIX_LENGTH, key_hash, new_key, well_formed
from doorstep.identity.model import TenantMode
from doorstep.kernel.db import Database, Row
from doorstep.kernel.errors import Unauthenticated
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import ALL_PERMISSIONS, SYSTEM_ACTOR, Actor, ActorKind, Permission, Principal
from doorstep.kernel.time import WALL_CLOCK, Clock

CACHE_SECONDS = 2.0
"""How long an authenticated key is trusted without asking again; a revocation is promised within 5 s."""

_CACHE_SIZE = 10_000
_PERMISSIONS = {permission.value: permission for permission in Permission}


@dataclass(frozen=True, slots=True)
class NewTenant:
    """What an operator says of a tenant; ``country`` is ISO 3166-1 alpha-2, ``time_zone`` an IANA name."""

    slug: str
    name: str
    time_zone: str = "UTC"
    country: str | None = None
    currency: str = "EUR"
    mode: TenantMode = TenantMode.LIVE
    clock: Clock = WALL_CLOCK


async def create_tenant(system: Database, tenant: NewTenant) -> UUID:
    """Make a tenant; raises SlugTaken."""
    tenant_id = new_id()
    try:
        async with system.transaction() as tx:
            await tx.execute(
                "INSERT INTO tenants (id, slug, name, mode, time_zone, country, currency, clock_anchor_wall, clock_anchor, clock_rate) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                tenant_id, tenant.slug, tenant.name, tenant.mode.value, tenant.time_zone, tenant.country, tenant.currency,
                tenant.clock.anchor_wall, tenant.clock.anchor, tenant.clock.rate,
            )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        raise SlugTaken(f"There is a tenant '{tenant.slug}' already: choose another slug.") from error
    return tenant_id


async def list_tenants(system: Database) -> list[Row]:
    """All tenants, by slug."""
    async with system.transaction() as tx:
        rows: list[Row] = await tx.fetch(
            "SELECT id, slug, name, mode, time_zone, country, currency, created_at FROM tenants ORDER BY slug"
        )
        return rows


async def tenant_by_slug(system: Database, slug: str) -> Row:
    """One tenant; raises UnknownTenant."""
    async with system.transaction() as tx:
        row: Row | None = await tx.fetchrow("SELECT * FROM tenants WHERE slug = $1", slug)
    if row is None:
        raise UnknownTenant(f"There is no tenant '{slug}': `doorstep tenant list` shows all.")
    return row


async def create_key(
    system: Database, tenant: Row, name: str, scopes: Sequence[Permission], expires_at: datetime | None = None
) -> tuple[UUID, str]:
    """Make a key; its text is returned once and never again."""
    key = new_key(TenantMode(tenant["mode"]))
    key_id = new_id()
    async with system.transaction() as tx:
        await tx.execute(
            "INSERT INTO api_keys (tenant_id, id, name, prefix, hash, scopes, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            tenant["id"], key_id, name, key[:PREFIX_LENGTH], key_hash(key), sorted(scope.value for scope in scopes), expires_at,
        )  # fmt: skip
    return key_id, key


async def list_keys(system: Database, tenant: Row) -> list[Row]:
    """A tenant's keys, newest first, without their secrets."""
    async with system.transaction() as tx:
        rows: list[Row] = await tx.fetch(
            "SELECT id, name, prefix, scopes, created_at, expires_at, revoked_at, last_used_at FROM api_keys WHERE tenant_id = $1 ORDER BY id DESC",
            tenant["id"],
        )
        return rows


async def revoke_key(system: Database, tenant: Row, key_id: UUID) -> None:
    """Revoke a key, effective within 5 s; raises UnknownKey."""
    async with system.transaction() as tx:
        done = await tx.fetchval(
            "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE tenant_id = $1 AND id = $2 RETURNING 1",
            tenant["id"],
            key_id,
        )
    if done is None:
        raise UnknownKey("This tenant has no such key: `doorstep key list` shows all.")


async def revoke_keys_named(system: Database, tenant: Row, name: str) -> None:
    """Revoke every live key with that name."""
    async with system.transaction() as tx:
        await tx.execute(
            "UPDATE api_keys SET revoked_at = now() WHERE tenant_id = $1 AND name = $2 AND revoked_at IS NULL",
            tenant["id"],
            name,
        )


async def set_clock(system: Database, tenant: Row, clock: Clock) -> None:
    """Set a tenant's clock; running processes follow within CACHE_SECONDS."""
    async with system.transaction() as tx:
        await tx.execute(
            "UPDATE tenants SET clock_anchor_wall = $2, clock_anchor = $3, clock_rate = $4 WHERE id = $1",
            tenant["id"], clock.anchor_wall, clock.anchor, clock.rate,
        )  # fmt: skip


def clock_of(row: Row) -> Clock:
    """A tenant's clock."""
    return Clock(row["clock_anchor_wall"], row["clock_anchor"], row["clock_rate"])


async def system_principal(system: Database, tenant_id: UUID) -> Principal:
    """Doorstep itself acting for a tenant, by that tenant's clock (jobs, reactions)."""
    async with system.transaction() as tx:
        row = await tx.fetchrow("SELECT * FROM tenants WHERE id = $1", tenant_id)
    if row is None:
        raise UnknownTenant("This tenant is gone.")
    return Principal(tenant_id, SYSTEM_ACTOR, ALL_PERMISSIONS, clock_of(row), row["time_zone"], row["country"])


class Authenticator:
    """Turns keys into principals, asking the database at most every two seconds for one key."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[bytes, tuple[float, Principal]] = {}

    async def __call__(self, key: str) -> Principal:
        """The principal of a key; raises Unauthenticated, the same for every reason."""
        hashed = key_hash(key)
        now = time.monotonic()
        known = self._known.get(hashed)
        if known is not None and known[0] > now:
            return known[1]
        row = await self._look_up(hashed) if well_formed(key) else None
        if row is None:
            self._known.pop(hashed, None)
            raise Unauthenticated("This API key is unknown, expired or revoked.")
        principal = Principal(
            row["tenant_id"],
            Actor(ActorKind.API_KEY, row["key_id"]),
            frozenset(_PERMISSIONS[scope] for scope in row["scopes"] if scope in _PERMISSIONS),
            clock_of(row),
            row["time_zone"],
            row["country"],
        )
        if len(self._known) >= _CACHE_SIZE:
            self._known.clear()
        self._known[hashed] = (now + CACHE_SECONDS, principal)
        return principal

    async def _look_up(self, hashed: bytes) -> Row | None:
        async with self._db.transaction() as tx:
            row: Row | None = await tx.fetchrow("SELECT * FROM doorstep_authenticate($1)", hashed)
            return row
