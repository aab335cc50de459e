"""One effect per key: a mutation's outcome is stored in the transaction of its effect, under (tenant, operation, key).

The transaction first takes an advisory lock on the three, so that a concurrent twin waits (1.5 s at most) instead of racing; a replay with
the same input gets the stored outcome, with another input IDEMPOTENCY_MISMATCH. Refusals that wrote nothing are not stored.
"""

import hashlib
from dataclasses import asdict, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from doorstep.kernel.db import Transaction
from doorstep.kernel.errors import DoorstepError, ProblemCode, TimedOut
from doorstep.kernel.tables import INSTANT

KEY_HOURS = 48
"""How long an outcome is kept."""

MAX_KEY_LENGTH = 255


class IdempotencyRow(SQLModel, table=True):
    """The stored outcome of one mutation under one key."""

    __tablename__ = "idempotency_keys"

    tenant_id: UUID = Field(primary_key=True)
    operation: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: bytes
    outcome: dict[str, Any] = Field(sa_type=JSONB)
    created_at: datetime = Field(
        sa_type=INSTANT, nullable=False, index=True, sa_column_kwargs={"server_default": func.now()}
    )


def check_key(key: str) -> None:
    """Refuse a key that is empty, too long or not printable."""
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise DoorstepError(
            ProblemCode.INVALID_VALUE, f"A key is 1 to {MAX_KEY_LENGTH} printable characters.", ["idempotencyKey"]
        )


def fingerprint(value: object) -> bytes:
    """SHA-256 of the coerced input in a canonical form (not of the GraphQL text, which may differ between retries)."""
    return hashlib.sha256(orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS, default=_driver_uuid)).digest()


def _driver_uuid(value: object) -> str:
    """The driver's own UUIDs, which rows hold, look like everybody's."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return (
            {name: _plain(item) for name, item in vars(value).items()} if hasattr(value, "__dict__") else asdict(value)
        )
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.name
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return repr(value)


async def find_outcome(
    tx: Transaction, tenant_id: UUID, operation: str, key: str, print_: bytes
) -> dict[str, Any] | None:
    """The outcome already stored under the key, or None; raises a refusal for another input or a twin still at work."""
    lock = int.from_bytes(
        hashlib.blake2b(f"{tenant_id}/{operation}/{key}".encode(), digest_size=8).digest(), signed=True
    )
    try:
        await tx.execute(
            f"SET LOCAL lock_timeout = 1500; SELECT pg_advisory_xact_lock({lock}); SET LOCAL lock_timeout = 5000"
        )
    except TimedOut as error:
        raise DoorstepError(
            ProblemCode.IDEMPOTENCY_IN_PROGRESS,
            "The same mutation with this key is still at work: send it again in a moment.",
            ["idempotencyKey"],
        ) from error
    row = await tx.fetchrow(
        "SELECT fingerprint, outcome FROM idempotency_keys WHERE tenant_id = $1 AND operation = $2 AND key = $3",
        tenant_id,
        operation,
        key,
    )
    if row is None:
        return None
    if row["fingerprint"] != print_:
        raise DoorstepError(
            ProblemCode.IDEMPOTENCY_MISMATCH,
            "This key was used with another input: choose a new key.",
            ["idempotencyKey"],
        )
    outcome: dict[str, Any] = row["outcome"]
    return outcome


async def is_stored(tx: Transaction, tenant_id: UUID, operation: str, key: str) -> bool:
    """Whether the key has an outcome, of whatever input; waits for nobody."""
    found: bool = await tx.fetchval(
        "SELECT EXISTS (SELECT FROM idempotency_keys WHERE tenant_id = $1 AND operation = $2 AND key = $3)",
        tenant_id,
        operation,
        key,
    )
    return found


async def store_outcome(
    tx: Transaction, tenant_id: UUID, operation: str, key: str, print_: bytes, outcome: dict[str, Any]
) -> None:
    """Keep the outcome; one commit with the effect."""
    await tx.execute(
        "INSERT INTO idempotency_keys (tenant_id, operation, key, fingerprint, outcome) VALUES ($1, $2, $3, $4, $5)",
        tenant_id,
        operation,
        key,
        print_,
        outcome,
    )
