"""Secrets of endpoints: made here, shown once, sealed in the database with the installation's keys.

A secret is ``whsec_`` and 32 random bytes in base64, as Standard Webhooks says. Two are live after a rotation, and both sign.
"""

import base64
import os
from datetime import timedelta
from uuid import UUID

from doorstep.kernel.db import Database
from doorstep.kernel.errors import DoorstepError, Forbidden, ProblemCode
from doorstep.kernel.scope import ActorKind, Permission, Scope
from doorstep.kernel.secrets import SecretKeys
from doorstep.webhooks.events import WebhookSecretRotated
from doorstep.webhooks.service.rows import lock_endpoint

PURPOSE = "webhooks"
PREFIX = "whsec_"
SECRET_BYTES = 32
MOST_OVERLAP_SECONDS = 7 * 86_400
BATCH = 500

Made = tuple[dict[str, str], str]
"""An outcome and a secret to show."""


def new_secret(keys: SecretKeys) -> tuple[str, bytes]:
    """A new secret as its owner sees it, and sealed."""
    secret = os.urandom(SECRET_BYTES)
    return f"{PREFIX}{base64.b64encode(secret).decode()}", keys.seal(PURPOSE, secret)


def signing_secret(keys: SecretKeys, sealed: bytes) -> bytes:
    """The bytes that sign; raises CannotOpen."""
    return keys.open(PURPOSE, sealed)


def must_outlive(scope: Scope) -> None:
    """A token of an hour makes no secret that lives on after it."""
    if scope.actor.kind in {ActorKind.ACCESS_TOKEN, ActorKind.DRIVER_TOKEN}:
        raise Forbidden("Webhooks are made with API keys and by members who signed in, not with tokens.")


async def rotate_secret(scope: Scope, keys: SecretKeys, endpoint_id: UUID, overlap_seconds: int) -> Made:
    """Give an endpoint a new secret; the present one signs as well for ``overlap_seconds`` (0 to 7 days), an older one ends at once. Outcome ``{id}``."""
    scope.require(Permission.WEBHOOKS_WRITE)
    must_outlive(scope)
    row = await lock_endpoint(scope, endpoint_id)
    if not 0 <= overlap_seconds <= MOST_OVERLAP_SECONDS:
        message = f"Give 0 to {MOST_OVERLAP_SECONDS} seconds."
        raise DoorstepError(ProblemCode.INVALID_VALUE, message, ["previousValidForSeconds"])
    shown, sealed = new_secret(keys)
    await scope.tx.execute(
        "UPDATE webhook_endpoints SET previous_secret = secret, previous_until = now() + $4::interval, secret = $3, "
        "version = version + 1, updated_at = now() WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id, endpoint_id, sealed, timedelta(seconds=overlap_seconds),
    )  # fmt: skip
    scope.emit(WebhookSecretRotated(endpoint_id=endpoint_id, aggregate_version=row["version"] + 1))
    return {"id": str(endpoint_id)}, shown


_SEALED = """
SELECT tenant_id, id, secret, previous_secret FROM webhook_endpoints
WHERE ($1::uuid IS NULL OR (tenant_id, id) > ($1, $2)) ORDER BY tenant_id, id LIMIT $3 FOR UPDATE
"""


async def seal_anew(system: Database, keys: SecretKeys) -> int:
    """Seal every endpoint's secrets with the first key, so that the others can be dropped; returns how many endpoints. Can be run again at any time.

    Raises CannotOpen where none of the keys opens a secret; what was sealed until then stays so.
    """
    place: tuple[UUID | None, UUID | None] = (None, None)
    done = 0
    while True:
        async with system.transaction() as tx:
            rows = await tx.fetch(_SEALED, *place, BATCH)
            for row in rows:
                present, previous = row["secret"], row["previous_secret"]
                await tx.execute(
                    "UPDATE webhook_endpoints SET secret = $3, previous_secret = $4 WHERE tenant_id = $1 AND id = $2",
                    row["tenant_id"],
                    row["id"],
                    keys.seal(PURPOSE, keys.open(PURPOSE, present)),
                    keys.seal(PURPOSE, keys.open(PURPOSE, previous)) if previous is not None else None,
                )
        done += len(rows)
        if len(rows) < BATCH:
            return done
        place = rows[-1]["tenant_id"], rows[-1]["id"]
