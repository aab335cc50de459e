"""Canaries in every text that another tenant's rows can hold, and what is compared and searched afterwards.

The catalog says which columns there are, so that a column that is added tomorrow gets its canary tomorrow.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from tests.isolation.catalog import NO_TENANT
from tests.isolation.desks import NAMED, Desk

from doorstep.kernel.db import Database, Row, Transaction
from doorstep.kernel.ids import parse_id

SEEDS = {
    "consumers": "INSERT INTO consumers (tenant_id, name, seq) VALUES ($1, 'seed', 0)",
    "relayed_events": "INSERT INTO relayed_events (tenant_id, event_id, about_id) VALUES ($1, gen_random_uuid(), gen_random_uuid())",
    "sign_in_providers": "INSERT INTO sign_in_providers (tenant_id, id, issuer, audience) VALUES ($1, gen_random_uuid(), 'seed', gen_random_uuid()::text)",
    "tracking_links": "INSERT INTO tracking_links (tenant_id, order_id, generation) SELECT tenant_id, id, 0 FROM orders WHERE tenant_id = $1 "
    "ON CONFLICT DO NOTHING",
    "tender_queues": "INSERT INTO tender_queues (tenant_id, order_id) SELECT tenant_id, id FROM orders WHERE tenant_id = $1 LIMIT 1",
}
"""Rows that no use case of the API makes, so that every table of tenant data has one."""

_COMPANY = "(SELECT organization_id FROM tenants WHERE id = $1)"
_EITHER = "$1 IN (t.merchant_id, t.carrier_id)"

OWNED_BY = {
    "tenants": "t.id = $1",
    "organizations": f"t.id = {_COMPANY}",
    "members": f"t.organization_id = {_COMPANY}",
    "roles": f"t.organization_id = {_COMPANY}",
    "partnerships": _EITHER,
    "tenders": _EITHER,
}
"""Which rows are a tenant's ($1), where not ``tenant_id`` says so."""

ECHOES = {"audit_entries"}
"""Tables that keep what callers named, a foreign id among it; nothing of what it names."""

_TABLES = """
SELECT class.oid, relname::text AS name, coalesce($1::jsonb ->> relname::text, 't.tenant_id = $1') AS owned,
  ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = class.oid AND attnum = ANY(primary_key.indkey)) AS keys
FROM pg_class AS class JOIN pg_index AS primary_key ON indrelid = class.oid AND indisprimary
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
  AND relname <> ALL($2)
ORDER BY relname
"""

_COLUMNS = """
SELECT attname::text AS name, format_type(atttypid, NULL) AS type,
  coalesce((SELECT string_agg(pg_get_constraintdef(oid), ' ') FROM pg_constraint
            WHERE conrelid = attrelid AND contype = 'c' AND attnum = ANY(conkey)), '') AS checks
FROM pg_attribute
WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
  AND format_type(atttypid, NULL) IN ('text', 'character varying', 'jsonb', 'text[]', 'character varying[]')
ORDER BY attnum
"""

_VOLATILE = "ARRAY['last_used_at', 'points']"
"""Columns that the tenant's own requests move, some of them a while later."""


@dataclass
class Planted:
    """Where canaries were put, and where they could not be."""

    columns: list[str] = field(default_factory=list)
    cells: int = 0
    bound: dict[str, str] = field(default_factory=dict)
    """Columns that hold one of a few words → the CHECK that says so."""

    empty: list[str] = field(default_factory=list)
    """Tables without a row of the tenant: nothing of theirs could have been found there."""


async def plant(system: Database, desk: Desk) -> Planted:
    """Put the desk's canary into every text column, and every string of every JSON column, of each of the tenant's rows."""
    planted = Planted()
    async with system.transaction() as tx:
        for table in await _tables(tx):
            if table["name"] in SEEDS:
                await tx.execute(SEEDS[table["name"]], desk.tenant_id)
            sql = f"SELECT count(*) FROM {table['name']} AS t WHERE {table['owned']}"
            if await tx.fetchval(sql, desk.tenant_id) == 0:
                planted.empty.append(table["name"])
            for column in await tx.fetch(_COLUMNS, table["oid"]):
                await _plant_column(tx, planted, table, column, desk)
    return planted


async def _tables(tx: Transaction) -> list[Row]:
    """The tables of tenant data: each must name its tenant, or be one of those that belong to none."""
    return await tx.fetch(_TABLES, OWNED_BY, sorted(NO_TENANT))


async def _plant_column(tx: Transaction, planted: Planted, table: Row, column: Row, desk: Desk) -> None:
    name = f"{table['name']}.{column['name']}"
    try:
        async with tx.savepoint():
            if column["type"] == "jsonb":
                planted.cells += await _plant_json(tx, table, column["name"], desk)
            else:
                planted.cells += await _plant_text(tx, table, column, desk)
    except asyncpg.CheckViolationError:
        planted.bound[name] = column["checks"]
    else:
        planted.columns.append(name)


async def _plant_text(tx: Transaction, table: Row, column: Row, desk: Desk) -> int:
    """Each row its own canary, so that unique keys hold; names that the walk tries stay as they are."""
    name = column["name"]
    value = f"$2 || '-{table['name']}-{name}-' || md5(t::text)"
    value = f"ARRAY[{value}]" if column["type"].endswith("[]") else value
    tag = await tx.execute(
        f'UPDATE {table["name"]} AS t SET "{name}" = {value} '
        f"WHERE {table['owned']} AND coalesce(\"{name}\"::text, '') NOT LIKE '%{NAMED}%'",
        desk.tenant_id,
        desk.canary,
    )
    return int(tag.rpartition(" ")[2])


async def _plant_json(tx: Transaction, table: Row, column: str, desk: Desk) -> int:
    keys = table["keys"]
    rows = await tx.fetch(
        f'SELECT {", ".join(keys)}, "{column}" FROM {table["name"]} AS t WHERE {table["owned"]}', desk.tenant_id
    )
    for row in rows:
        where = " AND ".join(f"{key} = ${place}" for place, key in enumerate(keys, 2))
        value = _with_canaries(row[column], desk.canary)
        await tx.execute(
            f'UPDATE {table["name"]} SET "{column}" = $1 WHERE {where}', value, *(row[key] for key in keys)
        )
    return len(rows)


def _with_canaries(value: Any, canary: str) -> Any:
    """The same shape with a canary in place of every string, and one where there was nothing."""
    if isinstance(value, dict):
        return {**{key: _with_canaries(one, canary) for key, one in value.items()}, canary: canary}
    if isinstance(value, list):
        return [_with_canaries(one, canary) for one in value] or [canary]
    return canary if value is None or isinstance(value, str) else value


def is_word_list(check: str) -> bool:
    """Whether a CHECK lets one of a few words through, so that the column can never hold a text of a tenant's."""
    return re.search(r"= ANY \(+ARRAY\[|\w+\)?::text = '|= '\w+'::text", check) is not None


async def everything_of(system: Database, desk: Desk, about: Collection[str] = ()) -> dict[str, str]:
    """A digest of all of a tenant's rows, by table; of those alone that mention one of the ids ``about``, when there are any."""
    patterns = [f"%{parse_id(one.partition('_')[0], one)}%" for one in about]
    row = f"(to_jsonb(t) - {_VOLATILE})::text"
    async with system.transaction() as tx:
        return {
            table["name"]: await tx.fetchval(
                f"SELECT md5(coalesce(string_agg({row}, ',' ORDER BY {row}), '')) FROM {table['name']} AS t "
                f"WHERE {table['owned']} AND (cardinality($2::text[]) = 0 OR {row} LIKE ANY($2))",
                desk.tenant_id,
                patterns,
            )
            for table in await _tables(tx)
            if not (about and table["name"] in ECHOES)
        }


async def mentions(system: Database, desk: Desk, of: Desk) -> list[str]:
    """Rows of a tenant, its events and stored answers among them, that hold a canary or an id of another one's."""
    needles = [of.canary, *map(str, _uuids(of)), *(one for one in of.ids.values() if "_" in one)]
    found = []
    async with system.transaction() as tx:
        for table in await _tables(tx):
            rows = await tx.fetch(
                f"SELECT to_jsonb(t)::text AS text FROM {table['name']} AS t "
                f"WHERE {table['owned']} AND to_jsonb(t)::text LIKE ANY($2)",
                desk.tenant_id,
                [f"%{needle}%" for needle in (needles[:1] if table["name"] in ECHOES else needles)],
            )
            found += [f"{table['name']}: {row['text'][:200]}" for row in rows]
    return found


def _uuids(desk: Desk) -> list[UUID]:
    ids = [one for one in desk.ids.values() if re.fullmatch(r"[a-z]+_[0-9a-z]{26}", one)]
    return [desk.tenant_id, *(parse_id(one.partition("_")[0], one) for one in ids)]
