"""The event log as a query and as a resumable subscription.

Slices declare a GraphQL type per event class (fields are facts as of then) and register it with ``register_event``; objects such as
``order`` are read as of now and are null when they are gone.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, TypeVar
from uuid import UUID

import strawberry

from doorstep.kernel.db import Row
from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.event_stream import (
    EventQuery,
    LogPosition,
    count_events,
    decode_cursor,
    encode_cursor,
    read_events,
)
from doorstep.kernel.graphql.connections import Connection, First, PageInfo
from doorstep.kernel.graphql.context import Context, Info, argument_id
from doorstep.kernel.graphql.enums import show_enum
from doorstep.kernel.graphql.nodes import Node, name_node
from doorstep.kernel.graphql.scalars import Cursor
from doorstep.kernel.graphql.streams import LogItemKind, stream_log, where_to_begin
from doorstep.kernel.ids import public_id
from doorstep.kernel.paging import PageRequest
from doorstep.kernel.scope import ActorKind

show_enum(
    ActorKind,
    "What sort of principal acted.",
    {
        ActorKind.API_KEY: "Somebody with an API key.",
        ActorKind.ACCESS_TOKEN: "A portal's page, with an access token that its backend had made.",
        ActorKind.DRIVER_TOKEN: "A driver's phone.",
        ActorKind.MEMBER: "A member who signed in.",
        ActorKind.RECIPIENT: "A recipient, with the link of their order.",
        ActorKind.SYSTEM: "Doorstep itself, such as a job.",
    },
)


@strawberry.type(description="Who acted.")
class Actor:
    kind: ActorKind = strawberry.field(description="What sort of principal it was.")
    id: strawberry.ID | None = strawberry.field(
        description="The key, token or member that acted, a recipient's order; null for Doorstep itself."
    )


_ACTOR_PREFIX = {
    ActorKind.API_KEY: "key",
    ActorKind.ACCESS_TOKEN: "token",
    ActorKind.DRIVER_TOKEN: "token",
    ActorKind.MEMBER: "member",
    ActorKind.RECIPIENT: "order",
}


def show_actor(kind: ActorKind, actor_id: UUID | None) -> Actor:
    """The GraphQL object of an actor."""
    return Actor(kind=kind, id=strawberry.ID(public_id(_ACTOR_PREFIX[kind], actor_id)) if actor_id else None)


@strawberry.interface(
    description="A fact of this tenant's log, written in the same transaction as the change that it tells of."
)
class Event(Node):
    row: strawberry.Private[Row]

    @strawberry.field(description="Where the event stands in the log: resume after it with `events(after:)`.")
    def cursor(self, info: Info) -> Cursor:
        position = LogPosition(self.row["epoch"], self.row["seq"], self.row["recorded_at"])
        return Cursor(encode_cursor(info.context.tenant_id, position))

    @strawberry.field(description="The version of the object that the event is about, after the change.")
    def aggregate_version(self) -> int:
        return int(self.row["aggregate_version"])

    @strawberry.field(description="When it happened, by the device's or the tenant's clock.")
    def occurred_at(self) -> datetime:
        return _instant(self.row["occurred_at"])

    @strawberry.field(description="When the server wrote it down; never runs backwards within a tenant.")
    def recorded_at(self) -> datetime:
        return _instant(self.row["recorded_at"])

    @strawberry.field(description="Who acted.")
    def actor(self) -> Actor:
        return show_actor(ActorKind(self.row["actor_kind"]), self.row["actor_id"])


def _instant(value: datetime) -> datetime:
    return value.astimezone(UTC)


E = TypeVar("E", bound=type[Event])
_TYPES: dict[str, type[Event]] = {}


def register_event(kind: E) -> E:
    """Class decorator below ``@strawberry.type``'s: make the type known as the face of the event class of the same name."""
    _TYPES[kind.__name__] = kind
    name_node("event", kind.__name__, "events")
    return kind


def event_types() -> list[type[Event]]:
    """Every registered event type, for the schema."""
    return list(_TYPES.values())


def show_event(row: Row) -> Event:
    """The GraphQL object of an event row."""
    return _TYPES[row["type"]](uuid=row["id"], row=row)


class EventStreamItemKind(StrEnum):
    """What an item of the event stream is."""

    EVENT = "EVENT"
    CAUGHT_UP = "CAUGHT_UP"
    HEARTBEAT = "HEARTBEAT"


show_enum(
    EventStreamItemKind,
    "What an item of the event stream is.",
    {
        EventStreamItemKind.EVENT: "A fact.",
        EventStreamItemKind.CAUGHT_UP: "Everything that was in the log at the start has been sent.",
        EventStreamItemKind.HEARTBEAT: "Nothing that the filter lets through for 15 seconds; the stream lives, and `cursor` has moved on.",
    },
)


@strawberry.type(
    description="An item of the event stream. Keep `cursor`: it is where to resume, also when the filter let nothing through."
)
class EventStreamItem:
    kind: EventStreamItemKind = strawberry.field(description="What this item is.")
    cursor: Cursor = strawberry.field(description="Where to resume after this item.")
    head: Cursor = strawberry.field(description="The end of the log as this item was read.")
    event: Event | None = strawberry.field(description="The fact, in items of kind EVENT.")


@strawberry.input(
    description="Which events; conditions are joined by AND, the values of one by OR. Nothing given: all events."
)
class EventFilter:
    types: list[str] | None = strawberry.field(
        default=None, description="Names of event types, such as `OrderStatusChanged`."
    )
    order_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Events about these orders, at most 250."
    )
    plan_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Events about these plans, at most 250."
    )
    route_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Events about these routes, at most 250."
    )

    def query(self) -> EventQuery:
        """The filter with its ids parsed; raises BadUserInput for unknown types, malformed ids and too many values."""
        for name in self.types or []:
            if name not in _TYPES:
                raise BadUserInput(f"There is no event type with that name. Known are: {', '.join(sorted(_TYPES))}.")
        for values in (self.types, self.order_ids, self.plan_ids, self.route_ids):
            if values is not None and not 1 <= len(values) <= 250:
                raise BadUserInput("Give 1 to 250 values in each condition of an event filter.")
        return EventQuery(
            types=tuple(self.types or ()),
            order_ids=tuple(argument_id("order", text) for text in self.order_ids or ()),
            plan_ids=tuple(argument_id("plan", text) for text in self.plan_ids or ()),
            route_ids=tuple(argument_id("route", text) for text in self.route_ids or ()),
        )


AFTER = strawberry.argument(
    description="A cursor of this log: what follows it. Left out, a query begins at the log's start and a stream at now."
)
WHICH = strawberry.argument(description="Which events; left out: all.")


def _position(context: Context, after: str | None) -> LogPosition | None:
    return decode_cursor(context.tenant_id, after) if after is not None else None


@strawberry.type
class EventQueries:
    @strawberry.field(
        description="The event log from a cursor on, oldest first. `pageInfo.endCursor` is where to resume, by query or by subscription."
    )
    async def events(
        self,
        info: Info,
        first: First = None,
        after: Annotated[Cursor | None, AFTER] = None,
        filter: Annotated[EventFilter | None, WHICH] = None,
    ) -> Connection[Event] | None:
        context = info.context
        query = (filter or EventFilter()).query()
        tx = await context.reads()
        page = await read_events(
            tx, context.tenant_id, _position(context, after), query, PageRequest(first=first).size()
        )
        shown = [show_event(row) for row in page.rows]

        async def count() -> int:
            return await count_events(tx, context.tenant_id, query)

        end = Cursor(encode_cursor(context.tenant_id, page.position))
        start = shown[0].cursor(info) if shown else end
        return Connection(
            items=shown,
            cursors=lambda: [event.cursor(info) for event in shown],
            page_info=PageInfo(
                has_next_page=page.has_more, has_previous_page=after is not None, start_cursor=start, end_cursor=end
            ),
            count=count,
        )


@strawberry.type
class EventSubscriptions:
    @strawberry.subscription(
        description=(
            "The event log as a stream: every event after the cursor (without one: after now), once each, in order, then live. After a lost "
            "connection subscribe again with the last item's `cursor`: nothing is missed, nothing comes twice."
        )
    )
    async def events(
        self,
        info: Info,
        after: Annotated[Cursor | None, AFTER] = None,
        filter: Annotated[EventFilter | None, WHICH] = None,
    ) -> AsyncGenerator[EventStreamItem, None]:
        context = info.context
        query = (filter or EventFilter()).query()
        position, from_now = where_to_begin(context, after)
        async with aclosing(stream_events(context, position, from_now, query)) as items:
            async for item in items:
                context.resume_at = item.cursor
                yield item


async def stream_events(
    context: Context, position: LogPosition | None, from_now: bool, query: EventQuery
) -> AsyncGenerator[EventStreamItem, None]:
    """Items from ``position`` on, for ever."""

    async def tell(rows: list[Row]) -> list[tuple[Row, Event]]:
        return [(row, show_event(row)) for row in rows]

    async with aclosing(stream_log(context, position, from_now, query, tell)) as items:
        async for item in items:
            kind = _KINDS[item.kind]
            yield EventStreamItem(kind=kind, cursor=item.cursor, head=item.head, event=item.value)


_KINDS = {
    LogItemKind.NEWS: EventStreamItemKind.EVENT,
    LogItemKind.CAUGHT_UP: EventStreamItemKind.CAUGHT_UP,
    LogItemKind.HEARTBEAT: EventStreamItemKind.HEARTBEAT,
}
