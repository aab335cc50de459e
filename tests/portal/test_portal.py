"""The example portal in a real browser on a real server: what a company's people would see."""

import json
from urllib.parse import urlsplit

import httpx
from tests.portal.chromium import Page
from tests.portal.desk import Desk, Token


async def sign_in(page: Page, desk: Desk, token: Token) -> None:
    await page.goto(desk.portal)
    await page.click("#token")
    await page.type(token.secret)
    await page.enter()
    await page.wait_for("document.querySelector('.bar strong')?.innerText === 'Corner Shop'")


def shows(selector: str, text: str) -> str:
    """JavaScript: an element is there and holds a text."""
    return f"document.querySelector({json.dumps(selector)})?.innerText.includes({json.dumps(text)})"


def row(reference: str) -> str:
    """JavaScript: an order's line in the list."""
    return f"[...document.querySelectorAll('tbody tr')].find(row => row.innerText.startsWith({json.dumps(reference)}))"


def rows(count: int) -> str:
    return f"document.querySelectorAll('tbody tr').length === {count}"


async def narrow(page: Page, name: str) -> None:
    """Choose from the list of filters, as a person does."""
    await page.evaluate(
        "(() => { const list = document.querySelector('#status');"
        f" list.value = [...list.options].find(option => option.text === {json.dumps(name)}).value;"
        " list.dispatchEvent(new Event('change', { bubbles: true })) })()"
    )


async def press(page: Page, name: str) -> None:
    """Press the button with this name."""
    found = f"[...document.querySelectorAll('button')].find(button => button.innerText.trim() === {json.dumps(name)})"
    await page.wait_for(f"{found} && !{found}.disabled")
    await page.evaluate(f"{found}.click()")


async def test_a_day_as_it_happens(page: Page, desk: Desk) -> None:
    orders = await desk.place(*(f"A-{number}" for number in range(1, 9)))
    routes = await desk.dispatch(orders, ["Ada", "Ben"])
    token = await desk.token()
    await sign_in(page, desk, token)
    await page.wait_for(shows(".live", "Live"))
    await page.wait_for(rows(8))
    route = routes[0]
    start, first, second = route["stops"][0], route["stops"][1], route["stops"][2]
    reference = first["orders"][0]["reference"]
    await page.wait_for(f"{row(reference)}?.innerText.includes('Assigned')")

    # By keyboard alone: the order's name is a button.
    await page.evaluate(f"{row(reference)}.querySelector('button').focus()")
    await page.enter()
    await page.wait_for(shows(".timeline h2", reference))
    await page.wait_for(shows(".timeline ol", "Order placed"))

    await desk.act(start, "COMPLETE")
    await desk.act(first, "DEPART", "ARRIVE", "COMPLETE")
    await desk.act(second, "DEPART", "ARRIVE", "FAIL")
    await page.wait_for(f"{row(reference)}?.innerText.includes('Delivered')")
    await page.wait_for(shows(".timeline ol", "Delivered"))
    failed = second["orders"][0]["reference"]
    await page.wait_for(f"{row(failed)}?.innerText.includes('Attempt failed')")

    await desk.place("A-9")
    await press(page, "Show 1 new")
    await page.wait_for(rows(9))
    await page.picture("portal-orders")

    await press(page, "Map")
    await page.wait_for("document.querySelectorAll('svg polyline').length === 2")
    await page.wait_for("document.querySelectorAll('g circle.good').length === 1")
    assert await page.evaluate("document.querySelectorAll('g circle').length") == 8
    await desk.act(route["stops"][3], "DEPART", "ARRIVE")
    await page.wait_for("document.querySelectorAll('g circle.moving').length === 1")
    assert await page.evaluate("document.querySelectorAll('.map li').length") == 2
    await page.picture("portal-map")
    await page.click(".map li button")
    await page.wait_for("document.querySelectorAll('svg g.faded').length === 1")

    hosts = {urlsplit(address).netloc for address in page.requests if not address.startswith(("about:", "data:"))}
    assert hosts == {urlsplit(desk.portal).netloc}
    assert not any(token.secret in address for address in page.requests)
    assert token.secret not in await page.evaluate("JSON.stringify(localStorage) + document.cookie")
    assert sum(address.startswith("ws:") for address in page.requests) == 1
    assert page.complaints == []


async def test_lists_are_narrowed_and_paged(page: Page, desk: Desk) -> None:
    await sign_in(page, desk, await desk.token())
    await page.wait_for(shows(".empty", "No orders here"))
    await page.picture("portal-empty")
    await press(page, "Map")
    await page.wait_for(shows(".empty", "No route"))
    await press(page, "Orders")

    await desk.place(*(f"B-{number:02}" for number in range(1, 26)))
    await page.wait_for("document.querySelector('.orders').innerText.includes('Show 25 new')")
    await press(page, "Show 25 new")
    await page.wait_for(rows(20))
    seen = set(await page.evaluate("[...document.querySelectorAll('tbody th')].map(cell => cell.innerText)"))
    await press(page, "Next")
    await page.wait_for(rows(5))
    seen |= set(await page.evaluate("[...document.querySelectorAll('tbody th')].map(cell => cell.innerText)"))
    assert seen == {f"B-{number:02}" for number in range(1, 26)}
    assert await page.evaluate("[...document.querySelectorAll('button')].find(b => b.innerText === 'Next').disabled")

    await narrow(page, "Delivered")
    await page.wait_for(shows(".orders", "0 orders"))
    await narrow(page, "Waiting for a plan")
    await page.wait_for(shows(".orders", "25 orders"))
    await page.wait_for(shows(".orders", "Page 1"))
    assert page.complaints == []


async def test_what_a_token_may_not_and_when_it_ends(page: Page, desk: Desk) -> None:
    await desk.place("C-1")
    await page.goto(desk.portal)
    await page.click("#token")
    await page.type("dsk_live_something")
    await page.enter()
    await page.wait_for(shows("[role=alert]", "Keys stay with your backend"))
    assert await page.evaluate("JSON.stringify(sessionStorage)") == "{}"
    await page.goto(desk.portal)
    await page.click("#token")
    await page.type("dst_nobody")
    await page.enter()
    await page.wait_for(shows("[role=alert]", "not valid"))
    await page.picture("portal-sign-in")

    narrow_token = await desk.token("orders:read")
    await sign_in(page, desk, narrow_token)
    await page.wait_for(rows(1))
    await page.wait_for(shows(".live", "Not live"))
    await press(page, "Map")
    await page.wait_for(shows("[role=alert]", "Your token may not see this"))
    await page.picture("portal-forbidden")
    await press(page, "Sign out")
    await page.wait_for("document.querySelector('#token')")

    token = await desk.token()
    await sign_in(page, desk, token)
    await page.wait_for(shows(".live", "Live"))
    await page.goto(desk.portal)
    await page.wait_for(shows(".live", "Live"))
    await desk.revoke(token)
    await page.wait_for(shows("[role=alert]", "not valid, or not any more"))
    assert await page.evaluate("JSON.stringify(sessionStorage)") == "{}"


async def test_the_page_is_guarded_and_the_schema_is_served(desk: Desk) -> None:
    async with httpx.AsyncClient(base_url=desk.server.url) as client:
        portal = await client.get("/portal")
        schema = await client.get("/schema.graphql")
    assert portal.headers["content-type"].startswith("text/html")
    policy = portal.headers["content-security-policy"]
    for rule in ("default-src 'none'", "script-src 'self';", "connect-src 'self'", "frame-ancestors 'none'"):
        assert rule in policy
    assert schema.headers["content-type"].startswith("text/plain")
    assert "type Subscription" in schema.text
