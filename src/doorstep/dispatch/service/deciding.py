"""A round: who should take which of the orders that wait. Reads a snapshot, asks roads and solver, writes nothing.

Every courier on duty begins where it will be free: after the stop that it is bound for, else where its vehicle last reported to be, else at its depot.
One with nothing to do waits where it is, unless its shift goes back to the depot, or goods must be fetched there.
What a courier has, or is being offered, stays its own: each courier has a skill of its own name, which its orders ask for.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from doorstep.dispatch.reads import Policy, live_offers, orders_of_shifts, policy_of, refused_by
from doorstep.dispatch.service.aiming import aim
from doorstep.fleets.reads import PlanningShift, PlanningVehicle, shifts_for_planning, shifts_on_duty
from doorstep.identity.service import check_solver_seconds, spend_solver_seconds
from doorstep.kernel.db import Database, Transaction
from doorstep.kernel.errors import Unavailable
from doorstep.kernel.scope import Principal
from doorstep.kernel.time import TimeWindow
from doorstep.orders.reads import PlanningOrder, PlanningPoint, orders_for_planning, orders_to_dispatch
from doorstep.planning.model import StopKind, StopStatus
from doorstep.planning.service import Engines
from doorstep.planning.service.by_hour import retimed
from doorstep.planning.service.preparing import ROADS_SECONDS, Prepared, Present, load_presents
from doorstep.planning.service.problems import Head, Question, from_depot, pose
from doorstep.planning.service.proposals import DraftRoute, draft_routes
from doorstep.planning.solver.problem import Problem
from doorstep.planning.solver.solution import Solution, StepKind
from doorstep.planning.solver.warm import NoAnswerError, Visit, solve_warm
from doorstep.tracking.reads import positions_of

MOST_COURIERS: Final = 100
MOST_ORDERS: Final = 200
AT_ONCE: Final = 50
"""New orders in one run of the solver: present routes cost it next to nothing, what is new is planned from scratch."""

SOLVE_SECONDS: Final = 10.0
LOOK_AHEAD: Final = timedelta(minutes=60)
"""What cannot begin within an hour waits: who will be near by then is anybody's guess."""

FRESH: Final = timedelta(minutes=10)
"""A position older than this says nothing about where the vehicle is now."""

FAIR_MINOR: Final = 200
"""What each order that an idle courier was given beyond the least is taken to cost, minor units: near ones share the work."""

_KEPT: Final = 100
_AT_DEPOT: Final = "dispatch:at-the-depot"


@dataclass(slots=True)
class Courier:
    """A shift on duty with its route, if it has one. ``reserved`` are orders that it is being offered, ``held`` those that it has.
    ``head`` is where it goes on from on the road, ``waits`` where it has nothing to do."""

    shift: PlanningShift
    present: Present | None
    reserved: set[UUID]
    held: int
    given: int
    head: Head | None = None
    waits: Head | None = None

    @property
    def own(self) -> set[UUID]:
        return self.reserved | (self.present.order_ids if self.present else set())

    def room(self, policy: Policy) -> int:
        """How many more orders it may have."""
        return policy.most_orders - self.held - len(self.reserved)


@dataclass(frozen=True, slots=True)
class Decision:
    """Orders for a courier, first to be delivered first, with when each recipient would have it."""

    courier: Courier
    order_ids: list[UUID]
    arrivals: dict[UUID, datetime]
    prepared: Prepared


@dataclass(slots=True)
class Round:
    """What a round found out, and how much there was to think about."""

    policy: Policy
    decisions: list[Decision] = field(default_factory=list)
    waiting: int = 0
    couriers: int = 0
    solver_seconds: float = 0.0


@dataclass(slots=True)
class Situation:
    """What a round thinks about: the couriers that may have more, the orders that they have and that wait, and which of these are ``urgent``."""

    tenant_id: UUID
    policy: Policy
    couriers: list[Courier]
    orders: list[PlanningOrder]
    urgent: list[UUID]
    refused: Mapping[UUID, Collection[UUID]]

    @property
    def open_ids(self) -> set[UUID]:
        return set(self.urgent)

    def about(self, order_ids: Collection[UUID], found: "Round") -> "Situation":
        """The same about some of the orders that wait, and the couriers that nothing was decided about yet."""
        taken = {decision.courier.shift.id for decision in found.decisions}
        couriers = [courier for courier in self.couriers if courier.shift.id not in taken]
        wanted = set(order_ids) | {order_id for courier in couriers for order_id in courier.own}
        orders = [order for order in self.orders if order.id in wanted]
        return replace(self, couriers=couriers, orders=orders, urgent=[one for one in self.urgent if one in wanted])


async def decide(db: Database, principal: Principal, engines: Engines) -> Round:
    """Think once about all couriers and all orders that wait. Raises Unavailable when roads or solver give no answer, QUOTA_EXCEEDED."""
    now = principal.clock.now()
    async with db.snapshot(principal) as tx:
        loaded = await _load(tx, principal.tenant_id, now)
        if loaded.couriers and loaded.urgent:
            await check_solver_seconds(tx, principal)
    found = Round(loaded.policy, waiting=len(loaded.urgent), couriers=len(loaded.couriers))
    try:
        await think_over(found, engines, loaded, now)
    finally:
        await spend_solver_seconds(db, principal, found.solver_seconds)
    return found


async def think_over(found: Round, engines: Engines, situation: "Situation", now: datetime) -> None:
    """Decide about everything that waits; touches no database, so that whole days can be rehearsed (tests/benchmarks/whole_days/offline.py)."""
    for first in range(0, len(situation.urgent), AT_ONCE):
        await _think(found, engines, situation.about(situation.urgent[first : first + AT_ONCE], found), now)


async def _load(tx: Transaction, tenant_id: UUID, now: datetime) -> Situation:
    policy = await policy_of(tx, tenant_id)
    if not policy.enabled:
        return Situation(tenant_id, policy, [], [], [], {})
    couriers = await _couriers(tx, tenant_id, policy, now)
    waiting = await orders_to_dispatch(tx, tenant_id, now + LOOK_AHEAD, MOST_ORDERS)
    own = {order_id for courier in couriers for order_id in courier.own}
    orders = await orders_for_planning(tx, tenant_id, [*waiting, *own])
    refused = await refused_by(tx, tenant_id, waiting)
    return situation(
        tenant_id, policy=policy, couriers=couriers, orders=orders, waiting=waiting, refused=refused, now=now
    )


def situation(
    tenant_id: UUID,
    *,
    policy: Policy,
    couriers: list[Courier],
    orders: Collection[PlanningOrder],
    waiting: Collection[UUID],
    refused: Mapping[UUID, Collection[UUID]],
    now: datetime,
) -> Situation:
    """What there is to think about, of what was read: ``waiting`` are ids of ``orders``, the most urgent first."""
    own = {order_id for courier in couriers for order_id in courier.own}
    soon = {order.id for order in orders if order.id not in own and _begins(order) <= now + LOOK_AHEAD}
    ranked = [_ranked(order, kept=order.id in own) for order in orders if order.id in own or order.id in soon]
    urgent = [order_id for order_id in waiting if order_id in soon]
    return Situation(tenant_id, policy, couriers, ranked, urgent, refused)


async def _couriers(tx: Transaction, tenant_id: UUID, policy: Policy, now: datetime) -> list[Courier]:
    """The couriers on duty that may have another order."""
    shifts = await shifts_for_planning(tx, tenant_id, await shifts_on_duty(tx, tenant_id, now, MOST_COURIERS))
    presents = await load_presents(tx, tenant_id, shifts, now)
    counts = await orders_of_shifts(tx, tenant_id, [shift.id for shift in shifts])
    reserved: dict[UUID, set[UUID]] = {shift.id: set() for shift in shifts}
    for offer in await live_offers(tx, tenant_id):
        reserved.setdefault(offer["shift_id"], set()).add(offer["order_id"])
    vehicles = [shift.vehicle_id for shift in shifts if shift.vehicle_id is not None]
    places = {
        row["vehicle_id"]: (row["latitude"], row["longitude"], row["occurred_at"])
        for row in await positions_of(tx, tenant_id, vehicles)
    }
    found = []
    for shift in shifts:
        held, given = counts.get(shift.id, (0, 0))
        courier = Courier(shift, presents.get(shift.id), reserved[shift.id], held, given)
        if shift.vehicle_id in places:
            *place, since = places[shift.vehicle_id]
            put(courier, (place[0], place[1]), since, now)
        else:
            courier.head = courier.present.head if courier.present else None
        settled = courier.present is not None and (courier.present.comes_back or courier.present.locked)
        if courier.room(policy) > 0 and not settled:  # its plan, or a person, says what it does
            found.append(courier)
    return found


def put(courier: Courier, place: tuple[float, float], since: datetime, now: datetime) -> None:
    """Say where the courier goes on from, whose vehicle reported ``place`` at ``since``; no head: it has not left its depot."""
    shift, present = courier.shift, courier.present
    if present is None:
        # Who has nothing to do stays, however long ago that was said; what was said before the shift is of another one.
        stays = not shift.returns_to_depot and since >= shift.starts_at
        courier.waits = Head(place, now, frozenset()) if stays else None
    elif present.head is not None:
        bound = {StopStatus.EN_ROUTE, StopStatus.ARRIVED}.intersection(present.statuses.values())
        known = not bound and since >= now - FRESH
        courier.head = replace(present.head, position=place) if known else present.head


def _begins(order: PlanningOrder) -> datetime:
    """When somebody could first do something about the order."""
    point = order.dropoff if order.pickup is None else order.pickup
    return min((window.start for window in point.windows), default=datetime.min.replace(tzinfo=UTC))


def _ranked(order: PlanningOrder, *, kept: bool) -> PlanningOrder:
    """What is promised outranks what waits, and is brought also when it is late."""
    pickup = _open_ended(order.pickup) if order.pickup else None
    return replace(order, pickup=pickup, priority=_KEPT if kept else min(order.priority, _KEPT - 1))


def _open_ended(point: PlanningPoint) -> PlanningPoint:
    if not point.windows:
        return point
    start = min(window.start for window in point.windows)
    return replace(point, windows=[TimeWindow(start, start + timedelta(days=366))])


# ── asking the solver ───────────────────────────────────────────────────────────────────────────────────


async def _think(found: Round, engines: Engines, situation: Situation, now: datetime) -> None:
    """Think about some of the orders and all couriers; the decisions join ``found``."""
    if not situation.couriers or not situation.urgent:
        return
    question = await _ask(engines, situation, now)
    if question.problem is None:
        return
    present = {str(courier.shift.id): _visits(courier.present) for courier in situation.couriers if courier.present}
    room = {str(courier.shift.id): courier.room(situation.policy) for courier in situation.couriers}

    async def solve(problem: Problem, routes: Mapping[str, Sequence[Visit]]) -> Solution:
        answer = await solve_warm(problem, routes, SOLVE_SECONDS)
        found.solver_seconds += answer.cpu_seconds
        return answer.solution

    try:
        async with engines.solver.kept_slot(str(situation.tenant_id)):
            aimed = await aim(question.problem, present, room, {str(one) for one in situation.urgent}, solve)
    except NoAnswerError as error:
        raise Unavailable(f"The solver gave no answer: {error}.") from error
    if aimed is not None:
        question.problem, solution = aimed
        _decisions(found, situation, question, retimed(question, solution))


async def _ask(engines: Engines, loaded: Situation, now: datetime) -> Question:
    couriers = loaded.couriers
    own = {order_id: courier.shift.id for courier in couriers for order_id in courier.own}
    orders = [_bound(order, own.get(order.id), bool(loaded.refused.get(order.id))) for order in loaded.orders]
    least = _least_given(loaded)
    shifts = [_known(courier, loaded, least) for courier in couriers]
    to_load = any(from_depot(order) for order in loaded.orders if order.id in loaded.open_ids)
    found = {courier.shift.id: courier.head or (None if to_load else courier.waits) for courier in couriers}
    heads = {shift_id: head for shift_id, head in found.items() if head is not None}
    return await pose(engines.roads, orders, shifts, now, heads, within=ROADS_SECONDS, ahead=LOOK_AHEAD)


def _bound(order: PlanningOrder, shift_id: UUID | None, refused: bool) -> PlanningOrder:
    """The order with the skills that keep it with its courier, at a depot where it must be loaded, and away from who did not want it."""
    if shift_id is not None:
        return replace(order, skills=order.skills | {f"dispatch:{shift_id}"})
    more = {_AT_DEPOT} if from_depot(order) else set()
    return replace(order, skills=order.skills | more | ({f"dispatch:{order.id}"} if refused else set()))


def _known(courier: Courier, loaded: Situation, least: int) -> PlanningShift:
    """The shift with its own skill, those of the orders that it may be asked for, room for so many, and what fairness takes it to cost."""
    shift = courier.shift
    open_to = {f"dispatch:{order_id}" for order_id, shifts in loaded.refused.items() if shift.id not in shifts}
    at_depot = {_AT_DEPOT} if courier.head is None else set()
    vehicle: PlanningVehicle | None = shift.vehicle
    if vehicle is not None:
        vehicle = replace(vehicle, cost_fixed_minor=vehicle.cost_fixed_minor + _fairness(courier, least))
    visits = len(_visits(courier.present) if courier.present else ()) + 2 * (
        len(courier.reserved) + courier.room(loaded.policy)
    )
    most = min(visits, shift.max_stops or visits)
    return replace(
        shift, vehicle=vehicle, max_stops=most, skills=shift.skills | open_to | at_depot | {f"dispatch:{shift.id}"}
    )


def _least_given(loaded: Situation) -> int:
    return min(courier.given for courier in loaded.couriers)


def _fairness(courier: Courier, least: int) -> int:
    """What the use of an idle courier is taken to cost beyond its real price: one that is busy is used anyhow."""
    return 0 if courier.own else FAIR_MINOR * (courier.given - least)


def _visits(present: Present) -> list[Visit]:
    """The stops that may still be moved, as steps; loading at the depot is none."""
    kinds = {StopKind.PICKUP: StepKind.PICKUP, StopKind.DROPOFF: StepKind.DELIVERY}
    return [
        (kinds[StopKind(stop["kind"])], str(order_id))
        for stop in present.free
        if stop["kind"] in kinds
        for order_id in present.orders_of.get(stop["id"], ())
    ]


def _decisions(found: Round, loaded: Situation, question: Question, solution: Solution) -> None:
    couriers = {courier.shift.id: courier for courier in loaded.couriers}
    versions = {order.id: order.version for order in loaded.orders}
    least = _least_given(loaded)
    for draft in draft_routes(question, solution):
        courier, arrivals = couriers[draft.shift.id], _arrivals(draft)
        fresh = [order_id for order_id in arrivals if order_id in loaded.open_ids]
        if not fresh or not courier.own <= arrivals.keys():
            continue  # nothing new, or something that it has already would be left out
        chosen = fresh[: courier.room(loaded.policy)]
        draft.shift = courier.shift
        draft.summary["cost"] -= _fairness(courier, least)  # it is no money
        prepared = Prepared(
            shift_id=courier.shift.id,
            order_ids=chosen,
            draft=draft if len(chosen) == len(fresh) and not courier.reserved else None,
            present=courier.present,
            order_versions={order_id: versions[order_id] for order_id in arrivals},
            shift_version=courier.shift.version,
        )
        found.decisions.append(Decision(courier, chosen, arrivals, prepared))


def _arrivals(draft: DraftRoute) -> dict[UUID, datetime]:
    """When each order of a route is delivered, first to last."""
    return {
        order_id: stop.arrival for stop in draft.stops if stop.kind is StopKind.DROPOFF for order_id in stop.order_ids
    }
