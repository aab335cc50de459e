"""What the isolation tests share."""

import pytest
from tests.isolation.figures import FIGURES, Figures


@pytest.fixture(scope="session")
def figures() -> Figures:
    """The run's figures."""
    return FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures: they are the proof's size."""
    if line := FIGURES.line():
        terminalreporter.write_sep("-", "isolation")
        terminalreporter.write_line(line)
