"""Facts about orders, as they stand in the log: ids and values, nobody's personal data."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from doorstep.kernel.events import DomainEvent
from doorstep.orders.model import LocationStatus, OrderKind, OrderStatus, Readiness


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(DomainEvent):
    """A new order was taken in. Its numbers are texts of the merchant's, so they stay with the order."""

    kind: OrderKind
    status: OrderStatus
    location_status: LocationStatus
    depot_id: UUID | None
    due_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class OrderUpdated(DomainEvent):
    """Somebody changed an order; ``changes`` are the schema's names of the fields, such as ``dropoff.windows``."""

    changes: list[str]
    location_status: LocationStatus
    due_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class OrderStatusChanged(DomainEvent):
    """An order moved to another state; ``reason`` is a word of a fixed list, never free text."""

    from_: OrderStatus
    to: OrderStatus
    reason: str | None
    attempt_number: int

    def data(self) -> dict[str, Any]:
        """The facts as JSON, with ``from`` under its own name."""
        facts = super().data()
        facts["from"] = facts.pop("from_")
        return facts


@dataclass(frozen=True, kw_only=True)
class OrderReadinessChanged(DomainEvent):
    """The sender or the depot said how far the goods are, and when they are expected to be ready (None: nothing said)."""

    from_: Readiness
    to: Readiness
    ready_at: datetime | None

    def data(self) -> dict[str, Any]:
        """The facts as JSON, with ``from`` under its own name."""
        facts = super().data()
        facts["from"] = facts.pop("from_")
        return facts


@dataclass(frozen=True, kw_only=True)
class OrderEtaChanged(DomainEvent):
    """The expected arrival was set, cleared (``at`` is None) or moved by more than two minutes since it was last announced."""

    at: datetime | None
    previous_at: datetime | None
    late_by_seconds: int
    stops_before: int
