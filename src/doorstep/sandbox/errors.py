"""What the sandbox refuses, beyond the common refusals."""

from collections.abc import Sequence
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


class CarrierIsLive(DoorstepError):
    """The partner carrier is a LIVE tenant: nothing is simulated in its name."""

    def __init__(self, path: Sequence[str] = ()) -> None:
        super().__init__(
            ProblemCode.NOT_A_SANDBOX,
            "This carrier is a LIVE tenant, where people answer: no robot declines in its name.",
            path,
        )


class AlreadySimulated(DoorstepError):
    """A robot is on this route, or at this offer, already; ``doing`` says which."""

    def __init__(self, simulation_id: UUID, doing: str, path: str) -> None:
        name = public_id("simulation", simulation_id)
        super().__init__(
            ProblemCode.IN_USE,
            f"Simulation {name} {doing} already: wait until it is over, or cancel it (cancelSimulation).",
            [path],
            existing_id=name,
        )
