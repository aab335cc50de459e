"""Writing routes and stops in bulk, and what an optimization found in place of what was there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from doorstep.kernel.db import Row
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Scope
from doorstep.planning.events import PlanFinished
from doorstep.planning.model import PlanStatus, RouteRow, RouteStatus, StopOrderRow, StopRow, StopStatus
from doorstep.planning.service.plans import move_plan
from doorstep.planning.service.problems import Left, vehicle_of
from doorstep.planning.service.proposals import DraftRoute, DraftStop


async def write_routes(
    scope: Scope, drafts: Sequence[DraftRoute], *, plan_id: UUID | None, status: RouteStatus, at: datetime | None = None
) -> None:
    """Write new routes with their stops, in three statements. ``at`` is when they were dispatched."""
    await scope.tx.insert(RouteRow, [_route_row(scope, draft, plan_id, status, at) for draft in drafts])
    await write_stops(scope, {draft.id: draft.stops for draft in drafts})


async def write_stops(scope: Scope, stops_of: Mapping[UUID, Sequence[DraftStop]], first_sequence: int = 0) -> None:
    """Write new stops of routes, numbered from ``first_sequence`` on."""
    rows: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    for route_id, stops in stops_of.items():
        for sequence, stop in enumerate(stops, first_sequence):
            row = stop_row(scope, route_id, sequence, stop)
            rows.append(row)
            links += [
                {"tenant_id": scope.tenant_id, "stop_id": row["id"], "order_id": order_id}
                for order_id in stop.order_ids
            ]
    await scope.tx.insert(StopRow, rows)
    await scope.tx.insert(StopOrderRow, links)


def _route_row(
    scope: Scope, draft: DraftRoute, plan_id: UUID | None, status: RouteStatus, at: datetime | None
) -> dict[str, Any]:
    return {
        "tenant_id": scope.tenant_id,
        "id": draft.id,
        "version": 1,
        "plan_id": plan_id,
        "shift_id": draft.shift.id,
        "driver_id": draft.shift.driver_id,
        "vehicle_id": vehicle_of(draft.shift).id,
        "depot_id": draft.shift.depot_id,
        "status": status.value,
        "starts_at": draft.stops[0].arrival,
        "network": draft.network,
        "map_version": draft.map_version,
        "summary": draft.summary,
        "dispatched_at": at,
    }


def stop_row(scope: Scope, route_id: UUID, sequence: int, stop: DraftStop) -> dict[str, Any]:
    """A new stop's columns."""
    return {
        "tenant_id": scope.tenant_id,
        "id": new_id(),
        "version": 1,
        "route_id": route_id,
        "sequence": sequence,
        "status": StopStatus.PENDING.value,
        "locked": False,
        **stop_columns(stop),
    }


def stop_columns(stop: DraftStop) -> dict[str, Any]:
    """The columns of a stop that computing it anew gives."""
    return {
        "kind": stop.kind.value,
        "depot_id": stop.depot_id,
        "latitude": stop.position[0] if stop.position else None,
        "longitude": stop.position[1] if stop.position else None,
        "planned_arrival": stop.arrival,
        "planned_service_start": stop.service_start,
        "planned_departure": stop.departure,
        "leg_meters": stop.leg_meters,
        "leg_seconds": stop.leg_seconds,
        "leg_path": stop.leg_path,
        "load_after": stop.load_after,
        "late_seconds": stop.late_seconds,
        "eta_at": stop.arrival,
    }


@dataclass(slots=True)
class Proposal:
    """What an optimization found, ready to be written."""

    routes: list[DraftRoute]
    unassigned: dict[UUID, list[Left]]
    summary: dict[str, Any]
    baseline: dict[str, Any] | None
    order_versions: dict[UUID, int]
    shift_versions: dict[UUID, int]
    engine: str | None


async def propose(scope: Scope, plan: Row, proposal: Proposal) -> None:
    """Write what an optimization found in place of what was there, and make the locked plan PROPOSED."""
    plan_id = plan["id"]
    await scope.tx.execute(
        "DELETE FROM routes WHERE tenant_id = $1 AND plan_id = $2 AND status = 'DRAFT'", scope.tenant_id, plan_id
    )
    await write_routes(scope, proposal.routes, plan_id=plan_id, status=RouteStatus.DRAFT)
    await _write_orders(scope, plan_id, proposal)
    await scope.tx.execute(
        "UPDATE plan_shifts SET shift_version = seen.version FROM unnest($3::uuid[], $4::int[]) AS seen(id, version) "
        "WHERE plan_shifts.tenant_id = $1 AND plan_shifts.plan_id = $2 AND plan_shifts.shift_id = seen.id",
        scope.tenant_id,
        plan_id,
        list(proposal.shift_versions),
        list(proposal.shift_versions.values()),
    )
    await scope.tx.execute(
        "UPDATE plans SET summary = $3, baseline = $4, network = $5, map_version = $6, engine = $7, finished_at = $8 "
        "WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id,
        plan_id,
        proposal.summary,
        proposal.baseline,
        _listed(route.network for route in proposal.routes),
        _listed(route.map_version for route in proposal.routes),
        proposal.engine,
        scope.clock.now(),
    )
    version = await move_plan(scope, plan, PlanStatus.PROPOSED)
    scope.emit(
        PlanFinished(
            aggregate_version=version,
            plan_id=plan_id,
            status=PlanStatus.PROPOSED,
            routes=len(proposal.routes),
            assigned=len(proposal.order_versions) - len(proposal.unassigned),
            unassigned=len(proposal.unassigned),
        )
    )


async def _write_orders(scope: Scope, plan_id: UUID, proposal: Proposal) -> None:
    ids = list(proposal.order_versions)
    reasons = [[left.as_json() for left in proposal.unassigned.get(order_id, ())] for order_id in ids]
    await scope.tx.execute(
        "UPDATE plan_orders SET order_version = seen.version, assigned = seen.assigned, reasons = seen.reasons::jsonb, "
        "relaxations = NULL "
        "FROM unnest($3::uuid[], $4::int[], $5::bool[], $6::text[]) AS seen(id, version, assigned, reasons) "
        "WHERE plan_orders.tenant_id = $1 AND plan_orders.plan_id = $2 AND plan_orders.order_id = seen.id",
        scope.tenant_id,
        plan_id,
        ids,
        list(proposal.order_versions.values()),
        [order_id not in proposal.unassigned for order_id in ids],
        [orjson.dumps(left).decode() if left else None for left in reasons],
    )


def _listed(values: Iterable[str | None]) -> str | None:
    """The different values as one text, such as two maps' versions."""
    return ", ".join(sorted({value for value in values if value})) or None


async def fail_plan(scope: Scope, plan: Row, reason: str) -> None:
    """Make a locked, optimizing plan FAILED; it may be optimized again."""
    version = await move_plan(scope, plan, PlanStatus.FAILED, reason)
    await scope.tx.execute(
        "UPDATE plans SET finished_at = $3 WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id,
        plan["id"],
        scope.clock.now(),
    )
    scope.emit(
        PlanFinished(
            aggregate_version=version,
            plan_id=plan["id"],
            status=PlanStatus.FAILED,
            routes=0,
            assigned=0,
            unassigned=0,
            reason=reason,
        )
    )
