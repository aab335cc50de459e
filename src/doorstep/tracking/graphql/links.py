"""``Order.trackingUrl`` and revokeTracking: the link for a message to the recipient, and its end."""

from typing import Annotated
from uuid import UUID

import strawberry

from doorstep.kernel.graphql.context import Context, Info, Outcome, input_id
from doorstep.kernel.graphql.problems import Payload
from doorstep.kernel.graphql.scalars import URL
from doorstep.kernel.scope import Scope
from doorstep.orders.graphql import Order, load_orders
from doorstep.orders.graphql.edges import TRACKING_URL
from doorstep.settings import Settings
from doorstep.tracking.service import link_tokens, may_read_links, revoke_tracking


@strawberry.input(description="The order whose link is ended.")
class RevokeTrackingInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours).",
    )


@strawberry.type(description="The answer to revokeTracking.")
class RevokeTrackingPayload(Payload):
    @strawberry.field(description="The order, with its new link; null when it was refused.")
    async def order(self, info: Info) -> Order | None:
        identifier = self.outcome_id()
        return await info.context.load(load_orders, identifier) if identifier else None


@strawberry.type
class LinksMutation:
    @strawberry.mutation(
        description=(
            "End the link by which a recipient follows an order: pages that are open with it close within 5 seconds. `Order.trackingUrl` is "
            "another one from now on."
        )
    )
    async def revoke_tracking(
        self, info: Info, input: Annotated[RevokeTrackingInput, strawberry.argument(description="Which one.")]
    ) -> RevokeTrackingPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await revoke_tracking(scope, input_id("order", input.order_id, "orderId"))

        return await info.context.write("revokeTracking", input, RevokeTrackingPayload, use_case)


async def load_tracking_urls(context: Context, order_ids: list[UUID]) -> list[URL | None]:
    """The recipients' links of orders; none for a credential that may not hand out any."""
    if not may_read_links(context.principal):
        return [None] * len(order_ids)
    services = context.services
    tokens = await link_tokens(
        await context.reads(), services.system, services.secret_keys, context.tenant_id, order_ids
    )
    # In the fragment, which no browser sends: it comes into no log of a server or proxy, and into no Referer.
    page = f"{services.get(Settings).base_url()}/track"
    return [URL(f"{page}#{tokens[one]}") if one in tokens else None for one in order_ids]


TRACKING_URL.supply(load_tracking_urls)
