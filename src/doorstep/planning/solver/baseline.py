"""The same orders without optimization: each, as it came in, goes to the nearest vehicle that can still take it.

A vehicle that may make several tours comes back for more when nothing else fits. This is what a dispatcher does who plans order by order. The difference between its sums and the plan's is the saving.
"""

from __future__ import annotations

from doorstep.planning.solver.load import Load
from doorstep.planning.solver.problem import Delivery, OnBoard, Order, Problem, VehicleShift, visits
from doorstep.planning.solver.schedule import Tour, begin, reloaded, serve, timed
from doorstep.planning.solver.sequence import Act, reload_of
from doorstep.planning.solver.solution import Route, Solution, StepKind, total
from doorstep.planning.solver.travel import UNREACHABLE, Travel
from doorstep.planning.solver.unassigned import candidates, demands_unmet, loads_aboard


def baseline(problem: Problem) -> Solution:
    """Serve the orders in the sequence in which the problem lists them, those already on board first.

    Nearest means the shortest drive from where the vehicle's last stop is. Never fails: what fits nowhere is unassigned.
    """
    travel = Travel(problem)
    tours = {v.id: begin(v, travel.of(v), v.window.start) for v in problem.vehicles}
    aboard = loads_aboard(problem)
    unassigned: set[str] = set()
    for order in sorted(problem.orders, key=lambda o: not isinstance(o, OnBoard)):
        for vehicle in _nearest_first(problem, tours, order):
            longer = None
            if not demands_unmet(order, vehicle, aboard.get(vehicle.id, Load())):
                longer = serve(tours[vehicle.id], order) or _after_reload(tours[vehicle.id], order)
            if longer is not None:
                tours[vehicle.id] = longer
                break
        else:
            unassigned.add(order.id)
    routes = tuple(_route(tours[vehicle.id]) for vehicle in problem.vehicles if tours[vehicle.id].orders)
    left = tuple(order.id for order in problem.orders if order.id in unassigned)
    return Solution(routes, left, total(routes))


def _nearest_first(problem: Problem, tours: dict[str, Tour], order: Order) -> list[VehicleShift]:
    place = visits(order)[0].location
    ways = []
    for vehicle in candidates(problem, order):
        tour = tours[vehicle.id]
        leg = int(tour.legs.seconds[tour.here, place])
        if leg != UNREACHABLE:
            ways.append((leg, vehicle))
    return [vehicle for _, vehicle in sorted(ways, key=lambda way: way[0])]


def _after_reload(tour: Tour, order: Order) -> Tour | None:
    back = reloaded(tour) if isinstance(order, Delivery) else None
    return None if back is None else serve(back, order)


def _route(tour: Tour) -> Route:
    known = {order.id: order for order in tour.orders}
    acts: list[Act] = []
    for step in tour.steps:
        if step.kind is StepKind.RELOAD:
            acts.append(reload_of(tour.vehicle))
        elif step.order_id is not None:
            acts.append(Act(step.kind, known[step.order_id]))
    route = timed(tour.vehicle, tour.legs, tuple(acts))
    if route is None:  # the very same sequence was accepted order by order
        raise RuntimeError(f"the baseline of {tour.vehicle.id} cannot be repeated")
    return route
