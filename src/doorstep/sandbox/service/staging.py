"""A robot for an order that is on no route: driver, vehicle, shift and depot where they are missing, and a route of its own.

The route is not computed: no solver and no road is asked, windows, skills and capacity do not matter, and its times are the steps of the
simulation. So every order that has a place can be simulated, at once and in one transaction.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from doorstep.fleets.model import VehicleKind
from doorstep.fleets.reads import PlanningShift, shifts_for_planning
from doorstep.fleets.service.depots import NewDepot, create_depot
from doorstep.fleets.service.drivers import NewDriver, create_driver
from doorstep.fleets.service.shifts import ShiftDraft, archive_shift, create_shift
from doorstep.fleets.service.siting import Site, Survey
from doorstep.fleets.service.vehicles import NewVehicle, create_vehicle
from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.geo import Coordinates, distance_meters
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Scope
from doorstep.orders.model import LocationStatus
from doorstep.orders.reads import PlanningOrder, PlanningPoint, waypoints_of
from doorstep.places.addresses import Address
from doorstep.planning.model import StopKind
from doorstep.planning.service import assign_orders
from doorstep.planning.service.preparing import Prepared
from doorstep.planning.service.problems import load_of
from doorstep.planning.service.proposals import DraftRoute, DraftStop, load_json
from doorstep.planning.solver.load import Load
from doorstep.planning.solver.solution import Summary
from doorstep.sandbox.model import RobotRow

NETWORK = "STRAIGHT_LINES"
SHIFT = timedelta(hours=24)
NEEDED = timedelta(hours=8)
"""A shift that has so much left takes one more order."""


async def put_on_route(scope: Scope, order: PlanningOrder, step: int) -> UUID:
    """Assign the order to a robot and dispatch it, with stops that are ``step`` seconds apart; returns the route's id.

    Raises NOT_PLANNABLE for an order without a place, ORDER_TAKEN when it was assigned meanwhile.
    """
    if order.location_status is LocationStatus.NEEDS_LOCATION:
        said = "This order has no known place: give it coordinates with updateOrder."
        raise DoorstepError(ProblemCode.NOT_PLANNABLE, said, ["orderId"])
    await scope.tx.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('sandbox ' || $1::text, 0))", str(scope.tenant_id)
    )
    depot_id = order.depot_id or await _depot(scope, order)
    shift = await _shift(scope, await _free_robot(scope), depot_id)
    draft = DraftRoute(
        shift=shift, stops=_stops(order, shift, scope.clock.now(), timedelta(seconds=step)), summary=_summary(),
        network=NETWORK, map_version=None,
    )  # fmt: skip
    prepared = Prepared(
        shift.id, [order.id], draft=draft, order_versions={order.id: order.version}, shift_version=shift.version
    )
    await assign_orders(scope, prepared)
    return draft.id


# ── who drives, from where ──────────────────────────────────────────────────────────────────────────────


async def _depot(scope: Scope, order: PlanningOrder) -> UUID:
    """The tenant's first depot, or one of the sandbox's: about where the order is, not at anybody's door."""
    found: UUID | None = await scope.tx.fetchval(
        "SELECT id FROM depots WHERE tenant_id = $1 AND archived_at IS NULL ORDER BY created_at, id LIMIT 1",
        scope.tenant_id,
    )
    if found is not None:
        return found
    [waypoint, *_] = await waypoints_of(scope.tx, scope.tenant_id, [order.id])
    near = order.pickup or order.dropoff
    place = Address("Robot depot", None, "Sandbox", None, None, waypoint["country"])
    point = Coordinates(round(near.latitude or 0.0, 2), round(near.longitude or 0.0, 2))
    made = await create_depot(scope, NewDepot("Robot depot"), Survey(Site(place, point)))
    return UUID(made["id"])


_FREE = """
SELECT robot.driver_id, robot.vehicle_id FROM robots AS robot
JOIN drivers AS driver ON driver.tenant_id = robot.tenant_id AND driver.id = robot.driver_id AND driver.archived_at IS NULL
JOIN vehicles AS vehicle ON vehicle.tenant_id = robot.tenant_id AND vehicle.id = robot.vehicle_id AND vehicle.archived_at IS NULL
WHERE robot.tenant_id = $1 AND NOT EXISTS (
  SELECT 1 FROM routes AS route WHERE route.tenant_id = $1 AND (route.driver_id = robot.driver_id OR route.vehicle_id = robot.vehicle_id)
    AND route.status IN ('COMMITTED', 'DISPATCHED', 'IN_PROGRESS'))
ORDER BY robot.number LIMIT 1
"""


async def _free_robot(scope: Scope) -> Row | dict[str, UUID]:
    """A robot without a route, or a new one; the caller holds the sandbox's lock."""
    free = await scope.tx.fetchrow(_FREE, scope.tenant_id)
    if free is not None:
        return free
    number = 1 + int(
        await scope.tx.fetchval("SELECT coalesce(max(number), 0) FROM robots WHERE tenant_id = $1", scope.tenant_id)
    )
    driver = await create_driver(scope, NewDriver(f"Robot {number}"))
    vehicle = await create_vehicle(scope, NewVehicle(f"Robot {number}", VehicleKind.VAN))
    robot = {"driver_id": UUID(driver["id"]), "vehicle_id": UUID(vehicle["id"])}
    await scope.tx.insert(RobotRow, [{"tenant_id": scope.tenant_id, "id": new_id(), "number": number, **robot}])
    return robot


async def _shift(scope: Scope, robot: Row | dict[str, UUID], depot_id: UUID) -> PlanningShift:
    """The robot's shift from that depot, if it has time left; else a new one, in place of what it had."""
    now = scope.clock.now()
    rows = await scope.tx.fetch(
        "SELECT id, depot_id, vehicle_id, starts_at, ends_at FROM shifts WHERE tenant_id = $1 AND driver_id = $2 "
        "AND archived_at IS NULL AND ends_at > $3 ORDER BY starts_at, id",
        scope.tenant_id,
        robot["driver_id"],
        now,
    )
    for row in rows:
        fits = row["depot_id"] == depot_id and row["vehicle_id"] == robot["vehicle_id"]
        if fits and row["starts_at"] <= now and row["ends_at"] >= now + NEEDED:
            return await _for_planning(scope, row["id"])
    for row in rows:
        await archive_shift(scope, row["id"])
    made = await create_shift(scope, ShiftDraft(robot["driver_id"], robot["vehicle_id"], depot_id, now, now + SHIFT))
    return await _for_planning(scope, UUID(made["id"]))


async def _for_planning(scope: Scope, shift_id: UUID) -> PlanningShift:
    [shift] = await shifts_for_planning(scope.tx, scope.tenant_id, [shift_id])
    return shift


# ── the route ───────────────────────────────────────────────────────────────────────────────────────────


def _stops(order: PlanningOrder, shift: PlanningShift, now: datetime, step: timedelta) -> list[DraftStop]:
    """From the depot to the order's doors and back, each act one step after the one before, and each way a step long."""
    depot = Coordinates(shift.depot_latitude, shift.depot_longitude)
    places = [(StopKind.DEPOT_START, depot), (StopKind.DROPOFF, _point(order.dropoff)), (StopKind.DEPOT_END, depot)]
    if order.pickup is not None:
        places.insert(1, (StopKind.PICKUP, _point(order.pickup)))
    stops: list[DraftStop] = []
    here, left = depot, now
    for kind, there in places:
        starts = kind is StopKind.DEPOT_START
        arrival = left + step
        departure = arrival + (step if starts else 2 * step)  # a step to be done, and another one until it sets off
        at_depot = kind in (StopKind.DEPOT_START, StopKind.DEPOT_END)
        stops.append(
            DraftStop(
                kind=kind,
                order_ids=[order.id] if kind is not StopKind.DEPOT_END and not (starts and order.pickup) else [],
                position=(there.latitude, there.longitude),
                arrival=arrival,
                service_start=arrival,
                departure=departure,
                leg_seconds=0 if starts else int(step.total_seconds()),
                leg_meters=round(distance_meters(here, there)),
                load_after=_load(order, kind),
                depot_id=shift.depot_id if at_depot else None,
            )
        )
        here, left = there, departure
    return stops


def _point(point: PlanningPoint) -> Coordinates:
    return Coordinates(point.latitude or 0.0, point.longitude or 0.0)


def _load(order: PlanningOrder, kind: StopKind) -> dict[str, Any]:
    """What is on board after the stop: the order, once it is loaded."""
    loads_at = StopKind.DEPOT_START if order.pickup is None else StopKind.PICKUP
    return load_json(load_of(order) if kind is loads_at else Load())


def _summary() -> dict[str, object]:
    return {**asdict(Summary(routes=1, tasks=1, orders=1)), "emissions_grams": None, "load_factor": None}
