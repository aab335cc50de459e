"""Real processes: ``python -m doorstep …`` with a data folder of its own."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE = 60.0


def eventually(holds: Callable[[], bool], what: str) -> None:
    """Wait for something that another process brings about."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.05)


class Process:
    """A ``doorstep`` that runs until it is told to stop."""

    def __init__(self, home: Path, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        self._out, self._err = (Path(tempfile.mkstemp(dir=home, prefix="said-")[1]) for _ in range(2))
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "doorstep", *arguments], cwd=home, env=environment, stdout=out, stderr=err
            )

    @property
    def said(self) -> str:
        return self._out.read_text() + self._err.read_text()

    def find(self, pattern: str) -> str:
        """What the process says, once it says it."""

        def there() -> bool:
            assert self.process.poll() is None or re.search(pattern, self.said), self.said
            return re.search(pattern, self.said) is not None

        eventually(there, f"{pattern!r} is said: {self.said}")
        found = re.search(pattern, self.said)
        assert found is not None
        return found[1]

    @property
    def url(self) -> str:
        return self.find(r"listens on (http://\S+)")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; answers the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


class Doorstep:
    """Starts processes on one data folder."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("DOORSTEP_", "DATABASE_"))
        }
        own = {
            "DOORSTEP_HOME": str(home),
            "DOORSTEP_PORT": "0",
            "DOORSTEP_METRICS_PORT": "0",
            "DOORSTEP_ROADS": "straight",
        }
        path = os.pathsep.join(
            str(Path(entry).absolute()) for entry in inherited.pop("PYTHONPATH", "").split(os.pathsep) if entry
        )
        self.environment = inherited | own | ({"PYTHONPATH": path} if path else {}) | settings
        self._started: list[Process] = []

    def start(self, *arguments: str) -> Process:
        """A process that goes on."""
        self._started.append(Process(self.home, arguments, self.environment))
        return self._started[-1]

    def run(self, *arguments: str) -> tuple[int, str]:
        """A command that ends by itself: exit code, and what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "doorstep", *arguments], cwd=self.home, env=self.environment,
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def stop_all(self) -> None:
        for started in self._started:
            if started.process.poll() is None:
                started.stop()

    @property
    def postmaster(self) -> int | None:
        """The embedded server's process, while it runs."""
        with contextlib.suppress(FileNotFoundError, IndexError, ValueError):
            [pid_file] = (self.home / "postgres").rglob("postmaster.pid")
            pid = int(pid_file.read_text().splitlines()[0])
            return pid if Path(f"/proc/{pid}").exists() else None
        return None


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="doorstep process "))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def doorstep(home: Path) -> Iterator[Doorstep]:
    running = Doorstep(home)
    yield running
    running.stop_all()
