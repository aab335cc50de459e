"""The walls between tenants as a request meets them; what the catalog must say of every table is tests/isolation/test_catalog.py."""

from uuid import uuid4

import asyncpg
import pytest

from doorstep.identity.keys import key_hash
from doorstep.identity.oidc.providers import add_provider
from doorstep.identity.service import create_key, tenant_by_slug
from doorstep.kernel.db import Database
from doorstep.planning.reads import is_assigned


async def test_requests_cannot_write_what_belongs_to_no_tenant(db, alpha):
    for statement in (
        "UPDATE installation SET epoch = 9",
        "DELETE FROM workers",
        "INSERT INTO tenants (id, slug, name) VALUES (gen_random_uuid(), 'x', 'x')",
        "UPDATE tenants SET slug = 'x'",
        "UPDATE tenants SET organization_id = id",
        "INSERT INTO organizations (id, name, version) VALUES (gen_random_uuid(), 'x', 1)",
        "DELETE FROM events",
        "UPDATE alembic_version SET version_num = '0'",
        "DELETE FROM map_extracts",
        "UPDATE map_names SET name = 'x'",
        "INSERT INTO map_houses SELECT * FROM map_houses",
        "UPDATE tenants SET status = 'ACTIVE'",
        "UPDATE tenants SET quota_orders_per_day = NULL",
        "DELETE FROM usage_days",
        "SELECT * FROM closures",
        "SELECT * FROM point_buckets",
        "UPDATE point_buckets SET points = 20000",
        "SELECT doorstep_ensure_event_partitions(1)",
        "SELECT doorstep_drop_event_partition(7, ARRAY[]::text[])",
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


INVITED = "INSERT INTO members (organization_id, id, email, name, status, role, version) VALUES ($1, $2, $3, 'Ada', 'INVITED', 'OWNER', 1)"
ROLE = "INSERT INTO roles (organization_id, id, name, version) VALUES ($1, gen_random_uuid(), 'x', 1)"


async def organization_of(system, tenant_id):
    async with system.transaction() as tx:
        return await tx.fetchval("SELECT organization_id FROM tenants WHERE id = $1", tenant_id)


async def test_another_organizations_members_and_roles_do_not_exist(db, system, alpha, beta):
    theirs = await organization_of(system, beta.tenant_id)
    async with db.transaction(beta.tenant_id) as tx:
        await tx.execute(INVITED, theirs, uuid4(), "ada@example.org")
        await tx.execute(ROLE, theirs)
    async with db.transaction(alpha.tenant_id) as tx:
        assert [row["id"] for row in await tx.fetch("SELECT id FROM organizations")] == [
            await organization_of(system, alpha.tenant_id)
        ]
        for table in ("members", "roles"):
            assert await tx.fetch(f"SELECT * FROM {table}") == []
            assert await tx.execute(f"UPDATE {table} SET name = 'x'") == "UPDATE 0"
        assert await tx.execute("UPDATE organizations SET name = 'x' WHERE id = $1", theirs) == "UPDATE 0"
        assert await tx.execute("DELETE FROM roles") == "DELETE 0"
    for statement, values in ((INVITED, (theirs, uuid4(), "eve@example.org")), (ROLE.replace("'x'", "'y'"), (theirs,))):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.transaction(alpha.tenant_id) as tx:
                await tx.execute(statement, *values)
    async with db.transaction() as tx:
        for table in ("organizations", "members", "roles"):
            assert await tx.fetch(f"SELECT * FROM {table}") == []


async def test_nobody_is_signed_in_from_inside_a_tenant(db, system, alpha, beta):
    async with db.transaction(beta.tenant_id) as tx:
        await tx.execute(INVITED, await organization_of(system, beta.tenant_id), uuid4(), "ada@example.org")
    sign_in = "SELECT * FROM doorstep_sign_in($1, 'https://issuer.example', 'ada', 'ada@example.org')"
    for inside in (alpha.tenant_id, beta.tenant_id):
        async with db.transaction(inside) as tx:
            assert await tx.fetch(sign_in, beta.tenant_id) == []
    async with db.transaction(beta.tenant_id) as tx:
        assert await tx.fetchval("SELECT status FROM members") == "INVITED"
    async with db.transaction() as tx:
        assert len(await tx.fetch(sign_in, beta.tenant_id)) == 1, "it would have"


async def test_issuers_and_standing_of_others_are_not_told_inside_a_tenant(db, system, alpha, beta):
    await add_provider(system, await tenant_by_slug(system, "beta"), "https://issuer.example", "portal")
    for inside, told in ((alpha.tenant_id, 0), (beta.tenant_id, 1), (None, 1)):
        async with db.transaction(inside) as tx:
            assert len(await tx.fetch("SELECT * FROM doorstep_sign_in_providers('https://issuer.example')")) == told
            assert len(await tx.fetch("SELECT * FROM doorstep_standing($1)", beta.tenant_id)) == told


PLACED = (
    "INSERT INTO orders (tenant_id, id, version, kind, status, custody, location_status, priority, weight_grams, volume_cubic_centimeters, items, "
    "attempt_number) VALUES ($1, $2, 1, 'DELIVERY', 'PENDING', 'SENDER', 'LOCATED', 0, 0, 0, 1, 1)"
)


async def test_tenders_are_emptied_by_their_merchant_alone(db, system, alpha, beta):
    partnership, order = uuid4(), uuid4()
    async with system.transaction() as tx:
        await tx.execute(PLACED, beta.tenant_id, order)
        await tx.execute(
            "INSERT INTO partnerships (merchant_id, id, carrier_id, version, status, merchant_name) VALUES ($1, $2, $3, 1, 'ACTIVE', 'x')",
            beta.tenant_id, partnership, alpha.tenant_id,
        )  # fmt: skip
        await tx.execute(
            "INSERT INTO tenders (merchant_id, id, carrier_id, partnership_id, merchant_order_id, version, status, picked_up, currency, weight_grams, "
            "volume_cubic_centimeters, items, dropoff_city, dropoff_country, deadline_at) "
            "VALUES ($1, gen_random_uuid(), $2, $3, $4, 1, 'OFFERED', false, 'EUR', 0, 0, 0, 'Vaduz', 'LI', now())",
            beta.tenant_id, alpha.tenant_id, partnership, order,
        )  # fmt: skip
    for inside, merchant, emptied in (
        (alpha.tenant_id, beta.tenant_id, 0),
        (alpha.tenant_id, alpha.tenant_id, 0),
        (None, beta.tenant_id, 0),
        (beta.tenant_id, beta.tenant_id, 1),
    ):
        async with db.transaction(inside) as tx:
            assert len(await tx.fetch("SELECT doorstep_empty_tenders($1, $2)", merchant, [order])) == emptied


async def test_what_a_credential_reaches_is_never_another_tenants(db, system, alpha, beta):
    order = uuid4()
    async with system.transaction() as tx:
        await tx.execute(PLACED, beta.tenant_id, order)
        names = [
            row["name"]
            for row in await tx.fetch("SELECT proname AS name FROM pg_proc WHERE proname LIKE 'doorstep\\_reaches\\_%'")
        ]
    assert len(names) == 10
    for inside, found in ((alpha.tenant_id, False), (None, False), (beta.tenant_id, True)):
        async with db.transaction(inside) as tx:
            assert await tx.fetchval("SELECT doorstep_reaches_order($1, $2)", beta.tenant_id, order) is found
            assert await tx.fetchval("SELECT doorstep_reaches_plan($1, $2)", beta.tenant_id, order) is found
    async with db.transaction(alpha.tenant_id) as tx:
        for name in names:
            arguments = "$1, $2, NULL, NULL, '{}'" if name == "doorstep_reaches_event" else "$1, $2"
            assert await tx.fetchval(f"SELECT {name}({arguments})", beta.tenant_id, order) is False, name
        assert await tx.fetchval("SELECT doorstep_driver_has_order($1, $2, $2)", beta.tenant_id, order) is False


STAFFED = """
WITH a_depot AS (
  INSERT INTO depots (tenant_id, id, version, name, line1, city, country, formatted, latitude, longitude, time_zone)
  VALUES ($1, $2, 1, 'd', 'x', 'x', 'LI', 'x', 47, 9, 'UTC')
), a_driver AS (INSERT INTO drivers (tenant_id, id, version, name) VALUES ($1, $2, 1, 'd')
), a_vehicle AS (
  INSERT INTO vehicles (tenant_id, id, version, name, kind, speed_factor, cost_fixed_minor, cost_per_hour_minor, cost_per_kilometer_minor)
  VALUES ($1, $2, 1, 'v', 'VAN', 1, 0, 0, 0)
), a_shift AS (
  INSERT INTO shifts (tenant_id, id, version, driver_id, depot_id, starts_at, ends_at, returns_to_depot)
  VALUES ($1, $2, 1, $2, $2, now(), now() + interval '1 hour', true)
), a_route AS (
  INSERT INTO routes (tenant_id, id, version, shift_id, driver_id, vehicle_id, depot_id, status, starts_at, network)
  VALUES ($1, $2, 1, $2, $2, $2, $2, 'COMMITTED', now(), 'car')
)
INSERT INTO assignments (tenant_id, id, order_id, route_id, active, assigned_at) VALUES ($1, $2, $2, $2, true, now())
"""
"""A depot, a driver, a vehicle, a shift and a route with an order, all with one id."""


async def test_what_is_out_of_reach_is_told_of_ones_own_tenant_alone(db, system, alpha, beta):
    one = uuid4()
    async with system.transaction() as tx:
        await tx.execute(PLACED, beta.tenant_id, one)
        await tx.execute(STAFFED, beta.tenant_id, one)
    limited = f"SELECT set_config('app.limited', 'yes', true), set_config('app.depot_ids', '{{{uuid4()}}}', true)"
    for inside, found in ((alpha.tenant_id, False), (None, False), (beta.tenant_id, True)):
        async with db.transaction(inside) as tx:
            await tx.fetch(limited)
            for question in (
                "doorstep_shift_out_of_reach($1, $2, NULL, NULL, now(), NULL, NULL)",
                "doorstep_route_out_of_reach($1, $2)",
                "doorstep_assignment_out_of_reach($1, $2)",
            ):
                assert await tx.fetchval(f"SELECT {question}", beta.tenant_id, one) is found, question
            assert await is_assigned(tx, beta.tenant_id, one) is found
