"""One subscriber: its messages in their order, none missing and none twice, wherever they come from."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from doorstep.kernel.errors import RequestError
from doorstep.kernel.event_stream import LogPosition, decode_cursor, encode_cursor
from doorstep.kernel.graphql.attempts import network_of
from doorstep.kernel.graphql.bodies import Asked
from doorstep.kernel.graphql.context import Context, Services
from doorstep.kernel.graphql.faults import internal_error
from doorstep.kernel.graphql.sessions import Sessions
from doorstep.kernel.graphql.sharing.feeds import Feed, Feeds
from doorstep.kernel.graphql.sharing.lanes import Behind, LogLane, StateLane
from doorstep.kernel.graphql.sharing.messages import Message, executed, failure, refused
from doorstep.kernel.graphql.sharing.shapes import Shape, shape_of
from doorstep.kernel.graphql.sockets import OpenSubscriptions
from doorstep.kernel.graphql.tolls import Pace, Toll, Tolls
from doorstep.kernel.points import Payer

Messages = AsyncGenerator[Message, None]


def _nothing() -> None:
    """Where nothing was counted in, nothing is counted out."""


class Followers:
    """Everybody who follows something at this process."""

    def __init__(self, schema: Any, services: Services, tolls: Tolls, sessions: Sessions) -> None:
        self.feeds = Feeds(schema, services)
        self._schema = schema
        self._tolls = tolls
        self._sessions = sessions
        self._open = OpenSubscriptions(tolls.limits.most_subscriptions)

    async def follow(self, context: Context, asked: Asked) -> Messages:
        """The messages of a subscription; a failed one is the last. Never raises.

        It is charged once, for its first result: later ones come when something happened, and not because somebody asks. Those that hold much are
        paced (``Pace``). Before each message the credential is asked for again; where it has ended or may do something else by now, nothing is
        sent any more and the session is closed.
        """
        leave = _nothing
        try:
            leave = self._open.enter(context)
            toll = await self._tolls.enter(context, asked)
            toll.spend(None)
            async with aclosing(self._messages(context, toll)) as messages:
                async for message in messages:
                    if not await self._sessions.vouch(context.credential, context.principal_or_none):
                        return
                    yield message
        except RequestError as refusal:
            yield refused(refusal)
        except Exception as error:  # noqa: BLE001 - logged under a reference
            yield failure(internal_error(error))
        finally:
            leave()
            await context.close()

    def _messages(self, context: Context, toll: Toll) -> Messages:
        asked = toll.asked
        shape = shape_of(self._schema.documents, self._schema._schema, asked, context.principal_or_none)
        if shape is None:
            return _paced(executed(self._schema, context, asked), toll.pace())
        return self._shared(context, toll, shape)

    async def _shared(self, context: Context, toll: Toll, shape: Shape) -> Messages:
        asked = toll.asked
        after = context.resume_after or shape.after if shape.follows_log else None
        place = decode_cursor(context.tenant_id, after) if after is not None else None
        feed = self.feeds.join(asked, shape, toll.pace(Payer.of(shape.principal, network_of(context.address or ""))))
        try:
            lane = feed.lane
            if isinstance(lane, LogLane):
                reader = _LogReader(self._schema, context, asked, feed, lane, place, toll.pace())
                messages = reader.messages()
            else:
                messages = _states(feed, lane)
            async with aclosing(messages):
                async for message in messages:
                    yield message
        finally:
            await self.feeds.leave(feed, shape)


async def _paced(messages: Messages, pace: Pace) -> Messages:
    async with aclosing(messages):
        async for message in messages:
            yield message
            await pace.keep(message.body)


async def _states(feed: Feed, lane: StateLane) -> Messages:
    """The newest message about each object, and then whatever is newer."""
    await feed.fresh()
    number = 0
    while True:
        ticket, over = lane.news.ticket(), feed.over
        newer = lane.since(number)
        for number, key in newer:
            message = lane.get(number, key)
            if message is not None:  # else a newer one stands further on
                yield message
        if over:
            if lane.failure is not None:
                yield lane.failure
            return
        if not newer:
            await ticket.wait()


@dataclass(slots=True)
class _LogReader:
    """Reads the log from a place: by itself as far as the lane does not go back, then from the lane."""

    schema: Any
    context: Context
    asked: Asked
    feed: Feed
    lane: LogLane
    place: LogPosition | None
    pace: Pace
    known: bool = False
    """Whether the place is one that the log has; a client's cursor may be any."""

    caught_up: bool = False

    async def messages(self) -> Messages:
        """Every message after the place (None: after now), and one that says when those of the beginning are all sent."""
        failure = await self.feed.begun()
        if failure is not None:
            yield failure
            return
        if self.place is not None and self.lane.covers(self.place):
            await self.feed.fresh()
            self.known = self.lane.reached(self.place)
        while not self.lane.over:
            part = self._from_log() if self._has_to_catch_up() else self._from_lane()
            async with aclosing(part):
                async for message in part:
                    yield message
                    if message.failed:
                        return
        if self.lane.failure is not None:
            yield self.lane.failure

    def _has_to_catch_up(self) -> bool:
        return self.place is not None and not (self.known and self.lane.covers(self.place))

    async def _from_log(self) -> Messages:
        """From the log, at the reader's own pace, until the lane goes back that far."""
        context = Context(self.context.services, self.context.principal, uuid4().hex)
        context.caught_up = self.caught_up
        if self.place is not None:
            context.resume_after = encode_cursor(context.tenant_id, self.place)
        async with aclosing(executed(self.schema, context, self.asked)) as messages:
            async for message in messages:
                self.place = message.place or self.place
                self.known = True
                self.caught_up = context.caught_up
                yield message
                await self.pace.keep(message.body)
                if not self._has_to_catch_up():
                    return

    async def _from_lane(self) -> Messages:
        """From the lane, until the reader is behind it or it is over."""
        opening = None
        if not self.caught_up:
            opening = await self.feed.opening()
            if opening is None or opening.failed:
                if opening is not None:
                    yield opening
                return
            await self.feed.fresh()  # then the lane holds what came before the opening
            self.place, self.known = self.place or opening.place, True
            if self._has_to_catch_up():
                return  # while this waited the lane has let go of what follows the place: it is in the log
        index = self.lane.index_after(self.place) if self.place is not None else 0
        while True:
            ticket, over = self.lane.news.ticket(), self.lane.over
            try:
                message = self.lane.at(index)
            except Behind:
                return
            if opening is not None and (message is None or _is_after(message, opening)):
                self.caught_up = True
                yield opening
                opening = None
            elif message is not None:
                index += 1
                self.place = message.place
                yield message
            elif over:
                return
            else:
                await ticket.wait()


def _is_after(message: Message, opening: Message) -> bool:
    return message.place is not None and opening.place is not None and message.place.seq > opening.place.seq
