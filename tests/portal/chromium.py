"""A headless Chromium, driven over the DevTools protocol: just what the tests of our pages need.

The protocol is spoken directly, because the usual drivers want a browser build of their own, which a closed network
does not give.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

# Without the switches on background traffic the browser looks for its maker's hosts at every start.
SWITCHES = [
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--metrics-recording-only",
    "--mute-audio",
    "--no-first-run",
    "--password-store=basic",
    "--remote-debugging-port=0",
    "--window-size=1400,900",
]
NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """The browser's program, or None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class PageError(Exception):
    """The page threw, or did not come to what was waited for."""


class Page:
    """One tab: what it logged, what it asked the network for, and how to act in it."""

    def __init__(self, connection: ClientConnection) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._connection = connection
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._session: str | None = None
        self._reader = asyncio.create_task(self._read())

    async def open(self) -> None:
        """Make the tab and listen to it."""
        target = await self._call("Target.createTarget", url="about:blank")
        attached = await self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self._call(f"{domain}.enable")

    async def close(self) -> None:
        """Stop listening."""
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader

    async def goto(self, address: str) -> None:
        """Load an address."""
        answer = await self._call("Page.navigate", url=address)
        if answer.get("errorText"):
            raise PageError(f"{address}: {answer['errorText']}")

    async def evaluate(self, expression: str) -> Any:
        """The JSON value of a JavaScript expression; promises are awaited."""
        answer = await self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise PageError(json.dumps(answer["exceptionDetails"])[:1000])
        return answer["result"].get("value")

    async def wait_for(self, expression: str, within: float = 30.0) -> None:
        """Wait until an expression is true; an element that is there counts."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            with contextlib.suppress(PageError):  # a page that is still loading may throw
                if await self.evaluate(f"Boolean({expression})"):
                    return
            await asyncio.sleep(0.1)
        shown = await self.evaluate("document.body ? document.body.innerText.slice(0, 2000) : ''")
        raise PageError(f"waited {within:.0f} s for {expression}\nthe page shows: {shown}\nit said: {self.complaints}")

    async def click(self, selector: str) -> None:
        """Click the middle of an element, as a mouse does."""
        element = f"document.querySelector({json.dumps(selector)})"
        await self.wait_for(element)
        x, y = await self.evaluate(
            f"(() => {{ const r = {element}.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] }})()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def type(self, text: str) -> None:
        """Type into what has the focus."""
        await self._call("Input.insertText", text=text)

    async def press(self, key: str, *, control: bool = False) -> None:
        """Press one key, with the control key held or not."""
        code = ord(key.upper())
        for kind in ("keyDown", "keyUp"):
            held = {"modifiers": 2} if control else {}
            await self._call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=f"Key{key.upper()}",
                windowsVirtualKeyCode=code,
                **held,
            )

    async def enter(self) -> None:
        """Press the enter key."""
        for kind in ("keyDown", "keyUp"):
            await self._call(
                "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r"
            )

    async def picture(self, name: str) -> None:
        """Keep what the tab shows as PNG where DOORSTEP_SCREENSHOTS says, for people to look at."""
        if folder := os.environ.get("DOORSTEP_SCREENSHOTS"):
            answer = await self._call("Page.captureScreenshot", format="png")
            path = Path(folder) / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(answer["data"]))

    async def be_a_phone(self, width: int, height: int) -> None:
        """Show pages as on a small screen that is touched."""
        await self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2, mobile=True
        )

    async def offline(self, without: bool) -> None:
        """Take the network from the tab and from the service workers behind it, or give it back."""
        conditions = {"offline": without, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        await self._call("Network.emulateNetworkConditions", **conditions)
        for target in (await self._call("Target.getTargets"))["targetInfos"]:
            if target["type"] == "service_worker":
                attached = await self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
                await self._call("Network.enable", session=attached["sessionId"])
                await self._call("Network.emulateNetworkConditions", session=attached["sessionId"], **conditions)

    async def _call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if (session or self._session) is not None:
            message["sessionId"] = session or self._session
        coming = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._connection.send(json.dumps(message))
            answer = await asyncio.wait_for(coming, 30)
        finally:
            del self._answers[number]
        if "error" in answer:
            raise PageError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def _read(self) -> None:
        async for text in self._connection:
            message = json.loads(text)
            if "id" in message:
                waiting = self._answers.get(message["id"])
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
            else:
                self._note(message["method"], message["params"])

    def _note(self, method: str, what: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(what["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requests.append(what["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(what["exceptionDetails"])[:1000])
        elif method == "Runtime.consoleAPICalled" and what["type"] == "error":
            self.complaints.append(json.dumps(what["args"])[:1000])
        elif method == "Log.entryAdded" and what["entry"]["level"] == "error":
            self.complaints.append(f"{what['entry']['text']} {what['entry'].get('url', '')}")


@contextlib.asynccontextmanager
async def chromium_page(program: str, profile: Path) -> AsyncIterator[Page]:
    """A tab in a browser of its own, with an empty profile; the browser ends with the block."""
    switches = [*SWITCHES, f"--user-data-dir={profile}"]
    if os.geteuid() == 0:
        switches.append("--no-sandbox")
    nowhere = asyncio.subprocess.DEVNULL
    browser = await asyncio.create_subprocess_exec(program, *switches, "about:blank", stdout=nowhere, stderr=nowhere)
    try:
        async with connect(await _address(profile, browser), max_size=None, proxy=None) as connection:
            page = Page(connection)
            await page.open()
            try:
                yield page
            finally:
                await page.close()
    finally:
        with contextlib.suppress(ProcessLookupError):
            browser.terminate()
        try:
            await asyncio.wait_for(browser.wait(), 10)
        except TimeoutError:
            browser.kill()
            await browser.wait()


async def _address(profile: Path, browser: asyncio.subprocess.Process) -> str:
    """Where the browser listens: it writes its port and path into its profile."""
    note = profile / "DevToolsActivePort"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if browser.returncode is not None:
            raise PageError(f"the browser ended with {browser.returncode}")
        lines = note.read_text().split() if note.is_file() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        await asyncio.sleep(0.05)
    raise PageError("the browser did not start within 30 s")
