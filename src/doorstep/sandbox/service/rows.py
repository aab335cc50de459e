"""The rows of simulations: begun and ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from doorstep.kernel import jobs
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Scope
from doorstep.sandbox.errors import AlreadySimulated
from doorstep.sandbox.model import Ending, SimulationRow, SimulationStatus
from doorstep.sandbox.service.clock import DRIVE

MOST_RUNNING = 250


@dataclass(frozen=True, slots=True)
class Subject:
    """What a simulation is about: a route that is driven, or an offer that is answered; ``order_id`` None: all the route's orders."""

    route_id: UUID | None = None
    tender_id: UUID | None = None
    order_id: UUID | None = None

    def named(self) -> dict[str, str]:
        """What of it there is, for an outcome."""
        ids = {"route_id": self.route_id, "tender_id": self.tender_id, "order_id": self.order_id}
        return {name: str(one) for name, one in ids.items() if one is not None}


async def refuse_running(scope: Scope, subject: Subject, path: str) -> None:
    """One robot a route or offer (the lock of the route or the order is held), and so many in a tenant."""
    rows = await scope.tx.fetch(
        "SELECT id, route_id, tender_id FROM simulations WHERE tenant_id = $1 AND status = 'RUNNING'", scope.tenant_id
    )
    for row in rows:
        if (row["route_id"], row["tender_id"]) == (subject.route_id, subject.tender_id):
            doing = "answers this offer" if subject.route_id is None else "drives this route"
            raise AlreadySimulated(row["id"], doing, path)
    if len(rows) >= MOST_RUNNING:
        raise DoorstepError(
            ProblemCode.TOO_MANY_ITEMS,
            f"{MOST_RUNNING} simulations run already: let some end, or cancel them (cancelSimulation).",
            [path],
        )


async def begin(scope: Scope, subject: Subject, endings: Mapping[UUID, Ending], step: int | None) -> dict[str, Any]:
    """Write a simulation and ask for its job. Outcome ``{id}`` with the ids of its subject."""
    simulation_id, now = new_id(), scope.clock.now()
    job_id = await jobs.enqueue(scope, DRIVE, {"simulation_id": str(simulation_id)})
    await scope.tx.insert(
        SimulationRow,
        [
            {
                "tenant_id": scope.tenant_id,
                "id": simulation_id,
                "version": 1,
                "route_id": subject.route_id,
                "tender_id": subject.tender_id,
                "order_id": subject.order_id,
                "job_id": job_id,
                "status": SimulationStatus.RUNNING.value,
                "endings": {str(one): ending.as_json() for one, ending in endings.items()},
                "seconds_per_step": step,
                "steps": 0,
                "positions": 0,
                "played_to": now,
                "started_at": now,
            }
        ],
    )
    return {"id": str(simulation_id), **subject.named()}


async def close(scope: Scope, simulation_id: UUID, status: SimulationStatus, at: datetime, reason: str | None) -> None:
    """End a locked simulation at that instant of the sandbox's clock."""
    await scope.tx.execute(
        "UPDATE simulations SET status = $3, finished_at = $4, last_error = $5, next_act_at = NULL, version = version + 1, updated_at = now() "
        "WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id,
        simulation_id,
        status.value,
        at,
        reason,
    )
