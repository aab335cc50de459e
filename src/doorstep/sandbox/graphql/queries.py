"""``sandboxClock``, ``simulation``."""

from typing import Annotated

import strawberry

from doorstep.kernel.graphql.context import Info, argument_id
from doorstep.sandbox.graphql.types import SandboxClock, Simulation, load_simulations, read_clock


@strawberry.type
class SandboxQuery:
    @strawberry.field(description="The clock of this TEST tenant; null for a LIVE one.")
    async def sandbox_clock(self, info: Info) -> SandboxClock | None:
        return await read_clock(info.context)

    @strawberry.field(description="A simulation by its id; null when this tenant has none with it.")
    async def simulation(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The simulation's id.")]
    ) -> Simulation | None:
        return await info.context.load(load_simulations, argument_id("simulation", id))
