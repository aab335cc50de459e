"""Whether this process can serve: database, schema, a worker's heartbeat, roads."""

import asyncio
from dataclasses import dataclass
from typing import Any

import asyncpg

from doorstep.kernel.errors import RequestError
from doorstep.kernel.graphql.context import Services
from doorstep.kernel.postgres.migrate import schema_state
from doorstep.places.roads import Roads

WORKER_SECONDS = 30
"""A worker that was not seen for so long is not counted."""

PATIENCE_SECONDS = 3.0
"""A database that has not answered for so long is away: probes want an answer within 5 s."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The parts and their state; ``ready`` needs the database at the right schema."""

    ready: bool
    database: str
    schema: str
    worker: str
    roads: str

    def as_json(self) -> dict[str, Any]:
        """For ``/health/ready``."""
        parts = {"database": self.database, "schema": self.schema, "worker": self.worker, "roads": self.roads}
        return {"status": "ready" if self.ready else "not ready", **parts}


async def readiness(services: Services) -> Readiness:
    """Ask every part."""
    roads = services.get(Roads).status()
    road_text = (
        f"{roads.source.value.lower()}: {roads.explanation}" if roads.explanation else roads.source.value.lower()
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), services.system.transaction() as tx:
            state = await schema_state(tx.raw)
            alive = await tx.fetchval(
                "SELECT count(*) FROM workers WHERE seen_at > now() - make_interval(secs => $1)", float(WORKER_SECONDS)
            )
    except (RequestError, asyncpg.PostgresError, OSError):
        return Readiness(False, "away", "unknown", "unknown", road_text)
    worker = "ok" if alive else "no worker was seen: run `doorstep work`, or `doorstep serve` without --no-work"
    return Readiness(
        state.is_current,
        "ok",
        "ok" if state.is_current else f"at {state.current}, needs {state.head}",
        worker,
        road_text,
    )
