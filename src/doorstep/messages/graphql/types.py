"""Message as the schema shows it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from doorstep.kernel.db import Row
from doorstep.kernel.graphql.context import Context
from doorstep.kernel.graphql.nodes import Node, register_node
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission
from doorstep.messages.model import MessageFault, MessageKind, MessageStatus
from doorstep.messages.reads import messages_by_ids


@strawberry.type(description="A message of Doorstep to an owner of the company, by mail. Kept for 13 months.")
class Message(Node):
    kind: MessageKind = strawberry.field(description="What it tells.")
    status: MessageStatus = strawberry.field(description="Where it stands.")
    subject: str = strawberry.field(description="Its subject.")
    text: str = strawberry.field(description="What it says: plain text.")
    tries: int = strawberry.field(description="How often it was tried to send it.")
    fault: MessageFault | None = strawberry.field(description="Why the last try failed; null: it did not.")
    created_at: datetime = strawberry.field(description="When it was written.")
    sent_at: datetime | None = strawberry.field(description="When the mail server took it; null: it did not.")
    endpoint_uuid: strawberry.Private[UUID]
    member_uuid: strawberry.Private[UUID]

    @strawberry.field(description="The id of the webhook endpoint that it is about.")
    def endpoint_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("webhook", self.endpoint_uuid))

    @strawberry.field(description="The id of the member to whom it goes.")
    def member_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("member", self.member_uuid))

    @classmethod
    def of(cls, row: Row) -> "Message":
        """From a row of ``messages``."""
        fault = row["fault"]
        return cls(
            uuid=row["id"],
            kind=MessageKind(row["kind"]),
            status=MessageStatus(row["status"]),
            subject=row["subject"],
            text=row["text"],
            tries=row["tries"],
            fault=MessageFault(fault) if fault else None,
            created_at=row["created_at"],
            sent_at=row["sent_at"],
            endpoint_uuid=row["endpoint_id"],
            member_uuid=row["member_id"],
        )


async def load_messages(context: Context, keys: list[UUID]) -> Sequence[Message | None]:
    """Messages by id."""
    rows = await messages_by_ids(await context.reads(), context.tenant_id, keys)
    return [Message.of(rows[key]) if key in rows else None for key in keys]


register_node("message", "Message", Permission.TENANT_READ, load_messages)
