"""Logs: structlog for our own, the standard library's loggers routed into it; nothing of what a client sent.

Tracebacks name files, lines and exception classes, never the values of variables. The messages of exceptions are left out, since a driver or a
parser quotes the value that it stumbled over, except at level ``debug``, which is for development. Of what other libraries log only the fixed
part is kept: asyncio, for one, writes the whole exception into the text of "Task exception was never retrieved".
"""

import logging
import re
import sys
import threading
import traceback
import warnings
from types import TracebackType
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_ERROR = tuple[type[BaseException], BaseException, TracebackType | None]

QUIET = ("asyncio", "alembic", "sqlalchemy", "uvicorn", "httpx", "httpcore", "websockets", "prometheus_client")
"""Loggers of others whose warnings we want and whose chatter we do not."""

_VALUES = re.compile(r"[<('\"]")

SILENT = ("strawberry.execution", "uvicorn.access", "graphql")
"""Loggers that would write a client's documents, values or addresses."""


def configure_logging(form: str, level: str, stream: TextIO | None = None) -> None:
    """Set up logging for a process: ``form`` is ``json`` (one object a line) or ``console``; ``level`` as in the settings."""
    number = getattr(logging, level.upper())
    with_messages = number <= logging.DEBUG
    shared = [structlog.stdlib.add_logger_name, *_shared(with_messages)]
    renderer: Processor = structlog.processors.JSONRenderer() if form == "json" else _console()
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared if with_messages else [_fixed_words, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def configure_unless_done() -> None:
    """Our processors in front of structlog's own output, where nobody configured logging: its tracebacks would show the values of variables."""
    if not structlog.is_configured():
        structlog.configure(processors=[*_shared(with_messages=False), _console()])


def log_stray_errors() -> None:
    """Log what else ends on standard error in words of its own: warnings, and exceptions that nobody caught in threads and destructors."""
    log = structlog.get_logger(__name__)

    def stray(caught: "threading.ExceptHookArgs | sys.UnraisableHookArgs") -> None:
        log.error("stray_exception", exc_info=caught.exc_value)

    def warned(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        del message, file, line  # may hold values
        log.warning("warned", category=category.__name__, file=filename, line=lineno)

    threading.excepthook = stray
    sys.unraisablehook = stray
    warnings.showwarning = warned


def _shared(with_messages: bool) -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Tracebacks(with_messages),
    ]


def _console() -> Processor:
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


def _fixed_words(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Of another library's record the first line of its template, without what was put in; of an exception as message the class."""
    record = event["_record"]
    words = record.msg.partition("\n")[0] if isinstance(record.msg, str) else type(record.msg).__name__
    # asyncio puts its callbacks, with their arguments, into the template itself.
    event["event"] = _VALUES.split(words, 1)[0].rstrip() if record.name == "asyncio" else words
    return event


class _Handler(logging.StreamHandler[TextIO]):
    """The standard library prints a record that it cannot write, arguments included, to standard error."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of the standard library's hook
        """Say only that a line is missing, and whose."""
        sys.stderr.write(f'{{"event": "log_line_lost", "level": "error", "logger": "{record.name}"}}\n')


class _Tracebacks:
    """Turns ``exc_info`` into a text of frames and classes under ``exception``."""

    def __init__(self, with_messages: bool) -> None:
        self._with_messages = with_messages

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """A structlog processor."""
        found = _error(event.pop("exc_info", None))
        if found is not None:
            event["exception"] = describe(found[1], with_messages=self._with_messages)
        return event


def _error(given: Any) -> _ERROR | None:
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    if isinstance(given, tuple):
        return cast(_ERROR, given) if given[1] is not None else None
    if given:
        current = sys.exc_info()
        return current if current[1] is not None else None
    return None


def describe(error: BaseException, *, with_messages: bool = False) -> str:
    """The error and its causes, oldest first: frames without the values in them, classes, messages only on request."""
    summary = traceback.TracebackException.from_exception(error, capture_locals=False)
    parts: list[str] = []
    link: traceback.TracebackException | None = summary
    seen: BaseException | None = error
    while link is not None and seen is not None:
        name = f"{type(seen).__module__}.{type(seen).__qualname__}"
        frames = "".join(f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n' for frame in link.stack)
        parts.append(f"{frames}{name}{f': {seen}' if with_messages else ''}")
        if seen.__cause__ is not None:
            link, seen = link.__cause__, seen.__cause__
        elif not seen.__suppress_context__:
            link, seen = link.__context__, seen.__context__
        else:
            break
    return "\ncaused\n".join(reversed(parts))
