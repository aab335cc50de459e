"""After an act: when each stop ahead will be reached, and what that means for the orders."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from doorstep.fleets.reads import pace_of_shift
from doorstep.kernel.db import Row
from doorstep.kernel.geo import Coordinates
from doorstep.kernel.scope import Scope
from doorstep.kernel.time import TimeWindow
from doorstep.orders.model import WaypointRole
from doorstep.orders.reads import waypoints_of, windows_of
from doorstep.orders.service import EtaChange, set_etas
from doorstep.planning.model import StopKind
from doorstep.planning.service import write_stop_etas
from doorstep.tracking.model.eta import TimedStop, estimate_arrivals, late_by
from doorstep.tracking.model.rules import DOORS
from doorstep.tracking.model.state import Effects, RouteState, StopState

_ROLES = {StopKind.PICKUP: WaypointRole.PICKUP, StopKind.DROPOFF: WaypointRole.DROPOFF}

Windows = Mapping[tuple[UUID, WaypointRole], tuple[TimeWindow, ...]]


async def tell_arrivals(scope: Scope, shift_id: UUID, stops: Sequence[Row], effects: Effects) -> None:
    """Estimate anew and write: the stops' ETAs, and the orders' (arrival at the recipient) with their lateness and the stops before them.

    ``stops`` are the locked rows from before the act; what it changed is taken from ``effects.after``.
    """
    route = effects.after
    live = {stop.id: route.live_orders(stop) for stop in route.stops if stop.is_open and stop.kind in DOORS}
    windows = await _windows(scope, {order_id for order_ids in live.values() for order_id in order_ids})
    planned = {row["id"]: row for row in stops}
    arrivals = estimate_arrivals(
        [_timed(stop, planned[stop.id], live.get(stop.id, []), windows) for stop in route.stops],
        await pace_of_shift(scope.tx, scope.tenant_id, shift_id),
    )
    await write_stop_etas(scope, arrivals)
    await set_etas(
        scope,
        [
            EtaChange(
                order_id,
                arrivals[stop.id],
                late_by(arrivals[stop.id], windows.get((order_id, WaypointRole.DROPOFF), ())),
                _stops_before(route, stop),
            )
            for stop in route.stops
            if stop.kind is StopKind.DROPOFF
            for order_id in live.get(stop.id, [])
        ],
    )


async def _windows(scope: Scope, order_ids: Iterable[UUID]) -> Windows:
    rows = await waypoints_of(scope.tx, scope.tenant_id, sorted(order_ids))
    return {(row["order_id"], WaypointRole(row["role"])): tuple(windows_of(row)) for row in rows}


def _timed(stop: StopState, row: Row, live: Sequence[UUID], windows: Windows) -> TimedStop:
    role = _ROLES.get(stop.kind)
    own = [windows.get((order_id, role), ()) for order_id in live] if role else []
    has_place = row["latitude"] is not None and row["longitude"] is not None
    return TimedStop(
        id=stop.id,
        kind=stop.kind,
        status=stop.status,
        planned_arrival=row["planned_arrival"],
        planned_service_start=row["planned_service_start"],
        planned_departure=row["planned_departure"],
        place=Coordinates(row["latitude"], row["longitude"]) if has_place else None,
        leg_meters=row["leg_meters"],
        leg_seconds=row["leg_seconds"],
        departed_at=stop.departed_at,
        arrived_at=stop.arrived_at,
        closed_at=stop.closed_at,
        windows=tuple(one for one in own if one),
    )


def _stops_before(route: RouteState, stop: StopState) -> int:
    """How many open doors the driver comes to first."""
    return sum(
        other.is_open and other.kind in DOORS and other.sequence < stop.sequence and bool(route.live_orders(other))
        for other in route.stops
    )
