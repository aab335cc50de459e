"""The tables of the sandbox, and the robot: what it does next, as a pure function of the route."""

from doorstep.sandbox.model.tables import (
    DEFAULT_LATE_MINUTES,
    DEFAULT_STEP_SECONDS,
    FAILURES,
    Ending,
    RobotRow,
    SimulatedOutcome,
    SimulationRow,
    SimulationStatus,
)

__all__ = [
    "DEFAULT_LATE_MINUTES",
    "DEFAULT_STEP_SECONDS",
    "FAILURES",
    "Ending",
    "RobotRow",
    "SimulatedOutcome",
    "SimulationRow",
    "SimulationStatus",
]
