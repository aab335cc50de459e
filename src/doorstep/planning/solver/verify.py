"""Our own evaluation of a solution: every rule of the problem, replayed step by step.

It reads only the problem and the steps, and shares nothing with the translation to an engine but the whole-second legs;
so an engine that ignores a rule, a translation that forgets one and an answer that was damaged are all caught here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from doorstep.planning.solver.errors import Rule, SolutionRejectedError, Violation
from doorstep.planning.solver.load import Load
from doorstep.planning.solver.problem import (
    Delivery,
    OnBoard,
    Order,
    PickupDelivery,
    Problem,
    VehicleShift,
    Visit,
    Window,
    visits,
)
from doorstep.planning.solver.relations import broken
from doorstep.planning.solver.solution import (
    Route,
    Solution,
    Step,
    StepKind,
    loaded_at_start,
    needed,
    summarize_route,
    total,
)
from doorstep.planning.solver.travel import UNREACHABLE, Legs, Travel

TASKS = (StepKind.PICKUP, StepKind.DELIVERY)


def verify(problem: Problem, solution: Solution) -> None:
    """Raise `SolutionRejectedError` with every violation, or return when there is none."""
    found = violations(problem, solution)
    if found:
        raise SolutionRejectedError(found)


def violations(problem: Problem, solution: Solution) -> tuple[Violation, ...]:
    """Every broken rule of `solution`, in the order of its routes."""
    return (*_whole_solution(problem, solution), *route_violations(problem, Travel(problem), solution.routes))


def route_violations(problem: Problem, travel: Travel, routes: Iterable[Route]) -> tuple[Violation, ...]:
    """Every broken rule inside `routes`, whatever the rest of the solution."""
    found: list[Violation] = []
    for route in routes:
        vehicle = problem.vehicle_by_id.get(route.vehicle_id)
        if vehicle is None:
            found.append(Violation(Rule.VEHICLE, "there is no such vehicle shift", route.vehicle_id))
        else:
            found += _Replay(problem, vehicle, travel.of(vehicle), route).run()
    return tuple(found)


def _whole_solution(problem: Problem, solution: Solution) -> list[Violation]:
    found: list[Violation] = []
    routes = Counter(route.vehicle_id for route in solution.routes)
    found += [Violation(Rule.VEHICLE, f"has {n} routes", vehicle_id) for vehicle_id, n in routes.items() if n > 1]
    delivered = Counter(order_id for route in solution.routes for order_id in route.order_ids)
    mentioned = delivered + Counter(solution.unassigned)
    for order in problem.orders:
        if mentioned[order.id] != 1:
            message = f"is delivered or unassigned {mentioned[order.id]} times, not once"
            found.append(Violation(Rule.ORDER_ONCE, message, order_id=order.id))
    for order_id in mentioned.keys() - problem.order_by_id.keys():
        found.append(Violation(Rule.ORDER_ONCE, "there is no such order", order_id=order_id))
    by_vehicle = {route.vehicle_id: route.order_ids for route in solution.routes}
    for relation, message in broken(problem.relations, by_vehicle):
        found.append(Violation(Rule.RELATION, f"{relation.kind}: {message}", order_id=relation.order_ids[0]))
    if solution.summary != total(solution.routes):
        found.append(Violation(Rule.SUMMARY, "the sums of the routes are not those of the solution"))
    return found


@dataclass(slots=True)
class _Replay:
    """Drives one route again and notes what does not hold."""

    problem: Problem
    vehicle: VehicleShift
    legs: Legs
    route: Route
    found: list[Violation] = field(default_factory=list)

    def run(self) -> list[Violation]:
        if not self._shape_holds():
            return self.found
        self._check_times()
        self._check_travel()
        self._check_breaks()
        self._check_orders()
        self._check_loads()
        self._check_limits()
        if self.route.summary != summarize_route(self.route.steps, self.vehicle.costs):
            self._note(Rule.SUMMARY, "the sums of the steps are not those of the route")
        return self.found

    def _note(self, rule: Rule, message: str, order_id: str | None = None) -> None:
        self.found.append(Violation(rule, message, self.vehicle.id, order_id))

    def _order(self, step: Step) -> Order | None:
        return self.problem.order_by_id.get(step.order_id) if step.order_id is not None else None

    def _visit(self, step: Step) -> Visit:
        order = self._order(step)
        if order is None:
            return Visit(-1)
        return visits(order)[0 if step.kind is StepKind.PICKUP else -1]

    def _shape_holds(self) -> bool:
        steps, vehicle = self.route.steps, self.vehicle
        inner = steps[1:] if vehicle.end is None else steps[1:-1]
        if not steps or steps[0].kind is not StepKind.START or steps[0].location != vehicle.start:
            self._note(Rule.SHAPE, "does not begin where the vehicle starts")
        elif vehicle.end is not None and (steps[-1].kind is not StepKind.END or steps[-1].location != vehicle.end):
            self._note(Rule.SHAPE, "does not end where the vehicle ends")
        elif any(step.kind in (StepKind.START, StepKind.END) for step in inner):
            self._note(Rule.SHAPE, "starts or ends in the middle")
        elif not any(step.kind in TASKS for step in inner):
            self._note(Rule.SHAPE, "serves nobody")
        for step in inner:
            self._check_place(step)
        return not self.found

    def _check_place(self, step: Step) -> None:
        if step.kind is StepKind.BREAK:
            if step.location is not None or step.break_id not in {pause.id for pause in self.vehicle.breaks}:
                self._note(Rule.BREAK, f"the vehicle has no break {step.break_id!r}")
        elif step.kind is StepKind.RELOAD:
            if step.location != self.vehicle.start or step.order_id is not None:
                self._note(Rule.SHAPE, "loads anew where the vehicle does not start")
        elif self._order(step) is None:
            self._note(Rule.ORDER_ONCE, "serves an order that does not exist", step.order_id)
        elif step.kind is StepKind.PICKUP and not isinstance(self._order(step), PickupDelivery):
            self._note(Rule.SHAPE, "picks up an order that has no pickup", step.order_id)
        elif step.location != self._visit(step).location:
            self._note(Rule.SHAPE, "is served at another place than its own", step.order_id)

    def _check_times(self) -> None:
        steps, shift = self.route.steps, self.vehicle.window
        if steps[0].arrival < shift.start or steps[-1].departure > shift.end:
            self._note(Rule.SHIFT, f"lasts from {steps[0].arrival} to {steps[-1].departure}, outside the shift")
        before: Step | None = None
        here = self.vehicle.start
        for step in steps:
            if before is not None and step.arrival != before.departure + step.leg_seconds:
                self._note(Rule.TIMES, "arrives at another time than the leg takes", step.order_id)
            if step.waiting_seconds < 0 or step.leg_seconds < 0 or step.leg_meters < 0:
                self._note(Rule.TIMES, "has a negative wait or leg", step.order_id)
            if step.kind in TASKS:
                self._check_service(step, here)
            elif step.kind is StepKind.RELOAD:
                if step.service_seconds != self.vehicle.reload_seconds:
                    self._note(Rule.TIMES, f"loads anew for {step.service_seconds} s")
            elif step.kind is not StepKind.BREAK and step.departure != step.arrival:
                self._note(Rule.TIMES, f"{step.kind} takes time")
            before = step
            here = here if step.location is None else step.location

    def _check_service(self, step: Step, here: int) -> None:
        visit = self._visit(step)
        expected = visit.stay(self.vehicle.kind, here)
        if step.service_seconds != expected:
            message = f"is served for {step.service_seconds} s, not {expected} s"
            self._note(Rule.TIMES, message, step.order_id)
        self._check_window(step)

    def _check_window(self, step: Step) -> None:
        """Service begins in a window, or as late as the order may be; goods on board are brought however late it is."""
        order = self._order(step)
        if order is None:
            return
        windows = _promise(order, step.kind)
        over = [step.service_start - window.end for window in windows if window.end < step.service_start]
        late = min(over) if over and not _inside(windows, step.service_start) else 0
        if step.late_seconds != late:
            self._note(Rule.TIMES, f"is not {step.late_seconds} s late", step.order_id)
        if not windows or _inside(windows, step.service_start):
            return
        if not late or (not isinstance(order, OnBoard) and late > order.grace_seconds):
            self._note(Rule.WINDOW, f"is served at {step.service_start}, in none of its windows", step.order_id)

    def _check_travel(self) -> None:
        here = self.vehicle.start
        seconds = meters = 0
        for step in self.route.steps:
            seconds += step.leg_seconds
            meters += step.leg_meters
            if step.location is None:
                continue
            expected = int(self.legs.seconds[here, step.location]), int(self.legs.meters[here, step.location])
            if expected[0] == UNREACHABLE:
                self._note(Rule.UNREACHABLE, f"there is no way from {here} to {step.location}", step.order_id)
            elif (seconds, meters) != expected:
                message = f"from {here} to {step.location} takes {expected}, not {(seconds, meters)} seconds and metres"
                self._note(Rule.TRAVEL, message, step.order_id)
            here, seconds, meters = step.location, 0, 0
        if seconds or meters:
            self._note(Rule.TRAVEL, "drives on after the last place")

    def _check_breaks(self) -> None:
        steps = self.route.steps
        taken = Counter(step.break_id for step in steps if step.kind is StepKind.BREAK)
        for pause in self.vehicle.breaks:
            if taken[pause.id] > 1:
                self._note(Rule.BREAK, f"takes break {pause.id!r} twice")
            elif not taken[pause.id] and needed(pause, steps[0].departure, steps[-1].arrival):
                self._note(Rule.BREAK, f"leaves out break {pause.id!r}")
        for step in steps:
            for pause in self.vehicle.breaks if step.kind is StepKind.BREAK else ():
                if pause.id != step.break_id:
                    continue
                if step.service_seconds != pause.duration_seconds or not _inside(pause.windows, step.service_start):
                    self._note(Rule.BREAK, f"takes break {pause.id!r} outside its windows or for another time")
                if pause.max_load is not None and not _at_most(step.load_after, pause.max_load):
                    self._note(Rule.BREAK, f"takes break {pause.id!r} with {_words(step.load_after)}")

    def _check_orders(self) -> None:
        at = {kind: Counter(s.order_id for s in self.route.steps if s.kind is kind) for kind in TASKS}
        aboard: set[str] = set()
        for step in self.route.steps:
            order = self._order(step)
            if order is None:
                continue
            if step.kind is StepKind.PICKUP:
                aboard.add(order.id)
                if at[StepKind.PICKUP][order.id] != 1 or at[StepKind.DELIVERY][order.id] != 1:
                    self._note(Rule.PRECEDENCE, "is not picked up and delivered once each", order.id)
                continue
            if isinstance(order, PickupDelivery) and order.id not in aboard:
                self._note(Rule.PRECEDENCE, "is delivered before it is picked up", order.id)
            self._check_demands(order)

    def _check_demands(self, order: Order) -> None:
        vehicle = self.vehicle
        if isinstance(order, OnBoard):
            if order.vehicle != vehicle.id:
                self._note(Rule.PINNED, f"lies in {order.vehicle!r}", order.id)
            return
        if order.vehicles and vehicle.id not in order.vehicles:
            self._note(Rule.PINNED, "belongs to another vehicle", order.id)
        missing = order.skills - vehicle.skills
        if missing:
            self._note(Rule.SKILL, f"the vehicle lacks {', '.join(sorted(missing))}", order.id)
        lacked = vehicle.capacity.lacks(order.load)
        if lacked:
            self._note(Rule.COMPARTMENT, f"the vehicle has no {', '.join(sorted(lacked))}", order.id)
        if order.vehicle_kinds and vehicle.kind not in order.vehicle_kinds:
            self._note(Rule.VEHICLE_KIND, f"does not go with a {vehicle.kind}", order.id)
        if isinstance(order, Delivery) and order.depot not in (None, vehicle.start):
            self._note(Rule.DEPOT, "lies at a depot where the vehicle does not start", order.id)

    def _check_loads(self) -> None:
        """At the start lies in the vehicle what was aboard and its first tour; what is loaded later comes to what is left."""
        waiting = self._loaded_for_tours()
        if not all(waiting[1:]):
            self._note(Rule.SHAPE, "loads anew, and nothing for that tour")
        orders = [self._order(step) for step in self.route.steps]
        load = loaded_at_start([*waiting.pop(0), *(order for order in orders if isinstance(order, OnBoard))])
        for step, order in zip(self.route.steps, orders, strict=True):
            if step.kind is StepKind.RELOAD:
                load = load + loaded_at_start(waiting.pop(0))
            elif order is not None:
                load = load + order.load if step.kind is StepKind.PICKUP else load - order.load
            if step.load_after != load:
                self._note(Rule.LOAD, f"carries {load}, not {step.load_after}", step.order_id)
            if load.least < 0 or not self.vehicle.capacity.holds(load):
                self._note(Rule.CAPACITY, f"carries {_words(load)}", step.order_id)

    def _loaded_for_tours(self) -> list[list[Order]]:
        """The depot's orders that each tour brings."""
        tours: list[list[Order]] = [[]]
        for step in self.route.steps:
            order = self._order(step)
            if step.kind is StepKind.RELOAD:
                tours.append([])
            elif isinstance(order, Delivery):
                tours[-1].append(order)
        return tours

    def _check_limits(self) -> None:
        steps, vehicle = self.route.steps, self.vehicle
        sums = (
            (Rule.MAX_TOURS, vehicle.max_tours, 1 + sum(step.kind is StepKind.RELOAD for step in steps)),
            (Rule.MAX_STOPS, vehicle.max_stops, sum(step.kind in TASKS for step in steps)),
            (Rule.MAX_DISTANCE, vehicle.max_distance_meters, sum(step.leg_meters for step in steps)),
            (Rule.MAX_DRIVING, vehicle.max_driving_seconds, sum(step.leg_seconds for step in steps)),
        )
        for rule, limit, value in sums:
            if limit is not None and value > limit:
                self._note(rule, f"{value} where at most {limit} is allowed")


def _promise(order: Order, kind: StepKind) -> tuple[Window, ...]:
    if isinstance(order, PickupDelivery):
        return (order.pickup if kind is StepKind.PICKUP else order.delivery).windows
    return order.windows


def _at_most(load: Load, most: Load) -> bool:
    return load.weight_grams <= most.weight_grams and load.volume_cm3 <= most.volume_cm3 and load.items <= most.items


def _inside(windows: tuple[Window, ...], moment: int) -> bool:
    return any(window.start <= moment <= window.end for window in windows)


def _words(load: Load) -> str:
    parts = "".join(
        f", of that {part.weight_grams} g, {part.volume_cm3} cm³, {part.items} items {name}"
        for name, part in load.compartments
    )
    return f"{load.weight_grams} g, {load.volume_cm3} cm³, {load.items} items{parts}, which does not fit"
