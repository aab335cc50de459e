"""The bare connection to our own engine: kept, dropped, cancelled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from doorstep.places import town
from doorstep.places.roads import Roads
from doorstep.places.roads.wire import Answer, Dropped, LoopbackWire, NoAnswer

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[bool]]


@asynccontextmanager
async def engine(handle: Handler) -> AsyncIterator[tuple[LoopbackWire, list[int]]]:
    """A wire to a server; each request's head goes to ``handle``, which says whether the connection stays. Counts connections."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        try:
            while await handle(await reader.readuntil(b"\r\n\r\n"), writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    wire = LoopbackWire(server.sockets[0].getsockname()[1])
    try:
        yield wire, connections
    finally:
        await wire.close()
        server.close()


def answer(body: bytes, more: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def test_a_connection_is_kept_until_the_engine_says_otherwise():
    async def handle(head: bytes, writer: asyncio.StreamWriter) -> bool:
        last = b"/last" in head
        writer.write(answer(head.split(b" ")[1], b"Connection: close\r\n" if last else b""))
        return not last

    async with engine(handle) as (wire, connections):
        assert await wire.exchange("GET", "/one") == Answer(200, b"/one")
        assert await wire.exchange("GET", "/last") == Answer(200, b"/last")
        assert len(connections) == 1
        assert await wire.exchange("GET", "/three") == Answer(200, b"/three")
        assert len(connections) == 2


async def test_a_connection_that_the_engine_closed_without_a_word_is_dropped_or_replaced():
    async def handle(head: bytes, writer: asyncio.StreamWriter) -> bool:
        if b"/half" in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        else:
            writer.write(answer(b"ok"))
        return False

    async with engine(handle) as (wire, _):
        await wire.exchange("GET", "/one")
        await asyncio.sleep(0.05)
        assert (await wire.exchange("GET", "/two")).content == b"ok"
        with pytest.raises(Dropped):
            await wire.exchange("GET", "/half")


async def test_a_cancelled_question_never_leaves_its_answer_to_the_next():
    async def handle(head: bytes, writer: asyncio.StreamWriter) -> bool:
        if b"/slow" in head:
            await asyncio.sleep(0.2)
        writer.write(answer(head.split(b" ")[1]))
        return True

    async with engine(handle) as (wire, _):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await wire.exchange("GET", "/slow")
        await asyncio.sleep(0.3)
        assert (await wire.exchange("GET", "/next")).content == b"/next"


async def test_what_is_no_answer_of_an_engine_is_dropped_and_nobody_there_is_no_answer():
    async def handle(_head: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nendless")
        return False

    async with engine(handle) as (wire, _):
        with pytest.raises(Dropped):
            await wire.exchange("GET", "/one")
    with pytest.raises(NoAnswer):
        await wire.exchange("GET", "/one")


async def test_more_questions_than_the_engine_allows_on_one_connection(town_roads: Roads):
    """osrm-routed hangs up after 512 requests, in the middle of whatever we do."""
    first = await town_roads.snap([town.CENTER])
    for _ in range(1_100):
        assert await town_roads.snap([town.CENTER]) == first
