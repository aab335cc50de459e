"""Straight lines in place of roads: for flying vehicles, and wherever there is no map.

On the ground the straight line is multiplied by a detour factor that falls from 1.7 next door to 1.3 across town (the
medians measured on a real road network), and divided by a door-to-door speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from doorstep.places.roads import polyline
from doorstep.places.roads.network import Capabilities, Leg, Matrix, Position, Route, Snapped
from doorstep.places.roads.profiles import Profile

DATA_VERSION: Final = "straight-lines"
_EARTH_RADIUS_METERS: Final = 6_371_008.8
_NEAR_DETOUR: Final = 1.7
_FAR_DETOUR: Final = 1.3
_DETOUR_FADES_OVER_METERS: Final = 2_000.0
_METERS_PER_SECOND: Final[dict[Profile, float]] = {
    Profile.FOOT: 5 / 3.6,
    Profile.BICYCLE: 15 / 3.6,
    Profile.SCOOTER: 27 / 3.6,
    Profile.CAR: 32 / 3.6,
    Profile.VAN: 30 / 3.6,
    Profile.TRUCK: 26 / 3.6,
    Profile.STRAIGHT: 50 / 3.6,
}
_Meters = npt.NDArray[np.float64]


class CrowFly:
    """Straight lines for one profile; implements `RoadNetwork`. Drones (STRAIGHT) take no detour."""

    capabilities = Capabilities(real_roads=False, max_points=10_000)

    def __init__(self, profile: Profile) -> None:
        self.profile = profile

    async def snap(self, points: Sequence[Position]) -> list[Snapped]:
        """Every position is its own nearest road."""
        return [Snapped(latitude, longitude, 0.0) for latitude, longitude in points]

    async def matrix(self, points: Sequence[Position]) -> Matrix:
        """Every position is reachable from every other."""
        array = np.array(points, dtype=np.float64).reshape(-1, 2)
        meters = _with_detour(_between(array[:, None, :], array[None, :, :]), self.profile)
        seconds = meters / _METERS_PER_SECOND[self.profile]
        return Matrix(seconds.astype(np.float32), meters.astype(np.float32), DATA_VERSION)

    async def route(self, points: Sequence[Position]) -> Route:
        """Straight legs; their lengths and durations are those of `matrix`."""
        legs = (leg(start, end, self.profile) for start, end in pairwise(points))
        return Route(tuple(legs), DATA_VERSION)

    async def data_version(self) -> str | None:
        """Says that no map was used."""
        return DATA_VERSION

    async def close(self) -> None:
        """Nothing is open."""


def leg(start: Position, end: Position, profile: Profile, *, straight: bool = True) -> Leg:
    """One straight leg with the profile's detour and speed."""
    meters = float(_with_detour(_between(np.array(start), np.array(end)), profile))
    return Leg(meters, meters / _METERS_PER_SECOND[profile], polyline.encode([start, end]), straight)


def _between(start: _Meters, end: _Meters) -> _Meters:
    """Great-circle metres between arrays of (latitude, longitude) in degrees, broadcast over all but the last axis."""
    here, there = np.radians(start), np.radians(end)
    half = (there - here) / 2
    chord = np.sin(half[..., 0]) ** 2 + np.cos(here[..., 0]) * np.cos(there[..., 0]) * np.sin(half[..., 1]) ** 2
    meters: _Meters = 2 * _EARTH_RADIUS_METERS * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0)))
    return meters


def _with_detour(meters: _Meters, profile: Profile) -> _Meters:
    if profile is Profile.STRAIGHT:
        return meters
    factor = _FAR_DETOUR + (_NEAR_DETOUR - _FAR_DETOUR) * np.exp(-meters / _DETOUR_FADES_OVER_METERS)
    lengthened: _Meters = meters * factor
    return lengthened
