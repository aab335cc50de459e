"""The enumerations of webhooks, as the schema describes them."""

from doorstep.kernel.graphql.enums import show_enum
from doorstep.webhooks.model import DeliveryOrigin, DeliveryState, EndpointReason, EndpointStatus, Fault

show_enum(
    EndpointStatus,
    "Whether anything is delivered to an endpoint.",
    {
        EndpointStatus.ACTIVE: "Events are delivered.",
        EndpointStatus.DOWN: (
            "20 different events failed in a row: everything waits, which costs no tries, and one at a time is tried on the schedule. When one is "
            "taken, the endpoint is ACTIVE again and everything follows in order."
        ),
        EndpointStatus.PAUSED: "Somebody paused it; its cursor waits.",
        EndpointStatus.DISABLED: "Doorstep gave it up; `reason` says why. resumeWebhookEndpoint goes on where it stands.",
    },
)
show_enum(
    EndpointReason,
    "Why Doorstep disabled an endpoint.",
    {
        EndpointReason.GONE: "It answered 410: it wants no more.",
        EndpointReason.FAILING: "For 5 days nothing was taken.",
    },
)
show_enum(
    DeliveryState,
    "Where a delivery stands.",
    {
        DeliveryState.PENDING: "It waits for its first or next try.",
        DeliveryState.SENDING: "A request is under way.",
        DeliveryState.DELIVERED: "The receiver took it, with a status of 200 to 299.",
        DeliveryState.PARKED: (
            "It was given up after its last try, a test after its only one; later events of the same order carry `missedBefore`. A replay sends an "
            "event again."
        ),
    },
)
show_enum(
    DeliveryOrigin,
    "Why there is a delivery.",
    {
        DeliveryOrigin.EVENT: "Something happened.",
        DeliveryOrigin.REPLAY: "Somebody had it replayed.",
        DeliveryOrigin.TEST: "Somebody had a test sent.",
    },
)
show_enum(
    Fault,
    "Why a try failed.",
    {
        Fault.STATUS: "The receiver answered with another status than 200 to 299; redirects are not followed.",
        Fault.TIMEOUT: "It did not answer within 15 seconds.",
        Fault.UNRESOLVED: "The name of its host leads nowhere.",
        Fault.FORBIDDEN_ADDRESS: "The name of its host leads to an address that is not of the public internet.",
        Fault.UNREACHABLE: "No connection came about.",
        Fault.BROKEN_ANSWER: "What it answered is no HTTP, or broke off.",
        Fault.EVENT_GONE: "The log no longer holds the event.",
        Fault.INTERNAL: "The payload could not be made, by a fault of ours.",
    },
)
