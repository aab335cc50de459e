"""Locking and moving the rows that two tenants share."""

from collections.abc import Collection
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.errors import NotFound
from doorstep.kernel.scope import Scope
from doorstep.partners.events import EVENT_OF_TENDER
from doorstep.partners.model import TENDER_TRANSITIONS, PartnerSide, TenderReason, TenderStatus
from doorstep.partners.reads import MINE, PARTNERSHIP_COLUMNS, TENDER_COLUMNS

_LOCK_TENDERS = (
    f"SELECT {TENDER_COLUMNS}, deadline_at <= clock_timestamp() AS is_late FROM tenders "
    "WHERE {mine} AND {column} = ANY($2) ORDER BY id FOR UPDATE"
)

_MOVE = """
UPDATE tenders SET status = $3, reason = coalesce($4, reason), version = version + 1, updated_at = now(), answered_at = coalesce(answered_at, now())
WHERE id = ANY($2) AND (merchant_id = $1 OR carrier_id = $1) AND status = ANY($5)
RETURNING id, version, partnership_id, merchant_id, merchant_order_id, carrier_order_id
"""


async def lock_tenders(
    scope: Scope, ids: Collection[UUID], side: PartnerSide | None = None, *, by: str = "id"
) -> dict[UUID, Row]:
    """Tenders in which the tenant is that side, locked in the order of their ids, by id; unknown ones are missing.

    ``by``: the column that ``ids`` are of. ``is_late`` says whether the deadline has passed by the database's clock.
    The lock comes after that of the tenant's own orders, and nothing of the other tenant is ever locked with it.
    """
    if not ids:
        return {}
    rows = await scope.tx.fetch(_LOCK_TENDERS.format(mine=MINE[side], column=by), scope.tenant_id, sorted(set(ids)))
    return {row["id"]: row for row in rows}


async def move_tenders(
    scope: Scope, ids: Collection[UUID], to: TenderStatus, reason: TenderReason | None = None, *, tell: bool = True
) -> dict[UUID, Row]:
    """Compare and set: those of the tenders whose state allows it move, and each tells so in the actor's log; returns the moved ones by id.

    ``tell`` False: the caller tells it, with the order that has yet to be made.
    """
    if not ids:
        return {}
    allowed = sorted(status for status, following in TENDER_TRANSITIONS.items() if to in following)
    rows = await scope.tx.fetch(
        _MOVE, scope.tenant_id, sorted(set(ids)), to.value, reason.value if reason else None, allowed
    )
    for row in sorted(rows, key=lambda one: str(one["id"])) if tell else ():
        scope.emit(
            EVENT_OF_TENDER[to](
                aggregate_version=row["version"],
                order_id=own_order(scope.tenant_id, row),
                tender_id=row["id"],
                partnership_id=row["partnership_id"],
                reason=reason,
            )
        )
    return {row["id"]: row for row in rows}


def own_order(tenant_id: UUID, tender: Row) -> UUID | None:
    """The order of the tender that is the tenant's own; a carrier has none before it accepts."""
    found: UUID | None = tender["merchant_order_id" if tender["merchant_id"] == tenant_id else "carrier_order_id"]
    return found


def side_of(tenant_id: UUID, row: Row) -> PartnerSide:
    """Which side of a partnership or tender the tenant is."""
    return PartnerSide.MERCHANT if row["merchant_id"] == tenant_id else PartnerSide.CARRIER


def other_party(tenant_id: UUID, row: Row) -> UUID | None:
    """The tenant on the other side; None while nobody has redeemed the invitation."""
    found: UUID | None = row["carrier_id" if row["merchant_id"] == tenant_id else "merchant_id"]
    return found


async def lock_partnership(scope: Scope, partnership_id: UUID, side: PartnerSide | None = None) -> Row:
    """A partnership in which the tenant is that side, locked. Raises NotFound."""
    row = await scope.tx.fetchrow(
        f"SELECT {PARTNERSHIP_COLUMNS}, valid_until <= clock_timestamp() AS is_over FROM partnerships "
        f"WHERE {MINE[side]} AND id = $2 FOR UPDATE",
        scope.tenant_id,
        partnership_id,
    )
    if row is None:
        raise NotFound("partnership", ["id"])
    return row


async def follow_log(scope: Scope, name: str) -> None:
    """Have the relay follow the tenant's log from here on: only tenants with a partner are followed."""
    await scope.tx.execute(
        "INSERT INTO consumers (tenant_id, name, seq) "
        "SELECT $1, $2, coalesce((SELECT seq FROM event_heads WHERE tenant_id = $1), 0) ON CONFLICT (tenant_id, name) DO NOTHING",
        scope.tenant_id,
        name,
    )


RELAY = "partners.relay"
"""The relay's name among the consumers."""
