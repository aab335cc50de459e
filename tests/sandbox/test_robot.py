"""What a robot does next, as a pure function."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from doorstep.kernel.geo import Coordinates, point_along
from doorstep.planning.model import StopKind, StopStatus
from doorstep.sandbox.model import Ending, SimulatedOutcome
from doorstep.sandbox.model.robot import Call, RobotAct, Script, next_act, positions_due

NINE = datetime(2027, 3, 1, 9, tzinfo=UTC)
A, B = UUID(int=1), UUID(int=2)
STEP = timedelta(seconds=60)


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def call(
    number: int, kind: str, status: str = "PENDING", orders: tuple[UUID, ...] = (), arrival: float = 0, **more: datetime
) -> Call:
    """A stop that is reached after a leg of 5 minutes, waits a minute and serves for two."""
    start = at(arrival + 1)
    return Call(
        UUID(int=100 + number), StopKind(kind), StopStatus(status), number, at(arrival), start, start + timedelta(minutes=2),
        timedelta(minutes=5), orders, **more,
    )  # fmt: skip


def said(act: RobotAct | None) -> tuple[int, str, float] | None:
    """Which stop, which act, minutes after nine."""
    return None if act is None else (act.call.sequence, act.act.value, (act.at - NINE).total_seconds() / 60)


START, END = call(0, "DEPOT_START"), call(9, "DEPOT_END", arrival=60)


@pytest.mark.parametrize(
    ("calls", "played_to", "wanted"),
    [
        ([START, call(1, "DROPOFF", orders=(A,), arrival=20), END], -30, (0, "COMPLETE", 3)),
        ([START], 10, (0, "COMPLETE", 10)),
        ([call(1, "DROPOFF", orders=(A,), arrival=20), END], 3, (1, "DEPART", 15)),
        ([call(1, "DROPOFF", orders=(A,), arrival=20), END], 30, (1, "DEPART", 30)),
        ([call(1, "DROPOFF", "EN_ROUTE", (A,), 20, departed_at=at(30))], 30, (1, "ARRIVE", 35)),
        ([call(1, "DROPOFF", "ARRIVED", (A,), 20, arrived_at=at(20))], 20, (1, "COMPLETE", 23)),
        ([call(1, "DROPOFF", "ARRIVED", (A,), 20, arrived_at=at(35))], 35, (1, "COMPLETE", 37)),
        ([call(1, "DROPOFF", arrival=20), END], 3, (1, "SKIP", 3)),
        ([call(1, "DROPOFF", orders=(A,), arrival=5), call(2, "DROPOFF", "EN_ROUTE", (B,), 9, departed_at=at(6))], 6, (2, "ARRIVE", 11)),
        ([call(1, "BREAK", arrival=20), END], 3, (1, "DEPART", 15)),
        ([END], 3, (9, "DEPART", 55)),
        ([], 3, None),
    ],
)  # fmt: skip
def test_a_route_is_driven_as_planned(calls: list[Call], played_to: float, wanted: object) -> None:
    assert said(next_act(calls, Script(), at(played_to))) == wanted


def test_late_after_the_window_or_the_plan_whichever_is_later() -> None:
    late = {A: Ending(SimulatedOutcome.LATE, 30)}
    calls = [call(1, "DROPOFF", orders=(A, B), arrival=20)]
    assert said(next_act(calls, Script(late), at(3))) == (1, "DEPART", 45)
    assert said(next_act(calls, Script(late, window_ends={A: at(40)}), at(3))) == (1, "DEPART", 65)
    assert said(next_act(calls, Script(late, window_ends={A: at(10)}), at(3))) == (1, "DEPART", 45)
    assert said(next_act(calls, Script(late, only=A, step=STEP, window_ends={A: at(40)}), at(3))) == (1, "DEPART", 69)
    assert said(next_act(calls, Script(late, only=B, step=STEP), at(3))) == (1, "DEPART", 4)


def test_at_a_door_each_order_ends_in_its_own_way() -> None:
    door = call(1, "DROPOFF", "ARRIVED", (B, A), 20, arrived_at=at(20))
    script = Script({A: Ending(SimulatedOutcome.REFUSED)})
    first = next_act([door], script, at(20))
    assert first is not None
    assert (first.act.value, first.order_ids, first.reason) == ("FAIL", (A,), "REFUSED")
    second = next_act([call(1, "DROPOFF", "ARRIVED", (B,), 20, arrived_at=at(20))], script, at(23))
    assert second is not None
    assert (second.act.value, second.order_ids, second.reason, second.at) == ("COMPLETE", (B,), None, at(23))


def test_for_one_order_other_stops_are_left_alone_until_nobody_waits() -> None:
    script = Script(only=A, step=STEP)
    others = [call(1, "DROPOFF", orders=(B,), arrival=5), call(2, "DROPOFF", orders=(A,), arrival=20), END]
    assert said(next_act([START, *others], script, at(0))) == (0, "COMPLETE", 1)
    assert said(next_act(others, script, at(1))) == (2, "DEPART", 2)
    assert next_act([others[0], END], script, at(5)) is None
    assert said(next_act([END], script, at(5))) == (9, "DEPART", 6)
    shared = next_act([call(2, "PICKUP", "ARRIVED", (A, B), 20, arrived_at=at(20))], script, at(20))
    assert shared is not None
    assert shared.order_ids == (A,)


def test_positions_lie_between_setting_off_and_arriving() -> None:
    arrive = next_act(
        [call(1, "DROPOFF", "EN_ROUTE", (A,), 20, departed_at=at(0))], Script(step=timedelta(minutes=8), only=A), at(0)
    )
    assert arrive is not None
    assert positions_due(arrive, at(0)) == [at(2), at(4), at(6)]


def test_a_share_of_a_path_goes_by_its_length() -> None:
    corner = [Coordinates(0, 0), Coordinates(0, 0.01), Coordinates(0, 0.01), Coordinates(0.03, 0.01)]
    assert point_along(corner, 0) == corner[0]
    middle = point_along(corner, 0.5)
    assert (round(middle.latitude, 6), middle.longitude) == (0.01, 0.01)
    assert point_along(corner, 1).latitude == pytest.approx(0.03)
    assert point_along(corner[:1], 0.5) == corner[0]
