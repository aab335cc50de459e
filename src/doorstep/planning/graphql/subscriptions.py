"""``planProgress`` and ``route``: the newest state of one object, at once and whenever it changes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated
from uuid import UUID

import strawberry

from doorstep.kernel.db import Transaction
from doorstep.kernel.errors import NotFound
from doorstep.kernel.graphql.context import Context, Info, argument_id
from doorstep.kernel.graphql.streams import State, stream_states
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
        async with aclosing(stream_progress(info.context, argument_id("plan", id))) as states:
            async for progress in states:
                yield progress

    @strawberry.subscription(description="A route: at once, then whenever it or one of its stops changes, to its end.")
    async def route(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The route's id.")]
    ) -> AsyncGenerator[Route, None]:
        async with aclosing(stream_route(info.context, argument_id("route", id))) as states:
            async for route in states:
                yield route


def stream_progress(context: Context, plan_id: UUID) -> AsyncGenerator[PlanProgress, None]:
    """Every new state of a plan's progress, to the end of its optimization."""

    async def read(tx: Transaction) -> dict[None, State[PlanProgress]]:
        row = (await plan_progress(tx, context.tenant_id, [plan_id])).get(plan_id)
        if row is None:
            raise NotFound("plan", ["id"])
        progress = PlanProgress.of(row)
        return {None: State(progress, lambda: progress, last=progress.status not in _RUNNING)}

    return stream_states(context, read, POLL_SECONDS)


def stream_route(context: Context, route_id: UUID) -> AsyncGenerator[Route, None]:
    """A route whenever it or its stops changed, to its end."""

    async def read(tx: Transaction) -> dict[None, State[Route]]:
        mark = await route_state(tx, context.tenant_id, route_id)
        row = (await routes_by_ids(tx, context.tenant_id, [route_id])).get(route_id)
        if mark is None or row is None:
            raise NotFound("route", ["id"])
        return {None: State(mark, lambda: Route.of(row), last=RouteStatus(row["status"]) in _OVER)}

    return stream_states(context, read, POLL_SECONDS)
