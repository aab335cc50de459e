"""``plan``, ``plans``, ``route``, ``routes``, ``stop``, ``previewRouteChange``, ``previewReplan``, ``simulatePlan``."""

from typing import Annotated

import strawberry

from doorstep.kernel.errors import BadUserInput, DoorstepError
from doorstep.kernel.graphql.connections import After, Before, Connection, First, Last, connection_of
from doorstep.kernel.graphql.context import Info, argument_id
from doorstep.kernel.graphql.problems import Problem
from doorstep.kernel.paging import PageRequest
from doorstep.places.roads import Roads
from doorstep.planning.graphql.change_inputs import ReplanInput, RouteChangeInput
from doorstep.planning.graphql.changes import RouteChangePreview
from doorstep.planning.graphql.inputs import PlanFilter, RouteFilter
from doorstep.planning.graphql.plans import Plan, load_plans
from doorstep.planning.graphql.routes import Route, Stop, load_routes, load_stops
from doorstep.planning.graphql.simulations import PlanSimulation, SimulatePlanInput
from doorstep.planning.reads import PLANS_NEWEST_FIRST, ROUTES_BY_START, count_rows, plan_page, route_page
from doorstep.planning.service import Engines, simulate_plan, weigh, weigh_replan
from doorstep.planning.solver.pool import SolverPool


@strawberry.type
class PlanningQuery:
    @strawberry.field(description="A plan by its id; null when this tenant has none with it.")
    async def plan(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The plan's id.")]
    ) -> Plan | None:
        return await info.context.load(load_plans, argument_id("plan", id))

    @strawberry.field(description="The plans, newest first.")
    async def plans(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[PlanFilter | None, strawberry.argument(description="Which plans.")] = None,
    ) -> Connection[Plan] | None:
        context = info.context
        statuses = filter.statuses if filter is not None else None
        if statuses is not None and not statuses:
            raise BadUserInput("Give at least one state, or leave `statuses` out.")
        page, conditions, values = await plan_page(
            await context.reads(), context.tenant_id, statuses or (), PageRequest(first, after, last, before)
        )

        async def count() -> int:
            return await count_rows(await context.reads(), "plans", conditions, values)

        return connection_of("plans", PLANS_NEWEST_FIRST, page, Plan.of, count)

    @strawberry.field(description="A route by its id; null when this tenant has none with it.")
    async def route(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The route's id.")]
    ) -> Route | None:
        return await info.context.load(load_routes, argument_id("route", id))

    @strawberry.field(description="The routes by start; also those of proposals, unless the filter says otherwise.")
    async def routes(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[RouteFilter | None, strawberry.argument(description="Which routes.")] = None,
    ) -> Connection[Route] | None:
        context = info.context
        query = (filter or RouteFilter()).query()
        page = await route_page(
            await context.reads(), context.tenant_id, query, PageRequest(first, after, last, before)
        )

        async def count() -> int:
            conditions, values = query.conditions(context.tenant_id)
            return await count_rows(await context.reads(), "routes", conditions, values)

        return connection_of("routes", ROUTES_BY_START, page, Route.of, count)

    @strawberry.field(description="A stop by its id; null when this tenant has none with it.")
    async def stop(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The stop's id.")]
    ) -> Stop | None:
        return await info.context.load(load_stops, argument_id("stop", id))

    @strawberry.field(
        description=(
            "What a change of routes by hand would come to: whether it holds, new times, what it costs. Nothing is written or reserved; changeRoute "
            "carries it out. Needs the scope `planning:write`."
        )
    )
    async def preview_route_change(
        self, info: Info, change: Annotated[RouteChangeInput, strawberry.argument(description="The change.")]
    ) -> RouteChangePreview | None:
        context = info.context
        engines = Engines(context.services.get(Roads), context.services.get(SolverPool))
        return RouteChangePreview.of(await weigh(context.services.db, context.principal, engines, change.change))

    @strawberry.field(
        description=(
            "What planning routes under way again would come to, where a changed ETA has a price: who is moved, new times, what it saves. Never worse "
            "than what is there. Nothing is written or reserved; replanRoutes carries it out. Needs the scope `planning:write`."
        )
    )
    async def preview_replan(
        self, info: Info, replan: Annotated[ReplanInput, strawberry.argument(description="Routes and terms.")]
    ) -> RouteChangePreview | None:
        context = info.context
        engines = Engines(context.services.get(Roads), context.services.get(SolverPool))
        return RouteChangePreview.of(await weigh_replan(context.services.db, context.principal, engines, replan.terms))

    @strawberry.field(
        description=(
            "Up to five plans of the same orders side by side: with other shifts, windows or another objective. Nothing is written or reserved; what "
            "the solver works counts as for a plan. Answered within some eight seconds, for at most 500 orders; larger ones are plans (createPlan), held "
            "against each other by `Plan.comparedWith`. Needs the scope `planning:write`."
        )
    )
    async def simulate_plan(
        self,
        info: Info,
        input: Annotated[SimulatePlanInput, strawberry.argument(description="The orders and the scenarios.")],
    ) -> PlanSimulation | None:
        context = info.context
        engines = Engines(context.services.get(Roads), context.services.get(SolverPool))
        try:
            found = await simulate_plan(context.services.db, context.principal, engines, input.wanted)
        except DoorstepError as refusal:
            return PlanSimulation(problems=Problem.of(refusal), scenarios=[])
        return PlanSimulation.of(input, found)
