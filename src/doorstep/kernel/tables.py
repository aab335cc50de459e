"""Base classes of the tables, and inserts of many rows in one statement.

Every table that holds a tenant's data derives from ``TenantTable``: ``tenant_id`` leads its primary key, and its foreign keys are
composite (``tenant_key``), so that a row can never point at another tenant's. The migration gives each of them forced row-level security.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar
from uuid import UUID

import orjson
from sqlalchemy import Column, DateTime, ForeignKeyConstraint, Table, func, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from doorstep.kernel.ids import new_id

INSTANT = DateTime(timezone=True)
"""Column type of an instant: timestamptz."""

JSON_LIST = {"server_default": text("'[]'::jsonb")}
JSON_OBJECT = {"server_default": text("'{}'::jsonb")}


class TenantTable(SQLModel):
    """A table of tenant data: ``tenant_id`` first, then a UUIDv7 made by the application."""

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)


class MutableTable(TenantTable):
    """A tenant table whose rows change: ``version`` counts the changes and is what ``ifVersion`` compares."""

    __mapper_args__: ClassVar[dict[str, Any]] = {"eager_defaults": False}

    version: int = Field(default=1)
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    updated_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})


def tenant_key(column: str, target: str, *, ondelete: str | None = None) -> ForeignKeyConstraint:
    """A composite foreign key ``(tenant_id, column)`` → ``target (tenant_id, id)``."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{target}.tenant_id", f"{target}.id"], ondelete=ondelete)


def one_of(column: str, values: Sequence[str]) -> str:
    """The text of a CHECK that ``column`` is one of ``values``: status columns are text, whose operators keep indexes under RLS."""
    listed = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({listed})"


_POSTGRESQL = postgresql.asyncpg.dialect()  # type: ignore[no-untyped-call]


@lru_cache(maxsize=256)
def _insert_statement(table: Table, names: tuple[str, ...]) -> str:
    """``INSERT … SELECT unnest``: COPY is refused on tables with row-level security, and executemany is slower."""
    columns: list[Column[Any]] = [table.columns[name] for name in names]
    arrays, picks = [], []
    for position, column in enumerate(columns, 1):
        type_name = column.type.compile(dialect=_POSTGRESQL)
        is_json = isinstance(column.type, JSONB)
        arrays.append(f"${position}::{'text' if is_json else type_name}[]")
        picks.append(f'"{column.name}"::jsonb' if is_json else f'"{column.name}"')
    quoted = ", ".join(f'"{name}"' for name in names)
    return (
        f'INSERT INTO "{table.name}" ({quoted}) SELECT {", ".join(picks)} '
        f"FROM unnest({', '.join(arrays)}) AS new_rows({quoted})"
    )


def bulk_insert_statement(model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[list[Any]]]:
    """The statement and its arrays that insert ``rows`` (dicts of the same columns, JSON values as Python objects) into ``model``."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    names = tuple(rows[0])
    arrays: list[list[Any]] = []
    for name in names:
        values = [row[name] for row in rows]
        if isinstance(table.columns[name].type, JSONB):
            values = [None if value is None else orjson.dumps(value).decode() for value in values]
        arrays.append(values)
    return _insert_statement(table, names), arrays
