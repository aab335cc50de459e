"""advanceStop and reportPositions."""

from typing import Annotated
from uuid import UUID

import strawberry

from doorstep.fleets.graphql import Vehicle, load_vehicles
from doorstep.kernel.audit import Audited
from doorstep.kernel.graphql.context import Info, Outcome
from doorstep.kernel.graphql.problems import Payload, Problem, problems_from_json
from doorstep.kernel.scope import Scope
from doorstep.orders.graphql import Order, load_orders
from doorstep.planning.graphql import Route, Stop, load_routes, load_stops
from doorstep.tracking.graphql.inputs import AdvanceStopInput, ReportPositionsInput
from doorstep.tracking.service import advance_stop, report_positions


@strawberry.type(description="The answer to advanceStop.")
class AdvanceStopPayload(Payload):
    @strawberry.field(description="The stop as it is now; null when the act was refused, except for STALE_ROUTE.")
    async def stop(self, info: Info) -> Stop | None:
        identifier = self.outcome_id()
        return await info.context.load(load_stops, identifier) if identifier else None

    @strawberry.field(description="Its route as it is now; null when the act was refused, except for STALE_ROUTE.")
    async def route(self, info: Info) -> Route | None:
        identifier = self.outcome_id("route")
        return await info.context.load(load_routes, identifier) if identifier else None

    @strawberry.field(description="The orders that the act was about or that it moved, as they are now.")
    async def orders(self, info: Info) -> list[Order]:
        ids = self.outcome_ids("orders")
        found = await info.context.load_many(load_orders, ids)
        return [order for order in found if order is not None]


@strawberry.type(description="The verdict on one position.")
class PositionResult:
    index: int = strawberry.field(description="Its place in the input, from 0.")
    kept: bool = strawberry.field(
        description="Whether it is the newest of its vehicle now; false without a problem when a newer one was known already."
    )
    problems: list[Problem] = strawberry.field(description="Why it was refused; empty when it was not.")
    vehicle_uuid: strawberry.Private[UUID | None]

    @strawberry.field(description="The vehicle; null when the position was refused.")
    async def vehicle(self, info: Info) -> Vehicle | None:
        return await info.context.load(load_vehicles, self.vehicle_uuid) if self.vehicle_uuid else None


@strawberry.type(description="The answer to reportPositions.")
class ReportPositionsPayload(Payload):
    @strawberry.field(description="The verdict on each position, in the order of the input.")
    def results(self) -> list[PositionResult]:
        return [
            PositionResult(
                index=one["index"],
                kept=one["kept"],
                problems=problems_from_json(one["problems"]),
                vehicle_uuid=UUID(one["vehicle"]) if one["vehicle"] else None,
            )
            for one in self.outcome.get("results", [])
        ]


@strawberry.type
class TrackingMutation:
    @strawberry.mutation(
        description=(
            "A driver's act at a stop of a dispatched route; it moves the stop, its orders and the route together, or nothing. An act that does "
            "not fit is ILLEGAL_TRANSITION and names what does; handing over without the required proofs is PROOF_REQUIRED."
        )
    )
    async def advance_stop(
        self, info: Info, input: Annotated[AdvanceStopInput, strawberry.argument(description="The act.")]
    ) -> AdvanceStopPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await advance_stop(scope, input.given(), route_version=input.route_version)

        return await info.context.write("advanceStop", input, AdvanceStopPayload, use_case)

    @strawberry.mutation(
        description="Where vehicles are: the newest position of each is kept, older reports change nothing."
    )
    async def report_positions(
        self, info: Info, input: Annotated[ReportPositionsInput, strawberry.argument(description="The positions.")]
    ) -> ReportPositionsPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await report_positions(scope, input.given())

        # Devices report several times a minute, and only the newest position is kept: there is nothing to answer for.
        return await info.context.write("reportPositions", input, ReportPositionsPayload, use_case, audited=Audited.NOT)
