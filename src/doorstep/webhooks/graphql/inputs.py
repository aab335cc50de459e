"""Inputs of the mutations of webhooks. In a change an absent field stays as it is."""

from datetime import datetime
from uuid import UUID

import strawberry

from doorstep.kernel.errors import BadUserInput, DoorstepError, ProblemCode
from doorstep.kernel.event_stream import LogPosition, decode_cursor
from doorstep.kernel.graphql.context import input_id
from doorstep.kernel.graphql.documents import DocumentCache
from doorstep.kernel.graphql.events import event_types
from doorstep.kernel.graphql.scalars import Cursor
from doorstep.webhooks.graphql.documents import MOST_POINTS, check_document
from doorstep.webhooks.service import EndpointChanges, NewEndpoint

_KEY = "Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours)."
_KEY_SECRET = f"{_KEY} A replay does not show the secret again."
_VERSION = "Refuse with CONFLICT when the object is at another version."
_ENDPOINT = "The endpoint."
_TYPES = "Names of the types of events that it gets, such as `OrderStatusChanged`, at most 100; empty: all."
_DOCUMENT = (
    "A subscription to `events` without arguments and variables: its answer to the event is the payload (`data`, and `errors` if there are any). "
    f"It may cost at most {MOST_POINTS} points."
)
_SCOPES = (
    "The scopes that the document is read with, `events:read` among them; none that your own credential does not hold."
)
_URL = "Where to send events by POST. It begins with https:// and leads to the public internet, unless the operator allows others."


def _types(names: list[str] | None) -> list[str] | None:
    known = {kind.__name__ for kind in event_types()}
    for at, name in enumerate(names or ()):
        if name not in known:
            message = f"There is no event type with that name. Known are: {', '.join(sorted(known))}."
            raise DoorstepError(ProblemCode.INVALID_VALUE, message, ["eventTypes", at])
    return names


@strawberry.input(description="An endpoint to make.")
class CreateWebhookEndpointInput:
    name: str = strawberry.field(description="What it is for, such as `warehouse`.")
    url: str = strawberry.field(description=_URL)
    event_types: list[str] = strawberry.field(default_factory=list, description=_TYPES)
    document: str | None = strawberry.field(
        default=None, description=f"{_DOCUMENT} Left out: the event's own facts are the payload."
    )
    scopes: list[str] = strawberry.field(default_factory=list, description=_SCOPES)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY_SECRET)

    def endpoint(self, known: DocumentCache) -> NewEndpoint:
        """For the service; refuses unknown types and documents that cannot be a payload."""
        document = check_document(known, self.document) if self.document is not None else None
        return NewEndpoint(self.name, self.url, _types(self.event_types) or [], document, self.scopes)


@strawberry.input(description="Changes to an endpoint.")
class UpdateWebhookEndpointInput:
    id: strawberry.ID = strawberry.field(description=_ENDPOINT)
    name: str | None = strawberry.field(default=None, description="What it is for.")
    url: str | None = strawberry.field(default=None, description=_URL)
    event_types: list[str] | None = strawberry.field(default=None, description=f"All of them anew. {_TYPES}")
    document: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description=f"{_DOCUMENT} Null: the event's own facts are the payload again."
    )
    scopes: list[str] | None = strawberry.field(default=None, description=_SCOPES)
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def endpoint_id(self) -> UUID:
        """Which one; raises INVALID_ID."""
        return input_id("webhook", self.id, "id")

    def changes(self, known: DocumentCache) -> EndpointChanges:
        """What is given; refuses as the making of an endpoint does."""
        document = self.document.value if self.document is not None else None
        return EndpointChanges(
            name=self.name,
            url=self.url,
            event_types=_types(self.event_types),
            document=check_document(known, document) if document is not None else None,
            standard=self.document is not None and document is None,
            scopes=self.scopes,
        )


@strawberry.input(description="An endpoint to pause.")
class PauseWebhookEndpointInput:
    id: strawberry.ID = strawberry.field(description=_ENDPOINT)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="An endpoint to go on with.")
class ResumeWebhookEndpointInput:
    id: strawberry.ID = strawberry.field(description=_ENDPOINT)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="An endpoint that is to have a new secret.")
class RotateWebhookSecretInput:
    id: strawberry.ID = strawberry.field(description=_ENDPOINT)
    previous_valid_for_seconds: int = strawberry.field(
        default=86_400,
        description="For how long the present secret signs as well, 0 to 604,800 (7 days); left out: a day.",
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY_SECRET)


@strawberry.input(description="What to deliver again; give `after` or `since`.")
class ReplayWebhookDeliveriesInput:
    id: strawberry.ID = strawberry.field(description=_ENDPOINT)
    after: Cursor | None = strawberry.field(
        default=None,
        description="A cursor of the log, such as a delivery's or an event's: what follows it, without that event itself. From a parked event on goes "
        "`missedBefore.after` of an event that came later.",
    )
    since: datetime | None = strawberry.field(default=None, description="What was recorded at this instant or later.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def position(self, tenant_id: UUID) -> LogPosition | None:
        """Where `after` points; refuses what is no cursor of this tenant's log."""
        if self.after is None:
            return None
        try:
            return decode_cursor(tenant_id, self.after)
        except BadUserInput as error:
            raise DoorstepError(ProblemCode.INVALID_VALUE, error.message, ["after"]) from error


@strawberry.input(description="An endpoint to test.")
class TestWebhookEndpointInput:
    id: strawberry.ID = strawberry.field(description=_ENDPOINT)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="An endpoint to delete.")
class DeleteWebhookEndpointInput:
    id: strawberry.ID = strawberry.field(description=_ENDPOINT)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)
