"""The enumerations of the sandbox, as the schema describes them."""

from doorstep.kernel.graphql.enums import show_enum
from doorstep.sandbox.model import DEFAULT_LATE_MINUTES, SimulatedOutcome, SimulationStatus

show_enum(
    SimulatedOutcome,
    "What becomes of a simulated order.",
    {
        SimulatedOutcome.DELIVERED: "It is handed over, with every proof that it asks for.",
        SimulatedOutcome.NOT_HOME: "Nobody is there: ATTEMPT_FAILED, and AWAITING_REATTEMPT once the robot is back.",
        SimulatedOutcome.REFUSED: "The recipient does not want it: RETURNING, and RETURNED once the robot is back.",
        SimulatedOutcome.LATE: (
            f"It is handed over `lateByMinutes` ({DEFAULT_LATE_MINUTES}) after its last window, or after the planned arrival where that is later. "
            "The ETA says so as soon as the robot sets off."
        ),
        SimulatedOutcome.CARRIER_DECLINES: (
            "Of an order that is OFFERED to a carrier whose tenant is a sandbox, too, in `simulateOrder` alone: after one step a robot declines "
            "in the carrier's name (NO_CAPACITY), and the next carrier of the list is asked. Offers expire by the wall clock meanwhile."
        ),
    },
)
show_enum(
    SimulationStatus,
    "Where a simulation stands.",
    {
        SimulationStatus.RUNNING: "The robot is at work.",
        SimulationStatus.SUCCEEDED: "There is nothing left for it to do; final.",
        SimulationStatus.FAILED: "It could not go on; `lastError` says why. Final.",
        SimulationStatus.CANCELLED: "The robot was taken off; final.",
    },
)
