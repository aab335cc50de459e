"""The faces of the events of webhooks: fields are facts as of then, the endpoint as of now."""

from uuid import UUID

import strawberry

from doorstep.kernel.graphql.context import Info
from doorstep.kernel.graphql.events import Event, register_event
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission
from doorstep.webhooks.graphql.types import WebhookEndpoint, load_endpoints
from doorstep.webhooks.model import EndpointReason, EndpointStatus


@strawberry.type
class AboutEndpoint(Event):
    """Base of the events about an endpoint; not in the schema by itself."""

    @property
    def about(self) -> UUID:
        """The endpoint's id."""
        return UUID(self.row["data"]["endpoint_id"])

    @strawberry.field(description="The endpoint's id.")
    def endpoint_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("webhook", self.about))

    @strawberry.field(
        description="The endpoint as of now; null when it is deleted, and without the scope `webhooks:read`."
    )
    async def endpoint(self, info: Info) -> WebhookEndpoint | None:
        if not info.context.principal.allows(Permission.WEBHOOKS_READ):
            return None
        return await info.context.load(load_endpoints, self.about)


@register_event
@strawberry.type(description="Events are delivered to a new address from here on.")
class WebhookEndpointCreated(AboutEndpoint):
    pass


@register_event
@strawberry.type(description="Somebody changed an endpoint.")
class WebhookEndpointUpdated(AboutEndpoint):
    @strawberry.field(description="The names of the fields that have new values, such as `eventTypes`.")
    def changes(self) -> list[str]:
        return list(self.row["data"]["changes"])


@register_event
@strawberry.type(description="Nothing is delivered to an address any more.")
class WebhookEndpointDeleted(AboutEndpoint):
    pass


@register_event
@strawberry.type(description="An endpoint has a new secret; the one before signs for a while as well.")
class WebhookSecretRotated(AboutEndpoint):
    pass


@register_event
@strawberry.type(description="An endpoint was paused or resumed, is DOWN or answers again, or was disabled.")
class WebhookEndpointStatusChanged(AboutEndpoint):
    @strawberry.field(name="from", description="The status before.")
    def from_(self) -> EndpointStatus:
        return EndpointStatus(self.row["data"]["from_status"])

    @strawberry.field(description="The status after.")
    def to(self) -> EndpointStatus:
        return EndpointStatus(self.row["data"]["to_status"])

    @strawberry.field(description="Why it was disabled; null otherwise.")
    def reason(self) -> EndpointReason | None:
        found = self.row["data"]["reason"]
        return EndpointReason(found) if found else None


@register_event
@strawberry.type(
    description="An endpoint stood still for longer than the log goes back: what it had yet to get is no longer there."
)
class WebhookEventsLost(AboutEndpoint):
    @strawberry.field(
        description="How many events of the log it was, also of types that the endpoint does not ask for."
    )
    def count(self) -> int:
        return int(self.row["data"]["count"])
