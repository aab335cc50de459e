"""The rounds of a stream that tells of newest states: it reads, tells what changed, and rests until there may be more."""

import asyncio
from collections.abc import Hashable

from doorstep.kernel.event_stream import EventHub


class Rounds:
    """Counts the rounds of one stream; whoever joins it late asks for a round that begins after that, and waits for its end."""

    def __init__(self) -> None:
        self.present: frozenset[Hashable] = frozenset()
        """The objects that the last round found."""
        self._begun = 0
        self._ended = 0
        self._over = False
        self._wanted = asyncio.Event()
        self._turn = asyncio.Event()

    @property
    def wanted(self) -> bool:
        """Whether somebody who joins waits for the next round."""
        return self._wanted.is_set()

    def begin(self) -> None:
        """From here on the stream reads."""
        self._begun += 1
        self._wanted.clear()

    async def rest(self, ticket: asyncio.Event, within: float) -> None:
        """The round is over: wait for the ticket of ``EventHub`` or somebody who joins, so many seconds at most."""
        self._ended = self._begun
        self._next_turn()
        woken = asyncio.ensure_future(EventHub.wait(ticket, within))
        wanted = asyncio.ensure_future(self._wanted.wait())
        try:
            await asyncio.wait({woken, wanted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            wanted.cancel()
            await asyncio.gather(woken, wanted, return_exceptions=True)

    async def fresh(self) -> None:
        """Wait for the end of a round that begins from now on, or of the stream."""
        target = self._begun + 1
        self._wanted.set()
        while self._ended < target and not self._over:
            await self._turn.wait()

    def end(self) -> None:
        """There are no more rounds."""
        self._over = True
        self._next_turn()

    def _next_turn(self) -> None:
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()
