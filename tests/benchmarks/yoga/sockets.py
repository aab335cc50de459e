"""Many WebSocket clients in one process that cost next to nothing, so that the server is what is measured. No checks: test suites do that."""

import asyncio
import json
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

MARK = b"orderId"
"""In each message that tells of an event, and in no other."""


@dataclass
class Heard:
    """What all sockets of a measurement received."""

    count: int = 0
    wanted: int = 0
    at: list[list[float]] = field(default_factory=list)
    """Of each event in turn when each socket had it."""
    all_there: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self, messages: int) -> None:
        """From now on so many messages."""
        self.count, self.wanted, self.at = 0, messages, []
        self.all_there.clear()


class Socket(asyncio.Protocol):
    """One client with one subscription: counts the messages that tell of an event."""

    def __init__(self, url: str, subscription: Mapping[str, Any], token: str, heard: Heard) -> None:
        address = urlsplit(url)
        self._hello = (
            f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        )
        self._init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}
        self._subscribe = {"type": "subscribe", "id": "1", "payload": subscription}
        self._heard = heard
        self._buffer = b""
        self._open = False
        self._transport: asyncio.Transport | None = None
        self.events = 0
        self.acknowledged = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._write(self._hello.encode())

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def _say(self, message: Mapping[str, Any]) -> None:
        """A masked text frame, with a mask that changes nothing."""
        text = json.dumps(message).encode()
        length = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack(">H", len(text))
        self._write(b"\x81" + length + b"\0\0\0\0" + text)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._buffer += data
        if not self._open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head:
                self.acknowledged.set_exception(RuntimeError(head[:200].decode()))
                return
            self._open, self._buffer = True, rest
            self._say(self._init)
        for text in self._frames():
            self._take(text, now)

    def _frames(self) -> list[bytes]:
        found, buffer, start = [], self._buffer, 0
        while len(buffer) - start >= 2:
            size, body = buffer[start + 1] & 0x7F, start + 2
            if size == 126:
                if len(buffer) - start < 4:
                    break
                size, body = int.from_bytes(buffer[start + 2 : start + 4], "big"), start + 4
            elif size == 127:
                raise RuntimeError("no message here is that long")
            if len(buffer) < body + size:
                break
            found.append(buffer[body : body + size])
            start = body + size
        self._buffer = buffer[start:]
        return found

    def _take(self, text: bytes, now: float) -> None:
        if MARK in text:
            heard = self._heard
            while len(heard.at) <= self.events:
                heard.at.append([])
            heard.at[self.events].append(now)
            self.events += 1
            heard.count += 1
            if heard.count == heard.wanted:
                heard.all_there.set()
        elif b'"connection_ack"' in text:
            self._say(self._subscribe)
            self.acknowledged.set_result(None)
        elif b'"errors"' in text or b'"error"' in text:
            raise RuntimeError(text[:500].decode())
        elif b'"ping"' in text:
            self._say({"type": "pong"})

    def close(self) -> None:
        """Go without a word."""
        if self._transport is not None:
            self._transport.abort()


async def connect(url: str, subscription: Mapping[str, Any], token: str, heard: Heard) -> Socket:
    """A client whose subscription is on its way."""
    address = urlsplit(url)
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(
        lambda: Socket(url, subscription, token, heard), address.hostname, address.port
    )
    await asyncio.wait_for(socket.acknowledged, 30)
    return socket
