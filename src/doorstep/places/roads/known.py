"""Legs that one road engine told lately, by place: a plan that is made again, and a round of dispatch with one new order, ask for little.

A square grid for each engine, of at most `MOST_PLACES` places; what was used longest ago makes room. All is forgotten after `LASTS_SECONDS`, since
a server of somebody else's may have got another map or other traffic meanwhile, and at once when it says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from doorstep.places.roads.network import Grid, Position

MOST_PLACES: Final = 1500
"""Two grids of so many places take 18 MB."""

LASTS_SECONDS: Final = 900.0

_MOST_GAPS: Final = 50
_PLACES_AT_FIRST: Final = 64

Flags = npt.NDArray[np.bool_]


class KnownLegs:
    """What is known of one engine. Durations in seconds, distances in metres, NaN where no way leads (which is known, too)."""

    _slots: dict[Position, int]
    _durations: Grid
    _distances: Grid
    _known: Flags

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._forget(None)

    def look_up(self, points: Sequence[Position]) -> tuple[Grid, Grid, list[int]]:
        """What is known between the positions, and which of them must be asked to complete it (as sources and as destinations)."""
        if self._clock() - self._since > LASTS_SECONDS:
            self._forget(None)
        slots = [self._slots.get(place(point), -1) for point in points]
        new = [index for index, slot in enumerate(slots) if slot < 0]
        durations, distances = self._durations[np.ix_(slots, slots)], self._distances[np.ix_(slots, slots)]
        lacking = ~self._known[np.ix_(slots, slots)]
        for grid in (durations, distances):
            grid[new, :] = np.nan
            grid[:, new] = np.nan
        for point in points:
            self._touch(place(point))
        return durations, distances, sorted({*new, *_gaps(lacking, new)})

    def keep(self, points: Sequence[Position], durations: Grid, distances: Grid, version: str | None) -> None:
        """Remember what the engine said of all pairs of these positions; more of them than there is room for are not remembered."""
        places = list(dict.fromkeys(place(point) for point in points))
        if version != self._version:
            self._forget(version)
        if len(places) > MOST_PLACES:
            return
        self._make_room(places)
        slots = [self._slots[place(point)] for point in points]
        self._durations[np.ix_(slots, slots)] = durations
        self._distances[np.ix_(slots, slots)] = distances
        self._known[np.ix_(slots, slots)] = True

    def _touch(self, key: Position) -> None:
        """The slots are in the sequence of their last use."""
        slot = self._slots.pop(key, None)
        if slot is not None:
            self._slots[key] = slot

    def _make_room(self, places: Sequence[Position]) -> None:
        for key in places:
            self._touch(key)
        new = [key for key in places if key not in self._slots]
        excess = len(self._slots) + len(new) - MOST_PLACES
        free = [self._slots.pop(key) for key in list(self._slots)[: max(0, excess)]]
        for slot in free:
            self._known[slot, :] = False
            self._known[:, slot] = False
        free += range(len(self._slots) + len(free), len(self._slots) + len(new))
        self._grow(max(free, default=-1) + 1)
        self._slots |= dict(zip(new, free, strict=True))

    def _grow(self, needed: int) -> None:
        size = self._known.shape[0]
        if needed <= size:
            return
        size = min(MOST_PLACES, max(needed, 2 * size))
        self._durations = _enlarged(self._durations, size)
        self._distances = _enlarged(self._distances, size)
        known = np.zeros((size, size), dtype=np.bool_)
        known[: self._known.shape[0], : self._known.shape[0]] = self._known
        self._known = known

    def _forget(self, version: str | None) -> None:
        self._version = version
        self._since = self._clock()
        self._slots = {}
        self._durations = _nothing(_PLACES_AT_FIRST)
        self._distances = _nothing(_PLACES_AT_FIRST)
        self._known = np.zeros((_PLACES_AT_FIRST, _PLACES_AT_FIRST), dtype=np.bool_)


def place(point: Position) -> Position:
    """A position as it is told to the engine: to 0.1 m."""
    return round(point[0], 6), round(point[1], 6)


def _gaps(lacking: Flags, new: Sequence[int]) -> list[int]:
    """Few positions that every unknown pair has one of; all of them when there is no such few."""
    lacking[new, :] = False
    lacking[:, new] = False
    found: list[int] = []
    while lacking.any():
        if len(found) == _MOST_GAPS:
            return list(range(lacking.shape[0]))
        worst = int(np.argmax(lacking.sum(axis=0) + lacking.sum(axis=1)))
        lacking[worst, :] = False
        lacking[:, worst] = False
        found.append(worst)
    return found


def _enlarged(grid: Grid, size: int) -> Grid:
    larger = _nothing(size)
    larger[: grid.shape[0], : grid.shape[0]] = grid
    return larger


def _nothing(count: int) -> Grid:
    return np.full((count, count), np.nan, dtype=np.float32)
