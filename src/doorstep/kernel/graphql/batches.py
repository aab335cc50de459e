"""Batch reads of one operation: keys that are asked for together are read together, each once."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Hashable, Sequence
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_KEYS = 1000
"""Most keys of one read."""


class OperationEnded(Exception):
    """A resolver that is left over from an operation asks for something."""


class Batch(Generic[K, V]):
    """What one batch read has found so far, and who waits for what.

    Everything that asks within one turn of the event loop shares a read. A failure is kept like a value: whoever asks again is told the same.
    """

    def __init__(self, read: Callable[[list[K]], Awaitable[Sequence[V]]]) -> None:
        self._read = read
        self._values: dict[K, V] = {}
        self._failures: dict[K, Exception] = {}
        self._under_way: dict[K, asyncio.Future[None]] = {}
        self._next: list[K] = []
        self._next_done: asyncio.Future[None] | None = None
        self._reading: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def load(self, keys: Sequence[K]) -> list[V]:
        """The values of the keys, in their order; raises what the read raised."""
        values = self._values
        missing = [key for key in keys if key not in values]
        if missing:
            # Not awaited one by one: a waiter that is cancelled would cancel what others wait for.
            await asyncio.wait({self._ask(key) for key in missing if key not in self._failures} or {_done()})
            for key in missing:
                if key in self._failures:
                    raise self._failures[key]
                if key not in values:
                    raise OperationEnded("what would be read is asked for by nobody any more")
        return [values[key] for key in keys]

    def _ask(self, key: K) -> "asyncio.Future[None]":
        done = self._under_way.get(key)
        if done is None:
            if self._next_done is None:
                loop = asyncio.get_running_loop()
                self._next_done = loop.create_future()
                loop.call_soon(self._start)
            done = self._under_way[key] = self._next_done
            self._next.append(key)
            if len(self._next) == MAX_KEYS:
                self._start()
        return done

    def _start(self) -> None:
        keys, done = self._next, self._next_done
        if done is not None:
            self._next, self._next_done = [], None
            if self._stopped:
                done.set_result(None)
                return
            task = asyncio.create_task(self._fill(keys, done))
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)

    async def stop(self) -> None:
        """End the reads that are under way. Where one part of an answer has failed, others can still be reading when it is given up."""
        self._stopped = True
        reading = list(self._reading)
        for task in reading:
            task.cancel()
        if reading:
            await asyncio.wait(reading)

    async def _fill(self, keys: list[K], done: "asyncio.Future[None]") -> None:
        try:
            self._values.update(zip(keys, await self._read(keys), strict=True))
        except Exception as error:  # noqa: BLE001 - it is raised to whoever asked
            self._failures.update(dict.fromkeys(keys, error))
        finally:
            for key in keys:
                del self._under_way[key]
            if not done.done():
                done.set_result(None)


def _done() -> "asyncio.Future[None]":
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


class Asked(Generic[K, V]):
    """What a resolver awaits while a level collects (``execution.levels``): the level reads for all its rows and answers each."""

    __slots__ = ("_told", "batch", "keys")

    def __init__(self, batch: Batch[K, V], keys: Sequence[K], told: Callable[[list[V]], Any]) -> None:
        self.batch = batch
        self.keys = keys
        self._told = told

    def __await__(self) -> Generator[Any, list[V], Any]:
        """Hand this to the level; go on with what it read."""
        return self._told((yield self))
