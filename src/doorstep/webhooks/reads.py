"""Reads of webhooks that return rows; the secrets stay where they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.paging import Page, PageRequest, Sort, fetch_page

NEWEST_FIRST = Sort("CREATED_AT.DESC", "created_at", datetime, descending=True)

ENDPOINT = (
    "SELECT id, version, name, url, event_types, document, scopes, status, reason, previous_until, seq, seq_recorded_at, replay_until, failures, failing_since, "
    "last_success_at, next_probe_at, rests_until, created_at, updated_at, (SELECT epoch FROM installation) AS epoch FROM webhook_endpoints"
)
DELIVERY = (
    "SELECT id, endpoint_id, event_id, seq, recorded_at, type, order_id, origin, state, tries, next_at, created_at, last_failed_at, finished_at, "
    "fault, answer_status, answer, took_ms, (SELECT epoch FROM installation) AS epoch FROM webhook_deliveries"
)


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """Which deliveries: of one endpoint, in some states (empty: all)."""

    endpoint_id: UUID
    states: tuple[str, ...] = ()


async def endpoints_by_ids(tx: Transaction, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Endpoints by id; unknown ids are missing."""
    rows = await tx.fetch(f"{ENDPOINT} WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, list(ids))
    return {row["id"]: row for row in rows}


async def deliveries_by_ids(tx: Transaction, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Deliveries by id; unknown ids are missing."""
    rows = await tx.fetch(f"{DELIVERY} WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, list(ids))
    return {row["id"]: row for row in rows}


async def open_counts(tx: Transaction, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many deliveries of each endpoint are open."""
    rows = await tx.fetch(
        "SELECT endpoint_id, count(*) AS open FROM webhook_deliveries "
        "WHERE tenant_id = $1 AND endpoint_id = ANY($2) AND finished_at IS NULL GROUP BY endpoint_id",
        tenant_id,
        list(ids),
    )
    return {row["endpoint_id"]: row["open"] for row in rows}


async def page_of_endpoints(tx: Transaction, tenant_id: UUID, request: PageRequest) -> Page:
    """One page of endpoints, newest first."""
    return await fetch_page(
        tx, "webhookEndpoints", NEWEST_FIRST, request,
        select=ENDPOINT, conditions=["tenant_id = $1"], arguments=[tenant_id],
    )  # fmt: skip


async def count_of_endpoints(tx: Transaction, tenant_id: UUID) -> int:
    """How many there are."""
    return int(await tx.fetchval("SELECT count(*) FROM webhook_endpoints WHERE tenant_id = $1", tenant_id))


def _conditions(tenant_id: UUID, query: DeliveryQuery) -> tuple[list[str], list[object]]:
    conditions, arguments = ["tenant_id = $1", "endpoint_id = $2"], [tenant_id, query.endpoint_id]
    if query.states:
        return [*conditions, "state = ANY($3)"], [*arguments, list(query.states)]
    return conditions, list(arguments)


async def page_of_deliveries(tx: Transaction, tenant_id: UUID, query: DeliveryQuery, request: PageRequest) -> Page:
    """One page of an endpoint's deliveries, newest first."""
    conditions, arguments = _conditions(tenant_id, query)
    return await fetch_page(
        tx, "webhookDeliveries", NEWEST_FIRST, request, select=DELIVERY, conditions=conditions, arguments=arguments
    )


async def count_of_deliveries(tx: Transaction, tenant_id: UUID, query: DeliveryQuery) -> int:
    """How many there are."""
    conditions, arguments = _conditions(tenant_id, query)
    where = " AND ".join(conditions)
    return int(await tx.fetchval(f"SELECT count(*) FROM webhook_deliveries WHERE {where}", *arguments))


async def event_of(tx: Transaction, tenant_id: UUID, seq: int, recorded_at: datetime) -> Row | None:
    """An event of the log with what a stream shows of it; None when the log no longer holds it."""
    return await tx.fetchrow(
        "SELECT id, seq, recorded_at, type, aggregate_version, order_id, plan_id, route_id, occurred_at, actor_kind, actor_id, data, "
        "(SELECT epoch FROM installation) AS epoch FROM events WHERE tenant_id = $1 AND seq = $2 AND recorded_at = $3",
        tenant_id,
        seq,
        recorded_at,
    )


_MISSED = """
SELECT parked.event_id, parked.seq, parked.recorded_at, (SELECT epoch FROM installation) AS epoch
FROM webhook_deliveries AS parked
WHERE parked.tenant_id = $1 AND parked.endpoint_id = $2 AND parked.subject_id = $3 AND parked.seq < $4 AND parked.state = 'PARKED'
  AND NOT EXISTS (
    SELECT 1 FROM webhook_deliveries AS later WHERE later.tenant_id = $1 AND later.endpoint_id = $2
    AND later.event_id = parked.event_id AND later.state = 'DELIVERED'
  )
ORDER BY parked.seq LIMIT 100
"""


async def missed_before(tx: Transaction, tenant_id: UUID, endpoint_id: UUID, subject_id: UUID, seq: int) -> list[Row]:
    """The parked events of the same order before ``seq`` that were never delivered, oldest first, at most 100."""
    return await tx.fetch(_MISSED, tenant_id, endpoint_id, subject_id, seq)


_WORK = """
SELECT endpoint.tenant_id, endpoint.id FROM webhook_endpoints AS endpoint
JOIN tenants AS tenant ON tenant.id = endpoint.tenant_id AND tenant.status = 'ACTIVE'
LEFT JOIN event_heads AS head ON head.tenant_id = endpoint.tenant_id
WHERE (endpoint.status IN ('ACTIVE', 'DOWN') AND head.seq > endpoint.seq)
  OR (endpoint.status = 'DOWN' AND endpoint.next_probe_at <= now())
  OR EXISTS (
    SELECT 1 FROM webhook_deliveries AS delivery
    WHERE delivery.tenant_id = endpoint.tenant_id AND delivery.endpoint_id = endpoint.id AND delivery.finished_at IS NULL
      AND (endpoint.status = 'ACTIVE' OR delivery.origin = 'TEST')
      AND ((delivery.state = 'PENDING' AND delivery.next_at <= now()) OR (delivery.state = 'SENDING' AND delivery.lease_until <= now()))
  )
"""


async def endpoints_with_work(tx: Transaction) -> list[tuple[UUID, UUID]]:
    """Tenant and id of every endpoint of active tenants that may have something to do; only the system sees them all."""
    return [(row["tenant_id"], row["id"]) for row in await tx.fetch(_WORK)]
