"""Nonsense is refused when a problem is made, with the path of the value; no engine is asked."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.planning.solver.cases import line, parcel, problem, van

from doorstep.planning.solver.errors import ProblemInvalidError
from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.problem import (
    Break,
    Costs,
    Matrices,
    OnBoard,
    PickupDelivery,
    Problem,
    Visit,
    Window,
    merged,
    visits,
)

GOOD = line(10)


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (parcel("a", 10), "orders[a].location"),
        (parcel("a", -1), "orders[a].location"),
        (parcel("a", 1, service_seconds=-1), "orders[a].service_seconds"),
        (parcel("a", 1, load=Load(weight_grams=-5)), "orders[a].load.weight_grams"),
        (parcel("a", 1, load=Load(items=2**32)), "orders[a].load.items"),
        (parcel("a", 1, load=Load(volume_cm3=1.5)), "orders[a].load.volume_cm3"),  # type: ignore[arg-type]
        (parcel("a", 1, windows=(Window(20, 10),)), "orders[a].windows[0]"),
        (parcel("a", 1, windows=(Window(0, 1), Window(0, 2**41))), "orders[a].windows[1].end"),
        (parcel("a", 1, windows=(Window(0, 9),) * 101), "orders[a].windows"),
        (parcel("a", 1, priority=101), "orders[a].priority"),
        (parcel("a", 1, skills=frozenset([""])), "orders[a].skills"),
        (parcel("a", 1, depot=99), "orders[a].depot"),
        (parcel("", 1), "orders"),
        (PickupDelivery("a", Visit(1), Visit(11)), "orders[a].delivery.location"),
        (PickupDelivery("a", Visit(1, -3), Visit(2)), "orders[a].pickup.service_seconds"),
        (OnBoard("a", "nobody", 1), "orders[a].vehicle"),
        (parcel("a", 1, vehicles=frozenset(["nobody"])), "orders[a].vehicles"),
    ],
)
def test_a_bad_order_is_named(order: Any, field: str) -> None:
    with pytest.raises(ProblemInvalidError) as caught:
        problem([order], [van()])
    assert caught.value.field == field
    assert caught.value.message


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"start": 10}, "vehicles[van].start"),
        ({"end": -1}, "vehicles[van].end"),
        ({"window": Window(10, 10)}, "vehicles[van].window"),
        ({"window": Window(10, 5)}, "vehicles[van].window"),
        ({"window": Window(0, 2 * 366 * 86_400)}, "vehicles"),
        ({"profile": "boat"}, "vehicles[van].profile"),
        ({"capacity": Capacity(items=-1)}, "vehicles[van].capacity.items"),
        ({"costs": Costs(per_hour=10**9)}, "vehicles[van].costs.per_hour"),
        ({"speed_factor": 0.0}, "vehicles[van].speed_factor"),
        ({"speed_factor": float("nan")}, "vehicles[van].speed_factor"),
        ({"max_stops": 0}, "vehicles[van].max_stops"),
        ({"max_driving_seconds": -1}, "vehicles[van].max_driving_seconds"),
        ({"breaks": (Break("b", (), 600),)}, "vehicles[van].breaks[b].windows"),
        ({"breaks": (Break("b", (Window(90_000, 91_000),), 600),)}, "vehicles[van].breaks[b].windows"),
        ({"breaks": (Break("b", (Window(0, 9),), -1),)}, "vehicles[van].breaks[b].duration_seconds"),
        ({"breaks": (Break("b", (Window(0, 9),), 1, Load(items=-1)),)}, "vehicles[van].breaks[b].max_load.items"),
        ({"breaks": (Break("b", (Window(0, 9),), 1),) * 2}, "vehicles[van].breaks"),
    ],
)
def test_a_bad_vehicle_shift_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ProblemInvalidError) as caught:
        problem([parcel("a", 1)], [van(**changes)])
    assert caught.value.field == field


def test_nothing_to_plan_and_nobody_to_drive_are_refused() -> None:
    with pytest.raises(ProblemInvalidError, match="nothing to plan"):
        problem([], [van()])
    with pytest.raises(ProblemInvalidError, match="no vehicle"):
        problem([parcel("a", 1)], [])


def test_an_id_may_occur_only_once() -> None:
    with pytest.raises(ProblemInvalidError, match="'a' occurs twice"):
        problem([parcel("a", 1), parcel("a", 2)], [van()])
    with pytest.raises(ProblemInvalidError, match="'van' occurs twice"):
        problem([parcel("a", 1)], [van(), van()])


@pytest.mark.parametrize(
    "broken",
    [
        Matrices(GOOD.durations[:9], GOOD.distances),
        Matrices(GOOD.durations[:9, :9], GOOD.distances),
        Matrices(-GOOD.durations, GOOD.distances),
        Matrices(GOOD.durations, np.zeros((0, 0), dtype=np.float32)),
        Matrices(GOOD.durations.astype(str), GOOD.distances),  # type: ignore[arg-type]
        Matrices([[0.0]], GOOD.distances),  # type: ignore[arg-type]
    ],
)
def test_matrices_are_square_numbers_of_one_size(broken: Matrices) -> None:
    with pytest.raises(ProblemInvalidError, match="matrices"):
        Problem((parcel("a", 1),), (van(),), {"car": broken})


def test_profiles_of_different_sizes_are_refused() -> None:
    with pytest.raises(ProblemInvalidError, match="different numbers of locations"):
        Problem((parcel("a", 1),), (van(),), {"car": line(10), "bike": line(11)})
    with pytest.raises(ProblemInvalidError, match="at least one profile"):
        Problem((parcel("a", 1),), (van(),), {})


def test_windows_that_overlap_or_touch_become_one() -> None:
    assert merged([Window(50, 60), Window(0, 10), Window(11, 20), Window(5, 8)]) == (Window(0, 20), Window(50, 60))


def test_the_end_of_an_on_board_orders_window_is_a_promise_and_its_start_a_rule() -> None:
    order = OnBoard("a", "van", 3, windows=(Window(500, 600), Window(100, 200)))
    (visit,) = visits(order)
    assert visit.windows[0].start == 100
    assert visit.windows[0].end > 10**9


def test_a_problem_knows_its_size() -> None:
    given = problem(
        [parcel("a", 1), PickupDelivery("b", Visit(1), Visit(2))], [van(), replace(van("late"), window=Window(90, 99))]
    )
    assert (given.location_count, given.task_count, given.horizon) == (10, 3, Window(0, 8 * 3600))
    assert given.order_by_id["b"] is given.orders[1]
