"""The moment at which a plan becomes true: orders are assigned, routes hold their shifts, older proposals fall.

Three walls stand against two plans taking one order: the plans that share it are locked together, the order is compared under its lock, and a
partial unique index allows one active assignment only.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg

from doorstep.fleets.reads import shifts_for_planning
from doorstep.kernel import jobs
from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.orders.model import OrderStatus, plannable
from doorstep.orders.service import EtaChange, Move, lock_orders, move_orders, set_etas
from doorstep.planning.errors import nothing_to_plan, order_taken, refuse_all, shift_in_use, stale, wrong_state
from doorstep.planning.model import AssignmentRow, PlanStatus, RouteStatus, StopKind, UnassignedCode
from doorstep.planning.reads import (
    active_routes_of_orders,
    active_routes_of_shifts,
    plan_order_ids,
    plan_shift_versions,
    stops_of_routes,
)
from doorstep.planning.service.execution import set_route_status
from doorstep.planning.service.plans import check_version, drop_drafts, lock_plan, move_plan

REFRESH = "refresh_route"
"""The kind of the job that computes a changed route's legs and times anew."""


class OnChanged(StrEnum):
    """What committing does about orders and shifts that changed since the plan saw them."""

    REFUSE = "REFUSE"
    DROP = "DROP"


@dataclass(slots=True)
class _Content:
    """A plan's routes and what they hold."""

    routes: list[Row]
    stops: dict[UUID, list[Row]]
    orders_of_stop: dict[UUID, list[UUID]]
    route_of_order: dict[UUID, UUID] = field(default_factory=dict)

    @property
    def order_ids(self) -> list[UUID]:
        return sorted(self.route_of_order)


async def commit_plan(
    scope: Scope, plan_id: UUID, on_changed: OnChanged = OnChanged.REFUSE, if_version: int | None = None
) -> dict[str, Any]:
    """Commit a PROPOSED plan; returns ``{"id", "dropped": [{"order_id", "code", "message"}]}``.

    Refuses with PLAN_STALE (one problem for each order and shift that changed) and ORDER_TAKEN (for each that is on a route already); with
    ``OnChanged.DROP`` those are left out instead and reported. Older proposals that hold a committed order become SUPERSEDED.
    """
    scope.require(Permission.PLANNING_WRITE)
    rivals = await _lock_with_rivals(scope, plan_id)
    plan = await lock_plan(scope, plan_id)
    check_version(plan, if_version)
    check_proposed(plan)
    content = await _content(scope, plan_id)
    if not content.routes:
        raise nothing_to_plan(
            "The plan has no route: nothing in it could be placed. Change it and optimize again.", ["planId"]
        )
    changed = await _changes(scope, plan_id, content)
    if on_changed is OnChanged.REFUSE:
        refuse_all(list(changed.values()))
    elif changed:
        await _drop(scope, plan_id, content, changed)
    await _make_true(scope, content)
    await move_plan(scope, plan, PlanStatus.COMMITTED)
    await _supersede(scope, plan_id, rivals)
    return {"id": str(plan_id), "dropped": [_dropped_json(order_id, why) for order_id, why in sorted(changed.items())]}


def check_proposed(plan: Row) -> None:
    """Pass when the plan is PROPOSED; the refusal says what to do about another state."""
    if plan["status"] == PlanStatus.SUPERSEDED:
        raise DoorstepError(
            ProblemCode.ORDER_TAKEN,
            "A newer plan took orders of this one, which is SUPERSEDED: create a new plan for the orders that are left.",
            ["planId"],
            existing_id=public_id("plan", plan["superseded_by"]) if plan["superseded_by"] else None,
        )
    if plan["status"] != PlanStatus.PROPOSED:
        advice = {
            PlanStatus.DRAFT: "Optimize it first (optimizePlan).",
            PlanStatus.OPTIMIZING: "Wait until planProgress says PROPOSED.",
            PlanStatus.FAILED: "Mend what failureReason says and optimize it again (optimizePlan).",
            PlanStatus.COMMITTED: "There is nothing left to do.",
        }.get(PlanStatus(plan["status"]), "Create a new plan.")
        raise wrong_state("plan", plan["status"], "PROPOSED", advice, ["planId"])


def _dropped_json(order_id: UUID, why: DoorstepError) -> dict[str, Any]:
    return {"order_id": str(order_id), "code": why.code.value, "message": why.message}


async def _lock_with_rivals(scope: Scope, plan_id: UUID) -> list[Row]:
    """Lock the plan and every older proposal that shares an order with it, in the order of their ids; returns the older ones."""
    rows = await scope.tx.fetch(
        "SELECT * FROM plans WHERE tenant_id = $1 AND (id = $2 OR (status = 'PROPOSED' AND id < $2 AND id IN ("
        "SELECT other.plan_id FROM plan_orders AS mine JOIN plan_orders AS other "
        "ON other.tenant_id = mine.tenant_id AND other.order_id = mine.order_id "
        "WHERE mine.tenant_id = $1 AND mine.plan_id = $2 AND mine.assigned))) ORDER BY id FOR UPDATE",
        scope.tenant_id,
        plan_id,
    )
    return [row for row in rows if row["id"] != plan_id and row["status"] == PlanStatus.PROPOSED]


async def _content(scope: Scope, plan_id: UUID) -> _Content:
    routes = await scope.tx.fetch(
        "SELECT * FROM routes WHERE tenant_id = $1 AND plan_id = $2 AND status = 'DRAFT' ORDER BY id FOR UPDATE",
        scope.tenant_id,
        plan_id,
    )
    ids = [route["id"] for route in routes]
    stops = await stops_of_routes(scope.tx, scope.tenant_id, ids)
    links = await scope.tx.fetch(
        "SELECT link.stop_id, link.order_id, stop.route_id FROM stop_orders AS link "
        "JOIN stops AS stop ON stop.tenant_id = link.tenant_id AND stop.id = link.stop_id "
        "WHERE stop.tenant_id = $1 AND stop.route_id = ANY($2)",
        scope.tenant_id,
        ids,
    )
    content = _Content(list(routes), stops, {})
    for link in links:
        content.orders_of_stop.setdefault(link["stop_id"], []).append(link["order_id"])
        content.route_of_order[link["order_id"]] = link["route_id"]
    return content


# ── what changed ────────────────────────────────────────────────────────────────────────────────────────


async def _changes(scope: Scope, plan_id: UUID, content: _Content) -> dict[UUID, DoorstepError]:
    """For every order that cannot be committed as the plan saw it: why. A changed shift takes all orders of its route along."""
    locked = await lock_orders(scope, content.order_ids)
    seen = await plan_order_ids(scope.tx, scope.tenant_id, plan_id)
    taken = await active_routes_of_orders(scope.tx, scope.tenant_id, content.order_ids)
    shifts = await _changed_shifts(scope, plan_id, content.routes)
    shift_of_route = {route["id"]: route["shift_id"] for route in content.routes}
    changed: dict[UUID, DoorstepError] = {}
    for order_id in content.order_ids:
        row = locked.get(order_id)
        by_shift = shifts.get(shift_of_route[content.route_of_order[order_id]])
        if order_id in taken:
            changed[order_id] = order_taken(order_id, taken[order_id], ["planId"])
        elif row is None or not plannable(row["status"], row["given_tender_id"]):
            changed[order_id] = stale("order", order_id, f"became {row['status'] if row else 'unknown'}")
        elif row["version"] != seen[order_id]["order_version"]:
            was = seen[order_id]["order_version"]
            changed[order_id] = stale("order", order_id, f"changed (version {was} to {row['version']})")
        elif by_shift is not None:
            changed[order_id] = by_shift
    return changed


async def _changed_shifts(scope: Scope, plan_id: UUID, routes: Sequence[Row]) -> dict[UUID, DoorstepError]:
    ids = [route["shift_id"] for route in routes]
    seen = await plan_shift_versions(scope.tx, scope.tenant_id, plan_id)
    present = {shift.id: shift for shift in await shifts_for_planning(scope.tx, scope.tenant_id, ids)}
    used = await active_routes_of_shifts(scope.tx, scope.tenant_id, ids)
    changed: dict[UUID, DoorstepError] = {}
    for shift_id in ids:
        shift = present.get(shift_id)
        if shift_id in used:
            changed[shift_id] = shift_in_use(shift_id, used[shift_id], ["planId"])
        elif shift is None:
            changed[shift_id] = stale("shift", shift_id, "was archived")
        elif shift.version != seen[shift_id]:
            changed[shift_id] = stale("shift", shift_id, f"changed (version {seen[shift_id]} to {shift.version})")
        elif shift.ends_at <= scope.clock.now():
            changed[shift_id] = stale("shift", shift_id, "ended")
    return changed


# ── dropping the rest ───────────────────────────────────────────────────────────────────────────────────


async def _drop(scope: Scope, plan_id: UUID, content: _Content, changed: Mapping[UUID, DoorstepError]) -> None:
    """Take the changed orders out of the proposal: their stops go, a route without orders is cancelled, the rest is timed anew by a job."""
    touched = {content.route_of_order.pop(order_id) for order_id in changed}
    if not content.route_of_order:
        refuse_all(list(changed.values()))
    await scope.tx.execute(
        "DELETE FROM stop_orders WHERE tenant_id = $1 AND order_id = ANY($2) AND stop_id IN ("
        "SELECT stop.id FROM stops AS stop JOIN routes AS route ON route.tenant_id = stop.tenant_id AND route.id = stop.route_id "
        "WHERE route.tenant_id = $1 AND route.plan_id = $3)",
        scope.tenant_id,
        list(changed),
        plan_id,
    )
    await scope.tx.execute(
        "DELETE FROM stops WHERE tenant_id = $1 AND route_id = ANY($2) AND kind IN ('PICKUP', 'DROPOFF', 'RELOAD') AND NOT EXISTS ("
        "SELECT 1 FROM stop_orders AS link WHERE link.tenant_id = stops.tenant_id AND link.stop_id = stops.id)",
        scope.tenant_id,
        sorted(touched),
    )
    await scope.tx.execute(
        "UPDATE plan_orders SET assigned = false, reasons = $4 WHERE tenant_id = $1 AND plan_id = $2 AND order_id = ANY($3)",
        scope.tenant_id,
        plan_id,
        list(changed),
        [{"code": UnassignedCode.DROPPED.value, "shift_ids": []}],
    )
    kept = set(content.route_of_order.values())
    for stops in content.stops.values():
        for stop in stops:
            orders = content.orders_of_stop.get(stop["id"], [])
            content.orders_of_stop[stop["id"]] = [order_id for order_id in orders if order_id not in changed]
    await scope.tx.execute(
        "UPDATE routes SET status = 'CANCELLED', version = version + 1, updated_at = now() WHERE tenant_id = $1 AND id = ANY($2)",
        scope.tenant_id,
        [route["id"] for route in content.routes if route["id"] not in kept],
    )
    content.routes = [route for route in content.routes if route["id"] in kept]
    await scope.tx.execute(
        "UPDATE plans SET summary = summary || jsonb_build_object('orders', $3::int, 'routes', $4::int, "
        "'unassigned', (summary ->> 'unassigned')::int + $5::int) WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id,
        plan_id,
        len(content.route_of_order),
        len(content.routes),
        len(changed),
    )
    for route_id in sorted(touched & kept):
        await jobs.enqueue(scope, REFRESH, {"route_id": str(route_id)})


# ── making it true ──────────────────────────────────────────────────────────────────────────────────────


async def _make_true(scope: Scope, content: _Content) -> None:
    now = scope.clock.now()
    for route in content.routes:
        try:
            await set_route_status(scope, route, RouteStatus.COMMITTED, now)
        except asyncpg.UniqueViolationError as error:
            raise _overtaken() from error
    await assign(scope, content.route_of_order)
    await move_orders(
        scope,
        [
            Move(order_id, OrderStatus.ASSIGNED, route_id=content.route_of_order[order_id])
            for order_id in content.order_ids
        ],
    )
    await set_etas(scope, planned_etas(content.stops, content.orders_of_stop, content.route_of_order))


async def assign(scope: Scope, route_of_order: Mapping[UUID, UUID]) -> None:
    """Write active assignments; ORDER_TAKEN when somebody else was faster."""
    now = scope.clock.now()
    rows = [
        {
            "tenant_id": scope.tenant_id,
            "id": new_id(),
            "order_id": order_id,
            "route_id": route_of_order[order_id],
            "active": True,
            "assigned_at": now,
        }
        for order_id in sorted(route_of_order)
    ]
    try:
        await scope.tx.insert(AssignmentRow, rows)
    except asyncpg.UniqueViolationError as error:
        raise _overtaken() from error


def _overtaken() -> DoorstepError:
    return DoorstepError(
        ProblemCode.ORDER_TAKEN,
        "Another plan or assignment took one of these orders or shifts a moment ago: send this again to see which.",
    )


def planned_etas(
    stops: Mapping[UUID, Sequence[Row]], orders_of_stop: Mapping[UUID, Sequence[UUID]], orders: Collection[UUID]
) -> list[EtaChange]:
    """For each order the planned arrival at its dropoff, and how many customers' stops come before it."""
    changes: list[EtaChange] = []
    for route_stops in stops.values():
        before = 0
        for stop in route_stops:
            here = orders_of_stop.get(stop["id"], ())
            if stop["kind"] == StopKind.DROPOFF:
                changes += [
                    EtaChange(order_id, stop["planned_arrival"], stop["late_seconds"], before)
                    for order_id in here
                    if order_id in orders
                ]
            before += stop["kind"] in (StopKind.PICKUP, StopKind.DROPOFF) and bool(here)
    return changes


async def _supersede(scope: Scope, plan_id: UUID, rivals: Sequence[Row]) -> None:
    """Older proposals that hold an order which this plan took can no longer be committed."""
    holding = await scope.tx.fetch(
        "SELECT DISTINCT held.plan_id FROM plan_orders AS held JOIN assignments AS taken "
        "ON taken.tenant_id = held.tenant_id AND taken.order_id = held.order_id AND taken.active "
        "JOIN routes AS route ON route.tenant_id = taken.tenant_id AND route.id = taken.route_id AND route.plan_id = $2 "
        "WHERE held.tenant_id = $1 AND held.plan_id = ANY($3)",
        scope.tenant_id,
        plan_id,
        [rival["id"] for rival in rivals],
    )
    fallen = {row["plan_id"] for row in holding}
    await drop_drafts(scope, sorted(fallen))
    for rival in rivals:
        if rival["id"] in fallen:
            await move_plan(scope, rival, PlanStatus.SUPERSEDED)
            await scope.tx.execute(
                "UPDATE plans SET superseded_by = $3 WHERE tenant_id = $1 AND id = $2",
                scope.tenant_id,
                rival["id"],
                plan_id,
            )
