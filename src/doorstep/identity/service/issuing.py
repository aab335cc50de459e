"""Use cases of the operator: API keys of any tenant, under the system role."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from doorstep.identity.errors import UnknownKey
from doorstep.identity.keys import PREFIX_LENGTH, key_hash, new_key
from doorstep.identity.model import TenantMode
from doorstep.kernel.db import Database, Row
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Permission


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
