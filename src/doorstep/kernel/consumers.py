"""Reactions: durable consumers of the event log.

A slice above hears of changes below only by events. Each (consumer, tenant) has a place in the log that moves in the transaction which applies
the effect, so that every event is reacted to once, also over crashes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel

from doorstep.kernel.db import Database, Row
from doorstep.kernel.scope import Principal, Scope

BATCH = 100


class ConsumerRow(SQLModel, table=True):
    """Where a consumer stands in a tenant's log."""

    __tablename__ = "consumers"

    tenant_id: UUID = Field(primary_key=True)
    name: str = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))


React = Callable[[Scope, Row], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Consumer:
    """A named reaction to some event types: ``react(scope, event row)`` runs in the transaction that moves the consumer's place."""

    name: str
    types: frozenset[str]
    react: React


_BEHIND = """
SELECT head.tenant_id FROM event_heads AS head JOIN tenants AS tenant ON tenant.id = head.tenant_id AND tenant.status = 'ACTIVE'
LEFT JOIN consumers AS place ON place.tenant_id = head.tenant_id AND place.name = $1
WHERE head.seq > coalesce(place.seq, 0)
"""

_PLACE = """
INSERT INTO consumers (tenant_id, name, seq) VALUES ($1, $2, 0)
ON CONFLICT (tenant_id, name) DO UPDATE SET seq = consumers.seq RETURNING seq
"""

_NEXT = """
SELECT seq, type, order_id, plan_id, route_id, aggregate_version, occurred_at, data FROM events
WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""


async def tenants_behind(system: Database, consumer: Consumer) -> list[UUID]:
    """The tenants whose log goes on past the consumer's place, but for suspended ones."""
    async with system.transaction() as tx:
        return [row["tenant_id"] for row in await tx.fetch(_BEHIND, consumer.name)]


async def react_once(db: Database, principal: Principal, consumer: Consumer) -> bool:
    """Apply the next batch of one tenant's events in one transaction; returns whether more may follow."""
    async with db.write(principal) as scope:
        place = await scope.tx.fetchval(_PLACE, principal.tenant_id, consumer.name)
        rows = await scope.tx.fetch(_NEXT, principal.tenant_id, place, BATCH)
        for row in rows:
            if row["type"] in consumer.types:
                await consumer.react(scope, row)
        if rows:
            await scope.tx.execute(
                "UPDATE consumers SET seq = $3 WHERE tenant_id = $1 AND name = $2",
                principal.tenant_id, consumer.name, rows[-1]["seq"],
            )  # fmt: skip
    return len(rows) == BATCH
