"""The door for tracking: a route and its stops under lock, their states, the end of assignments.

Locks are taken in one order everywhere, so that nobody waits in a circle: plan, routes (by id), stops, orders (by id), jobs.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.scope import Scope
from doorstep.orders.model import OrderStatus
from doorstep.orders.service import Move, lock_orders, move_orders
from doorstep.planning.events import RouteChanged, RouteStatusChanged, StopStatusChanged
from doorstep.planning.model import (
    OPEN_STOPS,
    ORDER_STOPS,
    ROUTE_TRANSITIONS,
    STOP_TRANSITIONS,
    RouteStatus,
    StopStatus,
)

_OPEN: Final = sorted(OPEN_STOPS)
_DRIVERS_OWN: Final = frozenset({RouteStatus.IN_PROGRESS, RouteStatus.COMPLETED})
"""States that the driver's own acts bring about: they leave the route's version alone, or each act would outdate the next."""

_INSTANT_COLUMN: Final = {
    RouteStatus.DISPATCHED: "dispatched_at",
    RouteStatus.IN_PROGRESS: "started_at",
    RouteStatus.COMPLETED: "completed_at",
}

_STOPS: Final = """
SELECT stop.*, ARRAY(
  SELECT link.order_id FROM stop_orders AS link
  JOIN assignments AS held ON held.tenant_id = link.tenant_id AND held.order_id = link.order_id AND held.active
  WHERE link.tenant_id = stop.tenant_id AND link.stop_id = stop.id AND held.route_id = stop.route_id ORDER BY link.order_id
) AS order_ids
FROM stops AS stop WHERE stop.tenant_id = $1 AND stop.route_id = $2 ORDER BY stop.sequence, stop.id FOR UPDATE OF stop
"""


async def lock_route(scope: Scope, route_id: UUID) -> tuple[Row, list[Row]]:
    """A route and all its stops by sequence, locked. Raises NotFound("route").

    Each stop's row also has ``order_ids``: those of its orders that are assigned to this route now.
    """
    route = await scope.tx.fetchrow(
        "SELECT * FROM routes WHERE tenant_id = $1 AND id = $2 FOR UPDATE", scope.tenant_id, route_id
    )
    if route is None or (scope.principal.reach.limited and not await _still_reached(scope, route_id)):
        raise NotFound("route", ["routeId"])
    return route, await scope.tx.fetch(_STOPS, scope.tenant_id, route_id)


async def _still_reached(scope: Scope, route_id: UUID) -> bool:
    """Whether a limited credential reaches a route that it has locked: while it waited, an order out of reach may have been put on it."""
    found = await scope.tx.fetchval("SELECT 1 FROM routes WHERE tenant_id = $1 AND id = $2", scope.tenant_id, route_id)
    return found is not None


async def lock_route_of_stop(scope: Scope, stop_id: UUID) -> tuple[Row, list[Row]]:
    """The route of a stop and all stops of that route, as ``lock_route``. Raises NotFound("stop")."""
    route_id = await scope.tx.fetchval(
        "SELECT route_id FROM stops WHERE tenant_id = $1 AND id = $2", scope.tenant_id, stop_id
    )
    if route_id is None:
        raise NotFound("stop", ["stopId"])
    return await lock_route(scope, route_id)


async def write_stop(
    scope: Scope,
    stop_id: UUID,
    *,
    status: StopStatus | None = None,
    departed_at: datetime | None = None,
    arrived_at: datetime | None = None,
    closed_at: datetime | None = None,
    failure_reason: str | None = None,
    sequence: int | None = None,
) -> None:
    """Move a stop to ``status`` and note what is given; None leaves what is there, and the same status is no move.

    The caller holds the route's lock. A driver's own acts leave the route's version alone; a new ``sequence`` counts as a change of the route.
    Raises ILLEGAL_TRANSITION naming the present and the allowed states. Emits StopStatusChanged for a move.
    """
    stop = await scope.tx.fetchrow(_ONE_STOP, scope.tenant_id, stop_id)
    if stop is None:
        raise NotFound("stop", ["stopId"])
    present = StopStatus(stop["status"])
    to = status or present
    if to is not present:
        check_stop_move(present, to)
    version = await scope.tx.fetchval(
        "UPDATE stops SET status = $3, departed_at = coalesce($4, departed_at), arrived_at = coalesce($5, arrived_at), "
        "closed_at = coalesce($6, closed_at), failure_reason = coalesce($7, failure_reason), sequence = coalesce($8, sequence), "
        "version = version + 1, updated_at = now() WHERE tenant_id = $1 AND id = $2 RETURNING version",
        scope.tenant_id, stop_id, to.value, departed_at, arrived_at, closed_at, failure_reason, sequence,
    )  # fmt: skip
    if sequence is not None and sequence != stop["sequence"]:
        await touch_route(scope, stop["route_id"])
    if to is not present:
        scope.emit(
            StopStatusChanged(
                aggregate_version=version,
                route_id=stop["route_id"],
                plan_id=stop["plan_id"],
                order_id=stop["order_ids"][0] if len(stop["order_ids"]) == 1 else None,
                occurred_at=closed_at or arrived_at or departed_at,
                stop_id=stop_id,
                order_ids=list(stop["order_ids"]),
                from_=present,
                to=to,
                reason=failure_reason,
            )
        )


_ONE_STOP: Final = """
SELECT stop.route_id, stop.status, stop.sequence, route.plan_id, ARRAY(
  SELECT link.order_id FROM stop_orders AS link WHERE link.tenant_id = stop.tenant_id AND link.stop_id = stop.id ORDER BY link.order_id
) AS order_ids
FROM stops AS stop JOIN routes AS route ON route.tenant_id = stop.tenant_id AND route.id = stop.route_id
WHERE stop.tenant_id = $1 AND stop.id = $2
"""


def check_stop_move(present: StopStatus, to: StopStatus) -> None:
    """Pass, or refuse an illegal move naming the present state and the allowed ones."""
    allowed = STOP_TRANSITIONS[present]
    if to not in allowed:
        raise _illegal("stop", present, to, allowed)


def _illegal(what: str, present: str, to: str, allowed: Collection[str]) -> DoorstepError:
    following = f"from there it may become {', '.join(sorted(allowed))}" if allowed else "that is final"
    return DoorstepError(ProblemCode.ILLEGAL_TRANSITION, f"This {what} is {present}: {following}, not {to}.")


async def set_route_status(scope: Scope, route: Row, to: RouteStatus, at: datetime) -> None:
    """Move a locked route to ``to`` at the instant ``at`` of the tenant's clock; raises ILLEGAL_TRANSITION. Emits RouteStatusChanged.

    The version goes up except when the driver's own acts move the route (IN_PROGRESS, COMPLETED).
    """
    present = RouteStatus(route["status"])
    allowed = ROUTE_TRANSITIONS[present]
    if to not in allowed:
        raise _illegal("route", present, to, allowed)
    column = _INSTANT_COLUMN.get(to)
    stamp = f", {column} = $5" if column else ", dispatched_at = NULL" if to is RouteStatus.COMMITTED else ""
    version = await scope.tx.fetchval(
        f"UPDATE routes SET status = $3, version = version + $4, updated_at = now(){stamp} "
        "WHERE tenant_id = $1 AND id = $2 RETURNING version",
        scope.tenant_id, route["id"], to.value, 0 if to in _DRIVERS_OWN else 1, *([at] if column else []),
    )  # fmt: skip
    scope.emit(
        RouteStatusChanged(
            aggregate_version=version,
            route_id=route["id"],
            plan_id=route["plan_id"],
            occurred_at=at,
            from_=present,
            to=to,
            driver_id=route["driver_id"],
            vehicle_id=route["vehicle_id"],
        )
    )


async def touch_route(
    scope: Scope,
    route_id: UUID,
    *,
    added: Collection[UUID] = (),
    removed: Collection[UUID] = (),
    only_times: bool = False,
) -> int:
    """Count a change of a locked route's stops, emit RouteChanged, return the version.

    ``only_times``: the sequence stands, so the version does too and the driver's acts stay valid.
    """
    row = await scope.tx.fetchrow(
        f"UPDATE routes SET version = version + {0 if only_times else 1}, updated_at = now() WHERE tenant_id = $1 AND id = $2 RETURNING version, plan_id",
        scope.tenant_id,
        route_id,
    )
    if row is None:
        raise NotFound("route", ["routeId"])
    scope.emit(
        RouteChanged(
            aggregate_version=row["version"],
            route_id=route_id,
            plan_id=row["plan_id"],
            added=sorted(added),
            removed=sorted(removed),
        )
    )
    return int(row["version"])


async def place_stops(scope: Scope, route_id: UUID, places: Mapping[UUID, int]) -> None:
    """Give stops of a locked route new places in its sequence: one change of the route, however many stops move."""
    await scope.tx.execute(
        "UPDATE stops SET sequence = new.place, version = version + 1, updated_at = now() "
        "FROM unnest($2::uuid[], $3::int[]) AS new(id, place) WHERE stops.tenant_id = $1 AND stops.id = new.id",
        scope.tenant_id,
        list(places),
        list(places.values()),
    )
    await touch_route(scope, route_id)


async def write_stop_etas(scope: Scope, etas: Mapping[UUID, datetime]) -> None:
    """Write when each stop will be reached as things stand (instants, UTC); no event, since the orders' own ETAs have one."""
    await scope.tx.execute(
        "UPDATE stops SET eta_at = new.at FROM unnest($2::uuid[], $3::timestamptz[]) AS new(id, at) "
        "WHERE stops.tenant_id = $1 AND stops.id = new.id",
        scope.tenant_id,
        list(etas),
        list(etas.values()),
    )


async def release_orders(scope: Scope, order_ids: Collection[UUID], *, to_pending: bool) -> None:
    """End the active assignments of orders (those that have none are passed over).

    ``to_pending``: they also leave the stops that are still open, of which those that served nobody else are CANCELLED (write the present
    stop's outcome first), and those that are not PENDING yet become so. The caller holds the locks of their routes.
    """
    rows = await scope.tx.fetch(
        "UPDATE assignments SET active = false, ended_at = $3 WHERE tenant_id = $1 AND order_id = ANY($2) AND active "
        "RETURNING order_id, route_id",
        scope.tenant_id,
        sorted(order_ids),
        scope.clock.now(),
    )
    if not to_pending:
        return
    await take_off_stops(scope, order_ids)
    route_of = {row["order_id"]: row["route_id"] for row in rows}
    present = await lock_orders(scope, order_ids)
    leaving = [order_id for order_id, row in present.items() if row["status"] != OrderStatus.PENDING]
    await move_orders(
        scope, [Move(order_id, OrderStatus.PENDING, route_id=route_of.get(order_id)) for order_id in leaving]
    )


async def take_off_stops(scope: Scope, order_ids: Collection[UUID]) -> set[UUID]:
    """Take orders off every open stop; a stop that was there for nobody else is CANCELLED. Counts a change of each route; returns the routes' ids."""
    rows = await scope.tx.fetch(_OPEN_STOPS_OF, scope.tenant_id, sorted(order_ids), _OPEN)
    gone = frozenset(order_ids)
    removed: dict[UUID, set[UUID]] = {}
    for row in rows:
        leaving = gone.intersection(row["order_ids"])
        removed.setdefault(row["route_id"], set()).update(leaving)
        if row["kind"] in ORDER_STOPS and len(leaving) == len(row["order_ids"]):
            await write_stop(scope, row["id"], status=StopStatus.CANCELLED, closed_at=scope.clock.now())
        else:
            await scope.tx.execute(
                "DELETE FROM stop_orders WHERE tenant_id = $1 AND stop_id = $2 AND order_id = ANY($3)",
                scope.tenant_id, row["id"], sorted(leaving),
            )  # fmt: skip
    for route_id in sorted(removed):
        await touch_route(scope, route_id, removed=removed[route_id])
    return set(removed)


_OPEN_STOPS_OF: Final = """
SELECT stop.id, stop.route_id, stop.kind, ARRAY(
  SELECT link.order_id FROM stop_orders AS link WHERE link.tenant_id = stop.tenant_id AND link.stop_id = stop.id
) AS order_ids
FROM stops AS stop JOIN routes AS route ON route.tenant_id = stop.tenant_id AND route.id = stop.route_id
WHERE stop.tenant_id = $1 AND stop.status = ANY($3) AND route.status IN ('COMMITTED', 'DISPATCHED', 'IN_PROGRESS')
  AND stop.id IN (SELECT stop_id FROM stop_orders WHERE tenant_id = $1 AND order_id = ANY($2))
ORDER BY stop.route_id, stop.sequence
"""
