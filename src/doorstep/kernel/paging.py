"""Keyset paging: a page continues after the last row's sort key, never at an offset.

Its cursor says which list and sort it is of, and whose: another tenant's cursor is as good as garbage.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.errors import BadUserInput

DEFAULT_PAGE = 50
MAX_PAGE = 250


@dataclass(frozen=True, slots=True)
class Sort:
    """A total order: one column and the id; ``name`` goes into the cursors, so that one of another sort is refused."""

    name: str
    column: str
    kind: type
    descending: bool = False


@dataclass(frozen=True, slots=True)
class PageRequest:
    """``first`` rows after a cursor, or ``last`` rows before one."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def size(self) -> int:
        """How many rows at most; raises BadUserInput past the limit or for contradicting arguments."""
        if self.first is not None and self.last is not None:
            raise BadUserInput("Give first or last, not both.")
        size = self.first if self.first is not None else self.last if self.last is not None else DEFAULT_PAGE
        if not 1 <= size <= MAX_PAGE:
            raise BadUserInput(f"first and last are 1 to {MAX_PAGE}.")
        return size


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page in the list's order, and whose they are."""

    rows: list[Row]
    has_previous: bool
    has_next: bool
    tenant_id: UUID


def cursor_of(list_name: str, sort: Sort, row: Row, tenant_id: UUID) -> str:
    """The cursor of one row, for the tenant's own lists."""
    value = row[sort.column.rpartition(".")[2]]
    plain = value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value
    packed = orjson.dumps([f"{list_name}.{sort.name}", plain, str(row["id"]), _mark(tenant_id)])
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _mark(tenant_id: UUID) -> str:
    return hashlib.blake2b(b"lists" + tenant_id.bytes, digest_size=4).hexdigest()


def _decode(list_name: str, sort: Sort, text: str, tenant_id: UUID) -> tuple[Any, UUID]:
    """Where a cursor points; raises BadUserInput, in the same words for a forged one and for another tenant's."""
    try:
        tag, value, identifier, mark = orjson.loads(
            base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        )
        if mark != _mark(tenant_id):
            raise ValueError("another tenant's")
        if tag != f"{list_name}.{sort.name}":
            raise BadUserInput("This cursor belongs to another list or another sort.")
        return _plain_value(sort.kind, value), UUID(identifier)
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error) as error:
        raise BadUserInput("This is not a cursor of this list.") from error


def _plain_value(kind: type, value: Any) -> Any:
    """The sort value as the database takes it; raises ValueError for anything that no row of ours can have."""
    if kind is datetime:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise ValueError("not an instant")
        instant = instant.astimezone(UTC)  # the driver does the same, and calls what overflows there a fault of ours
        if not 1 < instant.year <= 9999:
            raise ValueError("not an instant")
        return instant
    if kind is UUID:
        return UUID(value)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError("another type")
    if (isinstance(value, int) and abs(value) >= 2**31) or (isinstance(value, str) and "\x00" in value):
        raise ValueError("out of range")
    return value


async def fetch_page(
    tx: Transaction,
    list_name: str,
    sort: Sort,
    request: PageRequest,
    *,
    select: str,
    conditions: list[str],
    arguments: list[Any],
) -> Page:
    """One page of ``select … WHERE conditions``; ``id_column`` is ``id`` of the sort column's table.

    ``select`` ends before WHERE and yields at least the sort column and ``id``; ``conditions`` use ``$1…$n`` for ``arguments``, of which the
    first is always the tenant: cursors are good in its own lists alone.
    """
    tenant_id: UUID = arguments[0]
    size = request.size()
    backwards = request.last is not None or (request.before is not None and request.first is None)
    prefix = f"{sort.column.rpartition('.')[0]}." if "." in sort.column else ""
    where, values = list(conditions), list(arguments)
    for text, forwards in ((request.after, True), (request.before, False)):
        if text is not None:
            value, identifier = _decode(list_name, sort, text, tenant_id)
            operator = ">" if forwards != sort.descending else "<"
            values += [value, identifier]
            where.append(f"({sort.column}, {prefix}id) {operator} (${len(values) - 1}, ${len(values)})")
    direction = "DESC" if sort.descending != backwards else "ASC"
    rows = await tx.fetch(
        f"{select} WHERE {' AND '.join(where)} ORDER BY {sort.column} {direction}, {prefix}id {direction} LIMIT {size + 1}",
        *values,
    )
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
        return Page(rows, has_previous=more, has_next=request.before is not None, tenant_id=tenant_id)
    return Page(rows, has_previous=request.after is not None, has_next=more, tenant_id=tenant_id)
