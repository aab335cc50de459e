"""Where an order may be put into a finished sequence, and what would have to give there at least.

All places of a sequence are judged from two passes over it: how early the vehicle can be free before each act, and how
late it may leave one so that all that follow keep their windows. Breaks are left out of both, so what is told is a lower
bound where the vehicle has breaks, and exact where it has none; `easing` measures and verifies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from doorstep.planning.solver.load import Load, peak
from doorstep.planning.solver.problem import Order, VehicleShift, Visit, Window, visits
from doorstep.planning.solver.relaxing import (
    DAY,
    MINUTE,
    Changes,
    Lever,
    later_end,
    longer_limits,
    more_capacity,
    share_of,
    unmet_demands,
    wider_window,
)
from doorstep.planning.solver.sequence import Acts, acts_of, loads, tasks_of
from doorstep.planning.solver.solution import StepKind
from doorstep.planning.solver.travel import UNREACHABLE, Legs
from doorstep.planning.solver.unassigned import next_open

LONG = 60
"""In sequences of more acts a delivery is tried up to SPAN acts behind its pickup, else anywhere behind it."""
SPAN = 12


@dataclass(frozen=True, slots=True)
class Spot:
    """A place for the order, before the acts at these numbers, and what has to give there; `share` is its size.

    `detour` is the driving that the order adds, in seconds.
    """

    share: float
    detour: int
    at: tuple[int, ...]
    changes: Changes


@dataclass(frozen=True, slots=True)
class _Due:
    """The latest times to leave each act, and to be home, that keep what follows; `home` is the shift's end."""

    acts: list[int]
    home: int


class Line:
    """A vehicle's sequence, ready to be asked about places; None of its own windows may break."""

    def __init__(self, vehicle: VehicleShift, legs: Legs, acts: Acts, strict: _Due, free: _Due) -> None:
        self.vehicle, self.legs, self.acts = vehicle, legs, acts
        self._strict, self._free = strict, free
        self._here, self._now = _forward(vehicle, legs, acts)
        self._loads = loads(acts)
        self._peaks = _running_peaks(self._loads, acts)
        places = [vehicle.start, *(act.visit.location for act in acts)]
        places += [] if vehicle.end is None else [vehicle.end]
        pairs = list(pairwise(places))
        self._driven = sum(int(legs.seconds[pair]) for pair in pairs)
        self._meters = sum(int(legs.meters[pair]) for pair in pairs)

    @classmethod
    def of(cls, vehicle: VehicleShift, legs: Legs, acts: Acts) -> Self | None:
        """The vehicle's sequence; None when it does not hold by itself."""
        tasks = tasks_of(acts)
        strict = _backward(vehicle, legs, tasks, vehicle.window.end)
        free = _backward(vehicle, legs, tasks, vehicle.window.end + DAY)
        return None if strict is None or free is None else cls(vehicle, legs, tasks, strict, free)

    def spots(self, order: Order) -> Iterator[Spot]:
        """Every place for the order with each way in which times may give there; the most promising are not first."""
        demands = unmet_demands(order, self.vehicle)
        ends = visits(order)
        found = self._of_one(ends[0]) if len(ends) == 1 else self._of_two(ends[0], ends[1])
        for at, driven, meters, times in found:
            changes = (*demands, *self._forced(order, at, driven, meters), *times)
            yield Spot(share_of(changes), driven, at, changes)

    def _forced(self, order: Order, at: tuple[int, ...], driven: int, meters: int) -> Changes:
        """What must give whatever the times: capacity and limits."""
        fullest = self._peaks[at[0]] if len(at) == 1 else peak(self._loads[at[0] : at[1] + 1])
        tasks = sum(act.order is not None for act in self.acts) + len(at)
        return (
            *more_capacity(self.vehicle, fullest + order.load),
            *longer_limits(self.vehicle, tasks, self._meters + meters, self._driven + driven),
        )

    # -- one visit -----------------------------------------------------------------------------------------------------

    def _of_one(self, visit: Visit) -> Iterator[tuple[tuple[int, ...], int, int, Changes]]:
        for at in range(len(self.acts) + 1):
            here, place = self._here[at], visit.location
            driven = self._detour(here, (place,), at)
            if driven is None:
                continue
            arrival = self._now[at] + int(self.legs.seconds[here, place])
            stay = visit.stay(self.vehicle.kind, here)
            for times in self._ways(Lever.WINDOW, visit.windows, arrival, self._latest(at, place, stay)):
                yield (at,), *driven, times

    # -- two visits ----------------------------------------------------------------------------------------------------

    def _of_two(self, pickup: Visit, delivery: Visit) -> Iterator[tuple[tuple[int, ...], int, int, Changes]]:
        for at in range(len(self.acts) + 1):
            here = self._here[at]
            leg = int(self.legs.seconds[here, pickup.location])
            if leg == UNREACHABLE:
                continue
            arrival, stay = self._now[at] + leg, pickup.stay(self.vehicle.kind, here)
            for opening in _openings(pickup.windows, arrival):
                for then, driven, room, ways in self._rest_of_two(at, pickup.location, opening.begin + stay, delivery):
                    for times in ways:
                        yield (at, then), *driven, (*opening.given(room), *times)

    def _rest_of_two(
        self, at: int, source: int, now: int, delivery: Visit
    ) -> Iterator[tuple[int, tuple[int, int], int, list[Changes]]]:
        """The places for the delivery when the vehicle leaves the pickup at `now`, and how much later it might leave."""
        here, target, waited = source, delivery.location, 0
        last = len(self.acts) if len(self.acts) <= LONG else min(len(self.acts), at + SPAN)
        for then in range(at, last + 1):
            driven = self._detour_of_two(at, then, source, here, target)
            if driven is not None:
                arrival = now + int(self.legs.seconds[here, target])
                latest = self._latest(then, target, delivery.stay(self.vehicle.kind, here))
                ways = list(self._ways(Lever.WINDOW, delivery.windows, arrival, latest))
                by = latest[0] if ways == [()] else latest[1]
                by = None if by is None else _last_open(delivery.windows if ways == [()] else (), by)
                yield then, driven, waited + max(0, (arrival if by is None else by) - arrival), ways
            if then == last:
                return
            on = self.acts[then].visit
            arrival = now + int(self.legs.seconds[here, on.location])
            begin = next_open(on.windows, arrival)
            if begin is None:
                return
            waited += begin - arrival
            now = begin + on.stay(self.vehicle.kind, here)
            here = on.location
            if now > self._free.acts[then]:
                return

    # -- times ---------------------------------------------------------------------------------------------------------

    def _latest(self, at: int, place: int, stay: int) -> tuple[int | None, int | None]:
        """When service must begin at `place`, before act `at`, within the shift and with a longer one."""
        strict, free = self._leave(self._strict, at, place), self._leave(self._free, at, place)
        return None if strict is None else strict - stay, None if free is None else free - stay

    def _leave(self, due: _Due, at: int, place: int) -> int | None:
        return _latest_departure(self.vehicle, self.legs, self.acts, due, at, place)

    def _ways(
        self, lever: Lever, windows: tuple[Window, ...], arrival: int, latest: tuple[int | None, int | None]
    ) -> Iterator[Changes]:
        """What may give so that service begins from `arrival` on and not after `latest`; `()` when nothing has to."""
        strict, free = latest
        if strict is not None and arrival <= strict:
            begin = next_open(windows, arrival)
            if begin is not None and begin <= strict:
                yield ()
                return
            yield from (_later(lever, window, arrival) for window in windows if window.end < arrival)
            yield from (
                (wider_window(lever, window, window.start - strict, earlier=True),)
                for window in windows
                if window.start > strict
            )
        if free is not None and arrival <= free:
            yield from self._with_longer_shift(lever, windows, arrival, strict, free)

    def _with_longer_shift(
        self, lever: Lever, windows: tuple[Window, ...], arrival: int, strict: int | None, free: int
    ) -> Iterator[Changes]:
        def end(begin: int) -> Changes:
            return (later_end(self.vehicle, MINUTE if strict is None else begin - strict),)

        begin = next_open(windows, arrival)
        if begin is not None and begin <= free:
            yield end(begin)
        if strict is None or arrival > strict:
            for window in windows:
                if window.end < arrival:
                    yield (*_later(lever, window, arrival), *end(arrival))

    # -- travel --------------------------------------------------------------------------------------------------------

    def _detour(self, here: int, through: tuple[int, ...], at: int) -> tuple[int, int] | None:
        """Seconds and metres that going from `here` through these places to act `at` adds; None where no way leads."""
        after = self.acts[at].visit.location if at < len(self.acts) else self.vehicle.end
        ways = [here, *through] if after is None else [here, *through, after]
        seconds = meters = 0
        for one, other in pairwise(ways):
            leg = int(self.legs.seconds[one, other])
            if leg == UNREACHABLE:
                return None
            seconds += leg
            meters += int(self.legs.meters[one, other])
        if after is None:
            return seconds, meters
        return seconds - int(self.legs.seconds[here, after]), meters - int(self.legs.meters[here, after])

    def _detour_of_two(self, at: int, then: int, source: int, here: int, target: int) -> tuple[int, int] | None:
        if at == then:
            return self._detour(self._here[at], (source, target), at)
        first, second = self._detour(self._here[at], (source,), at), self._detour(here, (target,), then)
        return None if first is None or second is None else (first[0] + second[0], first[1] + second[1])


def put(acts: Acts, order: Order, at: tuple[int, ...]) -> Acts:
    """The sequence, breaks and all, with the order before its tasks at these numbers."""
    numbers = [number for number, act in enumerate(acts) if act.pause is None]
    places = [numbers[one] if one < len(numbers) else len(acts) for one in at]
    new = acts_of(order)
    if len(new) == 1:
        return (*acts[: places[0]], *new, *acts[places[0] :])
    first, then = places
    return (*acts[:first], new[0], *acts[first:then], new[1], *acts[then:])


@dataclass(frozen=True, slots=True)
class _Opening:
    """When a pickup may begin: in its windows (`wider` None), or with one of them closing later or opening earlier."""

    begin: int
    wider: Window | None = None

    def given(self, room: int) -> Changes:
        """What has to give for it, when all that follows would still hold with `room` seconds of delay."""
        if self.wider is None:
            return ()
        if self.wider.end < self.begin:
            return _later(Lever.PICKUP_WINDOW, self.wider, self.begin)
        return (wider_window(Lever.PICKUP_WINDOW, self.wider, self.wider.start - self.begin - room, earlier=True),)


def _openings(windows: tuple[Window, ...], arrival: int) -> Iterator[_Opening]:
    begin = next_open(windows, arrival)
    if begin is not None:
        yield _Opening(begin)
    if begin != arrival:
        for window in windows:
            yield _Opening(arrival, window)


def _later(lever: Lever, window: Window, begin: int) -> Changes:
    return (wider_window(lever, window, begin - window.end),)


def _forward(vehicle: VehicleShift, legs: Legs, acts: Acts) -> tuple[list[int], list[int]]:
    """Where the vehicle is before each act, and at the end, and when it is free there at the earliest."""
    here, now = [vehicle.start], [vehicle.window.start]
    for act in acts:
        visit = act.visit
        arrival = now[-1] + int(legs.seconds[here[-1], visit.location])
        begin = next_open(visit.windows, arrival)
        now.append((arrival if begin is None else begin) + visit.stay(vehicle.kind, here[-1]))
        here.append(visit.location)
    return here, now


def _backward(vehicle: VehicleShift, legs: Legs, acts: Acts, home: int) -> _Due | None:
    due = _Due([0] * len(acts), home)
    for number in reversed(range(len(acts))):
        latest = _latest_departure(vehicle, legs, acts, due, number + 1, acts[number].visit.location)
        if latest is None:
            return None
        due.acts[number] = latest
    return due


def _latest_departure(vehicle: VehicleShift, legs: Legs, acts: Acts, due: _Due, at: int, place: int) -> int | None:
    """When the vehicle must leave `place` at the latest so that act `at` and all that follow hold; None: never."""
    if at == len(acts):
        if vehicle.end is None:
            return due.home
        leg = int(legs.seconds[place, vehicle.end])
        return None if leg == UNREACHABLE else due.home - leg
    visit = acts[at].visit
    leg = int(legs.seconds[place, visit.location])
    by = due.acts[at] - visit.stay(vehicle.kind, place)
    begin = _last_open(visit.windows, by)
    return None if leg == UNREACHABLE or begin is None else begin - leg


def _last_open(windows: tuple[Window, ...], by: int) -> int | None:
    """The last time until `by` at which service may begin."""
    if not windows:
        return by
    return max((min(window.end, by) for window in windows if window.start <= by), default=None)


def _running_peaks(carried: list[Load], acts: Acts) -> list[Load]:
    """The most that lies in the vehicle since its tour began."""
    peaks = [carried[0]]
    for act, load in zip(acts, carried[1:], strict=True):
        peaks.append(load if act.kind is StepKind.RELOAD else peak([peaks[-1], load]))
    return peaks
