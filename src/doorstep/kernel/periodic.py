"""Work that comes back by itself: run again and again by every worker, with a pause after each run."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from doorstep.kernel.db import Database


@dataclass(frozen=True, slots=True)
class Periodic:
    """``run(db, system)`` finds what is due by itself and must bear being run by several workers at once; ``seconds`` is the pause.

    ``stop`` ends what it has begun and left running; a worker that stops calls it once.
    """

    name: str
    seconds: float
    run: Callable[[Database, Database], Awaitable[None]]
    stop: Callable[[], Coroutine[Any, Any, None]] | None = None
