"""What the use cases of an endpoint share: its row, held."""

from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.errors import Conflict, NotFound
from doorstep.kernel.scope import Scope

_LOCK = """
SELECT id, version, name, url, event_types, document, scopes, status, seq, replay_until FROM webhook_endpoints
WHERE tenant_id = $1 AND id = $2 FOR UPDATE
"""


async def lock_endpoint(scope: Scope, endpoint_id: UUID, if_version: int | None = None) -> Row:
    """The endpoint's row until the transaction ends; refuses NOT_FOUND and CONFLICT."""
    row = await scope.tx.fetchrow(_LOCK, scope.tenant_id, endpoint_id)
    if row is None:
        raise NotFound("webhook endpoint", ["id"])
    if if_version is not None and if_version != row["version"]:
        raise Conflict("webhook endpoint", row["version"], endpoint_id)
    return row
