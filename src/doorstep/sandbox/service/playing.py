"""The next act of a simulation, in one transaction behind the simulation's lock: decided from the route as it stands, carried out, counted.

Whoever comes second finds the act done and the next one not due. Should a lock ever fail, the act's id, made of the simulation and its count,
is known to tracking, which answers it without a second effect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import time as wall_seconds
from typing import Final
from uuid import UUID, uuid5

from doorstep.identity.service import clock_of
from doorstep.kernel.db import Row
from doorstep.kernel.geo import Coordinates, point_along
from doorstep.kernel.scope import Scope
from doorstep.kernel.time import Clock
from doorstep.orders.model import OrderStatus, WaypointRole
from doorstep.orders.reads import waypoints_of, windows_of
from doorstep.orders.service import lock_orders
from doorstep.places.roads import polyline
from doorstep.planning.model import ACTIVE_ROUTES, OPEN_STOPS, RouteStatus, StopKind, StopStatus
from doorstep.planning.service import lock_route
from doorstep.sandbox.errors import NotASandbox
from doorstep.sandbox.model import Ending, SimulationStatus
from doorstep.sandbox.model.robot import POSITIONS_PER_LEG, Call, RobotAct, Script, next_act, positions_due
from doorstep.sandbox.reads import sandbox_clock
from doorstep.sandbox.service.declining import Decline, nobody, play_decline
from doorstep.sandbox.service.proving import required_proofs
from doorstep.sandbox.service.rows import close
from doorstep.tracking.model import StopAct
from doorstep.tracking.model.proofs import ProofGiven
from doorstep.tracking.model.state import ABOARD, AWAITED
from doorstep.tracking.service import DriverAct, PositionGiven, advance_stop, report_positions

LOCK: Final = "SELECT * FROM simulations WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
_LIVE: Final = {StopKind.PICKUP: AWAITED, StopKind.RELOAD: AWAITED, StopKind.DROPOFF: AWAITED | ABOARD}


@dataclass(frozen=True, slots=True)
class _Field:
    """The route of a simulation as it stands, locked."""

    route: Row
    stops: list[Row]
    orders: dict[UUID, Row]
    calls: list[Call]
    script: Script


async def play(scope: Scope, simulation_id: UUID, decline: Decline = nobody) -> float | None:
    """Do what is due next, if it is; returns wall seconds until there is something to do (0: at once), None when the simulation is over.

    Raises what tracking refuses, or ``decline``, which answers offers in a carrier's name: then the simulation cannot go on.
    """
    simulation = await scope.tx.fetchrow(LOCK, scope.tenant_id, simulation_id)
    if simulation is None or simulation["status"] != SimulationStatus.RUNNING:
        return None
    clock = await _clock(scope)
    if simulation["tender_id"] is not None:
        return await play_decline(scope, simulation, clock, decline)
    field = await _field(scope, simulation)
    act = None if field is None else next_act(field.calls, field.script, simulation["played_to"])
    if field is None or act is None:
        await close(scope, simulation_id, SimulationStatus.SUCCEEDED, simulation["played_to"], None)
        return None
    if act.at <= clock.now():
        await _carry_out(scope, simulation, field, act)
        return 0.0
    return await _on_the_way(scope, simulation, field, act, clock)


async def _clock(scope: Scope) -> Clock:
    row = await sandbox_clock(scope.tx, scope.tenant_id)
    if row is None:
        raise NotASandbox
    return clock_of(row)


def _at(scope: Scope, instant: datetime) -> None:
    """From here on it is that instant in this transaction, so that everything that follows from an act happens when it does."""
    scope.principal = replace(scope.principal, clock=Clock(wall_seconds(), instant.timestamp()))


# ── the route as it stands ──────────────────────────────────────────────────────────────────────────────


async def _field(scope: Scope, simulation: Row) -> _Field | None:
    """None when the route is over."""
    route, stops = await lock_route(scope, simulation["route_id"])
    if RouteStatus(route["status"]) not in ACTIVE_ROUTES:
        return None
    orders = await lock_orders(scope, {order_id for stop in stops for order_id in stop["order_ids"]})
    calls = [_call(stop, orders) for stop in stops if StopStatus(stop["status"]) in OPEN_STOPS]
    return _Field(route, stops, orders, calls, await _script(scope, simulation))


def _call(stop: Row, orders: Mapping[UUID, Row]) -> Call:
    kind = StopKind(stop["kind"])
    live = _LIVE.get(kind, frozenset())
    return Call(
        id=stop["id"],
        kind=kind,
        status=StopStatus(stop["status"]),
        sequence=stop["sequence"],
        planned_arrival=stop["planned_arrival"],
        planned_service_start=stop["planned_service_start"],
        planned_departure=stop["planned_departure"],
        leg=timedelta(seconds=stop["leg_seconds"]),
        order_ids=tuple(
            one for one in stop["order_ids"] if one in orders and OrderStatus(orders[one]["status"]) in live
        ),
        departed_at=stop["departed_at"],
        arrived_at=stop["arrived_at"],
    )


async def _script(scope: Scope, simulation: Row) -> Script:
    endings = {UUID(one): Ending.of(stored) for one, stored in simulation["endings"].items()}
    late = [order_id for order_id, ending in endings.items() if ending.late_by is not None]
    seconds = simulation["seconds_per_step"]
    return Script(
        endings=endings,
        only=simulation["order_id"],
        step=None if seconds is None else timedelta(seconds=seconds),
        window_ends=await _window_ends(scope, late) if late else {},
    )


async def _window_ends(scope: Scope, order_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    rows = await waypoints_of(scope.tx, scope.tenant_id, order_ids)
    ends = {
        row["order_id"]: [one.end for one in windows_of(row)] for row in rows if row["role"] == WaypointRole.DROPOFF
    }
    return {order_id: max(found) for order_id, found in ends.items() if found}


# ── acting ──────────────────────────────────────────────────────────────────────────────────────────────


async def _carry_out(scope: Scope, simulation: Row, field: _Field, act: RobotAct) -> None:
    _at(scope, act.at)
    proofs: tuple[ProofGiven, ...] = ()
    if act.act is StopAct.COMPLETE and act.call.kind is StopKind.DROPOFF:
        proofs = await required_proofs(scope, [field.orders[one] for one in act.order_ids or act.call.order_ids])
    if act.act is StopAct.ARRIVE:
        await _report(scope, field, _place_of(_stop(field, act)), act.at)
    await advance_stop(
        scope,
        DriverAct(
            stop_id=act.call.id,
            act=act.act,
            act_id=act_id(simulation["id"], simulation["steps"]),
            occurred_at=act.at,
            coordinates=_place_of(_stop(field, act)),
            reason=act.reason,
            order_ids=act.order_ids,
            proofs=proofs,
        ),
    )
    await scope.tx.execute(
        "UPDATE simulations SET steps = steps + 1, positions = 0, played_to = $3, next_act_at = NULL, version = version + 1, updated_at = now() "
        "WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id,
        simulation["id"],
        act.at,
    )


def act_id(simulation_id: UUID, step: int) -> str:
    """The id of a simulation's act with that number: the same however often it is tried."""
    return str(uuid5(simulation_id, str(step)))


async def _on_the_way(scope: Scope, simulation: Row, field: _Field, act: RobotAct, clock: Clock) -> float:
    """Nothing to do yet: say when there is, and between two stops where the robot is."""
    reports = positions_due(act, simulation["played_to"]) if act.act is StopAct.ARRIVE else []
    passed = sum(instant <= clock.now() for instant in reports)
    if passed > simulation["positions"]:
        _at(scope, reports[passed - 1])
        await _report(
            scope, field, _on_leg(field, _stop(field, act), passed / (POSITIONS_PER_LEG + 1)), reports[passed - 1]
        )
    if passed > simulation["positions"] or act.at != simulation["next_act_at"]:
        await scope.tx.execute(
            "UPDATE simulations SET next_act_at = $3, positions = $4, version = version + 1, updated_at = now() "
            "WHERE tenant_id = $1 AND id = $2",
            scope.tenant_id,
            simulation["id"],
            act.at,
            max(passed, simulation["positions"]),
        )
    return clock.wall_delay(min([act.at, *reports[passed:]]))


async def _report(scope: Scope, field: _Field, place: Coordinates | None, at: datetime) -> None:
    if place is not None:
        await report_positions(scope, [PositionGiven(field.route["vehicle_id"], place, at)])


def _stop(field: _Field, act: RobotAct) -> Row:
    return next(stop for stop in field.stops if stop["id"] == act.call.id)


def _place_of(stop: Row) -> Coordinates | None:
    return None if stop["latitude"] is None else Coordinates(stop["latitude"], stop["longitude"])


def _on_leg(field: _Field, stop: Row, share: float) -> Coordinates | None:
    """Where the robot is on its way to a stop: on the road where the leg has a path, else on the straight line."""
    if stop["leg_path"]:
        return point_along([Coordinates(*point) for point in polyline.decode(stop["leg_path"])], share)
    left = [one for one in field.stops if one["closed_at"] is not None and one["latitude"] is not None]
    ends = [_place_of(one) for one in (*sorted(left, key=lambda one: one["closed_at"])[-1:], stop)]
    known = [end for end in ends if end is not None]
    return point_along(known, share) if known else None


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────


async def fail_simulation(scope: Scope, simulation_id: UUID, reason: str) -> None:
    """End a simulation that cannot go on, saying why; one that is over already stays as it is."""
    row = await scope.tx.fetchrow(LOCK, scope.tenant_id, simulation_id)
    if row is not None and row["status"] == SimulationStatus.RUNNING:
        await close(scope, simulation_id, SimulationStatus.FAILED, row["played_to"], reason)
