"""Faults that somebody could write one day, planted: each must turn the walk red, or be held by the other layer."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest

from doorstep.kernel.db import Transaction

_FILTERS = [
    re.compile(r"(?:\b\w+\.)?\b(?:tenant_id|merchant_id|carrier_id) = \$(\d+)\b"),
    re.compile(
        r"\b(?:organization_id|id) = \(SELECT tenant\.organization_id FROM tenants AS tenant WHERE tenant\.id = \$(\d+)\)"
    ),
]

_WALLED = """
SELECT relname::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relrowsecurity AND NOT relispartition
"""


async def open_the_wall(owner_url: str, *tables: str) -> None:
    """Let every tenant through to every row, of all tables or of some: as a policy that was loosened would."""
    connection = await asyncpg.connect(owner_url)
    for table in tables or [row[0] for row in await connection.fetch(_WALLED)]:
        await connection.execute(f"ALTER POLICY tenant ON {table} USING (true) WITH CHECK (true)")
    await connection.close()


async def drop_the_policy(owner_url: str, table: str) -> None:
    """Take a table's policy away, as a migration that makes the table anew and forgets it would."""
    connection = await asyncpg.connect(owner_url)
    await connection.execute(f"DROP POLICY tenant ON {table}")
    await connection.close()


@contextmanager
def without_filters(patch: pytest.MonkeyPatch, among: str = "") -> Iterator[set[str]]:
    """Statements forget ``tenant_id = $1``, and what says the same of companies and partners, while the block runs; yields the texts of those that did.

    ``among`` is a pattern for those that forget it; empty: all do.
    """
    changed: set[str] = set()

    def forgetful(method: str) -> Any:
        real = getattr(Transaction, method)

        async def run(self: Transaction, sql: str, *arguments: Any) -> Any:
            text = sql
            for written in _FILTERS if re.search(among, sql) else ():
                text = written.sub(r"$\1::uuid IS NOT NULL", text)
            if text != sql:
                changed.add(sql)
            return await real(self, text, *arguments)

        return run

    with patch.context() as inside:
        for method in ("fetch", "fetchrow", "fetchval", "execute"):
            inside.setattr(Transaction, method, forgetful(method))
        yield changed
