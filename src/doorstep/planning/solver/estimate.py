"""How much work a problem is, and the options that fit the machine and the wait.

VROOM has no budget that it keeps to: its time limit is soft and its construction phase does not look at the clock. So
the effort is chosen beforehand from a prediction, and large problems are cut into groups (see `decompose`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from doorstep.planning.solver.engine import Engine
from doorstep.planning.solver.load import amount, dimensions, limit
from doorstep.planning.solver.problem import Problem, visits

SECONDS_PER_SQUARE = 3.5e-8
"""Processor seconds of one search per (tasks × tasks per route)², fitted on one modest core; a fast one needs half."""
SECONDS_PER_RUN = 0.15
"""Starting an engine process and feeding it."""
SECONDS_PER_TASK = 0.014
"""Wall time that a plan may take for each of its tasks; half of it on two busy cores is still enough."""
SINGLE_RUN_TASKS = 180
GROUP_TASKS = 150
"""A choice among close results of single runs, on 300 and 1,000 orders, with groups of 60 to 250."""
SMALLEST_GROUP = 60
SECONDS_PER_GROUP = 5.0
MAX_ROUNDS = 8
MAX_SMALL_LEVEL = 3
SEARCHES = (4, 8, 12, 16, 24, 32)
"""How many searches each exploration level stands for."""
LEAST_MEMORY = 256 << 20
"""With less, VROOM can hang instead of failing (its searches wait for one that died): the deadline would have to end it."""
MAX_THREADS = 8
MAX_LEVEL = len(SEARCHES) - 1


class Objective(StrEnum):
    """What a plan should have little of, after leaving out as few orders as possible."""

    COST = "COST"
    DURATION = "DURATION"
    DISTANCE = "DISTANCE"
    FEWEST_VEHICLES = "FEWEST_VEHICLES"
    EMISSIONS = "EMISSIONS"
    ON_TIME = "ON_TIME"
    BALANCE = "BALANCE"

    @property
    def for_engines(self) -> Objective:
        """What the engines look for. Neither knows lateness or balance: those are made out of their cheapest plan."""
        return Objective.COST if self in (Objective.ON_TIME, Objective.BALANCE) else self


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late after a window service may begin at most, and what each hour of it weighs in minor units.

    Late is better than never: with every objective an order is served late rather than left out. With COST it is also
    served late where that saves more than its price; with any other, lateness is as little as can be. The orders `firm`
    are never late.
    """

    max_seconds: int
    price_per_hour: int = 0
    firm: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.max_seconds < 1 or self.price_per_hour < 0:
            raise ValueError(f"lateness is at least a second and no reward: {self}")


@dataclass(frozen=True, slots=True)
class SolveOptions:
    """How hard to try, and where to stop.

    `level` 0..5 sets depth and searches; `searches` and `depth` override it. `time_limit_seconds` is soft: what is found
    by then is used. `hard_limit_seconds` is kept by killing the engine. `group_size` cuts problems with more tasks into
    groups of about that many and improves the result in `improve_rounds` rounds. `deterministic` lets no clock decide:
    the same problem and `seed` give the same plan, unless the hard limit strikes. `engine` None leaves the choice to
    what the engines can hold and are good at. `lateness` None: every window holds.
    """

    level: int = 1
    searches: int | None = None
    depth: int | None = None
    threads: int = 1
    time_limit_seconds: float = 20.0
    hard_limit_seconds: float = 60.0
    memory_limit_bytes: int = 2 << 30
    group_size: int | None = None
    improve_rounds: int = 2
    objective: Objective = Objective.COST
    deterministic: bool = False
    engine: Engine | None = None
    seed: int = 0
    lateness: Lateness | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.level <= MAX_LEVEL:
            raise ValueError(f"level must be from 0 to {MAX_LEVEL}, it is {self.level}")
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, it is {self.threads}")
        if self.memory_limit_bytes < LEAST_MEMORY:
            raise ValueError(f"memory_limit_bytes must be at least {LEAST_MEMORY}, it is {self.memory_limit_bytes}")
        for name, value in (("time", self.time_limit_seconds), ("hard", self.hard_limit_seconds)):
            if not value > 0:
                raise ValueError(f"the {name} limit must be above 0 seconds, it is {value}")
        if self.group_size is not None and self.group_size < 1:
            raise ValueError(f"a group has at least one task, not {self.group_size}")
        if self.improve_rounds < 0:
            raise ValueError(f"improve_rounds must be 0 or more, it is {self.improve_rounds}")

    @property
    def effective_depth(self) -> int:
        """Depth of the local search, 0..5."""
        return min(max(0, self.level if self.depth is None else self.depth), MAX_LEVEL)

    @property
    def effective_searches(self) -> int:
        """Independent searches of which the best is taken, 1..32."""
        return min(max(1, SEARCHES[self.level] if self.searches is None else self.searches), SEARCHES[MAX_LEVEL])


def choose_options(problem: Problem, cores: int, *, objective: Objective = Objective.COST) -> SolveOptions:
    """Options with which `problem` should be planned in sensible time on `cores`; reads the matrices, so not free.

    Small problems are one run at the highest level that fits; larger ones are groups, improved until the time is over.
    """
    tasks = problem.task_count
    per_route = tasks_per_route(problem)
    seconds = 1.0 + SECONDS_PER_TASK * tasks
    options = SolveOptions(
        level=0,
        searches=1,
        time_limit_seconds=seconds,
        hard_limit_seconds=max(30.0, 8 * seconds),
        objective=objective,
    )
    if tasks > SINGLE_RUN_TASKS:
        return replace(options, group_size=_group_size(per_route), improve_rounds=MAX_ROUNDS)
    allowed = cores * seconds / 2
    for level in range(MAX_SMALL_LEVEL, -1, -1):
        tried = replace(options, level=level, searches=None, threads=min(cores, MAX_THREADS, SEARCHES[level]))
        if predict_cpu_seconds(problem, tried) <= allowed:
            return tried
    few = min(cores, SEARCHES[0])
    return replace(options, searches=few, threads=few)


def _group_size(per_route: float) -> int:
    """About GROUP_TASKS, fewer where long routes would make a search over so many slow."""
    size = GROUP_TASKS
    while size > SMALLEST_GROUP and search_seconds(size, per_route) > SECONDS_PER_GROUP:
        size -= 10
    return size


def predict_cpu_seconds(problem: Problem, options: SolveOptions) -> float:
    """Processor seconds that the engines will use for `problem` with all rounds; cautious, by up to a factor of 5."""
    tasks = problem.task_count
    size = tasks if options.group_size is None else min(tasks, options.group_size)
    runs = math.ceil(tasks / size) * (1 if size == tasks else 1 + options.improve_rounds)
    deeper = 1 + options.effective_depth / 4
    one = options.effective_searches * deeper * search_seconds(size, tasks_per_route(problem))
    return runs * (SECONDS_PER_RUN + one)


def search_seconds(tasks: float, per_route: float) -> float:
    """Processor seconds of one search over `tasks` of which each route takes `per_route`."""
    return SECONDS_PER_SQUARE * float(tasks * min(per_route, tasks)) ** 2


def tasks_per_route(problem: Problem) -> float:
    """How many tasks a route can take at most."""
    return problem.task_count / expected_routes(problem)


def expected_routes(problem: Problem) -> float:
    """How many routes the orders would need at least, by load, by time and by limits on stops, were there enough vehicles.

    A low guess makes the prediction cautious: routes get long when few suffice.
    """
    vehicles = problem.vehicles
    needs = [1.0]
    for dimension in dimensions(order.load for order in problem.orders):
        known = [room for room in (limit(vehicle.capacity, dimension) for vehicle in vehicles) if room is not None]
        if len(known) == len(vehicles) and max(known) > 0:
            loaded = sum(amount(order.load, dimension) for order in problem.orders)
            needs.append(loaded / max(known))
    stops = [vehicle.max_stops for vehicle in vehicles if vehicle.max_stops is not None]
    if len(stops) == len(vehicles):
        needs.append(problem.task_count / max(stops))
    longest = max(vehicle.window.end - vehicle.window.start for vehicle in vehicles)
    needs.append(_least_working_seconds(problem) / longest)
    return max(needs)


def _least_working_seconds(problem: Problem) -> float:
    """Service, and for each task a drive from one of the nearest other places."""
    tasks = [visit for order in problem.orders for visit in visits(order)]
    places = np.unique(np.array([visit.location for visit in tasks]))
    durations = np.asarray(next(iter(problem.matrices.values())).durations)[np.ix_(places, places)].astype(np.float64)
    durations[~np.isfinite(durations)] = np.inf
    np.fill_diagonal(durations, np.inf)
    near = min(2, len(places) - 1)
    drive = np.partition(durations, near, axis=0)[near] if near > 0 else np.zeros(1)
    drive = drive[np.isfinite(drive)]
    typical = float(drive.mean()) if drive.size else 0.0
    return sum(visit.service_seconds for visit in tasks) + typical * len(places)
