"""What a vehicle does, act by act: the sequence of a route without its times (those are `schedule`'s)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from doorstep.planning.solver.problem import Break, Load, Order, PickupDelivery, VehicleShift, Visit, visits
from doorstep.planning.solver.solution import Route, StepKind, loaded_at_start


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a vehicle does: PICKUP or DELIVERY of an order, or a BREAK of the vehicle's."""

    kind: StepKind
    order: Order | None = None
    pause: Break | None = None

    @property
    def visit(self) -> Visit:
        """Where and how long; only of an order's act."""
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
        elif step.order_id is not None:
            acts.append(Act(step.kind, orders[step.order_id]))
    return tuple(acts)


def orders_of(acts: Acts) -> tuple[Order, ...]:
    """The orders of a sequence, each once."""
    return tuple({act.order.id: act.order for act in acts if act.order is not None}.values())


def tasks_of(acts: Acts) -> Acts:
    """The sequence without its breaks."""
    return tuple(act for act in acts if act.order is not None)


def without(acts: Acts, order_id: str) -> Acts:
    """The sequence without an order."""
    return tuple(act for act in acts if act.order is None or act.order.id != order_id)


def loads(acts: Acts) -> list[Load]:
    """What lies in the vehicle at the start and after each act."""
    load = loaded_at_start(orders_of(acts))
    result = [load]
    for act in acts:
        if act.order is not None:
            load = load + act.order.load if act.kind is StepKind.PICKUP else load - act.order.load
        result.append(load)
    return result
