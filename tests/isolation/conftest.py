"""What the isolation tests share: logs that are caught, and the figures."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog
from tests.isolation.figures import FIGURES, Figures

from doorstep.kernel.logs import SILENT, configure_logging


@pytest.fixture(scope="session")
def figures() -> Figures:
    """The run's figures."""
    return FIGURES


@contextmanager
def caught_logs() -> Iterator[io.StringIO]:
    """What a process that logs JSON at level info, as in production, writes inside the block."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("json", "info", stream)
    try:
        yield stream
    finally:
        structlog.reset_defaults()
        root.handlers[:] = before
        root.setLevel(level)
        for name in SILENT:
            logging.getLogger(name).setLevel(logging.NOTSET)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures: they are the proof's size."""
    if line := FIGURES.line():
        terminalreporter.write_sep("-", "isolation")
        terminalreporter.write_line(line)
