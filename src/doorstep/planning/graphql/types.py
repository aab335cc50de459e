"""Plan, Route, Stop and Assignment as the schema shows them, and their batch reads. Every nested field is one query per level, never per row."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
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
from doorstep.kernel.graphql.connections import Connection, connection_of
from doorstep.kernel.graphql.context import Context, Info
from doorstep.kernel.graphql.nodes import Node, register_node
from doorstep.kernel.graphql.scalars import Cursor, Long, Polyline
from doorstep.kernel.graphql.values import Coordinates, Load
from doorstep.kernel.paging import Page, PageRequest
from doorstep.kernel.scope import Permission
from doorstep.orders.graphql import Eta, Order, load_orders, load_waypoints
from doorstep.orders.graphql.edges import ASSIGNMENT
from doorstep.orders.model import WaypointRole
from doorstep.places.graphql import Address
from doorstep.places.roads import polyline
from doorstep.planning.model import (
    OPEN_STOPS,
    PlanObjective,
    PlanPhase,
    PlanStatus,
    RouteStatus,
    StopKind,
    StopStatus,
    UnassignedCode,
)
from doorstep.planning.reads import (
    ROUTES_BY_START,
    UNASSIGNED_BY_ORDER,
    RouteQuery,
    assignments_of_orders,
    count_routes_of_plans,
    count_unassigned_of_plans,
    current_routes_of_drivers,
    first_routes_of_plans,
    first_unassigned_of_plans,
    order_ids_of_stops,
    plan_progress,
    plans_by_ids,
    route_page,
    routes_by_ids,
    shift_ids_of_plans,
    stops_by_ids,
    stops_of_assignments,
    stops_of_routes,
    unassigned_page,
)

T = TypeVar("T")

First = Annotated[int | None, strawberry.argument(description="How many at most, 1 to 250; 50 when left out.")]
After = Annotated[Cursor | None, strawberry.argument(description="What follows this cursor.")]

_VERSION = "Counts the changes; send it as `ifVersion` to act only on what you saw."
_COST = "In minor units of the tenant's currency (`viewer.tenant.currency`): a vehicle's fixed cost once per route, its hourly cost for the time between start and end without breaks, its cost per kilometre."
_EMISSIONS = "Grams of CO2e: kilometres × each vehicle's grams per kilometre; null where a vehicle's are not known."
_FILL = "How full at its fullest, in the tightest of weight, volume and items, 0 to 1; null when nothing limits it."


# ── sums ────────────────────────────────────────────────────────────────────────────────────────────────


@strawberry.type(description="The sums of a plan.")
class PlanSummary:
    cost_minor: Long = strawberry.field(description=f"What it costs. {_COST}")
    distance_meters: Long = strawberry.field(description="Way of all routes, in metres.")
    duration_seconds: Long = strawberry.field(description="Driving, service, waiting and breaks together, in seconds.")
    driving_seconds: Long = strawberry.field(description="Time at the wheel, in seconds.")
    service_seconds: Long = strawberry.field(description="Time at the doors, in seconds.")
    waiting_seconds: Long = strawberry.field(description="Time waiting for windows to open, in seconds.")
    break_seconds: Long = strawberry.field(description="Breaks, in seconds.")
    late_seconds: Long = strawberry.field(
        description="How late goods on board will be, in seconds; others are never late."
    )
    routes: int = strawberry.field(description="Number of routes, which is of vehicles used.")
    orders: int = strawberry.field(description="Number of orders on routes.")
    unassigned: int = strawberry.field(description="Number of orders on no route.")
    emissions_grams: Long | None = strawberry.field(description=_EMISSIONS)
    load_factor: float | None = strawberry.field(description=f"Mean over the routes. {_FILL}")

    @classmethod
    def of(cls, stored: dict[str, Any] | None) -> "PlanSummary | None":
        """From its stored form."""
        return cls(**_sums(stored), unassigned=stored["unassigned"]) if stored else None


@strawberry.type(description="The sums of a route as planned.")
class RouteSummary:
    cost_minor: Long = strawberry.field(description=f"What it costs. {_COST}")
    distance_meters: Long = strawberry.field(description="Its way, in metres.")
    duration_seconds: Long = strawberry.field(description="Driving, service, waiting and breaks together, in seconds.")
    driving_seconds: Long = strawberry.field(description="Time at the wheel, in seconds.")
    service_seconds: Long = strawberry.field(description="Time at the doors, in seconds.")
    waiting_seconds: Long = strawberry.field(description="Time waiting for windows to open, in seconds.")
    break_seconds: Long = strawberry.field(description="Breaks, in seconds.")
    late_seconds: Long = strawberry.field(
        description="How late goods on board will be, in seconds; others are never late."
    )
    orders: int = strawberry.field(description="Number of its orders.")
    emissions_grams: Long | None = strawberry.field(description=_EMISSIONS)
    load_factor: float | None = strawberry.field(description=_FILL)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "RouteSummary":
        """From its stored form."""
        sums = _sums(stored)
        del sums["routes"]
        return cls(**sums)


def _sums(stored: dict[str, Any]) -> dict[str, Any]:
    names = (
        "distance_meters",
        "duration_seconds",
        "driving_seconds",
        "service_seconds",
        "waiting_seconds",
        "break_seconds",
        "late_seconds",
        "routes",
        "orders",
        "emissions_grams",
        "load_factor",
    )
    return {"cost_minor": stored["cost"], **{name: stored[name] for name in names}}


@strawberry.type(description="How far a plan's optimization is.")
class PlanProgress:
    status: PlanStatus = strawberry.field(description="Where the plan stands.")
    phase: PlanPhase = strawberry.field(description="What the optimization is busy with.")
    fraction: float = strawberry.field(description="A guess at the part that is done, 0 to 1.")
    attempt: int = strawberry.field(description="Counts the runs: a run whose worker died is repeated.")
    best_cost_minor: Long | None = strawberry.field(description="What the best routes so far cost, in minor units.")
    routes: int | None = strawberry.field(description="Routes of the best answer so far.")
    unassigned: int | None = strawberry.field(description="Orders that the best answer so far leaves out.")
    failure_reason: str | None = strawberry.field(description="Why it FAILED, and what to do.")

    @classmethod
    def of(cls, row: Row) -> "PlanProgress":
        """From a row of ``reads.plan_progress``."""
        status = PlanStatus(row["status"])
        told = row["progress"] or {}
        over = status not in (PlanStatus.OPTIMIZING, PlanStatus.DRAFT)
        phase = PlanPhase.DONE if over else PlanPhase(told.get("phase", PlanPhase.QUEUED))
        summary = row["summary"] if over else None
        return cls(
            status=status,
            phase=PlanPhase.QUEUED if status is PlanStatus.DRAFT else phase,
            fraction=1.0 if over else told.get("fraction", 0.0) if status is PlanStatus.OPTIMIZING else 0.0,
            attempt=row["attempts"] or 0,
            best_cost_minor=summary["cost"] if summary else told.get("cost"),
            routes=summary["routes"] if summary else told.get("routes"),
            unassigned=summary["unassigned"] if summary else told.get("unassigned"),
            failure_reason=row["failure_reason"],
        )


# ── stops ───────────────────────────────────────────────────────────────────────────────────────────────


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
    arrived_at: datetime | None = strawberry.field(description="When the driver was there.")
    departed_at: datetime | None = strawberry.field(description="When the driver set off for it.")
    closed_at: datetime | None = strawberry.field(description="When it was done, failed, skipped or cancelled.")
    failure_reason: str | None = strawberry.field(description="Why it failed.")
    locked: bool = strawberry.field(description="Whether it keeps its place on the route.")

    @classmethod
    def of(cls, row: Row) -> "Stop":
        """From a row with the columns of ``reads.STOP_COLUMNS``."""
        return cls(
            uuid=row["id"],
            row=row,
            version=row["version"],
            sequence=row["sequence"],
            kind=StopKind(row["kind"]),
            status=StopStatus(row["status"]),
            planned_arrival=row["planned_arrival"],
            planned_service_start=row["planned_service_start"],
            planned_departure=row["planned_departure"],
            leg_meters=row["leg_meters"],
            leg_seconds=row["leg_seconds"],
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

    @strawberry.field(description="The way from the stop before; null at the start and in breaks.")
    def leg_path(self) -> Polyline | None:
        return Polyline(self.row["leg_path"]) if self.row["leg_path"] else None

    @strawberry.field(description="What is in the vehicle when it leaves, as planned.")
    def load_after(self) -> Load:
        return Load(**self.row["load_after"])

    @strawberry.field(description="Its route.")
    async def route(self, info: Info) -> "Route":
        return _there(await info.context.load(load_routes, self.row["route_id"]))

    @strawberry.field(
        description="The orders that are worked here, in no order; at DEPOT_START those that are loaded. Needs the scope `orders:read`."
    )
    async def orders(self, info: Info) -> list[Order]:
        info.context.require(Permission.ORDERS_READ)
        ids = await info.context.load(load_order_ids_of_stops, self.uuid)
        found = await asyncio.gather(*(info.context.load(load_orders, order_id) for order_id in ids))
        return [order for order in found if order is not None]

    @strawberry.field(
        description="The depot's address, or that of the first order; null in breaks, and without the scope `orders:read` at customers."
    )
    async def address(self, info: Info) -> Address | None:
        context = info.context
        if self.row["depot_id"] is not None:
            return _there(await context.load(load_depots, self.row["depot_id"])).address
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
        orders = await asyncio.gather(*(context.load(load_orders, order_id) for order_id in ids))
        return max((order.row["eta_late_by_seconds"] or 0 for order in orders if order is not None), default=0)


# ── routes ──────────────────────────────────────────────────────────────────────────────────────────────


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
            status=RouteStatus(row["status"]),
            starts_at=row["starts_at"],
            dispatched_at=row["dispatched_at"],
            started_at=row["started_at"],
            completed_at=row["completed_at"],
            network=row["network"],
            map_version=row["map_version"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )

    @strawberry.field(description="Its sums as planned.")
    def summary(self) -> RouteSummary:
        return RouteSummary.of(self.row["summary"])

    @strawberry.field(description="The plan that made it; null for a route made by assignOrders.")
    async def plan(self, info: Info) -> "Plan | None":
        return await info.context.load(load_plans, self.row["plan_id"]) if self.row["plan_id"] else None

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

    @strawberry.field(description="The whole way, without cancelled stops.")
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
        return _there(await info.context.load(load_routes, self.route_uuid))

    @strawberry.field(
        description="The stops at which the order is worked, by sequence: loading, pickup, dropoff; at most 3."
    )
    async def stops(self, info: Info) -> list[Stop]:
        return await info.context.load(load_stops_of_assignments, (self.route_uuid, self.order_uuid))

    @strawberry.field(description="Who drives.")
    async def driver(self, info: Info) -> Driver | None:
        route = _there(await info.context.load(load_routes, self.route_uuid))
        return await info.context.load(load_drivers, route.row["driver_id"])

    @strawberry.field(description="What they drive.")
    async def vehicle(self, info: Info) -> Vehicle | None:
        route = _there(await info.context.load(load_routes, self.route_uuid))
        return await info.context.load(load_vehicles, route.row["vehicle_id"])


# ── plans ───────────────────────────────────────────────────────────────────────────────────────────────


@strawberry.type(description="One reason why an order is on no route.")
class UnassignedReason:
    code: UnassignedCode = strawberry.field(description="The kind of reason.")
    message: str = strawberry.field(description="What it means and what to do, for people.")
    shift_ids: strawberry.Private[list[UUID]]

    @strawberry.field(description="The shifts that it holds for, at most 250; empty: for all, whatever they are.")
    async def shifts(self, info: Info) -> list[Shift]:
        found = await asyncio.gather(*(info.context.load(load_shifts, shift_id) for shift_id in self.shift_ids))
        return [shift for shift in found if shift is not None]

    @strawberry.field(description="The vehicles of those shifts.")
    async def vehicles(self, info: Info) -> list[Vehicle]:
        shifts = await asyncio.gather(*(info.context.load(load_shifts, shift_id) for shift_id in self.shift_ids))
        ids = dict.fromkeys(shift.vehicle_uuid for shift in shifts if shift is not None and shift.vehicle_uuid)
        found = await asyncio.gather(*(info.context.load(load_vehicles, vehicle_id) for vehicle_id in ids))
        return [vehicle for vehicle in found if vehicle is not None]


@strawberry.type(description="An order that a plan left out, and why.")
class UnassignedOrder:
    row: strawberry.Private[Row]

    @strawberry.field(description="The order. Needs the scope `orders:read`.")
    async def order(self, info: Info) -> Order:
        info.context.require(Permission.ORDERS_READ)
        return _there(await info.context.load(load_orders, self.row["order_id"]))

    @strawberry.field(description="Why, the most frequent reason first; never empty, at most one of each code.")
    def reasons(self) -> list[UnassignedReason]:
        return [
            UnassignedReason(
                code=UnassignedCode(one["code"]),
                message=_ADVICE[UnassignedCode(one["code"])],
                shift_ids=[UUID(text) for text in one["shift_ids"]],
            )
            for one in self.row["reasons"]
        ]


_ADVICE = {
    UnassignedCode.CAPACITY: "It is larger than what these vehicles can carry: split it, or plan a larger vehicle.",
    UnassignedCode.SKILL: "These drivers and vehicles lack a skill that it requires: plan others, or change requiredSkills.",
    UnassignedCode.VEHICLE_KIND: "It may not go by these kinds of vehicle: plan others, or change vehicleKinds.",
    UnassignedCode.DEPOT: "These shifts do not start at its depot: plan shifts of that depot, or change the order's depot.",
    UnassignedCode.UNREACHABLE: "No road leads there: check its coordinates.",
    UnassignedCode.WINDOW: "These vehicles cannot be there within its windows: widen them, or plan an earlier shift.",
    UnassignedCode.SHIFT: "These shifts are too short to go there and back: plan a longer one.",
    UnassignedCode.LIMIT: "It would exceed the stops, distance or driving time of these shifts, or the vehicles' range.",
    UnassignedCode.PRIORITY: "Orders of higher priority took the room: raise its priority, or plan one more shift.",
    UnassignedCode.NO_ROOM: "It would fit alone, but not beside the others: plan one more shift.",
    UnassignedCode.NEEDS_LOCATION: "Its address was not found: give it coordinates with updateOrder.",
    UnassignedCode.NOT_PLANNABLE: "It was assigned, cancelled or finished before the plan was made: leave it out.",
    UnassignedCode.DROPPED: "It had changed when the plan was committed: plan it again.",
}


@strawberry.type(description="One optimization over orders and shifts: a proposal until it is committed.")
class Plan(Node):
    row: strawberry.Private[Row]
    version: int = strawberry.field(description=_VERSION)
    name: str | None = strawberry.field(description="What people call it.")
    status: PlanStatus = strawberry.field(description="Where it stands.")
    failure_reason: str | None = strawberry.field(description="Why it FAILED, and what to do.")
    network: str | None = strawberry.field(
        description="Whose travel times it was planned with: ENGINE, EXTERNAL, STRAIGHT_LINES, or several of them."
    )
    map_version: str | None = strawberry.field(description="The version of the map that it was planned on.")
    engine: str | None = strawberry.field(description="What solved it.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    finished_at: datetime | None = strawberry.field(description="When its optimization ended.")

    @classmethod
    def of(cls, row: Row) -> "Plan":
        """From a row of ``plans``."""
        return cls(
            uuid=row["id"],
            row=row,
            version=row["version"],
            name=row["name"],
            status=PlanStatus(row["status"]),
            failure_reason=row["failure_reason"],
            network=row["network"],
            map_version=row["map_version"],
            engine=row["engine"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            finished_at=row["finished_at"],
        )

    @strawberry.field(description="What it should have little of.")
    def objective(self) -> PlanObjective:
        return PlanObjective(self.row["options"].get("objective", PlanObjective.COST))

    @strawberry.field(description="How far its optimization is.")
    async def progress(self, info: Info) -> PlanProgress:
        return await info.context.load(load_progress, self.uuid)

    @strawberry.field(description="Its sums; null until it is PROPOSED.")
    def summary(self) -> PlanSummary | None:
        return PlanSummary.of(self.row["summary"])

    @strawberry.field(
        description="The sums of the same orders without optimization (each in turn to the nearest vehicle that can take it): what the plan saves."
    )
    def baseline(self) -> PlanSummary | None:
        return PlanSummary.of(self.row["baseline"])

    @strawberry.field(description="The newer plan that took orders of this one.")
    async def superseded_by(self, info: Info) -> "Plan | None":
        return await info.context.load(load_plans, self.row["superseded_by"]) if self.row["superseded_by"] else None

    @strawberry.field(description="The shifts that it may use, at most 250.")
    async def shifts(self, info: Info) -> list[Shift]:
        ids = await info.context.load(load_shift_ids_of_plans, self.uuid)
        found = await asyncio.gather(*(info.context.load(load_shifts, shift_id) for shift_id in ids))
        return [shift for shift in found if shift is not None]

    @strawberry.field(description="Its routes by start.")
    async def routes(self, info: Info, first: First = None, after: After = None) -> Connection[Route]:
        context, request = info.context, PageRequest(first=first, after=after)
        if after is None:
            page = _first_page(await context.load(load_first_routes, (self.uuid, request.size())), request)
        else:
            page = await route_page(await context.reads(), context.tenant_id, RouteQuery(plan_id=self.uuid), request)
        return connection_of(
            "routes", ROUTES_BY_START, page, Route.of, lambda: context.load(load_route_counts, self.uuid)
        )

    @strawberry.field(description="The orders that it left out, and why.")
    async def unassigned(self, info: Info, first: First = None, after: After = None) -> Connection[UnassignedOrder]:
        context, request = info.context, PageRequest(first=first, after=after)
        if after is None:
            page = _first_page(await context.load(load_first_unassigned, (self.uuid, request.size())), request)
        else:
            page = await unassigned_page(await context.reads(), context.tenant_id, self.uuid, request)
        return connection_of(
            "unassigned",
            UNASSIGNED_BY_ORDER,
            page,
            lambda row: UnassignedOrder(row=row),
            lambda: context.load(load_unassigned_counts, self.uuid),
        )


def _first_page(rows: list[Row], request: PageRequest) -> Page:
    size = request.size()
    return Page(rows[:size], has_previous=False, has_next=len(rows) > size)


def _there(found: T | None) -> T:
    """A row that a foreign key promises."""
    if found is None:
        raise LookupError("a foreign key points at nothing")
    return found


# ── batch reads ─────────────────────────────────────────────────────────────────────────────────────────


async def load_plans(context: Context, keys: list[UUID]) -> Sequence[Plan | None]:
    """Plans by id."""
    rows = await plans_by_ids(await context.reads(), context.tenant_id, keys)
    return [Plan.of(rows[key]) if key in rows else None for key in keys]


async def load_progress(context: Context, keys: list[UUID]) -> Sequence[PlanProgress]:
    """How far plans are, by plan id."""
    rows = await plan_progress(await context.reads(), context.tenant_id, keys)
    return [PlanProgress.of(rows[key]) for key in keys]


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


async def load_shift_ids_of_plans(context: Context, keys: list[UUID]) -> Sequence[list[UUID]]:
    """The shifts of plans, by plan id."""
    found = await shift_ids_of_plans(await context.reads(), context.tenant_id, keys)
    return [found.get(key, []) for key in keys]


async def load_first_routes(context: Context, keys: list[tuple[UUID, int]]) -> Sequence[list[Row]]:
    """One more than so many first routes of plans, by (plan id, how many)."""
    most = max(size for _, size in keys) + 1
    found = await first_routes_of_plans(await context.reads(), context.tenant_id, [key for key, _ in keys], most)
    return [found.get(key, [])[: size + 1] for key, size in keys]


async def load_first_unassigned(context: Context, keys: list[tuple[UUID, int]]) -> Sequence[list[Row]]:
    """One more than so many first unassigned orders of plans, by (plan id, how many)."""
    most = max(size for _, size in keys) + 1
    found = await first_unassigned_of_plans(await context.reads(), context.tenant_id, [key for key, _ in keys], most)
    return [found.get(key, [])[: size + 1] for key, size in keys]


async def load_route_counts(context: Context, keys: list[UUID]) -> Sequence[int]:
    """How many routes plans have, by plan id."""
    found = await count_routes_of_plans(await context.reads(), context.tenant_id, keys)
    return [found.get(key, 0) for key in keys]


async def load_unassigned_counts(context: Context, keys: list[UUID]) -> Sequence[int]:
    """How many orders plans left out, by plan id."""
    found = await count_unassigned_of_plans(await context.reads(), context.tenant_id, keys)
    return [found.get(key, 0) for key in keys]


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


register_node("plan", "Plan", Permission.PLANNING_READ, load_plans)
register_node("route", "Route", Permission.PLANNING_READ, load_routes)
register_node("stop", "Stop", Permission.PLANNING_READ, load_stops)
ASSIGNMENT.supply(load_assignments)
CURRENT_ROUTE.supply(load_current_routes)
