"""Open sockets and their credentials: each credential is asked for again every two seconds, and its sockets close when it ends or changes."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from doorstep.kernel.errors import RequestError, Unavailable
from doorstep.kernel.scope import Principal

log = structlog.get_logger(__name__)

ASK_SECONDS = 2.0
"""With the two seconds for which a credential is trusted, a revocation closes its sockets within the 5 s that are promised."""

VOUCH_SECONDS = 0.5
"""How long the answer counts for what is sent."""

MOST_VOUCHED = 10_000
FORBIDDEN = 4403

Authenticate = Callable[[str], Awaitable[Principal]]
Foresee = Callable[[Iterable[str]], Awaitable[None]]
Close = Callable[[int, str], Awaitable[None]]


@dataclass(eq=False, slots=True)
class Session:
    """One socket that has given its credential."""

    credential: str
    principal: Principal
    close: Close


class Sessions:
    """The sockets of a process. A loop runs while there is any; it asks once for each credential, however many sockets use it.

    ``foresee`` is told of all of them before, so that what can be asked for together is.
    """

    def __init__(self, authenticate: Authenticate, foresee: Foresee | None = None) -> None:
        self._authenticate = authenticate
        self._foresee = foresee
        self._open: defaultdict[str, set[Session]] = defaultdict(set)
        self._watching: asyncio.Task[None] | None = None
        self._vouched: dict[str, tuple[float, asyncio.Future[Principal]]] = {}

    def add(self, session: Session) -> None:
        """Watch over a socket from now on."""
        self._open[session.credential].add(session)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())

    def drop(self, session: Session) -> None:
        """The socket is closed."""
        sessions = self._open.get(session.credential)
        if sessions is not None:
            sessions.discard(session)
            if not sessions:
                del self._open[session.credential]

    async def vouch(self, credential: str | None, principal: Principal | None) -> bool:
        """Whether a credential is still good for what it was at first, asked right before something is sent; if not, its sessions are closed."""
        if credential is None or principal is None:
            return True
        try:
            now = await self._lately(credential)
        except Unavailable:
            return True
        except RequestError:
            now = None
        if now is not None and not _differs(principal, now) and not _ended(now):
            return True
        await self._close(
            credential, lambda _session: True, "Credential ended" if now is None else "Credential changed"
        )
        return False

    async def _lately(self, credential: str) -> Principal:
        """Who the credential is, asked at most a moment ago and once for all sockets that send at the same time."""
        known = self._vouched.get(credential)
        if known is None or known[0] < time.monotonic():
            if len(self._vouched) >= MOST_VOUCHED:
                self._vouched.clear()
            asking = asyncio.ensure_future(self._authenticate(credential))
            asking.add_done_callback(_seen)
            known = self._vouched[credential] = time.monotonic() + VOUCH_SECONDS, asking
        return known[1].result() if known[1].done() else await asyncio.shield(known[1])

    async def _watch(self) -> None:
        while self._open:
            await asyncio.sleep(ASK_SECONDS)
            credentials = list(self._open)
            if self._foresee is not None:
                await self._in_spite(self._foresee(credentials))
            for credential in credentials:
                await self._in_spite(self._ask_again(credential))

    @staticmethod
    async def _in_spite(asking: Awaitable[None]) -> None:
        """The watch goes on whatever becomes of one question."""
        try:
            await asking
        except Unavailable:
            pass  # nobody knows; the database is asked again in a moment
        except Exception as error:
            log.error("session_check_failed", exc_info=error)

    async def _ask_again(self, credential: str) -> None:
        try:
            principal = await self._authenticate(credential)
        except Unavailable:
            return  # nobody knows; the database is asked again in a moment
        except RequestError:
            await self._close(credential, lambda _session: True, "Credential ended")
            return
        await self._close(credential, lambda session: _differs(session.principal, principal), "Credential changed")

    async def _close(self, credential: str, ends: Callable[[Session], bool], reason: str) -> None:
        ending = [session for session in self._open.get(credential, ()) if ends(session)]
        for session in ending:
            self.drop(session)
        await asyncio.gather(*(session.close(FORBIDDEN, reason) for session in ending), return_exceptions=True)


def _seen(asking: "asyncio.Future[Principal]") -> None:
    """Its failure is known, also when nobody waits for it any more."""
    if not asking.cancelled():
        asking.exception()


def _ended(principal: Principal) -> bool:
    """Whether it has ended since somebody asked the database."""
    return principal.expires_at is not None and principal.expires_at <= datetime.now(UTC)


def _differs(before: Principal, now: Principal) -> bool:
    """Whether the credential may do something else than when the socket was opened; its clock and its end may move."""
    return (before.tenant_id, before.permissions, before.reach, before.member_id) != (
        now.tenant_id,
        now.permissions,
        now.reach,
        now.member_id,
    )
