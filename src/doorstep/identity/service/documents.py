"""Registered documents: a tenant's clients name them by their hash instead of sending them, and it may have no others answered."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from doorstep.identity.model import PersistedDocumentRow
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Permission, Scope

MAX_DOCUMENTS = 1_000
"""Of one tenant."""

MAX_AT_ONCE = 50
"""Each is validated when it is registered, which is work."""

DOCUMENT_ID = re.compile("sha256:[0-9a-f]{64}")

Outcome = dict[str, Any]


def document_id(text: str) -> str:
    """The name of a document by GraphQL over HTTP: its SHA-256."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


async def register_documents(scope: Scope, texts: Sequence[str]) -> Outcome:
    """Keep documents; those that are there already stay. Outcome ``{document_ids}`` in the order given. Refuses too many, altogether."""
    scope.require(Permission.TENANT_WRITE)
    _check_number(len(texts), "documents")
    named = {document_id(text): text for text in texts}
    await scope.tx.execute("SELECT 1 FROM tenants WHERE id = $1 FOR UPDATE", scope.tenant_id)
    rows = await scope.tx.fetch("SELECT document_id FROM persisted_documents WHERE tenant_id = $1", scope.tenant_id)
    there = {row["document_id"] for row in rows}
    new = [name for name in named if name not in there]
    if len(there) + len(new) > MAX_DOCUMENTS:
        message = f"A tenant keeps at most {MAX_DOCUMENTS:,} documents and has {len(there):,}: remove some first."
        raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, message, ["documents"])
    await scope.tx.insert(
        PersistedDocumentRow,
        [{"tenant_id": scope.tenant_id, "id": new_id(), "document_id": name, "text": named[name]} for name in new],
    )
    return {"document_ids": [document_id(text) for text in texts]}


async def remove_documents(scope: Scope, names: Sequence[str]) -> Outcome:
    """Forget documents, for every process within 5 seconds. Outcome ``{}``. Refuses names that the tenant does not have."""
    scope.require(Permission.TENANT_WRITE)
    _check_number(len(names), "documentIds")
    rows = await scope.tx.fetch(
        "DELETE FROM persisted_documents WHERE tenant_id = $1 AND document_id = ANY($2) RETURNING document_id",
        scope.tenant_id,
        list(names),
    )
    gone = {row["document_id"] for row in rows}
    for at, name in enumerate(names):
        if name not in gone:
            raise NotFound("document", ["documentIds", at])
    return {}


def _check_number(number: int, path: str) -> None:
    if not 1 <= number <= MAX_AT_ONCE:
        raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, f"Give 1 to {MAX_AT_ONCE} at a time.", [path])
