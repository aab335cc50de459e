"""The faces of the events of planning: fields are facts as of then, objects are as of now."""

from typing import cast
from uuid import UUID

import strawberry

from doorstep.kernel.graphql.context import Info
from doorstep.kernel.graphql.events import Event, register_event
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission
from doorstep.planning.graphql.plans import Plan, load_plans
from doorstep.planning.graphql.routes import Route, Stop, load_routes, load_stops
from doorstep.planning.model import PlanStatus, RouteStatus, StopStatus


def _may_read(info: Info) -> bool:
    return info.context.principal.allows(Permission.PLANNING_READ)


@strawberry.type
class AboutPlan(Event):
    """Base of the events about a plan; not in the schema by itself."""

    @strawberry.field(description="The plan's id.")
    def plan_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("plan", self.row["plan_id"]))

    @strawberry.field(description="The plan as of now; null without the scope `planning:read`.")
    async def plan(self, info: Info) -> Plan | None:
        return await info.context.load(load_plans, self.row["plan_id"]) if _may_read(info) else None


@register_event
@strawberry.type(description="A plan moved to another state.")
class PlanStatusChanged(AboutPlan):
    @strawberry.field(name="from", description="The state before; null for a new plan.")
    def from_status(self) -> PlanStatus | None:
        before = self.row["data"]["from"]
        return PlanStatus(before) if before else None

    @strawberry.field(description="The state after.")
    def to(self) -> PlanStatus:
        return PlanStatus(self.row["data"]["to"])

    @strawberry.field(description="Why it FAILED.")
    def reason(self) -> str | None:
        return cast("str | None", self.row["data"]["reason"])


@register_event
@strawberry.type(description="An optimization ended, well (PROPOSED) or not (FAILED).")
class PlanFinished(AboutPlan):
    @strawberry.field(description="How it ended.")
    def status(self) -> PlanStatus:
        return PlanStatus(self.row["data"]["status"])

    @strawberry.field(description="Number of routes.")
    def routes(self) -> int:
        return int(self.row["data"]["routes"])

    @strawberry.field(description="Number of orders on routes.")
    def assigned(self) -> int:
        return int(self.row["data"]["assigned"])

    @strawberry.field(description="Number of orders left out.")
    def unassigned(self) -> int:
        return int(self.row["data"]["unassigned"])

    @strawberry.field(description="Why it FAILED.")
    def reason(self) -> str | None:
        return cast("str | None", self.row["data"]["reason"])


@strawberry.type
class AboutRoute(Event):
    """Base of the events about a route; not in the schema by itself."""

    @strawberry.field(description="The route's id.")
    def route_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("route", self.row["route_id"]))

    @strawberry.field(description="The route as of now; null without the scope `planning:read`.")
    async def route(self, info: Info) -> Route | None:
        return await info.context.load(load_routes, self.row["route_id"]) if _may_read(info) else None

    @strawberry.field(description="The plan that made the route; null for one made by assignOrders.")
    def plan_id(self) -> strawberry.ID | None:
        plan_id = self.row["plan_id"]
        return strawberry.ID(public_id("plan", plan_id)) if plan_id else None

    def public_ids(self, prefix: str, name: str) -> list[strawberry.ID]:
        """A list of ids among the facts."""
        return [strawberry.ID(public_id(prefix, UUID(text))) for text in self.row["data"][name]]


@register_event
@strawberry.type(description="A route moved to another state.")
class RouteStatusChanged(AboutRoute):
    @strawberry.field(name="from", description="The state before; null for a route made by assignOrders.")
    def from_status(self) -> RouteStatus | None:
        before = self.row["data"]["from"]
        return RouteStatus(before) if before else None

    @strawberry.field(description="The state after.")
    def to(self) -> RouteStatus:
        return RouteStatus(self.row["data"]["to"])

    @strawberry.field(description="Who drives.")
    def driver_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("driver", UUID(self.row["data"]["driver_id"])))

    @strawberry.field(description="What they drive.")
    def vehicle_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("vehicle", UUID(self.row["data"]["vehicle_id"])))


@register_event
@strawberry.type(
    description="The stops of a committed route changed: orders came, went or moved, stops were locked or unlocked, or its times were computed anew. `aggregateVersion` is what a driver's acts must carry now."
)
class RouteChanged(AboutRoute):
    @strawberry.field(description="The orders that came, at most 250.")
    def added_order_ids(self) -> list[strawberry.ID]:
        return self.public_ids("order", "added")

    @strawberry.field(description="The orders that went, at most 250.")
    def removed_order_ids(self) -> list[strawberry.ID]:
        return self.public_ids("order", "removed")


@register_event
@strawberry.type(description="A stop moved to another state.")
class StopStatusChanged(AboutRoute):
    @strawberry.field(description="The stop's id.")
    def stop_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("stop", UUID(self.row["data"]["stop_id"])))

    @strawberry.field(description="The stop as of now; null without the scope `planning:read`.")
    async def stop(self, info: Info) -> Stop | None:
        return await info.context.load(load_stops, UUID(self.row["data"]["stop_id"])) if _may_read(info) else None

    @strawberry.field(description="The orders of the stop, at most 250.")
    def order_ids(self) -> list[strawberry.ID]:
        return self.public_ids("order", "order_ids")

    @strawberry.field(name="from", description="The state before.")
    def from_status(self) -> StopStatus:
        return StopStatus(self.row["data"]["from"])

    @strawberry.field(description="The state after.")
    def to(self) -> StopStatus:
        return StopStatus(self.row["data"]["to"])

    @strawberry.field(description="Why it failed.")
    def reason(self) -> str | None:
        return cast("str | None", self.row["data"]["reason"])
