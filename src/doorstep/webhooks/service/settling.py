"""What becomes of a delivery after a try, and of its endpoint: retried, parked, DOWN, resumed, disabled; one transaction.

Whoever has lost the lease settles nothing: somebody else sends the same event again, with the same id.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.scope import Scope
from doorstep.webhooks.events import WebhookEndpointStatusChanged
from doorstep.webhooks.model import DeliveryOrigin, DeliveryState, EndpointReason, EndpointStatus, Fault, Policy
from doorstep.webhooks.service.claiming import Claimed

GONE = 410

_ENDPOINT = """
SELECT id, version, status, failures, failing_since, fresh_since, probes,
  coalesce(extract(epoch FROM now() - failing_since), 0)::float8 AS failing_for,
  coalesce(last_success_at < now() - interval '1 minute', true) AS success_is_old
FROM webhook_endpoints WHERE tenant_id = $1 AND id = $2 FOR UPDATE
"""
_DELIVERY = """
SELECT last_failed_at FROM webhook_deliveries
WHERE tenant_id = $1 AND id = $2 AND run_token = $3 AND state = 'SENDING' FOR UPDATE
"""
_TRIED = """
UPDATE webhook_deliveries SET run_token = NULL, lease_until = NULL, state = $3::text, tries = $4, next_at = now() + make_interval(secs => $5),
  finished_at = CASE WHEN $3::text = 'PENDING' THEN NULL ELSE now() END, last_failed_at = CASE WHEN $6::text IS NULL THEN last_failed_at ELSE clock_timestamp() END,
  fault = $6::text, answer_status = $7, answer = $8, took_ms = $9
WHERE tenant_id = $1 AND id = $2
"""
_SUCCESS = """
UPDATE webhook_endpoints SET failures = 0, failing_since = NULL, fresh_since = clock_timestamp(), last_success_at = now(), probes = 0,
  next_probe_at = NULL, rests_until = NULL
WHERE tenant_id = $1 AND id = $2
"""
_FAILURE = """
UPDATE webhook_endpoints SET failures = $3, failing_since = coalesce(failing_since, now()),
  rests_until = CASE WHEN $4::float8 > 0 THEN now() + make_interval(secs => $4::float8) ELSE rests_until END
WHERE tenant_id = $1 AND id = $2
"""
_PROBE = """
UPDATE webhook_endpoints SET probes = $3, next_probe_at = now() + make_interval(secs => $4) WHERE tenant_id = $1 AND id = $2
"""
_STATUS = """
UPDATE webhook_endpoints SET status = $3, reason = $4, version = version + 1, updated_at = now() WHERE tenant_id = $1 AND id = $2
RETURNING version
"""
_AT_ONCE = """
UPDATE webhook_deliveries SET next_at = now() WHERE tenant_id = $1 AND endpoint_id = $2 AND finished_at IS NULL AND state = 'PENDING'
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try. ``fault`` None: it was taken. ``rest`` is how many seconds the receiver asked to be left alone."""

    fault: Fault | None
    status: int | None = None
    answer: str | None = None
    rest: float | None = None
    seconds: float = 0.0


async def settle(scope: Scope, claimed: Claimed, outcome: Outcome, policy: Policy) -> None:
    """Write down what came of a try. Nothing is written for a delivery that is no longer the caller's."""
    endpoint = await scope.tx.fetchrow(_ENDPOINT, claimed.tenant_id, claimed.endpoint_id)
    delivery = await scope.tx.fetchrow(_DELIVERY, claimed.tenant_id, claimed.id, claimed.run_token)
    if endpoint is None or delivery is None:
        return
    if claimed.origin is DeliveryOrigin.TEST:
        state = DeliveryState.PARKED if outcome.fault else DeliveryState.DELIVERED
        await _tried(scope, claimed, outcome, state, claimed.tries + 1)
    elif outcome.fault is None:
        await _tried(scope, claimed, outcome, DeliveryState.DELIVERED, claimed.tries + 1)
        await _succeeded(scope, endpoint)
    elif outcome.fault is Fault.EVENT_GONE:
        await _tried(scope, claimed, outcome, DeliveryState.PARKED, claimed.tries)
    else:
        await _failed(scope, claimed, outcome, endpoint, delivery["last_failed_at"], policy)


async def _succeeded(scope: Scope, endpoint: Row) -> None:
    was_failing = endpoint["failures"] or endpoint["failing_since"] is not None or endpoint["probes"]
    # Written anew for every delivery, the row would leave a crowd of dead ones: the last success is good to a minute.
    if was_failing or endpoint["success_is_old"]:
        await scope.tx.execute(_SUCCESS, scope.tenant_id, endpoint["id"])
    if endpoint["status"] == EndpointStatus.DOWN:
        await change_status(scope, endpoint, EndpointStatus.ACTIVE)


async def _failed(
    scope: Scope, claimed: Claimed, outcome: Outcome, endpoint: Row, failed_before: datetime | None, policy: Policy
) -> None:
    is_another = failed_before is None or failed_before <= endpoint["fresh_since"]
    failures = endpoint["failures"] + int(is_another)
    rest = policy.rest(outcome.rest)
    await scope.tx.execute(_FAILURE, scope.tenant_id, endpoint["id"], failures, rest)
    is_down = endpoint["status"] == EndpointStatus.DOWN
    tries = claimed.tries if is_down else claimed.tries + 1
    parked = tries >= policy.most_tries and outcome.status != GONE
    state = DeliveryState.PARKED if parked else DeliveryState.PENDING
    await _tried(scope, claimed, outcome, state, tries, max(policy.pause(tries), rest))
    if outcome.status == GONE:
        await change_status(scope, endpoint, EndpointStatus.DISABLED, EndpointReason.GONE)
    elif endpoint["failing_for"] >= policy.disable_after:
        await change_status(scope, endpoint, EndpointStatus.DISABLED, EndpointReason.FAILING)
    elif is_down and claimed.probe:
        probes = endpoint["probes"] + 1
        await scope.tx.execute(_PROBE, scope.tenant_id, endpoint["id"], probes, max(policy.pause(probes), rest))
    elif endpoint["status"] == EndpointStatus.ACTIVE and failures >= policy.down_after:
        await change_status(scope, endpoint, EndpointStatus.DOWN)
        await scope.tx.execute(_PROBE, scope.tenant_id, endpoint["id"], 1, max(policy.pause(1), rest))


async def _tried(
    scope: Scope, claimed: Claimed, outcome: Outcome, state: DeliveryState, tries: int, pause: float = 0.0
) -> None:
    await scope.tx.execute(
        _TRIED, claimed.tenant_id, claimed.id, state.value, tries, pause,
        outcome.fault.value if outcome.fault else None, outcome.status, outcome.answer, int(outcome.seconds * 1000),
    )  # fmt: skip


async def change_status(scope: Scope, endpoint: Row, to: EndpointStatus, reason: EndpointReason | None = None) -> None:
    """Give an endpoint, whose row the caller holds, another status, and tell of it. What becomes ACTIVE goes on with everything at once, in order."""
    if endpoint["status"] == to:
        return
    version = await scope.tx.fetchval(
        _STATUS, scope.tenant_id, endpoint["id"], to.value, reason.value if reason else None
    )
    scope.emit(
        WebhookEndpointStatusChanged(
            endpoint_id=endpoint["id"],
            from_status=EndpointStatus(endpoint["status"]),
            to_status=to,
            reason=reason,
            aggregate_version=version,
        )
    )
    if to is EndpointStatus.ACTIVE:
        await start_afresh(scope, endpoint["id"])


async def start_afresh(scope: Scope, endpoint_id: UUID) -> None:
    """Forget the failures of an endpoint, and let its deliveries leave at once."""
    await scope.tx.execute(
        "UPDATE webhook_endpoints SET failures = 0, failing_since = NULL, fresh_since = clock_timestamp(), probes = 0, "
        "next_probe_at = NULL, rests_until = NULL WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id,
        endpoint_id,
    )
    await scope.tx.execute(_AT_ONCE, scope.tenant_id, endpoint_id)
