"""Arrival times: how a delay goes through a route."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.kernel.geo import Coordinates, distance_meters
from doorstep.kernel.ids import new_id
from doorstep.kernel.time import TimeWindow
from doorstep.planning.model import StopKind, StopStatus
from doorstep.tracking.model.eta import DETOUR, TimedStop, estimate_arrivals, late_by

NINE = datetime(2027, 3, 1, 9, tzinfo=UTC)
K, S = StopKind, StopStatus


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def window(start: float, end: float) -> TimeWindow:
    return TimeWindow(at(start), at(end))


def stop(
    kind: StopKind,
    arrival: float,
    service: float = 2,
    wait: float = 0,
    windows: Sequence[Sequence[TimeWindow]] = (),
    longitude: float | None = 9.5,
) -> TimedStop:
    return TimedStop(
        id=new_id(),
        kind=kind,
        status=S.PENDING,
        planned_arrival=at(arrival),
        planned_service_start=at(arrival + wait),
        planned_departure=at(arrival + wait + service),
        place=None if longitude is None else Coordinates(47.0, longitude),
        leg_meters=1000,
        leg_seconds=100,
        windows=tuple(tuple(one) for one in windows),
    )


def departed(one: TimedStop, minutes: float) -> TimedStop:
    return replace(one, status=S.EN_ROUTE, departed_at=at(minutes))


def arrived(one: TimedStop, minutes: float) -> TimedStop:
    return replace(one, status=S.ARRIVED, arrived_at=at(minutes))


def closed(one: TimedStop, came: float, left: float, status: StopStatus = S.COMPLETED) -> TimedStop:
    return replace(one, status=status, arrived_at=at(came), closed_at=at(left))


def minutes(stops: Sequence[TimedStop]) -> list[float]:
    """The estimated arrivals of the open stops, in minutes after nine."""
    found = estimate_arrivals(stops)
    return [(found[one.id] - NINE).total_seconds() / 60 for one in stops if one.id in found]


def plain() -> list[TimedStop]:
    """Leaves at 5; 10, 20 and 30 with two minutes each; so legs of 5, 8, 8 and 8 minutes."""
    return [
        stop(K.DEPOT_START, 0, 5),
        stop(K.DROPOFF, 10),
        stop(K.DROPOFF, 20),
        stop(K.DROPOFF, 30),
        stop(K.DEPOT_END, 40, 0),
    ]


def test_before_the_first_act_all_is_as_planned() -> None:
    assert minutes(plain()) == [0, 10, 20, 30, 40]


@pytest.mark.parametrize("delay", [-4, 0, 7])
def test_leaving_late_or_early_shifts_everything(delay: float) -> None:
    stops = plain()
    stops[0] = closed(stops[0], 0, 5 + delay)
    assert minutes(stops) == [10 + delay, 20 + delay, 30 + delay, 40 + delay]


def test_a_delay_on_the_way_is_known_at_the_arrival() -> None:
    stops = plain()
    stops[0] = closed(stops[0], 0, 5)
    stops[1] = departed(stops[1], 5)
    assert minutes(stops) == [10, 20, 30, 40]
    stops[1] = arrived(stops[1], 14)
    assert minutes(stops) == [14, 24, 34, 44]


def test_a_service_that_takes_longer_counts_when_it_ends() -> None:
    stops = plain()
    stops[0] = closed(stops[0], 0, 5)
    stops[1] = closed(stops[1], 10, 19)
    assert minutes(stops) == [27, 37, 47]


def test_waiting_for_a_window_absorbs_a_delay() -> None:
    stops = plain()
    stops[2] = stop(K.DROPOFF, 20, wait=5, windows=[[window(25, 60)]])
    stops[3], stops[4] = stop(K.DROPOFF, 35), stop(K.DEPOT_END, 45, 0)
    for delay, rest in ((0, [20, 35, 45]), (3, [23, 35, 45]), (5, [25, 35, 45]), (9, [29, 39, 49])):
        stops[1] = closed(stops[1], 10, 12 + delay)
        stops[0] = closed(stops[0], 0, 5)
        assert minutes(stops) == rest


def test_being_early_ends_at_the_next_window() -> None:
    stops = plain()
    stops[2] = stop(K.DROPOFF, 20, windows=[[window(18, 60)]])
    stops[0], stops[1] = closed(stops[0], 0, 1), closed(stops[1], 4, 6)
    assert minutes(stops) == [14, 28, 38]


def test_between_two_windows_the_second_one_is_waited_for_and_past_all_nothing_is() -> None:
    stops = plain()[:3]
    stops[1] = stop(K.DROPOFF, 10, windows=[[window(8, 12), window(30, 40)]])
    for left, next_arrival in ((5, 20), (10, 40), (38, 53)):
        stops[0] = closed(stops[0], 0, left)
        assert minutes(stops)[1] == next_arrival


def test_everybody_at_a_stop_must_be_at_home() -> None:
    stops = plain()[:3]
    stops[1] = stop(K.DROPOFF, 10, windows=[[window(0, 60)], [window(16, 60)]])
    stops[0] = closed(stops[0], 0, 5)
    assert minutes(stops) == [10, 26]


def test_a_pause_is_not_taken_before_its_planned_time_when_the_plan_waits_for_it() -> None:
    stops = plain()
    stops[2] = stop(K.BREAK, 14, 15, wait=6, longitude=None)
    stops[3], stops[4] = stop(K.DROPOFF, 40), stop(K.DEPOT_END, 50, 0)
    stops[0], stops[1] = closed(stops[0], 0, 5), closed(stops[1], 10, 12)
    assert minutes(stops) == [14, 40, 50]
    stops[1] = closed(stops[1], 10, 20)
    assert minutes(stops) == [22, 42, 52]


def test_a_pause_that_fell_away_costs_only_the_way() -> None:
    stops = plain()
    stops[2] = replace(stop(K.BREAK, 15, 15, longitude=None), status=S.SKIPPED, closed_at=at(12))
    stops[3], stops[4] = stop(K.DROPOFF, 35), stop(K.DEPOT_END, 45, 0)
    stops[0], stops[1] = closed(stops[0], 0, 5), closed(stops[1], 10, 12)
    assert minutes(stops) == [12 + 3 + 5, 30]


def test_stops_that_were_not_neighbours_are_apart_by_the_straight_line() -> None:
    stops = [
        stop(K.DEPOT_START, 0, 5, longitude=9.50),
        stop(K.DROPOFF, 10, longitude=9.51),
        stop(K.DROPOFF, 20, longitude=9.52),
        stop(K.DROPOFF, 30, longitude=9.53),
    ]
    stops[0], stops[1] = closed(stops[0], 0, 5), closed(stops[1], 10, 12)
    stops[2] = replace(stops[2], status=S.CANCELLED, closed_at=at(11))
    apart = distance_meters(Coordinates(47, 9.51), Coordinates(47, 9.53)) * DETOUR / 10
    assert minutes(stops) == pytest.approx([12 + apart / 60])


def test_a_leg_that_was_timed_anew_is_taken_as_it_is() -> None:
    stops = plain()
    stops[0], stops[1] = closed(stops[0], 0, 5), closed(stops[1], 15, 17)
    stops[2] = replace(stops[2], status=S.CANCELLED, closed_at=at(11))
    stops[3], stops[4] = replace(stop(K.DROPOFF, 23), leg_seconds=11 * 60), stop(K.DEPOT_END, 33, 0)
    assert minutes(stops) == [28, 38]


def test_what_was_skipped_comes_last() -> None:
    stops = plain()
    stops[0] = closed(stops[0], 0, 5)
    last = [stops[0], stops[2], stops[3], stops[1], stops[4]]
    found = minutes(last)
    assert found == sorted(found)
    assert len(found) == 4


def test_the_stop_under_way_comes_first_whatever_its_place() -> None:
    stops = plain()
    stops[0] = closed(stops[0], 0, 5)
    stops[2] = departed(stops[2], 6)
    found = estimate_arrivals(stops)
    assert found[stops[2].id] < found[stops[1].id] < found[stops[3].id]


def test_nothing_is_expected_before_the_newest_fact() -> None:
    stops = plain()
    stops[0] = closed(stops[0], 0, 5)
    stops[1] = departed(stops[1], 5)
    stops[3] = replace(stops[3], status=S.FAILED, closed_at=at(25))
    assert minutes(stops)[0] == 25


def test_lateness_is_measured_against_the_last_window() -> None:
    windows = [window(0, 10), window(20, 30)]
    assert [late_by(at(one), windows) for one in (5, 15, 30, 31.5)] == [0, 0, 0, 90]
    assert late_by(at(1000), []) == 0


@given(delay=st.integers(-10, 240), opens=st.integers(0, 120), longer=st.integers(0, 60))
def test_more_delay_never_makes_an_arrival_earlier(delay: int, opens: int, longer: int) -> None:
    def arrivals(late: int) -> list[float]:
        stops = plain()
        stops[0] = closed(stops[0], 0, 5 + late)
        stops[2] = stop(K.DROPOFF, 20, windows=[[window(opens, opens + 30)]])
        return minutes(stops)

    assert all(before <= after for before, after in zip(arrivals(delay), arrivals(delay + longer), strict=True))
    assert arrivals(delay) == sorted(arrivals(delay))
