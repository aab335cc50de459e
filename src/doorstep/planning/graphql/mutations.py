"""Mutations of planning."""

from typing import Annotated
from uuid import UUID

import strawberry

from doorstep.kernel.errors import ProblemCode
from doorstep.kernel.graphql.context import Context, Info, Outcome, input_id
from doorstep.kernel.graphql.problems import Payload
from doorstep.kernel.graphql.scalars import URL
from doorstep.kernel.scope import Permission, Scope
from doorstep.orders.graphql import Order, load_orders
from doorstep.places.roads import Roads
from doorstep.planning import service
from doorstep.planning.graphql.change_inputs import ChangeRouteInput, ReplanRoutesInput
from doorstep.planning.graphql.changes import ChangeRoutePayload, ReplanRoutesPayload, orders_of
from doorstep.planning.graphql.inputs import (
    AssignOrdersInput,
    CancelPlanInput,
    CancelRouteInput,
    CommitPlanInput,
    CreatePlanInput,
    DispatchPlanInput,
    DispatchRouteInput,
    ExplainUnassignedInput,
    OptimizePlanInput,
    RecallRouteInput,
    SetStopLocksInput,
    UnassignOrdersInput,
)
from doorstep.planning.graphql.plans import Plan, UnassignedOrder, load_plans, load_unassigned
from doorstep.planning.graphql.routes import Route, load_routes
from doorstep.planning.solver.pool import SolverPool
from doorstep.settings import Settings


@strawberry.type
class PlanPayload(Payload):
    """Base of the answers that show a plan; not in the schema by itself."""

    @strawberry.field(description="The plan as it is now, also after a CONFLICT; null when there is none to show.")
    async def plan(self, info: Info) -> Plan | None:
        identifier = self.outcome_id()
        return await info.context.load(load_plans, identifier) if identifier else None


@strawberry.type(description="The answer to createPlan.")
class CreatePlanPayload(PlanPayload):
    pass


@strawberry.type(description="The answer to optimizePlan.")
class OptimizePlanPayload(PlanPayload):
    pass


@strawberry.type(description="The answer to cancelPlan.")
class CancelPlanPayload(PlanPayload):
    pass


@strawberry.type(description="The answer to explainUnassigned.")
class ExplainUnassignedPayload(PlanPayload):
    @strawberry.field(description="The orders that were asked about, in that order, with their `relaxations`.")
    async def unassigned(self, info: Info) -> list[UnassignedOrder]:
        plan_id = self.outcome_id()
        keys = [(plan_id, order_id) for order_id in self.outcome_ids("order_ids") if plan_id is not None]
        found = await info.context.load_many(load_unassigned, keys)
        return [order for order in found if order is not None]


@strawberry.type(description="An order that was left out when its plan was committed.")
class DroppedOrder:
    code: ProblemCode = strawberry.field(description="Why: PLAN_STALE, ORDER_TAKEN, IN_USE.")
    message: str = strawberry.field(description="What changed.")
    order_uuid: strawberry.Private[UUID]

    @strawberry.field(description="The order; null without the scope `orders:read`.")
    async def order(self, info: Info) -> Order | None:
        if not info.context.principal.allows(Permission.ORDERS_READ):
            return None
        return await info.context.load(load_orders, self.order_uuid)


@strawberry.type(description="The answer to commitPlan.")
class CommitPlanPayload(PlanPayload):
    @strawberry.field(description="What `onChanged: DROP` left out, the first 1,000 by id.")
    def dropped(self) -> list[DroppedOrder]:
        return [
            DroppedOrder(code=ProblemCode(one["code"]), message=one["message"], order_uuid=UUID(one["order_id"]))
            for one in self.outcome.get("dropped", [])[:1000]
        ]


@strawberry.type(description="The answer to dispatchPlan.")
class DispatchPlanPayload(PlanPayload):
    @strawberry.field(description="The routes that were dispatched, at most 250.")
    async def routes(self, info: Info) -> list[Route]:
        return await _routes(info.context, self.outcome_ids("route_ids"))


@strawberry.type
class RoutePayload(Payload):
    """Base of the answers that show a route; not in the schema by itself."""

    @strawberry.field(description="The route as it is now, also after a CONFLICT; null when there is none to show.")
    async def route(self, info: Info) -> Route | None:
        identifier = self.outcome_id()
        return await info.context.load(load_routes, identifier) if identifier else None


@strawberry.type(description="The answer to dispatchRoute.")
class DispatchRoutePayload(RoutePayload):
    secret: strawberry.Private[str | None] = None

    @strawberry.field(
        description=(
            "The driver's page, for a message to their phone: the stops in order, and buttons for every act; `/driver/manifest` in its place prints the "
            "route. Good for 24 hours, shown this once; null in a repeated answer, and unless the credential may make driver tokens "
            "(createDriverToken makes another: `/driver#token=…`)."
        )
    )
    def driver_url(self, info: Info) -> URL | None:
        if self.secret is None:
            return None
        # In the fragment, which no browser sends: it comes into no log of a server or proxy, and into no Referer.
        return URL(f"{info.context.services.get(Settings).base_url()}/driver#token={self.secret}")


@strawberry.type(description="The answer to recallRoute.")
class RecallRoutePayload(RoutePayload):
    pass


@strawberry.type(description="The answer to cancelRoute.")
class CancelRoutePayload(RoutePayload):
    pass


@strawberry.type(description="The answer to assignOrders.")
class AssignOrdersPayload(RoutePayload):
    @strawberry.field(description="The orders that were assigned, at most 250; none without the scope `orders:read`.")
    async def orders(self, info: Info) -> list[Order]:
        return await orders_of(info.context, self.outcome_ids("order_ids"))


@strawberry.type(description="The answer to unassignOrders.")
class UnassignOrdersPayload(Payload):
    @strawberry.field(description="The orders that were taken off, at most 250; none without the scope `orders:read`.")
    async def orders(self, info: Info) -> list[Order]:
        return await orders_of(info.context, self.outcome_ids("order_ids"))

    @strawberry.field(description="The routes that they were on, at most 250.")
    async def routes(self, info: Info) -> list[Route]:
        return await _routes(info.context, self.outcome_ids("route_ids"))


@strawberry.type(description="The answer to setStopLocks.")
class SetStopLocksPayload(Payload):
    @strawberry.field(description="The routes of the stops, at most 250.")
    async def routes(self, info: Info) -> list[Route]:
        return await _routes(info.context, self.outcome_ids("route_ids"))


async def _routes(context: Context, ids: list[UUID]) -> list[Route]:
    found = await context.load_many(load_routes, ids)
    return [route for route in found if route is not None]


@strawberry.type
class PlanningMutation:
    @strawberry.mutation(
        description="Make a plan over orders and shifts and start to optimize it; follow it with `planProgress`. Nothing changes for orders or drivers before commitPlan."
    )
    async def create_plan(
        self, info: Info, input: Annotated[CreatePlanInput, strawberry.argument(description="What it is about.")]
    ) -> CreatePlanPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await service.create_plan(scope, input.wanted())

        return await info.context.write("createPlan", input, CreatePlanPayload, use_case)

    @strawberry.mutation(
        description="Optimize a plan (again), on its orders and shifts as they are now. What it proposed before is replaced."
    )
    async def optimize_plan(
        self, info: Info, input: Annotated[OptimizePlanInput, strawberry.argument(description="Which plan.")]
    ) -> OptimizePlanPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await service.optimize_plan(scope, input_id("plan", input.plan_id, "planId"), input.if_version)

        return await info.context.write("optimizePlan", input, OptimizePlanPayload, use_case)

    @strawberry.mutation(description="Give up a plan that is not committed; a running optimization stops.")
    async def cancel_plan(
        self, info: Info, input: Annotated[CancelPlanInput, strawberry.argument(description="Which plan.")]
    ) -> CancelPlanPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await service.cancel_plan(scope, input_id("plan", input.plan_id, "planId"), input.if_version)

        return await info.context.write("cancelPlan", input, CancelPlanPayload, use_case)

    @strawberry.mutation(
        description=(
            "Make a proposal true: its orders are assigned, its routes wait to be dispatched. Refused with PLAN_STALE or ORDER_TAKEN when an order or a "
            "shift is not as the plan saw it; `onChanged: DROP` leaves those out. Older proposals that hold one of the orders become SUPERSEDED."
        )
    )
    async def commit_plan(
        self, info: Info, input: Annotated[CommitPlanInput, strawberry.argument(description="Which plan.")]
    ) -> CommitPlanPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            plan_id = input_id("plan", input.plan_id, "planId")
            return await service.commit_plan(scope, plan_id, input.on_changed, input.if_version)

        return await info.context.write("commitPlan", input, CommitPlanPayload, use_case)

    @strawberry.mutation(description="Hand a route to its driver.")
    async def dispatch_route(
        self, info: Info, input: Annotated[DispatchRouteInput, strawberry.argument(description="Which route.")]
    ) -> DispatchRoutePayload | None:
        secret: str | None = None

        async def use_case(scope: Scope) -> Outcome:
            nonlocal secret
            route_id = input_id("route", input.route_id, "routeId")
            outcome, secret = await service.dispatch_to_driver(scope, route_id, input.if_version)
            return outcome

        payload = await info.context.write("dispatchRoute", input, DispatchRoutePayload, use_case)
        payload.secret = secret if not payload.problems else None
        return payload

    @strawberry.mutation(description="Hand every COMMITTED route of a plan to its driver.")
    async def dispatch_plan(
        self, info: Info, input: Annotated[DispatchPlanInput, strawberry.argument(description="Which plan.")]
    ) -> DispatchPlanPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await service.dispatch_plan(scope, input_id("plan", input.plan_id, "planId"))

        return await info.context.write("dispatchPlan", input, DispatchPlanPayload, use_case)

    @strawberry.mutation(description="Take a dispatched route back before its driver's first act: COMMITTED again.")
    async def recall_route(
        self, info: Info, input: Annotated[RecallRouteInput, strawberry.argument(description="Which route.")]
    ) -> RecallRoutePayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await service.recall_route(scope, input_id("route", input.route_id, "routeId"), input.if_version)

        return await info.context.write("recallRoute", input, RecallRoutePayload, use_case)

    @strawberry.mutation(
        description="Give up a route with nothing on board: its orders are PENDING again and its shift is free."
    )
    async def cancel_route(
        self, info: Info, input: Annotated[CancelRouteInput, strawberry.argument(description="Which route.")]
    ) -> CancelRoutePayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await service.cancel_route(scope, input_id("route", input.route_id, "routeId"), input.if_version)

        return await info.context.write("cancelRoute", input, CancelRoutePayload, use_case)

    @strawberry.mutation(
        description=(
            "Look for the smallest change that would place each of at most 20 orders which a proposal left out: in its routes as they are, then in a re-solve "
            "of the nearest ones, for 8 seconds at most. What is found was checked against every rule and stays readable as `relaxations`. Nothing else changes."
        )
    )
    async def explain_unassigned(
        self,
        info: Info,
        input: Annotated[ExplainUnassignedInput, strawberry.argument(description="Which plan and orders.")],
    ) -> ExplainUnassignedPayload | None:
        context = info.context
        engines = service.Engines(context.services.get(Roads), context.services.get(SolverPool))

        def wanted() -> tuple[UUID, list[UUID], int | None]:
            ids = [input_id("order", text, "orderIds", index) for index, text in enumerate(input.order_ids)]
            return input_id("plan", input.plan_id, "planId"), ids, input.if_version

        explained: service.Explained | None = None
        if not await context.is_answered("explainUnassigned", input):
            explained = await service.prepare_explanation(context.services.db, context.principal, engines, wanted)
        return await context.write(
            "explainUnassigned",
            input,
            ExplainUnassignedPayload,
            lambda scope: service.explain_unassigned(scope, explained),
        )

    @strawberry.mutation(
        description=(
            "Put orders on a shift without a plan and dispatch its route at once, also one under way: the orders go where they cost least. All or none; "
            "TOO_LARGE_FOR_FLEET and NOT_PLANNABLE say which order does not fit, and why."
        )
    )
    async def assign_orders(
        self,
        info: Info,
        input: Annotated[AssignOrdersInput, strawberry.argument(description="Which orders and shift.")],
    ) -> AssignOrdersPayload | None:
        context = info.context
        engines = service.Engines(context.services.get(Roads), context.services.get(SolverPool))

        def wanted() -> tuple[list[UUID], UUID]:
            ids = [input_id("order", text, "orderIds", index) for index, text in enumerate(input.order_ids)]
            return ids, input_id("shift", input.shift_id, "shiftId")

        prepared = await service.prepare_assignment(context.services.db, context.principal, engines, wanted)
        return await context.write(
            "assignOrders", input, AssignOrdersPayload, lambda scope: service.assign_orders(scope, prepared)
        )

    @strawberry.mutation(
        description="Take orders that are not picked up yet off their routes, all or none: they are PENDING again. A route that keeps none is cancelled."
    )
    async def unassign_orders(
        self, info: Info, input: Annotated[UnassignOrdersInput, strawberry.argument(description="Which orders.")]
    ) -> UnassignOrdersPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            ids = [input_id("order", text, "orderIds", index) for index, text in enumerate(input.order_ids)]
            return await service.unassign_orders(scope, ids)

        return await info.context.write("unassignOrders", input, UnassignOrdersPayload, use_case)

    @strawberry.mutation(
        description=(
            "Lock stops, or unlock them, all or none: `Stop.locked` says who keeps to it. Only open stops at customers on routes that are COMMITTED, "
            "DISPATCHED or IN_PROGRESS; in a proposal, pin orders. A route with a stop that changes has a new version."
        )
    )
    async def set_stop_locks(
        self, info: Info, input: Annotated[SetStopLocksInput, strawberry.argument(description="Which stops.")]
    ) -> SetStopLocksPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            ids = [input_id("stop", text, "stopIds", index) for index, text in enumerate(input.stop_ids)]
            return await service.set_stop_locks(scope, ids, input.locked)

        return await info.context.write("setStopLocks", input, SetStopLocksPayload, use_case)

    @strawberry.mutation(
        description=(
            "Carry out a change of routes by hand: exactly what previewRouteChange shows, nothing else is moved. Refused with NOT_PLANNABLE or "
            "TOO_LARGE_FOR_FLEET for what would not hold, and with PLAN_STALE when a route changed meanwhile. A route that keeps nobody and was not "
            "begun is cancelled."
        )
    )
    async def change_route(
        self, info: Info, input: Annotated[ChangeRouteInput, strawberry.argument(description="The change.")]
    ) -> ChangeRoutePayload | None:
        context = info.context
        engines = service.Engines(context.services.get(Roads), context.services.get(SolverPool))
        weighed = await service.weigh(context.services.db, context.principal, engines, input.change.change)
        await service.draw_paths(engines, weighed)
        return await context.write(
            "changeRoute", input, ChangeRoutePayload, lambda scope: service.change_routes(scope, weighed)
        )

    @strawberry.mutation(
        description=(
            "Plan what is left of routes again, as previewReplan shows it: what is done or under way stays, goods on board keep their vehicle, and a "
            "changed ETA has a price. Refused with PLAN_STALE when a route changed meanwhile. A route that keeps nobody and was not begun is cancelled."
        )
    )
    async def replan_routes(
        self, info: Info, input: Annotated[ReplanRoutesInput, strawberry.argument(description="Routes and terms.")]
    ) -> ReplanRoutesPayload | None:
        context = info.context
        engines = service.Engines(context.services.get(Roads), context.services.get(SolverPool))
        weighed = await service.weigh_replan(context.services.db, context.principal, engines, input.replan.terms)
        await service.draw_paths(engines, weighed)
        return await context.write(
            "replanRoutes", input, ReplanRoutesPayload, lambda scope: service.change_routes(scope, weighed)
        )
