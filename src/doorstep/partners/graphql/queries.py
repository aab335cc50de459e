"""``partnership``, ``partnerships``, ``tender`` and ``tenders``; each side sees those in which it is one."""

from typing import Annotated

import strawberry

from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.graphql.connections import After, Before, Connection, First, Last, connection_of
from doorstep.kernel.graphql.context import Info, argument_id
from doorstep.kernel.paging import PageRequest
from doorstep.partners.graphql.types import Partnership, Tender, load_partnerships, load_tenders
from doorstep.partners.model import PartnershipStatus, PartnerSide, TenderStatus
from doorstep.partners.reads import NEWEST_FIRST, PartnerQuery, count_found, partnership_page, tender_page


def _some(values: list[PartnershipStatus] | list[TenderStatus] | None) -> None:
    if values is not None and not values:
        raise BadUserInput("Give at least one status, or leave the condition out.")


@strawberry.input(description="Which partnerships; conditions are joined by AND. Nothing given: all.")
class PartnershipFilter:
    statuses: list[PartnershipStatus] | None = strawberry.field(default=None, description="In one of these states.")
    side: PartnerSide | None = strawberry.field(default=None, description="In which you are this side.")

    def query(self) -> PartnerQuery:
        """The filter for ``reads``; raises BadUserInput."""
        _some(self.statuses)
        return PartnerQuery(statuses=tuple(self.statuses or ()), side=self.side)


@strawberry.input(description="Which tenders; conditions are joined by AND. Nothing given: all.")
class TenderFilter:
    statuses: list[TenderStatus] | None = strawberry.field(default=None, description="In one of these states.")
    side: PartnerSide | None = strawberry.field(default=None, description="In which you are this side.")
    partnership_id: strawberry.ID | None = strawberry.field(default=None, description="Over this partnership.")
    order_id: strawberry.ID | None = strawberry.field(default=None, description="Of this order of yours.")

    def query(self) -> PartnerQuery:
        """The filter for ``reads``; raises BadUserInput."""
        _some(self.statuses)
        return PartnerQuery(
            statuses=tuple(self.statuses or ()),
            side=self.side,
            partnership_id=argument_id("partnership", self.partnership_id) if self.partnership_id is not None else None,
            order_id=argument_id("order", self.order_id) if self.order_id is not None else None,
        )


_PARTNERSHIP_ID = strawberry.argument(description="Its id.")
_TENDER_ID = strawberry.argument(description="Its id.")


@strawberry.type
class PartnersQuery:
    @strawberry.field(description="A partnership; null when you are no side of one with this id.")
    async def partnership(self, info: Info, id: Annotated[strawberry.ID, _PARTNERSHIP_ID]) -> Partnership | None:
        return await info.context.load(load_partnerships, argument_id("partnership", id))

    @strawberry.field(description="The partnerships in which you are merchant or carrier, newest first.")
    async def partnerships(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[PartnershipFilter | None, strawberry.argument(description="Which partnerships.")] = None,
    ) -> Connection[Partnership] | None:
        context = info.context
        query = (filter or PartnershipFilter()).query()
        request = PageRequest(first, after, last, before)
        page = await partnership_page(await context.reads(), context.tenant_id, query, request)

        async def count() -> int:
            return await count_found(await context.reads(), "partnerships", context.tenant_id, query)

        return connection_of("partnerships", NEWEST_FIRST, page, Partnership.of, count)

    @strawberry.field(description="A tender; null when you are no side of one with this id.")
    async def tender(self, info: Info, id: Annotated[strawberry.ID, _TENDER_ID]) -> Tender | None:
        return await info.context.load(load_tenders, argument_id("tender", id))

    @strawberry.field(description="The tenders in which you are merchant or carrier, newest first.")
    async def tenders(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[TenderFilter | None, strawberry.argument(description="Which tenders.")] = None,
    ) -> Connection[Tender] | None:
        context = info.context
        query = (filter or TenderFilter()).query()
        request = PageRequest(first, after, last, before)
        page = await tender_page(await context.reads(), context.tenant_id, query, request)

        async def count() -> int:
            return await count_found(await context.reads(), "tenders", context.tenant_id, query)

        return connection_of("tenders", NEWEST_FIRST, page, Tender.of, count)
