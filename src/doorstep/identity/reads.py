"""Reads of identity that return rows. Secrets stay where they are: no read returns a hash."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.paging import Page, PageRequest, Sort, fetch_page

NEWEST_FIRST = Sort("CREATED_AT.DESC", "created_at", datetime, descending=True)

KEY_COLUMNS = "id, version, name, prefix, previous_prefix, previous_until, scopes, depot_ids, created_at, updated_at, expires_at, revoked_at, last_used_at"
TOKEN_COLUMNS = "id, kind, prefix, key_id, issued_by, member_id, scopes, depot_ids, order_id, driver_id, created_at, expires_at, revoked_at"  # noqa: S105
MEMBER_COLUMNS = (
    "id, version, email, name, status, role, role_id, depot_ids, driver_ids, created_at, updated_at, last_seen_at"
)
ROLE_COLUMNS = "id, version, name, permissions, created_at, updated_at"

OURS = "organization_id = (SELECT tenant.organization_id FROM tenants AS tenant WHERE tenant.id = $1)"
"""Of the tenant's organization; row-level security says the same."""

_FROM = {
    "api_keys": (f"SELECT {KEY_COLUMNS} FROM api_keys", "tenant_id = $1"),
    "access_tokens": (f"SELECT {TOKEN_COLUMNS} FROM access_tokens", "tenant_id = $1"),
    "persisted_documents": ("SELECT id, document_id, text, created_at FROM persisted_documents", "tenant_id = $1"),
    "members": (f"SELECT {MEMBER_COLUMNS} FROM members", OURS),
    "roles": (f"SELECT {ROLE_COLUMNS} FROM roles", OURS),
}


async def rows_by_ids(tx: Transaction, table: str, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Rows of keys, tokens, members or roles by id; unknown ids are missing."""
    select, ours = _FROM[table]
    rows = await tx.fetch(f"{select} WHERE {ours} AND id = ANY($2)", tenant_id, list(ids))
    return {row["id"]: row for row in rows}


async def page_of(
    tx: Transaction, table: str, tenant_id: UUID, request: PageRequest, extra: Sequence[str] = ()
) -> Page:
    """One page of keys, members or roles, newest first; ``extra`` are conditions without arguments."""
    select, ours = _FROM[table]
    return await fetch_page(
        tx, table, NEWEST_FIRST, request, select=select, conditions=[ours, *extra], arguments=[tenant_id]
    )


async def count_of(tx: Transaction, table: str, tenant_id: UUID, extra: Sequence[str] = ()) -> int:
    """How many there are."""
    _, ours = _FROM[table]
    return int(await tx.fetchval(f"SELECT count(*) FROM {table} WHERE {' AND '.join([ours, *extra])}", tenant_id))


async def tenant_row(tx: Transaction, tenant_id: UUID) -> Row | None:
    """The tenant with its organization's name."""
    return await tx.fetchrow(
        "SELECT tenant.id, tenant.slug, tenant.name, tenant.mode, tenant.time_zone, tenant.country, tenant.currency, tenant.locale, "
        "tenant.dispatch_enabled, tenant.dispatch_offer_seconds, tenant.dispatch_most_orders, tenant.travel_time_factors, tenant.nearest_depot, "
        "tenant.complete_without_arrival, tenant.allowed_origins, tenant.persisted_only, tenant.version, tenant.organization_id, organization.name AS organization_name "
        "FROM tenants AS tenant JOIN organizations AS organization ON organization.id = tenant.organization_id WHERE tenant.id = $1",
        tenant_id,
    )


async def usable_depots(tx: Transaction, tenant_id: UUID, depot_ids: Sequence[UUID]) -> set[UUID]:
    """Of these depots, those that the tenant has."""
    rows = await tx.fetch("SELECT id FROM depots WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, list(depot_ids))
    return {row["id"] for row in rows}


_OWNERS = f"SELECT id FROM members WHERE {OURS} AND role = 'OWNER' AND status <> 'REMOVED' ORDER BY id"


async def owners_of(tx: Transaction, tenant_id: UUID) -> list[UUID]:
    """The ids of the company's owners, also of those who were invited and never signed in."""
    return [row["id"] for row in await tx.fetch(_OWNERS, tenant_id)]


async def owner_address(tx: Transaction, tenant_id: UUID, member_id: UUID) -> str | None:
    """An owner's e-mail address as it is now; None when the member is no owner of the company."""
    address: str | None = await tx.fetchval(
        f"SELECT email FROM members WHERE {OURS} AND id = $2 AND role = 'OWNER' AND status <> 'REMOVED'",
        tenant_id,
        member_id,
    )
    return address
