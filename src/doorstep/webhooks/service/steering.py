"""Use cases of an endpoint's delivery: pause, resume, replay, test."""

from datetime import datetime
from typing import Any
from uuid import UUID

from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.event_stream import LogPosition
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.webhooks.errors import WrongStatus
from doorstep.webhooks.model import DeliveryOrigin, DeliveryRow, DeliveryState, EndpointStatus
from doorstep.webhooks.service.rows import lock_endpoint
from doorstep.webhooks.service.settling import change_status, start_afresh

MOST_OPEN_TESTS = 5
TEST_TYPE = "WebhookTest"

Outcome = dict[str, Any]


async def pause_endpoint(scope: Scope, endpoint_id: UUID) -> Outcome:
    """Deliver nothing until it is resumed; nothing is lost within the log's retention. Outcome ``{id}``. Twice is once; refuses a DISABLED one."""
    scope.require(Permission.WEBHOOKS_WRITE)
    row = await lock_endpoint(scope, endpoint_id)
    if row["status"] == EndpointStatus.DISABLED:
        raise WrongStatus("This endpoint is DISABLED, so nothing is delivered anyhow.")
    await change_status(scope, row, EndpointStatus.PAUSED)
    return {"id": str(endpoint_id)}


async def resume_endpoint(scope: Scope, endpoint_id: UUID) -> Outcome:
    """Go on with a PAUSED, DISABLED or DOWN endpoint where it stands, at once. Outcome ``{id}``. An ACTIVE one tries again at once."""
    scope.require(Permission.WEBHOOKS_WRITE)
    row = await lock_endpoint(scope, endpoint_id)
    if row["status"] == EndpointStatus.ACTIVE:
        await start_afresh(scope, endpoint_id)
    else:
        await change_status(scope, row, EndpointStatus.ACTIVE)
    return {"id": str(endpoint_id)}


_PRESENT = """
SELECT installation.epoch, coalesce(head.seq, 0) AS head, coalesce(head.pruned_seq, 0) AS pruned_seq
FROM installation LEFT JOIN event_heads AS head ON head.tenant_id = $1
"""
_BEFORE_TIME = """
SELECT coalesce((SELECT seq - 1 FROM events WHERE tenant_id = $1 AND recorded_at >= $2 ORDER BY seq LIMIT 1), $3)
"""
_MADE_ANEW = """
DELETE FROM webhook_deliveries
WHERE tenant_id = $1 AND endpoint_id = $2 AND finished_at IS NULL AND state = 'PENDING' AND seq > $3
"""
"""Or the rows that wait behind the cursor would fill the number that may be open, and the cursor could not come to them."""


async def replay_deliveries(
    scope: Scope, endpoint_id: UUID, after: LogPosition | None, since: datetime | None
) -> Outcome:
    """Deliver again what came after a place in the log or was recorded since an instant; give one of the two. Outcome ``{id}``.

    The cursor goes back, so later events follow when the replay is through, in order; what waits from there on is made anew as the cursor passes.
    Refuses places that the log does not hold.
    """
    scope.require(Permission.WEBHOOKS_WRITE)
    if (after is None) == (since is None):
        raise DoorstepError(ProblemCode.REQUIRED, "Give either a cursor (after) or an instant (since).", ["after"])
    row = await lock_endpoint(scope, endpoint_id)
    seq, recorded_at = await _place(scope, after, since)
    if seq < row["seq"]:
        await scope.tx.execute(
            "UPDATE webhook_endpoints SET seq = $3, seq_recorded_at = $4, replay_until = greatest(replay_until, seq), version = version + 1, updated_at = now() "
            "WHERE tenant_id = $1 AND id = $2",
            scope.tenant_id,
            endpoint_id,
            seq,
            recorded_at,
        )
        await scope.tx.execute(_MADE_ANEW, scope.tenant_id, endpoint_id, seq)
    return {"id": str(endpoint_id)}


async def _place(scope: Scope, after: LogPosition | None, since: datetime | None) -> tuple[int, datetime]:
    """The number after which to begin; what the log no longer holds of a time is left out, a cursor from there is refused."""
    present = await scope.tx.fetchrow(_PRESENT, scope.tenant_id)
    epoch, head, pruned = (present["epoch"], present["head"], present["pruned_seq"]) if present else (0, 0, 0)
    if since is not None:
        found = await scope.tx.fetchval(_BEFORE_TIME, scope.tenant_id, since, head)
        return max(pruned, found), since
    if after is None or after.epoch != epoch or after.seq < pruned:
        message = "The log no longer holds what follows this cursor: give an instant (since) for all that it still holds from there."
        raise DoorstepError(ProblemCode.INVALID_VALUE, message, ["after"])
    if after.seq > head:
        raise DoorstepError(ProblemCode.INVALID_VALUE, "This cursor lies past the end of the log.", ["after"])
    return after.seq, after.recorded_at


async def test_endpoint(scope: Scope, endpoint_id: UUID) -> Outcome:
    """Send a test, once, whatever the endpoint's status. Outcome ``{id, delivery_id}``; refuses more than a few at a time."""
    scope.require(Permission.WEBHOOKS_WRITE)
    await lock_endpoint(scope, endpoint_id)
    waiting = await scope.tx.fetchval(
        "SELECT count(*) FROM webhook_deliveries WHERE tenant_id = $1 AND endpoint_id = $2 AND finished_at IS NULL AND origin = 'TEST'",
        scope.tenant_id,
        endpoint_id,
    )
    if waiting >= MOST_OPEN_TESTS:
        message = f"{MOST_OPEN_TESTS} tests are still on their way: wait for their outcome."
        raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, message, ["id"])
    delivery_id = new_id()
    row = {
        "tenant_id": scope.tenant_id,
        "id": delivery_id,
        "endpoint_id": endpoint_id,
        "type": TEST_TYPE,
        "origin": DeliveryOrigin.TEST.value,
        "state": DeliveryState.PENDING.value,
    }
    await scope.tx.insert(DeliveryRow, [row])
    return {"id": str(endpoint_id), "delivery_id": str(delivery_id)}
