"""GraphQL over server-sent events by the protocol graphql-sse, "distinct connections" mode: one operation, one answer that is a stream.

Items of the event log carry their cursor as ``id:``, so that a client that sends it back as ``Last-Event-ID`` goes on after it. The credential
is watched over as a socket's is. A process that drains ends its streams without ``complete``: clients connect again, elsewhere.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Message as AsgiMessage
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from doorstep.kernel.graphql.context import Context
from doorstep.kernel.graphql.sessions import Session, Sessions
from doorstep.kernel.graphql.sharing import Message

EVENT_STREAM = "text/event-stream"
HEARTBEAT_SECONDS = 15.0
"""After so long without a word a comment is sent, so that proxies and clients know that the stream lives."""

SEND_SECONDS = 20.0
"""How long a reader may take to make room for the next message."""

_BEAT = b": still here\n\n"
_COMPLETE = b"event: complete\ndata: \n\n"


def wants_events(request: Request) -> bool:
    """Whether the client asks for a stream of events."""
    offers = (part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(","))
    return EVENT_STREAM in offers


class OpenStreams:
    """The streams of a process; ended together when it drains."""

    def __init__(self) -> None:
        self._open: set[EventStream] = set()
        self._ended = False

    def add(self, stream: "EventStream") -> None:
        """From now on it ends with the others."""
        self._open.add(stream)
        if self._ended:
            stream.end()

    def drop(self, stream: "EventStream") -> None:
        """It is over."""
        self._open.discard(stream)

    def end(self) -> None:
        """Let all of them end, and those that come from now on."""
        self._ended = True
        for stream in list(self._open):
            stream.end()


class EventStream(StreamingResponse):
    """An answer that sends each result of ``results`` as it comes, until these, the client, the credential or the process end."""

    media_type = EVENT_STREAM

    def __init__(self, results: AsyncGenerator[Message, None], context: Context) -> None:
        super().__init__(self._messages(), headers={"x-accel-buffering": "no"})
        self._results = results
        self._context = context
        self._over: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def end(self, last: bytes = b"") -> None:
        """Send nothing more than these bytes."""
        if not self._over.done():
            self._over.set_result(last)

    async def close(self, _code: int, reason: str) -> None:
        """The credential ended: say so, which is final for clients."""
        body = {"errors": [{"message": reason, "extensions": {"code": "UNAUTHENTICATED"}}]}
        self.end(_next(orjson.dumps(body).decode(), None) + _COMPLETE)

    async def serve(
        self, scope: AsgiScope, receive: Receive, send: Send, *, sessions: Sessions, streams: OpenStreams
    ) -> None:
        """Send it, watched over, until it ends."""
        context, session = self._context, None
        if context.credential is not None:
            session = Session(context.credential, context.principal, self.close)
            sessions.add(session)
        streams.add(self)
        try:
            await self(scope, receive, send)
        finally:
            streams.drop(self)
            if session is not None:
                sessions.drop(session)
            if context.leave is not None:
                context.leave()

    async def __call__(self, _scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Send until the stream ends or the client is gone; Starlette's own would notice that only when it sends."""
        sending = asyncio.ensure_future(self.stream_response(_in_time(send)))
        leaving = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            with suppress(OSError, TimeoutError, asyncio.CancelledError):
                await sending
            with suppress(asyncio.CancelledError):
                await leaving
            await self._results.aclose()

    async def _messages(self) -> AsyncIterator[bytes]:
        coming = asyncio.ensure_future(anext(self._results, None))
        try:
            while True:
                either: set[asyncio.Future[Any]] = {coming, self._over}
                done, _ = await asyncio.wait(either, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if self._over in done:
                    yield self._over.result()
                    return
                if not done:
                    yield _BEAT
                    continue
                message = coming.result()
                if message is None:
                    yield _COMPLETE
                    return
                yield _next(message.body, message.cursor)
                coming = asyncio.ensure_future(anext(self._results, None))
        finally:
            coming.cancel()
            with suppress(asyncio.CancelledError):
                await coming


def _in_time(send: Send) -> Send:
    """A reader that makes no room for the next message in time is given up; the kernel frees its connection (``server``)."""

    async def send_in_time(message: AsgiMessage) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await send(message)

    return send_in_time


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _next(body: str, cursor: str | None) -> bytes:
    mark = f"id: {cursor}\n" if cursor is not None else ""
    return f"event: next\n{mark}data: {body}\n\n".encode()
