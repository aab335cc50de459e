"""Requests that never end: what comes in before anybody could be asked who it is has a size and a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from doorstep import server as server_module
from doorstep.kernel.db import DatabaseUrls
from doorstep.server import MAX_HEAD_BYTES, Server, running_server
from doorstep.settings import Settings

POST = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "a header": (b"GET /graphql HTTP/1.1\r\nHost: x\r\nX-A: ", b"a" * 16_384),
    "headers": (b"GET /graphql HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n" * 2_048),
    "an address": (b"GET /graphql?query=", b"a" * 16_384),
    "trailers": (POST + b"2\r\n{}\r\n0\r\n", b"X-A: b\r\n" * 2_048),
}


@asynccontextmanager
async def serving(urls: DatabaseUrls, home: Path) -> AsyncIterator[Server]:
    settings = Settings(_env_file=None, home=home, roads="straight", drain_seconds=2)  # type: ignore[call-arg]
    async with running_server(settings, urls, work=False, port=0) as server:
        yield server


async def is_cut_off(server: Server, begin: bytes, more: bytes) -> bool:
    """Whether somebody who goes on and on is stopped."""
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(begin)
    try:
        for _ in range(60 * MAX_HEAD_BYTES // len(more)):
            writer.write(more)
            await writer.drain()
            await asyncio.sleep(0.002)
    except ConnectionError:
        return True
    finally:
        writer.close()
    return False


async def test_a_request_without_an_end_is_cut_off(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    async with serving(database_urls, tmp_path) as server:
        for what, (begin, more) in ENDLESS.items():
            assert await is_cut_off(server, begin, more), what
        async with httpx.AsyncClient() as http:
            large = {"x-large": "a" * (MAX_HEAD_BYTES // 4)}
            assert (await http.get(f"{server.url}/health/live", headers=large)).status_code == 200


async def test_a_request_that_does_not_come_is_not_waited_for(
    database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "REQUEST_SECONDS", 0.3)
    async with serving(database_urls, tmp_path) as server:
        for begun in (b"", b"GET /graphql HTTP/1.1\r\nHost: x\r\n", POST, POST + b"2\r\n{}\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(begun)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await asyncio.wait_for(reader.readexactly(1), 10)
            writer.close()
        async with httpx.AsyncClient() as http:
            for _ in range(3):
                assert (await http.get(f"{server.url}/health/live")).status_code == 200
                await asyncio.sleep(0.4)
