"""The driver's page in a real browser of a phone's size, on a real server: what the driver does, also without a network, and what the office sees of it."""

from urllib.parse import urlsplit

from tests.journeys.outsider import Outsider
from tests.portal.chromium import Page
from tests.portal.desk import Desk
from tests.portal.test_portal import press, shows

PHONE = (390, 844)
DOOR = {
    "contact": {"name": "Rosa Näscher", "phone": "+4232345678"},
    "instructions": "Ring twice, the bell is quiet.",
    "accessCode": "4711",
}
ORDERS = "query { orders(first: 50) { nodes { reference status attempts { outcome reason note } } } }"


async def opened(page: Page, desk: Desk, references: list[str], **more: object) -> str:
    """A driver's link, opened on a phone; the server's own address stands in for the installation's public one."""
    orders = await desk.place(*references, **more)
    [route] = await desk.dispatch(orders, ["Ada"])
    link = urlsplit(desk.links[route["id"]])
    assert link.path == "/driver"
    assert link.query == ""
    assert link.fragment.startswith("token=dst_")
    await page.be_a_phone(*PHONE)
    await page.goto(f"{desk.server.url}{link.path}#{link.fragment}")
    await page.wait_for(shows(".bar strong", "Corner Shop"))
    return link.fragment.removeprefix("token=")


async def states(desk: Desk) -> dict[str, str]:
    found = (await desk.office.ask(ORDERS))["orders"]["nodes"]
    return {one["reference"]: one["status"] for one in found}


async def attempts(desk: Desk, reference: str) -> list[dict[str, str]]:
    found = (await desk.office.ask(ORDERS))["orders"]["nodes"]
    [mine] = [one["attempts"] for one in found if one["reference"] == reference]
    return list(mine)


async def office_sees(page: Page, desk: Desk, reference: str, status: str) -> None:
    for _ in range(100):
        if (await states(desk))[reference] == status:
            return
        await page.evaluate("new Promise(done => setTimeout(done, 100))")
    raise AssertionError((reference, status, await states(desk)))


async def write(page: Page, label: str, text: str) -> None:
    """Type into the field with this label."""
    field = f"[...document.querySelectorAll('label')].find(one => one.innerText.startsWith('{label}'))?.querySelector('input')"
    await page.wait_for(field)
    await page.evaluate(f"{field}.focus()")
    await page.type(text)


async def choose(page: Page, value: str) -> None:
    await page.wait_for("document.querySelector('select')")
    await page.evaluate(
        "(() => { const list = document.querySelector('select');"
        f" Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, 'value').set.call(list, '{value}');"
        " list.dispatchEvent(new Event('change', { bubbles: true })) })()"
    )


async def fits(page: Page) -> bool:
    """Nothing is wider than the screen, and what is pressed is large enough for a thumb."""
    small = "[...document.querySelectorAll('button, a.wide, input:not([type=checkbox]), select')].filter(one => one.getBoundingClientRect().height < 44)"
    wide: bool = await page.evaluate(
        f"document.documentElement.scrollWidth <= {PHONE[0]} && {small}.every(one => !one.offsetParent)"
    )
    return wide


async def current(page: Page) -> str:
    """The reference at the stop that is worked now."""
    return str(await page.evaluate("document.querySelector('.current .order h3').childNodes[0].textContent.trim()"))


async def test_a_round_on_the_phone(page: Page, desk: Desk) -> None:
    token = await opened(page, desk, ["D-1", "D-2"], dropoff=DOOR, proofRequired={"kinds": ["PIN"], "pin": "2468"})
    assert "#" not in await page.evaluate("location.href")
    await page.wait_for(shows(".current .head", "Load at the depot"))
    await page.picture("driver-start")
    assert await fits(page)
    await press(page, "Loaded, start")
    await page.wait_for(shows(".current .head", "Rosa Näscher"))
    first = await current(page)
    await office_sees(page, desk, first, "PICKED_UP")
    await a_door_as_it_is_shown(page, first)
    await press(page, "Set off")
    await office_sees(page, desk, first, "EN_ROUTE_TO_DROPOFF")
    await press(page, "Arrived")
    await office_sees(page, desk, first, "AT_DROPOFF")
    await a_pin_that_was_wrong_at_first(page, desk, first)

    second = await current(page)
    assert second != first
    await press(page, "Failed")
    await choose(page, "OTHER")
    await write(page, "Note", "A dog behind the gate")
    await page.picture("driver-fail")
    await press(page, "Failed")
    await office_sees(page, desk, second, "ATTEMPT_FAILED")
    assert await attempts(desk, second) == [{"outcome": "FAILED", "reason": "OTHER", "note": "A dog behind the gate"}]
    await page.wait_for(shows(".current .head", "Back to the depot"))
    await press(page, "Arrived")
    await press(page, "Done")
    await page.wait_for(shows(".message", "No route now"))
    await office_sees(page, desk, second, "AWAITING_REATTEMPT")
    # The page kept people's names and addresses no longer than their route.
    assert "Rosa" not in await page.evaluate("JSON.stringify(localStorage)")
    assert not any(token in address for address in page.requests if "#" not in address)
    hosts = {urlsplit(address).netloc for address in page.requests if not address.startswith(("about:", "data:"))}
    assert hosts == {urlsplit(desk.portal).netloc}
    assert page.complaints == []


async def a_door_as_it_is_shown(page: Page, reference: str) -> None:
    details = await page.evaluate("document.querySelector('.current').innerText")
    for said in ("Ring twice", "4711", "Call Rosa", "Navigate", reference):
        assert said in details
    assert await page.evaluate("document.querySelector('.current a[href^=\"tel:\"]').href") == "tel:+4232345678"
    assert "47.1" in await page.evaluate("document.querySelector('.current a.wide').href")
    await page.picture("driver-stop")
    assert await fits(page)


async def a_pin_that_was_wrong_at_first(page: Page, desk: Desk, reference: str) -> None:
    """It is said at the stop, and the next try settles it."""
    await press(page, "Done")
    await write(page, "PIN", "1111")
    await write(page, "Note", "Handed over at the door")
    await page.picture("driver-complete")
    assert await fits(page)
    await press(page, "Delivered")
    await page.wait_for(shows(".current [role=alert]", "PIN is wrong"))
    await page.picture("driver-refused")
    assert (await states(desk))[reference] == "AT_DROPOFF"
    await press(page, "Done")
    await write(page, "PIN", "2468")
    await press(page, "Delivered")
    await office_sees(page, desk, reference, "DELIVERED")
    await page.wait_for("!document.querySelector('[role=alert]')")


async def test_work_goes_on_without_a_network_and_over_reloads(page: Page, desk: Desk) -> None:
    await opened(page, desk, ["E-1", "E-2"], dropoff=DOOR)
    await page.wait_for("caches.keys().then(names => names.length > 0)")
    await page.goto(f"{desk.server.url}/driver")  # from now on the page is watched by its worker
    await page.wait_for("navigator.serviceWorker.controller")
    await page.wait_for(shows(".current .head", "Load at the depot"))
    await page.offline(True)
    await press(page, "Loaded, start")
    await page.wait_for(shows(".current .head", "Rosa"))
    first = await current(page)
    await press(page, "Arrived")
    await page.wait_for(shows(".line", "2 acts wait"))
    await page.picture("driver-offline")

    await page.goto(f"{desk.server.url}/driver")
    await page.wait_for(shows(".line", "2 acts wait"))
    await page.wait_for(shows(".current .head", "Rosa"))
    assert await current(page) == first
    await press(page, "Done")
    await press(page, "Delivered")
    await page.wait_for(shows(".line", "3 acts wait"))
    second = await current(page)
    assert await states(desk) == {"E-1": "ASSIGNED", "E-2": "ASSIGNED"}

    await page.offline(False)
    await page.evaluate("window.dispatchEvent(new Event('online'))")
    await office_sees(page, desk, first, "DELIVERED")
    await page.wait_for("!document.querySelector('.line').innerText.includes('wait')")
    assert (await states(desk))[second] == "PICKED_UP"
    assert len(await attempts(desk, first)) == 1


async def test_an_answer_that_was_lost_is_asked_for_again_and_the_act_is_done_once(page: Page, desk: Desk) -> None:
    await opened(page, desk, ["G-1"], dropoff=DOOR)
    await page.wait_for(shows(".current .head", "Load at the depot"))
    # The server carries the act out, the answer never arrives: the first time only.
    await page.evaluate(
        "(() => { const real = window.fetch; let lost = false; window.sent = [];"
        " window.fetch = async (...asked) => { const body = asked[1]?.body ?? '';"
        "  const answer = await real(...asked);"
        "  if (body.includes('advanceStop')) { window.sent.push(JSON.parse(body).variables.input.actId);"
        "   if (!lost) { lost = true; throw new TypeError('lost') } }"
        "  return answer } })()"
    )
    await press(page, "Loaded, start")
    await page.wait_for("window.sent.length === 2")
    await page.wait_for(shows(".current .head", "Rosa"))
    assert len(set(await page.evaluate("window.sent"))) == 1
    await page.wait_for("!document.querySelector('[role=alert]')")
    assert await states(desk) == {"G-1": "PICKED_UP"}


async def test_the_manifest_and_a_link_that_ended(page: Page, desk: Desk) -> None:
    token = await opened(page, desk, ["F-1", "F-2", "F-3"], dropoff=DOOR)
    await page.goto(f"{desk.server.url}/driver/manifest")
    await page.wait_for("document.querySelectorAll('.manifest tbody tr').length === 5")
    shown = await page.evaluate("document.querySelector('.manifest').innerText")
    for said in ("Corner Shop", "F-1", "F-2", "F-3", "Rosa Näscher", "Städtle 49", "Ring twice", "3 stops"):
        assert said in shown
    await page.picture("driver-manifest")
    other = await desk.office.change(
        "mutation ($input: RevokeAccessTokenInput!) { revokeAccessToken(input: $input) { problems { code } } }",
        id=await token_id(desk, token),
    )
    assert other["problems"] == []
    # A revocation counts within five seconds; the page asks by itself every twenty, and whenever the network comes back.
    await page.evaluate("setInterval(() => window.dispatchEvent(new Event('online')), 1000)")
    await page.wait_for(shows(".message", "needs a link"), within=20)
    assert "Rosa" not in await page.evaluate("JSON.stringify(localStorage)")
    assert token not in await page.evaluate("JSON.stringify(localStorage)")


async def token_id(desk: Desk, token: str) -> str:
    async with Outsider(desk.server, token) as driver:
        return str((await driver.ask("{ viewer { tokenId } }"))["viewer"]["tokenId"])


async def test_an_offer_is_taken_on_the_phone(page: Page, desk: Desk) -> None:
    policy = {"dispatch": {"enabled": True, "offerSeconds": 120, "mostOrders": 4}}
    made = "mutation ($input: UpdateTenantInput!) { updateTenant(input: $input) { problems { code } } }"
    await opened(page, desk, ["H-1"], dropoff=DOOR)
    await page.wait_for(shows(".current .head", "Load at the depot"))
    await desk.office.change(made, policies=policy)
    await desk.place("H-2")
    await page.wait_for(shows(".offer", "H-2"), within=40)
    await page.picture("driver-offer")
    assert await fits(page)
    await press(page, "I take it")
    await page.wait_for("!document.querySelector('.offer')")
    await office_sees(page, desk, "H-2", "ASSIGNED")
    await page.wait_for(shows(".stops .current", "H-2"), within=30)
    assert page.complaints == []
