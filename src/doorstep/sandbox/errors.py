"""What the sandbox refuses, beyond the common refusals."""

from uuid import UUID

from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.ids import public_id


class NotASandbox(DoorstepError):
    """The tenant is LIVE: nothing is simulated among real deliveries."""

    def __init__(self) -> None:
        super().__init__(
            ProblemCode.NOT_A_SANDBOX,
            "This is a LIVE tenant, where nothing is simulated: use a key of your TEST tenant (dsk_test_…).",
        )


class AlreadyDriven(DoorstepError):
    """A robot is on this route already."""

    def __init__(self, simulation_id: UUID, path: str) -> None:
        name = public_id("simulation", simulation_id)
        super().__init__(
            ProblemCode.IN_USE,
            f"Simulation {name} drives this route already: wait until it is over, or cancel it (cancelSimulation).",
            [path],
            existing_id=name,
        )
