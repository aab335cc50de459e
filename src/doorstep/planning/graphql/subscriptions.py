"""``planProgress`` and ``route``: the newest state of one object, at once and whenever it changes."""

from collections.abc import AsyncGenerator
from typing import Annotated
from uuid import UUID

import strawberry

from doorstep.kernel.errors import NotFound
from doorstep.kernel.graphql.context import Context, Info, argument_id
from doorstep.planning.graphql.routes import Route
from doorstep.planning.graphql.sums import PlanProgress
from doorstep.planning.model import PlanStatus, RouteStatus
from doorstep.planning.reads import plan_progress, route_state, routes_by_ids

POLL_SECONDS = 5.0
"""The wake-up is a hint; this is how long a change can stay unseen without one."""

_RUNNING = frozenset({PlanStatus.DRAFT, PlanStatus.OPTIMIZING})
_OVER = frozenset({RouteStatus.COMPLETED, RouteStatus.CANCELLED})


@strawberry.type
class PlanningSubscription:
    @strawberry.subscription(
        description="How far a plan's optimization is: at once, then at every change, to the end of the optimization."
    )
    async def plan_progress(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The plan's id.")]
    ) -> AsyncGenerator[PlanProgress, None]:
        async for progress in stream_progress(info.context, argument_id("plan", id)):
            yield progress

    @strawberry.subscription(description="A route: at once, then whenever it or one of its stops changes, to its end.")
    async def route(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The route's id.")]
    ) -> AsyncGenerator[Route, None]:
        async for route in stream_route(info.context, argument_id("route", id)):
            yield route


async def stream_progress(context: Context, plan_id: UUID) -> AsyncGenerator[PlanProgress, None]:
    """Every new state of a plan's progress; no transaction is open between two."""
    hub, tenant_id = context.services.hub, context.tenant_id
    last: PlanProgress | None = None
    while not hub.closing:
        ticket = hub.ticket(tenant_id)
        async with context.services.db.snapshot(context.principal) as tx:
            row = (await plan_progress(tx, tenant_id, [plan_id])).get(plan_id)
        if row is None:
            raise NotFound("plan", ["id"])
        progress = PlanProgress.of(row)
        if progress != last:
            last = progress
            yield progress
        if progress.status not in _RUNNING:
            return
        await hub.wait(ticket, POLL_SECONDS)


async def stream_route(context: Context, route_id: UUID) -> AsyncGenerator[Route, None]:
    """A route whenever it or its stops changed; no transaction is open between two."""
    hub, tenant_id = context.services.hub, context.tenant_id
    last: object = None
    while not hub.closing:
        ticket = hub.ticket(tenant_id)
        async with context.services.db.snapshot(context.principal) as tx:
            state = await route_state(tx, tenant_id, route_id)
            row = (await routes_by_ids(tx, tenant_id, [route_id])).get(route_id) if state != last else None
        if state is None:
            raise NotFound("route", ["id"])
        if row is not None:
            last = state
            yield Route.of(row)
            if RouteStatus(row["status"]) in _OVER:
                return
        await hub.wait(ticket, POLL_SECONDS)
