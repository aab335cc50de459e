"""Options fit the size of the problem, and nonsense options do not exist."""

from dataclasses import replace
from typing import Any

import pytest
from tests.planning.solver.cases import parcel, problem, town, van

from doorstep.planning.solver.estimate import SolveOptions, choose_options, expected_routes, predict_cpu_seconds
from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.problem import Problem, Window


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": 6},
        {"level": -1},
        {"threads": 0},
        {"time_limit_seconds": 0},
        {"hard_limit_seconds": -1},
        {"memory_limit_bytes": 1 << 20},
        {"group_size": 0},
        {"improve_rounds": -1},
    ],
)
def test_impossible_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[0]):
        SolveOptions(**wrong)


def test_levels_set_searches_and_depth_and_stay_within_what_vroom_knows() -> None:
    assert [SolveOptions(level=n).effective_searches for n in range(6)] == [4, 8, 12, 16, 24, 32]
    assert SolveOptions(level=3).effective_depth == 3
    assert SolveOptions(searches=10**6, depth=100).effective_searches == 32
    assert SolveOptions(searches=10**6, depth=100).effective_depth == 5


def test_small_problems_get_more_effort_and_large_ones_are_cut() -> None:
    chosen = [choose_options(town(count), 2) for count in (10, 100, 150, 300, 1000)]
    assert [options.group_size is None for options in chosen] == [True, True, True, False, False]
    levels = [options.level for options in chosen]
    assert levels == sorted(levels, reverse=True)
    assert chosen[-1].time_limit_seconds <= 20
    assert all(options.hard_limit_seconds > options.time_limit_seconds for options in chosen)


def test_long_routes_make_small_groups() -> None:
    short, long = town(600, capacity=60, vehicles=60), town(600, capacity=10**6, vehicles=10)
    slower = Problem(tuple(replace(o, service_seconds=1) for o in long.orders), long.vehicles, long.matrices)  # type: ignore[call-arg]
    sizes = [choose_options(given, 2).group_size for given in (short, slower)]
    assert sizes[0] is not None
    assert sizes[1] is not None
    assert sizes[1] < sizes[0]


def test_more_work_is_predicted_for_more_orders_and_higher_levels() -> None:
    small, large = town(50), town(100)
    assert predict_cpu_seconds(small, SolveOptions(level=0)) < predict_cpu_seconds(large, SolveOptions(level=0))
    assert predict_cpu_seconds(large, SolveOptions(level=0)) < predict_cpu_seconds(large, SolveOptions(level=2))
    assert predict_cpu_seconds(large, SolveOptions(group_size=20)) > 0


def test_the_least_number_of_routes_follows_from_load_time_and_stops() -> None:
    orders = [parcel(f"o{n}", n, load=Load(items=3)) for n in range(1, 10)]
    assert expected_routes(problem(orders, [van()])) == 1.0
    assert expected_routes(problem(orders, [van(capacity=Capacity(items=9))])) == 3.0
    assert expected_routes(problem(orders, [van(max_stops=2)])) == 4.5
    assert expected_routes(problem(orders, [van(window=Window(0, 600))])) > 2
