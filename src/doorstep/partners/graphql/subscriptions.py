"""``tenders``: those that change, for either side, from a cursor of the event log on."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated
from uuid import UUID

import strawberry

from doorstep.kernel.db import Row
from doorstep.kernel.event_stream import EventQuery
from doorstep.kernel.graphql.changes import AFTER, ChangeKind
from doorstep.kernel.graphql.context import Context, Info
from doorstep.kernel.graphql.scalars import Cursor
from doorstep.kernel.graphql.streams import last_of_each, stream_log, where_to_begin
from doorstep.partners.events import EVENT_OF_TENDER
from doorstep.partners.graphql.queries import TenderFilter
from doorstep.partners.graphql.types import Tender
from doorstep.partners.reads import PartnerQuery, tenders_found

_ABOUT_TENDERS = EventQuery(types=tuple(kind.TYPE for kind in EVENT_OF_TENDER.values()))


@strawberry.type(
    description="An item of the stream of tenders. Keep `cursor`: it is where to resume, also when the filter let nothing through."
)
class TenderStreamItem:
    kind: ChangeKind = strawberry.field(description="What this item is.")
    cursor: Cursor = strawberry.field(description="Where to resume after this item.")
    head: Cursor = strawberry.field(description="The end of the log as this item was read.")
    tender: Tender | None = strawberry.field(description="The tender as it is now, in items of kind CHANGE.")


@strawberry.type
class PartnersSubscription:
    @strawberry.subscription(
        description=(
            "The tenders in which you are merchant or carrier, as they change, each as it is now; several changes of one may come as one. "
            "Resume with the last item's `cursor`."
        )
    )
    async def tenders(
        self,
        info: Info,
        after: Annotated[Cursor | None, AFTER] = None,
        filter: Annotated[TenderFilter | None, strawberry.argument(description="Which tenders; left out: all.")] = None,
    ) -> AsyncGenerator[TenderStreamItem, None]:
        context = info.context
        query = (filter or TenderFilter()).query()
        async with aclosing(stream_tenders(context, after, query)) as items:
            async for item in items:
                context.resume_at = item.cursor
                yield item


async def stream_tenders(
    context: Context, after: str | None, query: PartnerQuery
) -> AsyncGenerator[TenderStreamItem, None]:
    """Tenders after the last event about each in a page of the tenant's own log."""
    position, from_now = where_to_begin(context, after)

    async def tell(rows: list[Row]) -> list[tuple[Row, Tender]]:
        about = last_of_each(rows, lambda row: UUID(row["data"]["tender_id"]))
        async with context.services.db.snapshot(context.principal) as tx:
            found = await tenders_found(tx, context.tenant_id, query, list(about))
        return [(row, Tender.of(found[tender_id])) for tender_id, row in about.items() if tender_id in found]

    async with aclosing(stream_log(context, position, from_now, _ABOUT_TENDERS, tell)) as items:
        async for item in items:
            kind = ChangeKind.of(item.kind)
            yield TenderStreamItem(kind=kind, cursor=item.cursor, head=item.head, tender=item.value)
