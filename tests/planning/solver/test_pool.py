"""The solver's door, with the real VROOM: outcomes, progress, cancellation, parallel solves, large plans."""

import asyncio
import os
import signal
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tests.planning.solver.cases import line, parcel, problem, solved, town, van, wild
from tests.planning.solver.engines import engine_pids, first_engine

from doorstep.planning.solver.engine import Engine
from doorstep.planning.solver.errors import Rule, SolveCancelledError
from doorstep.planning.solver.estimate import Objective, SolveOptions
from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.pool import Phase, Progress, SolverPool, SolveStatus
from doorstep.planning.solver.problem import Break, Costs, KindTimes, OnBoard, PickupDelivery, Problem, Visit, Window
from doorstep.planning.solver.solution import StepKind
from doorstep.planning.solver.unassigned import Reason
from doorstep.planning.solver.verify import violations

QUICK = SolveOptions(level=0, searches=1, deterministic=True)
ENDLESS = SolveOptions(level=5, time_limit_seconds=600, hard_limit_seconds=600, engine=Engine.VROOM)


@pytest.fixture(scope="module")
def slow() -> Problem:
    """Keeps VROOM busy for a minute with ENDLESS."""
    return town(220, capacity=200, vehicles=6)


@pytest.fixture
async def pool() -> SolverPool:
    return SolverPool(slots=2)


async def test_a_small_plan_is_the_best_one(pool: SolverPool) -> None:
    given = problem([parcel("far", 9), parcel("near", 1), parcel("mid", 5)], [van()])
    outcome = await pool.solve(given)
    solution = solved(outcome)
    assert solution.summary.distance_meters == 18 * 500
    assert solution.summary.driving_seconds == 18 * 60
    assert solution.summary.service_seconds == 3 * 120
    assert (outcome.unassigned, solution.unassigned) == ((), ())
    assert outcome.baseline is not None
    assert outcome.engine.startswith("vroom")


async def test_every_kind_of_order_in_one_plan(pool: SolverPool) -> None:
    orders = [
        parcel("from-depot", 4, windows=(Window(0, 600), Window(7200, 9000))),
        PickupDelivery("between", Visit(6, 60), Visit(2, 60, (Window(10_000, 12_000),)), Load(items=2)),
        OnBoard("aboard", "one", 8, 60, Load(items=1), (Window(0, 10),)),
        parcel("cold", 3, skills=frozenset(["cold"])),
        parcel("by-bike", 5, vehicle_kinds=frozenset(["BIKE"])),
    ]
    lunch = Break("lunch", (Window(3600, 5400),), 1800)
    fleet = [
        van("one", capacity=Capacity(items=5), kind="BIKE"),
        van("two", skills=frozenset(["cold"]), breaks=(lunch,), end=None, speed_factor=1.5),
    ]
    solution = solved(await pool.solve(problem(orders, fleet), QUICK))
    assert solution.unassigned == ()
    steps = {step.order_id: step for route in solution.routes for step in route.steps if step.order_id}
    assert {"aboard", "by-bike"} <= set(solution.route_by_vehicle["one"].order_ids)
    assert "cold" in solution.route_by_vehicle["two"].order_ids
    assert steps["aboard"].late_seconds == steps["aboard"].service_start - 10
    for route in solution.routes:
        assert route.steps[0].kind is StepKind.START
        for before, after in pairwise(route.steps):
            assert after.arrival == before.departure + after.leg_seconds


@pytest.mark.parametrize("seed", range(12))
async def test_plans_with_every_feature_hold_and_explain_what_they_leave_out(pool: SolverPool, seed: int) -> None:
    given = wild(seed)
    outcome = await pool.solve(given, replace(QUICK, group_size=12 if seed % 4 == 0 else None))
    solution = solved(outcome)
    assert violations(given, solution) == ()
    assert outcome.baseline is not None
    assert violations(given, outcome.baseline) == ()
    assert tuple(one.order_id for one in outcome.unassigned) == solution.unassigned
    assert all(one.reasons and one.vehicles for one in outcome.unassigned)
    assert all(blocked.reasons for one in outcome.unassigned for blocked in one.vehicles)


async def test_one_bad_point_costs_its_own_order_and_nothing_else(pool: SolverPool) -> None:
    places = line(10)
    places.durations[7, :] = places.durations[:, 7] = np.nan
    given = problem([parcel("island", 7), parcel("a", 1), parcel("b", 2)], [van()], places)
    outcome = await pool.solve(given, QUICK)
    assert solved(outcome).unassigned == ("island",)
    assert outcome.unassigned[0].reasons == (Reason.UNREACHABLE,)
    assert solved(outcome).summary.orders == 2


async def test_when_nothing_can_be_placed_the_plan_is_empty_and_says_why(pool: SolverPool) -> None:
    heavy = parcel("heavy", 1, load=Load(weight_grams=10**9))
    outcome = await pool.solve(problem([heavy], [van(capacity=Capacity(weight_grams=1000))]))
    assert solved(outcome).routes == ()
    assert outcome.unassigned[0].reasons == (Reason.CAPACITY,)


async def test_no_leg_without_a_way_is_ever_driven(pool: SolverPool) -> None:
    """Planted trap: given a large number for "no way", VROOM drives it when nothing forbids it."""
    places = line(4)
    places.durations[1, 2] = places.durations[2, 1] = np.nan
    places.distances[1, 0] = np.nan
    week = Window(0, 7 * 86_400)
    given = problem([parcel("a", 1), parcel("b", 2)], [van(window=week), van("open", window=week, end=None)], places)
    solution = solved(await pool.solve(given, QUICK))
    for route in solution.routes:
        located = [step.location for step in route.steps if step.location is not None]
        assert not {(1, 2), (2, 1), (1, 0)} & set(pairwise(located))
    assert solution.unassigned == ()


async def test_far_future_and_huge_windows_do_not_wrap(pool: SolverPool) -> None:
    start = 1_790_000_000
    shift = Window(start, start + 7200)
    given = problem(
        [parcel("a", 1, windows=(Window(start, 2**34),)), parcel("b", 2, windows=(Window(-9, 2**33),))],
        [van(window=shift)],
    )
    solution = solved(await pool.solve(given, QUICK))
    assert solution.unassigned == ()
    assert all(shift.start <= step.arrival <= shift.end for step in solution.routes[0].steps)


async def test_amounts_near_the_limit_are_neither_wrapped_nor_ignored(pool: SolverPool) -> None:
    heavy = Load(weight_grams=2_000_000_000)
    given = problem([parcel(f"o{n}", n, load=heavy) for n in range(1, 6)], [van(capacity=Capacity(4_000_000_000))])
    solution = solved(await pool.solve(given, QUICK))
    assert len(solution.unassigned) == 3


async def test_a_vehicle_that_is_done_early_does_not_wait_for_its_break(pool: SolverPool) -> None:
    pause = Break("late", (Window(20_000, 22_000),), 1800)
    solution = solved(await pool.solve(problem([parcel("a", 1)], [van(breaks=(pause,))]), QUICK))
    assert [step.kind for step in solution.routes[0].steps] == [StepKind.START, StepKind.DELIVERY, StepKind.END]
    assert solution.summary.duration_seconds == 60 + 120 + 60


async def test_setup_is_spent_once_a_door_and_as_the_kind_of_vehicle_needs(pool: SolverPool) -> None:
    bicycle = (KindTimes("BIKE", 10, 60),)
    orders = [parcel(f"o{n}", 4, setup_seconds=300, by_kind=bicycle) for n in range(3)]
    by_van = solved(await pool.solve(problem(orders, [van(kind="VAN")]), QUICK))
    assert by_van.summary.service_seconds == 300 + 3 * 120
    by_bike = solved(await pool.solve(problem(orders, [van(kind="BIKE")]), QUICK))
    assert by_bike.summary.service_seconds == 10 + 3 * 60


async def test_a_vehicle_that_is_paid_by_the_task_is_left_at_home(pool: SolverPool) -> None:
    orders = [parcel(f"o{n}", n) for n in range(1, 6)]
    fleet = [van("dear", costs=Costs(per_task=900)), van("cheap", costs=Costs(fixed=100))]
    solution = solved(await pool.solve(problem(orders, fleet), QUICK))
    assert [route.vehicle_id for route in solution.routes] == ["cheap"]
    paid = solved(await pool.solve(problem(orders, fleet[:1]), QUICK)).summary
    assert paid.cost == 5 * 900 + paid.duration_seconds


async def test_a_driver_pauses_only_with_as_little_on_board_as_the_break_allows(pool: SolverPool) -> None:
    orders = [parcel("early", 1, windows=(Window(0, 900),)), parcel("late", 2, windows=(Window(6000, 7000),))]
    pause = Break("lunch", (Window(2000, 3000),), 1800)
    free = solved(await pool.solve(problem(orders, [van(breaks=(pause,))]), QUICK))
    assert free.unassigned == ()
    empty = replace(pause, max_load=Load())
    careful = problem(orders, [van(breaks=(empty,))])
    assert {violation.rule for violation in violations(careful, free)} == {Rule.BREAK}
    strict = solved(await pool.solve(careful, QUICK))
    assert len(strict.unassigned) == 1, "whoever carries the late one through noon may not pause"


@pytest.mark.parametrize("count", [3, 60])
async def test_a_pinned_order_goes_on_its_vehicle_or_nowhere(pool: SolverPool, count: int) -> None:
    base = town(count, vehicles=3, capacity=100)
    pins = {order.id: f"van-{number % 3}" for number, order in enumerate(base.orders) if number % 10 == 0}
    orders = tuple(replace(o, vehicles=frozenset([pins[o.id]])) if o.id in pins else o for o in base.orders)  # type: ignore[call-arg]
    given = Problem(orders, base.vehicles, base.matrices)
    solution = solved(await pool.solve(given, QUICK))
    carrier = {order_id: route.vehicle_id for route in solution.routes for order_id in route.order_ids}
    assert {order_id: carrier[order_id] for order_id in pins} == pins
    full = Problem(orders, (replace(base.vehicles[0], capacity=Capacity(items=0)), *base.vehicles[1:]), base.matrices)
    outcome = await pool.solve(full, QUICK)
    left = {one.order_id: one for one in outcome.unassigned}
    assert set(left) == {order_id for order_id, vehicle in pins.items() if vehicle == "van-0"}
    assert all(set(one.reasons) == {Reason.PINNED, Reason.CAPACITY} for one in left.values())


async def test_an_order_of_higher_priority_goes_first_when_there_is_room_for_one(pool: SolverPool) -> None:
    orders = [parcel("low", 1, priority=1), parcel("high", 9, priority=90)]
    outcome = await pool.solve(problem(orders, [van(capacity=Capacity(items=1))]), QUICK)
    assert solved(outcome).unassigned == ("low",)
    assert outcome.unassigned[0].reasons == (Reason.PRIORITY, Reason.NO_ROOM)


async def test_the_objective_shows_in_the_plan(pool: SolverPool) -> None:
    given = town(40, vehicles=10, seed=2, capacity=60, costs=Costs(0, 2000, 0))
    least = solved(await pool.solve(given, replace(QUICK, objective=Objective.FEWEST_VEHICLES))).summary
    usual = solved(await pool.solve(given, replace(QUICK, objective=Objective.DISTANCE))).summary
    assert least.routes <= usual.routes
    assert usual.distance_meters <= least.distance_meters


async def test_progress_tells_the_phases(pool: SolverPool) -> None:
    seen: list[Progress] = []

    async def note(progress: Progress) -> None:
        seen.append(progress)

    await pool.solve(town(90), replace(QUICK, group_size=30, improve_rounds=1), progress=note)
    assert list(dict.fromkeys(progress.phase for progress in seen)) == [Phase.PREPARING, Phase.SOLVING, Phase.VERIFYING]
    assert seen[-1].runs_done == seen[-1].runs_total > 1
    assert seen[-1].best is not None
    assert [p.elapsed_seconds for p in seen] == sorted(p.elapsed_seconds for p in seen)


async def test_a_failing_progress_callback_ends_the_solve_and_its_engines(pool: SolverPool, slow: Problem) -> None:
    async def fail(progress: Progress) -> None:
        if progress.runs_done:
            raise LookupError("the one who listened is gone")

    with pytest.raises(LookupError):
        await pool.solve(slow, replace(QUICK, group_size=60), progress=fail)
    assert engine_pids(os.getpid()) == []


async def test_the_hard_limit_ends_in_a_timeout_with_the_baseline(pool: SolverPool, slow: Problem) -> None:
    outcome = await pool.solve(slow, replace(ENDLESS, hard_limit_seconds=1.0))
    assert (outcome.status, outcome.solution) == (SolveStatus.TIMEOUT, None)
    assert outcome.reason
    assert outcome.baseline is not None
    assert outcome.elapsed_seconds < 15


async def test_an_engine_killed_with_9_is_a_crash_and_the_pool_goes_on(pool: SolverPool, slow: Problem) -> None:
    task = asyncio.create_task(pool.solve(slow, ENDLESS))
    os.kill(await first_engine(os.getpid()), signal.SIGKILL)
    outcome = await task
    assert (outcome.status, outcome.solution) == (SolveStatus.CRASHED, None)
    assert outcome.reason is not None
    assert "SIGKILL" in outcome.reason
    solved(await pool.solve(problem([parcel("a", 1)], [van()]), QUICK))


async def test_a_lost_improvement_leaves_the_plan_as_it_was(pool: SolverPool) -> None:
    """Planted fault: an engine of the first improving round is killed; the plan found before is kept."""
    killed: list[int] = []

    async def kill_one(progress: Progress) -> None:
        if progress.best is not None and not killed:
            killed.append(progress.runs_done)
            for pid in engine_pids(os.getpid()):
                os.kill(pid, signal.SIGKILL)

    given = town(120)
    outcome = await pool.solve(given, replace(QUICK, group_size=30, improve_rounds=2), progress=kill_one)
    assert killed
    assert violations(given, solved(outcome)) == ()


async def test_the_event_cancels(pool: SolverPool, slow: Problem) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(pool.solve(slow, ENDLESS, cancelled=stop))
    pid = await first_engine(os.getpid())
    stop.set()
    with pytest.raises(SolveCancelledError):
        await task
    assert not Path(f"/proc/{pid}").exists()


async def test_cancelling_the_task_kills_the_engine_and_frees_the_slot(slow: Problem) -> None:
    async with SolverPool(slots=1) as pool:
        task = asyncio.create_task(pool.solve(slow, ENDLESS))
        pid = await first_engine(os.getpid())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not Path(f"/proc/{pid}").exists()
        solved(await pool.solve(problem([parcel("a", 1)], [van()]), QUICK))


async def test_closing_the_pool_ends_what_runs(slow: Problem) -> None:
    pool = SolverPool(slots=1)
    tasks = [asyncio.create_task(pool.solve(slow, ENDLESS)) for _ in range(2)]
    await first_engine(os.getpid())
    await pool.close()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    assert engine_pids(os.getpid()) == []


async def test_two_solves_run_side_by_side(pool: SolverPool, slow: Problem) -> None:
    long = asyncio.create_task(pool.solve(slow, ENDLESS))
    await first_engine(os.getpid())
    solved(await pool.solve(problem([parcel("a", 1)], [van()]), QUICK))
    assert not long.done()
    both = await asyncio.gather(pool.solve(town(40, seed=1), QUICK), pool.solve(town(40, seed=2), QUICK))
    assert not long.done()
    assert [len(solved(outcome).unassigned) for outcome in both] == [0, 0]
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long


async def test_waiting_for_a_slot_counts_against_no_limit(slow: Problem) -> None:
    async with SolverPool(slots=1) as pool:
        long = asyncio.create_task(pool.solve(slow, replace(ENDLESS, hard_limit_seconds=2.5)))
        await first_engine(os.getpid())
        waited = await pool.solve(problem([parcel("a", 1)], [van()]), replace(QUICK, hard_limit_seconds=1.5))
        assert solved(waited).summary.orders == 1
        assert waited.queued_seconds > 1.0
        assert (await long).status is SolveStatus.TIMEOUT


async def test_anothers_small_plan_waits_for_one_run_of_a_large_one_at_most() -> None:
    async with SolverPool(slots=1) as pool:
        done: list[int] = []
        ahead: list[int | None] = []

        async def count(progress: Progress) -> None:
            done.append(progress.runs_done)

        async def note(progress: Progress) -> None:
            ahead.append(progress.ahead)

        large = asyncio.create_task(pool.solve(town(400), replace(QUICK, group_size=40), progress=count, owner="large"))
        while not any(done):
            await asyncio.sleep(0.01)
        before = done[-1]
        waited = await pool.solve(problem([parcel("a", 1)], [van()]), QUICK, progress=note, owner="small")
        assert solved(waited).summary.orders == 1
        assert done[-1] - before <= 1
        assert not large.done()
        assert 0 in ahead, "its place was told while it waited"
        urgent = await pool.solve(problem([parcel("a", 1)], [van()]), QUICK, owner="other", is_urgent=True)
        assert urgent.queued_seconds < 1
        large.cancel()
        with pytest.raises(asyncio.CancelledError):
            await large


async def test_the_event_loop_goes_on_during_a_solve(pool: SolverPool) -> None:
    """Planted trap: VROOM holds the interpreter for the whole solve; in this process every other task would stand still."""
    task = asyncio.create_task(pool.solve(town(180, capacity=200, vehicles=6), replace(QUICK, searches=2)))
    turns, longest, before = 0, 0.0, time.monotonic()
    while not task.done():
        await asyncio.sleep(0.01)
        now = time.monotonic()
        turns, longest, before = turns + 1, max(longest, now - before), now
    outcome = await task
    assert turns > 5
    assert longest < outcome.elapsed_seconds / 2


async def test_a_pool_without_slots_is_refused() -> None:
    with pytest.raises(ValueError, match="slot"):
        SolverPool(slots=0)
