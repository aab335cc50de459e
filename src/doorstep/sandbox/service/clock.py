"""The sandbox's own clock: set ahead or made faster, never set back, since what happened would then lie in the future.

Requests may not write ``tenants.clock_*``: a function of the database does it, for the transaction's own TEST tenant alone (revision 0007).
Processes trust a credential for two seconds, and its clock with it; jobs and simulations read the clock anew each time.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from doorstep.identity.service import clock_of
from doorstep.kernel import jobs
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.scope import Permission, Scope
from doorstep.kernel.time import Clock
from doorstep.sandbox.errors import NotASandbox
from doorstep.sandbox.reads import sandbox_clock

DRIVE = "drive_simulation"
"""The kind of the job that plays a simulation."""

SLOWEST, FASTEST = 1.0, 1000.0
LONGEST_JUMP = timedelta(days=366)


HOLD: Final = "SELECT FROM simulations WHERE tenant_id = $1 AND status = 'RUNNING' ORDER BY id FOR UPDATE"


async def enter(scope: Scope) -> Clock:
    """Pass in a TEST tenant, whose clock as it is now becomes the scope's; raises NotASandbox in a LIVE one."""
    scope.require(Permission.SANDBOX_WRITE)
    row = await sandbox_clock(scope.tx, scope.tenant_id)
    if row is None:
        raise NotASandbox
    clock = clock_of(row)
    scope.principal = replace(scope.principal, clock=clock)
    return clock


async def set_sandbox_clock(scope: Scope, rate: float | None, at: datetime | None) -> dict[str, Any]:
    """Make the clock run ``rate`` times as fast, and show ``at`` (UTC) now; None leaves the one or the other. Outcome ``{rate, at}``.

    Refuses a LIVE tenant, nothing at all, a rate out of bounds, and an instant that is past or more than a year away. Simulations that are due
    by the new clock act at once.
    """
    clock = await enter(scope)
    _check(rate, at, clock.now())
    # Whoever plays a simulation holds its lock and reads the clock behind it: from here on by the new one.
    await scope.tx.execute(HOLD, scope.tenant_id)
    row = await scope.tx.fetchrow("SELECT * FROM doorstep_set_sandbox_clock($1, $2)", at, rate)
    if row is None:
        raise NotASandbox
    if not row["is_set"]:
        raise _goes_back(clock_of(row).now())
    await jobs.wake(scope, DRIVE)
    scope.principal = replace(scope.principal, clock=clock_of(row))
    return {"rate": row["clock_rate"], "at": scope.clock.now().isoformat()}


def _check(rate: float | None, at: datetime | None, now: datetime) -> None:
    if rate is None and at is None:
        raise DoorstepError(ProblemCode.REQUIRED, "Give a rate, an instant or both.", ["rate"])
    if rate is not None and not SLOWEST <= rate <= FASTEST:
        said = f"A rate is {SLOWEST:g} to {FASTEST:g} times as fast as the wall clock."
        raise DoorstepError(ProblemCode.INVALID_VALUE, said, ["rate"])
    if at is not None and at < now:
        raise _goes_back(now)
    if at is not None and at > now + LONGEST_JUMP:
        said = f"The clock jumps at most {LONGEST_JUMP.days} days at a time; it is {now.isoformat(timespec='seconds')} now."
        raise DoorstepError(ProblemCode.INVALID_VALUE, said, ["at"])


def _goes_back(now: datetime) -> DoorstepError:
    said = f"A sandbox's clock is never set back, and it is {now.isoformat(timespec='seconds')} now: choose a later instant."
    return DoorstepError(ProblemCode.INVALID_VALUE, said, ["at"])
