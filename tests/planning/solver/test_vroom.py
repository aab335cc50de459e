"""What is handed to VROOM, and how its answer is read."""

from dataclasses import replace

import numpy as np
import pytest
from tests.planning.solver.cases import line, parcel, problem, town, van, wild

from doorstep.planning.solver.engine import EngineAnswerError, EngineInput
from doorstep.planning.solver.estimate import Objective
from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.problem import (
    MAX_LOAD,
    Break,
    Costs,
    Matrices,
    OnBoard,
    PickupDelivery,
    Problem,
    Visit,
    Window,
    visits,
)
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.vroom import from_engine, to_engine


def translated(given: Problem, **more: object) -> EngineInput:
    return to_engine(given, Travel(given), given.orders, given.vehicles, **more)  # type: ignore[arg-type]


def test_matrices_are_contiguous_unsigned_and_only_of_the_places_that_occur() -> None:
    given = problem([parcel("a", 7), parcel("b", 2)], [van()])
    for _, kind, matrix in translated(given).matrices:
        assert matrix.dtype == np.uint32
        assert matrix.flags.c_contiguous
        assert matrix.tolist() == ([[0, 120, 420], [120, 0, 300], [420, 300, 0]] if kind == "durations" else [
            [0, 1000, 3500], [1000, 0, 2500], [3500, 2500, 0],
        ])  # fmt: skip


def test_a_strided_matrix_gives_the_same_input_as_its_copy() -> None:
    """Planted trap: VROOM ignores strides, so that a transposed or sliced view is read wrongly without an error."""
    rng = np.random.default_rng(3)
    big = rng.integers(1, 900, (20, 20)).astype(np.float32)
    for view in (big[::2, ::2], big[:10, :10].T, np.asfortranarray(big[:10, :10])):
        assert not view.flags.c_contiguous
        copied = np.ascontiguousarray(view)
        orders, fleet = [parcel("a", 3), parcel("b", 8)], [van()]
        one = translated(problem(orders, fleet, Matrices(view, view)))
        other = translated(problem(orders, fleet, Matrices(copied, copied)))
        for (_, _, left), (_, _, right) in zip(one.matrices, other.matrices, strict=True):
            assert np.array_equal(left, right)


@pytest.mark.parametrize("count", [3, 40, 400])
def test_the_sum_of_row_maxima_stays_below_the_engines_limit(count: int) -> None:
    places = line(count + 1)
    places.durations[1, 2] = np.nan
    places.distances[2, 1] = np.inf
    places.durations[0, 3] = places.durations[3, 0] = 3e9
    places.distances[3, 1] = 3e9
    week = Window(0, 7 * 86_400)
    given = problem([parcel(f"o{n}", n) for n in range(1, count + 1)], [van(window=week)], places)
    for _, _, matrix in translated(given).matrices:
        assert int(matrix.max()) * (count + 2) < 2**32
    durations = translated(given).matrices[0][2]
    assert {int(durations[pair]) for pair in ((1, 2), (2, 1), (0, 3), (3, 1))} == {int(durations.max())}


def test_where_the_sentinel_is_shorter_than_a_shift_driving_is_limited() -> None:
    """With very many tasks the cap falls below a long shift: only a limit on driving then keeps vehicles off such legs."""
    places = line(3)
    places.durations[1, 2] = np.nan
    orders = [parcel(f"o{n}", 1 + n % 2) for n in range(2000)]
    given = problem(orders, [van(window=Window(0, 30 * 86_400))], places)
    engine_input = translated(given)
    longest = int(engine_input.matrices[0][2].max())
    assert engine_input.document["vehicles"][0]["max_travel_time"] == longest - 1


def test_times_are_counted_from_the_first_shift_and_clipped_to_the_last() -> None:
    """Planted trap: a window end of 2**32 or more wraps in VROOM and silently loses the order."""
    epoch_like = 1_790_000_000
    shift = Window(epoch_like, epoch_like + 3600)
    windows = (Window(epoch_like - 999, epoch_like + 60), Window(epoch_like + 100, 2**33), Window(0, 5))
    given = problem([parcel("a", 1, windows=windows)], [van(window=shift)])
    document = translated(given).document
    assert document["jobs"][0]["time_windows"] == [[0, 60], [100, 3600]]
    assert document["vehicles"][0]["time_window"] == [0, 3600]


def test_what_vroom_has_no_word_for_becomes_a_skill() -> None:
    orders = [
        parcel("cold", 1, skills=frozenset(["cold"])),
        parcel("bike", 2, vehicle_kinds=frozenset(["BIKE", "FOOT"])),
        parcel("north", 3, depot=5),
        OnBoard("mine", "b", 4),
        parcel("any", 5),
    ]
    fleet = [van("a", skills=frozenset(["cold", "unasked"]), kind="BIKE"), van("b", start=5, kind="VAN")]
    document = translated(problem(orders, fleet)).document
    needed = {job["id"]: set(job["skills"]) for job in document["jobs"]}
    has = {vehicle["id"]: set(vehicle["skills"]) for vehicle in document["vehicles"]}
    allowed = {order: {vehicle for vehicle in has if needed[order] <= has[vehicle]} for order in needed}
    assert allowed == {1: {1}, 2: {1}, 3: {2}, 4: {2}, 5: {1, 2}}


def test_only_dimensions_in_use_are_sent_and_unlimited_means_everything() -> None:
    orders = [parcel("a", 1, load=Load(weight_grams=3)), parcel("b", 2, load=Load(weight_grams=MAX_LOAD))]
    fleet = [van("a"), van("b", capacity=Capacity(weight_grams=7, items=0)), van("c", capacity=Capacity(2**32 - 1))]
    document = translated(problem(orders, fleet)).document
    assert [vehicle["capacity"] for vehicle in document["vehicles"]] == [[MAX_LOAD], [7], [MAX_LOAD]]
    assert [job["delivery"] for job in document["jobs"]] == [[3], [MAX_LOAD]]
    bare = translated(problem([parcel("a", 1, load=Load())], fleet)).document
    assert "capacity" not in bare["vehicles"][0]
    assert "delivery" not in bare["jobs"][0]


def test_each_speed_is_a_matrix_of_its_own_and_vroom_scales_nothing() -> None:
    fleet = [van("a"), van("b", speed_factor=2.0), van("c", speed_factor=1.0)]
    engine_input = translated(problem([parcel("a", 1)], fleet))
    assert [vehicle["profile"] for vehicle in engine_input.document["vehicles"]] == ["p0", "p1", "p0"]
    durations = {profile: matrix for profile, kind, matrix in engine_input.matrices if kind == "durations"}
    assert (int(durations["p0"][0, 1]), int(durations["p1"][0, 1])) == (60, 30)
    assert all("speed_factor" not in vehicle for vehicle in engine_input.document["vehicles"])


def test_a_vehicle_that_costs_nothing_still_prefers_the_short_way() -> None:
    given = problem([parcel("a", 1)], [van(costs=Costs(0, 0, 0))])
    assert translated(given).document["vehicles"][0]["costs"]["per_hour"] == 1


def test_objectives_change_what_vroom_pays_for() -> None:
    given = problem([parcel("a", 1)], [van(costs=Costs(500, 2000, 30))])

    def costs(objective: Objective) -> dict[str, int]:
        found: dict[str, int] = translated(given, objective=objective).document["vehicles"][0]["costs"]
        return found

    assert costs(Objective.COST) == {"fixed": 500, "per_hour": 2000, "per_km": 30, "per_task_hour": 2000}
    assert costs(Objective.DISTANCE)["per_km"] > 100 * costs(Objective.DISTANCE)["per_hour"]
    assert costs(Objective.DURATION)["per_km"] == 0
    assert costs(Objective.FEWEST_VEHICLES)["fixed"] >= 1_000_000


def test_breaks_are_clipped_to_the_shift() -> None:
    pause = Break("lunch", (Window(-50, 100), Window(28_000, 90_000)), 600)
    document = translated(problem([parcel("a", 1)], [van(breaks=(pause,))])).document
    assert document["vehicles"][0]["breaks"] == [
        {"id": 1, "service": 600, "time_windows": [[0, 100], [28_000, 28_200]]}
    ]


def test_no_value_leaves_the_range_of_vroom() -> None:
    for seed in range(20):
        given = wild(seed)
        orders = [o for o in given.orders if all(v.location != given.location_count - 1 for v in visits(o))]
        engine_input = to_engine(given, Travel(given), orders, given.vehicles)
        assert all(0 <= number < 2**32 for number in _numbers(engine_input.document))


def _numbers(value: object) -> list[int]:
    if isinstance(value, dict):
        return [number for inner in value.values() for number in _numbers(inner)]
    if isinstance(value, list):
        return [number for inner in value for number in _numbers(inner)]
    return [value] if isinstance(value, int) else []


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"routes": [{}]},
        {"routes": [{"vehicle": 1, "steps": [{"type": "teleport"}]}]},
        {"routes": [{"vehicle": 77}]},
    ],
)
def test_an_answer_of_unknown_shape_is_an_error_of_its_own(answer: dict[str, object]) -> None:
    given = problem([parcel("a", 1)], [van()])
    with pytest.raises(EngineAnswerError):
        from_engine(given, given.orders, answer)


def test_a_shipment_and_a_delivery_keep_their_names() -> None:
    orders = [PickupDelivery("ü/1", Visit(2), Visit(4)), parcel("ü/2", 3)]
    document = translated(problem(orders, [van()])).document
    assert [s["pickup"]["id"] for s in document["shipments"]] == [1]
    assert [job["id"] for job in document["jobs"]] == [2]
    assert "ü" not in str(document)


def test_costs_and_times_of_a_large_town_are_translated_as_they_are() -> None:
    given = replace(town(30), epoch=5)
    document = translated(given).document
    assert len(document["jobs"]) == 30
    assert {vehicle["start_index"] for vehicle in document["vehicles"]} == {0}
