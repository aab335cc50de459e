"""Plans before they are true: create, optimize, cancel."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from doorstep.fleets.reads import PlanningShift, shifts_for_planning, shifts_starting
from doorstep.identity.service import check_solver_seconds
from doorstep.kernel import jobs
from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.errors import Conflict, DoorstepError, NotFound, ProblemCode
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.orders.model import OrderStatus, plannable
from doorstep.orders.reads import OrderQuery, PlanningOrder, find_plannable, orders_by_ids, orders_for_planning
from doorstep.planning.errors import (
    not_plannable,
    nothing_to_plan,
    order_taken,
    refuse_all,
    shift_in_use,
    shift_over,
    shift_without_vehicle,
    wrong_state,
)
from doorstep.planning.events import PlanStatusChanged
from doorstep.planning.model import (
    PLAN_TRANSITIONS,
    PlanObjective,
    PlanOrderRow,
    PlanRow,
    PlanShiftRow,
    PlanStatus,
)
from doorstep.planning.reads import active_routes_of_orders, active_routes_of_shifts
from doorstep.planning.service.aims import LatenessAllowance, aim_faults, aim_json
from doorstep.planning.service.ties import MOST_PINS, OrderRelation, Pin, tie_faults, ties_json

OPTIMIZE: Final = "optimize_plan"
"""The kind of the job that optimizes a plan."""

MOST_ORDERS: Final = 20_000
MOST_LISTED: Final = 1000
"""So many orders are named one by one; a filter finds more."""
MOST_SHIFTS: Final = 250
MOST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class NewPlan:
    """What a plan is to be about: orders by id or by query, shifts by id or by civil day of the tenant's time zone (and depots)."""

    order_ids: tuple[UUID, ...] | None = None
    order_query: OrderQuery | None = None
    shift_ids: tuple[UUID, ...] | None = None
    day: date | None = None
    depot_ids: tuple[UUID, ...] | None = None
    objective: PlanObjective = PlanObjective.COST
    optimize: bool = True
    name: str | None = None
    pins: tuple[Pin, ...] = ()
    relations: tuple[OrderRelation, ...] = ()
    lateness: LatenessAllowance | None = None


async def create_plan(scope: Scope, wanted: NewPlan) -> dict[str, Any]:
    """A new plan, optimizing at once unless ``optimize`` is False; returns ``{"id"}``.

    Refusals: NOT_FOUND, NOT_PLANNABLE (naming the state), ORDER_TAKEN, SHIFT_WITHOUT_VEHICLE, IN_USE, NOTHING_TO_PLAN, TOO_MANY_ITEMS, PLAN_TOO_LARGE, INVALID_VALUE,
    REQUIRED, EMISSIONS_UNKNOWN; every fault of the input at once. QUOTA_EXCEEDED when it is to be optimized and the tenant has no solver seconds left today.
    """
    scope.require(Permission.PLANNING_WRITE)
    faults: list[DoorstepError] = []
    if wanted.name is not None and not (0 < len(wanted.name) <= MOST_NAME and wanted.name.isprintable()):
        faults.append(
            DoorstepError(ProblemCode.INVALID_VALUE, f"A name is 1 to {MOST_NAME} printable characters.", ["name"])
        )
    orders = await orders_wanted(scope, wanted, faults)
    shifts = await shifts_wanted(scope, wanted, faults)
    faults += aim_faults(wanted.objective, wanted.lateness, shifts, wanted.shift_ids)
    refuse_all(faults)
    await _check_ties(scope, wanted, {order["id"] for order in orders}, shifts)
    plan_id = new_id()
    options = aim_json(wanted.objective, wanted.lateness) | ties_json(wanted.pins, wanted.relations)
    await scope.tx.insert(
        PlanRow,
        [
            {
                "tenant_id": scope.tenant_id,
                "id": plan_id,
                "version": 1,
                "name": wanted.name,
                "status": PlanStatus.DRAFT.value,
                "options": options,
                "progress": {},
            }
        ],
    )
    await scope.tx.insert(
        PlanOrderRow,
        [
            {
                "tenant_id": scope.tenant_id,
                "plan_id": plan_id,
                "order_id": order["id"],
                "order_version": order["version"],
                "assigned": False,
            }
            for order in orders
        ],
    )
    await scope.tx.insert(
        PlanShiftRow,
        [
            {"tenant_id": scope.tenant_id, "plan_id": plan_id, "shift_id": shift.id, "shift_version": shift.version}
            for shift in shifts
        ],
    )
    scope.emit(PlanStatusChanged(aggregate_version=1, plan_id=plan_id, from_=None, to=PlanStatus.DRAFT))
    if wanted.optimize:
        await start_optimizing(scope, await lock_plan(scope, plan_id))
    return {"id": str(plan_id)}


async def _check_ties(
    scope: Scope, wanted: NewPlan, order_ids: Collection[UUID], shifts: Sequence[PlanningShift]
) -> None:
    """Refuse pins and relations that are not about the plan's orders and shifts, or that cannot all hold."""
    orders: dict[UUID, PlanningOrder | None] = dict.fromkeys(order_ids)
    timed = [pin.order_id for pin in wanted.pins[:MOST_PINS] if pin.at is not None and pin.order_id in orders]
    if timed:
        orders |= {order.id: order for order in await orders_for_planning(scope.tx, scope.tenant_id, timed)}
    refuse_all(tie_faults(wanted.pins, wanted.relations, orders, shifts, scope.clock.now()))


async def optimize_plan(scope: Scope, plan_id: UUID, if_version: int | None = None) -> dict[str, Any]:
    """Optimize a DRAFT, FAILED or PROPOSED plan (again) on its orders and shifts as they are now; returns ``{"id"}``."""
    scope.require(Permission.PLANNING_WRITE)
    plan = await lock_plan(scope, plan_id)
    check_version(plan, if_version)
    if PlanStatus.OPTIMIZING not in PLAN_TRANSITIONS[PlanStatus(plan["status"])]:
        raise wrong_state(
            "plan",
            plan["status"],
            "DRAFT, FAILED or PROPOSED",
            "Create a new plan for the same orders and shifts.",
            ["planId"],
        )
    await start_optimizing(scope, plan)
    return {"id": str(plan_id)}


async def cancel_plan(scope: Scope, plan_id: UUID, if_version: int | None = None) -> dict[str, Any]:
    """Give up a plan that is not committed; a running optimization is stopped. Returns ``{"id"}``."""
    scope.require(Permission.PLANNING_WRITE)
    plan = await lock_plan(scope, plan_id)
    check_version(plan, if_version)
    if PlanStatus.CANCELLED not in PLAN_TRANSITIONS[PlanStatus(plan["status"])]:
        raise wrong_state(
            "plan",
            plan["status"],
            "DRAFT, OPTIMIZING or PROPOSED",
            "A committed plan is undone route by route with cancelRoute.",
            ["planId"],
        )
    await drop_drafts(scope, [plan_id])
    await move_plan(scope, plan, PlanStatus.CANCELLED)
    if plan["job_id"] is not None:
        await jobs.cancel(scope, plan["job_id"])
    return {"id": str(plan_id)}


async def start_optimizing(scope: Scope, plan: Row) -> None:
    """Put a locked plan's optimization into the queue; QUOTA_EXCEEDED when the tenant has no solver seconds left today."""
    await check_solver_seconds(scope.tx, scope.principal)
    job_id = await jobs.enqueue(scope, OPTIMIZE, {"plan_id": str(plan["id"])})
    await scope.tx.execute(
        "UPDATE plans SET job_id = $3, failure_reason = NULL, finished_at = NULL WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id,
        plan["id"],
        job_id,
    )
    await move_plan(scope, plan, PlanStatus.OPTIMIZING)


async def lock_plan(scope: Scope, plan_id: UUID) -> Row:
    """The plan's row, locked; raises NotFound."""
    row = await scope.tx.fetchrow(
        "SELECT * FROM plans WHERE tenant_id = $1 AND id = $2 FOR UPDATE", scope.tenant_id, plan_id
    )
    if row is None:
        raise NotFound("plan", ["planId"])
    return row


def check_version(row: Row, if_version: int | None, what: str = "plan") -> None:
    """Pass when no version was asked for or it is the present one."""
    if if_version is not None and if_version != row["version"]:
        raise Conflict(what, row["version"], row["id"])


async def move_plan(scope: Scope, plan: Row, to: PlanStatus, reason: str | None = None) -> int:
    """Write a locked plan's new state, emit PlanStatusChanged, return the new version."""
    version: int = await scope.tx.fetchval(
        "UPDATE plans SET status = $3, failure_reason = $4, version = version + 1, updated_at = now() "
        "WHERE tenant_id = $1 AND id = $2 RETURNING version",
        scope.tenant_id,
        plan["id"],
        to.value,
        reason,
    )
    scope.emit(
        PlanStatusChanged(
            aggregate_version=version, plan_id=plan["id"], from_=PlanStatus(plan["status"]), to=to, reason=reason
        )
    )
    return version


async def drop_drafts(scope: Scope, plan_ids: Collection[UUID]) -> None:
    """The routes of proposals that will never be committed stay readable, as CANCELLED."""
    await scope.tx.execute(
        "UPDATE routes SET status = 'CANCELLED', version = version + 1, updated_at = now() "
        "WHERE tenant_id = $1 AND plan_id = ANY($2) AND status = 'DRAFT'",
        scope.tenant_id,
        list(plan_ids),
    )


# ── what a new plan is about ────────────────────────────────────────────────────────────────────────────


async def orders_wanted(scope: Scope, wanted: NewPlan, faults: list[DoorstepError]) -> list[Row]:
    """The rows of the orders that a plan is to be about; what stands in the way joins ``faults``. Reads only."""
    if (wanted.order_ids is None) == (wanted.order_query is None):
        faults.append(DoorstepError(ProblemCode.REQUIRED, "Give either orderIds or orderFilter.", ["orderIds"]))
        return []
    if wanted.order_query is not None:
        return await _orders_found(scope, wanted.order_query, faults)
    ids = list(dict.fromkeys(wanted.order_ids or ()))
    if not ids:
        faults.append(nothing_to_plan("There is no order in orderIds.", ["orderIds"]))
    elif len(ids) > MOST_LISTED:
        faults.append(
            DoorstepError(
                ProblemCode.TOO_MANY_ITEMS,
                f"Name at most {MOST_LISTED} orders; for more, up to {MOST_ORDERS}, give orderFilter.",
                ["orderIds"],
            )
        )
    else:
        return await plannable_orders(scope.tx, scope.tenant_id, ids, faults)
    return []


async def _orders_found(scope: Scope, query: OrderQuery, faults: list[DoorstepError]) -> list[Row]:
    ids = await find_plannable(scope.tx, scope.tenant_id, query, MOST_ORDERS + 1)
    if not ids:
        faults.append(
            nothing_to_plan(
                "No PENDING or AWAITING_REATTEMPT order meets orderFilter: widen it, or create orders first.",
                ["orderFilter"],
            )
        )
    elif len(ids) > MOST_ORDERS:
        faults.append(
            DoorstepError(
                ProblemCode.PLAN_TOO_LARGE,
                f"A plan is about at most {MOST_ORDERS} orders: split it, for example by depot or by due time.",
                ["orderFilter"],
            )
        )
    else:
        return await plannable_orders(scope.tx, scope.tenant_id, ids, faults)
    return []


async def plannable_orders(
    tx: Transaction, tenant_id: UUID, order_ids: Sequence[UUID], faults: list[DoorstepError], *, offered: bool = False
) -> list[Row]:
    """The rows of orders that can be planned; for each that cannot, a refusal at ``orderIds.<index>`` joins ``faults``.

    ``offered``: they are offered to the driver of whose route this is about, and are awaited in that state.
    """
    rows = {row["id"]: row for row in await orders_by_ids(tx, tenant_id, order_ids)}
    taken = await active_routes_of_orders(tx, tenant_id, order_ids)
    for index, order_id in enumerate(order_ids):
        path = ("orderIds", index)
        if order_id not in rows:
            faults.append(NotFound("order", path))
        elif order_id in taken:
            faults.append(order_taken(order_id, taken[order_id], path))
        elif not _awaited(rows[order_id], offered):
            faults.append(not_plannable(order_id, rows[order_id]["status"], path))
    return [rows[order_id] for order_id in order_ids if order_id in rows]


def _awaited(order: Row, offered: bool) -> bool:
    if offered:
        return order["status"] == OrderStatus.OFFERED and order["given_tender_id"] is None
    return plannable(order["status"], order["given_tender_id"])


def _too_many_shifts(field: str) -> DoorstepError:
    return DoorstepError(
        ProblemCode.TOO_MANY_ITEMS,
        f"A plan is about at most {MOST_SHIFTS} shifts: split it, for example by depot or by due time.",
        [field],
    )


async def shifts_wanted(scope: Scope, wanted: NewPlan, faults: list[DoorstepError]) -> list[PlanningShift]:
    """The shifts that a plan may use; what stands in the way joins ``faults``. Reads only."""
    if (wanted.shift_ids is None) == (wanted.day is None):
        faults.append(DoorstepError(ProblemCode.REQUIRED, "Give either shiftIds or date.", ["shiftIds"]))
        return []
    if wanted.day is not None:
        return await _shifts_of_day(scope, wanted.day, wanted.depot_ids, faults)
    ids = list(dict.fromkeys(wanted.shift_ids or ()))
    if not ids:
        faults.append(nothing_to_plan("There is no shift in shiftIds.", ["shiftIds"]))
        return []
    if len(ids) > MOST_SHIFTS:
        faults.append(_too_many_shifts("shiftIds"))
        return []
    found = {shift.id: shift for shift in await shifts_for_planning(scope.tx, scope.tenant_id, ids)}
    used = await active_routes_of_shifts(scope.tx, scope.tenant_id, ids)
    now = scope.clock.now()
    for index, shift_id in enumerate(ids):
        fault = shift_fault(found.get(shift_id), used, now, ["shiftIds", index])
        if fault is not None:
            faults.append(fault)
    return list(found.values())


def shift_fault(
    shift: PlanningShift | None, used: Mapping[UUID, UUID | None], now: datetime, path: Sequence[str | int]
) -> DoorstepError | None:
    """Why a shift cannot be planned for, or None; ``used`` are the shifts that have a route (``active_routes_of_shifts``)."""
    if shift is None:
        return NotFound("shift", path)
    if shift.vehicle is None:
        return shift_without_vehicle(shift.id, path)
    if shift.id in used:
        return shift_in_use(shift.id, used[shift.id], path)
    return shift_over(shift.id, path) if shift.ends_at <= now else None


async def _shifts_of_day(
    scope: Scope, day: date, depot_ids: Sequence[UUID] | None, faults: list[DoorstepError]
) -> list[PlanningShift]:
    start, end = civil_day(day, scope.principal.time_zone)
    ids = await shifts_starting(scope.tx, scope.tenant_id, start, end, depot_ids)
    used = await active_routes_of_shifts(scope.tx, scope.tenant_id, ids)
    now = scope.clock.now()
    found = await shifts_for_planning(scope.tx, scope.tenant_id, [one for one in ids if one not in used])
    free = [shift for shift in found if shift.ends_at > now]
    faults += [shift_without_vehicle(shift.id, ["date"]) for shift in free if shift.vehicle is None]
    if not free:
        faults.append(
            nothing_to_plan(
                f"No shift that starts on {day.isoformat()} ({scope.principal.time_zone}) is free: "
                "create one with createShift, or choose another date or other depots.",
                ["date"],
            )
        )
    elif len(free) > MOST_SHIFTS:
        faults.append(_too_many_shifts("date"))
    return free


def civil_day(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """From the first instant of a civil day to the first of the next."""
    zone = ZoneInfo(time_zone)
    return datetime.combine(day, time(), zone), datetime.combine(day + timedelta(days=1), time(), zone)
