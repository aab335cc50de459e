"""Facts of planning: plans and routes that moved on, stops that were served, routes whose stops changed."""

from dataclasses import dataclass
from uuid import UUID

from doorstep.kernel.events import DomainEvent
from doorstep.planning.model import PlanStatus, RouteStatus, StopStatus


@dataclass(frozen=True, kw_only=True)
class PlanStatusChanged(DomainEvent):
    """A plan moved to another state; ``reason`` says why it failed."""

    from_: PlanStatus | None
    to: PlanStatus
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class PlanFinished(DomainEvent):
    """An optimization ended, well (PROPOSED) or not (FAILED)."""

    status: PlanStatus
    routes: int
    assigned: int
    unassigned: int
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class RouteStatusChanged(DomainEvent):
    """A route moved to another state."""

    from_: RouteStatus | None
    to: RouteStatus
    driver_id: UUID
    vehicle_id: UUID


@dataclass(frozen=True, kw_only=True)
class RouteChanged(DomainEvent):
    """A committed route's stops changed: orders came, went or moved; the version is what a driver's acts must carry now."""

    added: list[UUID]
    removed: list[UUID]


@dataclass(frozen=True, kw_only=True)
class StopStatusChanged(DomainEvent):
    """A stop moved to another state."""

    stop_id: UUID
    order_ids: list[UUID]
    from_: StopStatus
    to: StopStatus
    reason: str | None = None
