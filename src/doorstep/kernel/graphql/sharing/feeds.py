"""The executions that run, each for everybody who follows it: begun by the first, ended with the last."""

import asyncio
from collections.abc import Hashable
from contextlib import aclosing, suppress
from typing import Any
from uuid import uuid4

from doorstep.kernel.coalescing import Coalesced
from doorstep.kernel.graphql.bodies import Asked
from doorstep.kernel.graphql.context import Context, Services
from doorstep.kernel.graphql.sharing.lanes import LogLane, StateLane
from doorstep.kernel.graphql.sharing.messages import Message, executed
from doorstep.kernel.graphql.sharing.shapes import Shape
from doorstep.kernel.graphql.tolls import Pace
from doorstep.kernel.metrics import FEEDS


class Feed:
    """One execution and the lane that it fills. ``followers`` is how many read it."""

    def __init__(self, schema: Any, services: Services, asked: Asked, shape: Shape, pace: Pace) -> None:
        self.followers = 0
        self.lane: LogLane | StateLane = LogLane() if shape.follows_log else StateLane()
        self._schema = schema
        self._services = services
        self._asked = asked
        self._shape = shape
        self._pace = pace
        self._context = self._from_now()
        self._openings = Coalesced(self._first_message)
        self._running = asyncio.create_task(self._run())

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.lane.over or self.lane.failure is not None

    async def begun(self) -> Message | None:
        """Wait until it is known where a log lane begins; returns the failure of an execution that does not come about."""
        lane = self.lane
        while isinstance(lane, LogLane) and not lane.begun and not self.over:
            await lane.news.ticket().wait()
        return lane.failure

    async def opening(self) -> Message | None:
        """What a subscription of the log that begins now is told first: that it is at the end, and where that is. Those who ask together share it.

        None: the process drains.
        """
        return await self._openings.get()

    async def fresh(self) -> None:
        """Wait until the lane holds everything as it is now."""
        await self._context.rounds.fresh()
        if isinstance(self.lane, StateLane):
            self.lane.keep(self._context.rounds.present)
        elif self._context.read_to is not None:
            self.lane.reach(self._context.read_to)

    async def stop(self) -> None:
        """End the execution."""
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running

    async def _run(self) -> None:
        try:
            async with aclosing(executed(self._schema, self._context, self._asked)) as messages:
                async for message in messages:
                    self.lane.put(message)
                    await self._pace.keep(message.body)
        finally:
            self.lane.close()

    async def _first_message(self) -> Message | None:
        async with aclosing(executed(self._schema, self._from_now(), self._asked)) as messages:
            return await anext(messages, None)

    def _from_now(self) -> Context:
        context = Context(self._services, self._shape.principal, uuid4().hex)
        context.from_now = True
        return context


class Feeds:
    """The feeds of a process, by their shapes' keys."""

    def __init__(self, schema: Any, services: Services) -> None:
        self._schema = schema
        self._services = services
        self._open: dict[Hashable, Feed] = {}

    def __len__(self) -> int:
        return len(self._open)

    def join(self, asked: Asked, shape: Shape, pace: Pace) -> Feed:
        """The feed of a shape, begun now when there is none, at a pace that all its followers share; ``leave`` must follow."""
        feed = self._open.get(shape.key)
        if feed is None or feed.over:
            feed = self._open[shape.key] = Feed(self._schema, self._services, asked, shape, pace)
            FEEDS.inc()
        feed.followers += 1
        return feed

    async def leave(self, feed: Feed, shape: Shape) -> None:
        """One follower less; the last one ends it."""
        feed.followers -= 1
        if feed.followers:
            return
        if self._open.get(shape.key) is feed:
            del self._open[shape.key]
        FEEDS.dec()
        await feed.stop()
