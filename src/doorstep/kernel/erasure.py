"""Erasure: what each column can hold of a person, and what becomes of it when the person is erased.

Every slice declares the rules of its own tables in its ``erasure`` module; here they are only understood and carried out. A column that can hold
somebody's words or whereabouts has a rule, whatever it is meant for: a test reads the catalog and fails for one without, so that a table that is
added tomorrow cannot be forgotten.

A person is erased by way of orders: a table says which of its rows belong to an order, and what each column is set to. Whatever stays says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from doorstep.kernel.audit import HASH, NOT_KEPT
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Scope

PLACEHOLDER = "erased"
"""Stands where a text may not be null."""


@dataclass(frozen=True, slots=True)
class Keep:
    """The column stays as it is, because it holds nothing of the person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Clear:
    """The column is set to this SQL expression."""

    to: str = "NULL"


EMPTIED = Clear(f"'{PLACEHOLDER}'")
OURS = Keep("words and codes of ours")
IDS = Keep("ids and numbers")
STAFF = Keep("the tenant's own people and places, no recipient's")
SECRET = Keep("a hash of a credential")


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of one table. A table whose rows belong to orders in more than one way has several.

    ``of_orders`` is an SQL condition for the rows of the orders ``$2`` of the tenant ``$1`` (``$3``: as clients see their ids); None: no row is anybody's. ``delete``: they go as a
    whole. ``marks`` are columns that are set along with the rules, such as a version. ``by`` is the statement that does it where the tenant may not
    do it by itself; it returns a row for each that it emptied.
    """

    table: str
    columns: Mapping[str, Keep | Clear] = field(default_factory=dict)
    of_orders: str | None = None
    delete: bool = False
    marks: Mapping[str, str] = field(default_factory=dict)
    by: str | None = None

    def statement(self) -> str | None:
        """What is to be run, or None where nothing is."""
        if self.of_orders is None:
            return None
        if self.by is not None:
            return self.by
        if self.delete:
            return f"DELETE FROM {self.table} WHERE tenant_id = $1 AND ({self.of_orders})"
        cleared = {name: rule.to for name, rule in self.columns.items() if isinstance(rule, Clear)}
        if not cleared:
            return None
        assignments = ", ".join(f"{name} = {value}" for name, value in {**cleared, **self.marks}.items())
        return f"UPDATE {self.table} SET {assignments} WHERE tenant_id = $1 AND ({self.of_orders})"


def each(rule: Keep | Clear, *columns: str) -> dict[str, Keep | Clear]:
    """The same rule for several columns."""
    return dict.fromkeys(columns, rule)


async def carry_out(scope: Scope, rules: Sequence[Rules], order_ids: Sequence[UUID]) -> dict[str, int]:
    """Apply the rules to everything that belongs to these orders; returns how many rows of each table were changed or deleted."""
    counts: dict[str, int] = {}
    for one in rules:
        statement = one.statement()
        if statement is not None:
            shown = [[public_id("order", one) for one in order_ids]] if "$3" in statement else []
            tag = await scope.tx.execute(statement, scope.tenant_id, list(order_ids), *shown)
            counts[one.table] = counts.get(one.table, 0) + int(tag.rpartition(" ")[2])
    return {table: count for table, count in counts.items() if count}


_ID_IN_OUTCOME = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_WITHOUT_HASHES = f"""(
  SELECT jsonb_object_agg(key, CASE WHEN value #>> '{{}}' LIKE '{HASH}%' THEN to_jsonb('{NOT_KEPT}'::text) ELSE value END)
  FROM jsonb_each(changes))"""

RULES = (
    Rules("alembic_version", each(OURS, "version_num")),
    Rules(
        "audit_entries",
        {
            **each(OURS, "actor_kind", "operation", "request_id"),
            "address": Keep("where a member of the tenant's staff or its programs asked from"),
            "changes": Clear(_WITHOUT_HASHES),
        },
        # ANY(ARRAY(SELECT …)) rather than IN: so the key's index is used, whatever the planner believes.
        of_orders=(
            "id = ANY(ARRAY(SELECT entry_id FROM audit_subjects WHERE tenant_id = $1 AND subject_id = ANY($2))) "
            f"AND changes::text LIKE '%{HASH}%'"
        ),
    ),
    Rules("audit_subjects", each(OURS, "kind")),
    Rules("consumers", each(OURS, "name")),
    Rules("events", {**each(OURS, "type", "actor_kind"), "data": Keep("facts and ids, never anybody's words")}),
    Rules(
        # A client makes the key of whatever it likes, and stored problems can quote it. A call that is sent again after this is a new one.
        "idempotency_keys",
        of_orders=(
            f"EXISTS (SELECT FROM regexp_matches(outcome::text, '{_ID_IN_OUTCOME}', 'g') AS found WHERE found[1]::uuid = ANY($2)) "
            "OR EXISTS (SELECT FROM regexp_matches(outcome::text, 'order_[0-9a-z]{26}', 'g') AS found WHERE found[1] = ANY($3))"
        ),
        delete=True,
    ),
    Rules(
        "point_buckets",
        {
            "id": Keep("a hash of a credential's id, a tenant's or a client's network, kept for minutes"),
            "points": Keep("what may still be asked for"),
        },
    ),
    Rules("jobs", {**each(OURS, "kind", "state", "error"), **each(IDS, "input", "progress", "result")}),
)
"""The kernel's own tables."""
