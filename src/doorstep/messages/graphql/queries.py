"""``messages``."""

import strawberry

from doorstep.kernel.graphql.connections import After, Before, Connection, First, Last, connection_of
from doorstep.kernel.graphql.context import Info
from doorstep.kernel.paging import PageRequest
from doorstep.messages.graphql.types import Message
from doorstep.messages.reads import NEWEST_FIRST, count_of_messages, page_of_messages


@strawberry.type
class MessagesQuery:
    @strawberry.field(
        description="The outbox: what Doorstep wrote to the company's owners, newest first, whether it could be sent or not."
    )
    async def messages(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Message] | None:
        context = info.context
        request = PageRequest(first, after, last, before)
        page = await page_of_messages(await context.reads(), context.tenant_id, request)

        async def count() -> int:
            return await count_of_messages(await context.reads(), context.tenant_id)

        return connection_of("messages", NEWEST_FIRST, page, Message.of, count)
