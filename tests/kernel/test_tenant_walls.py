"""The walls between tenants, read from PostgreSQL's own catalog, so that a table that lacks one fails here on its first day."""

import asyncpg
import pytest

from doorstep.kernel.db import Database

GLOBAL = {"alembic_version", "installation", "workers", "map_extracts", "map_names", "map_houses"}
"""Tables that belong to no tenant; requests may at most read them."""

OF_TWO_TENANTS = {"partnerships", "tenders"}
"""The only tables whose rows two tenants see; their walls have tests of their own (tests/partners/test_two_tenants.py)."""

UNPROTECTED = """
SELECT class.relname FROM pg_class AS class
WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p') AND class.relname <> ALL($1)
  AND NOT (class.relrowsecurity AND class.relforcerowsecurity AND EXISTS (
    SELECT 1 FROM pg_policy AS policy WHERE policy.polrelid = class.oid AND policy.polname = 'tenant'
      AND policy.polqual IS NOT NULL AND policy.polwithcheck IS NOT NULL AND policy.polroles = ARRAY['doorstep_app'::regrole::oid]))
"""

LOOSE_KEYS = """
SELECT conrelid::regclass::text, conname FROM pg_constraint
WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conrelid::regclass::text <> ALL($1)
  AND NOT EXISTS (SELECT 1 FROM pg_attribute AS a WHERE a.attrelid = conrelid AND a.attnum = conkey[1] AND a.attname = 'tenant_id')
"""

LOOSE_INDEXES = """
SELECT indrelid::regclass::text || '.' || indexrelid::regclass::text FROM pg_index
JOIN pg_class AS class ON class.oid = indrelid AND class.relnamespace = 'public'::regnamespace
WHERE indisunique AND class.relname <> ALL($1)
  AND NOT EXISTS (SELECT 1 FROM pg_attribute AS a WHERE a.attrelid = indrelid AND a.attnum = indkey[0] AND a.attname = 'tenant_id')
"""


async def unprotected(system: Database) -> set[str]:
    async with system.transaction() as tx:
        return {row["relname"] for row in await tx.fetch(UNPROTECTED, sorted(GLOBAL))}


async def test_every_table_has_forced_row_level_security_with_both_clauses(system):
    assert await unprotected(system) == set()


@pytest.mark.parametrize(
    "fault",
    ["DROP POLICY tenant ON orders", "ALTER TABLE orders NO FORCE ROW LEVEL SECURITY", "CREATE TABLE orphans (tenant_id uuid)"],
)
async def test_planted_fault_a_table_without_its_wall_is_noticed(system, database_urls, cluster, fault):
    owner = Database(cluster.url("owner", database_urls.app.rpartition("/")[2]), pool_size=1)
    async with owner.transaction() as tx:
        await tx.execute(fault)
    await owner.close()
    assert await unprotected(system)


async def test_every_foreign_and_unique_key_of_tenant_data_begins_with_the_tenant(system):
    async with system.transaction() as tx:
        assert await tx.fetch(LOOSE_KEYS, sorted(GLOBAL | OF_TWO_TENANTS)) == []
        loose = {row[0] for row in await tx.fetch(LOOSE_INDEXES, sorted(GLOBAL | OF_TWO_TENANTS))}
    assert loose == {"tenants.tenants_pkey", "tenants.tenants_slug_key"}


async def test_requests_cannot_write_what_belongs_to_no_tenant(db, alpha):
    for statement in (
        "UPDATE installation SET epoch = 9",
        "DELETE FROM workers",
        "INSERT INTO tenants (id, slug, name) VALUES (gen_random_uuid(), 'x', 'x')",
        "DELETE FROM events",
        "SELECT doorstep_ensure_event_partitions(1)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.transaction(alpha.tenant_id) as tx:
                await tx.execute(statement)


async def test_partitions_of_the_log_cannot_be_read_past_their_parent(db, system, alpha):
    async with system.transaction() as tx:
        partitions = await tx.fetch("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'events'::regclass")
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
