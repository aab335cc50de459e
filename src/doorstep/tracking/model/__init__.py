"""The tables of execution, and the pure rules over them: acts, proofs, arrival times."""

from doorstep.tracking.model.tables import (
    AttemptOutcome,
    AttemptRow,
    FailureReason,
    PositionRow,
    ProofRow,
    StopAct,
    StopActRow,
    TrackingLinkRow,
)

__all__ = [
    "AttemptOutcome",
    "AttemptRow",
    "FailureReason",
    "PositionRow",
    "ProofRow",
    "StopAct",
    "StopActRow",
    "TrackingLinkRow",
]
