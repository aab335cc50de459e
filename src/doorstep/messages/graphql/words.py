"""The enumerations of messages, as the schema describes them."""

from doorstep.kernel.graphql.enums import show_enum
from doorstep.messages.model import MessageFault, MessageKind, MessageStatus

show_enum(
    MessageKind,
    "What a message tells.",
    {
        MessageKind.WEBHOOK_DISABLED: "Doorstep disabled a webhook endpoint.",
        MessageKind.WEBHOOK_EVENTS_LOST: "Events left the log before a webhook endpoint got them. Told of an endpoint at most once a day.",
    },
)
show_enum(
    MessageStatus,
    "Where a message stands.",
    {
        MessageStatus.PENDING: "It waits for its first or next try.",
        MessageStatus.SENT: "The mail server took it.",
        MessageStatus.FAILED: "It was given up, after a day or because the server refused its address; `fault` says why.",
        MessageStatus.KEPT: "The installation has no mail server: it is only to be read here.",
    },
)
show_enum(
    MessageFault,
    "Why the last try to send a message failed.",
    {
        MessageFault.UNREACHABLE: "No connection to the mail server came about, or it broke off.",
        MessageFault.TIMEOUT: "The mail server did not answer in time.",
        MessageFault.SIGN_IN: "The mail server did not let the installation in.",
        MessageFault.INSECURE: "The connection could not be trusted: a certificate that does not hold, or no encryption for the password.",
        MessageFault.REFUSED: "The mail server refused the message or its address.",
        MessageFault.NO_OWNER: "Who it was for is no longer an owner.",
        MessageFault.INTERNAL: "It could not be sent, by a fault of ours.",
    },
)
