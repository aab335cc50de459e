"""README's Python recipe: its block is taken from the page and run as it stands."""

import asyncio
import re
from types import ModuleType
from typing import Any

import pytest
from gql.transport.exceptions import TransportConnectionFailed
from tests.clients.conftest import Shop
from tests.clients.nodejs import REPOSITORY
from tests.faults.clients import Api, order_input
from tests.faults.conftest import Home
from tests.faults.processes import serving


def recipe(url: str, key: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What the block defines, for a server and a key."""
    page = (REPOSITORY / "README.md").read_text("utf-8")
    [block] = re.findall(r"^<!-- python:[^\n]*\n```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    monkeypatch.setenv("DOORSTEP_URL", url)
    monkeypatch.setenv("DOORSTEP_KEY", key)
    module = ModuleType("recipe")
    exec(compile(block, "README.md", "exec"), module.__dict__)
    return module


def order(reference: str) -> dict[str, Any]:
    made = order_input(reference)
    del made["idempotencyKey"]
    return {**made, "reference": reference}


async def test_an_order_sent_twice_is_one_order(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    python = recipe(shop.server.url, shop.key, monkeypatch)
    first = await python.create_order(order("P-1"))
    assert await python.create_order(order("P-1")) == first
    with pytest.raises(ValueError, match="must not be empty"):
        await python.create_order({**order("P-2"), "dropoff": {"address": {"line1": "", "city": ""}}})


async def test_a_stream_with_a_bad_key_ends_with_an_error(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    python = recipe(shop.server.url, "dsk_live_nobody", monkeypatch)
    async with asyncio.timeout(20):
        with pytest.raises(TransportConnectionFailed):
            await anext(python.resume_events())


async def test_the_stream_goes_on_when_the_server_is_killed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(home.path, home.log, count=2) as [server, other]:
        python = recipe(server.url, home.key, monkeypatch)
        elsewhere = recipe(other.url, home.key, monkeypatch)
        stream = python.resume_events()
        async with asyncio.timeout(60):
            assert (await anext(stream))["kind"] == "CAUGHT_UP"
            await python.create_order(order("K-1"))
            told = [(await anext(stream))["cursor"]]
            server.kill()
            await elsewhere.create_order(order("K-2"))
            await server.start()
            await python.create_order(order("K-3"))
            while len(told) < 3:
                item = await anext(stream)
                if item["kind"] == "EVENT":
                    told.append(item["cursor"])
        await stream.aclose()
        async with Api(server.graphql_url, home.key) as api:
            log = await api.data("{ events(first: 50) { nodes { cursor } } }")
    assert told == [node["cursor"] for node in log["events"]["nodes"]]
