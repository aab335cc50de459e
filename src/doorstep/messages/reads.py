"""Reads of messages that return rows."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.paging import Page, PageRequest, Sort, fetch_page

NEWEST_FIRST = Sort("CREATED_AT.DESC", "created_at", datetime, descending=True)

MESSAGE = (
    "SELECT id, kind, endpoint_id, member_id, subject, text, status, tries, fault, created_at, sent_at FROM messages"
)


async def messages_by_ids(tx: Transaction, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Messages by id; unknown ids are missing."""
    rows = await tx.fetch(f"{MESSAGE} WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, list(ids))
    return {row["id"]: row for row in rows}


async def page_of_messages(tx: Transaction, tenant_id: UUID, request: PageRequest) -> Page:
    """One page of the outbox, newest first."""
    return await fetch_page(
        tx, "messages", NEWEST_FIRST, request, select=MESSAGE, conditions=["tenant_id = $1"], arguments=[tenant_id]
    )


async def count_of_messages(tx: Transaction, tenant_id: UUID) -> int:
    """How many there are."""
    return int(await tx.fetchval("SELECT count(*) FROM messages WHERE tenant_id = $1", tenant_id))
