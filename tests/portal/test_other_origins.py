"""A page of another origin in a real browser: with its company's leave it asks, follows and reads what it cost; without, it can do none of it."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.kernel.test_limits_over_http import Place, place
from tests.kernel.test_origins import allow
from tests.portal.chromium import Page

from doorstep.kernel.db import DatabaseUrls
from doorstep.kernel.graphql.origins import Origins

WHO = "query Who { viewer { tenant { slug } } }"
WATCH = "subscription Watch { events { kind } }"
REGISTER = "mutation ($t: [String!]!) { registerDocuments(input: { documents: $t }) { problems { code } } }"
DEAR = "{ __schema { queryType { name } } }"

DOOR = """
const kept = {};
for (const name of ["x-request-id", "x-cost-requested", "x-cost-actual", "ratelimit", "retry-after"]) kept[name] = null;
async function ask(url, method, body, key) {
  const headers = { authorization: `Bearer ${key}` };
  if (body) headers["content-type"] = "application/json";
  try {
    const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
    const seen = Object.fromEntries(Object.keys(kept).map((name) => [name, answer.headers.get(name)]));
    return { status: answer.status, body: await answer.json(), ...seen };
  } catch (error) { return { error: error.name }; }
}
async function follow(url, body, key) {
  const stop = new AbortController();
  try {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", accept: "text/event-stream" };
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal: stop.signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("CAUGHT_UP") && !text.includes("errors")) {
      const { done, value } = await reader.read();
      if (done) break;
      text += value;
    }
    return { status: answer.status, text };
  } catch (error) { return { error: error.name }; } finally { stop.abort(); }
}
function socket(url, body, key) {
  return new Promise((resolve) => {
    const told = [];
    const open = new WebSocket(url.replace("http", "ws"), "graphql-transport-ws");
    open.onopen = () => open.send(JSON.stringify({ type: "connection_init", payload: { Authorization: `Bearer ${key}` } }));
    open.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      told.push(message.type);
      if (message.type === "connection_ack") open.send(JSON.stringify({ id: "1", type: "subscribe", payload: body }));
      else { open.close(); resolve({ told, last: message.payload }); }
    };
    open.onclose = ({ code }) => resolve({ told, code });
  });
}
"""


@asynccontextmanager
async def site() -> AsyncIterator[str]:
    """Another site, with one empty page; its origin."""
    page = b"<!doctype html><title>Another site</title><p>Ready"
    head = f"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {len(page)}\r\nconnection: close\r\n\r\n".encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + page)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class Visitor:
    """A tab on another site, and what its script can do."""

    def __init__(self, page: Page, here: Place) -> None:
        self.page = page
        self.here = here

    async def visit(self, origin: str) -> None:
        await self.page.goto(f"{origin}/")
        await self.page.wait_for("document.body?.innerText.includes('Ready')")
        await self.page.evaluate(f"(() => {{ {DOOR} Object.assign(window, {{ ask, follow, socket }}) }})()")

    async def _call(self, function: str, *arguments: Any) -> dict[str, Any]:
        call = f"{function}({', '.join(json.dumps(one) for one in (*arguments, self.here.key))})"
        told: dict[str, Any] = await asyncio.wait_for(self.page.evaluate(call), 30)
        return told

    async def post(self, **body: Any) -> dict[str, Any]:
        return await self._call("ask", self.here.server.graphql_url, "POST", body)

    async def get(self, **parameters: str) -> dict[str, Any]:
        query = "&".join(f"{name}={value.replace(':', '%3A')}" for name, value in parameters.items())
        return await self._call("ask", f"{self.here.server.graphql_url}?{query}", "GET", None)

    async def follow(self, **body: Any) -> dict[str, Any]:
        return await self._call("follow", self.here.server.graphql_url, body)

    async def socket(self, **body: Any) -> dict[str, Any]:
        return await self._call("socket", self.here.server.graphql_url, body)

    async def everything(self) -> dict[str, dict[str, Any]]:
        """One answer to each way of asking."""
        who, watch = hashed(WHO), hashed(WATCH)
        return {
            "POST": await self.post(query=WHO),
            "POST by id": await self.post(documentId=who),
            "GET by id": await self.get(documentId=who),
            "stream": await self.follow(query=WATCH),
            "stream by id": await self.follow(documentId=watch),
            "socket": await self.socket(query=WATCH),
            "socket by id": await self.socket(documentId=watch),
        }


def hashed(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@pytest.fixture
async def visitor(page: Page, database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Visitor]:
    small = {"max_cost": 1_000, "bucket_points": 1_000, "bucket_points_per_second": 1}
    async with place(database_urls, tmp_path, **small) as here:
        registered = (await here.ask(REGISTER, variables={"t": [WHO, WATCH]})).json()["data"]["registerDocuments"]
        assert registered["problems"] == []
        yield Visitor(page, here)


async def test_a_page_that_its_company_allows_can_do_all_that_a_program_can(visitor: Visitor) -> None:
    async with site() as origin:
        await allow(visitor.here, origin)
        await visitor.visit(origin)
        told = await visitor.everything()
        for way in ("POST", "POST by id", "GET by id"):
            assert told[way]["body"]["data"] == {"viewer": {"tenant": {"slug": "shop"}}}
            assert told[way]["x-request-id"]
            assert int(told[way]["x-cost-requested"]) >= int(told[way]["x-cost-actual"]) >= 0
            assert told[way]["ratelimit"]
        for way in ("stream", "stream by id"):
            assert told[way]["status"] == 200
            assert '"CAUGHT_UP"' in told[way]["text"]
        for way in ("socket", "socket by id"):
            assert told[way]["told"] == ["connection_ack", "next"]
            assert told[way]["last"]["data"]["events"]["kind"] == "CAUGHT_UP"
        answers = [await visitor.post(query=DEAR) for _ in range(12)]
        waits = [answer["retry-after"] for answer in answers if answer["status"] == 429]
        assert waits
        assert all(int(wait) > 0 for wait in waits)
        assert not any(visitor.here.key in address for address in visitor.page.requests)


def nothing(told: dict[str, dict[str, Any]]) -> bool:
    """Whether a page learned nothing, and was told nothing but that it failed."""
    refused = [answer == {"error": "TypeError"} for way, answer in told.items() if "socket" not in way]
    closed = [answer["told"] == [] and answer["code"] == 1006 for way, answer in told.items() if "socket" in way]
    return all(refused) and all(closed)


async def test_a_page_that_nobody_allows_can_do_nothing_even_with_a_stolen_key(visitor: Visitor) -> None:
    async with site() as allowed, site() as foreign:
        await allow(visitor.here, allowed)
        await visitor.visit(foreign)
        told = await visitor.everything()
        assert nothing(told), told


async def test_an_edge_that_lets_every_page_in_is_caught(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault."""

    async def anybody(self: Origins, origin: str) -> bool:
        return True

    monkeypatch.setattr(Origins, "allowed_by_any", anybody)
    monkeypatch.setattr(Origins, "allowed_for", lambda *_: True)
    async with site() as foreign:
        await visitor.visit(foreign)
        assert not nothing(await visitor.everything())
