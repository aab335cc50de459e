"""The documents that a tenant registered: clients send their ``documentId`` in the place of ``query``."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError

from doorstep.identity.reads import NEWEST_FIRST, count_of, page_of
from doorstep.identity.service.documents import MAX_AT_ONCE, register_documents, remove_documents
from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.graphql.bodies import MAX_QUERY_BYTES
from doorstep.kernel.graphql.connections import After, Before, Connection, First, Last, connection_of
from doorstep.kernel.graphql.context import Info
from doorstep.kernel.graphql.documents import DocumentCache
from doorstep.kernel.graphql.problems import Payload
from doorstep.kernel.paging import PageRequest
from doorstep.kernel.scope import Scope

_KEY = "Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours)."
_INPUT = strawberry.argument(description="All that the mutation needs.")


@strawberry.type(description="A document that the tenant registered.")
class PersistedDocument:
    document_id: str = strawberry.field(
        description="What a request sends as `documentId`: `sha256:` and the SHA-256 of the text in hexadecimal."
    )
    text: str = strawberry.field(description="The document.")
    created_at: datetime = strawberry.field(description="When it was registered.")

    @classmethod
    def of(cls, row: Row) -> "PersistedDocument":
        """From a row of ``persisted_documents``."""
        return cls(document_id=row["document_id"], text=row["text"], created_at=row["created_at"])


@strawberry.input(description="Documents to register.")
class RegisterDocumentsInput:
    documents: list[str] = strawberry.field(
        description="Their texts, 1 to 50; each must be valid against the schema. A tenant keeps at most 1,000."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="Documents to forget.")
class RemoveDocumentsInput:
    document_ids: list[str] = strawberry.field(description="Their ids, 1 to 50.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.type(description="The answer to registerDocuments.")
class RegisterDocumentsPayload(Payload):
    @strawberry.field(description="Their ids, in the order given.")
    def document_ids(self) -> list[str]:
        return list(self.outcome.get("document_ids", []))


@strawberry.type(description="The answer to removeDocuments.")
class RemoveDocumentsPayload(Payload):
    pass


async def _check(known: DocumentCache, texts: list[str]) -> None:
    """Refuse what no request could be answered with; between two, others have their turn."""
    for at, text in enumerate(texts[:MAX_AT_ONCE]):
        await asyncio.sleep(0)
        fault = _fault(known, text)
        if fault is not None:
            raise DoorstepError(ProblemCode.INVALID_VALUE, f"The document is not valid: {fault}", ["documents", at])


def _fault(known: DocumentCache, text: str) -> str | None:
    if len(text.encode()) > MAX_QUERY_BYTES:
        return f"it is longer than {MAX_QUERY_BYTES:,} bytes."
    try:
        errors = known.validated(known.parsed(text))
    except GraphQLError as error:
        return error.message
    return errors[0].message if errors else None


@strawberry.type
class DocumentsQuery:
    @strawberry.field(description="The documents that the tenant registered, newest first.")
    async def persisted_documents(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[PersistedDocument] | None:
        context, table = info.context, "persisted_documents"
        page = await page_of(await context.reads(), table, context.tenant_id, PageRequest(first, after, last, before))

        async def count() -> int:
            return await count_of(await context.reads(), table, context.tenant_id)

        return connection_of(table, NEWEST_FIRST, page, PersistedDocument.of, count)


@strawberry.type
class DocumentsMutation:
    @strawberry.mutation(
        description="Register documents, so that clients send their ids instead of them. Those that are there already stay."
    )
    async def register_documents(
        self, info: Info, input: Annotated[RegisterDocumentsInput, _INPUT]
    ) -> RegisterDocumentsPayload | None:
        known: Any = info.schema

        async def use_case(scope: Scope) -> dict[str, Any]:
            await _check(known.documents, input.documents)
            return await register_documents(scope, input.documents)

        return await info.context.write("registerDocuments", input, RegisterDocumentsPayload, use_case)

    @strawberry.mutation(description="Forget registered documents; effective within 5 seconds.")
    async def remove_documents(
        self, info: Info, input: Annotated[RemoveDocumentsInput, _INPUT]
    ) -> RemoveDocumentsPayload | None:
        return await info.context.write(
            "removeDocuments", input, RemoveDocumentsPayload, lambda scope: remove_documents(scope, input.document_ids)
        )
