"""dispatchOffers."""

from typing import Annotated

import strawberry

from doorstep.dispatch.graphql.types import DispatchOffer
from doorstep.dispatch.model import OfferState
from doorstep.dispatch.reads import newest_offers
from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.graphql.context import Info


@strawberry.type
class DispatchQuery:
    @strawberry.field(
        description="The newest offers to drivers, at most 50; a driver's token sees the driver's own. Those that wait for an answer, unless `states` says otherwise."
    )
    async def dispatch_offers(
        self,
        info: Info,
        states: Annotated[
            list[OfferState] | None, strawberry.argument(description="In one of these states; left out: OFFERED.")
        ] = None,
    ) -> list[DispatchOffer] | None:
        if states is not None and not 1 <= len(states) <= len(OfferState):
            raise BadUserInput("Give at least one state, and each once, or leave `states` out.")
        context = info.context
        wanted = states or [OfferState.OFFERED]
        return [DispatchOffer.of(row) for row in await newest_offers(await context.reads(), context.tenant_id, wanted)]
