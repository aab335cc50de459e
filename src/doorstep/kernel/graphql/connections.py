"""Relay connections over keyset pages: ``edges``, ``nodes``, ``pageInfo`` and, on demand, ``totalCount``."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Generic, TypeVar

import strawberry

from doorstep.kernel.db import Row
from doorstep.kernel.graphql.scalars import Cursor
from doorstep.kernel.paging import Page, Sort, cursor_of

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
    edges: list[Edge[T]] = strawberry.field(description="The items with their places.")
    page_info: PageInfo = strawberry.field(description="Where this page lies in the list.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The items.")
    def nodes(self) -> list[T]:
        return [edge.node for edge in self.edges]

    @strawberry.field(description="How many items the whole list has; counted only when asked for.")
    async def total_count(self) -> int:
        return await self.count()


def connection_of(
    list_name: str, sort: Sort, page: Page, node: Callable[[Row], Any], count: Callable[[], Awaitable[int]]
) -> Connection[Any]:
    """A connection from a page of rows; ``node`` makes the type from a row."""
    edges = [Edge(node=node(row), cursor=Cursor(cursor_of(list_name, sort, row, page.tenant_id))) for row in page.rows]
    info = PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Connection(edges=edges, page_info=info, count=count)
