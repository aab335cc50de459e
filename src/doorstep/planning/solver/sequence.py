"""What a vehicle does, act by act: the sequence of a route without its times (those are `schedule`'s)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from doorstep.planning.solver.load import Load
from doorstep.planning.solver.problem import (
    Break,
    Delivery,
    OnBoard,
    Order,
    PickupDelivery,
    VehicleShift,
    Visit,
    visits,
)
from doorstep.planning.solver.solution import Route, StepKind, loaded_at_start


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a vehicle does: PICKUP or DELIVERY of an order, a BREAK of the vehicle's, or a RELOAD at a place."""

    kind: StepKind
    order: Order | None = None
    pause: Break | None = None
    place: Visit | None = None

    @property
    def visit(self) -> Visit:
        """Where and how long; not of a break."""
        if self.place is not None:
            return self.place
        if self.order is None:
            raise ValueError("a break has no place")
        return visits(self.order)[0 if self.kind is StepKind.PICKUP else -1]


Acts = tuple[Act, ...]


def acts_of(order: Order) -> Acts:
    """What an order asks for, in sequence."""
    delivery = Act(StepKind.DELIVERY, order)
    return (Act(StepKind.PICKUP, order), delivery) if isinstance(order, PickupDelivery) else (delivery,)


def acts_of_route(route: Route, vehicle: VehicleShift, orders: Mapping[str, Order]) -> Acts:
    """The sequence of a route that an engine found."""
    pauses = {pause.id: pause for pause in vehicle.breaks}
    acts: list[Act] = []
    for step in route.steps:
        if step.break_id is not None:
            acts.append(Act(StepKind.BREAK, pause=pauses[step.break_id]))
        elif step.kind is StepKind.RELOAD:
            acts.append(reload_of(vehicle))
        elif step.order_id is not None:
            acts.append(Act(step.kind, orders[step.order_id]))
    return tuple(acts)


def orders_of(acts: Acts) -> tuple[Order, ...]:
    """The orders of a sequence, each once."""
    return tuple({act.order.id: act.order for act in acts if act.order is not None}.values())


def tasks_of(acts: Acts) -> Acts:
    """The sequence without its breaks."""
    return tuple(act for act in acts if act.pause is None)


def without(acts: Acts, order_id: str) -> Acts:
    """The sequence without an order, nor the reload that was for it alone."""
    kept = tuple(act for act in acts if act.order is None or act.order.id != order_id)
    return kept if len(kept) == len(acts) else joined(tours_of(kept))


def reload_of(vehicle: VehicleShift) -> Act:
    """The vehicle comes back to its start and loads its next tour."""
    return Act(StepKind.RELOAD, place=Visit(vehicle.start, vehicle.reload_seconds))


def tours_of(acts: Acts) -> list[Acts]:
    """The sequence in its tours; each but the first begins with its RELOAD."""
    tours: list[list[Act]] = [[]]
    for act in acts:
        if act.kind is StepKind.RELOAD:
            tours.append([])
        tours[-1].append(act)
    return [tuple(tour) for tour in tours]


def joined(tours: Iterable[Acts], reload: Act | None = None) -> Acts:
    """Tours one after the other, each but the first with its RELOAD or else `reload`; but for a tour for which nothing is
    loaded the vehicle does not come back."""
    acts: list[Act] = []
    for tour in tours:
        rest = tuple(act for act in tour if act.kind is not StepKind.RELOAD)
        again = tour[0] if len(rest) < len(tour) else reload
        if (
            again is not None
            and any(act.order for act in acts)
            and any(isinstance(act.order, Delivery) for act in rest)
        ):
            acts.append(again)
        acts += rest
    return tuple(acts)


def loads(acts: Acts) -> list[Load]:
    """What lies in the vehicle at the start and after each act."""
    return carried([(act.kind, act.order) for act in acts])


def carried(done: Sequence[tuple[StepKind, Order | None]]) -> list[Load]:
    """What lies in the vehicle before the first of these and after each of them; what is loaded, for the tour that begins,
    is what that tour delivers and is not picked up or aboard already."""
    taken: list[Load] = [Load()]
    for kind, order in done:
        if kind is StepKind.RELOAD:
            taken.append(Load())
        elif isinstance(order, Delivery):
            taken[-1] = taken[-1] + order.load
    aboard = loaded_at_start(order for _, order in done if isinstance(order, OnBoard))
    load, tour = taken[0] + aboard, 0
    result = [load]
    for kind, order in done:
        if kind is StepKind.RELOAD:
            tour += 1
            load = load + taken[tour]
        elif order is not None:
            load = load + order.load if kind is StepKind.PICKUP else load - order.load
        result.append(load)
    return result
