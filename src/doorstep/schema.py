"""Merges the slices' queries, mutations and subscriptions into the one schema, and prints it."""

from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types
from strawberry.types import ExecutionContext, get_object_definition

from doorstep.dispatch.graphql import DispatchMutation, DispatchQuery
from doorstep.fleets.graphql import FleetsMutation, FleetsQuery, load_depots
from doorstep.identity.graphql import DocumentsMutation, DocumentsQuery, IdentityMutation, IdentityQuery, UsageQuery
from doorstep.identity.permissions import NEEDS
from doorstep.kernel.graphql.documents import DocumentCache, Documents
from doorstep.kernel.graphql.events import EventQueries, EventSubscriptions, event_types
from doorstep.kernel.graphql.execution import LevelExecutor
from doorstep.kernel.graphql.guarding import guard_root_fields
from doorstep.kernel.graphql.nodes import NodeQuery
from doorstep.kernel.graphql.price_tags import tag
from doorstep.kernel.graphql.scalars import SCALARS
from doorstep.messages.graphql import MessagesQuery
from doorstep.orders.graphql import DEPOT, OrdersMutation, OrdersQuery, OrdersSubscription
from doorstep.partners.graphql import PartnersMutation, PartnersQuery, PartnersSubscription
from doorstep.planning.graphql import PlanningMutation, PlanningQuery, PlanningSubscription
from doorstep.privacy.graphql import PrivacyMutation, PrivacyQuery
from doorstep.sandbox.graphql import SandboxMutation, SandboxQuery
from doorstep.tracking.graphql import (
    LinksMutation,
    RecipientQuery,
    RecipientSubscription,
    TrackingMutation,
    TrackingSubscription,
)
from doorstep.webhooks.graphql import WebhooksMutation, WebhooksQuery

Query = merge_types(
    "Query",
    (
        IdentityQuery,
        DocumentsQuery,
        UsageQuery,
        NodeQuery,
        EventQueries,
        FleetsQuery,
        OrdersQuery,
        PlanningQuery,
        RecipientQuery,
        DispatchQuery,
        PartnersQuery,
        SandboxQuery,
        WebhooksQuery,
        MessagesQuery,
        PrivacyQuery,
    ),
)
Mutation = merge_types(
    "Mutation",
    (
        IdentityMutation,
        DocumentsMutation,
        FleetsMutation,
        OrdersMutation,
        PlanningMutation,
        TrackingMutation,
        LinksMutation,
        DispatchMutation,
        PartnersMutation,
        SandboxMutation,
        WebhooksMutation,
        PrivacyMutation,
    ),
)
Subscription = merge_types(
    "Subscription",
    (
        EventSubscriptions,
        OrdersSubscription,
        PlanningSubscription,
        TrackingSubscription,
        RecipientSubscription,
        PartnersSubscription,
    ),
)

_DESCRIPTIONS = {
    Query: "What can be read. Every field is nullable, so that one failure never hides its neighbours.",
    Mutation: "What can be done. A refusal that the input provokes is one of the payload's `problems`; nothing of it was written.",
    Subscription: "What can be followed, over a WebSocket with the subprotocol graphql-transport-ws, or as server-sent events.",
}
for _root, _text in _DESCRIPTIONS.items():
    get_object_definition(_root, strict=True).description = _text

DEPOT.supply(load_depots)
"""Orders and fleets do not know each other; here they meet."""


class DoorstepSchema(strawberry.Schema):
    """Errors are logged where they are masked (``kernel.graphql.faults``), never with a client's text."""

    documents: DocumentCache

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing here: see ``faults``."""


def build_schema(*, sort: bool = False) -> DoorstepSchema:
    """The executable schema. A sorted one is for printing alone: sorting copies the types, and the copies hand out enum values, not members."""
    documents = DocumentCache()
    # A factory: an extension holds its request's context, so one shared by concurrent requests would mix them up.
    extensions: list[Any] = [lambda: Documents(documents)]
    schema = DoorstepSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=event_types(),
        extensions=extensions,
        execution_context_class=LevelExecutor,
        config=StrawberryConfig(scalar_map=SCALARS, sort_schema=sort),
    )
    documents.of_schema(schema._schema)
    schema.documents = documents
    guard_root_fields(schema._schema, NEEDS)
    return schema


def schema_text() -> str:
    """The schema in SDL, as committed in ``schema.graphql``."""
    schema = build_schema(sort=True)
    tag(schema, schema.documents.prices)
    return schema.as_str().rstrip() + "\n"
