"""How soon: by when an order that waits shall be at its door, when it is time to give it away, and what is promised to those who have a courier.

The engine knows cost and hard windows; inside of a window one moment is as good to it as another. Who waits for a meal sees that otherwise. So an
order that is wanted soon gets as its window's end the earliest door that any courier could reach by going on from its last stop, and the engine finds
the cheapest way that is no later. What stays out (two orders had the same courier in mind) is tried again with patience, and at last at any time.
What has a courier comes no later for what is added, on board or not.

All times are seconds of the problem; nothing here reads or writes.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from doorstep.planning.solver.checks import MAX_TIME
from doorstep.planning.solver.problem import (
    Delivery,
    OnBoard,
    Order,
    PickupDelivery,
    Problem,
    VehicleShift,
    Window,
    visits,
)
from doorstep.planning.solver.solution import Solution, StepKind
from doorstep.planning.solver.travel import UNREACHABLE, Travel
from doorstep.planning.solver.warm import Visit

HURRY_SECONDS: Final = 3600
"""An order that may be brought for longer than this yet is in no hurry: for it the cheapest way within its window is right."""

PATIENCE: Final[tuple[int | None, ...]] = (0, 600, None)
"""How much later than the earliest door an order may be brought: run by run, until none is left out. None: at any time."""

SPARE_SECONDS: Final = 240
"""How much later an order that has a courier may be, for what is added."""

UNPROMISED_SECONDS: Final = 600
"""The same where it has no window: its time was told, and not promised."""

EARLY_SECONDS: Final = 180
"""An order is given away so long before its courier, with nothing else to do, must set off to be there when it is ready: by then another may be nearer."""

Routes = Mapping[str, Sequence[Visit]]
Solve = Callable[[Problem, Routes], Awaitable[Solution]]
"""Plans a problem from routes by vehicle."""


@dataclass(frozen=True, slots=True, order=True)
class Aim:
    """How long the courier that could be there first would have nothing to do before it set off for an order, and when the recipient would have it."""

    idle: int
    door: int


async def aim(
    problem: Problem, present: Routes, room: Mapping[str, int], fresh: Collection[str], solve: Solve
) -> tuple[Problem, Solution] | None:
    """Put those of the ``fresh`` orders that are due on the ``present`` routes, each as soon as can be; ``room`` is for so many more, by vehicle.

    Returns the solution with the problem that it solves; None: nothing is due.
    """
    waiting = {one for one in fresh if one in problem.order_by_id}
    outlook = Outlook(problem, present, room)
    aims = {one: outlook.of(problem.order_by_id[one]) for one in waiting}
    left = {one for one, found in aims.items() if found is None or found.idle <= EARLY_SECONDS}
    routes, answer = present, None
    for patience in PATIENCE:
        if not left or not outlook.has_room or (patience is not None and not any(aims[one] for one in left)):
            continue
        placed = {order_id for route in routes.values() for _, order_id in route}
        asked = [
            _wanted(order, aims[order.id], patience) if order.id in left else _promised(order, outlook)
            for order in problem.orders
            if order.id in left or order.id not in waiting or order.id in placed
        ]
        posed = replace(problem, orders=tuple(asked))
        answer = posed, await solve(posed, routes)
        routes = _visits_of(answer[1])
        left &= set(answer[1].unassigned)
        outlook = Outlook(problem, routes, _room_left(room, routes, waiting))
        aims = {one: outlook.of(problem.order_by_id[one]) for one in left}
    return answer


def _visits_of(solution: Solution) -> dict[str, list[Visit]]:
    return {
        route.vehicle_id: [(step.kind, step.order_id) for step in route.steps if step.order_id is not None]
        for route in solution.routes
    }


def _room_left(room: Mapping[str, int], routes: Routes, fresh: Collection[str]) -> dict[str, int]:
    taken = {name: len({order_id for _, order_id in route if order_id in fresh}) for name, route in routes.items()}
    return {name: most - taken.get(name, 0) for name, most in room.items()}


# ── what follows from the routes as they are ────────────────────────────────────────────────────────────


class Outlook:
    """When each order that is on a route is brought (``doors``), and how soon one that waits could be."""

    def __init__(self, problem: Problem, routes: Routes, room: Mapping[str, int]) -> None:
        self.doors: dict[str, int] = {}
        self._problem = problem
        self._travel = Travel(problem)
        self._able = [vehicle for vehicle in problem.vehicles if room.get(vehicle.id, 0) > 0]
        self._free = {vehicle.id: self._drive(vehicle, routes.get(vehicle.id, ())) for vehicle in problem.vehicles}

    @property
    def has_room(self) -> bool:
        """Whether anybody may have another order."""
        return bool(self._able)

    def _drive(self, vehicle: VehicleShift, route: Iterable[Visit]) -> tuple[int, int]:
        """When and where the vehicle is done."""
        seconds = self._travel.of(vehicle).seconds
        now, place = vehicle.window.start, vehicle.start
        for kind, order_id in route:
            order = self._problem.order_by_id.get(order_id)
            if order is None:
                continue
            visit = visits(order)[0 if kind is StepKind.PICKUP else -1]
            begin = max(now + int(seconds[place, visit.location]), _opens(visit.windows))
            if kind is StepKind.DELIVERY:
                self.doors[order_id] = begin
            now, place = begin + visit.stay(vehicle.kind, place), visit.location
        return now, place

    def of(self, order: Order) -> Aim | None:
        """None: nobody could, by going on from its last stop and within its shift."""
        found = [one for vehicle in self._able if (one := self._with(vehicle, order)) is not None]
        return min(found)[2] if found else None

    def _with(self, vehicle: VehicleShift, order: Order) -> tuple[int, int, Aim] | None:
        """When the vehicle would begin at the order's first place, how long the way there is, and what that means for the order."""
        if isinstance(order, OnBoard) or not order.skills <= vehicle.skills or vehicle.capacity.lacks(order.load):
            return None
        seconds = self._travel.of(vehicle).seconds
        free, place = self._free[vehicle.id]
        now = free
        begins: list[int] = []
        legs: list[int] = []
        for visit in visits(order):
            legs.append(int(seconds[place, visit.location]))
            begins.append(max(now + legs[-1], _opens(visit.windows)))
            now, place = begins[-1] + visit.stay(vehicle.kind, place), visit.location
        home = 0 if vehicle.end is None else int(seconds[place, vehicle.end])
        if UNREACHABLE in legs or now + home > vehicle.window.end:
            return None
        return begins[0], legs[0], Aim(begins[0] - legs[0] - free, begins[-1])


# ── windows ─────────────────────────────────────────────────────────────────────────────────────────────


def _wanted(order: Order, found: Aim | None, patience: int | None) -> Order:
    """An order that waits, with windows that say how soon it shall come."""
    if found is None or patience is None:
        return _until(order, MAX_TIME, MAX_TIME)
    return _until(order, found.door, found.door + patience if _in_hurry(order, found.door) else MAX_TIME)


def _promised(order: Order, outlook: Outlook) -> Order:
    """An order that has a courier, with windows that say what may not become of it."""
    if isinstance(order, OnBoard):
        # The engine takes no promise for what is on board; what is loaded where this vehicle alone goes on from is the same to it.
        order = Delivery(
            order.id, order.location, order.service_seconds, order.load, order.windows, priority=order.priority,
            vehicles=frozenset([order.vehicle]), setup_seconds=order.setup_seconds, by_kind=order.by_kind,
        )  # fmt: skip
    door = outlook.doors.get(order.id)
    if door is None:  # it is being offered, and on no route yet
        return _until(order, MAX_TIME, MAX_TIME)
    spare = SPARE_SECONDS if _own_windows(order) else UNPROMISED_SECONDS
    return _until(order, door, door + spare if _in_hurry(order, door) else MAX_TIME)


def _in_hurry(order: Order, door: int) -> bool:
    windows = _own_windows(order)
    return not windows or max(window.end for window in windows) - door <= HURRY_SECONDS


def _until(order: Order, door: int, end: int) -> Order:
    """The order with windows that end by ``end``; where none of them holds ``door``, one window that does."""
    windows = _own_windows(order)
    inside = tuple(Window(window.start, min(window.end, end)) for window in windows if window.start <= end)
    if not any(window.start <= door <= window.end for window in inside):
        inside = (Window(min(_opens(windows), door), end),)
    if isinstance(order, PickupDelivery):
        return replace(order, delivery=replace(order.delivery, windows=inside))
    return replace(order, windows=inside)


def _own_windows(order: Order) -> tuple[Window, ...]:
    return order.delivery.windows if isinstance(order, PickupDelivery) else order.windows


def _opens(windows: Sequence[Window]) -> int:
    return min((window.start for window in windows), default=0)
