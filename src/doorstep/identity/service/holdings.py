"""What a tenant holds, read from PostgreSQL's own catalog: a table that is made tomorrow is exported, measured and erased tomorrow.

A table belongs to a tenant by a column that names it: ``tenant_id``, or ``merchant_id`` and ``carrier_id`` where two companies share a row.
Tables with ``organization_id`` alone belong to the company behind its tenants.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from doorstep.identity.errors import UnknownTenant, UnsortableTables
from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.pins import HIDDEN_PIN

HOLDERS = ("tenant_id", "merchant_id", "carrier_id")
"""Columns that name a tenant which holds the row."""

ORGANIZATION = "organization_id"

SECRETS: dict[str, frozenset[str]] = {
    "api_keys": frozenset({"hash", "previous_hash"}),
    "access_tokens": frozenset({"hash"}),
    "tracking_links": frozenset({"hash"}),
    "partnerships": frozenset({"token_hash"}),
    "erasures": frozenset({"request_hash"}),
    "webhook_endpoints": frozenset({"secret", "previous_secret"}),
}
"""Columns that leave the installation with nobody, by table. A test looks for columns that ought to stand here."""

SHOWN_AS: dict[str, dict[str, str]] = {
    "orders": {"pin": f"CASE WHEN starts_with(pin, '{HIDDEN_PIN}') THEN 'hidden' ELSE pin END"},
}
"""Columns that leave it as something else, by table, in SQL: four digits that a partner keeps to itself are soon guessed from their hash."""

_CATALOG = """
SELECT class.relname::text AS name,
  (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute AS a
   WHERE a.attrelid = class.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  (SELECT array_agg(a.attname::text ORDER BY key.place) FROM pg_index AS i
   CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS key(number, place)
   JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = key.number
   WHERE i.indrelid = class.oid AND i.indisprimary) AS key,
  (SELECT array_agg(DISTINCT parent.relname::text) FROM pg_constraint AS c JOIN pg_class AS parent ON parent.oid = c.confrelid
   WHERE c.conrelid = class.oid AND c.contype = 'f') AS parents,
  (SELECT sum(pg_relation_size(tree.relid)) FROM pg_partition_tree(class.oid) AS tree) AS bytes
FROM pg_class AS class
WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p') AND NOT class.relispartition
ORDER BY class.relname
"""


@dataclass(frozen=True, slots=True)
class Owner:
    """A tenant and the organization behind it."""

    tenant_id: UUID
    organization_id: UUID


@dataclass(frozen=True, slots=True)
class Holding:
    """A table that holds something of a tenant, or (``of_organization``) of the company behind it.

    ``holders`` are the columns that name the holder, ``key`` is the primary key, ``parents`` are the tables that it refers to.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    holders: tuple[str, ...]
    of_organization: bool
    parents: frozenset[str]
    bytes: int

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns that may leave the installation."""
        return tuple(column for column in self.columns if column not in SECRETS.get(self.name, ()))

    @property
    def selected(self) -> str:
        """The same as the list of a SELECT."""
        said = SHOWN_AS.get(self.name, {})
        return ", ".join(f'{said[column]} AS "{column}"' if column in said else f'"{column}"' for column in self.shown)

    def condition(self, owner: Owner) -> str:
        """The SQL condition that picks the owner's rows; a cursor takes no parameters, and a UUID needs no quoting."""
        identifier = UUID(str(owner.organization_id if self.of_organization else owner.tenant_id))
        return "(" + " OR ".join(f"\"{column}\" = '{identifier}'" for column in self.holders) + ")"

    @property
    def refers_to_itself(self) -> bool:
        """Whether rows of the table refer to each other."""
        return self.name in self.parents


async def holdings(tx: Transaction) -> list[Holding]:
    """Every table that holds something of tenants, by name."""
    found = [_holding(row) for row in await tx.fetch(_CATALOG)]
    return [one for one in found if one is not None]


async def owner_of(tx: Transaction, tenant_id: UUID) -> Owner:
    """The owner behind a tenant's id; raises UnknownTenant."""
    organization_id = await tx.fetchval("SELECT organization_id FROM tenants WHERE id = $1", tenant_id)
    if organization_id is None:
        raise UnknownTenant("This tenant is gone.")
    return Owner(tenant_id, organization_id)


def children_first(found: Sequence[Holding]) -> list[Holding]:
    """An order in which they can be erased: whoever refers to another goes before it. Raises UnsortableTables when there is none."""
    left = {one.name: one for one in found}
    ordered: list[Holding] = []
    while left:
        free = [one for one in left.values() if not _referrers(one.name, left.values())]
        if not free:
            raise UnsortableTables(", ".join(sorted(left)))
        ordered += [left.pop(one.name) for one in free]
    return ordered


def _referrers(name: str, among: Collection[Holding]) -> list[str]:
    return [other.name for other in among if name in other.parents and other.name != name]


def _holding(row: Row) -> Holding | None:
    name, columns = row["name"], tuple(row["columns"])
    holders = tuple(column for column in columns if column in HOLDERS)
    if name == "tenants":
        holders, of_organization = ("id",), False
    elif name == "organizations":
        holders, of_organization = ("id",), True
    elif holders:
        of_organization = False
    elif ORGANIZATION in columns:
        holders, of_organization = (ORGANIZATION,), True
    else:
        return None
    return Holding(
        name,
        columns,
        tuple(row["key"] or ()),
        holders,
        of_organization,
        frozenset(row["parents"] or ()),
        int(row["bytes"] or 0),
    )
