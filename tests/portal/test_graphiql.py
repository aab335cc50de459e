"""GraphiQL in a real browser: built into the package, no other host, strict about content, a key entered once."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send
from strawberry.asgi import GraphQL
from tests.portal.chromium import Page

KEY = "dsk_test_0123456789"
# What a careful operator sends with the page. GraphiQL's editor makes style elements; nothing else needs leave.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
    "img-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@strawberry.type
class Query:
    @strawberry.field(description="What the page asks for.")
    def greeting(self, name: str = "nobody") -> str:
        return f"good morning {name}"


@strawberry.type
class Subscription:
    @strawberry.subscription(description="Counts up to three.")
    async def count(self, info: strawberry.Info) -> AsyncIterator[str]:
        credential = info.context["connection_params"].get("Authorization")
        for number in range(1, 4):
            yield f"number {number} for {credential}"


class Protected:
    """A small GraphQL server behind one key: it shows what the page sends, not what Doorstep answers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._api: GraphQL[Any, Any] = GraphQL(strawberry.Schema(Query, subscription=Subscription))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._api(scope, receive, send)
            return
        request = Request(scope)
        answer: Response
        if request.method == "GET":
            headers = {"content-security-policy": CONTENT_SECURITY_POLICY}
            answer = FileResponse(self._folder / "index.html", headers=headers)
        elif request.headers.get("authorization") != f"Bearer {KEY}":
            answer = JSONResponse({"errors": [{"message": "Sign in with an API key."}]}, status_code=401)
        else:
            await self._api(scope, receive, send)
            return
        await answer(scope, receive, send)


@contextlib.asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """The address of an application on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_level="warning", lifespan="off", ws="websockets-sansio")
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await running


@pytest.fixture
async def server(built_pages: Path) -> AsyncIterator[str]:
    endpoint = Protected(built_pages)
    routes = [
        Route("/graphql", endpoint),
        WebSocketRoute("/graphql", endpoint),
        Mount("/static/graphiql", StaticFiles(directory=built_pages)),
    ]
    async with serving(Starlette(routes=routes)) as address:
        yield address


async def sign_in(page: Page, address: str) -> None:
    await page.goto(f"{address}/graphql")
    await page.click("#token")
    await page.type(f"Bearer {KEY}")
    await page.click(".token-bar button")
    await page.wait_for("document.querySelector('.token-bar [role=status]')")


async def run(page: Page, name: str, document: str) -> None:
    """Put a named document into the editor's current tab and press the play button once the page has read it."""
    await page.click(".graphiql-query-editor .monaco-editor .view-lines")
    await page.press("a", control=True)
    await page.type(document)
    await page.wait_for(f"document.querySelector('.graphiql-tab-active')?.innerText.trim() === {name!r}")
    await page.click(".graphiql-execute-button")


def shown(text: str) -> str:
    """JavaScript: the answer contains a text. The editor draws spaces as non-breaking ones."""
    return f"document.querySelector('.graphiql-response')?.innerText.replaceAll('\\u00a0', ' ').includes({text!r})"


async def test_a_key_entered_once_serves_queries_subscriptions_and_docs(page: Page, server: str) -> None:
    await sign_in(page, server)
    await run(page, "Greet", 'query Greet { greeting(name: "Ada") }')
    await page.wait_for(shown("good morning Ada"))

    await run(page, "Count", "subscription Count { count }")
    await page.wait_for(shown(f"number 3 for Bearer {KEY}"))

    await page.click("button[aria-label='Show Documentation Explorer']")
    await page.wait_for("document.querySelector('.graphiql-doc-explorer')?.innerText.includes('Query')")
    if folder := os.environ.get("DOORSTEP_SCREENSHOTS"):
        await page.screenshot(Path(folder) / "graphiql.png")

    assert await page.evaluate("sessionStorage.getItem('doorstep:token')") == KEY
    assert KEY not in await page.evaluate("JSON.stringify(localStorage)")
    # GraphiQL asks for the schema before the key is entered, too.
    assert [said for said in page.complaints if "401 (Unauthorized)" not in said] == []


async def test_everything_comes_from_the_server_itself(page: Page, server: str) -> None:
    await sign_in(page, server)
    await run(page, "Count", "subscription Count { count }")
    await page.wait_for(shown("number 3"))
    hosts = {urlsplit(address).netloc for address in page.requests if not address.startswith(("about:", "data:"))}
    assert hosts == {urlsplit(server).netloc}
    assert not any(KEY in address for address in page.requests)
    assert any("worker" in address for address in page.requests)


async def test_the_key_survives_a_reload_and_can_be_forgotten(page: Page, server: str) -> None:
    await sign_in(page, server)
    await page.goto(f"{server}/graphql")
    await page.wait_for("document.querySelector('.token-bar [role=status]')")
    await page.click(".token-bar button")
    await page.wait_for("document.querySelector('#token')")
    assert await page.evaluate("sessionStorage.getItem('doorstep:token')") is None


async def test_the_saved_examples_are_tabs(page: Page, server: str) -> None:
    await sign_in(page, server)
    await page.wait_for("document.querySelectorAll('.graphiql-tab').length > 0")
    examples = await page.evaluate("fetch('/static/graphiql/examples.json').then(answer => answer.json())")
    assert await page.evaluate("document.querySelectorAll('.graphiql-tab').length") == len(examples)
