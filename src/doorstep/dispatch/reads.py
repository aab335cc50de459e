"""Reads of dispatch that return rows. Every query says whose rows it wants."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from doorstep.dispatch.model import LIVE, OfferState
from doorstep.kernel.db import Row, Transaction
from doorstep.orders.model import ON_ROUTE
from doorstep.planning.model import ACTIVE_ROUTES

MOST_SHOWN = 50
FORGIVEN_AFTER_SECONDS = 600
"""A driver who did not take an order is asked again after so long, should nobody else have it by then."""

OVERTAKEN_FOR_SECONDS = 30
"""An offer that was taken back was no refusal: the courier's route did not hold any more, and may again in a moment."""

_LIVE = [state.value for state in LIVE]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the tenant allows its dispatcher; ``offer_seconds`` 0: orders are assigned without asking the driver."""

    enabled: bool
    offer_seconds: int
    most_orders: int


async def policy_of(tx: Transaction, tenant_id: UUID) -> Policy:
    """The tenant's policy."""
    row = await tx.fetchrow(
        "SELECT dispatch_enabled, dispatch_offer_seconds, dispatch_most_orders FROM tenants WHERE id = $1", tenant_id
    )
    return Policy(*row.values()) if row is not None else Policy(False, 0, 1)


async def live_offers(tx: Transaction, tenant_id: UUID) -> list[Row]:
    """The offers that wait for an answer, or for what follows from one, oldest first."""
    return await tx.fetch(
        "SELECT * FROM dispatch_offers WHERE tenant_id = $1 AND state = ANY($2) ORDER BY id", tenant_id, _LIVE
    )


async def refused_by(tx: Transaction, tenant_id: UUID, order_ids: Sequence[UUID]) -> dict[UUID, set[UUID]]:
    """By order the shifts whose drivers let an offer of it pass a little while ago, or had it taken back just now."""
    rows = await tx.fetch(
        "SELECT order_id, shift_id FROM dispatch_offers WHERE tenant_id = $1 AND order_id = ANY($2) "
        "AND (state = ANY($3) AND updated_at > now() - make_interval(secs => $4) "
        "OR state = 'WITHDRAWN' AND updated_at > now() - make_interval(secs => $5))",
        tenant_id,
        list(order_ids),
        [OfferState.DECLINED.value, OfferState.EXPIRED.value],
        float(FORGIVEN_AFTER_SECONDS),
        float(OVERTAKEN_FOR_SECONDS),
    )
    found: dict[UUID, set[UUID]] = defaultdict(set)
    for row in rows:
        found[row["order_id"]].add(row["shift_id"])
    return found


_HELD = """
SELECT route.shift_id, count(*) FILTER (WHERE link.active AND route.status = ANY($3) AND work.status = ANY($4)) AS held, count(*) AS given
FROM routes AS route
JOIN assignments AS link ON link.tenant_id = $1 AND link.route_id = route.id
JOIN orders AS work ON work.tenant_id = $1 AND work.id = link.order_id
WHERE route.tenant_id = $1 AND route.shift_id = ANY($2) GROUP BY route.shift_id
"""


async def orders_of_shifts(
    tx: Transaction, tenant_id: UUID, shift_ids: Collection[UUID]
) -> dict[UUID, tuple[int, int]]:
    """By shift how many orders it has that are not delivered yet, and how many it was given in all; shifts without any are missing."""
    rows = await tx.fetch(_HELD, tenant_id, list(shift_ids), sorted(ACTIVE_ROUTES), sorted(ON_ROUTE))
    return {row["shift_id"]: (row["held"], row["given"]) for row in rows}


async def offers_by_ids(tx: Transaction, tenant_id: UUID, ids: Sequence[UUID]) -> list[Row]:
    """Offers by their ids, in no order."""
    return await tx.fetch("SELECT * FROM dispatch_offers WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, list(ids))


async def newest_offers(tx: Transaction, tenant_id: UUID, states: Sequence[OfferState]) -> list[Row]:
    """The newest offers in these states, at most ``MOST_SHOWN``."""
    return await tx.fetch(
        "SELECT * FROM dispatch_offers WHERE tenant_id = $1 AND state = ANY($2) ORDER BY id DESC LIMIT $3",
        tenant_id,
        [state.value for state in states],
        MOST_SHOWN,
    )
