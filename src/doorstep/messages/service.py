"""Messages are written to owners, and settled after a try: the only writer of the table."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from doorstep.identity.reads import owner_address, owners_of
from doorstep.kernel.db import Row
from doorstep.kernel.ids import new_id
from doorstep.kernel.jobs import enqueue
from doorstep.kernel.scope import Scope
from doorstep.messages.model import PAUSES, MessageFault, MessageKind, MessageStatus

SEND: Final = "send_message"
"""The kind of the job that sends one message; its input is ``{"message_id"}``."""

_WRITE = """
INSERT INTO messages (tenant_id, id, kind, event_seq, endpoint_id, member_id, subject, text, status)
SELECT $1, id, $2, $3, $4, member_id, $5, $6, 'PENDING' FROM unnest($7::uuid[], $8::uuid[]) AS owner(id, member_id)
ON CONFLICT (tenant_id, event_seq, member_id) DO NOTHING RETURNING id
"""
_TOLD = """
SELECT EXISTS (SELECT FROM messages WHERE tenant_id = $1 AND kind = $2 AND endpoint_id = $3 AND created_at > now() - interval '1 day')
"""
_PENDING = """
SELECT id, kind, member_id, subject, text, created_at FROM messages
WHERE tenant_id = $1 AND id = $2 AND status = 'PENDING' FOR UPDATE
"""
_SETTLE = """
UPDATE messages SET status = $3::text, fault = $4, tries = tries + $5::int, sent_at = CASE WHEN $3::text = 'SENT' THEN now() END
WHERE tenant_id = $1 AND id = $2 AND status = 'PENDING' RETURNING tries
"""


@dataclass(frozen=True, slots=True)
class Words:
    """What is told: ``subject`` is one line, ``text`` plain text."""

    subject: str
    text: str


async def write_to_owners(scope: Scope, kind: MessageKind, event_seq: int, endpoint_id: UUID, words: Words) -> int:
    """Write a message to each owner, and have it sent; returns how many were written. An event that was told already writes nothing."""
    members = await owners_of(scope.tx, scope.tenant_id)
    rows = await scope.tx.fetch(
        _WRITE, scope.tenant_id, kind.value, event_seq, endpoint_id, words.subject, words.text,
        [new_id() for _ in members], members,
    )  # fmt: skip
    for row in rows:
        await enqueue(scope, SEND, {"message_id": str(row["id"])})
    return len(rows)


async def was_told_today(scope: Scope, kind: MessageKind, endpoint_id: UUID) -> bool:
    """Whether the same of the same endpoint was told within a day."""
    return bool(await scope.tx.fetchval(_TOLD, scope.tenant_id, kind.value, endpoint_id))


async def pending_message(scope: Scope, message_id: UUID) -> Row | None:
    """A message that is still to be sent, held until the transaction ends."""
    return await scope.tx.fetchrow(_PENDING, scope.tenant_id, message_id)


async def address_for(scope: Scope, message: Row) -> str | None:
    """Where a message goes now; None when its owner is no longer one."""
    return await owner_address(scope.tx, scope.tenant_id, message["member_id"])


async def keep(scope: Scope, message_id: UUID) -> None:
    """There is no mail server: the message stays in the outbox."""
    await _settle(scope, message_id, MessageStatus.KEPT, None, 0)


async def settle(scope: Scope, message_id: UUID, fault: MessageFault | None, *, final: bool) -> float | None:
    """Write down what came of a try (``fault`` None: it was sent); returns the seconds until the next one, None when there is none."""
    if fault is None:
        await _settle(scope, message_id, MessageStatus.SENT, None, 1)
        return None
    if final:
        await _settle(scope, message_id, MessageStatus.FAILED, fault, 1)
        return None
    tries = await _settle(scope, message_id, MessageStatus.PENDING, fault, 1)
    if tries is None:
        return None
    if tries > len(PAUSES):
        await _settle(scope, message_id, MessageStatus.FAILED, fault, 0)
        return None
    return PAUSES[tries - 1]


async def fail(scope: Scope, message_id: UUID, fault: MessageFault) -> None:
    """Give a message up without a try."""
    await _settle(scope, message_id, MessageStatus.FAILED, fault, 0)


async def _settle(
    scope: Scope, message_id: UUID, status: MessageStatus, fault: MessageFault | None, tries: int
) -> int | None:
    found: int | None = await scope.tx.fetchval(
        _SETTLE, scope.tenant_id, message_id, status.value, fault.value if fault else None, tries
    )
    return found
