"""One request to a receiver: to an address that was looked at, with no redirect, for so many seconds, reading no more of the answer than is kept.

The name is looked up here and nowhere else; the connection goes to the very address that came of it, with the name in ``Host`` and in TLS. So a
name that means something else a moment later leads nowhere.
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from urllib.parse import urlsplit, urlunsplit

import httpx
import structlog

from doorstep.webhooks.model import Fault, Policy, is_global, seconds_to_rest
from doorstep.webhooks.service import Outcome

log = structlog.get_logger(__name__)

KEPT_BYTES = 4_096
"""How much of an answer is kept, and read."""

MOST_LOOKUPS = 256
"""Names that are looked up at the same time."""

_RESTS_AT = range(400, 600)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class Unresolved(Exception):
    """The name leads nowhere."""


class ForbiddenAddress(Exception):
    """The name leads to an address that is not everybody's."""


class Names:
    """Looks names up, each in a thread of its own: a name server that is silent holds nobody up who asks for another name.

    The pools of the event loops have few threads, all of which one endpoint could take. Those who ask for the same name at the same time share
    the answer; a thread that gets none does not keep the process from ending.
    """

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def __call__(self, host: str, port: int) -> list[str]:
        """Every address of a name; raises Unresolved."""
        key = (host, port)
        future = self._asked.get(key)
        if future is None:
            if len(self._asked) >= MOST_LOOKUPS:
                raise Unresolved(host)
            loop = asyncio.get_running_loop()
            future = self._asked[key] = loop.create_future()
            future.add_done_callback(lambda _future: self._asked.pop(key, None))
            Thread(target=_look_up, args=(loop, future, host, port), daemon=True, name="webhook name").start()
        addresses = await asyncio.shield(future)
        if not addresses:
            raise Unresolved(host)
        return addresses


def _look_up(loop: asyncio.AbstractEventLoop, future: "asyncio.Future[list[str]]", host: str, port: int) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(_tell, future, addresses)


def _tell(future: "asyncio.Future[list[str]]", addresses: list[str]) -> None:
    if not future.done():
        future.set_result(addresses)


@dataclass(slots=True)
class Poster:
    """Sends requests; ``private``: also to addresses of our own network. One TLS context serves all of them, connections are never shared."""

    private: bool = False
    resolve: Resolve = field(default_factory=Names)
    policy: Policy = field(default_factory=Policy)
    tls: ssl.SSLContext = field(default_factory=httpx.create_ssl_context)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Send a body and say what came of it; never raises. A redirect is a failure, as every status but 2xx is."""
        began = time.monotonic()
        answer = _Answer()
        try:
            async with asyncio.timeout(self.policy.timeout):
                await self._ask(url, body, headers, answer)
            fault = None
        except (TimeoutError, httpx.TimeoutException):
            fault = Fault.TIMEOUT
        except Unresolved:
            fault = Fault.UNRESOLVED
        except ForbiddenAddress:
            fault = Fault.FORBIDDEN_ADDRESS
        except (httpx.ConnectError, OSError):
            fault = Fault.UNREACHABLE
        except (httpx.HTTPError, httpx.InvalidURL):
            fault = Fault.BROKEN_ANSWER
        except Exception as error:
            # Whatever an answer can bring about counts as a try: raised, it would be asked for again for ever, and its neighbours with it.
            log.error("webhook_post_failed", exc_info=error)
            fault = Fault.BROKEN_ANSWER
        if answer.status is not None:  # it has answered, however the rest of the answer went
            fault = None if 200 <= answer.status < 300 else Fault.STATUS
        text = answer.text() if answer.status is not None else None
        return Outcome(fault, answer.status, text, answer.rest, time.monotonic() - began)

    async def _ask(self, url: str, body: bytes, headers: Mapping[str, str], answer: "_Answer") -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        addresses = await self._addresses(host, port)
        for at, address in enumerate(addresses, 1):
            literal = f"[{address}]" if ":" in address else address
            target = urlunsplit((parts.scheme, f"{literal}:{port}", parts.path or "/", parts.query, ""))
            try:
                await self._send(target, body, {**headers, "host": parts.netloc}, host, answer)
            except httpx.ConnectError:
                if at == len(addresses):
                    raise
            else:
                return

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        """Where to connect to: all that the name means, if each of them is everybody's."""
        addresses = await self.resolve(host, port)
        if not addresses:
            raise Unresolved(host)
        if not self.private and not all(map(is_global, addresses)):
            raise ForbiddenAddress(host)
        return addresses

    async def _send(self, target: str, body: bytes, headers: Mapping[str, str], host: str, answer: "_Answer") -> None:
        named = {} if _is_address(host) else {"sni_hostname": host}
        transport = httpx.AsyncHTTPTransport(verify=self.tls, trust_env=False, retries=0)
        seconds = self.policy.timeout
        async with httpx.AsyncClient(
            transport=transport, follow_redirects=False, trust_env=False, timeout=seconds
        ) as http:
            request = http.build_request("POST", target, content=body, headers=dict(headers), extensions=named)
            response = await http.send(request, stream=True)
            try:
                answer.status = response.status_code
                if response.status_code in _RESTS_AT:
                    answer.rest = seconds_to_rest(response.headers.get("retry-after"))
                async for chunk in response.aiter_raw():
                    if answer.add(chunk):
                        break
            finally:
                await response.aclose()


@dataclass(slots=True)
class _Answer:
    """What is known of an answer so far, also when the rest of it never comes."""

    status: int | None = None
    rest: float | None = None
    body: bytearray = field(default_factory=bytearray)

    def add(self, chunk: bytes) -> bool:
        """Keep a part; returns whether that is enough."""
        self.body += chunk[: KEPT_BYTES - len(self.body)]
        return len(self.body) >= KEPT_BYTES

    def text(self) -> str:
        """As text that the database takes."""
        return self.body.decode("utf-8", "replace").replace("\x00", "�")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
