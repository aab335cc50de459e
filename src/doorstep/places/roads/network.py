"""The port that every road network has: real roads behind OSRM and straight lines look the same from here.

A position is a plain `(latitude, longitude)` pair in degrees (WGS 84). Distances are metres, durations seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Position: TypeAlias = tuple[float, float]
Grid: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Snapped:
    """The nearest place on a road, and how far the asked position lies from it."""

    latitude: float
    longitude: float
    distance_meters: float


class Matrix(NamedTuple):
    """From row to column: float32 `[n, n]`, NaN where no way leads; `data_version` names the map that was used."""

    durations: Grid
    distances: Grid
    data_version: str | None


@dataclass(frozen=True, slots=True)
class Leg:
    """The way from one position to the next; `straight` says that no road was found and it is as the crow flies."""

    meters: float
    seconds: float
    polyline6: str
    straight: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """The legs between consecutive positions: always one fewer than positions."""

    legs: tuple[Leg, ...]
    data_version: str | None

    @property
    def meters(self) -> float:
        """Length of the whole route."""
        return sum(leg.meters for leg in self.legs)

    @property
    def seconds(self) -> float:
        """Duration of the whole route."""
        return sum(leg.seconds for leg in self.legs)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a network can do: `real_roads` is false for straight lines, `max_points` bounds one matrix."""

    real_roads: bool
    max_points: int


class RoadNetwork(Protocol):
    """One network for one way of moving about."""

    @property
    def capabilities(self) -> Capabilities:
        """What this network can do."""
        ...

    async def snap(self, points: Sequence[Position]) -> list[Snapped]:
        """The nearest road to each position, however far away."""
        ...

    async def matrix(self, points: Sequence[Position]) -> Matrix:
        """Durations and distances between all positions; a position without a road has NaN in its row and column."""
        ...

    async def route(self, points: Sequence[Position]) -> Route:
        """The way through all positions in the given order."""
        ...

    async def data_version(self) -> str | None:
        """Which map the answers come from; None when the network does not say."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
