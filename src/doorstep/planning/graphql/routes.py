"""Route, Stop and Assignment as the schema shows them, and their batch reads: one query per field and level, never per row."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import strawberry

from doorstep.fleets.graphql import (
    Depot,
    Driver,
    Shift,
    Vehicle,
    load_depots,
    load_drivers,
    load_shifts,
    load_vehicles,
)
from doorstep.fleets.graphql.edges import CURRENT_ROUTE
from doorstep.kernel.db import Row
from doorstep.kernel.graphql.context import Context, Info, UpwardEdge
from doorstep.kernel.graphql.enums import member_of
from doorstep.kernel.graphql.nodes import Node, register_node
from doorstep.kernel.graphql.scalars import Polyline
from doorstep.kernel.graphql.values import Coordinates, Load
from doorstep.kernel.scope import Permission
from doorstep.orders.graphql import Eta, Order, load_orders, load_waypoints
from doorstep.orders.graphql.edges import ASSIGNMENT
from doorstep.orders.model import WaypointRole
from doorstep.places.graphql import Address
from doorstep.places.roads import Source, polyline
from doorstep.planning.graphql.sums import RouteSummary
from doorstep.planning.model import (
    OPEN_STOPS,
    RouteStatus,
    StopKind,
    StopStatus,
)
from doorstep.planning.reads import (
    assignments_of_orders,
    current_routes_of_drivers,
    order_ids_of_stops,
    routes_by_ids,
    stops_by_ids,
    stops_of_assignments,
    stops_of_routes,
)

if TYPE_CHECKING:
    from doorstep.planning.graphql.plans import Plan

T = TypeVar("T")
_ROUTE_STATUS = member_of(RouteStatus)
_STOP_KIND = member_of(StopKind)
_STOP_STATUS = member_of(StopStatus)

PLAN: "UpwardEdge[UUID, Plan | None]" = UpwardEdge("Route.plan")
"""A plan by its id; plans show their routes, so routes name this here and ``plans`` supplies it."""


@strawberry.type(description="One place and time on a route, for one or more orders.")
class Stop(Node):
    row: strawberry.Private[Row]
    version: int = strawberry.field(description="Counts the changes.")
    sequence: int = strawberry.field(description="Its place on the route; stops are worked from the lowest up.")
    kind: StopKind = strawberry.field(description="What happens there.")
    status: StopStatus = strawberry.field(description="Where it stands.")
    planned_arrival: datetime = strawberry.field(description="When the vehicle is to be there.")
    planned_service_start: datetime = strawberry.field(
        description="When the work begins: after `plannedArrival` where a window opens later."
    )
    planned_departure: datetime = strawberry.field(description="When the vehicle is to go on.")
    leg_meters: int = strawberry.field(description="Way from the stop before, in metres.")
    leg_seconds: int = strawberry.field(description="Time at the wheel from the stop before, in seconds.")
    late_seconds: int = strawberry.field(
        description="How long after its orders' windows the work is planned to begin, in seconds; 0 when they hold."
    )
    arrived_at: datetime | None = strawberry.field(description="When the driver was there.")
    departed_at: datetime | None = strawberry.field(description="When the driver set off for it.")
    closed_at: datetime | None = strawberry.field(description="When it was done, failed, skipped or cancelled.")
    failure_reason: str | None = strawberry.field(description="Why it failed.")
    locked: bool = strawberry.field(
        description=(
            "Whether it keeps its place on the route (setStopLocks). Its orders are not moved or taken off, nothing new comes in front of it, and what is "
            "in front of it does not go behind it. Replanning also leaves on the route what is in front of it; only changes by hand may take that off, "
            "which brings it nearer. Dispatch gives its courier nothing more while it is open. What its driver does, an order that is "
            "cancelled or returned, and cancelRoute are not held up by it."
        )
    )

    @classmethod
    def of(cls, row: Row) -> "Stop":
        """From a row with the columns of ``reads.STOP_COLUMNS``."""
        return cls(
            uuid=row["id"],
            row=row,
            version=row["version"],
            sequence=row["sequence"],
            kind=_STOP_KIND(row["kind"]),
            status=_STOP_STATUS(row["status"]),
            planned_arrival=row["planned_arrival"],
            planned_service_start=row["planned_service_start"],
            planned_departure=row["planned_departure"],
            leg_meters=row["leg_meters"],
            leg_seconds=row["leg_seconds"],
            late_seconds=row["late_seconds"],
            arrived_at=row["arrived_at"],
            departed_at=row["departed_at"],
            closed_at=row["closed_at"],
            failure_reason=row["failure_reason"],
            locked=row["locked"],
        )

    @strawberry.field(description="The point; null for a break, which is wherever the vehicle is.")
    def coordinates(self) -> Coordinates | None:
        if self.row["latitude"] is None:
            return None
        return Coordinates(latitude=self.row["latitude"], longitude=self.row["longitude"])

    @strawberry.field(
        description="The way from the stop before; null at the start and in breaks. Show the route's `attribution` with it."
    )
    def leg_path(self) -> Polyline | None:
        return Polyline(self.row["leg_path"]) if self.row["leg_path"] else None

    @strawberry.field(description="What is in the vehicle when it leaves, as planned.")
    def load_after(self) -> Load:
        return Load.of_stored(self.row["load_after"])

    @strawberry.field(description="Its route.")
    async def route(self, info: Info) -> "Route":
        return there(await info.context.load(load_routes, self.row["route_id"]))

    @strawberry.field(
        description="The orders that are worked here, in no order; at DEPOT_START and RELOAD those that are loaded. Needs the scope `orders:read`."
    )
    async def orders(self, info: Info) -> list[Order]:
        info.context.require(Permission.ORDERS_READ)
        ids = await info.context.load(load_order_ids_of_stops, self.uuid)
        found = await info.context.load_many(load_orders, ids)
        return [order for order in found if order is not None]

    @strawberry.field(
        description="The depot's address, or that of the first order; null in breaks, and without the scope `orders:read` at customers."
    )
    async def address(self, info: Info) -> Address | None:
        context = info.context
        if self.row["depot_id"] is not None:
            return there(await context.load(load_depots, self.row["depot_id"])).address
        if self.kind is StopKind.BREAK or not context.principal.allows(Permission.ORDERS_READ):
            return None
        ids = await context.load(load_order_ids_of_stops, self.uuid)
        if not ids:
            return None
        role = WaypointRole.PICKUP if self.kind is StopKind.PICKUP else WaypointRole.DROPOFF
        waypoint = (await context.load(load_waypoints, ids[0])).get(role)
        return waypoint.address if waypoint else None

    @strawberry.field(description="When it is reached as things stand; null once it is closed.")
    async def eta(self, info: Info) -> Eta | None:
        if self.status not in OPEN_STOPS or self.row["eta_at"] is None:
            return None
        siblings = await info.context.load(load_stops_of_routes, self.row["route_id"])
        before = [stop for stop in siblings if stop.status in OPEN_STOPS and stop.sequence < self.sequence]
        at: datetime = self.row["eta_at"].astimezone(UTC)
        return Eta(
            at=at,
            stops_before=len([stop for stop in before if stop.kind in (StopKind.PICKUP, StopKind.DROPOFF)]),
            late_by_seconds=await self._late(info.context) if self.kind is StopKind.DROPOFF else 0,
            updated_at=self.row["updated_at"],
        )

    async def _late(self, context: Context) -> int:
        ids = await context.load(load_order_ids_of_stops, self.uuid)
        orders = await context.load_many(load_orders, ids)
        return max((order.row["eta_late_by_seconds"] or 0 for order in orders if order is not None), default=0)


@strawberry.type(description="One shift's ordered stops.")
class Route(Node):
    row: strawberry.Private[Row]
    version: int = strawberry.field(
        description="Counts what others than its driver change; a driver's acts carry it (`routeVersion`)."
    )
    status: RouteStatus = strawberry.field(description="Where it stands.")
    starts_at: datetime = strawberry.field(description="When it starts, as planned.")
    dispatched_at: datetime | None = strawberry.field(description="When its driver got it.")
    started_at: datetime | None = strawberry.field(description="When it was begun.")
    completed_at: datetime | None = strawberry.field(description="When it was done.")
    network: str = strawberry.field(
        description="Whose travel times it was planned with: ENGINE, EXTERNAL or STRAIGHT_LINES."
    )
    map_version: str | None = strawberry.field(description="The version of the map that it was planned on.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it last changed.")

    @classmethod
    def of(cls, row: Row) -> "Route":
        """From a row with the columns of ``reads.ROUTE_COLUMNS``."""
        return cls(
            uuid=row["id"],
            row=row,
            version=row["version"],
            status=_ROUTE_STATUS(row["status"]),
            starts_at=row["starts_at"],
            dispatched_at=row["dispatched_at"],
            started_at=row["started_at"],
            completed_at=row["completed_at"],
            network=row["network"],
            map_version=row["map_version"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )

    @strawberry.field(description="Its sums as it was planned; what changes later on the way does not change them.")
    def summary(self) -> RouteSummary:
        return RouteSummary.of(self.row["summary"])

    @strawberry.field(description="The plan that made it; null for a route made by assignOrders.")
    async def plan(self, info: Info) -> Annotated["Plan", strawberry.lazy("doorstep.planning.graphql.plans")] | None:
        return await PLAN.load(info.context, self.row["plan_id"]) if self.row["plan_id"] else None

    @strawberry.field(description="Who drives.")
    async def driver(self, info: Info) -> Driver | None:
        return await info.context.load(load_drivers, self.row["driver_id"])

    @strawberry.field(description="What they drive.")
    async def vehicle(self, info: Info) -> Vehicle | None:
        return await info.context.load(load_vehicles, self.row["vehicle_id"])

    @strawberry.field(description="The shift that it fills.")
    async def shift(self, info: Info) -> Shift | None:
        return await info.context.load(load_shifts, self.row["shift_id"])

    @strawberry.field(description="Where it starts.")
    async def depot(self, info: Info) -> Depot | None:
        return await info.context.load(load_depots, self.row["depot_id"])

    @strawberry.field(description="All its stops by sequence, also those that are done or cancelled.")
    async def stops(self, info: Info) -> list[Stop]:
        return await info.context.load(load_stops_of_routes, self.uuid)

    @strawberry.field(
        description="Whose map its ways come from: show it wherever you draw `path` or `legPath`. Null: they are straight lines."
    )
    def attribution(self) -> str | None:
        return Source(self.row["network"]).attribution

    @strawberry.field(description="The whole way, without cancelled stops. Show `attribution` with it.")
    async def path(self, info: Info) -> Polyline | None:
        stops = await info.context.load(load_stops_of_routes, self.uuid)
        legs = [
            stop.row["leg_path"] for stop in stops if stop.row["leg_path"] and stop.status is not StopStatus.CANCELLED
        ]
        return Polyline(polyline.join(legs)) if legs else None


@strawberry.type(description="An order on a committed route.")
class Assignment:
    order_uuid: strawberry.Private[UUID]
    route_uuid: strawberry.Private[UUID]
    assigned_at: datetime = strawberry.field(description="Since when.")

    @strawberry.field(description="The route.")
    async def route(self, info: Info) -> Route:
        return there(await info.context.load(load_routes, self.route_uuid))

    @strawberry.field(
        description="The stops at which the order is worked, by sequence: loading, pickup, dropoff; at most 3."
    )
    async def stops(self, info: Info) -> list[Stop]:
        return await info.context.load(load_stops_of_assignments, (self.route_uuid, self.order_uuid))

    @strawberry.field(description="Who drives.")
    async def driver(self, info: Info) -> Driver | None:
        route = there(await info.context.load(load_routes, self.route_uuid))
        return await info.context.load(load_drivers, route.row["driver_id"])

    @strawberry.field(description="What they drive.")
    async def vehicle(self, info: Info) -> Vehicle | None:
        route = there(await info.context.load(load_routes, self.route_uuid))
        return await info.context.load(load_vehicles, route.row["vehicle_id"])


def there(found: T | None) -> T:
    """A row that a foreign key promises."""
    if found is None:
        raise LookupError("a foreign key points at nothing")
    return found


async def load_routes(context: Context, keys: list[UUID]) -> Sequence[Route | None]:
    """Routes by id."""
    rows = await routes_by_ids(await context.reads(), context.tenant_id, keys)
    return [Route.of(rows[key]) if key in rows else None for key in keys]


async def load_stops(context: Context, keys: list[UUID]) -> Sequence[Stop | None]:
    """Stops by id."""
    rows = await stops_by_ids(await context.reads(), context.tenant_id, keys)
    return [Stop.of(rows[key]) if key in rows else None for key in keys]


async def load_stops_of_routes(context: Context, keys: list[UUID]) -> Sequence[list[Stop]]:
    """All stops of routes, by route id."""
    rows = await stops_of_routes(await context.reads(), context.tenant_id, keys)
    return [[Stop.of(row) for row in rows.get(key, ())] for key in keys]


async def load_order_ids_of_stops(context: Context, keys: list[UUID]) -> Sequence[list[UUID]]:
    """The orders of stops, by stop id."""
    found = await order_ids_of_stops(await context.reads(), context.tenant_id, keys)
    return [found.get(key, []) for key in keys]


async def load_assignments(context: Context, keys: list[UUID]) -> Sequence[Assignment | None]:
    """The active assignments of orders, by order id; none without the scope `planning:read`."""
    if not context.principal.allows(Permission.PLANNING_READ):
        return [None for _ in keys]
    rows = await assignments_of_orders(await context.reads(), context.tenant_id, keys)
    return [
        Assignment(order_uuid=key, route_uuid=rows[key]["route_id"], assigned_at=rows[key]["assigned_at"])
        if key in rows
        else None
        for key in keys
    ]


async def load_stops_of_assignments(context: Context, keys: list[tuple[UUID, UUID]]) -> Sequence[list[Stop]]:
    """The stops of orders on routes, by (route id, order id)."""
    found = await stops_of_assignments(await context.reads(), context.tenant_id, keys)
    return [[Stop.of(row) for row in found.get(key, ())] for key in keys]


async def load_current_routes(context: Context, keys: list[UUID]) -> Sequence[Route | None]:
    """The routes that drivers work now, by driver id; none without the scope `planning:read`."""
    if not context.principal.allows(Permission.PLANNING_READ):
        return [None for _ in keys]
    rows = await current_routes_of_drivers(await context.reads(), context.tenant_id, keys)
    return [Route.of(rows[key]) if key in rows else None for key in keys]


register_node("route", "Route", Permission.PLANNING_READ, load_routes)
register_node("stop", "Stop", Permission.PLANNING_READ, load_stops)
ASSIGNMENT.supply(load_assignments)
CURRENT_ROUTE.supply(load_current_routes)
