"""setSandboxClock, simulateRoute, simulateOrder, cancelSimulation."""

from typing import Annotated

import strawberry

from doorstep.identity.service import Authenticator
from doorstep.kernel.graphql.context import Info, Outcome, input_id
from doorstep.kernel.graphql.problems import Payload
from doorstep.kernel.scope import Scope
from doorstep.sandbox import service
from doorstep.sandbox.graphql.inputs import (
    CancelSimulationInput,
    SetSandboxClockInput,
    SimulateOrderInput,
    SimulateRouteInput,
)
from doorstep.sandbox.graphql.types import SandboxClock, Simulation, load_simulations, read_clock


@strawberry.type(description="The answer to setSandboxClock.")
class SetSandboxClockPayload(Payload):
    @strawberry.field(description="The clock as it is now; null for a LIVE tenant.")
    async def clock(self, info: Info) -> SandboxClock | None:
        return await read_clock(info.context)


@strawberry.type
class SimulationPayload(Payload):
    """Base of the answers that show a simulation; not in the schema by itself."""

    @strawberry.field(description="The simulation as it is now; null when there is none.")
    async def simulation(self, info: Info) -> Simulation | None:
        identifier = self.outcome_id()
        return await info.context.load(load_simulations, identifier) if identifier else None


@strawberry.type(description="The answer to simulateRoute.")
class SimulateRoutePayload(SimulationPayload):
    pass


@strawberry.type(description="The answer to simulateOrder.")
class SimulateOrderPayload(SimulationPayload):
    pass


@strawberry.type(description="The answer to cancelSimulation.")
class CancelSimulationPayload(SimulationPayload):
    pass


@strawberry.type
class SandboxMutation:
    @strawberry.mutation(
        description=(
            "Make a TEST tenant's clock run faster, or jump ahead; never back. What robots have to do until then happens at once, in order and each "
            "at its own instant. Every process follows within 2 seconds. NOT_A_SANDBOX with a LIVE tenant's key."
        )
    )
    async def set_sandbox_clock(
        self, info: Info, input: Annotated[SetSandboxClockInput, strawberry.argument(description="The clock.")]
    ) -> SetSandboxClockPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await service.set_sandbox_clock(scope, input.rate, input.at)

        payload = await info.context.write("setSandboxClock", input, SetSandboxClockPayload, use_case)
        info.context.services.get(Authenticator).forget(info.context.tenant_id)
        return payload

    @strawberry.mutation(
        description=(
            "Let a robot drive a route of a TEST tenant at its planned times on the sandbox's clock, with the outcomes that you choose: every act, "
            "proof, position and event is as from a driver's phone. NOT_A_SANDBOX with a LIVE tenant's key."
        )
    )
    async def simulate_route(
        self, info: Info, input: Annotated[SimulateRouteInput, strawberry.argument(description="Which route.")]
    ) -> SimulateRoutePayload | None:
        async def use_case(scope: Scope) -> Outcome:
            route_id, drafts = input.given()
            return await service.simulate_route(scope, route_id, drafts)

        return await info.context.write("simulateRoute", input, SimulateRoutePayload, use_case)

    @strawberry.mutation(
        description=(
            "Take one order of a TEST tenant through every state to the outcome that you choose, one act after the other; it needs neither plan nor "
            "fleet. On a route with other orders a robot works this order's stops alone, and what failed is handed in when the route ends. "
            "With CARRIER_DECLINES a robot answers the open offer instead. NOT_A_SANDBOX with a LIVE tenant's key, or for a LIVE carrier."
        )
    )
    async def simulate_order(
        self, info: Info, input: Annotated[SimulateOrderInput, strawberry.argument(description="Which order.")]
    ) -> SimulateOrderPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            order_id = input_id("order", input.order_id, "orderId")
            draft = service.EndingDraft(input.outcome, input.late_by_minutes)
            return await service.simulate_order(scope, order_id, draft, input.seconds_per_step)

        return await info.context.write("simulateOrder", input, SimulateOrderPayload, use_case)

    @strawberry.mutation(description="Take a robot off its route or offer, which stays as it is, its orders too.")
    async def cancel_simulation(
        self, info: Info, input: Annotated[CancelSimulationInput, strawberry.argument(description="Which simulation.")]
    ) -> CancelSimulationPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await service.cancel_simulation(scope, input_id("simulation", input.simulation_id, "simulationId"))

        return await info.context.write("cancelSimulation", input, CancelSimulationPayload, use_case)
