"""How much longer roads take at some hours."""

from datetime import UTC, datetime, timedelta

import pytest

from doorstep.places.roads import HourFactor, Profile, Traffic, traffic_of

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
RUSH = HourFactor(Profile.CAR, 7, 9, 2.0, frozenset(range(1, 6)))
VIENNA = Traffic((RUSH,), "Europe/Vienna")


def at(hour: float, day: int = 0) -> datetime:
    """An hour in Vienna of the week from Monday, 2 March (winter time) on."""
    return MONDAY + timedelta(days=day, hours=hour - 1)


def test_a_factor_holds_at_its_hours_of_the_clock_on_the_wall_on_its_weekdays_for_its_profile() -> None:
    assert VIENNA.factor(Profile.CAR, at(7)) == VIENNA.factor(Profile.CAR, at(8.99)) == 2.0
    assert VIENNA.factor(Profile.CAR, at(6.99)) == VIENNA.factor(Profile.CAR, at(9)) == 1.0
    assert VIENNA.factor(Profile.CAR, at(8, day=5)) == 1.0, "Saturday"
    assert VIENNA.factor(Profile.BICYCLE, at(8)) == 1.0
    summer = datetime(2026, 7, 6, 5, 30, tzinfo=UTC)  # a Monday, 7:30 in Vienna
    assert VIENNA.factor(Profile.CAR, summer) == 2.0
    assert Traffic((RUSH,), "Asia/Kolkata").factor(Profile.CAR, datetime(2026, 3, 2, 1, 45, tzinfo=UTC)) == 2.0  # 7:15


def test_the_mean_weighs_each_hour_by_how_much_of_it_lies_in_the_time() -> None:
    assert VIENNA.mean(Profile.CAR, at(6), at(10)) == pytest.approx(1.5)
    assert VIENNA.mean(Profile.CAR, at(8.5), at(10.5)) == pytest.approx(1.25)
    assert VIENNA.mean(Profile.CAR, at(8), at(8)) == 2.0
    assert VIENNA.greatest(Profile.CAR, at(6), at(7.5)) == 2.0
    assert VIENNA.greatest(Profile.CAR, at(9), at(12)) == 1.0


def test_a_way_takes_the_factor_of_each_hour_that_it_is_driven_in() -> None:
    hour = 3600.0
    assert VIENNA.seconds(Profile.CAR, hour, at(10)) == hour
    assert VIENNA.seconds(Profile.CAR, hour, at(7)) == 2 * hour
    assert VIENNA.seconds(Profile.CAR, hour, at(6.5)) == pytest.approx(0.5 * hour + 0.5 * hour * 2)
    assert VIENNA.seconds(Profile.CAR, hour, at(8.5)) == pytest.approx(0.5 * hour + 0.75 * hour)
    assert VIENNA.seconds(Profile.CAR, 0.0, at(8)) == 0


def test_who_leaves_later_never_arrives_earlier() -> None:
    arrivals = [
        at(6 + minute / 60) + timedelta(seconds=VIENNA.seconds(Profile.CAR, 1500, at(6 + minute / 60)))
        for minute in range(0, 240, 5)
    ]
    assert arrivals == sorted(arrivals)


def test_the_stored_form_says_the_same() -> None:
    assert traffic_of([RUSH.as_json()], "Europe/Vienna") == VIENNA
