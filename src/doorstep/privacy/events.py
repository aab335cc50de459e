"""Facts about privacy: that somebody was forgotten, never who."""

from dataclasses import dataclass
from uuid import UUID

from doorstep.kernel.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class RecipientErased(DomainEvent):
    """An order was emptied of everything personal; whoever holds a copy of it (a partner carrier) is to empty that, too."""

    erasure_id: UUID


@dataclass(frozen=True, kw_only=True)
class RetentionChanged(DomainEvent):
    """How long something is kept was set; None: for good."""

    positions_days: int | None
    personal_data_days: int | None
    events_months: int | None
    audit_days: int | None
