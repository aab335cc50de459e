"""Routes under way made cheaper without breaking promises: what was announced has a price to change, and may have a limit.

Starts from the routes as they are and moves one order at a time, along its route or onto another, for as long as the sum of
cost and price falls; so the answer is never worse than what is there, and a high price leaves everything where it is. No
clock decides, only a number of timings: the same routes come out the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from doorstep.planning.solver.handwork import Fault, Stop, Timed, put_into, time_stops, ways_in, without, worsened
from doorstep.planning.solver.locking import keep_places
from doorstep.planning.solver.problem import Problem, VehicleShift
from doorstep.planning.solver.solution import StepKind
from doorstep.planning.solver.travel import Legs

TIMINGS: Final = 2000
"""So many routes are timed; a second of one modest core for routes of thirty stops."""
WAYS: Final = 6
"""Of all places for an order those with the shortest detours are tried."""


@dataclass(frozen=True, slots=True)
class Promises:
    """When each order's delivery was announced (seconds of the problem), and what it costs to change that.

    Each minute earlier or later beyond `tolerance_seconds` costs `price_per_minute` (minor units); `most_seconds` is how far a
    delivery may be moved at all (None: without limit), or as far as it is off already. `kept` orders are not moved themselves.
    """

    at: Mapping[str, int]
    price_per_minute: int
    tolerance_seconds: int = 0
    most_seconds: int | None = None
    kept: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lane:
    """A route that may change: its stops that are still to come. `takes_loaded`: it can take what is loaded at its depot, because
    it has not left; `waits` as for `time_stops`. `locked` stops keep their places, with as many stops in front of them as now."""

    vehicle: VehicleShift
    legs: Legs
    stops: tuple[Stop, ...]
    takes_loaded: bool
    waits: bool
    locked: frozenset[Stop] = frozenset()


Rank = tuple[int, int, int]
"""Less is better: rules broken (or broken worse), seconds beyond how far a delivery may move, cost and price together."""


def settle(
    problem: Problem,
    lanes: Sequence[Lane],
    promises: Promises,
    only: Mapping[str, frozenset[str]],
    timings: int = TIMINGS,
) -> list[tuple[Stop, ...]]:
    """The stops of each lane after settling. `only`: the vehicles that may bring an order; each order has an entry."""
    return _Settling(problem, list(lanes), promises, only, timings).run()


@dataclass(frozen=True, slots=True)
class _Move:
    """One order elsewhere: what the sums of the lanes that change gain (less is better), and these lanes with their new sums."""

    gain: Rank
    changed: dict[int, tuple[tuple[Stop, ...], Rank]]


@dataclass(slots=True)
class _Settling:
    problem: Problem
    lanes: list[Lane]
    promises: Promises
    only: Mapping[str, frozenset[str]]
    left: int
    stops: list[tuple[Stop, ...]] = field(init=False)
    faults: list[Sequence[Fault]] = field(init=False)
    ranks: list[Rank] = field(init=False)
    allowed: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.stops = [lane.stops for lane in self.lanes]
        timed = [self._time(number, stops) for number, stops in enumerate(self.stops)]
        self.faults = [one.faults for one in timed]
        self.allowed = self._allowed(timed)
        self.ranks = [self._judge(number, one) for number, one in enumerate(timed)]

    def run(self) -> list[tuple[Stop, ...]]:
        """Round by round, the greatest gain first; a move is looked at again when one before it changed its lanes."""
        kept = self.promises.kept.union(one for lane in self.lanes for stop in lane.locked for _, one in stop)
        movable = sorted({one for stops in self.stops for stop in stops for _, one in stop} - kept)
        improved = True
        while improved and self.left > 0:
            moves = [(move.gain, order_id, move) for order_id in movable if (move := self._best(order_id)) is not None]
            touched: set[int] = set()
            for _, order_id, move in sorted(moves, key=lambda one: one[:2]):
                better = self._best(order_id) if touched & move.changed.keys() else move
                if better is not None:
                    self._take(better)
                    touched |= better.changed.keys()
            improved = bool(touched)
        return self.stops

    def _best(self, order_id: str) -> _Move | None:
        """Where the sum is lowest with one order put there, if that is lower than where it is."""
        here = next(
            n for n, stops in enumerate(self.stops) if any(order_id == one for stop in stops for _, one in stop)
        )
        rest = without(self.stops[here], order_id)
        left = {here: (rest, self._rank(here, rest))}
        best: _Move | None = None
        for there, stops in self._places(order_id, here, rest):
            changed = left | {there: (stops, self._rank(there, stops))}
            now, was = _total(rank for _, rank in changed.values()), _total(self.ranks[number] for number in changed)
            gain = (now[0] - was[0], now[1] - was[1], now[2] - was[2])
            if gain < (best.gain if best else (0, 0, 0)):
                best = _Move(gain, changed)
        return best

    def _places(self, order_id: str, here: int, rest: tuple[Stop, ...]) -> Iterator[tuple[int, tuple[Stop, ...]]]:
        """The shortest ways to put an order into the lanes that may have it, while there are timings left."""
        bases = {
            there: rest if there == here else self.stops[there]
            for there, lane in enumerate(self.lanes)
            if lane.vehicle.id in self.only[order_id] and (there == here or self._keeps(here, rest))
        }
        ways = sorted(
            (added, there, before_pickup, before_delivery)
            for there, base in bases.items()
            for added, before_pickup, before_delivery in ways_in(
                self.problem, self.lanes[there].vehicle, self.lanes[there].legs, base, order_id, None
            )
            if self._keeps(there, put_into(self.problem, base, order_id, before_pickup, before_delivery))
        )
        for _, there, before_pickup, before_delivery in ways[:WAYS]:
            if self.left > 0:
                yield there, put_into(self.problem, bases[there], order_id, before_pickup, before_delivery)

    def _keeps(self, number: int, stops: tuple[Stop, ...]) -> bool:
        """Whether the locked stops of a lane keep their places."""
        lane = self.lanes[number]
        return not lane.locked or keep_places(lane.stops, stops, lane.locked, may_leave=False)

    def _take(self, move: _Move) -> None:
        for number, (stops, rank) in move.changed.items():
            self.stops[number], self.ranks[number] = stops, rank

    def _allowed(self, timed: Sequence[Timed]) -> dict[str, int]:
        """How far each delivery may be moved: as the promises say, or as far as it is off already."""
        most = self.promises.most_seconds
        if most is None:
            return {}
        return {order_id: max(most, moved) for one in timed for order_id, moved in self._moved(one)}

    def _moved(self, timed: Timed) -> Iterator[tuple[str, int]]:
        """By how many seconds each delivery comes earlier or later than promised."""
        for step in timed.route.steps:
            promised = self.promises.at.get(step.order_id) if step.order_id is not None else None
            if promised is not None and step.order_id is not None and step.kind is StepKind.DELIVERY:
                yield step.order_id, abs(step.arrival - promised)

    def _rank(self, number: int, stops: tuple[Stop, ...]) -> Rank:
        return self._judge(number, self._time(number, stops))

    def _time(self, number: int, stops: tuple[Stop, ...]) -> Timed:
        lane = self.lanes[number]
        self.left -= 1
        return time_stops(self.problem, lane.vehicle, lane.legs, stops, waits=lane.waits)

    def _judge(self, number: int, timed: Timed) -> Rank:
        faults = worsened(self.faults[number], timed.faults)
        beyond, price = self._broken_promises(timed)
        used = any(step.order_id is not None for step in timed.route.steps) or not self.lanes[number].takes_loaded
        return len(faults), beyond, (timed.route.summary.cost if used else 0) + price

    def _broken_promises(self, timed: Timed) -> tuple[int, int]:
        """How many seconds beyond what is allowed, and the price of the rest."""
        beyond = priced = 0
        for order_id, moved in self._moved(timed):
            priced += max(0, moved - self.promises.tolerance_seconds)
            beyond += max(0, moved - self.allowed.get(order_id, moved))
        return beyond, round(priced * self.promises.price_per_minute / 60)


def _total(ranks: Iterable[Rank]) -> Rank:
    faults, beyond, costs = zip(*ranks, strict=True)
    return sum(faults), sum(beyond), sum(costs)
