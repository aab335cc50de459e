"""Orders put one by one into a route that keeps its locked stops at their places: a solver would plan it anew."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.planning.model import CUSTOMER_STOPS, StopKind
from doorstep.planning.service.by_hour import retimed
from doorstep.planning.service.problems import Question
from doorstep.planning.solver.handwork import Stop, place, time_stops, worsened
from doorstep.planning.solver.locking import keep_places
from doorstep.planning.solver.solution import Solution, StepKind
from doorstep.planning.solver.travel import Travel

_ACT: Final = {StopKind.PICKUP: StepKind.PICKUP, StopKind.DROPOFF: StepKind.DELIVERY}


def stops_at_customers(
    free: Sequence[Row], orders_of: Mapping[UUID, Sequence[UUID]]
) -> tuple[tuple[Stop, ...], frozenset[Stop]]:
    """Open stops at customers by sequence, as the solver knows them, and those of them that are locked."""
    stops: list[Stop] = []
    locked: set[Stop] = set()
    for stop in sorted(free, key=lambda one: (one["sequence"], one["id"])):
        if stop["kind"] not in CUSTOMER_STOPS:
            continue
        acts = tuple((_ACT[stop["kind"]], str(order_id)) for order_id in orders_of.get(stop["id"], ()))
        if acts:
            stops.append(acts)
        if acts and stop["locked"]:
            locked.add(acts)
    return tuple(stops), frozenset(locked)


def put_beside_locked(
    question: Question,
    shift_id: UUID,
    stops: tuple[Stop, ...],
    locked: Collection[Stop],
    order_ids: Sequence[UUID],
    *,
    waits: bool,
) -> Solution | None:
    """The route with the orders where each costs least behind the locked stops or between them; None when a rule would not hold, or hold less."""
    problem = question.problem
    if problem is None:
        return None
    vehicle = problem.vehicle_by_id[str(shift_id)]
    legs = Travel(problem).of(vehicle)
    longer = stops
    for order_id in order_ids:
        longer = place(
            problem, vehicle, legs, longer, str(order_id), allowed=lambda one: keep_places(stops, one, locked)
        )
    before = time_stops(problem, vehicle, legs, stops, waits=waits)
    after = time_stops(problem, vehicle, legs, longer, waits=waits)
    route = retimed(question, Solution((after.route,), (), after.route.summary)).routes[0]
    if worsened(before.faults, after.faults):
        return None
    return Solution((route,), (), route.summary)
