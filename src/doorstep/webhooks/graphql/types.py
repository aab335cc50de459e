"""WebhookEndpoint and WebhookDelivery as the schema shows them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from doorstep.kernel.db import Row
from doorstep.kernel.event_stream import LogPosition, encode_cursor
from doorstep.kernel.graphql.context import Context, Info, guard
from doorstep.kernel.graphql.nodes import Node, register_node
from doorstep.kernel.graphql.scalars import Cursor
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission
from doorstep.webhooks.model import DeliveryOrigin, DeliveryState, EndpointReason, EndpointStatus, Fault
from doorstep.webhooks.reads import deliveries_by_ids, endpoints_by_ids, open_counts


@strawberry.type(description="An address of the company's to which events are delivered.")
class WebhookEndpoint(Node):
    version: int = strawberry.field(description="Counts the changes, for `ifVersion`.")
    name: str = strawberry.field(description="What it is for.")
    url: str = strawberry.field(description="Where events are sent, by POST.")
    event_types: list[str] = strawberry.field(description="The types of events that it gets; empty: all.")
    document: str | None = strawberry.field(
        description="The subscription document whose answer is the payload; null: the event's own facts."
    )
    scopes: list[str] = strawberry.field(description="The scopes that the document is read with.")
    status: EndpointStatus = strawberry.field(description="Whether anything is delivered.")
    reason: EndpointReason | None = strawberry.field(description="Why it is DISABLED; null otherwise.")
    previous_secret_until: datetime | None = strawberry.field(
        description="Until when the secret before the present one signs as well; null: it never was rotated."
    )
    failures: int = strawberry.field(
        description="How many different events failed since the last one that was taken; at 20 it is DOWN."
    )
    failing_since: datetime | None = strawberry.field(
        description="Since when nothing was taken, to the first failure; null: all is well."
    )
    last_success_at: datetime | None = strawberry.field(
        description="When something was taken last, to a minute; null: never."
    )
    next_probe_at: datetime | None = strawberry.field(description="When an endpoint that is DOWN is tried next.")
    rests_until: datetime | None = strawberry.field(
        description="Until when the receiver asked to be left alone (Retry-After); nothing is sent before."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was changed last.")
    seq: strawberry.Private[int]
    epoch: strawberry.Private[int]
    log_time: strawberry.Private[datetime]

    @strawberry.field(
        description="Where it stands in the log: up to there events were made deliveries of. `events(after:)` shows what follows."
    )
    def cursor(self, info: Info) -> Cursor:
        return Cursor(encode_cursor(info.context.tenant_id, LogPosition(self.epoch, self.seq, self.log_time)))

    @strawberry.field(
        description="How many deliveries are not over yet; at 1,000 the cursor waits until there are fewer."
    )
    async def open_deliveries(self, info: Info) -> int:
        return await info.context.load(load_open_counts, self.uuid)

    @classmethod
    def of(cls, row: Row) -> "WebhookEndpoint":
        """From a row of ``webhook_endpoints``."""
        reason = row["reason"]
        return cls(
            uuid=row["id"],
            version=row["version"],
            name=row["name"],
            url=row["url"],
            event_types=list(row["event_types"]),
            document=row["document"],
            scopes=list(row["scopes"]),
            status=EndpointStatus(row["status"]),
            reason=EndpointReason(reason) if reason else None,
            previous_secret_until=row["previous_until"],
            failures=row["failures"],
            failing_since=row["failing_since"],
            last_success_at=row["last_success_at"],
            next_probe_at=row["next_probe_at"],
            rests_until=row["rests_until"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            seq=row["seq"],
            epoch=row["epoch"],
            log_time=row["seq_recorded_at"],
        )


async def load_endpoints(context: Context, keys: list[UUID]) -> Sequence[WebhookEndpoint | None]:
    """Endpoints by id."""
    rows = await endpoints_by_ids(await context.reads(), context.tenant_id, keys)
    return [WebhookEndpoint.of(rows[key]) if key in rows else None for key in keys]


async def load_open_counts(context: Context, keys: list[UUID]) -> Sequence[int]:
    """How many deliveries of each endpoint are open."""
    counts = await open_counts(await context.reads(), context.tenant_id, keys)
    return [counts.get(key, 0) for key in keys]


guard(load_open_counts, Permission.WEBHOOKS_READ)
register_node("webhook", "WebhookEndpoint", Permission.WEBHOOKS_READ, load_endpoints)


@strawberry.type(description="An event on its way to an endpoint, or a test. Kept for 30 days after it is over.")
class WebhookDelivery(Node):
    origin: DeliveryOrigin = strawberry.field(description="Why there is one.")
    state: DeliveryState = strawberry.field(description="Where it stands.")
    event_type: str = strawberry.field(description="The type of the event, `WebhookTest` for a test.")
    event_id: strawberry.ID | None = strawberry.field(
        description="The event, the same at every try and in every replay: receivers know it as the header `webhook-id`. Null for a test."
    )
    order_id: strawberry.ID | None = strawberry.field(description="The order that the event is about.")
    tries: int = strawberry.field(description="How often it was tried, but for tries while the endpoint was DOWN.")
    next_try_at: datetime | None = strawberry.field(description="When it is tried next; null once it is over.")
    fault: Fault | None = strawberry.field(description="Why the last try failed; null: it did not.")
    answer_status: int | None = strawberry.field(
        description="The HTTP status that the receiver answered last; null: it did not answer."
    )
    answer: str | None = strawberry.field(description="The first 4 kB of what the receiver answered last.")
    took_milliseconds: int | None = strawberry.field(description="How long the last try took.")
    created_at: datetime = strawberry.field(description="When it was made.")
    finished_at: datetime | None = strawberry.field(description="When it was over.")
    endpoint_uuid: strawberry.Private[UUID]
    place: strawberry.Private[LogPosition | None]

    @strawberry.field(description="Where the event stands in the log; null for a test.")
    def cursor(self, info: Info) -> Cursor | None:
        return Cursor(encode_cursor(info.context.tenant_id, self.place)) if self.place is not None else None

    @strawberry.field(description="The endpoint as of now.")
    async def endpoint(self, info: Info) -> WebhookEndpoint | None:
        return await info.context.load(load_endpoints, self.endpoint_uuid)

    @classmethod
    def of(cls, row: Row) -> "WebhookDelivery":
        """From a row of ``webhook_deliveries``."""
        placed = row["seq"] is not None
        return cls(
            uuid=row["id"],
            origin=DeliveryOrigin(row["origin"]),
            state=DeliveryState(row["state"]),
            event_type=row["type"],
            event_id=_id("event", row["event_id"]),
            order_id=_id("order", row["order_id"]),
            tries=row["tries"],
            next_try_at=row["next_at"] if row["finished_at"] is None else None,
            fault=Fault(row["fault"]) if row["fault"] else None,
            answer_status=row["answer_status"],
            answer=row["answer"],
            took_milliseconds=row["took_ms"],
            created_at=row["created_at"],
            finished_at=row["finished_at"],
            endpoint_uuid=row["endpoint_id"],
            place=LogPosition(row["epoch"], row["seq"], row["recorded_at"]) if placed else None,
        )


def _id(prefix: str, identifier: UUID | None) -> strawberry.ID | None:
    return strawberry.ID(public_id(prefix, identifier)) if identifier is not None else None


async def load_deliveries(context: Context, keys: list[UUID]) -> Sequence[WebhookDelivery | None]:
    """Deliveries by id."""
    rows = await deliveries_by_ids(await context.reads(), context.tenant_id, keys)
    return [WebhookDelivery.of(rows[key]) if key in rows else None for key in keys]


register_node("delivery", "WebhookDelivery", Permission.WEBHOOKS_READ, load_deliveries)
