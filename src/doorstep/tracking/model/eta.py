"""When the stops ahead will be reached, as the route runs. Pure, no I/O.

The rule: start from what is known (where the driver is, or set off to, and when) and go through the open stops in sequence.

- Travel takes as long as planned: from one planned stop to the next one (over pauses that fell away) the plan's own time; between stops that are
  not neighbours in the plan (until planning has timed the changed route anew) the straight line × 1.3 at the mean speed of the planned route.
- Who sets off in another hour than planned takes as much longer as roads take longer in that hour (the tenant's travel times), whole way alike.
- Service begins when the vehicle is there and a window of every order is open; once all windows are past it begins at once. Where no windows
  are known (depot, pause), a wait that the plan had is kept: not before the planned beginning.
- Service takes as long as planned.

So a delay is carried on from leg to leg, a wait for a window absorbs it, and being early ends at the next window. Nothing is estimated to
happen before the newest fact that is known of the route.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from doorstep.kernel.geo import Coordinates, distance_meters
from doorstep.kernel.time import TimeWindow
from doorstep.planning.model import StopKind, StopStatus

DETOUR = 1.3
"""How much longer roads are than the straight line."""

FALLBACK_METERS_PER_SECOND = 7.0
"""The speed of a route that has no leg to learn it from."""


@dataclass(frozen=True, slots=True)
class TimedStop:
    """A stop as planned and as it went; ``windows`` holds the windows of each order that is still to be served here (UTC)."""

    id: UUID
    kind: StopKind
    status: StopStatus
    planned_arrival: datetime
    planned_service_start: datetime
    planned_departure: datetime
    place: Coordinates | None
    leg_meters: int
    leg_seconds: int
    departed_at: datetime | None = None
    arrived_at: datetime | None = None
    closed_at: datetime | None = None
    windows: tuple[tuple[TimeWindow, ...], ...] = ()

    @property
    def service(self) -> timedelta:
        """How long the plan has the vehicle busy here."""
        return self.planned_departure - self.planned_service_start

    @property
    def is_open(self) -> bool:
        """Whether it is still ahead, or under way."""
        return self.status in {StopStatus.PENDING, StopStatus.EN_ROUTE, StopStatus.ARRIVED}


Pace = Callable[[datetime], float]
"""How much longer roads take for who sets off at an instant."""


def always_alike(_: datetime) -> float:
    """Roads to which the hour makes no difference."""
    return 1.0


def estimate_arrivals(stops: Sequence[TimedStop], pace: Pace = always_alike) -> dict[UUID, datetime]:
    """The arrival (UTC) at every open stop of a route, given all its stops in the sequence in which they will be served."""
    plan = _Plan(stops)
    here, free = _start(stops, plan)
    arrivals: dict[UUID, datetime] = {}
    for stop in _ahead(stops):
        if stop.status is StopStatus.ARRIVED and stop.arrived_at is not None:
            arrival = stop.arrived_at
        elif here is None:
            arrival = max(stop.planned_arrival, free) if free else stop.planned_arrival
        else:
            leaving = free or here.planned_departure
            slower = pace(leaving) / pace(here.planned_departure)
            arrival = (free or stop.planned_arrival) + plan.travel(here, stop) * slower
            arrival = max(arrival, plan.newest) if plan.newest else arrival
        arrivals[stop.id] = arrival
        free = _service_start(stop, arrival) + stop.service
        here = stop
    return arrivals


def late_by(arrival: datetime, windows: Sequence[TimeWindow]) -> int:
    """Whole seconds by which an arrival misses the last window; 0 when it does not, or there is none."""
    if not windows:
        return 0
    return max(0, int((arrival - max(window.end for window in windows)).total_seconds()))


def _ahead(stops: Sequence[TimedStop]) -> list[TimedStop]:
    """The open stops: the one that is under way first, then the others in sequence."""
    ahead = [stop for stop in stops if stop.is_open]
    return sorted(ahead, key=lambda stop: stop.status is StopStatus.PENDING)


def _start(stops: Sequence[TimedStop], plan: "_Plan") -> tuple[TimedStop | None, datetime | None]:
    """Where the driver was last, and since when free to go on; (None, None) before the first act."""
    under_way = next((stop for stop in stops if stop.status is StopStatus.EN_ROUTE), None)
    been = [stop for stop in stops if stop.arrived_at is not None and stop is not under_way]
    last = max(been, key=lambda stop: stop.arrived_at or stop.planned_arrival, default=None)
    if under_way is not None:
        return last, under_way.departed_at
    if last is None:
        return None, plan.newest
    return last, last.closed_at or plan.newest


def _service_start(stop: TimedStop, arrival: datetime) -> datetime:
    if not stop.windows:
        waits = stop.planned_service_start > stop.planned_arrival
        return max(arrival, stop.planned_service_start) if waits else arrival
    return max(arrival, *(_first_opening(windows, arrival) for windows in stop.windows))


def _first_opening(windows: Sequence[TimeWindow], arrival: datetime) -> datetime:
    for window in sorted(windows, key=lambda window: window.start):
        if arrival <= window.end:
            return max(arrival, window.start)
    return arrival


class _Plan:
    """What the plan said of the ways between its stops."""

    def __init__(self, stops: Sequence[TimedStop]) -> None:
        order = sorted(stops, key=lambda stop: (stop.planned_arrival, stop.planned_departure))
        self._order = order
        self._place = {stop.id: index for index, stop in enumerate(order)}
        driven = [stop for stop in stops if stop.leg_meters > 0 and stop.leg_seconds > 0]
        seconds = sum(stop.leg_seconds for stop in driven)
        self._speed = sum(stop.leg_meters for stop in driven) / seconds if seconds else FALLBACK_METERS_PER_SECOND
        facts = [at for stop in stops for at in (stop.departed_at, stop.arrived_at, stop.closed_at) if at is not None]
        self.newest = max(facts, default=None)

    def travel(self, here: TimedStop, there: TimedStop) -> timedelta:
        """How long the way takes."""
        first, last = self._place[here.id], self._place[there.id]
        between = self._order[first + 1 : last]
        if first < last and all(stop.kind is StopKind.BREAK for stop in between):
            chain = self._order[first : last + 1]
            gaps = [after.planned_arrival - before.planned_departure for before, after in pairwise(chain)]
            return max(timedelta(), sum(gaps, timedelta()))
        gap = there.planned_arrival - here.planned_departure
        # A route that was timed anew has its next leg from here, though stops that fell away still have a place between the two.
        return gap if gap == timedelta(seconds=there.leg_seconds) else self._straight(here, there)

    def _straight(self, here: TimedStop, there: TimedStop) -> timedelta:
        origin = here.place or self._place_before(here)
        if origin is None or there.place is None:
            return timedelta()
        return timedelta(seconds=distance_meters(origin, there.place) * DETOUR / self._speed)

    def _place_before(self, pause: TimedStop) -> Coordinates | None:
        """A pause is taken where the plan's stop before it is."""
        earlier = self._order[: self._place[pause.id]]
        return next((stop.place for stop in reversed(earlier) if stop.place is not None), None)
