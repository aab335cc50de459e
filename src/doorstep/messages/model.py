"""The table and the words of messages. No I/O."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, func
from sqlmodel import Field

from doorstep.kernel.tables import INSTANT, TenantTable, one_of


class MessageKind(StrEnum):
    """What a message tells."""

    WEBHOOK_DISABLED = "WEBHOOK_DISABLED"
    WEBHOOK_EVENTS_LOST = "WEBHOOK_EVENTS_LOST"


class MessageStatus(StrEnum):
    """Where a message stands."""

    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    KEPT = "KEPT"


class MessageFault(StrEnum):
    """Why the last try to send a message failed."""

    UNREACHABLE = "UNREACHABLE"
    TIMEOUT = "TIMEOUT"
    SIGN_IN = "SIGN_IN"
    INSECURE = "INSECURE"
    REFUSED = "REFUSED"
    NO_OWNER = "NO_OWNER"
    INTERNAL = "INTERNAL"


PAUSES = (60.0, 300.0, 1_800.0, 7_200.0, 14_400.0, 28_800.0, 32_400.0)
"""Seconds before each further try, not quite a day in all; after the last one a message is FAILED."""

KEPT_DAYS = 396
"""How long the outbox goes back."""


class MessageRow(TenantTable, table=True):
    """One message to one owner (``member_id``); ``event_seq`` is the place in the log of what it tells, ``endpoint_id`` what it is about."""

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint(one_of("kind", list(MessageKind)), name="messages_kind"),
        CheckConstraint(one_of("status", list(MessageStatus)), name="messages_status"),
        CheckConstraint(one_of("fault", list(MessageFault)), name="messages_fault"),
        CheckConstraint("(status = 'SENT') = (sent_at IS NOT NULL)", name="messages_sent"),
        Index("messages_once", "tenant_id", "event_seq", "member_id", unique=True),
        Index("messages_by_time", "tenant_id", "created_at", "id"),
        Index("messages_by_age", "created_at"),
    )

    kind: str
    event_seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    endpoint_id: UUID
    member_id: UUID
    subject: str
    text: str
    status: str = MessageStatus.PENDING.value
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    fault: str | None = None
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    sent_at: datetime | None = Field(default=None, sa_type=INSTANT)
