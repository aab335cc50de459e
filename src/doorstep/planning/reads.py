"""Reads of planning that return rows: for pages and batches of the API, and for the use cases."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.paging import Page, PageRequest, Sort, fetch_page
from doorstep.planning.model import ACTIVE_ROUTES, PlanStatus, RouteStatus

PLANS_NEWEST_FIRST = Sort("created_at_desc", "created_at", datetime, descending=True)
ROUTES_BY_START = Sort("starts_at", "starts_at", datetime)
UNASSIGNED_BY_ORDER = Sort("order", "id", UUID)

_ACTIVE = sorted(ACTIVE_ROUTES)

ROUTE_COLUMNS = (
    "id, version, plan_id, shift_id, driver_id, vehicle_id, depot_id, status, starts_at, network, map_version, summary, "
    "dispatched_at, started_at, completed_at, created_at, updated_at"
)
STOP_COLUMNS = (
    "id, version, route_id, sequence, kind, status, depot_id, latitude, longitude, planned_arrival, planned_service_start, "
    "planned_departure, leg_meters, leg_seconds, leg_path, load_after, late_seconds, locked, eta_at, departed_at, arrived_at, closed_at, failure_reason, "
    "created_at, updated_at"
)


async def active_routes_of_orders(tx: Transaction, tenant_id: UUID, order_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The route that each of the orders is assigned to now; orders on none are missing."""
    rows = await tx.fetch(
        "SELECT order_id, route_id FROM assignments WHERE tenant_id = $1 AND order_id = ANY($2) AND active",
        tenant_id,
        list(order_ids),
    )
    return {row["order_id"]: row["route_id"] for row in rows}


async def is_assigned(tx: Transaction, tenant_id: UUID, order_id: UUID) -> bool:
    """Whether the order is assigned to a route now, also to one out of the credential's reach."""
    found: bool = await tx.fetchval(
        "SELECT EXISTS (SELECT FROM assignments WHERE tenant_id = $1 AND order_id = $2 AND active) "
        "OR (coalesce(current_setting('app.limited', true), '') <> '' AND doorstep_assignment_out_of_reach($1, $2))",
        tenant_id,
        order_id,
    )
    return found


async def orders_on_active_routes(tx: Transaction, tenant_id: UUID, order_ids: Collection[UUID]) -> set[UUID]:
    """Those of the orders that have a place on a route which is not over, served or not."""
    rows = await tx.fetch(
        "SELECT DISTINCT link.order_id FROM stop_orders AS link "
        "JOIN stops AS stop ON stop.tenant_id = $1 AND stop.id = link.stop_id AND stop.status <> 'CANCELLED' "
        "JOIN routes AS route ON route.tenant_id = $1 AND route.id = stop.route_id AND route.status = ANY($3) "
        "WHERE link.tenant_id = $1 AND link.order_id = ANY($2)",
        tenant_id,
        list(order_ids),
        _ACTIVE,
    )
    return {row["order_id"] for row in rows}


async def active_routes_of_shifts(
    tx: Transaction, tenant_id: UUID, shift_ids: Collection[UUID]
) -> dict[UUID, UUID | None]:
    """The committed, dispatched or running route of each shift, None for one out of the credential's reach; shifts without one are missing."""
    rows = await tx.fetch(
        "SELECT shift_id, id FROM routes WHERE tenant_id = $1 AND shift_id = ANY($2) AND status = ANY($3) "
        "UNION ALL SELECT shift_id, NULL FROM unnest($2::uuid[]) AS shift_id "
        "WHERE current_setting('app.limited', true) <> '' AND doorstep_route_out_of_reach($1, shift_id)",
        tenant_id,
        list(shift_ids),
        _ACTIVE,
    )
    return {row["shift_id"]: row["id"] for row in rows}


# ── plans ───────────────────────────────────────────────────────────────────────────────────────────────


async def plan_page(
    tx: Transaction, tenant_id: UUID, statuses: Sequence[PlanStatus], request: PageRequest
) -> tuple[Page, list[str], list[Any]]:
    """A page of plans, newest first, and the conditions to count them by."""
    conditions: list[str] = ["tenant_id = $1"]
    values: list[Any] = [tenant_id]
    if statuses:
        values.append([status.value for status in statuses])
        conditions.append("status = ANY($2)")
    page = await fetch_page(
        tx, "plans", PLANS_NEWEST_FIRST, request, select="SELECT * FROM plans", conditions=conditions, arguments=values
    )
    return page, conditions, values


async def count_rows(tx: Transaction, table: str, conditions: Sequence[str], values: Sequence[Any]) -> int:
    """How many rows of one of planning's tables meet the conditions."""
    return int(await tx.fetchval(f"SELECT count(*) FROM {table} WHERE {' AND '.join(conditions)}", *values))


async def plans_by_ids(tx: Transaction, tenant_id: UUID, plan_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Plans by id."""
    rows = await tx.fetch("SELECT * FROM plans WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, list(plan_ids))
    return {row["id"]: row for row in rows}


async def plan_progress(tx: Transaction, tenant_id: UUID, plan_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """How far each plan's optimization is: the plan's state and its job's."""
    rows = await tx.fetch(
        "SELECT plan.id, plan.status, plan.failure_reason, plan.summary, plan.updated_at, job.state AS job_state, job.progress, job.attempts "
        "FROM plans AS plan LEFT JOIN jobs AS job ON job.tenant_id = plan.tenant_id AND job.id = plan.job_id "
        "WHERE plan.tenant_id = $1 AND plan.id = ANY($2)",
        tenant_id,
        list(plan_ids),
    )
    return {row["id"]: row for row in rows}


async def plan_order_ids(tx: Transaction, tenant_id: UUID, plan_id: UUID) -> dict[UUID, Row]:
    """The orders of a plan as it saw them: ``order_version``, ``assigned``."""
    rows = await tx.fetch(
        "SELECT order_id, order_version, assigned FROM plan_orders WHERE tenant_id = $1 AND plan_id = $2 ORDER BY order_id",
        tenant_id,
        plan_id,
    )
    return {row["order_id"]: row for row in rows}


async def plan_shift_versions(tx: Transaction, tenant_id: UUID, plan_id: UUID) -> dict[UUID, int]:
    """The shifts of a plan and the version that it saw of each."""
    rows = await tx.fetch(
        "SELECT shift_id, shift_version FROM plan_shifts WHERE tenant_id = $1 AND plan_id = $2 ORDER BY shift_id",
        tenant_id,
        plan_id,
    )
    return {row["shift_id"]: row["shift_version"] for row in rows}


# ── routes ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class RouteQuery:
    """Which routes: conditions are joined by AND, the values of one by OR; what is empty or None does not matter.

    ``starts_from`` (inclusive) and ``starts_to`` (exclusive) are UTC instants of the route's start.
    """

    statuses: tuple[RouteStatus, ...] = ()
    plan_id: UUID | None = None
    driver_id: UUID | None = None
    vehicle_id: UUID | None = None
    depot_id: UUID | None = None
    starts_from: datetime | None = None
    starts_to: datetime | None = None

    def conditions(self, tenant_id: UUID) -> tuple[list[str], list[Any]]:
        """SQL conditions and their arguments from ``$1`` on; the tenant's is the first."""
        texts, values = ["tenant_id = $1"], [tenant_id]
        wanted: list[tuple[str, Any]] = [
            ("status = ANY({})", [status.value for status in self.statuses] or None),
            ("plan_id = {}", self.plan_id),
            ("driver_id = {}", self.driver_id),
            ("vehicle_id = {}", self.vehicle_id),
            ("depot_id = {}", self.depot_id),
            ("starts_at >= {}", self.starts_from),
            ("starts_at < {}", self.starts_to),
        ]
        for text, value in wanted:
            if value is not None:
                values.append(value)
                texts.append(text.format(f"${len(values)}"))
        return texts, values


async def route_page(tx: Transaction, tenant_id: UUID, query: RouteQuery, request: PageRequest) -> Page:
    """A page of routes by their start."""
    conditions, values = query.conditions(tenant_id)
    return await fetch_page(
        tx,
        "routes",
        ROUTES_BY_START,
        request,
        select=f"SELECT {ROUTE_COLUMNS} FROM routes",
        conditions=conditions,
        arguments=values,
    )


async def routes_by_ids(tx: Transaction, tenant_id: UUID, route_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Routes by id."""
    rows = await tx.fetch(
        f"SELECT {ROUTE_COLUMNS} FROM routes WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, list(route_ids)
    )
    return {row["id"]: row for row in rows}


async def first_routes_of_plans(
    tx: Transaction, tenant_id: UUID, plan_ids: Sequence[UUID], most: int
) -> dict[UUID, list[Row]]:
    """The first routes of each plan by start, at most ``most`` of each, in one statement."""
    rows = await tx.fetch(
        "SELECT route.* FROM unnest($2::uuid[]) AS wanted(plan_id) CROSS JOIN LATERAL ("
        f"SELECT {ROUTE_COLUMNS} FROM routes WHERE tenant_id = $1 AND plan_id = wanted.plan_id ORDER BY starts_at, id LIMIT $3) AS route",
        tenant_id,
        list(plan_ids),
        most,
    )
    return _grouped(rows, "plan_id")


async def current_routes_of_drivers(tx: Transaction, tenant_id: UUID, driver_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """The route that each driver works now: the one under way, else the dispatched one that starts first."""
    rows = await tx.fetch(
        f"SELECT DISTINCT ON (driver_id) {ROUTE_COLUMNS} FROM routes WHERE tenant_id = $1 AND driver_id = ANY($2) "
        "AND status IN ('DISPATCHED', 'IN_PROGRESS') ORDER BY driver_id, status DESC, starts_at, id",
        tenant_id,
        list(driver_ids),
    )
    return {row["driver_id"]: row for row in rows}


# ── stops, assignments, unassigned ──────────────────────────────────────────────────────────────────────


async def stops_by_ids(tx: Transaction, tenant_id: UUID, stop_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Stops by id."""
    rows = await tx.fetch(
        f"SELECT {STOP_COLUMNS} FROM stops WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, list(stop_ids)
    )
    return {row["id"]: row for row in rows}


async def stops_of_routes(tx: Transaction, tenant_id: UUID, route_ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """All stops of each route by sequence."""
    rows = await tx.fetch(
        f"SELECT {STOP_COLUMNS} FROM stops WHERE tenant_id = $1 AND route_id = ANY($2) ORDER BY route_id, sequence, id",
        tenant_id,
        list(route_ids),
    )
    return _grouped(rows, "route_id")


async def order_ids_of_stops(tx: Transaction, tenant_id: UUID, stop_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """The orders of each stop."""
    rows = await tx.fetch(
        "SELECT stop_id, order_id FROM stop_orders WHERE tenant_id = $1 AND stop_id = ANY($2) ORDER BY stop_id, order_id",
        tenant_id,
        list(stop_ids),
    )
    result: dict[UUID, list[UUID]] = {}
    for row in rows:
        result.setdefault(row["stop_id"], []).append(row["order_id"])
    return result


async def assignments_of_orders(tx: Transaction, tenant_id: UUID, order_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """The active assignment of each order: ``route_id``, ``assigned_at``."""
    rows = await tx.fetch(
        "SELECT id, order_id, route_id, assigned_at FROM assignments WHERE tenant_id = $1 AND order_id = ANY($2) AND active",
        tenant_id,
        list(order_ids),
    )
    return {row["order_id"]: row for row in rows}


async def stops_of_assignments(
    tx: Transaction, tenant_id: UUID, keys: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], list[Row]]:
    """The stops of each (route, order) by sequence, without cancelled ones."""
    rows = await tx.fetch(
        "SELECT wanted.order_id, stop.* FROM unnest($2::uuid[], $3::uuid[]) AS wanted(route_id, order_id) "
        "JOIN stop_orders AS link ON link.tenant_id = $1 AND link.order_id = wanted.order_id "
        f"JOIN (SELECT tenant_id, {STOP_COLUMNS} FROM stops) AS stop "
        "ON stop.tenant_id = $1 AND stop.id = link.stop_id AND stop.route_id = wanted.route_id AND stop.status <> 'CANCELLED' "
        "ORDER BY stop.route_id, stop.sequence",
        tenant_id,
        [route_id for route_id, _ in keys],
        [order_id for _, order_id in keys],
    )
    result: dict[tuple[UUID, UUID], list[Row]] = {}
    for row in rows:
        result.setdefault((row["route_id"], row["order_id"]), []).append(row)
    return result


async def first_unassigned_of_plans(
    tx: Transaction, tenant_id: UUID, plan_ids: Sequence[UUID], most: int
) -> dict[UUID, list[Row]]:
    """The first unassigned orders of each plan with their reasons, at most ``most`` of each, in one statement."""
    rows = await tx.fetch(
        "SELECT left_out.* FROM unnest($2::uuid[]) AS wanted(plan_id) CROSS JOIN LATERAL ("
        f"{UNASSIGNED} WHERE tenant_id = $1 AND plan_id = wanted.plan_id AND NOT assigned AND reasons IS NOT NULL "
        "ORDER BY order_id LIMIT $3) AS left_out",
        tenant_id,
        list(plan_ids),
        most,
    )
    return _grouped(rows, "plan_id")


UNASSIGNED = (
    "SELECT plan_id, id, order_id, reasons, relaxations FROM "
    "(SELECT tenant_id, plan_id, order_id AS id, order_id, assigned, reasons, relaxations FROM plan_orders) AS one"
)
"""An order that a plan left out has the order's id as its own in the list."""


def _grouped(rows: Sequence[Row], column: str) -> dict[UUID, list[Row]]:
    result: dict[UUID, list[Row]] = {}
    for row in rows:
        result.setdefault(row[column], []).append(row)
    return result


async def unassigned_page(tx: Transaction, tenant_id: UUID, plan_id: UUID, request: PageRequest) -> Page:
    """A page of the orders that a plan left out, by order id."""
    return await fetch_page(
        tx,
        "unassigned",
        UNASSIGNED_BY_ORDER,
        request,
        select=UNASSIGNED,
        conditions=["tenant_id = $1", "plan_id = $2", "NOT assigned", "reasons IS NOT NULL"],
        arguments=[tenant_id, plan_id],
    )


async def unassigned_of_plans(
    tx: Transaction, tenant_id: UUID, keys: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Row]:
    """The left out among these (plan, order), as in the list."""
    rows = await tx.fetch(
        "SELECT one.plan_id, one.order_id AS id, one.order_id, one.reasons, one.relaxations "
        "FROM unnest($2::uuid[], $3::uuid[]) AS wanted(plan_id, order_id) JOIN plan_orders AS one "
        "ON one.tenant_id = $1 AND one.plan_id = wanted.plan_id AND one.order_id = wanted.order_id "
        "WHERE NOT one.assigned AND one.reasons IS NOT NULL",
        tenant_id,
        [plan_id for plan_id, _ in keys],
        [order_id for _, order_id in keys],
    )
    return {(row["plan_id"], row["order_id"]): row for row in rows}


async def count_routes_of_plans(tx: Transaction, tenant_id: UUID, plan_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many routes each plan has."""
    rows = await tx.fetch(
        "SELECT plan_id, count(*) AS count FROM routes WHERE tenant_id = $1 AND plan_id = ANY($2) GROUP BY plan_id",
        tenant_id,
        list(plan_ids),
    )
    return {row["plan_id"]: row["count"] for row in rows}


async def count_unassigned_of_plans(tx: Transaction, tenant_id: UUID, plan_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many orders each plan left out."""
    rows = await tx.fetch(
        "SELECT plan_id, count(*) AS count FROM plan_orders WHERE tenant_id = $1 AND plan_id = ANY($2) AND NOT assigned "
        "AND reasons IS NOT NULL GROUP BY plan_id",
        tenant_id,
        list(plan_ids),
    )
    return {row["plan_id"]: row["count"] for row in rows}


async def shift_ids_of_plans(tx: Transaction, tenant_id: UUID, plan_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """The shifts of each plan."""
    rows = await tx.fetch(
        "SELECT plan_id, shift_id FROM plan_shifts WHERE tenant_id = $1 AND plan_id = ANY($2) ORDER BY shift_id",
        tenant_id,
        list(plan_ids),
    )
    result: dict[UUID, list[UUID]] = {}
    for row in rows:
        result.setdefault(row["plan_id"], []).append(row["shift_id"])
    return result


async def route_state(tx: Transaction, tenant_id: UUID, route_id: UUID) -> tuple[Any, ...] | None:
    """Something that differs whenever a route or one of its stops changed; None when there is no such route."""
    row = await tx.fetchrow(
        "SELECT route.version, route.status, (SELECT sum(stop.version) FROM stops AS stop "
        "WHERE stop.tenant_id = route.tenant_id AND stop.route_id = route.id) AS stops FROM routes AS route WHERE tenant_id = $1 AND id = $2",
        tenant_id,
        route_id,
    )
    return tuple(row) if row is not None else None
