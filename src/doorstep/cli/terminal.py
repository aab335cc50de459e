"""What all commands share: consoles, progress, running a coroutine, one line for every known failure."""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import asyncpg
import uvloop
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from doorstep.assembly import MissingUrl
from doorstep.identity.errors import IdentityError
from doorstep.kernel.driver_errors import AWAY
from doorstep.kernel.errors import RequestError
from doorstep.kernel.postgres.errors import DatabaseRefused, EmbeddedPostgresError
from doorstep.kernel.secrets import SecretsError
from doorstep.places.errors import PlacesError
from doorstep.server import PortTaken

T = TypeVar("T")

console = Console(soft_wrap=True, highlight=False)
errors = Console(stderr=True, soft_wrap=True, highlight=False)


class CommandError(Exception):
    """A command cannot do what it was asked; the message says what to do."""


KNOWN = (
    CommandError, DatabaseRefused, EmbeddedPostgresError, IdentityError, MissingUrl, PlacesError, PortTaken, RequestError, SecretsError,
)  # fmt: skip
"""Failures whose message is made for the person at the terminal."""


@contextlib.contextmanager
def failures_in_one_line() -> Iterator[None]:
    """End the process with the message of a known failure; anything else is a bug and keeps its traceback."""
    try:
        yield
    except KNOWN as error:
        _end(str(error))
    except ValidationError as error:
        _end("; ".join(": ".join([*map(str, fault["loc"][:1]), fault["msg"]]) for fault in error.errors()))
    except AWAY as error:
        if isinstance(error, OSError) and not isinstance(error, ConnectionError | TimeoutError):
            _end(f"{error.filename or 'The system'}: {error.strerror or error}")
        _end(f"The database does not answer ({type(error).__name__}). Is it running, and is its address right?")
    except asyncpg.PostgresError as error:
        # Without DETAIL, which quotes a row: what a command says may end in a log.
        _end(f"The database refused: {error.args[0] if error.args else type(error).__name__}.")


def _end(message: str) -> None:
    errors.print(message, style="red", markup=False)
    sys.exit(1)


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end on a fast event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work())


@contextlib.contextmanager
def progress_bars() -> Iterator[Callable[[str, float], None]]:
    """A callback ``(label, 0…1)`` that draws a bar for each label; plain lines where nobody watches."""
    if not console.is_terminal:
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def show(label: str, done: float) -> None:
            for name, task in tasks.items():
                if name != label:
                    bars.update(task, completed=1.0)
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=1.0)
            bars.update(tasks[label], completed=done)

        yield show
        for task in tasks.values():
            bars.update(task, completed=1.0)


class _Lines:
    """One line per label."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, label: str, _done: float) -> None:
        if label != self._said:
            self._said = label
            console.print(label, markup=False)
