"""Playing simulations (kind ``drive_simulation``, input ``{"simulation_id"}``): one job each, which hands itself back between the acts.

So no worker's slot waits for a robot that is on its way, and a worker that dies leaves nothing behind but a lease.
"""

import asyncio
import time
from dataclasses import replace
from functools import partial
from typing import Final
from uuid import UUID

from doorstep.identity.errors import UnknownTenant
from doorstep.identity.service import system_principal
from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.jobs import Job, JobKind
from doorstep.kernel.scope import ALL_PERMISSIONS, Scope
from doorstep.sandbox.service import DRIVE, decline_offer, fail_simulation, play

LINGER_SECONDS: Final = 0.5
"""A shorter wait for the next act is not worth handing the job back."""

TURN_SECONDS: Final = 3.0
"""After so long the job lets others have the slot, whatever is due."""

NAP_SECONDS: Final = 60.0
"""The job looks at the clock again after so long at most, should it have been set in a way that wakes nobody (the operator's)."""

RETRY_SECONDS: Final = 0.05


async def drive(job: Job) -> None:
    """Do what is due, then hand the job back until something is."""
    ends = time.monotonic() + TURN_SECONDS
    while True:
        try:
            wait = await _step(job, ends)
        except ChangedMeanwhile:
            wait = RETRY_SECONDS
        except DoorstepError as refusal:
            await _fail(job, refusal.message)
            return
        if wait is None:
            return
        await asyncio.sleep(wait)


async def _step(job: Job, ends: float) -> float | None:
    """One transaction; wall seconds until the next one of this run, None when this run is over."""
    principal = replace(job.principal, permissions=ALL_PERMISSIONS)
    async with job.db.write(principal) as scope:
        wait = await play(scope, UUID(job.input["simulation_id"]), partial(_decline, job, scope))
        await job.fence(scope)
        if wait is None:
            await job.finish(scope, {})
            return None
        await job.got_on(scope)
        if wait > LINGER_SECONDS or time.monotonic() > ends:
            await job.put_off(scope, min(wait, NAP_SECONDS))
            return None
    return wait


async def _decline(job: Job, scope: Scope, carrier_id: UUID, tender_id: UUID) -> None:
    """In a carrier's name, in a commit of its own: so the job's row is held first, and who has lost the job declines nothing."""
    await job.fence(scope)
    try:
        principal = await system_principal(job.system, carrier_id)
    except UnknownTenant as error:
        raise DoorstepError(ProblemCode.NOT_FOUND, "The carrier's tenant is gone.") from error
    async with job.db.write(principal) as carrier:
        await decline_offer(carrier, tender_id)


async def _fail(job: Job, reason: str) -> None:
    async with job.db.write(job.principal) as scope:
        await fail_simulation(scope, UUID(job.input["simulation_id"]), reason)
        await job.fence(scope)
        await job.finish(scope, {"failed": True})


async def give_up(scope: Scope, job: Job, reason: str) -> None:
    """After the last try: the simulation is FAILED, and says why."""
    await fail_simulation(scope, UUID(job.input["simulation_id"]), reason)


JOB_KINDS: dict[str, JobKind] = {DRIVE: JobKind(drive, give_up)}
