"""Relations between orders, kept on top of engines that know none.

A solve without them shows where the orders would go. Then each unit of orders that belong on one route, and each order
that has to keep apart from others, gets a seat: the vehicle that has most of it, or the nearest that can take all of it
and has none of those from which it must keep apart. The problem is solved again with everybody pinned to their seats;
who finds no place there gets another seat, and in the end is left out, so that others have the room. Every answer is
put in order (`reordering`) before it counts, so none that breaks a relation is ever kept. All solves share one time limit.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from doorstep.planning.solver.estimate import SolveOptions
from doorstep.planning.solver.lateness import softened
from doorstep.planning.solver.load import Load
from doorstep.planning.solver.outcome import Outcome, Progress, Report, SolveStatus
from doorstep.planning.solver.problem import Delivery, OnBoard, Order, Problem, VehicleShift, visits
from doorstep.planning.solver.ranking import Ranking
from doorstep.planning.solver.relations import TOGETHER, RelationKind, fallen, related, units
from doorstep.planning.solver.reordering import in_order
from doorstep.planning.solver.schedule import timed
from doorstep.planning.solver.sequence import acts_of
from doorstep.planning.solver.solution import Solution
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.unassigned import blocks, explain, loads_aboard
from doorstep.planning.solver.verify import verify

MOST_SOLVES = 5
MOST_SEATS = 3
"""So many vehicles are tried for a unit before some of it is left out."""
MOST_MOVES = 200
"""So many others are moved at most to make a seat free."""
SHARE = 0.5
"""Each solve may take so much of the time that is left; few plans need all of them, and the first has to look everywhere."""
LEAST_SECONDS = 0.1
LEAST_SOLVES = 2
"""So many are made however late it is: the first knows of no relation."""

Once = Callable[[Problem, SolveOptions, Report | None], Awaitable[Outcome]]
"""Solves a problem without relations."""


async def solve_related(problem: Problem, options: SolveOptions, once: Once, report: Report | None) -> Outcome:
    """The best plan of `problem` that keeps its relations, out of a few solves; what they leave out, and why."""
    started = time.monotonic()
    seating = Seating(problem, options)
    told: list[Outcome] = []
    best: Solution | None = None
    runs = 0
    while len(told) < MOST_SOLVES:
        spent = time.monotonic() - started - sum(one.queued_seconds for one in told)
        share = _share_of(options, spent, len(told))
        part = await asyncio.to_thread(seating.posed) if share is not None else None
        if part is None or share is None:
            break
        telling = None if report is None else _Telling(report, runs, MOST_SOLVES - len(told))
        told.append(await once(part, share, telling))
        runs = runs if telling is None else telling.runs
        found = told[-1].solution
        if found is None:
            break
        kept = await asyncio.to_thread(in_order, seating.soft, seating.travel, found)
        best = kept if best is None else seating.ranking.better(best, kept)
        if not await asyncio.to_thread(seating.learn, found, kept):
            break
    if best is None:
        return told[-1]
    return await asyncio.to_thread(_concluded, seating, best, told)


def _share_of(options: SolveOptions, spent: float, solves: int) -> SolveOptions | None:
    """The options of the next solve after so many that took so many seconds; None when there is no time for it."""
    if options.deterministic:
        return options
    soft, hard = options.time_limit_seconds - spent, options.hard_limit_seconds - spent
    if solves and (hard <= 0 or (soft <= 0 and solves >= LEAST_SOLVES)):
        return None
    part = soft if solves == MOST_SOLVES - 1 else soft * SHARE
    return replace(options, time_limit_seconds=max(LEAST_SECONDS, part), hard_limit_seconds=max(LEAST_SECONDS, hard))


def _concluded(seating: Seating, best: Solution, told: Sequence[Outcome]) -> Outcome:
    verify(seating.soft, best)
    first = told[0].baseline
    return Outcome(
        status=SolveStatus.OK,
        reason=None,
        solution=best,
        baseline=None if first is None else in_order(seating.soft, seating.travel, first),
        unassigned=explain(seating.soft, best),
        elapsed_seconds=sum(one.elapsed_seconds for one in told),
        cpu_seconds=sum(one.cpu_seconds for one in told),
        queued_seconds=sum(one.queued_seconds for one in told),
        engine=max((one.engine for one in told), key=len),
    )


@dataclass(slots=True)
class _Telling:
    """Progress of one solve as part of them all, of which this and `left` - 1 more may come."""

    report: Report
    before: int
    left: int
    runs: int = 0

    async def __call__(self, progress: Progress) -> None:
        self.runs = self.before + progress.runs_done
        total = self.before + progress.runs_total * self.left
        await self.report(replace(progress, runs_done=self.runs, runs_total=total))


Unit = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Share:
    """What a unit takes of its vehicle at least: service, and the drive to its farthest place."""

    load: Load
    tasks: int
    service: int
    drive: int


class Seating:
    """Who sits where. `soft` is the problem with windows as open as lateness allows, in which answers are judged."""

    def __init__(self, problem: Problem, options: SolveOptions) -> None:
        self.problem = problem
        self.soft = softened(problem, options.lateness)
        self.travel = Travel(problem)
        self.ranking = Ranking(self.soft, options.objective, options.lateness)
        self.left_out: frozenset[str] = frozenset()
        self.seats: dict[Unit, str] = {}
        self._tried: dict[Unit, set[str]] = {}
        self._aboard = loads_aboard(problem)
        self._places: dict[str, list[int]] = {}
        self._carriers: dict[str, str] = {}
        self._seated: dict[str, Unit] = {}
        self._filled: dict[str, dict[Unit, _Share]] = {vehicle.id: {} for vehicle in problem.vehicles}
        self._apart: dict[str, set[str]] = {}
        for relation in problem.relations:
            if relation.kind is RelationKind.DIFFERENT_ROUTES:
                for name in relation.order_ids:
                    self._apart.setdefault(name, set()).update(set(relation.order_ids) - {name})

    def posed(self) -> Problem | None:
        """The problem without relations, everybody pinned to their seats; None when nobody is left to ask about."""
        seat_of = {order_id: seat for unit, seat in self.seats.items() for order_id in unit}
        orders = tuple(
            order if order.id not in seat_of or isinstance(order, OnBoard)
            else replace(order, vehicles=frozenset([seat_of[order.id]]))
            for order in self.problem.orders
            if order.id not in self.left_out
        )  # fmt: skip
        return replace(self.problem, orders=orders, relations=()) if orders else None

    def learn(self, found: Solution, kept: Solution) -> bool:
        """Whether another solve may do better: after seats were given, or changed, for what an answer left out."""
        self._look(found)
        if not self.seats:
            return self._give_seats()
        return self._give_other_seats(found, kept)

    @property
    def units(self) -> list[Unit]:
        """Who sits together, among those that are still to be served."""
        together = units(self.soft.relations)
        loose = related(self.soft.relations) - {order_id for unit in together for order_id in unit}
        kept = (tuple(order_id for order_id in unit if order_id not in self.left_out) for unit in together)
        alone = ((order.id,) for order in self.problem.orders if order.id in loose - self.left_out)
        return [unit for unit in (*kept, *alone) if unit]

    def _look(self, found: Solution) -> None:
        self._carriers = {order_id: route.vehicle_id for route in found.routes for order_id in route.order_ids}
        self._places = {vehicle.id: [vehicle.start] for vehicle in self.problem.vehicles}
        for route in found.routes:
            self._places[route.vehicle_id] += [step.location for step in route.steps if step.location is not None]

    # -- seats ---------------------------------------------------------------------------------------------------------

    def _give_seats(self) -> bool:
        """A seat for every unit, those first whose orders are together already; whether any order has to move."""
        for unit in sorted(self.units, key=self._scattered):
            self._seat_all_that_can(unit)
        moved = any(self._carriers.get(name) != seat for unit, seat in self.seats.items() for name in unit)
        return moved or not self.left_out.isdisjoint(self._carriers)

    def _give_other_seats(self, found: Solution, kept: Solution) -> bool:
        """Another seat for each unit of which something was left out; where there is none, the rest of it has to do."""
        changed = False
        missing = frozenset(kept.unassigned) - self.left_out
        for unit in [one for one in self.units if missing.intersection(one)]:
            seat = self._rise(unit)
            tried = self._tried.setdefault(unit, set())
            tried.add(seat)
            if len(tried) < MOST_SEATS and self._seat(unit, {unit}):
                changed = True
                continue
            lost = fallen(self.soft.relations, missing.intersection(unit))
            changed |= bool(lost - set(found.unassigned) - self.left_out)
            self.left_out |= lost
            rest = tuple(name for name in unit if name not in lost)
            if rest:
                self._sit(rest, seat)
        return changed

    def _scattered(self, unit: Unit) -> tuple[int, int]:
        used = {self._carriers.get(order_id) for order_id in unit}
        return len(used), -len(unit)

    def _seat_all_that_can(self, unit: Unit) -> None:
        """Seat the unit, or as much of it as some vehicle can take; the rest is left out."""
        alone = {name for name in unit if not any(self._takes(one, (name,)) for one in self.problem.vehicles)}
        rest = unit
        if alone and len(unit) > 1:
            self.left_out |= fallen(self.soft.relations, alone)
            rest = tuple(name for name in unit if name not in self.left_out)
        while rest and not self._seat(rest, {rest}):
            if len(rest) == 1:
                self.left_out |= fallen(self.soft.relations, rest)
                return
            victims = [fallen(self.soft.relations, [name]).intersection(rest) for name in reversed(rest)]
            lost = min(victims, key=lambda gone: (len(gone), self._worth(gone)))
            self.left_out |= fallen(self.soft.relations, lost)
            rest = tuple(name for name in rest if name not in lost)

    def _worth(self, names: frozenset[str]) -> int:
        return sum(self.soft.order_by_id[name].priority for name in names)

    def _seat(self, unit: Unit, moving: set[Unit]) -> bool:
        """Give the unit the seat that it likes best, moving one that sits there and must not sit with it if need be."""
        apart = {foe for name in unit for foe in self._apart.get(name, ())}
        for vehicle in self._liked(unit):
            foes = {self._seated[name] for name in apart & self._seated.keys()}
            there = [foe for foe in foes if self.seats[foe] == vehicle.id]
            if not there:
                self._sit(unit, vehicle.id)
                return True
            if len(there) > 1 or there[0] in moving or len(moving) > MOST_MOVES:
                continue
            moving.add(there[0])
            self._sit(unit, self._rise(there[0]))
            if self._seat(there[0], moving):
                return True
            self._sit(there[0], self._rise(unit))
        return False

    def _sit(self, unit: Unit, seat: str) -> None:
        self.seats[unit] = seat
        self._seated |= dict.fromkeys(unit, unit)
        self._filled[seat][unit] = self._share(self.problem.vehicle_by_id[seat], unit)

    def _rise(self, unit: Unit) -> str:
        for name in unit:
            del self._seated[name]
        seat = self.seats.pop(unit)
        del self._filled[seat][unit]
        return seat

    def _liked(self, unit: Unit) -> Iterator[VehicleShift]:
        """The vehicles that can take all of the unit and were not tried yet: those that have most of it, then the nearest."""
        mine = Counter(self._carriers[name] for name in unit if name in self._carriers)
        order = [self.problem.vehicle_by_id[vehicle_id] for vehicle_id, _ in mine.most_common()]
        yield from (vehicle for vehicle in order if self._free(vehicle, unit))
        others = [vehicle for vehicle in self.problem.vehicles if vehicle.id not in mine]
        others.sort(key=lambda vehicle: sum(self._ways(vehicle, unit)))
        yield from (vehicle for vehicle in others if self._free(vehicle, unit))

    def _free(self, vehicle: VehicleShift, unit: Unit) -> bool:
        if vehicle.id in self._tried.get(unit, ()) or not self._takes(vehicle, unit):
            return False
        shares = [*self._filled[vehicle.id].values(), self._share(vehicle, unit)]
        load = self._aboard.get(vehicle.id, Load())
        for share in shares:
            load = load + share.load
        tasks = sum(share.tasks for share in shares)
        length = vehicle.window.end - vehicle.window.start
        return (
            vehicle.capacity.holds(load)
            and (vehicle.max_stops is None or tasks <= vehicle.max_stops)
            and sum(share.service for share in shares) + max(share.drive for share in shares) <= length
        )

    def _share(self, vehicle: VehicleShift, unit: Unit) -> _Share:
        orders = [self.soft.order_by_id[name] for name in unit]
        ends = [visit for order in orders for visit in visits(order)]
        load = Load()
        for order in orders:
            load = load + order.load if isinstance(order, Delivery) else load
        service = sum(visit.seconds_for(vehicle.kind)[1] for visit in ends)
        return _Share(load, len(ends), service, max(self._ways(vehicle, unit)))

    def _ways(self, vehicle: VehicleShift, unit: Unit) -> list[int]:
        """How far each of the unit's places is from where the vehicle goes anyhow, in seconds."""
        seconds = self.travel.of(vehicle).seconds[self._places[vehicle.id]]
        ends = [visit.location for name in unit for visit in visits(self.soft.order_by_id[name])]
        return [int(seconds[:, place].min()) for place in ends]

    def _takes(self, vehicle: VehicleShift, unit: Unit) -> bool:
        """Whether the vehicle could serve all of the unit if it had nothing else to do; may err on the generous side."""
        orders = [self.soft.order_by_id[name] for name in unit]
        legs, aboard = self.travel.of(vehicle), self._aboard.get(vehicle.id, Load())
        if any(blocks(order, vehicle, legs, aboard) for order in orders):
            return False
        line = self._line(unit)
        return line is None or timed(vehicle, legs, tuple(act for order in line for act in acts_of(order))) is not None

    def _line(self, unit: Unit) -> list[Order] | None:
        """The unit's orders one after the other, where it is one sequence of deliveries and nothing else."""
        orders = [self.soft.order_by_id[name] for name in unit]
        mine = [one for one in self.soft.relations if one.kind in TOGETHER and set(unit) & set(one.order_ids)]
        if len(mine) != 1 or mine[0].kind is not RelationKind.IN_SEQUENCE:
            return None
        return orders if all(isinstance(order, Delivery) for order in orders) else None
