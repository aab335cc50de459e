"""A route's legs and times anew, after stops left it or moved: the sequence stays, the way between the stops is asked of the roads again.

Three steps, so that no transaction waits for the roads: ``load_route`` from a snapshot, ``compute`` without a database, ``write_refreshed`` if the
route is still at the version that was loaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from doorstep.fleets.reads import PlanningShift, shifts_for_planning
from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.errors import Unavailable
from doorstep.kernel.scope import Scope
from doorstep.kernel.time import TimeWindow
from doorstep.orders.reads import PlanningOrder, PlanningPoint, orders_for_planning
from doorstep.orders.service import EtaChange, set_etas
from doorstep.places.errors import RoadsError
from doorstep.places.roads import Leg, Roads, profile_of
from doorstep.planning.model import ACTIVE_ROUTES, RouteStatus, StopKind, StopStatus
from doorstep.planning.reads import order_ids_of_stops, routes_by_ids, stops_of_routes
from doorstep.planning.service.execution import lock_route, touch_route
from doorstep.planning.service.problems import Position, load_of, position_of, vehicle_of
from doorstep.planning.service.proposals import load_json, load_of_json
from doorstep.planning.solver.load import Load, peak


@dataclass(frozen=True, slots=True)
class OpenStop:
    """A stop that is still to be served, and when it may begin to be."""

    id: UUID
    kind: StopKind
    position: Position | None
    order_ids: tuple[UUID, ...]
    windows: tuple[TimeWindow, ...]
    arrival: datetime
    service: timedelta
    eta: datetime
    load: Load
    """What its orders weigh and take up together."""


@dataclass(frozen=True, slots=True)
class LoadedRoute:
    """A route as a snapshot saw it: where its plan stands when the first open stop comes, and the open stops in sequence."""

    id: UUID
    version: int
    shift: PlanningShift
    behind: Position | None
    ready_at: datetime
    on_board: Load
    stops: tuple[OpenStop, ...]


@dataclass(frozen=True, slots=True)
class TimedStop:
    """An open stop with its new leg and times."""

    stop: OpenStop
    arrival: datetime
    service_start: datetime
    departure: datetime
    leg_seconds: int = 0
    leg_meters: int = 0
    leg_path: str | None = None
    load_after: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What ``compute`` found."""

    route: LoadedRoute
    stops: list[TimedStop] = field(default_factory=list)


_SIGN: Final = {StopKind.DEPOT_START: 1, StopKind.RELOAD: 1, StopKind.PICKUP: 1, StopKind.DROPOFF: -1}
"""Which way a stop changes what is on board; elsewhere it stays."""


async def load_route(tx: Transaction, tenant_id: UUID, route_id: UUID) -> LoadedRoute | None:
    """What is left of an active route; None when it is not active (any more) or has no open stop."""
    route = (await routes_by_ids(tx, tenant_id, [route_id])).get(route_id)
    if route is None or RouteStatus(route["status"]) not in ACTIVE_ROUTES:
        return None
    stops = (await stops_of_routes(tx, tenant_id, [route_id])).get(route_id, [])
    closed, remaining = _split(stops)
    shifts = await shifts_for_planning(tx, tenant_id, [route["shift_id"]])
    if not remaining or not shifts:
        return None
    orders_of = await order_ids_of_stops(tx, tenant_id, [stop["id"] for stop in remaining])
    ids = sorted({order_id for order_ids in orders_of.values() for order_id in order_ids})
    orders = {order.id: order for order in await orders_for_planning(tx, tenant_id, ids)}
    return LoadedRoute(
        id=route_id,
        version=route["version"],
        shift=shifts[0],
        behind=next((_position(stop) for stop in reversed(closed) if stop["latitude"] is not None), None),
        ready_at=closed[-1]["planned_departure"] if closed else remaining[0]["planned_arrival"],
        on_board=load_of_json(closed[-1]["load_after"]) if closed else Load(),
        stops=tuple(_open_stop(stop, orders_of.get(stop["id"], []), orders) for stop in remaining),
    )


def _split(stops: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The served stops in the order in which they were, and the open ones; the stop that is being driven to counts as served."""
    moving = (StopStatus.EN_ROUTE, StopStatus.ARRIVED)
    served = [stop for stop in stops if stop["status"] in (StopStatus.COMPLETED, StopStatus.FAILED)]
    served.sort(key=lambda stop: stop["closed_at"] or stop["planned_departure"])
    served += [stop for stop in stops if stop["status"] in moving]
    return served, [stop for stop in stops if stop["status"] == StopStatus.PENDING]


def _open_stop(stop: Row, order_ids: Sequence[UUID], orders: dict[UUID, PlanningOrder]) -> OpenStop:
    kind = StopKind(stop["kind"])
    points = [_point(kind, orders[order_id]) for order_id in order_ids if order_id in orders]
    at_customers = kind in (StopKind.PICKUP, StopKind.DROPOFF) and bool(points)
    found = points[0] if at_customers else None
    return OpenStop(
        id=stop["id"],
        kind=kind,
        position=position_of(found) if found and found.latitude is not None else _position(stop),
        order_ids=tuple(order_ids),
        windows=tuple(window for point in points for window in point.windows) if at_customers else (),
        arrival=stop["planned_arrival"],
        service=stop["planned_departure"] - stop["planned_service_start"],
        eta=stop["eta_at"] or stop["planned_arrival"],
        load=_load([orders[order_id] for order_id in order_ids if order_id in orders]),
    )


def _load(orders: Sequence[PlanningOrder]) -> Load:
    return sum((load_of(order) for order in orders), Load())


def _point(kind: StopKind, order: PlanningOrder) -> PlanningPoint:
    return order.pickup if kind is StopKind.PICKUP and order.pickup else order.dropoff


def _position(stop: Row) -> Position | None:
    return (stop["latitude"], stop["longitude"]) if stop["latitude"] is not None else None


async def compute(roads: Roads, route: LoadedRoute) -> Refreshed:
    """New legs and times for the open stops; raises Unavailable when the roads do not answer."""
    vehicle = vehicle_of(route.shift)
    positions = [stop.position for stop in route.stops if stop.position is not None]
    asked = [route.behind, *positions] if route.behind is not None else positions
    legs: list[Leg | None] = [None]
    if len(asked) > 1:
        try:
            legs = list((await roads.route(asked, vehicle.kind)).legs)
        except RoadsError as error:
            raise Unavailable(error.message) from error
        if route.behind is None:
            legs.insert(0, None)
    timed: list[TimedStop] = []
    now, load = route.ready_at, route.on_board
    waiting = iter(legs)
    for stop in route.stops:
        leg = next(waiting) if stop.position is not None else None
        sign = _SIGN.get(stop.kind, 0)
        if sign:
            load = peak([Load(), load + stop.load if sign > 0 else load - stop.load])  # never below nothing
        timed.append(replace(_timed(stop, leg, now, route.shift), load_after=load_json(load)))
        now = timed[-1].departure
    return Refreshed(route, timed)


def _timed(stop: OpenStop, leg: Leg | None, now: datetime, shift: PlanningShift) -> TimedStop:
    vehicle = vehicle_of(shift)
    free = leg.seconds / vehicle.speed_factor if leg else 0.0
    seconds = round(shift.traffic.seconds(profile_of(vehicle.kind), free, now))
    arrival = now + timedelta(seconds=seconds)
    start = max(arrival, stop.arrival) if stop.kind is StopKind.BREAK else _opens(stop.windows, arrival)
    return TimedStop(
        stop=stop,
        arrival=arrival,
        service_start=start,
        departure=start + stop.service,
        leg_seconds=seconds,
        leg_meters=round(leg.meters) if leg else 0,
        leg_path=leg.polyline6 if leg else None,
    )


def _opens(windows: Sequence[TimeWindow], moment: datetime) -> datetime:
    """When service may begin at the earliest; at once when every window is over (late is better than never)."""
    return min((max(window.start, moment) for window in windows if window.end >= moment), default=moment).astimezone(
        UTC
    )


async def write_refreshed(scope: Scope, refreshed: Refreshed) -> bool:
    """Write the new legs and times, and move the ETAs by as much; False (and nothing written) when the route changed meanwhile."""
    route, _ = await lock_route(scope, refreshed.route.id)
    if route["version"] != refreshed.route.version:
        return False
    timed = refreshed.stops
    drift = refreshed.route.stops[0].eta - refreshed.route.stops[0].arrival
    await scope.tx.execute(
        _UPDATE,
        scope.tenant_id,
        [one.stop.id for one in timed],
        [one.arrival for one in timed],
        [one.service_start for one in timed],
        [one.departure for one in timed],
        [one.leg_seconds for one in timed],
        [one.leg_meters for one in timed],
        [one.leg_path for one in timed],
        [one.stop.position[0] if one.stop.position else None for one in timed],
        [one.stop.position[1] if one.stop.position else None for one in timed],
        [one.arrival + drift for one in timed],
        [orjson.dumps(one.load_after).decode() for one in timed],
        [_late_seconds(one.stop.windows, one.service_start) for one in timed],
    )
    await touch_route(scope, refreshed.route.id, only_times=True)
    await set_etas(scope, _etas(timed, drift))
    return True


_UPDATE: Final = """
UPDATE stops SET planned_arrival = new.arrival, planned_service_start = new.service_start, planned_departure = new.departure,
  leg_seconds = new.seconds, leg_meters = new.meters, leg_path = new.path, latitude = new.latitude, longitude = new.longitude,
  eta_at = new.eta, late_seconds = new.late, load_after = new.load::jsonb, version = version + 1, updated_at = now()
FROM unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::int[], $7::int[], $8::text[], $9::float8[], $10::float8[],
            $11::timestamptz[], $12::text[], $13::int[])
  AS new(id, arrival, service_start, departure, seconds, meters, path, latitude, longitude, eta, load, late)
WHERE stops.tenant_id = $1 AND stops.id = new.id
"""


def _etas(timed: Sequence[TimedStop], drift: timedelta) -> list[EtaChange]:
    changes: list[EtaChange] = []
    before = 0
    for one in timed:
        if one.stop.kind is StopKind.DROPOFF:
            at = one.arrival + drift
            late = _late_seconds(one.stop.windows, at)
            changes += [EtaChange(order_id, at, late, before) for order_id in one.stop.order_ids]
        before += one.stop.kind in (StopKind.PICKUP, StopKind.DROPOFF)
    return changes


def _late_seconds(windows: Sequence[TimeWindow], at: datetime) -> int:
    """How long after the last window an arrival is."""
    last = max((window.end for window in windows), default=None)
    return max(0, round((at - last).total_seconds())) if last else 0
