"""Recipients' links: a token for each order, made of it by the installation's key, so that it can be read again; stored as a hash, as every credential is."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from doorstep.identity.keys import key_hash, link_token
from doorstep.kernel.db import Database, Row, Transaction
from doorstep.kernel.errors import NotFound
from doorstep.kernel.scope import Permission, Principal, Scope
from doorstep.kernel.secrets import SecretKeys
from doorstep.tracking.events import TrackingRevoked
from doorstep.tracking.reads import links_of

PURPOSE = "tracking"

_KEEP = """
INSERT INTO tracking_links (tenant_id, order_id, generation, hash)
SELECT $1, made.* FROM unnest($2::uuid[], $3::int[], $4::bytea[]) AS made(order_id, generation, hash)
ON CONFLICT (tenant_id, order_id) DO UPDATE SET hash = excluded.hash WHERE tracking_links.generation = excluded.generation
"""

_REVOKE = """
INSERT INTO tracking_links (tenant_id, order_id, generation, hash) VALUES ($1, $2, 1, NULL)
ON CONFLICT (tenant_id, order_id) DO UPDATE SET generation = tracking_links.generation + 1, hash = NULL
RETURNING generation
"""


def may_read_links(principal: Principal) -> bool:
    """Whether a credential may hand out links: they outlive it, and show where a vehicle is."""
    return all(
        principal.allows(one) for one in (Permission.TOKENS_WRITE, Permission.ORDERS_READ, Permission.TRACKING_READ)
    )


async def link_tokens(
    tx: Transaction, system: Database, keys: SecretKeys, tenant_id: UUID, order_ids: Sequence[UUID]
) -> dict[UUID, str]:
    """The tokens of these orders' links; an order out of reach, or whose people were erased, has none.

    A token that nobody has read before is good from now on. That is kept as the system, in a transaction of its own: whoever reads is in a
    snapshot, and must not wait for a second connection of the pool that all requests share.
    """
    tokens: dict[UUID, str] = {}
    unknown: list[tuple[UUID, int, bytes]] = []
    for row in sorted(await links_of(tx, tenant_id, order_ids), key=lambda row: str(row["order_id"])):
        token, known = _token_of(keys, tenant_id, row)
        tokens[row["order_id"]] = token
        if not known:
            unknown.append((row["order_id"], row["generation"], key_hash(token)))
    if unknown:
        async with system.transaction() as own:
            await own.execute(_KEEP, tenant_id, *map(list, zip(*unknown, strict=True)))
    return tokens


def _token_of(keys: SecretKeys, tenant_id: UUID, row: Row) -> tuple[str, bool]:
    """The token whose hash is stored, whichever key made it; else the first key's, and that it is to be stored.

    Once the operator drops a key, a link that it made stays good as it is in the message, until its owner reads it again and gets another.
    """
    message = tenant_id.bytes + row["order_id"].bytes + row["generation"].to_bytes(4)
    made = [link_token(tag) for tag in keys.tags(PURPOSE, message)]
    for token in made:
        if key_hash(token) == row["hash"]:
            return token, True
    return made[0], False


async def revoke_tracking(scope: Scope, order_id: UUID) -> dict[str, Any]:
    """End an order's link, effective within 5 s: from now on it has another. Returns ``{"id"}``; refuses NOT_FOUND."""
    scope.require(Permission.TOKENS_WRITE)
    there = await scope.tx.fetchval("SELECT 1 FROM orders WHERE tenant_id = $1 AND id = $2", scope.tenant_id, order_id)
    if there is None:
        raise NotFound("order", ["orderId"])
    generation = await scope.tx.fetchval(_REVOKE, scope.tenant_id, order_id)
    scope.emit(TrackingRevoked(order_id=order_id, aggregate_version=generation))
    return {"id": str(order_id)}
