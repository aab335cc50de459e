"""PyVRP behind the port: what its model holds, that no rule is lost on the way, and that a plan never gets worse by it."""

import asyncio
import os
import signal
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.planning.solver.cases import emitted, line, mixed, parcel, problem, solved, town, van
from tests.planning.solver.engines import engine_pids

from doorstep.planning.solver import running
from doorstep.planning.solver.choosing import choose, engine_for
from doorstep.planning.solver.engine import Engine, EngineAnswerError, Improvement
from doorstep.planning.solver.estimate import Objective, SolveOptions
from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.pool import Progress, SolverPool
from doorstep.planning.solver.problem import (
    Break,
    Costs,
    Delivery,
    OnBoard,
    PickupDelivery,
    Problem,
    VehicleShift,
    Visit,
    Window,
)
from doorstep.planning.solver.process import Limits, RunStatus, run_engine
from doorstep.planning.solver.pyvrp import from_engine, obstacle, to_engine
from doorstep.planning.solver.solution import Solution
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.verify import violations

STEADY = SolveOptions(level=0, searches=1, deterministic=True, engine=Engine.PYVRP)
ENDLESS = replace(STEADY, deterministic=False, time_limit_seconds=600, hard_limit_seconds=600)


@pytest.fixture
async def pool() -> SolverPool:
    return SolverPool(slots=2)


def rounds(seed: int, count: int = 60) -> Problem:
    """Rounds with everything that PyVRP's model holds at once, some of it impossible; the same for the same seed."""
    rng = np.random.default_rng(seed)
    base = town(count, vehicles=6, seed=seed, capacity=30)
    holes = rng.random(base.matrices["car"].durations.shape) < 0.03
    base.matrices["car"].durations[holes] = np.nan
    orders = tuple(_choosy(rng, order) for order in base.orders if isinstance(order, Delivery))
    vehicles = tuple(_particular(rng, vehicle) for vehicle in base.vehicles)
    return Problem(orders, vehicles, base.matrices, epoch=1_790_000_000)


def _choosy(rng: np.random.Generator, order: Delivery) -> Delivery:
    return replace(
        order,
        skills=frozenset(["cold"]) if rng.random() < 0.15 else frozenset(),
        vehicle_kinds=frozenset(["BIKE", "VAN"]) if rng.random() < 0.2 else frozenset(),
        depot=int(rng.integers(0, 2)) if rng.random() < 0.1 else None,
        priority=int(rng.integers(0, 101)) if rng.random() < 0.3 else 0,
    )


def _particular(rng: np.random.Generator, vehicle: VehicleShift) -> VehicleShift:
    start = int(rng.integers(0, 2))
    return replace(
        vehicle,
        start=start,
        end=start if rng.random() < 0.6 else None,
        window=Window(int(rng.integers(0, 2)) * 3600, int(rng.integers(6, 9)) * 3600),
        capacity=Capacity(None if rng.random() < 0.5 else 90_000, None, int(rng.integers(15, 40))),
        skills=frozenset(["cold"]) if rng.random() < 0.5 else frozenset(),
        kind=str(rng.choice(["BIKE", "CAR", "VAN"])),
        costs=Costs(int(rng.integers(0, 2)) * 500, int(rng.integers(0, 3)) * 1000, int(rng.integers(0, 3)) * 20),
        speed_factor=float(rng.choice([0.8, 1.0])),
        max_stops=int(rng.integers(8, 20)) if rng.random() < 0.3 else None,
        max_distance_meters=50_000 if rng.random() < 0.3 else None,
    )


@pytest.mark.parametrize("seed", range(6))
async def test_no_rule_is_lost_and_the_plan_is_no_worse_than_its_start(pool: SolverPool, seed: int) -> None:
    given = rounds(seed)
    assert obstacle(given, given.orders, given.vehicles, Objective.COST) is None
    start = solved(await pool.solve(given, replace(STEADY, engine=Engine.VROOM)))
    outcome = await pool.solve(given, STEADY)
    better = solved(outcome)
    assert "pyvrp" in outcome.engine
    assert violations(given, better) == ()
    assert (_left(given, better), better.summary.cost) <= (_left(given, start), start.summary.cost)


def _left(given: Problem, solution: Solution) -> tuple[int, int]:
    left = [given.order_by_id[order_id].priority for order_id in solution.unassigned]
    return sum(left), len(left)


@pytest.mark.parametrize("objective", Objective)
async def test_it_improves_what_the_objective_counts(pool: SolverPool, objective: Objective) -> None:
    given = mixed(town(80, vehicles=9, seed=3, capacity=60))
    if engine_for(given, objective) is not Engine.PYVRP:
        pytest.skip(f"{objective} stays with VROOM")
    vroom, pyvrp = [
        solved(await pool.solve(given, replace(STEADY, engine=engine, objective=objective)))
        for engine in (Engine.VROOM, Engine.PYVRP)
    ]
    measures = {
        Objective.COST: lambda s: s.cost,
        Objective.DURATION: lambda s: s.driving_seconds,
        Objective.DISTANCE: lambda s: s.distance_meters,
        Objective.FEWEST_VEHICLES: lambda s: (s.routes, s.driving_seconds),
        Objective.ON_TIME: lambda s: (s.late_seconds, s.cost),
    }
    if objective is Objective.EMISSIONS:
        assert emitted(given, pyvrp) <= emitted(given, vroom)
    elif objective in measures:
        assert measures[objective](pyvrp.summary) <= measures[objective](vroom.summary)


LUNCH = Break("lunch", (Window(3600, 5400),), 1800)


@pytest.mark.parametrize(
    ("order", "vehicle", "word"),
    [
        (PickupDelivery("a", Visit(1), Visit(2)), van(), "picked up"),
        (OnBoard("a", "van", 1), van(), "vehicle"),
        (parcel("a", 1, windows=(Window(0, 60), Window(120, 180))), van(), "several windows"),
        (parcel("a", 1), van(breaks=(LUNCH,)), "breaks"),
        (parcel("a", 1), van(max_driving_seconds=3600), "driving"),
        (parcel("a", 1, setup_seconds=60), van(), "setup"),
    ],
)
def test_what_its_model_cannot_hold_stays_with_vroom(order: Any, vehicle: VehicleShift, word: str) -> None:
    given = problem([order], [vehicle])
    found = obstacle(given, given.orders, given.vehicles, Objective.COST)
    assert found is not None
    assert word in found


def test_a_second_window_that_lies_outside_every_shift_is_none() -> None:
    given = problem([parcel("a", 1, windows=(Window(0, 60), Window(10**6, 10**6 + 60)))], [van()])
    assert obstacle(given, given.orders, given.vehicles, Objective.COST) is None


def test_the_choice_goes_by_size_and_by_what_is_asked() -> None:
    assert engine_for(town(20), Objective.COST) is Engine.VROOM
    assert engine_for(town(80), Objective.COST) is Engine.PYVRP
    assert engine_for(town(80, pickups=0.5), Objective.COST) is Engine.VROOM
    assert choose(town(80), 2).group_size is None
    assert choose(town(2000, vehicles=60), 2).group_size == 600


async def test_groups_with_and_without_breaks_each_get_their_engine(pool: SolverPool) -> None:
    base = town(160, vehicles=12, seed=8)
    far = [replace(v, breaks=(LUNCH,)) if n % 2 else v for n, v in enumerate(base.vehicles)]
    given = Problem(base.orders, tuple(far), base.matrices)
    outcome = await pool.solve(given, replace(STEADY, engine=None, group_size=80, improve_rounds=1))
    assert violations(given, solved(outcome)) == ()


async def test_the_same_seed_gives_the_same_plan(pool: SolverPool) -> None:
    given = town(130, vehicles=10, seed=5)
    options = replace(STEADY, group_size=65, improve_rounds=1, seed=7)
    first, again = [solved(await pool.solve(given, options)) for _ in range(2)]
    assert first == again


async def test_an_engine_killed_with_9_leaves_the_plan_that_it_had(pool: SolverPool) -> None:
    """Planted fault: PyVRP dies while it improves; what VROOM began with, or the last better plan, is the answer."""
    given = town(120, vehicles=10, seed=6)
    seen: list[int] = []

    async def kill(progress: Progress) -> None:
        if progress.best is not None and not seen:
            seen.append(progress.best.cost)
            for pid in engine_pids(os.getpid()):
                os.kill(pid, signal.SIGKILL)

    outcome = await asyncio.wait_for(pool.solve(given, ENDLESS, progress=kill), 30)
    assert violations(given, solved(outcome)) == ()
    assert solved(outcome).summary.cost <= seen[0]


async def test_an_engine_that_stands_still_is_ended_and_its_last_word_kept(pool: SolverPool) -> None:
    given = town(120, vehicles=10, seed=6)
    stopped: list[int] = []

    async def stop(progress: Progress) -> None:
        if progress.best is not None and not stopped:
            for pid in engine_pids(os.getpid()):
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)

    outcome = await pool.solve(given, replace(ENDLESS, hard_limit_seconds=4), progress=stop)
    assert stopped
    assert violations(given, solved(outcome)) == ()
    assert engine_pids(os.getpid()) == []


async def test_a_plan_that_breaks_a_rule_is_never_taken(pool: SolverPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: PyVRP's answer is read as if capacity did not matter; the verifier throws it away."""
    given = town(60, vehicles=6, capacity=40, costs=Costs(1000, 0, 30))  # nobody is paid for waiting: no `thrift`
    start = solved(await pool.solve(given, replace(STEADY, engine=Engine.VROOM)))

    def greedy(asked: Problem, travel: Travel, orders: Any, vehicles: Any, answer: Any) -> Solution:
        loose = [replace(vehicle, capacity=Capacity()) for vehicle in vehicles]
        everything = {"routes": [[0, list(range(len(orders) // 2))]]}
        return from_engine(asked, travel, orders, [replace(v, window=Window(0, 10**6)) for v in loose], everything)

    monkeypatch.setattr(running.pyvrp, "from_engine", greedy)
    assert solved(await pool.solve(given, STEADY)).summary == start.summary


async def test_routes_that_cannot_be_driven_are_an_error_of_the_engine() -> None:
    given = problem([parcel("a", 1, windows=(Window(0, 10),)), parcel("b", 2)], [van()])
    with pytest.raises(EngineAnswerError):
        from_engine(given, Travel(given), given.orders, given.vehicles, {"routes": [[0, [1, 0]]]})
    with pytest.raises(EngineAnswerError):
        from_engine(given, Travel(given), given.orders, given.vehicles, {"routes": [[3, [0]]]})


async def test_its_memory_limit_is_kept() -> None:
    given = town(200)
    start = solved(await SolverPool(slots=1).solve(given, replace(STEADY, engine=Engine.VROOM)))
    asked = to_engine(given, Travel(given), given.orders, given.vehicles, start.routes)
    ended = await run_engine(asked, Improvement(10**9, 10**9), Limits(20, 40 << 20))
    assert ended.status is RunStatus.CRASHED
    assert ended.reason


async def test_unreachable_pairs_and_open_ends(pool: SolverPool) -> None:
    places = line(6)
    places.durations[1, 2] = places.durations[2, 1] = np.nan
    orders = [parcel(f"o{n}", n, load=Load(items=1)) for n in (1, 2, 3, 4, 5)]
    given = problem(orders, [van("open", end=None), van("closed")], places)
    solution = solved(await pool.solve(given, STEADY))
    assert solution.unassigned == ()
    assert violations(given, solution) == ()
