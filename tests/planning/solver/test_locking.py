"""When a locked stop keeps its place, case by case."""

import pytest

from doorstep.planning.solver.handwork import Stop
from doorstep.planning.solver.locking import keep_places
from doorstep.planning.solver.solution import StepKind


def stops(names: str) -> tuple[Stop, ...]:
    return tuple(((StepKind.DELIVERY, name),) for name in names)


@pytest.mark.parametrize(
    ("after", "by_hand", "replanned"),
    [
        ("abLcd", True, True),
        ("baLdc", True, True),
        ("abLcdx", True, True),
        ("abLd", True, True),
        ("bLcd", True, False),
        ("abxLcd", False, False),
        ("abcLd", False, False),
        ("bLacd", False, False),
        ("xbLcd", False, False),
        ("abcd", False, False),
    ],
)
def test_nothing_new_comes_in_front_and_nothing_in_front_goes_behind(
    after: str, by_hand: bool, replanned: bool
) -> None:
    locked = stops("L")
    assert keep_places(stops("abLcd"), stops(after), locked) is by_hand
    assert keep_places(stops("abLcd"), stops(after), locked, may_leave=False) is replanned
