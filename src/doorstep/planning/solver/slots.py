"""Engine slots, shared fairly: whose turn is next is a question of owners (tenants), not of how many runs each asks for.

A free slot goes to the waiting owner with the fewest runs going, among equals to the one who was served longest ago; an
owner's own requests are served as they came. One slot more than the pool has is kept for urgent work (dispatch), so
that a decision never waits for a plan. A plan of a hundred runs gives way after each of them. Where an owner may hold
`most_each` at most, the others' share is free when they come.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

ASK_AGAIN_SECONDS = 1.0

Place = Callable[[int], Awaitable[None]]
"""Told how many requests are served before, whenever that changes while a request waits."""


@dataclass(slots=True, eq=False)
class _Request:
    owner: str
    is_urgent: bool
    granted: asyncio.Event = field(default_factory=asyncio.Event)


class FairSlots:
    """`slots` for everybody and one for urgent requests alone. Belongs to one event loop."""

    def __init__(self, slots: int, *, most_each: int | None = None) -> None:
        self.slots = slots
        self._most_each = slots if most_each is None else most_each
        self._waiting: list[_Request] = []
        self._running: Counter[str] = Counter()
        self._in_use = 0
        self._kept_in_use = False
        self._served: dict[str, int] = {}
        self._turn = 0

    @contextlib.asynccontextmanager
    async def slot(self, owner: str, *, is_urgent: bool = False, place: Place | None = None) -> AsyncIterator[None]:
        """Hold a slot for `owner`; `place` hears of the place in the queue meanwhile."""
        request = _Request(owner, is_urgent)
        self._waiting.append(request)
        self._serve()
        try:
            await self._wait(request, place)
        except BaseException:
            if request.granted.is_set():
                self._give_back(request)
            else:
                self._waiting.remove(request)
            raise
        try:
            yield
        finally:
            self._give_back(request)

    def ahead(self, request: _Request) -> int:
        """How many waiting requests would be served before this one if nobody else asked."""
        running, served, turn = self._running.copy(), dict(self._served), self._turn
        queue = list(self._waiting)
        for count in range(len(queue)):
            following = _next(queue, running, served)
            if following is request:
                return count
            queue.remove(following)
            running[following.owner] += 1
            turn += 1
            served[following.owner] = turn
        return 0

    async def _wait(self, request: _Request, place: Place | None) -> None:
        told: int | None = None
        while not request.granted.is_set():
            if place is not None and (ahead := self.ahead(request)) != told:
                told = ahead
                await place(ahead)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASK_AGAIN_SECONDS):
                    await request.granted.wait()

    def _serve(self) -> None:
        while self._in_use < self.slots:
            allowed = [one for one in self._waiting if one.is_urgent or self._running[one.owner] < self._most_each]
            if not allowed:
                break
            self._grant(_next(allowed, self._running, self._served))
            self._in_use += 1
        urgent = [request for request in self._waiting if request.is_urgent]
        if urgent and not self._kept_in_use:
            self._kept_in_use = True
            self._grant(urgent[0])

    def _grant(self, request: _Request) -> None:
        self._waiting.remove(request)
        self._running[request.owner] += 1
        self._turn += 1
        self._served[request.owner] = self._turn
        request.granted.set()

    def _give_back(self, request: _Request) -> None:
        self._running[request.owner] -= 1
        if not self._running[request.owner]:
            del self._running[request.owner]
            if not any(other.owner == request.owner for other in self._waiting):
                self._served.pop(request.owner, None)
        if request.is_urgent and self._kept_in_use:
            self._kept_in_use = False
        else:
            self._in_use -= 1
        self._serve()


def _next(queue: list[_Request], running: Counter[str], served: dict[str, int]) -> _Request:
    """Urgent requests first, then the owner with the fewest runs, then who waited longest for a turn, then the oldest."""
    return min(queue, key=lambda r: (not r.is_urgent, running[r.owner], served.get(r.owner, 0)))


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose runs ask for `free` slots, and whether they may use the one that is kept."""

    free: FairSlots
    owner: str
    is_urgent: bool
