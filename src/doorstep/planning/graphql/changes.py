"""Changes of routes by hand, and re-planning, as the schema shows them: what they would come to."""

from datetime import datetime
from uuid import UUID

import strawberry

from doorstep.kernel.graphql.context import Context, Info
from doorstep.kernel.graphql.problems import Payload, Problem
from doorstep.kernel.graphql.scalars import Long
from doorstep.kernel.graphql.values import Coordinates, Load
from doorstep.kernel.scope import Permission
from doorstep.orders.graphql import Order, load_orders
from doorstep.planning.graphql.comparisons import PlanOrderChange
from doorstep.planning.graphql.routes import Route, Stop, load_routes, load_stops, there
from doorstep.planning.graphql.sums import RouteSummary, SumsDifference
from doorstep.planning.model import RouteRule, StopKind
from doorstep.planning.service.changes import Side, Weighed, changes_of, fault_words
from doorstep.planning.service.proposals import DraftStop
from doorstep.planning.solver.handwork import Fault


@strawberry.type(description="Something that a change by hand would break, or break worse than it is broken now.")
class RouteFault:
    rule: RouteRule = strawberry.field(description="The kind of rule.")
    message: str = strawberry.field(description="What would not hold, for people.")
    excess: Long = strawberry.field(description="How far it would be off, in the unit that the rule names; else 1.")
    route_uuid: strawberry.Private[UUID]
    order_uuid: strawberry.Private[UUID | None]

    @classmethod
    def of(cls, side: Side, fault: Fault) -> "RouteFault":
        """A fault of one route."""
        return cls(
            rule=RouteRule(fault.rule.value),
            message=fault_words(side, fault),
            excess=Long(fault.excess),
            route_uuid=side.route_id,
            order_uuid=UUID(fault.order_id) if fault.order_id else None,
        )

    @strawberry.field(description="The route on which it would not hold.")
    async def route(self, info: Info) -> Route:
        return there(await info.context.load(load_routes, self.route_uuid))

    @strawberry.field(
        description="The order that it is about; null for the route as a whole, and without the scope `orders:read`."
    )
    async def order(self, info: Info) -> Order | None:
        if self.order_uuid is None or not info.context.principal.allows(Permission.ORDERS_READ):
            return None
        return await info.context.load(load_orders, self.order_uuid)


Now = dict[tuple[str, UUID | None], tuple[UUID, datetime]]
"""By kind and order (or route, at depots and in breaks): the stop as it is, and when it is reached as things stand."""


@strawberry.type(description="A stop as it would become.")
class ForecastStop:
    kind: StopKind = strawberry.field(description="What happens there.")
    arrival: datetime = strawberry.field(description="When the vehicle would be there.")
    service_start: datetime = strawberry.field(description="When the work would begin.")
    departure: datetime = strawberry.field(description="When the vehicle would go on.")
    leg_meters: int = strawberry.field(description="Way from the stop before, in metres.")
    leg_seconds: int = strawberry.field(description="Time at the wheel from the stop before, in seconds.")
    arrival_before: datetime | None = strawberry.field(
        description="When it, or its first order, is reached as things stand, maybe by another route; null for what is on none."
    )
    draft: strawberry.Private[DraftStop]
    stop_uuid: strawberry.Private[UUID | None]

    @classmethod
    def of(cls, side: Side, draft: DraftStop, now: Now) -> "ForecastStop":
        """A stop of one route."""
        keys = [(draft.kind.value, one) for one in draft.order_ids if not draft.depot_id] or [
            (draft.kind.value, side.route_id)
        ]
        stop_id, before = next((now[key] for key in keys if key in now), (None, None))
        return cls(
            kind=draft.kind,
            arrival=draft.arrival,
            service_start=draft.service_start,
            departure=draft.departure,
            leg_meters=draft.leg_meters,
            leg_seconds=draft.leg_seconds,
            arrival_before=before,
            draft=draft,
            stop_uuid=stop_id,
        )

    @strawberry.field(description="How much later that is, in seconds, below 0 earlier; null for what is on no route.")
    def later_seconds(self) -> int | None:
        return None if self.arrival_before is None else round((self.arrival - self.arrival_before).total_seconds())

    @strawberry.field(description="The point; null for a break, which is wherever the vehicle is.")
    def coordinates(self) -> Coordinates | None:
        position = self.draft.position
        return Coordinates(latitude=position[0], longitude=position[1]) if position else None

    @strawberry.field(description="What would be in the vehicle when it leaves.")
    def load_after(self) -> Load:
        return Load.of_stored(self.draft.load_after)

    @strawberry.field(description="The stop as it is now, maybe on another route; null for what is on none.")
    async def stop(self, info: Info) -> Stop | None:
        return await info.context.load(load_stops, self.stop_uuid) if self.stop_uuid else None

    @strawberry.field(description="The orders that would be worked there. Needs the scope `orders:read`.")
    async def orders(self, info: Info) -> list[Order]:
        return await orders_of(info.context, self.draft.order_ids)


@strawberry.type(description="What is left of a route, as it is and as it would become.")
class RouteForecast:
    version: int = strawberry.field(
        description="The route's version that this was worked out on: send it as `ifVersion`."
    )
    before: RouteSummary = strawberry.field(
        description="The sums of what is left of it as it is, from where the vehicle is or will start."
    )
    after: RouteSummary = strawberry.field(description="The same after the change.")
    side: strawberry.Private[Side]
    now: strawberry.Private[Now]

    @classmethod
    def of(cls, side: Side, now: Now) -> "RouteForecast":
        """One route of a change."""
        return cls(
            version=side.present.route["version"],
            before=RouteSummary.of(side.sums_before),
            after=RouteSummary.of(side.sums_after),
            side=side,
            now=now,
        )

    @strawberry.field(description="The route as it is.")
    async def route(self, info: Info) -> Route:
        return there(await info.context.load(load_routes, self.side.route_id))

    @strawberry.field(
        description="The stops that are still to come; none when nobody is left on a route that was not begun: it would be cancelled."
    )
    def stops(self) -> list[ForecastStop]:
        if self.side.draft is None:
            return []
        stops = self.side.draft.stops[0 if self.side.present.head is None else 1 :]
        return [ForecastStop.of(self.side, stop, self.now) for stop in stops]


@strawberry.type(
    description="What a change of routes, by hand or by planning again, would come to. Nothing is written or reserved."
)
class RouteChangePreview:
    weighed: strawberry.Private[Weighed]
    feasible: bool = strawberry.field(description="Whether it would be carried out as things are.")
    problems: list[Problem] = strawberry.field(
        description="Why it cannot even be worked out, such as an order that is picked up already; then there is nothing else here."
    )

    @classmethod
    def of(cls, weighed: Weighed) -> "RouteChangePreview":
        """What was weighed."""
        problems = [] if weighed.refusal is None else Problem.of(weighed.refusal)
        return cls(weighed=weighed, feasible=weighed.feasible, problems=problems)

    @strawberry.field(description="What it would break; empty when it is feasible.")
    def faults(self) -> list[RouteFault]:
        return [RouteFault.of(side, fault) for side in self.weighed.sides for fault in side.faults]

    @strawberry.field(description="The routes that it is about; by hand one or two.")
    def routes(self) -> list[RouteForecast]:
        now = _now(self.weighed.sides)
        return [RouteForecast.of(side, now) for side in self.weighed.sides]

    @strawberry.field(
        description=(
            "The orders for which something changes: who is moved to another route, and who comes at another time than the present ETA says."
        )
    )
    def changes(self) -> list[PlanOrderChange]:
        return [PlanOrderChange(row=row) for row in changes_of(self.weighed)]

    @strawberry.field(
        description="What is more, or less, in what is left of these routes together; null with problems."
    )
    def difference(self) -> SumsDifference | None:
        sides = self.weighed.sides
        if not sides:
            return None
        return SumsDifference.between([side.sums_after for side in sides], [side.sums_before for side in sides])


def _now(sides: list[Side]) -> Now:
    found: Now = {}
    for side in sides:
        for stop in side.present.free:
            at = stop["eta_at"] or stop["planned_arrival"]
            keys = side.present.orders_of.get(stop["id"], ()) if stop["depot_id"] is None else ()
            for key in keys or (side.route_id,):
                found[stop["kind"], key] = (stop["id"], at)
    return found


async def orders_of(context: Context, ids: list[UUID]) -> list[Order]:
    """The orders by id; none without the scope `orders:read`."""
    if not context.principal.allows(Permission.ORDERS_READ):
        return []
    return [order for order in await context.load_many(load_orders, ids) if order is not None]


@strawberry.type
class RoutesPayload(Payload):
    """Base of the answers that show changed routes; not in the schema by itself."""

    @strawberry.field(description="The routes as they are now; after a CONFLICT the one that has changed.")
    async def routes(self, info: Info) -> list[Route]:
        ids = self.outcome_ids("route_ids") or [one for one in [self.outcome_id()] if one is not None]
        return [route for route in await info.context.load_many(load_routes, ids) if route is not None]

    @strawberry.field(description="The orders that were put elsewhere; none without the scope `orders:read`.")
    async def orders(self, info: Info) -> list[Order]:
        return await orders_of(info.context, self.outcome_ids("order_ids"))


@strawberry.type(description="The answer to changeRoute.")
class ChangeRoutePayload(RoutesPayload):
    pass


@strawberry.type(description="The answer to replanRoutes.")
class ReplanRoutesPayload(RoutesPayload):
    pass
