"""A day of meal delivery without a server: the deciding part of dispatch in simulated time, beside a greedy dispatcher on the same day.

    python -m tests.benchmarks.whole_days.offline ../shared/data/demand/mdrplib/1o50t75s2p125 [--most-orders 2] [--overtime 30] [--returns] [--thin 3]

What decides is `doorstep.dispatch.service.deciding.think_over` as it is, with the engine in this process; who drives is the robot of sandboxes
(`doorstep.sandbox.model.robot`). Thinking takes no time, so the same day gives the same figures on every machine. `meals` plays it through the API.
"""

import argparse
import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from rich.console import Console
from tests.benchmarks.whole_days.greedy import Fate, figures, greedy
from tests.benchmarks.whole_days.meals import FLOOR, TARGET_MINUTES, Meal, MealDay, read_day
from tests.benchmarks.whole_days.place import at_share

from doorstep.dispatch.reads import Policy
from doorstep.dispatch.service import deciding
from doorstep.dispatch.service.deciding import Courier, Decision, Round, Situation, think_over
from doorstep.fleets.model import VehicleKind
from doorstep.fleets.reads import PlanningShift, PlanningVehicle
from doorstep.kernel.ids import new_id
from doorstep.kernel.time import TimeWindow
from doorstep.orders.model import Custody, LocationCheck, LocationStatus, OrderKind, OrderStatus
from doorstep.orders.reads import PlanningOrder, PlanningPoint
from doorstep.orders.reads import _once_ready as once_ready
from doorstep.places.roads import Matrix
from doorstep.planning.model import OPEN_STOPS, StopKind, StopStatus
from doorstep.planning.service import Engines
from doorstep.planning.service.preparing import Present
from doorstep.planning.service.preparing import _present as present_of
from doorstep.planning.solver import child, warm
from doorstep.planning.solver.process import RunAnswer, RunStatus
from doorstep.sandbox.model.robot import Call, Script, next_act
from doorstep.tracking.model import StopAct

MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC)
TENANT = UUID(int=1)
AGAIN = timedelta(seconds=15)
"""As in dispatch: while orders wait there is another round."""

AT_ONCE = 6
"""Rounds that follow each other at once, while they find something: in dispatch half a second lies between them."""

DONE = frozenset({StopStatus.COMPLETED, StopStatus.CANCELLED})
_OF_ACT = {
    StopAct.DEPART: StopStatus.EN_ROUTE,
    StopAct.ARRIVE: StopStatus.ARRIVED,
    StopAct.COMPLETE: StopStatus.COMPLETED,
    StopAct.SKIP: StopStatus.CANCELLED,
}
_ids = (UUID(int=number) for number in count(2))


def at(minute: float) -> datetime:
    """The instant of a minute of the day."""
    return MIDNIGHT + timedelta(minutes=minute)


# ── what stands in for roads, solver slots and engine processes ─────────────────────────────────────────


class Plane:
    """The data set's roads: straight lines at one speed; places are metres north and east."""

    max_snap_meters = 100.0

    def __init__(self, meters_per_minute: float) -> None:
        self._pace = meters_per_minute / 60

    async def matrix(self, points: Sequence[tuple[float, float]], kind: str, *, within: float | None = None) -> Matrix:
        """As `Roads.matrix`."""
        places = np.array(points, dtype=np.float64)
        meters = np.hypot(*(places[:, None, :] - places[None, :, :]).transpose(2, 0, 1))
        return Matrix((meters / self._pace).astype(np.float32), meters.astype(np.float32), "plane")

    def source(self, kind: str) -> Any:
        """As `Roads.source`."""
        return OrderStatus.PENDING  # anything with a value


class NoQueue:
    """A pool whose slot is always free."""

    @asynccontextmanager
    async def kept_slot(self, owner: str) -> AsyncIterator[None]:
        """As `SolverPool.kept_slot`."""
        yield


async def run_here(asked: Any, effort: Any, limits: Any, **more: Any) -> RunAnswer:
    """VROOM in this process, with the same program that runs in one of its own."""
    document = json.dumps(asked.document).encode()
    matrices = [{"profile": name, "kind": kind, "size": matrix.shape[0]} for name, kind, matrix in asked.matrices]
    header = {"run": effort.as_json(), "document_bytes": len(document), "matrices": matrices}
    stream = io.BytesIO(document + b"".join(matrix.tobytes() for _, _, matrix in asked.matrices))
    began = time.process_time()
    answer = child.solve(header, stream)
    spent = time.process_time() - began
    if answer["status"] == "ok":
        return RunAnswer(RunStatus.OK, answer["solution"], None, spent)
    return RunAnswer(RunStatus.REFUSED, None, answer["message"], spent)


# ── the day ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Rider:
    """A courier with its route, whose stops are rows as the database would have them."""

    shift: PlanningShift
    off: datetime
    route: dict[str, Any] | None = None
    stops: list[dict[str, Any]] = field(default_factory=list)
    played_to: datetime = MIDNIGHT
    place: tuple[float, float] | None = None
    given: int = 0
    meters: float = 0.0

    def present(self, now: datetime) -> Present | None:
        """The route as planning loads it."""
        if self.route is None:
            return None
        orders_of = {stop["id"]: list(stop["order_ids"]) for stop in self.stops}
        return present_of(self.route, self.stops, orders_of, self.shift, now)  # type: ignore[arg-type]

    @property
    def held(self) -> int:
        """How many orders it has that are not brought yet."""
        drops = [s for s in self.stops if s["kind"] == StopKind.DROPOFF and s["status"] not in DONE]
        return sum(len(stop["order_ids"]) for stop in drops)

    def next_act(self) -> Any:
        """What the robot does next, and when."""
        if self.route is None:
            return None
        return next_act([_call(stop) for stop in self.stops if stop["status"] in OPEN_STOPS], Script(), self.played_to)


def _call(stop: Mapping[str, Any]) -> Call:
    return Call(
        stop["id"], stop["kind"], stop["status"], stop["sequence"], stop["planned_arrival"], stop["planned_service_start"],
        stop["planned_departure"], timedelta(seconds=stop["leg_seconds"]), tuple(stop["order_ids"]), stop["departed_at"], stop["arrived_at"],
    )  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """How a day is played."""

    most_orders: int = 3
    returns: bool = False
    overtime: float = 0.0


class Rehearsal:
    """A day in simulated time."""

    def __init__(self, day: MealDay, rules: Rules) -> None:
        self.day, self.rules = day, rules
        self.policy = Policy(True, 0, rules.most_orders)
        self.engines = Engines(Plane(day.meters_per_minute), NoQueue())  # type: ignore[arg-type]
        self.riders = {rider.shift.id: rider for rider in (self._rider(one) for one in day.couriers)}
        self.meals: dict[UUID, Meal] = {}
        self.orders: dict[UUID, PlanningOrder] = {}
        self.waiting: set[UUID] = set()
        self.fetched: dict[UUID, datetime] = {}
        self.brought: dict[UUID, datetime] = {}
        self.rounds: list[float] = []

    def _rider(self, one: Any) -> Rider:
        vehicle = PlanningVehicle(
            next(_ids), VehicleKind.DRONE, None, None, self.rules.most_orders, 0, 1500, 10, 1.0, None, None
        )
        north_east = (one.start[1], one.start[0])
        shift = PlanningShift(
            next(_ids), 1, next(_ids), vehicle.id, next(_ids), *north_east, at(one.on), at(one.off + self.rules.overtime),
            self.rules.returns, [], None, None, None, frozenset(), vehicle,
        )  # fmt: skip
        return Rider(shift, at(one.off))

    def _order(self, meal: Meal) -> PlanningOrder:
        def point(place: tuple[float, float], minutes: int, windows: list[TimeWindow]) -> PlanningPoint:
            return once_ready(
                PlanningPoint(place[1], place[0], windows, minutes * 60, LocationCheck.CHECKED), at(meal.ready)
            )

        target = TimeWindow(at(meal.placed), at(meal.placed + TARGET_MINUTES))
        return PlanningOrder(
            next(_ids), 1, OrderStatus.PENDING, Custody.SENDER, OrderKind.PICKUP_AND_DELIVERY, None, 0, (0, 0, 1), frozenset(), frozenset(),
            LocationStatus.LOCATED, point(meal.restaurant, self.day.pickup_minutes, []),
            point(meal.door, self.day.dropoff_minutes, [target]), target.end,
        )  # fmt: skip

    async def play(self) -> list[Fate]:
        """The whole day; what became of the orders that were brought."""
        coming = sorted(self.day.meals, key=lambda meal: meal.placed)
        now, again = at(coming[0].placed), None
        ends = at(max(courier.off for courier in self.day.couriers)) + timedelta(hours=2)
        while now < ends:
            changed = self._drive(now) or again == now
            while coming and at(coming[0].placed) <= now:
                order = self._order(meal := coming.pop(0))
                self.meals[order.id], self.orders[order.id] = meal, order
                self.waiting.add(order.id)
                changed = True
            if changed:
                await self._round(now)
            again = now + AGAIN if self.waiting else None
            acts = [act.at for rider in self.riders.values() if (act := rider.next_act())]
            nexts = [*acts, *([at(coming[0].placed)] if coming else []), *([again] if again else [])]
            if not nexts:
                break
            now = max(now, min(nexts))
        return [
            Fate(self.meals[one], _minute(self.fetched[one]), _minute(moment)) for one, moment in self.brought.items()
        ]

    async def _round(self, now: datetime) -> None:
        for _ in range(AT_ONCE):
            situation = self._situation(now)
            found = Round(self.policy)
            began = time.process_time()
            await think_over(found, self.engines, situation, now)
            self.rounds.append(time.process_time() - began)
            for decision in found.decisions:
                self._give(decision, now)
            if not found.decisions or not self.waiting:
                return

    def _situation(self, now: datetime) -> Situation:
        couriers = []
        for rider in self.riders.values():
            if rider.shift.starts_at <= now < rider.off or (rider.route is not None and now < rider.shift.ends_at):
                courier = Courier(rider.shift, rider.present(now), set(), rider.held, rider.given)
                if rider.place is not None:
                    deciding.put(courier, rider.place, rider.played_to, now)
                else:
                    courier.head = courier.present.head if courier.present else None
                if courier.room(self.policy) > 0 and now < rider.off:
                    couriers.append(courier)
        own = [one for courier in couriers for one in courier.own]
        waiting = sorted(self.waiting, key=lambda one: (self.orders[one].due_at, one))
        orders = [self.orders[one] for one in sorted({*waiting, *own})]
        return deciding.situation(
            TENANT, policy=self.policy, couriers=couriers, orders=orders, waiting=waiting, refused={}, now=now
        )

    def _give(self, decision: Decision, now: datetime) -> None:
        rider, draft = self.riders[decision.courier.shift.id], decision.prepared.draft
        if draft is None:
            return  # the service plans this courier alone then; here another round comes
        present = rider.present(now)
        free = [] if present is None else present.free
        closed = [stop for stop in rider.stops if stop not in free and stop["status"] != StopStatus.CANCELLED]
        stops = draft.stops if present is None or present.head is None else draft.stops[1:]
        if present is None:
            rider.route = {"id": new_id()}
            rider.played_to = now
        old = {_key(s): s["id"] for s in rider.stops if s["status"] == StopStatus.PENDING}
        first = max((s["sequence"] for s in closed), default=-1) + 1
        rows = [_row(stop, sequence) for sequence, stop in enumerate(stops, first)]
        for row in rows:
            row["id"] = old.get(_key(row), row["id"])
        rider.stops = [*closed, *rows]
        rider.played_to = max(rider.played_to, now)
        rider.given += len(decision.order_ids)
        self.waiting -= set(decision.order_ids)

    def _drive(self, now: datetime) -> bool:
        """Let everybody act who is due; whether anybody did."""
        acted = False
        for rider in self.riders.values():
            while (act := rider.next_act()) and act.at <= now:
                self._act(rider, act)
                acted = True
            if rider.route is not None and rider.next_act() is None:
                rider.route, rider.stops = None, []
                acted = True
        return acted

    def _act(self, rider: Rider, act: Any) -> None:
        stop = next(stop for stop in rider.stops if stop["id"] == act.call.id)
        rider.played_to = act.at
        stop["status"] = _OF_ACT[act.act]
        if act.act is StopAct.DEPART:
            stop["departed_at"] = act.at
            stop["eta_at"] = act.at + timedelta(seconds=stop["leg_seconds"])
        elif act.act is StopAct.ARRIVE:
            stop["arrived_at"] = act.at
            if stop["latitude"] is not None:
                rider.place = (stop["latitude"], stop["longitude"])
            rider.meters += stop["leg_meters"]
        elif act.act is StopAct.COMPLETE:
            stop["closed_at"] = act.at
            moments = {StopKind.PICKUP: self.fetched, StopKind.DROPOFF: self.brought}.get(stop["kind"])
            if moments is not None:
                handled = act.order_ids if act.order_ids is not None else stop["order_ids"]
                moments.update(dict.fromkeys(handled, act.at))
                left = [one for one in stop["order_ids"] if one not in handled]
                if left and stop["kind"] == StopKind.DROPOFF:
                    stop["status"], stop["closed_at"] = StopStatus.ARRIVED, None
                    stop["order_ids"] = left


def _minute(moment: datetime) -> float:
    return (moment - MIDNIGHT).total_seconds() / 60


def _key(stop: Mapping[str, Any]) -> tuple[str, frozenset[UUID]]:
    return str(stop["kind"]), frozenset(stop["order_ids"])


def _row(stop: Any, sequence: int) -> dict[str, Any]:
    return {
        "id": new_id(), "kind": stop.kind, "status": StopStatus.PENDING, "sequence": sequence, "order_ids": list(stop.order_ids),
        "latitude": stop.position[0] if stop.position else None, "longitude": stop.position[1] if stop.position else None,
        "planned_arrival": stop.arrival, "planned_service_start": stop.service_start, "planned_departure": stop.departure,
        "leg_seconds": stop.leg_seconds, "leg_meters": stop.leg_meters, "late_seconds": stop.late_seconds, "eta_at": stop.arrival,
        "departed_at": None, "arrived_at": None, "closed_at": None,
    }  # fmt: skip


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────


async def rehearse(day: MealDay, rules: Rules) -> tuple[dict[str, float], list[float]]:
    """A day's figures with Doorstep's dispatcher, and what each round took, CPU seconds."""
    kept = warm.run_engine
    warm.run_engine = run_here  # type: ignore[assignment]
    try:
        rehearsal = Rehearsal(day, rules)
        fates = await rehearsal.play()
    finally:
        warm.run_engine = kept
    return figures(day, fates, sum(rider.meters for rider in rehearsal.riders.values())), rehearsal.rounds


def main() -> None:
    """Rehearse the days of the command line and print their figures."""
    parser = argparse.ArgumentParser(description="Days of meal delivery in simulated time.")
    parser.add_argument("folders", type=Path, nargs="+", help="Instances of mdrplib.")
    parser.add_argument("--most-orders", type=int, default=2, help="Orders that a courier may have at a time.")
    parser.add_argument("--returns", action="store_true", help="Couriers go back to where they began.")
    parser.add_argument(
        "--overtime", type=float, default=0.0, help="Minutes after its shift by which a courier may finish."
    )
    parser.add_argument("--thin", type=int, default=0, help="Leave every so manieth courier out: a day with too few.")
    given = parser.parse_args()
    say = Console().print
    for folder in given.folders:
        day = read_day(folder)
        if given.thin:
            day = replace(day, couriers=[one for number, one in enumerate(day.couriers) if number % given.thin])
        beside = figures(day, *greedy(day, given.most_orders))
        told, rounds = asyncio.run(rehearse(day, Rules(given.most_orders, given.returns, given.overtime)))
        say(f"{day.name}: {len(rounds)} rounds, p99 {at_share(rounds, 0.99) * 1000:.0f} ms of CPU", highlight=False)
        for name, value in told.items():
            floor = None if given.thin else FLOOR.get(day.name, {}).get(name)
            known = f", known {floor:g}" if floor is not None else ""
            say(f"  {name}: {value:.1f}   (greedy {beside[name]:.1f}{known})", highlight=False)


if __name__ == "__main__":
    main()
