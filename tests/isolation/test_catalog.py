"""The walls, read from PostgreSQL's own catalog, so that a table that lacks one fails here on its first day; and that each lack is seen."""

import ast
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import REPOSITORY
from tests.isolation.catalog import CHECKS, EXCEPTIONS, findings
from tests.isolation.figures import Figures

from doorstep.kernel.db import DatabaseUrls
from doorstep.kernel.postgres.cluster import EmbeddedCluster

OWN = "SET LOCAL ROLE doorstep_owner"
WALL = "USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))"
ROW = "CREATE TABLE visits (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id))"
OPEN_PARTITION = """
DO $$ BEGIN EXECUTE format('GRANT SELECT ON %I TO doorstep_app',
  (SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'events'::regclass LIMIT 1)); END $$
"""

PLANTED: list[tuple[str, str, str]] = [
    ("row-level security is forced", f"{OWN}; {ROW}", "visits"),
    ("row-level security is forced", f"{OWN}; ALTER TABLE orders NO FORCE ROW LEVEL SECURITY", "orders"),
    ("row-level security is forced", f"{OWN}; ALTER TABLE orders DISABLE ROW LEVEL SECURITY", "orders"),
    ("the tenant's policy, both clauses", f"{OWN}; DROP POLICY tenant ON stops", "stops"),
    ("the tenant's policy, both clauses", f"{OWN}; ALTER POLICY tenant ON stops WITH CHECK (true)", "stops"),
    ("the tenant's policy, both clauses", f"{OWN}; ALTER POLICY tenant ON stops USING (true)", "stops"),
    ("the tenant's policy, both clauses", f"{OWN}; ALTER POLICY tenant ON stops TO PUBLIC", "stops"),
    (
        "the tenant's policy, both clauses",
        f"{OWN}; DROP POLICY tenant ON stops; CREATE POLICY tenant ON stops TO doorstep_app {WALL}",
        "stops",  # without WITH CHECK: PostgreSQL would take USING for both, but a reader of the migration cannot see that it was meant
    ),
    (
        "the tenant's policy, both clauses",
        f"{OWN}; DROP POLICY tenant ON stops; CREATE POLICY tenant ON stops FOR SELECT TO doorstep_app {WALL}",
        "stops",
    ),
    ("nothing widens the wall", f"{OWN}; CREATE POLICY debug ON drivers FOR SELECT USING (true)", "drivers.debug"),
    (
        "nothing widens the wall",
        f"{OWN}; ALTER POLICY system ON drivers TO doorstep_app, doorstep_system",
        "drivers.system",
    ),
    ("every row says its tenant", f"{OWN}; CREATE TABLE visits (id uuid PRIMARY KEY)", "visits"),
    ("every row says its tenant", f"{OWN}; CREATE TABLE visits (tenant_id uuid)", "visits"),
    ("unique keys begin with the tenant", f"{OWN}; CREATE UNIQUE INDEX loose ON orders (reference)", "loose"),
    ("unique keys begin with the tenant", f"{OWN}; CREATE UNIQUE INDEX loose ON orders (lower(reference))", "loose"),
    (
        "foreign keys take the tenant along",
        f"{OWN}; CREATE UNIQUE INDEX loose ON depots (id); ALTER TABLE orders ADD CONSTRAINT near FOREIGN KEY (depot_id) REFERENCES depots (id)",
        "near",
    ),
    ("views look with the eyes of who asks", f"{OWN}; CREATE VIEW all_orders AS SELECT * FROM orders", "all_orders"),
    (
        "views look with the eyes of who asks",
        f"{OWN}; CREATE MATERIALIZED VIEW sums AS SELECT tenant_id, count(*) FROM orders GROUP BY 1",
        "sums",
    ),
    (
        "functions with the owner's rights",
        f"{OWN}; CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT 1'",
        "peek() is not in the list",
    ),
    (
        "functions with the owner's rights",
        f"{OWN}; ALTER FUNCTION doorstep_authenticate(bytea) RESET search_path",
        "doorstep_authenticate(bytea) has no search_path",
    ),
    (
        "functions with the owner's rights",
        f"{OWN}; GRANT EXECUTE ON FUNCTION doorstep_authenticate(bytea) TO PUBLIC",
        "doorstep_authenticate(bytea) may be run by anybody",
    ),
    (
        "functions with the owner's rights",
        "ALTER FUNCTION doorstep_authenticate(bytea) OWNER TO postgres",
        "doorstep_authenticate(bytea) is not the owner's",
    ),
    ("one owner", "ALTER TABLE orders OWNER TO doorstep_system", "orders belongs to doorstep_system"),
    ("one owner", "CREATE SCHEMA side", "the schema side"),
    ("roles without powers", "ALTER ROLE doorstep_app BYPASSRLS", "doorstep_app"),
    ("roles without powers", "GRANT doorstep_system TO doorstep_app", "doorstep_app is a member of doorstep_system"),
    ("roles without powers", "GRANT CREATE ON SCHEMA public TO doorstep_app", "doorstep_app may make objects"),
    ("rights of requests", f"{OWN}; GRANT TRUNCATE ON orders TO doorstep_app", "orders: doorstep_app may TRUNCATE"),
    (
        "rights of requests",
        f"{OWN}; GRANT UPDATE ON installation TO doorstep_app",
        "installation: doorstep_app may UPDATE",
    ),
    ("rights of requests", f"{OWN}; GRANT SELECT ON orders TO PUBLIC", "orders: anybody may SELECT"),
    (
        "rights of requests",
        f"{OWN}; {OPEN_PARTITION}",
        "may read past the parent",
    ),
    ("no counter is shared between tenants", f"{OWN}; ALTER TABLE orders ADD COLUMN number bigserial", "orders.number"),
]
"""Check, the fault, and a part of what the check then says."""


@pytest.fixture
async def catalog(cluster: EmbeddedCluster, database_urls: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection inside a transaction that never commits: what is planted there nobody else sees."""
    connection = await asyncpg.connect(cluster.url("superuser", database_urls.app.rpartition("/")[2]))
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def test_the_walls_stand(catalog: asyncpg.Connection) -> None:
    wrong = {check: found for check in CHECKS if (found := await findings(catalog, check))}
    assert wrong == {}


async def test_planted_faults_each_gap_in_a_wall_is_seen(catalog: asyncpg.Connection, figures: Figures) -> None:
    unseen = []
    for check, fault, said in PLANTED:
        await catalog.execute("SAVEPOINT sound")
        await catalog.execute(fault)
        await catalog.execute("RESET ROLE")
        if not any(said in finding for finding in await findings(catalog, check)):
            unseen.append((check, fault))
        await catalog.execute("ROLLBACK TO SAVEPOINT sound")
    assert unseen == []
    assert {check for check, _, _ in PLANTED} == set(CHECKS), (
        "a check without a planted fault has never been seen to work"
    )
    figures.planted(len(PLANTED), len(PLANTED) - len(unseen))


async def test_a_policy_that_only_narrows_is_welcome(catalog: asyncpg.Connection) -> None:
    await catalog.execute(OWN)
    await catalog.execute(
        "CREATE POLICY narrower ON orders AS RESTRICTIVE TO doorstep_app USING (depot_id IS NOT NULL)"
    )
    for check in CHECKS:
        assert await findings(catalog, check) == []


@pytest.mark.parametrize("name", sorted(EXCEPTIONS))
def test_every_exception_is_held_by_a_test_that_exists(name: str) -> None:
    file, _, test = EXCEPTIONS[name].covered_by.partition("::")
    tree = ast.parse(Path(REPOSITORY, file).read_text("utf-8"))
    named = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert test in named
    assert EXCEPTIONS[name].why
