"""Two plans side by side: which orders ride elsewhere, which come at another time, which are on one of the two alone. Reads only."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.paging import Page, PageRequest, Sort, fetch_page
from doorstep.planning.model import PlanChangeKind

CHANGES_BY_ORDER: Final = Sort("order", "id", UUID)

Pair = tuple[UUID, UUID]
"""The plan that is looked at, and the one that it is held against."""


def _placed(plan: str) -> str:
    """Where and when each order of a plan is handed over, as its routes stand; cancelled stops count no more."""
    return (
        "SELECT DISTINCT ON (link.order_id) link.order_id, route.id AS route_id, route.shift_id, stop.planned_arrival AS arrival "
        "FROM routes AS route JOIN stops AS stop ON stop.tenant_id = route.tenant_id AND stop.route_id = route.id "
        "AND stop.kind = 'DROPOFF' AND stop.status <> 'CANCELLED' "
        "JOIN stop_orders AS link ON link.tenant_id = stop.tenant_id AND link.stop_id = stop.id "
        f"WHERE route.tenant_id = $1 AND route.plan_id = {plan} ORDER BY link.order_id, stop.planned_arrival DESC"
    )


def _changes(plan: str, other: str) -> str:
    return (
        "SELECT order_id AS id, before.route_id AS route_before, before.shift_id AS shift_before, before.arrival AS arrival_before, "
        "after.route_id AS route_after, after.shift_id AS shift_after, after.arrival AS arrival_after, "
        "CASE WHEN before.route_id IS NULL THEN 'ASSIGNED' WHEN after.route_id IS NULL THEN 'UNASSIGNED' "
        "WHEN before.shift_id <> after.shift_id THEN 'MOVED' WHEN before.arrival <> after.arrival THEN 'RETIMED' END AS kind "
        f"FROM ({_placed(other)}) AS before FULL JOIN ({_placed(plan)}) AS after USING (order_id)"
    )


async def first_changes(
    tx: Transaction, tenant_id: UUID, pairs: Sequence[Pair], kinds: Sequence[Collection[PlanChangeKind]], most: int
) -> dict[tuple[UUID, UUID, str], list[Row]]:
    """The first changes of each pair by order id, at most ``most`` of each, in one statement; the key's last part is ``kinds_key``."""
    rows = await tx.fetch(
        "SELECT wanted.plan_id, wanted.other_id, wanted.kinds, change.* "
        "FROM unnest($2::uuid[], $3::uuid[], $4::text[]) AS wanted(plan_id, other_id, kinds) CROSS JOIN LATERAL ("
        f"SELECT * FROM ({_changes('wanted.plan_id', 'wanted.other_id')}) AS one "
        "WHERE kind = ANY(string_to_array(wanted.kinds, ',')) ORDER BY id LIMIT $5) AS change",
        tenant_id,
        [plan_id for plan_id, _ in pairs],
        [other_id for _, other_id in pairs],
        [kinds_key(one) for one in kinds],
        most,
    )
    found: dict[tuple[UUID, UUID, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["plan_id"], row["other_id"], row["kinds"]), []).append(row)
    return found


def kinds_key(kinds: Collection[PlanChangeKind]) -> str:
    """Kinds of changes as one text, the same for the same ones."""
    return ",".join(sorted(kinds))


async def change_page(
    tx: Transaction, tenant_id: UUID, pair: Pair, kinds: Collection[PlanChangeKind], request: PageRequest
) -> Page:
    """A later page of a pair's changes, by order id."""
    return await fetch_page(
        tx,
        "plan_changes",
        CHANGES_BY_ORDER,
        request,
        select=f"SELECT * FROM (SELECT $1::uuid AS tenant_id, one.* FROM ({_changes('$2', '$3')}) AS one) AS change",
        conditions=["tenant_id = $1", "kind = ANY($4)"],
        arguments=[tenant_id, *pair, sorted(kinds)],
    )


async def count_changes(tx: Transaction, tenant_id: UUID, pairs: Sequence[Pair]) -> dict[Pair, dict[str, int]]:
    """How many changes of each kind each pair has, in one statement; a kind without any is missing."""
    rows = await tx.fetch(
        "SELECT wanted.plan_id, wanted.other_id, change.kind, change.count "
        "FROM unnest($2::uuid[], $3::uuid[]) AS wanted(plan_id, other_id) CROSS JOIN LATERAL ("
        f"SELECT kind, count(*) AS count FROM ({_changes('wanted.plan_id', 'wanted.other_id')}) AS one "
        "WHERE kind IS NOT NULL GROUP BY kind) AS change",
        tenant_id,
        [plan_id for plan_id, _ in pairs],
        [other_id for _, other_id in pairs],
    )
    found: dict[Pair, dict[str, int]] = {}
    for row in rows:
        found.setdefault((row["plan_id"], row["other_id"]), {})[row["kind"]] = row["count"]
    return found
