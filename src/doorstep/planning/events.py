"""Facts of planning: plans and routes that moved on, stops that were served, routes whose stops changed."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from doorstep.kernel.events import DomainEvent
from doorstep.planning.model import PlanStatus, RouteStatus, StopStatus


class StatusChange(DomainEvent):
    """Base of the facts that something moved ``from_`` one state ``to`` another; the log has ``from`` under its own name."""

    def data(self) -> dict[str, Any]:
        """The facts as JSON."""
        facts = super().data()
        facts["from"] = facts.pop("from_")
        return facts


@dataclass(frozen=True, kw_only=True)
class PlanStatusChanged(StatusChange):
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
class RouteStatusChanged(StatusChange):
    """A route moved to another state."""

    from_: RouteStatus | None
    to: RouteStatus
    driver_id: UUID
    vehicle_id: UUID


@dataclass(frozen=True, kw_only=True)
class RouteChanged(DomainEvent):
    """A committed route's stops changed: orders came, went or moved, or stops were locked or unlocked; the version is what a driver's acts must carry now."""

    added: list[UUID]
    removed: list[UUID]


@dataclass(frozen=True, kw_only=True)
class StopStatusChanged(StatusChange):
    """A stop moved to another state."""

    stop_id: UUID
    order_ids: list[UUID]
    from_: StopStatus
    to: StopStatus
    reason: str | None = None
