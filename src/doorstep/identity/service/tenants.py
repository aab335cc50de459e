"""Use cases of the operator: companies and their tenants, under the system role."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg

from doorstep.identity.errors import SlugTaken, UnknownTenant
from doorstep.identity.model import TenantMode, TenantStatus
from doorstep.kernel.db import Database, Row, Transaction
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import ALL_PERMISSIONS, SYSTEM_ACTOR, Principal
from doorstep.kernel.time import WALL_CLOCK, Clock

TEST_SUFFIX = "-test"


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


async def create_organization(system: Database, tenant: NewTenant) -> dict[TenantMode, UUID]:
    """Make a company with its LIVE tenant and, under the slug with ``-test``, its sandbox; raises SlugTaken."""
    sandbox = replace(tenant, slug=f"{tenant.slug}{TEST_SUFFIX}", mode=TenantMode.TEST)
    async with _slugs(tenant.slug), system.transaction() as tx:
        organization_id = await _insert_organization(tx, tenant.name)
        return {
            one.mode: await _insert_tenant(tx, organization_id, one)
            for one in (replace(tenant, mode=TenantMode.LIVE), sandbox)
        }


async def create_tenant(system: Database, tenant: NewTenant) -> UUID:
    """Make a company with a single tenant, for demos and tests; raises SlugTaken."""
    async with _slugs(tenant.slug), system.transaction() as tx:
        return await _insert_tenant(tx, await _insert_organization(tx, tenant.name), tenant)


@asynccontextmanager
async def _slugs(slug: str) -> AsyncIterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise SlugTaken(
            f"There is a tenant '{slug}' (or '{slug}{TEST_SUFFIX}') already: choose another slug."
        ) from error


async def _insert_organization(tx: Transaction, name: str) -> UUID:
    organization_id = new_id()
    await tx.execute("INSERT INTO organizations (id, name, version) VALUES ($1, $2, 1)", organization_id, name)
    return organization_id


async def _insert_tenant(tx: Transaction, organization_id: UUID, tenant: NewTenant) -> UUID:
    tenant_id = new_id()
    await tx.execute(
        "INSERT INTO tenants (organization_id, id, slug, name, mode, time_zone, country, currency, clock_anchor_wall, clock_anchor, clock_rate) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        organization_id, tenant_id, tenant.slug, tenant.name, tenant.mode.value, tenant.time_zone, tenant.country, tenant.currency,
        tenant.clock.anchor_wall, tenant.clock.anchor, tenant.clock.rate,
    )  # fmt: skip
    return tenant_id


async def list_tenants(system: Database) -> list[Row]:
    """All tenants, by slug."""
    async with system.transaction() as tx:
        rows: list[Row] = await tx.fetch(
            "SELECT id, slug, name, mode, status, time_zone, country, currency, created_at FROM tenants ORDER BY slug"
        )
        return rows


async def tenant_by_slug(system: Database, slug: str) -> Row:
    """One tenant; raises UnknownTenant."""
    async with system.transaction() as tx:
        row: Row | None = await tx.fetchrow("SELECT * FROM tenants WHERE slug = $1", slug)
    if row is None:
        raise UnknownTenant(f"There is no tenant '{slug}': `doorstep tenant list` shows all.")
    return row


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
    """Doorstep itself acting for a tenant, by that tenant's clock (jobs, reactions); raises UnknownTenant, also for one that is being erased."""
    async with system.transaction() as tx:
        row = await tx.fetchrow("SELECT * FROM tenants WHERE id = $1", tenant_id)
    if row is None or row["status"] == TenantStatus.CLOSING:
        raise UnknownTenant("This tenant is gone.")
    return Principal(tenant_id, SYSTEM_ACTOR, ALL_PERMISSIONS, clock_of(row), row["time_zone"], row["country"])
