"""Where an order may be put into a sequence, the shortest detours first."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from doorstep.planning.solver.problem import Order, VehicleShift, visits
from doorstep.planning.solver.sequence import Acts, acts_of
from doorstep.planning.solver.travel import UNREACHABLE, Legs

SPAN = 12
"""A delivery is tried up to so many acts behind its pickup."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A sequence with the order in it; `detour` is the driving that it adds, in seconds."""

    detour: int
    at: tuple[int, ...]


def places(vehicle: VehicleShift, legs: Legs, acts: Acts, order: Order, most: int, first: int = 0) -> list[Place]:
    """The `most` places with the shortest detours, from the act `first` on; none where no way leads."""
    found = _Detours(vehicle, legs, acts)
    ends = [visit.location for visit in visits(order)]
    if len(ends) == 1:
        every = (Place(found.of(at, ends[0]), (at,)) for at in range(first, len(acts) + 1))
    else:
        every = (
            Place(found.of_two(at, then, ends), (at, then))
            for at in range(first, len(acts) + 1)
            for then in range(at, min(len(acts), at + SPAN) + 1)
        )
    return heapq.nsmallest(most, (place for place in every if place.detour < _NO_WAY))


def put(acts: Acts, order: Order, place: Place) -> Acts:
    """The sequence with the order at `place`."""
    new = acts_of(order)
    if len(new) == 1:
        return (*acts[: place.at[0]], *new, *acts[place.at[0] :])
    first, then = place.at
    return (*acts[:first], new[0], *acts[first:then], new[1], *acts[then:])


_NO_WAY = 2**40


class _Detours:
    def __init__(self, vehicle: VehicleShift, legs: Legs, acts: Acts) -> None:
        self._legs = legs
        where: list[int | None] = [None if act.order is None else act.visit.location for act in acts]
        before = vehicle.start
        self._before: list[int] = []
        for place in where:
            self._before.append(before)
            before = before if place is None else place
        self._before.append(before)
        after = vehicle.end
        self._after: list[int | None] = [after]
        for place in reversed(where):
            after = after if place is None else place
            self._after.append(after)
        self._after.reverse()

    def _leg(self, start: int, end: int | None) -> int:
        if end is None:
            return 0
        leg = int(self._legs.seconds[start, end])
        return _NO_WAY if leg == UNREACHABLE else leg

    def of(self, at: int, place: int) -> int:
        before, after = self._before[at], self._after[at]
        return self._leg(before, place) + self._leg(place, after) - self._leg(before, after)

    def of_two(self, at: int, then: int, ends: list[int]) -> int:
        if at != then:
            return self.of(at, ends[0]) + self.of(then, ends[1])
        before, after = self._before[at], self._after[at]
        way = self._leg(before, ends[0]) + self._leg(ends[0], ends[1]) + self._leg(ends[1], after)
        return way - self._leg(before, after)
