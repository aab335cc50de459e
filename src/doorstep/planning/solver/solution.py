"""What the solver answers: routes of timed steps, the ids that stayed unassigned, and sums that can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from doorstep.planning.solver.load import Load
from doorstep.planning.solver.problem import Break, Costs, Order, PickupDelivery, Window


class StepKind(StrEnum):
    """What happens at a step."""

    START = "START"
    PICKUP = "PICKUP"
    DELIVERY = "DELIVERY"
    BREAK = "BREAK"
    RELOAD = "RELOAD"
    END = "END"


@dataclass(frozen=True, slots=True)
class Step:
    """One event on a route; times are seconds since the problem's epoch.

    `arrival` + `waiting_seconds` = `service_start`; `service_start` + `service_seconds` = `departure`. `leg_seconds`
    and `leg_meters` lead from the step before to this one. A BREAK has no location and can lie within a leg: the leg's
    seconds are then told in parts, its metres all at the step with the next location. At a RELOAD, which is at the
    vehicle's start, the next tour is loaded: START and RELOAD take what is delivered until the next one and was not picked
    up on the way. START has no leg; a route with an open end has no END. `late_seconds` is above 0 only for orders that may be late (on board, or with grace): how long after
    the last window that was over service begins.
    """

    kind: StepKind
    location: int | None
    arrival: int
    service_start: int
    departure: int
    leg_seconds: int
    leg_meters: int
    load_after: Load
    order_id: str | None = None
    break_id: str | None = None
    late_seconds: int = 0

    @property
    def waiting_seconds(self) -> int:
        """Idle before the service begins."""
        return self.service_start - self.arrival

    @property
    def service_seconds(self) -> int:
        """Length of the service, or of the break."""
        return self.departure - self.service_start


@dataclass(frozen=True, slots=True)
class Summary:
    """Sums of one route or of a whole solution.

    `late_orders` are those with a late step. `duration_seconds` = driving + service + waiting + breaks. `cost` (minor units) = fixed + hours without breaks ×
    hourly + kilometres × per kilometre (rounded once for each route) + tasks × per task.
    """

    cost: int = 0
    distance_meters: int = 0
    duration_seconds: int = 0
    driving_seconds: int = 0
    service_seconds: int = 0
    waiting_seconds: int = 0
    break_seconds: int = 0
    late_seconds: int = 0
    routes: int = 0
    tasks: int = 0
    orders: int = 0
    late_orders: int = 0

    def __add__(self, other: Summary) -> Summary:
        return Summary(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Route:
    """What one vehicle shift does, from START to END."""

    vehicle_id: str
    steps: tuple[Step, ...]
    summary: Summary

    @property
    def order_ids(self) -> tuple[str, ...]:
        """The orders in the sequence of their deliveries."""
        return tuple(s.order_id for s in self.steps if s.kind is StepKind.DELIVERY and s.order_id is not None)


@dataclass(frozen=True, slots=True)
class Solution:
    """Routes of the vehicles that are used and ids of the orders left out, each in the problem's order."""

    routes: tuple[Route, ...]
    unassigned: tuple[str, ...]
    summary: Summary
    route_by_vehicle: Mapping[str, Route] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "route_by_vehicle", {route.vehicle_id: route for route in self.routes})


def summarize_route(steps: Iterable[Step], costs: Costs) -> Summary:
    """The sums of one route's steps."""
    driving = meters = service = waiting = pause = late = tasks = orders = 0
    tardy: set[str | None] = set()
    for step in steps:
        driving += step.leg_seconds
        meters += step.leg_meters
        waiting += step.waiting_seconds
        late += step.late_seconds
        tardy |= {step.order_id} if step.late_seconds else set()
        if step.kind is StepKind.BREAK:
            pause += step.service_seconds
        else:
            service += step.service_seconds
        tasks += step.kind in (StepKind.PICKUP, StepKind.DELIVERY)
        orders += step.kind is StepKind.DELIVERY
    paid = driving + service + waiting
    cost = costs.fixed + tasks * costs.per_task
    cost += round((paid * costs.per_hour * 1000 + meters * costs.per_kilometer * 3600) / 3_600_000)
    return Summary(
        cost=cost,
        distance_meters=meters,
        duration_seconds=paid + pause,
        driving_seconds=driving,
        service_seconds=service,
        waiting_seconds=waiting,
        break_seconds=pause,
        late_seconds=late,
        routes=1,
        tasks=tasks,
        orders=orders,
        late_orders=len(tardy),
    )


def total(routes: Iterable[Route]) -> Summary:
    """The sums over all routes."""
    result = Summary()
    for route in routes:
        result = result + route.summary
    return result


def loaded_at_start(orders: Iterable[Order]) -> Load:
    """What lies in the vehicle when it leaves: all orders of its route but those that are picked up on the way."""
    load = Load()
    for order in {order.id: order for order in orders if not isinstance(order, PickupDelivery)}.values():
        load = load + order.load
    return load


def promised(order: Order, kind: StepKind) -> tuple[Window, ...]:
    """The windows that the order was promised at this step, whatever grace or a late parcel open beyond them."""
    if isinstance(order, PickupDelivery):
        return order.pickup.windows if kind is StepKind.PICKUP else order.delivery.windows
    return order.windows


def late_seconds(order: Order | None, kind: StepKind, service_start: int) -> int:
    """How long after its promised windows an order is served; 0 inside one, and before the first."""
    windows = () if order is None else promised(order, kind)
    if any(w.start <= service_start <= w.end for w in windows):
        return 0
    return min((service_start - w.end for w in windows if w.end < service_start), default=0)


def needed(pause: Break, route_start: int, route_end: int) -> bool:
    """Whether a route over this time must contain the break: not if it is over before the break has to begin, nor if
    the break can be over before it starts."""
    return route_end > max(w.end for w in pause.windows) and (
        route_start < min(w.start for w in pause.windows) + pause.duration_seconds
    )
