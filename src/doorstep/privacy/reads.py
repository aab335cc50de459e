"""Reads of privacy that return rows. Every query says whose rows it wants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.paging import Page, PageRequest, Sort, fetch_page

AUDIT_LIST = "auditLog"
ERASURE_LIST = "erasures"
NEWEST_FIRST = Sort("at", "at", datetime, descending=True)
MAX_SUBJECTS = 250

_ENTRY = "id, at, actor_kind, actor_id, member_id, address, request_id, operation, changes"
_ABOUT = "id IN (SELECT entry_id FROM audit_subjects AS subject WHERE subject.tenant_id = $1 AND subject.subject_id = ANY({}))"


_RETENTION = "tenant_id, version, positions_days, personal_data_days, events_months, audit_days, updated_at"
_ERASURE = "id, at, actor_kind, actor_id, cause, order_ids, counts"


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries: conditions are joined by AND, the values of one by OR; what is empty or None does not matter.

    ``from_`` (inclusive) and ``to`` (exclusive) are UTC instants.
    """

    actor_ids: tuple[UUID, ...] = ()
    operations: tuple[str, ...] = ()
    subject_ids: tuple[UUID, ...] = ()
    from_: datetime | None = None
    to: datetime | None = None

    def conditions(self, tenant_id: UUID) -> tuple[list[str], list[Any]]:
        """SQL conditions and their arguments from ``$1`` on; the tenant's is the first."""
        given: list[tuple[str, Any]] = [
            ("(actor_id = ANY({0}) OR member_id = ANY({0}))", list(self.actor_ids) or None),
            ("operation = ANY({})", list(self.operations) or None),
            (_ABOUT, list(self.subject_ids) or None),
            ("at >= {}", self.from_),
            ("at < {}", self.to),
        ]
        texts, values = ["tenant_id = $1"], [tenant_id]
        for text, value in given:
            if value is not None:
                values.append(value)
                texts.append(text.format(f"${len(values)}"))
        return texts, values


async def audit_page(tx: Transaction, tenant_id: UUID, query: AuditQuery, request: PageRequest) -> Page:
    """One page of the audit log, newest first."""
    conditions, arguments = query.conditions(tenant_id)
    return await fetch_page(
        tx,
        AUDIT_LIST,
        NEWEST_FIRST,
        request,
        select=f"SELECT {_ENTRY} FROM audit_entries",
        conditions=conditions,
        arguments=arguments,
    )


async def count_audit_entries(tx: Transaction, tenant_id: UUID, query: AuditQuery) -> int:
    """How many entries the query finds."""
    conditions, arguments = query.conditions(tenant_id)
    return int(await tx.fetchval(f"SELECT count(*) FROM audit_entries WHERE {' AND '.join(conditions)}", *arguments))


async def erasure_page(tx: Transaction, tenant_id: UUID, request: PageRequest) -> Page:
    """One page of receipts, newest first."""
    return await fetch_page(
        tx,
        ERASURE_LIST,
        NEWEST_FIRST,
        request,
        select=f"SELECT {_ERASURE} FROM erasures",
        conditions=["tenant_id = $1"],
        arguments=[tenant_id],
    )


async def count_erasures(tx: Transaction, tenant_id: UUID) -> int:
    """How many receipts there are."""
    return int(await tx.fetchval("SELECT count(*) FROM erasures WHERE tenant_id = $1", tenant_id))


async def erasures_by_ids(tx: Transaction, tenant_id: UUID, ids: Sequence[UUID]) -> list[Row]:
    """Receipts by their ids, in no order."""
    return await tx.fetch(
        f"SELECT {_ERASURE} FROM erasures WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, list(ids)
    )


async def retention_of(tx: Transaction, tenant_id: UUID) -> Row | None:
    """What a tenant has set, or None where it has set nothing."""
    return await tx.fetchrow(f"SELECT {_RETENTION} FROM retention_settings WHERE tenant_id = $1", tenant_id)


async def all_retentions(tx: Transaction) -> list[Row]:
    """What every tenant has set; for the system."""
    return await tx.fetch(f"SELECT {_RETENTION} FROM retention_settings ORDER BY tenant_id")


async def audit_subjects_of(tx: Transaction, tenant_id: UUID, entry_ids: Sequence[UUID]) -> list[Row]:
    """The first 250 objects of each entry, by id."""
    return await tx.fetch(
        "SELECT wanted.id AS entry_id, found.kind, found.subject_id FROM unnest($2::uuid[]) AS wanted(id) "
        "CROSS JOIN LATERAL (SELECT kind, subject_id FROM audit_subjects "
        "WHERE tenant_id = $1 AND entry_id = wanted.id ORDER BY subject_id LIMIT $3) AS found",
        tenant_id,
        list(entry_ids),
        MAX_SUBJECTS,
    )
