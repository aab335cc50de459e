"""What a plan must keep to beyond its orders and shifts: orders pinned to a shift or a time, and relations between orders.

Checked when the plan is created, stored in its options, read by its job and wherever its proposal is looked into. They bind the
plan's optimization only: once committed, a person may move an order by hand to wherever it holds by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from doorstep.fleets.reads import PlanningShift
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.time import TimeWindow
from doorstep.orders.reads import PlanningOrder
from doorstep.planning.model import PlanRelationKind
from doorstep.planning.solver.relations import Relation, RelationKind, contradictions, units

MOST_PINS: Final = 250
MOST_RELATIONS: Final = 100
MOST_RELATED: Final = 20
"""Orders of one relation."""
PIN_TOLERANCE: Final = timedelta(minutes=5)
"""So much earlier or later than the instant that it is pinned to an order may be served."""


@dataclass(frozen=True, slots=True)
class Pin:
    """An order that only this shift may take, or that is to be delivered at this instant (UTC), or both."""

    order_id: UUID
    shift_id: UUID | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderRelation:
    """Orders that belong together, apart or one after the other."""

    kind: PlanRelationKind
    order_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Ties:
    """A plan's pins by order, and its relations as the solver has them."""

    shifts: Mapping[UUID, UUID] = field(default_factory=dict)
    times: Mapping[UUID, datetime] = field(default_factory=dict)
    relations: tuple[Relation, ...] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Ties":
        """From a plan's stored options."""
        return cls(
            shifts={UUID(order_id): UUID(shift_id) for order_id, shift_id in options.get("pins", {}).items()},
            times={
                UUID(order_id): datetime.fromisoformat(at) for order_id, at in options.get("pinned_times", {}).items()
            },
            relations=tuple(
                Relation(RelationKind(one["kind"]), tuple(one["order_ids"])) for one in options.get("relations", ())
            ),
        )

    def companions(self) -> list[list[UUID]]:
        """The orders that one route must take."""
        return [[UUID(order_id) for order_id in unit] for unit in units(self.relations)]

    def narrowed(self, order: PlanningOrder) -> PlanningOrder | None:
        """The order with what its pinned time leaves of its delivery windows; None when that is nothing."""
        at = self.times.get(order.id)
        if at is None:
            return order
        windows = _around(at, order.dropoff.windows)
        return replace(order, dropoff=replace(order.dropoff, windows=windows)) if windows else None


def ties_json(pins: Sequence[Pin], relations: Sequence[OrderRelation]) -> dict[str, Any]:
    """As they are stored in a plan's options; what is not asked for is not there."""
    stored = {
        "pins": {str(pin.order_id): str(pin.shift_id) for pin in pins if pin.shift_id is not None},
        "pinned_times": {str(pin.order_id): pin.at.isoformat() for pin in pins if pin.at is not None},
        "relations": [
            {"kind": one.kind.value, "order_ids": [str(order_id) for order_id in one.order_ids]} for one in relations
        ],
    }
    return {name: value for name, value in stored.items() if value}


def tie_faults(
    pins: Sequence[Pin],
    relations: Sequence[OrderRelation],
    orders: Mapping[UUID, PlanningOrder | None],
    shifts: Sequence[PlanningShift],
    now: datetime,
) -> list[DoorstepError]:
    """Why these ties cannot be kept whatever the plan: each is about the plan's ``orders`` (those with a pinned time in full) and
    ``shifts``, and none contradicts another."""
    faults: list[DoorstepError] = []
    if len(pins) > MOST_PINS:
        faults.append(DoorstepError(ProblemCode.TOO_MANY_ITEMS, f"Pin at most {MOST_PINS} orders.", ["pins"]))
    if len(relations) > MOST_RELATIONS:
        message = f"Give at most {MOST_RELATIONS} relations."
        faults.append(DoorstepError(ProblemCode.TOO_MANY_ITEMS, message, ["relations"]))
    known = {shift.id: shift for shift in shifts}
    seen: set[UUID] = set()
    for index, pin in enumerate(pins[:MOST_PINS]):
        faults += _pin_faults(index, pin, orders, known, seen)
        faults += _time_faults(index, pin, orders.get(pin.order_id), known, now)
        seen.add(pin.order_id)
    for index, relation in enumerate(relations[:MOST_RELATIONS]):
        faults += _relation_faults(index, relation, orders)
    return faults or list(_contradictions(pins, relations))


def _invalid(message: str, *path: str | int) -> DoorstepError:
    return DoorstepError(ProblemCode.INVALID_VALUE, message, path)


def _pin_faults(
    index: int, pin: Pin, orders: Mapping[UUID, Any], shifts: Mapping[UUID, PlanningShift], seen: set[UUID]
) -> Iterator[DoorstepError]:
    if pin.order_id not in orders:
        yield NotFound("order", ["pins", index, "orderId"])
    if pin.shift_id is not None and pin.shift_id not in shifts:
        yield NotFound("shift", ["pins", index, "shiftId"])
    if pin.shift_id is None and pin.at is None:
        message = "Say to what the order is pinned: a shift, an instant, or both."
        yield DoorstepError(ProblemCode.REQUIRED, message, ["pins", index, "shiftId"])
    if pin.order_id in seen:
        yield _invalid("The order is pinned twice; give its shift and its time in one pin.", "pins", index, "orderId")


def _time_faults(
    index: int, pin: Pin, order: PlanningOrder | None, shifts: Mapping[UUID, PlanningShift], now: datetime
) -> Iterator[DoorstepError]:
    at = pin.at
    if at is None:
        return
    mine = [shift for shift in shifts.values() if pin.shift_id in (None, shift.id)] or list(shifts.values())
    if at + PIN_TOLERANCE < now:
        yield _invalid("The instant is past.", "pins", index, "at")
    elif not any(shift.starts_at <= at <= shift.ends_at for shift in mine):
        yield _invalid("Nobody drives at this instant: it lies outside of the shift.", "pins", index, "at")
    elif order is not None and not _around(at, order.dropoff.windows):
        message = "The instant lies outside of the order's delivery windows: change them first (updateOrder)."
        yield _invalid(message, "pins", index, "at")


def _relation_faults(index: int, relation: OrderRelation, orders: Mapping[UUID, Any]) -> Iterator[DoorstepError]:
    count = len(relation.order_ids)
    if not 2 <= count <= MOST_RELATED:
        code = ProblemCode.TOO_MANY_ITEMS if count > MOST_RELATED else ProblemCode.INVALID_VALUE
        yield DoorstepError(code, f"A relation is about 2 to {MOST_RELATED} orders.", ["relations", index, "orderIds"])
    for number, order_id in enumerate(relation.order_ids[:MOST_RELATED]):
        if order_id not in orders:
            yield NotFound("order in this plan", ["relations", index, "orderIds", number])
        elif order_id in relation.order_ids[:number]:
            yield _invalid("The order is named twice.", "relations", index, "orderIds", number)


def _contradictions(pins: Sequence[Pin], relations: Sequence[OrderRelation]) -> Iterator[DoorstepError]:
    """Ties that exclude each other, of which each by itself is in order."""
    only = {str(pin.order_id): {str(pin.shift_id)} for pin in pins if pin.shift_id is not None}
    for index, message in contradictions(Ties.of(ties_json(pins, relations)).relations, only):
        yield _invalid(f"This cannot hold: {message}. Change the relation or the pins.", "relations", index)
    times = {pin.order_id: pin.at for pin in pins if pin.at is not None}
    for index, relation in enumerate(relations):
        at = [times[order_id] for order_id in relation.order_ids if order_id in times]
        wrong = any(later + PIN_TOLERANCE < earlier - PIN_TOLERANCE for earlier, later in pairwise(at))
        if wrong and relation.kind is PlanRelationKind.IN_SEQUENCE:
            message = "This cannot hold: by their pinned times the orders are delivered in another sequence. Change the relation or the pins."
            yield _invalid(message, "relations", index)


def _around(at: datetime, windows: Sequence[TimeWindow]) -> list[TimeWindow]:
    first, last = at - PIN_TOLERANCE, at + PIN_TOLERANCE
    if not windows:
        return [TimeWindow(first, last)]
    cut = ((max(window.start, first), min(window.end, last)) for window in windows)
    return [TimeWindow(start, end) for start, end in cut if start < end]
