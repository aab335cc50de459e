"""Facts about webhooks. An endpoint with no filter hears of its own, too."""

from dataclasses import dataclass
from uuid import UUID

from doorstep.kernel.events import DomainEvent
from doorstep.webhooks.model import EndpointReason, EndpointStatus


@dataclass(frozen=True, kw_only=True)
class WebhookEndpointEvent(DomainEvent):
    """Base of the facts about an endpoint."""

    endpoint_id: UUID


@dataclass(frozen=True, kw_only=True)
class WebhookEndpointCreated(WebhookEndpointEvent):
    """Events are delivered to a new address from here on."""


@dataclass(frozen=True, kw_only=True)
class WebhookEndpointUpdated(WebhookEndpointEvent):
    """Somebody changed an endpoint; ``changes`` are the schema's names of the fields."""

    changes: list[str]


@dataclass(frozen=True, kw_only=True)
class WebhookEndpointDeleted(WebhookEndpointEvent):
    """Nothing is delivered to the address any more."""


@dataclass(frozen=True, kw_only=True)
class WebhookSecretRotated(WebhookEndpointEvent):
    """An endpoint has a new secret; the one before signs for a while as well."""


@dataclass(frozen=True, kw_only=True)
class WebhookEndpointStatusChanged(WebhookEndpointEvent):
    """An endpoint was paused or resumed, is DOWN or answers again, or was disabled (``reason`` says why)."""

    from_status: EndpointStatus
    to_status: EndpointStatus
    reason: EndpointReason | None


@dataclass(frozen=True, kw_only=True)
class WebhookEventsLost(WebhookEndpointEvent):
    """An endpoint stood still for so long that the log no longer held what it had yet to get: ``count`` events, also those it does not ask for."""

    count: int
