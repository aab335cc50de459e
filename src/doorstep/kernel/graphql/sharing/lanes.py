"""The latest messages of one execution, for any number of readers. What it holds is bounded, whatever they do. No I/O."""

import asyncio
from collections import deque
from collections.abc import Collection, Hashable
from dataclasses import dataclass, field

from doorstep.kernel.event_stream import LogPosition
from doorstep.kernel.graphql.sharing.messages import Message

MOST_MESSAGES = 256
MOST_CHARACTERS = 200_000
"""Of the bodies that a log lane keeps, together; the newest message stays, however long it is."""


class Behind(Exception):
    """The lane no longer has what follows the reader's place."""


@dataclass(slots=True)
class _News:
    """Wakes everybody who waits for the lane to change."""

    _next: asyncio.Event = field(default_factory=asyncio.Event)

    def ticket(self) -> asyncio.Event:
        """Take it before looking, await it after."""
        return self._next

    def tell(self) -> None:
        before, self._next = self._next, asyncio.Event()
        before.set()


def _number(place: LogPosition) -> tuple[int, int]:
    return place.epoch, place.seq


class LogLane:
    """Messages of the event log in its order, each after all before it, without a gap from ``start`` on."""

    def __init__(self) -> None:
        self.news = _News()
        self.over = False
        self.failure: Message | None = None
        self._messages: deque[Message] = deque()
        self._first = 0
        """Which message of all is the first that is still here."""
        self._characters = 0
        self._start: LogPosition | None = None
        self._end: LogPosition | None = None

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: Message) -> None:
        """One more; the first one says where the lane begins."""
        if message.failed:
            self.failure = message
        elif self._start is None:
            self._start = self._end = message.place
        else:
            self._messages.append(message)
            self._characters += len(message.body)
            if message.place is not None:
                self.reach(message.place)
            while self._is_too_full():
                self._drop()
        self.news.tell()

    def _is_too_full(self) -> bool:
        return len(self._messages) > MOST_MESSAGES or (len(self._messages) > 1 and self._characters > MOST_CHARACTERS)

    def _drop(self) -> None:
        message = self._messages.popleft()
        self._first += 1
        self._characters -= len(message.body)
        self._start = message.place

    def close(self) -> None:
        """The execution has ended."""
        self.over = True
        self.news.tell()

    @property
    def begun(self) -> bool:
        """Whether it is known where the lane begins."""
        return self._start is not None

    def reach(self, place: LogPosition) -> None:
        """Everything up to the place is here, though the last of it may have been nothing to tell."""
        if self._end is not None and _number(place) > _number(self._end):
            self._end = place

    def covers(self, place: LogPosition) -> bool:
        """Whether everything that follows the place is here, or will be."""
        return self._start is not None and self._start.epoch == place.epoch and self._start.seq <= place.seq

    def reached(self, place: LogPosition) -> bool:
        """Whether the log is known to go as far as the place."""
        return self._end is not None and _number(place) <= _number(self._end)

    def index_after(self, place: LogPosition) -> int:
        """Where to read on after a place that the lane covers."""
        behind = 0
        for message in reversed(self._messages):
            if message.place is None or _number(message.place) <= _number(place):
                break
            behind += 1
        return self._first + len(self._messages) - behind

    def at(self, index: int) -> Message | None:
        """The message at an index, None where it has not come yet; raises Behind when it is gone."""
        if index < self._first:
            raise Behind
        offset = index - self._first
        return self._messages[offset] if offset < len(self._messages) else None


class StateLane:
    """The newest message about each object: whoever is slow gets the newest of each, and never what is past."""

    def __init__(self) -> None:
        self.news = _News()
        self.over = False
        self.failure: Message | None = None
        self._newest: dict[Hashable, tuple[int, Message]] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._newest)

    def put(self, message: Message) -> None:
        """The newest about its object."""
        if message.failed:
            self.failure = message
        else:
            self._count += 1
            self._newest.pop(message.key, None)  # the newest stand last
            self._newest[message.key] = self._count, message
        self.news.tell()

    def close(self) -> None:
        """The execution has ended."""
        self.over = True
        self.news.tell()

    def keep(self, present: Collection[Hashable]) -> None:
        """Forget the objects that are not present any more: nobody who comes now need hear of them."""
        for key in self._newest.keys() - set(present):
            del self._newest[key]

    def since(self, number: int) -> list[tuple[int, Hashable]]:
        """The objects of which there is a newer message than the one of that number, with the numbers of theirs, in their order."""
        found = []
        for key in reversed(self._newest):
            newest = self._newest[key][0]
            if newest <= number:
                break
            found.append((newest, key))
        return found[::-1]

    def get(self, number: int, key: Hashable) -> Message | None:
        """The message of that number about an object; None when there is a newer one."""
        newest = self._newest.get(key)
        return newest[1] if newest is not None and newest[0] == number else None
