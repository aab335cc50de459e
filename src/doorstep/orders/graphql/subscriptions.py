"""``order``: one order whenever something happens to it. ``orders``: those that change, from a cursor of the event log on."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated
from uuid import UUID

import strawberry

from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.errors import NotFound
from doorstep.kernel.event_stream import EventQuery
from doorstep.kernel.graphql.changes import AFTER, ChangeKind
from doorstep.kernel.graphql.context import Context, Info, argument_id
from doorstep.kernel.graphql.scalars import Cursor
from doorstep.kernel.graphql.streams import State, last_of_each, stream_log, stream_states, where_to_begin
from doorstep.orders.graphql.lists import OrderFilter
from doorstep.orders.graphql.types import Order
from doorstep.orders.reads import OrderQuery, last_event_of, orders_by_ids, orders_found

POLL_SECONDS = 5.0
"""The wake-up is a hint; this is how long a change can stay unseen without one."""


@strawberry.type(
    description="An item of the stream of orders. Keep `cursor`: it is where to resume, also when the filter let nothing through."
)
class OrderStreamItem:
    kind: ChangeKind = strawberry.field(description="What this item is.")
    cursor: Cursor = strawberry.field(description="Where to resume after this item.")
    head: Cursor = strawberry.field(description="The end of the log as this item was read.")
    order: Order | None = strawberry.field(description="The order as it is now, in items of kind CHANGE.")


@strawberry.type
class OrdersSubscription:
    @strawberry.subscription(
        description="An order: at once, then whenever something happens to it. Of changes in quick succession the last may come alone."
    )
    async def order(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The order's id.")]
    ) -> AsyncGenerator[Order, None]:
        async with aclosing(stream_order(info.context, argument_id("order", id))) as states:
            async for order in states:
                yield order

    @strawberry.subscription(
        description=(
            "The orders that change and that the filter finds as they are after that, each as it is now; several changes of one may come as one. "
            "An order that a change takes out of the filter is not told of: `events` tells everything. Resume with the last item's `cursor`."
        )
    )
    async def orders(
        self,
        info: Info,
        after: Annotated[Cursor | None, AFTER] = None,
        filter: Annotated[OrderFilter | None, strawberry.argument(description="Which orders; left out: all.")] = None,
    ) -> AsyncGenerator[OrderStreamItem, None]:
        context = info.context
        query = (filter or OrderFilter()).query()
        async with aclosing(stream_orders(context, after, query)) as items:
            async for item in items:
                context.resume_at = item.cursor
                yield item


def stream_order(context: Context, order_id: UUID) -> AsyncGenerator[Order, None]:
    """An order whenever the log has something new of it, or its row is another."""

    async def read(tx: Transaction) -> dict[None, State[Order]]:
        rows = await orders_by_ids(tx, context.tenant_id, [order_id])
        if not rows:
            raise NotFound("order", ["id"])
        row = rows[0]
        last = await last_event_of(tx, context.tenant_id, order_id)
        return {None: State((tuple(row), last), lambda: Order.of(row))}

    return stream_states(context, read, POLL_SECONDS)


async def stream_orders(
    context: Context, after: str | None, query: OrderQuery
) -> AsyncGenerator[OrderStreamItem, None]:
    """Orders that events are about, after the last event of each in a page of the log."""
    position, from_now = where_to_begin(context, after)

    async def tell(rows: list[Row]) -> list[tuple[Row, Order]]:
        about = last_of_each(rows, lambda row: row["order_id"])
        async with context.services.db.snapshot(context.principal) as tx:
            found = await orders_found(tx, context.tenant_id, query, list(about))
        return [(row, Order.of(found[order_id])) for order_id, row in about.items() if order_id in found]

    async with aclosing(stream_log(context, position, from_now, EventQuery(), tell)) as items:
        async for item in items:
            kind = ChangeKind.of(item.kind)
            yield OrderStreamItem(kind=kind, cursor=item.cursor, head=item.head, order=item.value)
