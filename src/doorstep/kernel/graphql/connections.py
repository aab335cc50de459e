"""Relay connections over keyset pages: ``edges``, ``nodes``, ``pageInfo`` and, on demand, ``totalCount``."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import strawberry

from doorstep.kernel.db import Row
from doorstep.kernel.event_stream import encode_cursor, log_head
from doorstep.kernel.graphql.context import Context, Info
from doorstep.kernel.graphql.scalars import Cursor
from doorstep.kernel.paging import Page, Sort, cursor_of
from doorstep.kernel.scope import Permission

T = TypeVar("T")

First = Annotated[int | None, strawberry.argument(description="How many at most, 1 to 250; 50 when left out.")]
After = Annotated[Cursor | None, strawberry.argument(description="What follows this cursor.")]
Last = Annotated[int | None, strawberry.argument(description="The last so many instead of the first, 1 to 250.")]
Before = Annotated[Cursor | None, strawberry.argument(description="What comes before this cursor.")]
"""The arguments of every list: a page forwards or backwards."""


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follows.")
    has_previous_page: bool = strawberry.field(description="Whether something comes before.")
    start_cursor: Cursor | None = strawberry.field(description="The first edge's cursor; null on an empty page.")
    end_cursor: Cursor | None = strawberry.field(description="The last edge's cursor; null on an empty page.")


@strawberry.type(description="An item of a list and its place in it.")
class Edge(Generic[T]):
    node: T = strawberry.field(description="The item.")
    cursor: Cursor = strawberry.field(description="Its place in the list.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    page_info: PageInfo = strawberry.field(description="Where this page lies in the list.")
    items: strawberry.Private[Sequence[Any]]
    cursors: strawberry.Private[Callable[[], Sequence[str]]]
    """Of all items; worked out only for those who ask for edges."""
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The items with their places.")
    def edges(self) -> list[Edge[T]]:
        return [Edge(node=item, cursor=Cursor(cursor)) for item, cursor in zip(self.items, self.cursors(), strict=True)]

    @strawberry.field(description="The items.")
    def nodes(self) -> list[T]:
        return list(self.items)

    @strawberry.field(description="How many items the whole list has; counted only when asked for.")
    async def total_count(self) -> int:
        return await self.count()

    @strawberry.field(
        description=(
            "The end of the event log in the very moment that this page shows: go on with `events(after:)`, as a query or as a stream, and nothing "
            "is missed between the page and the first event. Take it from the first page. Needs the scope `events:read`."
        )
    )
    async def events_cursor(self, info: Info) -> Cursor | None:
        context = info.context
        context.require(Permission.EVENTS_READ)
        return await context.load(load_log_end, context.tenant_id)


async def load_log_end(context: Context, tenant_ids: list[UUID]) -> list[Cursor]:
    """The cursor of the log's end in the operation's snapshot, read once for all lists of an operation."""
    tx = await context.reads()
    return [Cursor(encode_cursor(tenant_id, await log_head(tx, tenant_id))) for tenant_id in tenant_ids]


def connection_of(
    list_name: str, sort: Sort, page: Page, node: Callable[[Row], Any], count: Callable[[], Awaitable[int]]
) -> Connection[Any]:
    """A connection from a page of rows; ``node`` makes the type from a row."""

    def cursor(row: Row) -> Cursor:
        return Cursor(cursor_of(list_name, sort, row, page.tenant_id))

    info = PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=cursor(page.rows[0]) if page.rows else None,
        end_cursor=cursor(page.rows[-1]) if page.rows else None,
    )
    items = [node(row) for row in page.rows]
    return Connection(page_info=info, items=items, cursors=lambda: [cursor(row) for row in page.rows], count=count)
