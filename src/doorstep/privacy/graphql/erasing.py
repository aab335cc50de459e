"""``eraseRecipient`` and the receipts of erasures."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from doorstep.kernel.audit import Audited
from doorstep.kernel.db import Row
from doorstep.kernel.graphql.connections import After, Before, Connection, First, Last, connection_of
from doorstep.kernel.graphql.context import Context, Info, Outcome, argument_id, input_id
from doorstep.kernel.graphql.enums import show_enum
from doorstep.kernel.graphql.events import Actor, register_event, show_actor
from doorstep.kernel.graphql.nodes import Node, register_node
from doorstep.kernel.graphql.problems import Payload
from doorstep.kernel.ids import public_id
from doorstep.kernel.paging import PageRequest
from doorstep.kernel.scope import ActorKind, Permission, Scope
from doorstep.orders.graphql.events import AboutOrder
from doorstep.privacy.model import ErasureCause
from doorstep.privacy.reads import ERASURE_LIST, NEWEST_FIRST, count_erasures, erasure_page, erasures_by_ids
from doorstep.privacy.service import Person, erase_recipient

show_enum(
    ErasureCause,
    "Why people were erased.",
    {
        ErasureCause.REQUEST: "Somebody asked for it by eraseRecipient.",
        ErasureCause.RETENTION: "Their time was over by the tenant's retention settings.",
        ErasureCause.PARTNER: "A partner whose order this was a copy of erased them.",
    },
)


@strawberry.type(description="How much an erasure emptied.")
class ErasureCount:
    table: str = strawberry.field(description="The table, such as `order_waypoints`.")
    rows: int = strawberry.field(description="Rows that were emptied or deleted.")


@strawberry.type(description="The receipt of an erasure. It does not say who it was.")
class Erasure(Node):
    row: strawberry.Private[Row]
    at: datetime = strawberry.field(description="When it was carried out.")
    cause: ErasureCause = strawberry.field(description="Why.")

    @classmethod
    def of(cls, row: Row) -> "Erasure":
        """From a row of ``erasures``."""
        return cls(uuid=row["id"], row=row, at=row["at"], cause=ErasureCause(row["cause"]))

    @strawberry.field(description="Who did it.")
    def actor(self) -> Actor:
        return show_actor(ActorKind(self.row["actor_kind"]), self.row["actor_id"])

    @strawberry.field(
        description="The ids of the orders that were emptied, at most 1,000; those that were empty before are not among them."
    )
    def order_ids(self) -> list[strawberry.ID]:
        return [strawberry.ID(public_id("order", UUID(text))) for text in self.row["order_ids"]]

    @strawberry.field(description="What was emptied, by table; at most one of each table.")
    def counts(self) -> list[ErasureCount]:
        return [ErasureCount(table=table, rows=rows) for table, rows in sorted(self.row["counts"].items())]


async def load_erasures(context: Context, keys: list[UUID]) -> Sequence[Erasure | None]:
    """Receipts by their ids."""
    rows = await erasures_by_ids(await context.reads(), context.tenant_id, keys)
    found = {row["id"]: Erasure.of(row) for row in rows}
    return [found.get(key) for key in keys]


register_node("erasure", "Erasure", Permission.PRIVACY_WRITE, load_erasures)


@register_event
@strawberry.type(
    description="The people of an order were erased: keep nothing of it that you have. The order itself stays, emptied."
)
class RecipientErased(AboutOrder):
    @strawberry.field(description="The id of the erasure's receipt.")
    def erasure_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("erasure", UUID(self.row["data"]["erasure_id"])))


@strawberry.input(
    description=(
        "Whom to erase: the people of these orders, and of every order that has the number or the address as a contact at either end. At most "
        "1,000 orders at a time."
    )
)
class EraseRecipientInput:
    order_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="These orders, at most 1,000.")
    phone: str | None = strawberry.field(
        default=None, description="Their telephone number; without a country code it is one of the tenant's country."
    )
    email: str | None = strawberry.field(default=None, description="Their e-mail address, in capitals or not.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours). Put nothing personal into it.",
    )

    def person(self) -> Person:
        """For the service; raises INVALID_ID."""
        ids = [input_id("order", text, "orderIds", index) for index, text in enumerate(self.order_ids or ())]
        return Person(tuple(dict.fromkeys(ids)), self.phone, self.email)


@strawberry.type(description="The answer to eraseRecipient.")
class EraseRecipientPayload(Payload):
    @strawberry.field(description="The receipt; null when it was refused.")
    async def receipt(self, info: Info) -> Erasure | None:
        identifier = self.outcome_id()
        return await info.context.load(load_erasures, identifier) if identifier else None


@strawberry.type
class ErasureQueries:
    @strawberry.field(description="The receipt of an erasure; null when this tenant has none with it.")
    async def erasure(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The receipt's id.")]
    ) -> Erasure | None:
        return await info.context.load(load_erasures, argument_id("erasure", id))

    @strawberry.field(description="The receipts of all erasures, newest first.")
    async def erasures(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Erasure] | None:
        context = info.context
        page = await erasure_page(await context.reads(), context.tenant_id, PageRequest(first, after, last, before))

        async def count() -> int:
            return await count_erasures(await context.reads(), context.tenant_id)

        return connection_of(ERASURE_LIST, NEWEST_FIRST, page, Erasure.of, count)


@strawberry.type
class ErasureMutations:
    @strawberry.mutation(
        description=(
            "Erase a person from everything that holds them: orders, packages, proofs, attempts, stops, the audit log's values, stored answers. The "
            "orders stay, emptied, and the event log as it was. An order that is still under way is refused with IN_USE. There is no way back."
        )
    )
    async def erase_recipient(
        self, info: Info, input: Annotated[EraseRecipientInput, strawberry.argument(description="Whom to erase.")]
    ) -> EraseRecipientPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await erase_recipient(scope, input.person(), info.context.services.secret_keys)

        return await info.context.write(
            "eraseRecipient", input, EraseRecipientPayload, use_case, audited=Audited.FIELDS
        )
