"""When the dispatcher works: one job a tenant that waits, however many events ask for it."""

from typing import Final

from doorstep.kernel import jobs
from doorstep.kernel.scope import Scope

DISPATCH: Final = "dispatch_round"
SETTLE: Final = "settle_dispatch_offer"


async def wake_dispatcher(scope: Scope, after_seconds: float = 0.0) -> None:
    """Let a round begin after so many seconds, or earlier, should one wait already; the caller knows that the tenant wants it."""
    if not after_seconds:
        await jobs.wake(scope, DISPATCH)
    waits = await scope.tx.fetchval(
        "SELECT EXISTS (SELECT FROM jobs WHERE tenant_id = $1 AND kind = $2 AND state = 'QUEUED')",
        scope.tenant_id,
        DISPATCH,
    )
    if not waits:
        await jobs.enqueue(scope, DISPATCH, {}, after_seconds=after_seconds)
