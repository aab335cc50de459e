"""The recipient's page in a real browser of a phone's size, on a real server: what they see while the van comes, and when their link is over."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
from tests.portal.chromium import Page
from tests.portal.desk import Desk
from tests.portal.test_portal import shows

PHONE = (390, 844)
LINK = "query($id: ID!) { order(by: { id: $id }) { trackingUrl } }"
VEHICLE = "query($id: ID!) { route(id: $id) { vehicle { id } } }"
REVOKE = "mutation ($input: RevokeTrackingInput!) { revokeTracking(input: $input) { problems { code message path } } }"
REPORT = "mutation ($input: ReportPositionsInput!) { reportPositions(input: $input) { results { kept } problems { code message path } } }"
RENAME = "mutation ($input: UpdateTenantInput!) { updateTenant(input: $input) { problems { code message path } } }"
OVER = shows("h1", "This link is not good any more")


async def address(desk: Desk, order: str) -> str:
    """The link of the message; the server's own address stands in for the installation's public one."""
    link = urlsplit((await desk.office.ask(LINK, id=order))["order"]["trackingUrl"])
    return f"{desk.server.url}{link.path}#{link.fragment}"


async def test_a_delivery_on_the_phone(page: Page, desk: Desk) -> None:
    hours = {"start": datetime.now(UTC).isoformat(), "end": (datetime.now(UTC) + timedelta(hours=6)).isoformat()}
    [order] = await desk.place("T-1", dropoff={"windows": [hours], "contact": {"name": "Rosa Näscher"}})
    await desk.office.change(RENAME, name="<b>Corner</b> & Shop")
    link = await address(desk, order)
    await page.be_a_phone(*PHONE)
    await page.goto(link)
    await page.wait_for(shows("h1", "We have your order"))
    assert await page.evaluate("document.querySelector('.bar strong').textContent") == "<b>Corner</b> & Shop"
    await page.picture("track-received")
    [route] = await desk.dispatch([order], ["Ada"])
    await page.wait_for(shows("h1", "Your delivery is planned"))
    await page.wait_for(shows(".expected", "Expected today"))
    await desk.act(route["stops"][0], "COMPLETE")
    await page.wait_for(shows("h1", "Your delivery is on its way"))
    await page.wait_for(shows("main", "You are next."))
    await desk.act(route["stops"][1], "DEPART")
    await page.wait_for(shows("h1", "The driver is coming to you"))
    vehicle = (await desk.office.ask(VEHICLE, id=route["id"]))["route"]["vehicle"]["id"]
    here = {"latitude": 47.16, "longitude": 9.51}
    seen = {"vehicleId": vehicle, "coordinates": here, "occurredAt": datetime.now(UTC).isoformat()}
    await desk.office.change(REPORT, positions=[seen])
    await page.wait_for(shows(".near", "km away"))
    await page.picture("track-coming")
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    await desk.act(route["stops"][1], "ARRIVE", "COMPLETE")
    await page.wait_for(shows("h1", "Delivered"))
    await page.wait_for(shows(".delivered", "today"))
    await page.picture("track-delivered")
    text = await page.evaluate("document.body.innerText")
    assert "Ada" not in text
    assert "Rosa" not in text
    token = link.partition("#")[2]
    assert token.startswith("trk_")
    assert not any(token in one.partition("#")[0] for one in page.requests)
    hosts = {urlsplit(one).netloc for one in page.requests if not one.startswith(("about:", "data:"))}
    assert hosts == {urlsplit(desk.server.url).netloc}
    assert page.complaints == []


async def test_links_that_are_over_unknown_or_missing(page: Page, desk: Desk) -> None:
    [order] = await desk.place("T-2")
    link = await address(desk, order)
    await page.goto(link)
    await page.wait_for(shows("h1", "We have your order"))
    await desk.office.change(REVOKE, orderId=order)
    await page.wait_for(OVER, within=15)
    assert await page.evaluate("document.querySelector('.bar')") is None
    asked = len(page.requests)
    await asyncio.sleep(3)
    assert len(page.requests) == asked, "a link that is over is not tried again"
    await page.goto("about:blank")
    await page.goto(link[:-1] + ("0" if link[-1] != "0" else "1"))
    await page.wait_for(OVER)
    await page.goto("about:blank")
    await page.goto(f"{desk.server.url}/track")
    await page.wait_for(shows("h1", "This page needs a link"))


async def test_the_page_waits_out_an_interruption(page: Page, desk: Desk) -> None:
    [order] = await desk.place("T-3")
    await page.goto(await address(desk, order))
    await page.wait_for(shows("h1", "We have your order"))
    await page.offline(True)
    await desk.office.change(
        "mutation ($input: CancelOrderInput!) { cancelOrder(input: $input) { problems { code message path } } }",
        id=order,
    )
    await page.wait_for(shows(".line", "No connection"), within=40)
    await page.offline(False)
    await page.wait_for(shows("h1", "This delivery was cancelled"), within=60)


async def test_the_page_is_served_like_the_others(desk: Desk) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{desk.server.url}/track")
    assert answer.status_code == 200
    assert 'name="robots" content="noindex"' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
