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
_OPEN = """
SELECT count(*) AS open, min(seq) AS oldest FROM webhook_deliveries
WHERE tenant_id = $1 AND endpoint_id = $2 AND finished_at IS NULL
"""
_GIVE_UP = """
WITH gone AS (
  UPDATE webhook_deliveries SET state = 'PARKED', finished_at = now(), fault = 'EVENT_GONE', run_token = NULL, lease_until = NULL
  WHERE tenant_id = $1 AND endpoint_id = $2 AND finished_at IS NULL AND state = 'PENDING' AND seq <= $3 RETURNING 1
) SELECT count(*) FROM gone
"""
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
    endpoint = await scope.tx.fetchrow(_LOCK, scope.tenant_id, endpoint_id)
    if endpoint is None:
        return False
    waiting = await scope.tx.fetchrow(_OPEN, scope.tenant_id, endpoint_id)
    count, oldest = (waiting["open"], waiting["oldest"]) if waiting else (0, None)
    seq, pruned = endpoint["seq"], endpoint["pruned_seq"]
    if pruned > seq or (oldest is not None and oldest <= pruned):
        count -= await _give_up(scope, endpoint_id, endpoint)
        seq = max(seq, pruned)
    room = policy.most_open - count
    if room <= 0 or endpoint["head"] <= seq:
        return False
    rows = await scope.tx.fetch(
        _NEXT, scope.tenant_id, seq, endpoint["head"], min(room, BATCH), endpoint["seq_recorded_at"]
    )
    if not rows:
        return False
    await _write(scope, endpoint_id, endpoint, rows)
    await scope.tx.execute(_MOVE, scope.tenant_id, endpoint_id, rows[-1]["seq"], rows[-1]["recorded_at"])
    return bool(rows[-1]["seq"] < endpoint["head"])


async def _give_up(scope: Scope, endpoint_id: UUID, endpoint: Row) -> int:
    """Give up what the log no longer holds, made a delivery of or not, and tell the owner; returns how many deliveries were given up."""
    seq, pruned = endpoint["seq"], endpoint["pruned_seq"]
    given_up = int(await scope.tx.fetchval(_GIVE_UP, scope.tenant_id, endpoint_id, pruned))
    skipped = max(0, pruned - seq)
    if skipped:
        await scope.tx.execute(_MOVE, scope.tenant_id, endpoint_id, pruned, endpoint["seq_recorded_at"])
    if given_up + skipped:
        scope.emit(
            WebhookEventsLost(endpoint_id=endpoint_id, count=given_up + skipped, aggregate_version=endpoint["version"])
        )
    return given_up


async def _write(scope: Scope, endpoint_id: UUID, endpoint: Row, rows: Sequence[Row]) -> None:
    """The deliveries of these events, as far as the endpoint asks for them. Of a replay, what is on its way anyhow is not made again."""
    replay_until: int = endpoint["replay_until"]
    wanted = [row for row in rows if not endpoint["event_types"] or row["type"] in endpoint["event_types"]]
    there = await _open_already(scope, endpoint_id, wanted) if rows[0]["seq"] <= replay_until else set()
    made = [_delivery(scope.tenant_id, endpoint_id, row, replay_until) for row in wanted if row["id"] not in there]
    await scope.tx.insert(DeliveryRow, made)


async def _open_already(scope: Scope, endpoint_id: UUID, rows: Sequence[Row]) -> set[UUID]:
    """What is open now of these events."""
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
