"""Facts of execution that no lower slice tells: states of stops, routes and orders are told by planning and orders."""

from dataclasses import dataclass
from uuid import UUID

from doorstep.kernel.events import DomainEvent
from doorstep.orders.model import ProofKind


@dataclass(frozen=True, kw_only=True)
class ProofCaptured(DomainEvent):
    """A driver showed something for an outcome; what it says stays with the proof, the log has only that it is there."""

    proof_id: UUID
    stop_id: UUID
    kind: ProofKind


@dataclass(frozen=True, kw_only=True)
class ProofReported(DomainEvent):
    """A proof came without a stop of ours: from a partner carrier, or from a carrier's own dispatch system."""

    proof_id: UUID
    kind: ProofKind


@dataclass(frozen=True, kw_only=True)
class TrackingRevoked(DomainEvent):
    """The link by which a recipient followed an order was ended; ``aggregate_version`` counts how often."""
