"""The hour of the day in plans: roads take longer when everybody drives, and no engine here knows what time it is.

An engine has one duration for each leg of a vehicle. So the hour comes in twice:

1. Before the solve (`problems.pose`): a vehicle's durations are multiplied by the mean of its profile's factors over its shift, each hour weighted by
   how much of it lies in the shift, in steps of 0.05, so that shifts alike share a matrix. Dispatch looks an hour ahead instead of to the shift's end.
2. After it (`retimed`): the routes keep their sequence and get their times anew, each leg at the factors of the hours in which it is driven
   (`Traffic.seconds`). A route that would be late leaves earlier, as far as its shift lets it.

A route that is late all the same, because it does its driving in hours that are slower than the mean, is solved once more with the greatest factor
of its shift: then nothing takes longer than the engine reckoned. Twice at most; what is late after that is told (`lateSeconds`).

The limit: which orders go together, and in what sequence, is decided with one speed a vehicle. A plan that would drive to the far end before
the rush and stay near by during it is found only by chance.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from doorstep.fleets.reads import PlanningShift
from doorstep.places.roads import Profile, profile_of
from doorstep.planning.service.problems import SPEEDS, Question, vehicle_of
from doorstep.planning.solver.pool import Outcome
from doorstep.planning.solver.problem import Problem, VehicleShift, Window, visits
from doorstep.planning.solver.solution import (
    Route,
    Solution,
    Step,
    StepKind,
    late_seconds,
    summarize_route,
    total,
)
from doorstep.planning.solver.unassigned import next_open

MOST_SOLVES: Final = 3


async def settle(question: Question, solve: Callable[[], Awaitable[Outcome | None]]) -> Outcome | None:
    """Solve the question, and give the answer its times by the hour; again with slower vehicles while some would be late."""
    outcome = await solve()
    for _ in range(MOST_SOLVES - 1):
        late = await asyncio.to_thread(_late, question, outcome.solution) if outcome and outcome.solution else set()
        if not late or question.problem is None:
            break
        question.problem = _slowed(question, question.problem, late)
        outcome = await solve()
    if outcome is None or outcome.solution is None:
        return outcome
    baseline = outcome.baseline and retimed(question, outcome.baseline)
    return replace(outcome, solution=await asyncio.to_thread(retimed, question, outcome.solution), baseline=baseline)


def retimed(question: Question, solution: Solution) -> Solution:
    """The same routes, each leg at the factors of the hours in which it is driven; the very same solution where no hour matters."""
    if not any(_matters(shift) for shift in question.shifts.values()):
        return solution
    routes = tuple(_timed(question, route)[0] for route in solution.routes)
    return Solution(routes, solution.unassigned, total(routes))


def _matters(shift: PlanningShift) -> bool:
    return shift.vehicle is not None and shift.traffic.knows(profile_of(shift.vehicle.kind))


def _late(question: Question, solution: Solution) -> set[UUID]:
    """The shifts whose routes do not hold at the hours in which they are driven."""
    return {
        UUID(route.vehicle_id)
        for route in solution.routes
        if _matters(question.shifts[UUID(route.vehicle_id)]) and not _timed(question, route)[1]
    }


def _slowed(question: Question, problem: Problem, late: Iterable[UUID]) -> Problem:
    """The problem with these shifts at the greatest factor that they meet."""
    slow = {str(shift_id) for shift_id in late}
    vehicles = [_slowest(question, vehicle) if vehicle.id in slow else vehicle for vehicle in problem.vehicles]
    return replace(problem, vehicles=tuple(vehicles))


def _slowest(question: Question, vehicle: VehicleShift) -> VehicleShift:
    shift = question.shifts[UUID(vehicle.id)]
    start, end = question.instant(vehicle.window.start), question.instant(vehicle.window.end)
    greatest = shift.traffic.greatest(Profile(vehicle.profile), start, end)
    speed = math.floor(vehicle_of(shift).speed_factor / greatest * 100) / 100
    return replace(vehicle, speed_factor=min(max(speed, SPEEDS[0]), vehicle.speed_factor))


# ── one route ───────────────────────────────────────────────────────────────────────────────────────────


def _timed(question: Question, route: Route) -> tuple[Route, bool]:
    """The route by the hour, and whether it holds: nothing later than planned, home in time, and no longer at the wheel than allowed."""
    shift, problem = question.shifts[UUID(route.vehicle_id)], question.problem
    if problem is None or not _matters(shift):
        return route, True
    vehicle = problem.vehicle_by_id[route.vehicle_id]
    drive = _Drive(question, problem, shift, vehicle, route)
    steps, late = drive.leaving(route.steps[0].departure)
    if late > route.summary.late_seconds:
        steps, late = drive.leaving_in_time()
    summary = summarize_route(steps, vehicle.costs)
    rested = vehicle.max_driving_seconds is None or summary.driving_seconds <= vehicle.max_driving_seconds
    return Route(route.vehicle_id, steps, summary), late <= route.summary.late_seconds and rested


@dataclass(frozen=True, slots=True)
class _Drive:
    """A route's sequence, driven by the clock."""

    question: Question
    problem: Problem
    shift: PlanningShift
    vehicle: VehicleShift
    route: Route

    def leaving_in_time(self) -> tuple[tuple[Step, ...], int]:
        """The latest start, no later than planned, with which as little is late as with the earliest: later is never better."""
        low, high = self.vehicle.window.start, self.route.steps[0].departure
        best = self.leaving(low)
        while low < high:
            middle = (low + high + 1) // 2
            tried = self.leaving(middle)
            if tried[1] <= best[1]:
                best, low = tried, middle
            else:
                high = middle - 1
        return best

    def leaving(self, at: int) -> tuple[tuple[Step, ...], int]:
        """The steps when the vehicle leaves at ``at``, and how many seconds are late, those after the shift's end included."""
        first = self.route.steps[0]
        steps = [replace(first, arrival=at, service_start=at, departure=at)]
        for step in self.route.steps[1:]:
            steps.append(self._reached(step, steps[-1].departure))
        overtime = max(0, steps[-1].departure - self.vehicle.window.end)
        return tuple(steps), overtime + sum(step.late_seconds for step in steps)

    def _reached(self, step: Step, now: int) -> Step:
        vehicle = vehicle_of(self.shift)
        free = step.leg_seconds * self.vehicle.speed_factor / vehicle.speed_factor
        leg = round(self.shift.traffic.seconds(profile_of(vehicle.kind), free, self.question.instant(now)))
        arrival = now + leg
        windows = self._windows(step)
        begin = next_open(windows, arrival)
        late = 0
        if begin is None:
            begin = arrival
            late = arrival - max(window.end for window in windows)
        elif step.order_id is not None:
            late = late_seconds(self.problem.order_by_id[step.order_id], step.kind, begin)
        done = begin + step.service_seconds
        return replace(step, arrival=arrival, service_start=begin, departure=done, leg_seconds=leg, late_seconds=late)

    def _windows(self, step: Step) -> tuple[Window, ...]:
        if step.kind is StepKind.BREAK:
            return next((pause.windows for pause in self.vehicle.breaks if pause.id == step.break_id), ())
        if step.order_id is None:
            return ()
        return visits(self.problem.order_by_id[step.order_id])[0 if step.kind is StepKind.PICKUP else -1].windows
