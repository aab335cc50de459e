"""Taking deliveries to send: a few at a time, those of one order one after the other, and of an endpoint that is DOWN one probe."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from doorstep.kernel.db import Database, Row
from doorstep.kernel.ids import new_id
from doorstep.webhooks.model import DeliveryOrigin, EndpointStatus, Policy

_ENDPOINT = """
SELECT url, document, scopes, status, seq, secret, CASE WHEN previous_until > now() THEN previous_secret END AS previous_secret,
  coalesce(next_probe_at <= now(), false) AS probe_due, coalesce(rests_until > now(), false) AS rests
FROM webhook_endpoints WHERE tenant_id = $1 AND id = $2 FOR UPDATE
"""
_FLYING = """
SELECT count(*) FROM webhook_deliveries
WHERE tenant_id = $1 AND endpoint_id = $2 AND finished_at IS NULL AND state = 'SENDING' AND lease_until > now()
"""

_FIRST_OF_ITS_ORDER = """
(delivery.subject_id IS NULL OR NOT EXISTS (
  SELECT 1 FROM webhook_deliveries AS other
  WHERE other.tenant_id = delivery.tenant_id AND other.endpoint_id = delivery.endpoint_id AND other.subject_id = delivery.subject_id
    AND other.finished_at IS NULL AND other.id <> delivery.id
    AND ((other.seq, other.id) < (delivery.seq, delivery.id) OR (other.state = 'SENDING' AND other.lease_until > now()))
))
"""
"""Nothing of the same order is open before it, and nothing of it is in flight."""

_CLAIM = f"""
WITH due AS (
  SELECT delivery.id FROM webhook_deliveries AS delivery
  WHERE delivery.tenant_id = $1 AND delivery.endpoint_id = $2 AND delivery.finished_at IS NULL
    AND ((delivery.state = 'PENDING' AND (delivery.next_at <= now() OR $7)) OR (delivery.state = 'SENDING' AND delivery.lease_until <= now()))
    AND (delivery.origin = 'TEST' OR ($6 AND delivery.seq <= $5 AND {_FIRST_OF_ITS_ORDER}))
  ORDER BY CASE WHEN $7 THEN delivery.last_failed_at END NULLS FIRST, delivery.next_at, delivery.seq, delivery.id
  LIMIT $3 FOR UPDATE OF delivery SKIP LOCKED
)
UPDATE webhook_deliveries AS delivery
SET state = 'SENDING', run_token = $4, lease_until = now() + make_interval(secs => $8)
FROM due WHERE delivery.tenant_id = $1 AND delivery.id = due.id
RETURNING delivery.id, delivery.event_id, delivery.seq, delivery.recorded_at, delivery.type, delivery.order_id, delivery.subject_id,
  delivery.origin, delivery.tries
"""
"""A probe takes what was not tried for longest: the oldest may be the one that the receiver will never take."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is this worker's until its lease ends, and what its endpoint is now. Secrets are sealed."""

    tenant_id: UUID
    endpoint_id: UUID
    id: UUID
    event_id: UUID | None
    seq: int | None
    recorded_at: datetime | None
    type: str
    order_id: UUID | None
    subject_id: UUID | None
    origin: DeliveryOrigin
    tries: int
    run_token: UUID
    probe: bool
    url: str
    document: str | None
    scopes: tuple[str, ...]
    secrets: tuple[bytes, ...]


async def claim(db: Database, tenant_id: UUID, endpoint_id: UUID, policy: Policy) -> list[Claimed]:
    """Take what may be sent to an endpoint now, in a transaction of its own; the endpoint's row is held, so that workers take turns."""
    async with db.transaction(tenant_id) as tx:
        endpoint = await tx.fetchrow(_ENDPOINT, tenant_id, endpoint_id)
        if endpoint is None:
            return []
        flying = int(await tx.fetchval(_FLYING, tenant_id, endpoint_id))
        probe = endpoint["status"] == EndpointStatus.DOWN and endpoint["probe_due"] and flying == 0
        live = (endpoint["status"] == EndpointStatus.ACTIVE and not endpoint["rests"]) or probe
        most = 1 if probe else policy.in_flight - flying
        if most <= 0:
            return []
        token = new_id()
        rows = await tx.fetch(
            _CLAIM, tenant_id, endpoint_id, most, token, endpoint["seq"], live, probe, policy.lease
        )  # fmt: skip
    return [_claimed(tenant_id, endpoint_id, endpoint, row, token, probe=probe) for row in rows]


def _claimed(tenant_id: UUID, endpoint_id: UUID, endpoint: Row, row: Row, token: UUID, *, probe: bool) -> Claimed:
    secrets = tuple(one for one in (endpoint["secret"], endpoint["previous_secret"]) if one is not None)
    return Claimed(
        tenant_id=tenant_id,
        endpoint_id=endpoint_id,
        id=row["id"],
        event_id=row["event_id"],
        seq=row["seq"],
        recorded_at=row["recorded_at"],
        type=row["type"],
        order_id=row["order_id"],
        subject_id=row["subject_id"],
        origin=DeliveryOrigin(row["origin"]),
        tries=row["tries"],
        run_token=token,
        probe=probe,
        url=endpoint["url"],
        document=endpoint["document"],
        scopes=tuple(endpoint["scopes"]),
        secrets=secrets,
    )


async def release(db: Database, claimed: Claimed) -> None:
    """Give back what was claimed and not sent, so that the next worker need not wait for the lease to end."""
    async with db.transaction(claimed.tenant_id) as tx:
        await tx.execute(
            "UPDATE webhook_deliveries SET state = 'PENDING', run_token = NULL, lease_until = NULL "
            "WHERE tenant_id = $1 AND id = $2 AND run_token = $3 AND state = 'SENDING'",
            claimed.tenant_id,
            claimed.id,
            claimed.run_token,
        )
