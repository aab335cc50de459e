"""What is written to the sandbox."""

from datetime import datetime
from uuid import UUID

import strawberry

from doorstep.kernel.graphql.context import input_id
from doorstep.sandbox.model import DEFAULT_LATE_MINUTES, DEFAULT_STEP_SECONDS, SimulatedOutcome
from doorstep.sandbox.service import EndingDraft

_KEY = "Makes the mutation safe to repeat: the same key with the same input has one effect. 1 to 255 printable characters, kept 48 h."
_LATE = f"Of the outcome LATE: how many minutes, 1 to 1,440; left out: {DEFAULT_LATE_MINUTES}."


@strawberry.input(description="How a TEST tenant's clock is to go on; at least one of the two.")
class SetSandboxClockInput:
    rate: float | None = strawberry.field(
        default=None, description="How many times as fast as the wall clock, 1 to 1,000; left out: as before."
    )
    at: datetime | None = strawberry.field(
        default=None,
        description="What it shows from now on: not before what it shows already, and at most 366 days later. Left out: it does not jump.",
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="What becomes of an order of a simulated route.")
class SimulatedOrderInput:
    order_id: strawberry.ID = strawberry.field(description="An order of the route.")
    outcome: SimulatedOutcome = strawberry.field(description="What becomes of it.")
    late_by_minutes: int | None = strawberry.field(default=None, description=_LATE)


@strawberry.input(description="Which route a robot is to drive, and how its orders end.")
class SimulateRouteInput:
    route_id: strawberry.ID = strawberry.field(
        description="A route that is COMMITTED (it is dispatched), DISPATCHED or IN_PROGRESS."
    )
    outcomes: list[SimulatedOrderInput] | None = strawberry.field(
        default=None, description="At most 250 orders that end in their own way; all others are DELIVERED."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def given(self) -> tuple[UUID, list[tuple[UUID, EndingDraft]]]:
        """The route and the endings with their ids parsed; raises INVALID_ID."""
        drafts = [
            (
                input_id("order", one.order_id, "outcomes", index, "orderId"),
                EndingDraft(one.outcome, one.late_by_minutes),
            )
            for index, one in enumerate(self.outcomes or ())
        ]
        return input_id("route", self.route_id, "routeId"), drafts


@strawberry.input(description="Which order a robot is to bring, and how that ends.")
class SimulateOrderInput:
    order_id: strawberry.ID = strawberry.field(
        description="An order that waits to be brought (a robot with a shift is made where there is none), or that is on a route; for CARRIER_DECLINES one that is OFFERED."
    )
    outcome: SimulatedOutcome = strawberry.field(
        default=SimulatedOutcome.DELIVERED, description="What becomes of it; left out: it is DELIVERED."
    )
    late_by_minutes: int | None = strawberry.field(default=None, description=_LATE)
    seconds_per_step: int | None = strawberry.field(
        default=None,
        description=f"Seconds of the sandbox's clock between two acts, 1 to 3,600; left out: {DEFAULT_STEP_SECONDS}.",
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="Which simulation is to end.")
class CancelSimulationInput:
    simulation_id: strawberry.ID = strawberry.field(description="The simulation.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)
