"""Simulation and SandboxClock as the schema shows them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from doorstep.identity.service import clock_of
from doorstep.kernel.db import Row
from doorstep.kernel.graphql.context import Context, Info
from doorstep.kernel.graphql.nodes import Node, register_node
from doorstep.kernel.scope import Permission
from doorstep.orders.graphql import Order, load_orders
from doorstep.partners.graphql import Tender, load_tenders
from doorstep.planning.graphql import Route, load_routes
from doorstep.sandbox.model import SimulationStatus
from doorstep.sandbox.reads import sandbox_clock, simulations_by_ids


@strawberry.type(
    description="A robot that drives a route of a TEST tenant, or answers an offer in a partner carrier's name."
)
class Simulation(Node):
    version: int = strawberry.field(description="Counts what the robot did.")
    status: SimulationStatus = strawberry.field(description="Where it stands.")
    next_act_at: datetime | None = strawberry.field(
        description="When the robot acts next, by the sandbox's clock: set the clock to it (setSandboxClock) rather than wait."
    )
    last_error: str | None = strawberry.field(description="Why it FAILED.")
    started_at: datetime = strawberry.field(description="When it began, by the sandbox's clock.")
    finished_at: datetime | None = strawberry.field(description="When it ended, by the sandbox's clock.")
    route_uuid: strawberry.Private[UUID | None]
    tender_uuid: strawberry.Private[UUID | None]
    order_uuid: strawberry.Private[UUID | None]

    @strawberry.field(
        description="The route that is driven; null when an offer is answered, and without the scope `planning:read`."
    )
    async def route(self, info: Info) -> Route | None:
        if self.route_uuid is None or not info.context.principal.allows(Permission.PLANNING_READ):
            return None
        return await info.context.load(load_routes, self.route_uuid)

    @strawberry.field(
        description="The offer that is declined; null when a route is driven, and without the scope `partners:read`."
    )
    async def tender(self, info: Info) -> Tender | None:
        if self.tender_uuid is None or not info.context.principal.allows(Permission.PARTNERS_READ):
            return None
        return await info.context.load(load_tenders, self.tender_uuid)

    @strawberry.field(
        description="The order that it is about; null when it is about the whole route, and without the scope `orders:read`."
    )
    async def order(self, info: Info) -> Order | None:
        if self.order_uuid is None or not info.context.principal.allows(Permission.ORDERS_READ):
            return None
        return await info.context.load(load_orders, self.order_uuid)

    @classmethod
    def of(cls, row: Row) -> "Simulation":
        """From a row of ``simulations``."""
        return cls(
            uuid=row["id"],
            version=row["version"],
            status=SimulationStatus(row["status"]),
            next_act_at=row["next_act_at"],
            last_error=row["last_error"],
            started_at=row["started_at"],
            finished_at=row["finished_at"],
            route_uuid=row["route_id"],
            tender_uuid=row["tender_id"],
            order_uuid=row["order_id"],
        )


async def load_simulations(context: Context, keys: list[UUID]) -> Sequence[Simulation | None]:
    """Simulations by id."""
    rows = await simulations_by_ids(await context.reads(), context.tenant_id, keys)
    return [Simulation.of(rows[key]) if key in rows else None for key in keys]


register_node("simulation", "Simulation", Permission.SANDBOX_WRITE, load_simulations)


@strawberry.type(description="The clock of a TEST tenant: windows, ETAs and `occurredAt` go by it.")
class SandboxClock:
    now: datetime = strawberry.field(description="What it shows now.")
    rate: float = strawberry.field(description="How many times as fast as the wall clock it runs.")


async def read_clock(context: Context) -> SandboxClock | None:
    """The tenant's clock as it is now; None for a LIVE tenant."""
    row = await sandbox_clock(await context.reads(), context.tenant_id)
    return None if row is None else SandboxClock(now=clock_of(row).now(), rate=row["clock_rate"])
