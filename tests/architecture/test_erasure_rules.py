"""Every column that can hold somebody's words or whereabouts says what becomes of it when a person is erased: none can be forgotten."""

import asyncpg
import pytest

from doorstep.kernel.db import DatabaseUrls
from doorstep.kernel.erasure import OURS, Rules, each
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.privacy.erasure import ALL

HARMLESS = ("bool", "date", "int2", "int4", "int8", "timestamptz", "uuid")
"""Types that cannot hold a word or a place; every other one, also one of tomorrow, needs a rule."""

COLUMNS = """
SELECT class.relname AS table, attribute.attname AS column, type.typname = ANY($1) AS harmless
FROM pg_attribute AS attribute
JOIN pg_class AS class ON class.oid = attribute.attrelid AND class.relkind IN ('r', 'p', 'm', 'f') AND NOT class.relispartition
JOIN pg_type AS type ON type.oid = attribute.atttypid
WHERE class.relnamespace = 'public'::regnamespace AND attribute.attnum > 0 AND NOT attribute.attisdropped
"""

RULED = {(rules.table, column) for rules in ALL for column in rules.columns}
GO_WHOLE = {rules.table for rules in ALL if rules.delete}


async def columns(url: str) -> dict[tuple[str, str], bool]:
    """Every column of every table (partitions are their table's), and whether it is harmless."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(COLUMNS, list(HARMLESS))
    finally:
        await connection.close()
    return {(row["table"], row["column"]): row["harmless"] for row in rows}


async def without_rule(url: str) -> list[str]:
    """The columns that somebody forgot."""
    found = await columns(url)
    forgotten = (one for one, harmless in found.items() if not harmless and one not in RULED and one[0] not in GO_WHOLE)
    return sorted(".".join(one) for one in forgotten)


async def test_every_column_that_can_hold_a_word_or_a_place_has_a_rule(database_urls: DatabaseUrls):
    assert await without_rule(database_urls.system) == [], "say in the slice's erasure.py what becomes of it"


async def test_every_rule_is_about_a_column_that_there_is(database_urls: DatabaseUrls):
    found = await columns(database_urls.system)
    assert {".".join(one) for one in RULED - found.keys()} == set()
    assert {rules.table for rules in ALL} <= {table for table, _ in found}


@pytest.mark.parametrize(
    ("statement", "forgotten"),
    [
        ("ALTER TABLE orders ADD COLUMN gift_note text", ["orders.gift_note"]),
        (
            "CREATE TABLE letters (tenant_id uuid, id uuid, sent_at timestamptz, body varchar, parts text[])",
            ["letters.body", "letters.parts"],
        ),
        ("CREATE TABLE photos (tenant_id uuid, id uuid, thumbnail bytea, size bigint)", ["photos.thumbnail"]),
        ("ALTER TABLE proofs ADD COLUMN altitude float8", ["proofs.altitude"]),
    ],
)
async def test_a_column_without_a_rule_is_seen(
    database_urls: DatabaseUrls, cluster: EmbeddedCluster, statement: str, forgotten: list[str]
):
    owner = await asyncpg.connect(cluster.url("owner", database_urls.app.rpartition("/")[2]))
    try:
        await owner.execute(statement)
    finally:
        await owner.close()
    assert await without_rule(database_urls.system) == forgotten


def test_rules_that_belong_to_nobody_clear_nothing():
    assert Rules("t", each(OURS, "a"), of_orders="true").statement() is None
    assert all(rules.statement() for rules in ALL if rules.of_orders)
    assert not [rules.table for rules in ALL if rules.of_orders is None and rules.marks]
