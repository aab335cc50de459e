"""The walls between tenants as a request meets them; what the catalog must say of every table is tests/isolation/test_catalog.py."""

import asyncpg
import pytest

from doorstep.identity.keys import key_hash
from doorstep.identity.service import create_key, tenant_by_slug
from doorstep.kernel.db import Database


async def test_requests_cannot_write_what_belongs_to_no_tenant(db, alpha):
    for statement in (
        "UPDATE installation SET epoch = 9",
        "DELETE FROM workers",
        "INSERT INTO tenants (id, slug, name) VALUES (gen_random_uuid(), 'x', 'x')",
        "UPDATE tenants SET slug = 'x'",
        "DELETE FROM events",
        "UPDATE alembic_version SET version_num = '0'",
        "DELETE FROM map_extracts",
        "UPDATE map_names SET name = 'x'",
        "INSERT INTO map_houses SELECT * FROM map_houses",
        "UPDATE tenants SET status = 'ACTIVE'",
        "UPDATE tenants SET quota_orders_per_day = NULL",
        "DELETE FROM usage_days",
        "SELECT * FROM closures",
        "SELECT doorstep_ensure_event_partitions(1)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.transaction(alpha.tenant_id) as tx:
                await tx.execute(statement)


async def test_partitions_of_the_log_cannot_be_read_past_their_parent(db, system, alpha):
    async with system.transaction() as tx:
        partitions = await tx.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'events'::regclass"
        )
    assert partitions
    for partition in partitions:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.transaction(alpha.tenant_id) as tx:
                await tx.fetch(f"SELECT * FROM {partition['name']}")


async def test_a_row_for_another_tenant_cannot_be_written_and_theirs_cannot_be_seen(db, alpha, beta):
    insert = "INSERT INTO idempotency_keys (tenant_id, operation, key, fingerprint, outcome) VALUES ($1, 'o', 'k', 'f', '{}'::jsonb)"
    async with db.transaction(beta.tenant_id) as tx:
        await tx.execute(insert, beta.tenant_id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with db.transaction(alpha.tenant_id) as tx:
            await tx.execute(insert.replace("'k'", "'k2'"), beta.tenant_id)
    async with db.transaction(alpha.tenant_id) as tx:
        assert await tx.fetch("SELECT * FROM idempotency_keys") == []
        assert await tx.execute("DELETE FROM idempotency_keys") == "DELETE 0"
    async with db.transaction() as tx:
        assert await tx.fetch("SELECT * FROM idempotency_keys") == []


async def test_a_pooled_connection_carries_no_tenant_over(database_urls, alpha):
    database = Database(database_urls.app, pool_size=1)
    async with database.transaction(alpha.tenant_id) as tx:
        assert await tx.fetchval("SELECT count(*) FROM tenants") == 1
    async with database.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM tenants") == 0
    await database.close()


async def test_a_tenant_sees_only_its_own_row(db, alpha, beta):
    async with db.transaction(alpha.tenant_id) as tx:
        assert [row["id"] for row in await tx.fetch("SELECT id FROM tenants")] == [alpha.tenant_id]
        assert await tx.fetch("SELECT * FROM tenants WHERE id = $1 OR slug = 'beta'", beta.tenant_id) == []


async def test_a_key_is_found_by_its_whole_hash_alone(db, system, alpha, beta):
    _, key = await create_key(system, await tenant_by_slug(system, "beta"), "theirs", [])
    hashed = key_hash(key)
    async with db.transaction(alpha.tenant_id) as tx:
        [found] = await tx.fetch("SELECT * FROM doorstep_authenticate($1)", hashed)
        assert found["tenant_id"] == beta.tenant_id
        for guess in (b"", hashed[:-1], hashed + b"\0", hashed[::-1], key.encode()):
            assert await tx.fetch("SELECT * FROM doorstep_authenticate($1)", guess) == []
        assert await tx.fetch("SELECT * FROM doorstep_authenticate(NULL)") == []
        assert await tx.fetch("SELECT * FROM api_keys") == []
