"""How questions travel to a road engine: by httpx to anybody's server, by a bare connection to our own child on loopback.

A single point is asked with every order that comes in. httpx spends a millisecond of CPU time on such a question, nearly a third of what a whole
createOrder costs, and more than the engine needs to answer it; for a server that we start ourselves nothing of what it can do is needed.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

import httpx

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 120.0
_KEPT: Final = 8

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    content: bytes


class Dropped(Exception):
    """The connection was lost before the answer was there; engines close kept connections without a word."""


class NoAnswer(Exception):
    """Nobody listens there, or nobody answers in time."""


class Wire(Protocol):
    """Sends one request and returns its answer; raises Dropped or NoAnswer."""

    async def exchange(self, method: str, target: str, body: bytes | None = None) -> Answer:
        """``target`` is the path with its query; ``body`` is JSON."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class HttpxWire:
    """Any server: https, proxies, certificates as the environment says."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS))

    async def exchange(self, method: str, target: str, body: bytes | None = None) -> Answer:
        """Send and wait."""
        headers = {"content-type": "application/json"} if body is not None else {}
        try:
            answer = await self._client.request(method, self._base + target, content=body, headers=headers)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
            raise Dropped(type(error).__name__) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswer(type(error).__name__) from error
        return Answer(answer.status_code, answer.content)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class LoopbackWire:
    """Our own child: plain HTTP/1.1 with connections that are kept, and answers that tell their length, as osrm-routed's do."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Connection] = []

    async def exchange(self, method: str, target: str, body: bytes | None = None) -> Answer:
        """Send and wait."""
        reader, writer = await self._connection()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                writer.write(_request(method, target, body))
                await writer.drain()
                answer, stays = await _read(reader)
        except TimeoutError as error:
            writer.close()
            raise NoAnswer("ReadTimeout") from error
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            writer.close()
            raise Dropped(type(error).__name__) from error
        except BaseException:
            # Cancelled in the middle: whoever came next would read the rest of this answer.
            writer.close()
            raise
        if stays and len(self._idle) < _KEPT:
            self._idle.append((reader, writer))
        else:
            writer.close()
        return answer

    async def close(self) -> None:
        """Close the connections."""
        while self._idle:
            _, writer = self._idle.pop()
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _connection(self) -> _Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await asyncio.open_connection("127.0.0.1", self._port)
        except (OSError, TimeoutError) as error:
            raise NoAnswer("ConnectError") from error


def _request(method: str, target: str, body: bytes | None) -> bytes:
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n"
    if body is None:
        return f"{head}\r\n".encode("ascii")
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode("ascii") + body


async def _read(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    """The answer, and whether the connection stays open. Raises ValueError for what is no such answer."""
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    if b"content-length" not in headers:
        raise ValueError("the answer does not tell its length")
    content = await reader.readexactly(int(headers[b"content-length"]))
    stays = headers.get(b"connection", b"").lower() != b"close"
    return Answer(int(status.split(b" ", 2)[1]), content), stays
