"""GraphiQL in a real browser on a real server: nothing from another host, a strict content policy, a key entered once."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from tests.portal.chromium import Page
from tests.portal.conftest import Shop


async def sign_in(page: Page, shop: Shop) -> None:
    await page.goto(f"{shop.url}/graphql")
    await page.click("#token")
    await page.type(f"Bearer {shop.key}")
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


async def picture(page: Page, name: str) -> None:
    """Keep a screenshot where DOORSTEP_SCREENSHOTS says, for people to look at."""
    if folder := os.environ.get("DOORSTEP_SCREENSHOTS"):
        await page.screenshot(Path(folder) / f"{name}.png")


async def test_the_first_example_answers_who_i_am(page: Page, shop: Shop) -> None:
    await sign_in(page, shop)
    await page.wait_for("document.querySelector('.graphiql-query-editor .view-line')?.innerText.includes('Who')")
    await page.click(".graphiql-execute-button")
    await page.wait_for(shown("Corner Shop"))
    await picture(page, "graphiql-viewer")


async def test_a_key_entered_once_serves_queries_subscriptions_and_docs(page: Page, shop: Shop) -> None:
    await sign_in(page, shop)
    await run(page, "Who", "query Who { viewer { tenant { name } } }")
    await page.wait_for(shown("Corner Shop"))

    await run(page, "Watch", "subscription Watch { events { kind cursor } }")
    await page.wait_for(shown("CAUGHT_UP"))
    await page.click(".graphiql-execute-button")

    await page.click("button[aria-label='Show Documentation Explorer']")
    await page.wait_for("document.querySelector('.graphiql-doc-explorer')?.innerText.includes('Subscription')")
    await picture(page, "graphiql-subscription")

    assert await page.evaluate("sessionStorage.getItem('doorstep:token')") == shop.key
    assert shop.key not in await page.evaluate("JSON.stringify(localStorage)")
    assert page.complaints == []


async def test_everything_comes_from_the_server_itself(page: Page, shop: Shop) -> None:
    await sign_in(page, shop)
    await run(page, "Watch", "subscription Watch { events { kind cursor } }")
    await page.wait_for(shown("CAUGHT_UP"))
    hosts = {urlsplit(address).netloc for address in page.requests if not address.startswith(("about:", "data:"))}
    assert hosts == {urlsplit(shop.url).netloc}
    assert not any(shop.key in address for address in page.requests)
    assert any("worker" in address for address in page.requests)


async def test_the_key_survives_a_reload_and_can_be_forgotten(page: Page, shop: Shop) -> None:
    await sign_in(page, shop)
    await page.goto(f"{shop.url}/graphql")
    await page.wait_for("document.querySelector('.token-bar [role=status]')")
    await page.click(".token-bar button")
    await page.wait_for("document.querySelector('#token')")
    assert await page.evaluate("sessionStorage.getItem('doorstep:token')") is None


async def test_the_saved_examples_are_tabs(page: Page, shop: Shop) -> None:
    await sign_in(page, shop)
    await page.wait_for("document.querySelectorAll('.graphiql-tab').length > 1")
    examples = await page.evaluate("fetch('/static/pages/examples.json').then(answer => answer.json())")
    assert await page.evaluate("document.querySelectorAll('.graphiql-tab').length") == len(examples)


async def test_the_page_is_guarded_and_only_for_browsers(shop: Shop) -> None:
    async with httpx.AsyncClient(base_url=shop.url) as client:
        browser = await client.get("/graphql", headers={"accept": "text/html,application/xhtml+xml"})
        program = await client.get("/graphql", headers={"accept": "application/json"})
    assert browser.headers["content-type"].startswith("text/html")
    policy = browser.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert program.headers["content-type"].startswith("application/")
