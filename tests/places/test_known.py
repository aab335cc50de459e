"""What a road engine said lately is not asked again, and what is remembered is what it would say."""

from typing import Any

import numpy as np
import pytest
from tests.places.test_networks import MID_ATLANTIC, addresses

from doorstep.places.roads import Position, Roads, known
from doorstep.places.roads.known import KnownLegs
from doorstep.places.roads.osrm import Osrm


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many cells each request to an engine asked for."""
    asked: list[int] = []
    plain = Osrm._post_table

    async def counted(self: Osrm, points: Any, sources: list[int], destinations: list[int] | None = None) -> Any:
        asked.append(len(sources) * len(points if destinations is None else destinations))
        return await plain(self, points, sources, destinations)

    monkeypatch.setattr(Osrm, "_post_table", counted)
    return asked


async def test_only_new_places_are_asked_for_and_the_answer_is_the_same(
    town_roads: Roads, cells: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = cells
    points = [*addresses(town_roads, 60)[20:50], MID_ATLANTIC]
    first = await town_roads.matrix(points, "SCOOTER")
    asked.clear()
    again = await town_roads.matrix(list(reversed(points)), "SCOOTER")
    assert asked == []
    assert np.array_equal(again.durations, first.durations[::-1, ::-1], equal_nan=True)
    assert again.data_version == first.data_version

    more = [*points[:25], *addresses(town_roads, 60)[:2], points[25], MID_ATLANTIC, points[3]]
    grown = await town_roads.matrix(more, "SCOOTER")
    assert sum(asked) == 2 * 29 + 27 * 2, "two rows and two columns"
    monkeypatch.setattr(known, "LASTS_SECONDS", -1.0)
    fresh = await town_roads.matrix(more, "SCOOTER")
    assert np.array_equal(grown.durations, fresh.durations, equal_nan=True)
    assert np.array_equal(grown.distances, fresh.distances, equal_nan=True)
    assert np.isnan(grown.durations[28]).all()
    asked.clear()
    await town_roads.matrix(more, "SCOOTER")
    assert sum(asked) >= len(set(more)) ** 2 - 2 * len(more), "forgotten after its time"


def grids(points: list[Position], by: float = 0.0) -> tuple[Any, Any]:
    """Made-up legs that tell the pair that they belong to."""
    numbers = np.array([point[0] * 1000 for point in points], dtype=np.float32)
    durations = (numbers[:, None] * 1000 + numbers[None, :] + by).astype(np.float32)
    return durations, durations * 10


def points_of(*numbers: int) -> list[Position]:
    return [(number / 1000, 0.0) for number in numbers]


def test_what_was_used_longest_ago_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "MOST_PLACES", 100)
    memory = KnownLegs()
    for start in range(0, 300, 30):
        points = points_of(*range(start, start + 80))
        memory.keep(points, *grids(points), "a")
        durations, distances, new = memory.look_up(points)
        assert new == []
        assert np.array_equal(durations, grids(points)[0])
        assert np.array_equal(distances, grids(points)[1])
    assert len(memory.look_up(points_of(*range(80)))[2]) == 80
    many = points_of(*range(101))
    memory.keep(many, *grids(many), "a")
    assert memory.look_up(many)[2], "more than there is room for is not remembered"


def test_places_that_were_never_asked_for_together_are_asked_for() -> None:
    memory = KnownLegs()
    for part in (points_of(*range(20)), points_of(*range(10), 30, 31)):
        memory.keep(part, *grids(part), "a")
    durations, _, new = memory.look_up(points_of(*range(20), 30))
    assert new == [20]
    assert np.array_equal(durations[:20, :20], grids(points_of(*range(20)))[0])


def test_another_map_forgets_the_old_one_and_so_does_time() -> None:
    now = [0.0]
    memory = KnownLegs(lambda: now[0])
    points = points_of(1, 2)
    memory.keep(points, *grids(points), "a")
    memory.keep(points_of(3), *grids(points_of(3)), "b")
    assert memory.look_up(points)[2] == [0, 1]
    assert memory.look_up(points_of(3))[2] == []
    now[0] = known.LASTS_SECONDS + 1
    assert memory.look_up(points_of(3))[2] == [0]
