"""Stops that keep their places: locked and unlocked by a person, and the refusals of whoever would move them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.planning.errors import nothing_to_plan, refuse_all, wrong_state
from doorstep.planning.model import ACTIVE_ROUTES, CUSTOMER_STOPS, OPEN_STOPS, RouteStatus, StopKind, StopStatus
from doorstep.planning.service.execution import lock_route, touch_route

MOST_STOPS: Final = 250


async def set_stop_locks(scope: Scope, stop_ids: Sequence[UUID], locked: bool) -> dict[str, Any]:
    """Lock or unlock open stops at customers on committed routes, all or none; returns ``{"route_ids"}``.

    A route of which a stop changes counts one change, so that nothing that was computed before is written after. What is so already writes nothing.
    """
    scope.require(Permission.PLANNING_WRITE)
    wanted = list(dict.fromkeys(stop_ids))
    _check_number(wanted)
    found = await scope.tx.fetch(
        "SELECT id, route_id FROM stops WHERE tenant_id = $1 AND id = ANY($2)", scope.tenant_id, wanted
    )
    route_of = {row["id"]: row["route_id"] for row in found}
    refuse_all([NotFound("stop", _path(n)) for n, stop_id in enumerate(wanted) if stop_id not in route_of])
    routes: dict[UUID, Row] = {}
    stops: dict[UUID, Row] = {}
    for route_id in sorted(set(route_of.values())):
        routes[route_id], rows = await lock_route(scope, route_id)
        stops |= {row["id"]: row for row in rows}
    faults = [_fault(stops.get(stop_id), routes[route_of[stop_id]], _path(n)) for n, stop_id in enumerate(wanted)]
    refuse_all([fault for fault in faults if fault is not None])
    changing = [stop_id for stop_id in wanted if stops[stop_id]["locked"] != locked]
    await scope.tx.execute(
        "UPDATE stops SET locked = $3, version = version + 1, updated_at = now() WHERE tenant_id = $1 AND id = ANY($2)",
        scope.tenant_id,
        changing,
        locked,
    )
    for route_id in sorted({route_of[stop_id] for stop_id in changing}):
        await touch_route(scope, route_id)
    return {"route_ids": [str(route_id) for route_id in sorted(routes)]}


def _path(index: int) -> list[str | int]:
    return ["stopIds", index]


def _check_number(stop_ids: Collection[UUID]) -> None:
    if not stop_ids:
        raise nothing_to_plan("There is no stop in stopIds.", ["stopIds"])
    if len(stop_ids) > MOST_STOPS:
        message = f"Give at most {MOST_STOPS} stops at a time."
        raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, message, ["stopIds"])


def _fault(stop: Row | None, route: Row, path: Sequence[str | int]) -> DoorstepError | None:
    """Why a stop cannot be locked or unlocked, or None."""
    if stop is None:
        return NotFound("stop", path)
    if RouteStatus(route["status"]) not in ACTIVE_ROUTES:
        advice = "A proposal's routes are made anew by each optimization: pin orders there (pins), or commit it first. A finished one stays as it is."
        return wrong_state("route", route["status"], "COMMITTED, DISPATCHED or IN_PROGRESS", advice, path)
    if StopStatus(stop["status"]) not in OPEN_STOPS:
        return wrong_state("stop", stop["status"], "open", "What is done stays where it is: leave it out.", path)
    if StopKind(stop["kind"]) not in CUSTOMER_STOPS:
        message = f"A {stop['kind']} stop goes where the route needs it: lock stops at customers."
        return DoorstepError(ProblemCode.INVALID_VALUE, message, path)
    return None


# ── refusing ────────────────────────────────────────────────────────────────────────────────────────────


def locked_orders(stops: Collection[Row], orders_of: Mapping[UUID, Collection[UUID]]) -> dict[UUID, UUID]:
    """The orders of the locked open stops among ``stops``, each with such a stop."""
    held = [stop for stop in stops if stop["locked"] and StopStatus(stop["status"]) in OPEN_STOPS]
    return {order_id: stop["id"] for stop in held for order_id in orders_of.get(stop["id"], ())}


def order_locked(order_id: UUID, stop_id: UUID, path: Sequence[str | int]) -> DoorstepError:
    """The order's stop keeps its place."""
    stop = public_id("stop", stop_id)
    message = f"Order {public_id('order', order_id)} is served at stop {stop}, which is locked: unlock it first (setStopLocks)."
    return DoorstepError(ProblemCode.NOT_PLANNABLE, message, path, existing_id=stop)


def would_move_locked(route_id: UUID, path: Sequence[str | int], advice: str) -> DoorstepError:
    """What is wanted does not hold with the route's locked stops at their places."""
    name = public_id("route", route_id)
    message = f"This does not hold with the locked stops of route {name} at their places: unlock them first (setStopLocks), or {advice}."
    return DoorstepError(ProblemCode.NOT_PLANNABLE, message, path, existing_id=name)
