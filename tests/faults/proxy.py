"""A TCP proxy before PostgreSQL that loses the answer to a COMMIT: the change is stored, and nobody is told."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""A COMMIT as the driver sends it: one message of the simple query protocol."""


class LosingProxy:
    """Passes everything on, but cuts a connection after some of its COMMITs, when the server has answered and the client has not heard it."""

    def __init__(self, url: str, share: float, seed: int = 1) -> None:
        self._target = urlsplit(url)
        self._share = share
        self._chance = random.Random(seed)
        self._sessions: set[asyncio.Task[None]] = set()
        self.url = url
        self.lost = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["LosingProxy"]:
        """The proxy, at ``url`` until the block ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        user = self._target.netloc.rpartition("@")[0]
        self.url = self._target._replace(netloc=f"{user}@127.0.0.1:{port}").geturl()
        try:
            yield self
        finally:
            server.close()
            for session in self._sessions:
                session.cancel()
            await asyncio.gather(*self._sessions, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.current_task()
        assert session is not None
        self._sessions.add(session)
        try:
            await self._session(reader, writer)
        finally:
            self._sessions.discard(session)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        loses = asyncio.Event()
        ways = [
            asyncio.create_task(self._questions(reader, back, loses)),
            asyncio.create_task(self._answers(there, writer, loses)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, back):
                end.transport.abort()

    async def _questions(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, loses: asyncio.Event) -> None:
        while data := await reader.read(65536):
            if data == COMMIT and self._chance.random() < self._share:
                loses.set()
            back.write(data)
            await back.drain()

    async def _answers(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, loses: asyncio.Event) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await there.read(65536):
                if loses.is_set():
                    self.lost += 1
                    return
                writer.write(data)
                await writer.drain()
