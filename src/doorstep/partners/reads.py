"""Reads of partnerships and tenders. A row has two tenants, so every query asks for those in which the present one is a side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.paging import Page, PageRequest, Sort, fetch_page
from doorstep.partners.model import PartnershipStatus, PartnerSide, TenderStatus

NEWEST_FIRST = Sort("created_at_desc", "created_at", datetime, descending=True)

MINE = {
    None: "(merchant_id = $1 OR carrier_id = $1)",
    PartnerSide.MERCHANT: "merchant_id = $1",
    PartnerSide.CARRIER: "carrier_id = $1",
}

PARTNERSHIP_COLUMNS = (
    "merchant_id, id, carrier_id, version, status, merchant_name, carrier_name, shared_fields, valid_until, created_at, updated_at, "
    "accepted_at, ended_at"
)
TENDER_COLUMNS = (
    "merchant_id, id, carrier_id, partnership_id, merchant_order_id, carrier_order_id, version, status, reason, picked_up, price_minor, "
    "currency, weight_grams, volume_cubic_centimeters, items, pickup, dropoff_postal_code, dropoff_city, dropoff_country, dropoff_windows, "
    "deadline_at, created_at, updated_at, answered_at"
)


@dataclass(frozen=True, slots=True)
class PartnerQuery:
    """Which partnerships or tenders: conditions are joined by AND, the values of one by OR; what is empty or None does not matter."""

    statuses: tuple[PartnershipStatus | TenderStatus, ...] = ()
    side: PartnerSide | None = None
    partnership_id: UUID | None = None
    order_id: UUID | None = None

    def conditions(self, tenant_id: UUID) -> tuple[list[str], list[Any]]:
        """SQL conditions and their arguments from ``$1`` on; the tenant's is the first."""
        texts, values = [MINE[self.side]], [tenant_id]
        wanted: list[tuple[str, Any]] = [
            ("status = ANY({})", [status.value for status in self.statuses] or None),
            ("partnership_id = {}", self.partnership_id),
            (
                "((merchant_id = $1 AND merchant_order_id = {0}) OR (carrier_id = $1 AND carrier_order_id = {0}))",
                self.order_id,
            ),
        ]
        for text, value in wanted:
            if value is not None:
                values.append(value)
                texts.append(text.format(f"${len(values)}"))
        return texts, values


async def partnership_page(tx: Transaction, tenant_id: UUID, query: PartnerQuery, request: PageRequest) -> Page:
    """A page of partnerships, newest first."""
    return await _page(tx, "partnerships", PARTNERSHIP_COLUMNS, tenant_id, query, request)


async def tender_page(tx: Transaction, tenant_id: UUID, query: PartnerQuery, request: PageRequest) -> Page:
    """A page of tenders, newest first."""
    return await _page(tx, "tenders", TENDER_COLUMNS, tenant_id, query, request)


async def _page(
    tx: Transaction, table: str, columns: str, tenant_id: UUID, query: PartnerQuery, request: PageRequest
) -> Page:
    conditions, arguments = query.conditions(tenant_id)
    return await fetch_page(
        tx,
        table,
        NEWEST_FIRST,
        request,
        select=f"SELECT {columns} FROM {table}",
        conditions=conditions,
        arguments=arguments,
    )


async def count_found(tx: Transaction, table: str, tenant_id: UUID, query: PartnerQuery) -> int:
    """How many partnerships or tenders (``table``) the query finds."""
    conditions, arguments = query.conditions(tenant_id)
    return int(await tx.fetchval(f"SELECT count(*) FROM {table} WHERE {' AND '.join(conditions)}", *arguments))


async def partnerships_by_ids(tx: Transaction, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Partnerships of either side, by id."""
    rows = await tx.fetch(
        f"SELECT {PARTNERSHIP_COLUMNS} FROM partnerships WHERE {MINE[None]} AND id = ANY($2)", tenant_id, list(ids)
    )
    return {row["id"]: row for row in rows}


async def tenders_by_ids(tx: Transaction, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Tenders of either side, by id."""
    rows = await tx.fetch(
        f"SELECT {TENDER_COLUMNS} FROM tenders WHERE {MINE[None]} AND id = ANY($2)", tenant_id, list(ids)
    )
    return {row["id"]: row for row in rows}


async def tenders_found(
    tx: Transaction, tenant_id: UUID, query: PartnerQuery, tender_ids: Sequence[UUID]
) -> dict[UUID, Row]:
    """Of these tenders those that the query finds, by id."""
    if not tender_ids:
        return {}
    conditions, arguments = query.conditions(tenant_id)
    arguments.append(list(tender_ids))
    conditions.append(f"id = ANY(${len(arguments)})")
    rows = await tx.fetch(f"SELECT {TENDER_COLUMNS} FROM tenders WHERE {' AND '.join(conditions)}", *arguments)
    return {row["id"]: row for row in rows}


async def tenders_of_orders(tx: Transaction, tenant_id: UUID, order_ids: Sequence[UUID]) -> list[Row]:
    """The tenders by which the tenant offered these orders, first to last."""
    return await tx.fetch(
        f"SELECT {TENDER_COLUMNS} FROM tenders WHERE merchant_id = $1 AND merchant_order_id = ANY($2) ORDER BY created_at, id",
        tenant_id,
        list(order_ids),
    )


async def copies_of(tx: Transaction, carrier_id: UUID, merchant_id: UUID, merchant_order_id: UUID) -> list[UUID]:
    """The carrier's own orders that came of a merchant's order: several when it was released and accepted again."""
    rows = await tx.fetch(
        "SELECT carrier_order_id FROM tenders WHERE carrier_id = $1 AND merchant_id = $2 AND merchant_order_id = $3 "
        "AND carrier_order_id IS NOT NULL ORDER BY id",
        carrier_id, merchant_id, merchant_order_id,
    )  # fmt: skip
    return [row["carrier_order_id"] for row in rows]


async def count_open_tenders(tx: Transaction, tenant_id: UUID) -> int:
    """How many tenders of either side are offered or under way."""
    count: int = await tx.fetchval(
        f"SELECT count(*) FROM tenders WHERE {MINE[None]} AND status IN ('OFFERED', 'ACCEPTED')", tenant_id
    )
    return count
