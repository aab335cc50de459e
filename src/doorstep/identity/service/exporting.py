"""Export of everything that a tenant holds: one gzip'd stream of JSON lines, read from one snapshot by a cursor, in constant memory.

The first line says what this is, each further one is ``{"table": …, "row": …}``, tables by name and rows by primary key; the last line counts the
rows of each table, so that a stream that was cut off shows. Only what would let somebody in (hashes of keys and tokens) is left out, and a
PIN that a partner keeps to itself is called hidden.
"""

import asyncio
import hashlib
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from doorstep.identity.service.holdings import Holding, Owner, holdings, owner_of
from doorstep.kernel.db import Database, Transaction
from doorstep.kernel.scope import Principal

FORMAT = "doorstep export 1"

FETCH_ROWS = 500
"""Rows that are in memory at the same time."""

STATEMENT_SECONDS = 60.0
COMPRESSION = 5
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(slots=True)
class Manifest:
    """What an export came to so far: rows by table (those without rows are not named), and bytes and SHA-256 of the compressed stream."""

    rows: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        """In hexadecimal."""
        return self.digest.hexdigest()


async def export(
    db: Database, tenant_id: UUID, manifest: Manifest, *, principal: Principal | None = None
) -> AsyncGenerator[bytes, None]:
    """Pieces of the compressed stream; ``manifest`` is filled on the way. Close the iterator when you stop early.

    With a principal it reads behind the walls of that credential (role doorstep_app), else under the system role.
    """
    packer = zlib.compressobj(COMPRESSION, wbits=_GZIP)
    async with db.snapshot(principal, statement_seconds=STATEMENT_SECONDS) as tx:
        owner = await owner_of(tx, tenant_id)
        async with aclosing(_lines(tx, owner, manifest)) as pieces:
            async for lines in pieces:
                piece = await asyncio.to_thread(packer.compress, lines)
                if piece:
                    yield _counted(manifest, piece)
    yield _counted(manifest, packer.flush())


def _counted(manifest: Manifest, piece: bytes) -> bytes:
    manifest.bytes += len(piece)
    manifest.digest.update(piece)
    return piece


async def _lines(tx: Transaction, owner: Owner, manifest: Manifest) -> AsyncGenerator[bytes, None]:
    yield await _head(tx, owner)
    for holding in await holdings(tx):
        await tx.execute(f"DECLARE export NO SCROLL CURSOR FOR {_select(holding, owner)}")
        prefix = b'{"table":' + orjson.dumps(holding.name) + b',"row":'
        while rows := await tx.fetch(f"FETCH {FETCH_ROWS} FROM export"):
            manifest.rows[holding.name] = manifest.rows.get(holding.name, 0) + len(rows)
            yield b"".join(prefix + row[0].encode() + b"}\n" for row in rows)
        await tx.execute("CLOSE export")
    yield orjson.dumps({"end": {"rows": manifest.rows}}) + b"\n"


async def _head(tx: Transaction, owner: Owner) -> bytes:
    row = await tx.fetchrow(
        "SELECT id, slug, name, now() AS at, (SELECT version_num FROM alembic_version) AS revision FROM tenants WHERE id = $1",
        owner.tenant_id,
    )
    if row is None:  # its owner was found in the same snapshot
        raise LookupError(str(owner.tenant_id))
    tenant = {"id": str(row["id"]), "slug": row["slug"], "name": row["name"]}
    head = {"format": FORMAT, "at": row["at"], "schema": row["revision"], "tenant": tenant}
    return orjson.dumps(head) + b"\n"


def _select(holding: Holding, owner: Owner) -> str:
    """One row as one JSON text."""
    order = ", ".join(f'"{column}"' for column in holding.key or holding.shown)
    return (
        f'SELECT row_to_json(found)::text FROM (SELECT {holding.selected} FROM "{holding.name}" '
        f"WHERE {holding.condition(owner)} ORDER BY {order}) AS found"
    )
