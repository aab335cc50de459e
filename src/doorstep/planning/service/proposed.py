"""A proposal as it stands, around some of the orders that it left out: the routes near them, with their orders and shifts.

A large plan has more places than one matrix should hold, and an order's relaxation is found near it: each order in turn gets the
nearest route that is not there yet, until the places are used up. Shifts without a route need none and are all there.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from doorstep.fleets.reads import PlanningShift, shifts_for_planning
from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.ids import public_id
from doorstep.orders.model import PLANNABLE, LocationStatus
from doorstep.orders.reads import PlanningOrder, orders_for_planning
from doorstep.planning.errors import order_taken, refuse_all, shift_in_use, stale
from doorstep.planning.model import StopKind, StopStatus
from doorstep.planning.reads import (
    active_routes_of_orders,
    active_routes_of_shifts,
    order_ids_of_stops,
    plan_shift_versions,
    stops_of_routes,
)
from doorstep.planning.service.aims import lateness_of
from doorstep.planning.service.committing import check_proposed
from doorstep.planning.service.problems import Question, ends_of, position_of
from doorstep.planning.service.ties import Ties
from doorstep.planning.solver.problem import Break, Order, Problem, VehicleShift, visits
from doorstep.planning.solver.relations import related
from doorstep.planning.solver.sequence import Act, Acts, reload_of
from doorstep.planning.solver.solution import StepKind

MOST_PLACES: Final = 600
"""So many places of routes are looked at: their matrix is asked for while somebody waits."""


@dataclass(slots=True)
class Proposed:
    """What a relaxation is looked for in: the ``asked`` orders that can be planned and have no relation to others, those on the routes looked at, and the shifts."""

    asked: list[PlanningOrder]
    kept: list[PlanningOrder]
    shifts: list[PlanningShift]
    stops: dict[UUID, list[Row]]
    """By shift, in sequence."""
    orders_of: dict[UUID, list[UUID]]
    """By stop."""
    ties: Ties
    grace_seconds: int
    """How late after their windows the plan may serve orders."""


async def load_proposed(
    tx: Transaction, tenant_id: UUID, plan: Row, order_ids: Sequence[UUID], now: datetime
) -> Proposed:
    """Read the proposal around orders that it left out.

    Refuses, at ``orderIds.<index>``, orders that it is not about or that it placed, and with PLAN_STALE what is no longer as it saw it; also a plan
    that is not PROPOSED.
    """
    seen = await _seen(tx, tenant_id, plan["id"], order_ids)
    refuse_all([NotFound("order in this plan", ("orderIds", n)) for n, one in enumerate(order_ids) if one not in seen])
    check_proposed(plan)
    refuse_all([_placed(one, n) for n, one in enumerate(order_ids) if seen[one]["assigned"]])
    asked = await orders_for_planning(tx, tenant_id, order_ids)
    ties = Ties.of(plan["options"])
    bound = related(ties.relations)
    open_ = [order for order in asked if order.status in PLANNABLE and str(order.id) not in bound]
    allowed = lateness_of(plan["options"])
    routes = await _routes_to_look_at(tx, tenant_id, plan["id"], open_, ties.shifts)
    stops = await stops_of_routes(tx, tenant_id, list(routes))
    orders_of = await order_ids_of_stops(tx, tenant_id, [stop["id"] for of_one in stops.values() for stop in of_one])
    on_routes = sorted({order_id for of_one in orders_of.values() for order_id in of_one})
    kept = await orders_for_planning(tx, tenant_id, on_routes)
    seen |= await _seen(tx, tenant_id, plan["id"], on_routes)
    refuse_all(await _changed_orders(tx, tenant_id, [*asked, *kept], seen, order_ids))
    shifts = await _shifts(tx, tenant_id, plan["id"], set(routes.values()), now)
    return Proposed(
        asked=open_,
        kept=kept,
        shifts=shifts,
        stops={routes[route_id]: of_one for route_id, of_one in stops.items()},
        orders_of=orders_of,
        ties=ties,
        grace_seconds=0 if allowed is None else allowed.max_seconds,
    )


async def _seen(tx: Transaction, tenant_id: UUID, plan_id: UUID, order_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Orders of the plan as it saw them."""
    rows = await tx.fetch(
        "SELECT order_id, order_version, assigned FROM plan_orders WHERE tenant_id = $1 AND plan_id = $2 AND order_id = ANY($3)",
        tenant_id,
        plan_id,
        list(order_ids),
    )
    return {row["order_id"]: row for row in rows}


def _placed(order_id: UUID, index: int) -> DoorstepError:
    name = public_id("order", order_id)
    message = f"Order {name} is on a route of this plan: there is nothing to explain. Leave it out."
    return DoorstepError(ProblemCode.INVALID_VALUE, message, ["orderIds", index], existing_id=name)


async def _changed_orders(
    tx: Transaction, tenant_id: UUID, orders: Sequence[PlanningOrder], seen: Mapping[UUID, Row], asked: Sequence[UUID]
) -> list[DoorstepError]:
    taken = await active_routes_of_orders(tx, tenant_id, [order.id for order in orders])
    faults: list[DoorstepError] = []
    for order in orders:
        path = ("orderIds", asked.index(order.id)) if order.id in asked else ("planId",)
        was = seen[order.id]["order_version"]
        if order.id in taken:
            faults.append(order_taken(order.id, taken[order.id], path))
        elif order.version != was:
            faults.append(stale("order", order.id, f"changed (version {was} to {order.version})", path))
    return faults


async def _shifts(
    tx: Transaction, tenant_id: UUID, plan_id: UUID, routed: set[UUID], now: datetime
) -> list[PlanningShift]:
    """The shifts that are looked at and those without a route that can still be driven; refuses routed ones that changed."""
    seen = await plan_shift_versions(tx, tenant_id, plan_id)
    elsewhere = await _shifts_of_drafts(tx, tenant_id, plan_id) - routed
    present = {shift.id: shift for shift in await shifts_for_planning(tx, tenant_id, list(seen.keys() - elsewhere))}
    used = await active_routes_of_shifts(tx, tenant_id, list(seen))
    faults: list[DoorstepError] = []
    for shift_id in sorted(routed):
        shift = present.get(shift_id)
        if shift_id in used:
            faults.append(shift_in_use(shift_id, used[shift_id], ["planId"]))
        elif shift is None or shift.vehicle is None or shift.version != seen[shift_id] or shift.ends_at <= now:
            faults.append(stale("shift", shift_id, "changed, ended or was archived"))
    refuse_all(faults)
    return [
        shift
        for shift in present.values()
        if shift.id not in used and shift.vehicle is not None and shift.ends_at > now
    ]


async def _shifts_of_drafts(tx: Transaction, tenant_id: UUID, plan_id: UUID) -> set[UUID]:
    rows = await tx.fetch(
        "SELECT shift_id FROM routes WHERE tenant_id = $1 AND plan_id = $2 AND status = 'DRAFT'", tenant_id, plan_id
    )
    return {row["shift_id"] for row in rows}


# ── which routes ────────────────────────────────────────────────────────────────────────────────────────


_NEAR: Final = """
SELECT wanted.order_id, route.id AS route_id, route.shift_id, count(*) AS stops,
  min(power(stop.latitude - wanted.latitude, 2) + power((stop.longitude - wanted.longitude) * cos(radians(wanted.latitude)), 2)) AS away
FROM routes AS route
JOIN stops AS stop ON stop.tenant_id = $1 AND stop.route_id = route.id AND stop.latitude IS NOT NULL
CROSS JOIN unnest($3::uuid[], $4::float8[], $5::float8[]) AS wanted(order_id, latitude, longitude)
WHERE route.tenant_id = $1 AND route.plan_id = $2 AND route.status = 'DRAFT'
GROUP BY wanted.order_id, route.id, route.shift_id ORDER BY away, route.id
"""


async def _routes_to_look_at(
    tx: Transaction, tenant_id: UUID, plan_id: UUID, asked: Sequence[PlanningOrder], pins: Mapping[UUID, UUID]
) -> dict[UUID, UUID]:
    """The routes near the orders, by straight lines, with their shifts; the only shift of a pinned order is the nearest of all."""
    located = [order for order in asked if order.location_status is not LocationStatus.NEEDS_LOCATION]
    points = [(order.id, *position_of(end)) for order in located for end in ends_of(order)]
    rows = await tx.fetch(
        _NEAR, tenant_id, plan_id,
        [order_id for order_id, _, _ in points], [latitude for _, latitude, _ in points], [longitude for *_, longitude in points],
    )  # fmt: skip
    by_order: defaultdict[UUID, list[Row]] = defaultdict(list)
    for row in rows:
        by_order[row["order_id"]].append(row)
    for order_id, near in by_order.items():
        near.sort(key=lambda row: pins.get(order_id) != row["shift_id"])
    return _in_turn(list(by_order.values()))


def _in_turn(near: Sequence[list[Row]]) -> dict[UUID, UUID]:
    found: dict[UUID, UUID] = {}
    places = 0
    for rank in range(max((len(of_one) for of_one in near), default=0)):
        for of_one in near:
            if rank >= len(of_one) or of_one[rank]["route_id"] in found:
                continue
            if places + of_one[rank]["stops"] > MOST_PLACES:
                return found
            places += of_one[rank]["stops"]
            found[of_one[rank]["route_id"]] = of_one[rank]["shift_id"]
    return found


# ── as the solver's sequences ───────────────────────────────────────────────────────────────────────────


def sequences_of(proposed: Proposed, question: Question, problem: Problem) -> dict[str, Acts | None]:
    """The routes act by act, by vehicle; None for one with an order that can no longer be asked about."""
    found: dict[str, Acts | None] = {}
    for shift_id, stops in proposed.stops.items():
        on_it = {order_id for stop in stops for order_id in proposed.orders_of.get(stop["id"], ())}
        vehicle = problem.vehicle_by_id[str(shift_id)]
        is_known = all(str(order_id) in problem.order_by_id for order_id in on_it)
        found[vehicle.id] = _sequence(proposed, question, problem, vehicle) if is_known else None
    return found


def _sequence(proposed: Proposed, question: Question, problem: Problem, vehicle: VehicleShift) -> Acts:
    acts: list[Act] = []
    for stop in proposed.stops[UUID(vehicle.id)]:
        if stop["status"] == StopStatus.CANCELLED:
            continue
        if stop["kind"] == StopKind.BREAK:
            pause = _pause_at(vehicle, int(stop["planned_service_start"].timestamp()) - question.epoch)
            acts += [] if pause is None else [Act(StepKind.BREAK, pause=pause)]
        elif stop["kind"] == StopKind.RELOAD:
            acts.append(reload_of(vehicle))
        elif stop["kind"] in (StopKind.PICKUP, StopKind.DROPOFF):
            kind = StepKind.PICKUP if stop["kind"] == StopKind.PICKUP else StepKind.DELIVERY
            here = [problem.order_by_id[str(order_id)] for order_id in proposed.orders_of.get(stop["id"], ())]
            acts += [Act(kind, order) for order in sorted(here, key=lambda order: _due(order, kind))]
    return tuple(acts)


def _pause_at(vehicle: VehicleShift, moment: int) -> Break | None:
    return next((one for one in vehicle.breaks if any(w.start <= moment <= w.end for w in one.windows)), None)


def _due(order: Order, kind: StepKind) -> float:
    """When an order at a stop with others has to be served at the latest."""
    visit = visits(order)[0 if kind is StepKind.PICKUP else -1]
    return max((window.end for window in visit.windows), default=float("inf"))
