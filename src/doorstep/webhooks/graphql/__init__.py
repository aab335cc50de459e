"""Webhooks in the schema.

- ``words``      their enumerations
- ``types``      WebhookEndpoint, WebhookDelivery; ``events``: the faces of their events
- ``documents``  what a document must be to be a payload
- ``inputs``     what is written
- ``queries``, ``mutations``
"""

from doorstep.webhooks.graphql import words as words  # isort: skip - the types below need the enumerations
from doorstep.webhooks.graphql import events as events
from doorstep.webhooks.graphql.mutations import WebhooksMutation
from doorstep.webhooks.graphql.queries import WebhooksQuery

__all__ = ["WebhooksMutation", "WebhooksQuery"]
