"""Documents that a tenant registered, by their id: what a request means that sends ``documentId`` in the place of ``query``."""

import re
import time
from collections import OrderedDict
from dataclasses import replace
from uuid import UUID

from doorstep.kernel.db import Database
from doorstep.kernel.errors import BadUserInput, Forbidden, Unauthenticated
from doorstep.kernel.graphql.bodies import Asked
from doorstep.kernel.graphql.context import Context
from doorstep.kernel.scope import Permission

KEEP_SECONDS = 4.0
"""How long a document is taken to be registered still; a removal is promised within 5 s."""

MAX_KEPT = 2_000
_ID = re.compile("sha256:[0-9a-f]{64}")


class UnknownDocument(BadUserInput):
    """The tenant has registered no such document."""

    code = "PERSISTED_DOCUMENT_NOT_FOUND"


class DocumentRequired(Forbidden):
    """The tenant has only registered documents answered."""

    code = "PERSISTED_DOCUMENT_REQUIRED"


class PersistedDocuments:
    """What the tenants registered, as far as it was asked for lately."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: OrderedDict[tuple[UUID, str], tuple[float, str]] = OrderedDict()

    async def find(self, context: Context, asked: Asked) -> Asked:
        """The same request with its text. Raises BadUserInput, UnknownDocument, Unauthenticated without a credential, DocumentRequired."""
        principal = context.principal_or_none
        name = asked.document_id
        if name is None:
            if principal is not None and principal.persisted_only and not principal.allows(Permission.TENANT_WRITE):
                raise DocumentRequired("This company has only registered documents answered: send `documentId`.")
            return asked
        if not _ID.fullmatch(name):
            raise BadUserInput("A `documentId` is sha256: and 64 hexadecimal digits, in lower case.")
        if principal is None:
            raise Unauthenticated("Registered documents are a company's own: send your credential as well.")
        return replace(asked, query=await self._text(principal.tenant_id, name), document_id=None)

    async def _text(self, tenant_id: UUID, name: str) -> str:
        now = time.monotonic()
        known = self._known.get((tenant_id, name))
        if known is not None and known[0] > now:
            return known[1]
        self._known.pop((tenant_id, name), None)
        async with self._db.snapshot(tenant_id) as tx:
            text: str | None = await tx.fetchval(
                "SELECT text FROM persisted_documents WHERE tenant_id = $1 AND document_id = $2", tenant_id, name
            )
        if text is None:
            raise UnknownDocument("This company has registered no such document: register it, or send `query`.")
        self._known[tenant_id, name] = (now + KEEP_SECONDS, text)
        if len(self._known) > MAX_KEPT:
            self._known.popitem(last=False)
        return text
