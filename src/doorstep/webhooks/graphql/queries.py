"""``webhookEndpoint``, ``webhookEndpoints``, ``webhookDeliveries``."""

from typing import Annotated

import strawberry

from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.graphql.connections import After, Before, Connection, First, Last, connection_of
from doorstep.kernel.graphql.context import Info, argument_id
from doorstep.kernel.paging import PageRequest
from doorstep.webhooks.graphql.types import WebhookDelivery, WebhookEndpoint, load_endpoints
from doorstep.webhooks.model import DeliveryState
from doorstep.webhooks.reads import (
    NEWEST_FIRST,
    DeliveryQuery,
    count_of_deliveries,
    count_of_endpoints,
    page_of_deliveries,
    page_of_endpoints,
)


@strawberry.type
class WebhooksQuery:
    @strawberry.field(description="A webhook endpoint by its id; null when this tenant has none with it.")
    async def webhook_endpoint(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The endpoint's id.")]
    ) -> WebhookEndpoint | None:
        return await info.context.load(load_endpoints, argument_id("webhook", id))

    @strawberry.field(description="The company's webhook endpoints, newest first.")
    async def webhook_endpoints(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[WebhookEndpoint] | None:
        context = info.context
        page = await page_of_endpoints(
            await context.reads(), context.tenant_id, PageRequest(first, after, last, before)
        )

        async def count() -> int:
            return await count_of_endpoints(await context.reads(), context.tenant_id)

        return connection_of("webhookEndpoints", NEWEST_FIRST, page, WebhookEndpoint.of, count)

    @strawberry.field(
        description="What was and is delivered to an endpoint, newest first: each event once, and once more for each replay, with the outcome of its last try."
    )
    async def webhook_deliveries(
        self,
        info: Info,
        endpoint_id: Annotated[strawberry.ID, strawberry.argument(description="The endpoint.")],
        states: Annotated[
            list[DeliveryState] | None, strawberry.argument(description="Only those in one of these states.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[WebhookDelivery] | None:
        context = info.context
        if states is not None and not 1 <= len(states) <= len(DeliveryState):
            raise BadUserInput(f"Give 1 to {len(DeliveryState)} states, or leave this out.")
        query = DeliveryQuery(argument_id("webhook", endpoint_id), tuple(one.value for one in states or ()))
        request = PageRequest(first, after, last, before)
        page = await page_of_deliveries(await context.reads(), context.tenant_id, query, request)

        async def count() -> int:
            return await count_of_deliveries(await context.reads(), context.tenant_id, query)

        return connection_of("webhookDeliveries", NEWEST_FIRST, page, WebhookDelivery.of, count)
