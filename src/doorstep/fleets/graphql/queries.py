"""Queries of fleets: each kind of object by its id and as a list."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import strawberry

from doorstep.fleets.graphql.lists import (
    DepotFilter,
    DriverFilter,
    FleetOrdering,
    ShiftFilter,
    ShiftOrdering,
    VehicleFilter,
)
from doorstep.fleets.graphql.types import (
    Depot,
    Driver,
    Shift,
    Vehicle,
    load_depots,
    load_drivers,
    load_shifts,
    load_vehicles,
)
from doorstep.fleets.reads import Conditions, count_of, page_of
from doorstep.kernel.db import Row
from doorstep.kernel.graphql.connections import After, Before, Connection, First, Last, connection_of
from doorstep.kernel.graphql.context import Context, Info, argument_id
from doorstep.kernel.paging import PageRequest, Sort


async def _connection(
    context: Context,
    table: str,
    sort: Sort,
    request: PageRequest,
    conditions_of: Callable[[UUID], Conditions],
    node: Callable[[Row], Any],
) -> Connection[Any]:
    conditions = conditions_of(context.tenant_id)
    tx = await context.reads()
    page = await page_of(tx, table, sort, request, conditions)

    async def count() -> int:
        return await count_of(await context.reads(), table, conditions)

    return connection_of(table, sort, page, node, count)


@strawberry.type
class FleetsQuery:
    @strawberry.field(description="A depot by its id; null when this tenant has none with it.")
    async def depot(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The depot's id.")]
    ) -> Depot | None:
        return await info.context.load(load_depots, argument_id("depot", id))

    @strawberry.field(description="A vehicle by its id; null when this tenant has none with it.")
    async def vehicle(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The vehicle's id.")]
    ) -> Vehicle | None:
        return await info.context.load(load_vehicles, argument_id("vehicle", id))

    @strawberry.field(description="A driver by their id; null when this tenant has none with it.")
    async def driver(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The driver's id.")]
    ) -> Driver | None:
        return await info.context.load(load_drivers, argument_id("driver", id))

    @strawberry.field(description="A shift by its id; null when this tenant has none with it.")
    async def shift(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The shift's id.")]
    ) -> Shift | None:
        return await info.context.load(load_shifts, argument_id("shift", id))

    @strawberry.field(description="The depots, by name unless said otherwise.")
    async def depots(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[DepotFilter | None, strawberry.argument(description="Which depots.")] = None,
        order_by: Annotated[FleetOrdering | None, strawberry.argument(description="In which order.")] = None,
    ) -> Connection[Depot] | None:
        sort = (order_by or FleetOrdering()).sort()
        wanted = (filter or DepotFilter()).conditions
        return await _connection(
            info.context, "depots", sort, PageRequest(first, after, last, before), wanted, Depot.of
        )

    @strawberry.field(description="The vehicles, by name unless said otherwise.")
    async def vehicles(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[VehicleFilter | None, strawberry.argument(description="Which vehicles.")] = None,
        order_by: Annotated[FleetOrdering | None, strawberry.argument(description="In which order.")] = None,
    ) -> Connection[Vehicle] | None:
        sort = (order_by or FleetOrdering()).sort()
        wanted = (filter or VehicleFilter()).conditions
        return await _connection(
            info.context, "vehicles", sort, PageRequest(first, after, last, before), wanted, Vehicle.of
        )

    @strawberry.field(description="The drivers, by name unless said otherwise.")
    async def drivers(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[DriverFilter | None, strawberry.argument(description="Which drivers.")] = None,
        order_by: Annotated[FleetOrdering | None, strawberry.argument(description="In which order.")] = None,
    ) -> Connection[Driver] | None:
        sort = (order_by or FleetOrdering()).sort()
        wanted = (filter or DriverFilter()).conditions
        return await _connection(
            info.context, "drivers", sort, PageRequest(first, after, last, before), wanted, Driver.of
        )

    @strawberry.field(description="The shifts, by start unless said otherwise.")
    async def shifts(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[ShiftFilter | None, strawberry.argument(description="Which shifts.")] = None,
        order_by: Annotated[ShiftOrdering | None, strawberry.argument(description="In which order.")] = None,
    ) -> Connection[Shift] | None:
        sort = (order_by or ShiftOrdering()).sort()
        wanted = (filter or ShiftFilter()).conditions
        return await _connection(
            info.context, "shifts", sort, PageRequest(first, after, last, before), wanted, Shift.of
        )
