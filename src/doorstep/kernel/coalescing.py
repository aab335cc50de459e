"""One read for all who ask at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Coalesced(Generic[T]):
    """A read that those share who ask for it before it begins: nobody gets what was read before they asked."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._under_way: asyncio.Future[T] | None = None
        self._next: asyncio.Future[T] | None = None

    async def get(self) -> T:
        """What is read from now on; raises what the read raises. Whoever is cancelled takes it from nobody else."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._begin_after(self._under_way))
            self._next.add_done_callback(_seen)
        return await asyncio.shield(self._next)

    async def _begin_after(self, other: "asyncio.Future[T] | None") -> T:
        if other is not None:
            await asyncio.wait({other})
        self._under_way, self._next = self._next, None
        return await self._read()


def _seen(reading: "asyncio.Future[T]") -> None:
    """Its failure is known, also when all who asked have gone."""
    if not reading.cancelled():
        reading.exception()
