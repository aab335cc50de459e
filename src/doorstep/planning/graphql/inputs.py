"""Inputs of the mutations of planning, and the filters of its lists."""

import datetime as dt
from uuid import UUID

import strawberry

from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.graphql.context import argument_id, input_id
from doorstep.kernel.graphql.scalars import Long
from doorstep.kernel.paging import MAX_PAGE
from doorstep.orders.graphql import OrderFilter
from doorstep.planning.model import PlanObjective, PlanRelationKind, PlanStatus, RouteStatus
from doorstep.planning.reads import RouteQuery
from doorstep.planning.service import LatenessAllowance, NewPlan, OnChanged, OrderRelation, Pin

_KEY = "Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours)."
_VERSION = "Refuse with CONFLICT when it is at another version."


@strawberry.input(description="An order that only this shift may take, or that is delivered at this instant, or both.")
class PlanPinInput:
    order_id: strawberry.ID = strawberry.field(description="The order, one of the plan's.")
    shift_id: strawberry.ID | None = strawberry.field(
        default=None, description="The shift, one of the plan's; left out, any may take it."
    )
    at: dt.datetime | None = strawberry.field(
        default=None,
        description="Service at the delivery begins at most 5 minutes before or after this instant, and inside one of the order's windows; never late, whatever `lateness` allows. Left out, its windows alone hold.",
    )

    def wanted(self, index: int) -> Pin:
        """For the service; raises INVALID_ID refusals at their places."""
        order_id = input_id("order", self.order_id, "pins", index, "orderId")
        shift_id = None if self.shift_id is None else input_id("shift", self.shift_id, "pins", index, "shiftId")
        return Pin(order_id, shift_id, self.at)


@strawberry.input(
    description="Orders of the plan that belong together. It binds the optimization: later changes by hand need not keep it."
)
class PlanRelationInput:
    kind: PlanRelationKind = strawberry.field(description="How they belong together.")
    order_ids: list[strawberry.ID] = strawberry.field(
        description="The orders, 2 to 20, each one of the plan's; for IN_SEQUENCE in the sequence of their deliveries."
    )

    def wanted(self, index: int) -> OrderRelation:
        """For the service; raises INVALID_ID refusals at their places."""
        path = ("relations", index, "orderIds")
        ids = tuple(input_id("order", text, *path, number) for number, text in enumerate(self.order_ids))
        return OrderRelation(self.kind, ids)


@strawberry.input(
    description=(
        "How late a plan may serve an order. The promised windows stay the aim: an order is served late rather than left out, and with the objective "
        "COST also where that saves more than it weighs. With any other objective lateness is as little as can be."
    )
)
class PlanLatenessInput:
    max_seconds: int = strawberry.field(
        description="Service begins at most so long after a window, in seconds: from 1 to the length of the plan's longest shift."
    )
    price_per_hour_minor: Long = strawberry.field(
        description="What an hour of an order's lateness weighs against cost, in minor units of the tenant's currency, 0 to 10,000,000. It is not part of `costMinor`."
    )

    def allowance(self) -> LatenessAllowance:
        """For the service."""
        return LatenessAllowance(self.max_seconds, int(self.price_per_hour_minor))


@strawberry.input(
    description="What a plan is about: orders by id (at most 1,000) or by filter (at most 20,000); shifts by id or by day, at most 250."
)
class CreatePlanInput:
    name: str | None = strawberry.field(default=None, description="What people call it, at most 200 characters.")
    order_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="These orders, at most 1,000; each must be PENDING or AWAITING_REATTEMPT."
    )
    order_filter: OrderFilter | None = strawberry.field(
        default=None,
        description="All PENDING and AWAITING_REATTEMPT orders that meet this; more than 20,000 are PLAN_TOO_LARGE, so that none is left out unseen.",
    )
    shift_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="These shifts, at most 250; each needs a vehicle and must have no route yet."
    )
    date: dt.date | None = strawberry.field(
        default=None,
        description="All shifts that start on this day of the tenant's time zone, are not over and have no route yet.",
    )
    depot_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="With `date`: of these depots only, at most 250."
    )
    objective: PlanObjective = strawberry.field(
        default=PlanObjective.COST, description="What it should have little of."
    )
    lateness: PlanLatenessInput | None = strawberry.field(
        default=None, description="How late orders may be served; left out, every window holds. ON_TIME needs it."
    )
    pins: list[PlanPinInput] | None = strawberry.field(
        default=None,
        description="Orders of the plan that only this shift may take (where it has no room, they stay unassigned with PINNED), or that are delivered at this instant; at most 250.",
    )
    relations: list[PlanRelationInput] | None = strawberry.field(
        default=None,
        description="Orders of the plan that go on the same route, on different routes or in sequence, at most 100. What contradicts itself or the pins is INVALID_VALUE.",
    )
    optimize: bool = strawberry.field(
        default=True, description="Whether to optimize at once; false leaves it DRAFT for optimizePlan."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def wanted(self) -> NewPlan:
        """For the service; raises INVALID_ID refusals at their places."""
        return NewPlan(
            order_ids=_ids("order", "orderIds", self.order_ids),
            order_query=self.order_filter.query() if self.order_filter is not None else None,
            shift_ids=_ids("shift", "shiftIds", self.shift_ids),
            day=self.date,
            depot_ids=_ids("depot", "depotIds", self.depot_ids),
            objective=self.objective,
            optimize=self.optimize,
            name=self.name,
            lateness=self.lateness.allowance() if self.lateness is not None else None,
            pins=tuple(pin.wanted(index) for index, pin in enumerate(self.pins or ())),
            relations=tuple(one.wanted(index) for index, one in enumerate(self.relations or ())),
        )


def _ids(prefix: str, name: str, texts: list[strawberry.ID] | None) -> tuple[UUID, ...] | None:
    if texts is None:
        return None
    return tuple(input_id(prefix, text, name, index) for index, text in enumerate(texts))


@strawberry.input(description="A plan to optimize (again).")
class OptimizePlanInput:
    plan_id: strawberry.ID = strawberry.field(description="The plan: DRAFT, FAILED or PROPOSED.")
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A plan to give up.")
class CancelPlanInput:
    plan_id: strawberry.ID = strawberry.field(description="The plan: DRAFT, OPTIMIZING or PROPOSED.")
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A plan to make true.")
class CommitPlanInput:
    plan_id: strawberry.ID = strawberry.field(description="The plan: PROPOSED.")
    on_changed: OnChanged = strawberry.field(
        default=OnChanged.REFUSE, description="What to do about orders and shifts that changed since it was optimized."
    )
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A route to hand to its driver.")
class DispatchRouteInput:
    route_id: strawberry.ID = strawberry.field(description="The route: COMMITTED.")
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A plan of which every COMMITTED route is to be handed to its driver.")
class DispatchPlanInput:
    plan_id: strawberry.ID = strawberry.field(description="The plan: COMMITTED.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A route to take back from its driver.")
class RecallRouteInput:
    route_id: strawberry.ID = strawberry.field(description="The route: DISPATCHED, before its first act.")
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A route to give up.")
class CancelRouteInput:
    route_id: strawberry.ID = strawberry.field(
        description="The route: COMMITTED, DISPATCHED or IN_PROGRESS, with nothing on board."
    )
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="Orders to put on a shift without a plan.")
class AssignOrdersInput:
    order_ids: list[strawberry.ID] = strawberry.field(
        description="The orders, at most 250; each PENDING or AWAITING_REATTEMPT."
    )
    shift_id: strawberry.ID = strawberry.field(description="The shift; with or without a route, also one under way.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="Orders to take off their routes.")
class UnassignOrdersInput:
    order_ids: list[strawberry.ID] = strawberry.field(description="The orders, at most 250; none picked up yet.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="Stops that are to keep their places, or need not any more.")
class SetStopLocksInput:
    stop_ids: list[strawberry.ID] = strawberry.field(
        description="The stops, at most 250: open ones at customers, on committed routes."
    )
    locked: bool = strawberry.field(description="Whether they are to keep their places.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="Orders that a plan left out, to be told what would have to give.")
class ExplainUnassignedInput:
    plan_id: strawberry.ID = strawberry.field(description="The plan: PROPOSED.")
    order_ids: list[strawberry.ID] = strawberry.field(description="The orders, at most 20; each left out by the plan.")
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="Which plans; nothing given: all.")
class PlanFilter:
    statuses: list[PlanStatus] | None = strawberry.field(default=None, description="In one of these states.")


@strawberry.input(
    description="Which routes; conditions are joined by AND, the values of one by OR. Nothing given: all."
)
class RouteFilter:
    statuses: list[RouteStatus] | None = strawberry.field(default=None, description="In one of these states.")
    plan_id: strawberry.ID | None = strawberry.field(default=None, description="Of this plan.")
    driver_id: strawberry.ID | None = strawberry.field(default=None, description="Of this driver.")
    vehicle_id: strawberry.ID | None = strawberry.field(default=None, description="Of this vehicle.")
    depot_id: strawberry.ID | None = strawberry.field(default=None, description="From this depot.")
    starts_from: dt.datetime | None = strawberry.field(default=None, description="Starting at this instant or later.")
    starts_to: dt.datetime | None = strawberry.field(default=None, description="Starting before this instant.")

    def query(self) -> RouteQuery:
        """The filter for ``reads``; raises BadUserInput for malformed ids and an empty list."""
        if self.statuses is not None and not 1 <= len(self.statuses) <= MAX_PAGE:
            raise BadUserInput("Give at least one state, or leave `statuses` out.")
        return RouteQuery(
            statuses=tuple(self.statuses or ()),
            plan_id=argument_id("plan", self.plan_id) if self.plan_id is not None else None,
            driver_id=argument_id("driver", self.driver_id) if self.driver_id is not None else None,
            vehicle_id=argument_id("vehicle", self.vehicle_id) if self.vehicle_id is not None else None,
            depot_id=argument_id("depot", self.depot_id) if self.depot_id is not None else None,
            starts_from=self.starts_from,
            starts_to=self.starts_to,
        )
