"""``order`` and ``orders``."""

from typing import Annotated

import strawberry

from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.graphql.connections import After, Before, Connection, First, Last, connection_of
from doorstep.kernel.graphql.context import Info, argument_id
from doorstep.kernel.paging import PageRequest
from doorstep.orders.graphql.lists import OrderFilter, OrderOrdering, storable
from doorstep.orders.graphql.types import Order, load_orders
from doorstep.orders.reads import LIST_NAME, count_orders, order_ids_by_reference, order_page


@strawberry.input(one_of=True, description="What an order is found by: exactly one of these.")
class OrderKey:
    id: strawberry.Maybe[strawberry.ID] = strawberry.field(default=None, description="Its id.")
    reference: strawberry.Maybe[str] = strawberry.field(default=None, description="Your own number for it.")


@strawberry.type
class OrdersQuery:
    @strawberry.field(
        description="An order by its id or by your own reference; null when this tenant has none with it."
    )
    async def order(
        self, info: Info, by: Annotated[OrderKey, strawberry.argument(description="What it is found by.")]
    ) -> Order | None:
        context = info.context
        if by.id is not None:
            return await context.load(load_orders, argument_id("order", by.id.value))
        if by.reference is None:
            raise BadUserInput("Give an id or a reference.")
        reference = storable(by.reference.value)
        found = await order_ids_by_reference(await context.reads(), context.tenant_id, [reference])
        return await context.load(load_orders, found[reference]) if reference in found else None

    @strawberry.field(description="The orders, newest first unless said otherwise.")
    async def orders(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[OrderFilter | None, strawberry.argument(description="Which orders.")] = None,
        order_by: Annotated[OrderOrdering | None, strawberry.argument(description="In which order.")] = None,
    ) -> Connection[Order] | None:
        context = info.context
        query = (filter or OrderFilter()).query()
        sort = (order_by or OrderOrdering()).sort()
        request = PageRequest(first, after, last, before)
        page = await order_page(await context.reads(), context.tenant_id, query, sort, request)

        async def count() -> int:
            return await count_orders(await context.reads(), context.tenant_id, query)

        return connection_of(LIST_NAME, sort, page, Order.of, count)
