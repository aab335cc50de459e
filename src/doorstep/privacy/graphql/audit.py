"""``auditLog``: who did what."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from doorstep.kernel.audit import Change
from doorstep.kernel.db import Row
from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.graphql.connections import After, Before, Connection, First, Last, connection_of
from doorstep.kernel.graphql.context import Context, Info, argument_id
from doorstep.kernel.graphql.events import Actor, show_actor
from doorstep.kernel.graphql.nodes import Node, name_node
from doorstep.kernel.ids import id_prefix, public_id
from doorstep.kernel.paging import MAX_PAGE, PageRequest
from doorstep.kernel.scope import ActorKind
from doorstep.privacy.reads import (
    AUDIT_LIST,
    NEWEST_FIRST,
    AuditQuery,
    audit_page,
    audit_subjects_of,
    count_audit_entries,
)


@strawberry.type(description="A field of a mutation's input, and what it was given.")
class AuditChange:
    path: str = strawberry.field(
        description="The field, such as `dropoff.contact.phone`. A list of more than 10 is noted by its `length` and its first 10 members."
    )
    value: str | None = strawberry.field(
        description=(
            "Ids, words of fixed lists, numbers and instants as they were given. Texts, metadata and coordinates are `hmac-sha256:…`: within a "
            "tenant the same value has the same hash, and nobody can tell the value from it. `not kept` stands for secrets, and for what was "
            "taken out when a person was erased. Null: the field was emptied."
        )
    )


@strawberry.type(description="A mutation that was carried out: who did it, from where, on what.")
class AuditEntry(Node):
    row: strawberry.Private[Row]
    at: datetime = strawberry.field(description="When it was carried out, by the server's clock.")
    operation: str = strawberry.field(description="The mutation, such as `updateOrder`.")
    address: str | None = strawberry.field(
        description="The network address that the request came from; null for what Doorstep did itself."
    )
    request_id: str = strawberry.field(description="The request that it was part of.")

    @classmethod
    def of(cls, row: Row) -> "AuditEntry":
        """From a row of ``audit_entries``."""
        return cls(
            uuid=row["id"],
            row=row,
            at=row["at"],
            operation=row["operation"],
            address=row["address"],
            request_id=row["request_id"],
        )

    @strawberry.field(description="With which credential.")
    def actor(self) -> Actor:
        return show_actor(ActorKind(self.row["actor_kind"]), self.row["actor_id"])

    @strawberry.field(description="The member behind the credential; null where there is none.")
    def member_id(self) -> strawberry.ID | None:
        member_id: UUID | None = self.row["member_id"]
        return strawberry.ID(public_id("member", member_id)) if member_id else None

    @strawberry.field(description="The ids of the objects that it was about, at most 250.")
    async def subjects(self, info: Info) -> list[strawberry.ID]:
        return await info.context.load(load_audit_subjects, self.uuid)

    @strawberry.field(
        description="What was asked for, field by field, at most 500; the newest state is with the object."
    )
    def changes(self) -> list[AuditChange]:
        return [AuditChange(path=path, value=_shown(value)) for path, value in sorted(self.row["changes"].items())]


def _shown(value: Change) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


async def load_audit_subjects(context: Context, keys: list[UUID]) -> Sequence[list[strawberry.ID]]:
    """The public ids of the objects of entries, by entry id."""
    found: defaultdict[UUID, list[strawberry.ID]] = defaultdict(list)
    for row in await audit_subjects_of(await context.reads(), context.tenant_id, keys):
        found[row["entry_id"]].append(strawberry.ID(public_id(row["kind"], row["subject_id"])))
    return [found[key] for key in keys]


@strawberry.input(
    description="Which entries; conditions are joined by AND, the values of one by OR. Nothing given: all."
)
class AuditFilter:
    actor_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Done with these keys or tokens, or by these members, at most 250."
    )
    operations: list[str] | None = strawberry.field(default=None, description="These mutations, at most 250.")
    subject_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="About these objects, at most 250."
    )
    from_: datetime | None = strawberry.field(name="from", default=None, description="At this instant or later.")
    to: datetime | None = strawberry.field(default=None, description="Before this instant.")

    def query(self) -> AuditQuery:
        """The filter for ``reads``; raises BadUserInput for malformed ids, empty lists and too many values."""
        for values in (self.actor_ids, self.operations, self.subject_ids):
            if values is not None and not 1 <= len(values) <= MAX_PAGE:
                raise BadUserInput(f"Give 1 to {MAX_PAGE} values in each condition of an audit filter.")
        if any(not name.isidentifier() or not name.isascii() for name in self.operations or ()):
            raise BadUserInput("An operation is the name of a mutation, such as createOrder.")
        return AuditQuery(
            actor_ids=_ids(self.actor_ids),
            operations=tuple(self.operations or ()),
            subject_ids=_ids(self.subject_ids),
            from_=self.from_,
            to=self.to,
        )


def _ids(texts: list[strawberry.ID] | None) -> tuple[UUID, ...]:
    """Ids of any type."""
    return tuple(argument_id(id_prefix(text), text) for text in texts or ())


@strawberry.type
class AuditQueries:
    @strawberry.field(
        description=(
            "The audit log, newest first: every mutation that was carried out, with who did it. What was refused wrote nothing and is not here; "
            "neither is reportPositions. Personal values are hashes."
        )
    )
    async def audit_log(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[AuditFilter | None, strawberry.argument(description="Which entries.")] = None,
    ) -> Connection[AuditEntry] | None:
        context = info.context
        query = (filter or AuditFilter()).query()
        page = await audit_page(
            await context.reads(), context.tenant_id, query, PageRequest(first, after, last, before)
        )

        async def count() -> int:
            return await count_audit_entries(await context.reads(), context.tenant_id, query)

        return connection_of(AUDIT_LIST, NEWEST_FIRST, page, AuditEntry.of, count)


name_node("audit", "AuditEntry", "auditLog")
