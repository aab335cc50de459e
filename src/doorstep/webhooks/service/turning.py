"""Turning events into deliveries: the cursor and the rows move in one transaction, so that a crash loses nothing and makes nothing twice."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Scope
from doorstep.webhooks.events import WebhookEventsLost
from doorstep.webhooks.model import DeliveryOrigin, DeliveryRow, DeliveryState, Policy

BATCH = 500

_LOCK = """
SELECT endpoint.seq, endpoint.seq_recorded_at, endpoint.replay_until, endpoint.event_types, endpoint.version, head.seq AS head, head.pruned_seq
FROM webhook_endpoints AS endpoint JOIN event_heads AS head ON head.tenant_id = endpoint.tenant_id
WHERE endpoint.tenant_id = $1 AND endpoint.id = $2 AND endpoint.status IN ('ACTIVE', 'DOWN') FOR UPDATE OF endpoint SKIP LOCKED
"""
_OPEN = "SELECT count(*) FROM webhook_deliveries WHERE tenant_id = $1 AND endpoint_id = $2 AND finished_at IS NULL"
_NEXT = """
SELECT id, seq, recorded_at, type, order_id, route_id, plan_id FROM events
WHERE tenant_id = $1 AND seq > $2 AND seq <= $3 AND recorded_at >= $5 ORDER BY seq LIMIT $4
"""
_OPEN_ALREADY = """
SELECT event_id FROM webhook_deliveries
WHERE tenant_id = $1 AND endpoint_id = $2 AND finished_at IS NULL AND event_id = ANY($3)
"""
_MOVE = "UPDATE webhook_endpoints SET seq = $3, seq_recorded_at = $4 WHERE tenant_id = $1 AND id = $2"


async def turn_events(scope: Scope, endpoint_id: UUID, policy: Policy) -> bool:
    """Write the deliveries of the next events and move the cursor past them, as many as may be open; returns whether more may follow at once.

    What another worker holds, and what is paused, is left alone. A backlog that the log no longer holds is told to the owner by an event.
    """
    tenant_id = scope.tenant_id
    endpoint = await scope.tx.fetchrow(_LOCK, tenant_id, endpoint_id)
    if endpoint is None:
        return False
    seq: int = endpoint["seq"]
    if endpoint["pruned_seq"] > seq:
        scope.emit(
            WebhookEventsLost(
                endpoint_id=endpoint_id, count=endpoint["pruned_seq"] - seq, aggregate_version=endpoint["version"]
            )
        )
        seq = endpoint["pruned_seq"]
        await scope.tx.execute(_MOVE, tenant_id, endpoint_id, seq, endpoint["seq_recorded_at"])
    if endpoint["head"] <= seq:
        return False
    room = policy.most_open - int(await scope.tx.fetchval(_OPEN, tenant_id, endpoint_id))
    if room <= 0:
        return False
    rows = await scope.tx.fetch(_NEXT, tenant_id, seq, endpoint["head"], min(room, BATCH), endpoint["seq_recorded_at"])
    if not rows:
        return False
    wanted = [row for row in rows if not endpoint["event_types"] or row["type"] in endpoint["event_types"]]
    there = await _open_already(scope, endpoint_id, wanted) if seq < endpoint["replay_until"] else set()
    await scope.tx.insert(
        DeliveryRow,
        [_delivery(tenant_id, endpoint_id, row, endpoint["replay_until"]) for row in wanted if row["id"] not in there],
    )
    await scope.tx.execute(_MOVE, tenant_id, endpoint_id, rows[-1]["seq"], rows[-1]["recorded_at"])
    return bool(rows[-1]["seq"] < endpoint["head"])


async def _open_already(scope: Scope, endpoint_id: UUID, rows: Sequence[Row]) -> set[UUID]:
    """Of a replay, what is on its way anyhow."""
    found = await scope.tx.fetch(_OPEN_ALREADY, scope.tenant_id, endpoint_id, [row["id"] for row in rows])
    return {row["event_id"] for row in found}


def _delivery(tenant_id: UUID, endpoint_id: UUID, event: Row, replay_until: int) -> dict[str, Any]:
    origin = DeliveryOrigin.REPLAY if event["seq"] <= replay_until else DeliveryOrigin.EVENT
    recorded_at: datetime = event["recorded_at"]
    return {
        "tenant_id": tenant_id,
        "id": new_id(),
        "endpoint_id": endpoint_id,
        "event_id": event["id"],
        "seq": event["seq"],
        "recorded_at": recorded_at,
        "type": event["type"],
        "order_id": event["order_id"],
        "subject_id": event["order_id"] or event["route_id"] or event["plan_id"],
        "origin": origin.value,
        "state": DeliveryState.PENDING.value,
    }
