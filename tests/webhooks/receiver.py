"""A receiver of webhooks: plain HTTP over asyncio, so that it can also do what no decent server does."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An answer with a status."""
    lines = [f"HTTP/1.1 {status} Said", f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Got:
    """A request as it came in."""

    headers: dict[str, str]
    text: str
    number: int

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def order(self) -> str | None:
        order: str | None = self.body.get("orderId")
        return order


Answer = Callable[[Got], Awaitable[bytes | AsyncIterator[bytes]]]


async def take(_got: Got) -> bytes:
    return OK


@dataclass
class Receiver:
    """What came, what was under way at the same time, and how it answers."""

    url: str = ""
    port: int = 0
    answer: Answer = take
    got: list[Got] = field(default_factory=list)
    connections: int = 0
    under_way: list[Got] = field(default_factory=list)
    most_under_way: int = 0
    together: list[str] = field(default_factory=list)
    """Orders of which two events were under way at the same time."""

    taken: list[Got] = field(default_factory=list)
    """What was answered to the end, in that order."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
        text = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
        got = Got(headers, text, len(self.got))
        self.got.append(got)
        self.together += [one.order for one in self.under_way if one.order is not None and one.order == got.order]
        self.under_way.append(got)
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        try:
            answer = await self.answer(got)
            if isinstance(answer, bytes):
                # It counts as over before the sender can know it.
                self.under_way.remove(got)
                self.taken.append(got)
                writer.write(answer)
                await writer.drain()
                return
            async for part in answer:
                writer.write(part)
                await writer.drain()
        finally:
            if got in self.under_way:
                self.under_way.remove(got)

    def of(self, order: str) -> list[Got]:
        """What came of one order."""
        return [one for one in self.got if one.order == order]

    async def until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait until it is so."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"not after {seconds:g} s; got {[(one.id, one.order) for one in self.got]}") from None


@asynccontextmanager
async def receiving(**tls: Any) -> AsyncIterator[Receiver]:
    """A receiver on a free port of the loopback."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, **tls)
    receiver.port = server.sockets[0].getsockname()[1]
    receiver.url = f"http{'s' if tls else ''}://127.0.0.1:{receiver.port}/hooks?to=us"
    try:
        yield receiver
    finally:
        server.close()
        tasks = [
            task
            for task in asyncio.all_tasks()
            if getattr(task.get_coro(), "__qualname__", "") == Receiver.serve.__qualname__
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
