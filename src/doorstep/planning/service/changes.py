"""Changes by hand: what is asked for, what it would come to, and its faults in words. Pure."""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from doorstep.fleets.reads import PlanningShift
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.ids import public_id
from doorstep.orders.reads import PlanningOrder
from doorstep.planning.model import PlanChangeKind, StopKind
from doorstep.planning.service.preparing import Present
from doorstep.planning.service.problems import Question
from doorstep.planning.service.proposals import DraftRoute
from doorstep.planning.solver.errors import Rule
from doorstep.planning.solver.handwork import Fault, Timed

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Take:
    """An order off the route that it is on; `if_version` is that route's. The path is the order's place in the input."""

    order_id: UUID
    if_version: int | None
    path: Path
    version_path: Path


@dataclass(frozen=True, slots=True)
class Put:
    """An order onto a route (None: the one that it was taken off; `beside`: the one that this order was taken off).

    `position` counts the open stops at customers that come before; None: where it costs least.
    """

    order_id: UUID
    path: Path
    route_id: UUID | None = None
    beside: UUID | None = None
    position: int | None = None
    if_version: int | None = None
    route_path: Path = ()
    version_path: Path = ()
    position_path: Path = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What is wanted: first all orders are taken, then put. An order that is put and not taken must be on no route."""

    takes: tuple[Take, ...] = ()
    puts: tuple[Put, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One route of a change: as it is and as it is to become. `draft` is None when it keeps nobody and was not begun."""

    present: Present
    shift: PlanningShift
    before: Timed
    after: Timed
    faults: tuple[Fault, ...]
    sums_before: dict[str, Any]
    sums_after: dict[str, Any]
    draft: DraftRoute | None

    @property
    def changed(self) -> bool:
        """Whether anything is different after it."""
        return self.after is not self.before

    @property
    def route_id(self) -> UUID:
        """The route's id."""
        route_id: UUID = self.present.route["id"]
        return route_id


@dataclass(slots=True)
class Weighed:
    """What `weigh` found: a refusal, or each route as it would become, and the orders that leave and come, by route."""

    refusal: DoorstepError | None = None
    sides: list[Side] = field(default_factory=list)
    orders: dict[UUID, PlanningOrder] = field(default_factory=dict)
    question: Question | None = None
    leaving: dict[UUID, UUID] = field(default_factory=dict)
    coming: dict[UUID, UUID] = field(default_factory=dict)
    order_paths: dict[UUID, Path] = field(default_factory=dict)

    @property
    def feasible(self) -> bool:
        """Whether it may be carried out."""
        return self.refusal is None and not any(side.faults for side in self.sides)


# ── in words ────────────────────────────────────────────────────────────────────────────────────────────

_WORDS: Final = {
    Rule.WINDOW: "{order} would be reached {excess} s after its window",
    Rule.CAPACITY: "the vehicle would carry more than it can",
    Rule.COMPARTMENT: "the vehicle has not the compartment that {order} must travel in",
    Rule.SKILL: "driver and vehicle lack a skill that {order} requires",
    Rule.VEHICLE_KIND: "{order} may not go by this kind of vehicle",
    Rule.DEPOT: "the shift does not start at the depot of {order}",
    Rule.PINNED: "{order} lies in another vehicle",
    Rule.UNREACHABLE: "no road leads to {order}",
    Rule.SHIFT: "the route would end {excess} s after the shift",
    Rule.BREAK: "a break could not be taken as the shift wants it",
    Rule.MAX_STOPS: "the route would have {excess} stops more than the shift allows",
    Rule.MAX_DISTANCE: "the route would be {excess} m longer than shift and vehicle allow",
    Rule.MAX_DRIVING: "the driver would be at the wheel {excess} s longer than the shift allows",
}


def fault_words(side: Side, fault: Fault) -> str:
    """A fault as a sentence for people."""
    order = f"order {public_id('order', UUID(fault.order_id))}" if fault.order_id else "a stop"
    said = _WORDS[fault.rule].format(order=order, excess=fault.excess)
    return f"On route {public_id('route', side.route_id)} {said}."


def faults_as_refusals(weighed: Weighed) -> list[DoorstepError]:
    """The faults of a change as refusals, for whoever wants to carry it out all the same."""
    path = next(iter(weighed.order_paths.values()), ())
    return [
        DoorstepError(
            ProblemCode.TOO_LARGE_FOR_FLEET if fault.rule is Rule.CAPACITY else ProblemCode.NOT_PLANNABLE,
            fault_words(side, fault),
            weighed.order_paths.get(UUID(fault.order_id), path) if fault.order_id else path,
            existing_id=public_id("order", UUID(fault.order_id)) if fault.order_id else None,
        )
        for side in weighed.sides
        for fault in side.faults
    ]


# ── who is moved ────────────────────────────────────────────────────────────────────────────────────────


def changes_of(weighed: Weighed) -> list[dict[str, Any]]:
    """The orders for which something is different, by id, in the form of ``comparing.first_changes``."""
    before: dict[UUID, dict[str, Any]] = {}
    after: dict[UUID, dict[str, Any]] = {}
    for side in weighed.sides:
        at = {"route": side.route_id, "shift": side.shift.id}
        for stop in side.present.free:
            if stop["kind"] == StopKind.DROPOFF:
                arrival = stop["eta_at"] or stop["planned_arrival"]
                before |= {one: {**at, "arrival": arrival} for one in side.present.orders_of.get(stop["id"], ())}
        for draft in side.draft.stops if side.draft is not None else ():
            if draft.kind is StopKind.DROPOFF:
                after |= {one: {**at, "arrival": draft.arrival} for one in draft.order_ids}
    rows = [_change(one, before.get(one, {}), after.get(one, {})) for one in sorted(before.keys() | after.keys())]
    return [row for row in rows if row["kind"] is not None]


def _change(order_id: UUID, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    kind: PlanChangeKind | None = None
    if not before:
        kind = PlanChangeKind.ASSIGNED
    elif not after:
        kind = PlanChangeKind.UNASSIGNED
    elif before["route"] != after["route"]:
        kind = PlanChangeKind.MOVED
    elif before["arrival"] != after["arrival"]:
        kind = PlanChangeKind.RETIMED
    names = ("route", "shift", "arrival")
    return {
        "id": order_id,
        "kind": kind,
        **{f"{name}_before": before.get(name) for name in names},
        **{f"{name}_after": after.get(name) for name in names},
    }
