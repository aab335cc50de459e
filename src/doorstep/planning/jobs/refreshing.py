"""Timing a changed route anew (kind ``refresh_route``, input ``{"route_id"}``)."""

from uuid import UUID

import structlog

from doorstep.kernel.errors import Unavailable
from doorstep.kernel.jobs import Job
from doorstep.kernel.scope import Scope
from doorstep.places.roads import Roads
from doorstep.planning.service.refreshing import compute, load_route, write_refreshed

log = structlog.get_logger(__name__)

TRIES = 3


async def refresh(job: Job) -> None:
    """Compute the legs and times of what is left of a route; again from the start when the route changed meanwhile."""
    for _ in range(TRIES):
        async with job.db.snapshot(job.tenant_id) as tx:
            route = await load_route(tx, job.tenant_id, UUID(job.input["route_id"]))
        refreshed = await compute(job.services.get(Roads), route) if route is not None else None
        async with job.db.write(job.principal) as scope:
            written = refreshed is None or await write_refreshed(scope, refreshed)
            await job.fence(scope)
            if written:
                await job.finish(scope, {"refreshed": refreshed is not None})
        if written:
            return
    raise Unavailable("The route keeps changing while it is being timed.")


async def give_up_refresh(_scope: Scope, job: Job, reason: str) -> None:
    """The route keeps its old legs and times; its sequence is right all the same."""
    log.warning("route_not_refreshed", job=str(job.id), reason=reason)
