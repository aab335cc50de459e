"""Programs that the supervisor runs: one at a time, none outlives it, each can be stopped from another thread."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, TypeAlias

from doorstep.kernel.postgres.account import ServerAccount

Command: TypeAlias = Sequence[str | Path]

_PR_SET_PDEATHSIG = 1
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


class Stopped(Exception):
    """Nobody needs the cluster any more; the program was not started, or was stopped."""


class Children:
    """Starts programs as the server's account and stops the running one on request.

    Only the main thread may start them: the kernel ties their life to the thread that made them.
    """

    def __init__(self, account: ServerAccount | None) -> None:
        self._account = account
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._current: tuple[subprocess.Popen[bytes], signal.Signals] | None = None

    @property
    def stopping(self) -> bool:
        """Was ``stop`` called?"""
        return self._stopping.is_set()

    def sleep(self, seconds: float) -> None:
        """Wait, or raise ``Stopped`` as soon as there is no need to."""
        if self._stopping.wait(seconds):
            raise Stopped

    def stop(self) -> None:
        """Start nothing more, and tell the running program to end."""
        with self._guard:
            self._stopping.set()
            if self._current and self._current[0].poll() is None:
                self._current[0].send_signal(self._current[1])

    def stop_hard(self) -> None:
        """Kill what did not end when told to; a server recovers from that at its next start."""
        with self._guard:
            if self._current and self._current[0].poll() is None:
                self._current[0].send_signal(signal.SIGQUIT)

    def start(
        self,
        command: Command,
        *,
        stop_with: signal.Signals,
        stdin: int = subprocess.DEVNULL,
        output: int | IO[bytes] = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start a program. ``stop`` sends it ``stop_with``, and so does the kernel when this process dies (Linux)."""
        account: dict[str, Any] = self._account.popen_options() if self._account else {}
        with self._guard:
            if self._stopping.is_set():
                raise Stopped
            child = subprocess.Popen(
                [os.fspath(part) for part in command],
                cwd="/", env=_ENVIRONMENT, stdin=stdin, stdout=output, stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent(stop_with),  # noqa: PLW1509 - it only makes two system calls
                **account,
            )  # fmt: skip
            self._current = (child, stop_with)
            return child

    def run(self, command: Command, *, text: str = "") -> tuple[int, str]:
        """Run a program to its end: exit code and output. Raises ``Stopped`` when it was stopped in the middle."""
        child = self.start(command, stop_with=signal.SIGKILL, stdin=subprocess.PIPE, output=subprocess.PIPE)
        output, _ = child.communicate(text.encode())
        if self._stopping.is_set():
            raise Stopped
        return child.returncode, output.decode(errors="replace")


def _die_with_parent(with_signal: signal.Signals) -> Callable[[], None] | None:
    """What a child does between fork and exec, so that the kernel ends it with its parent."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    parent, end, own_parent = os.getpid(), os._exit, os.getppid

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)
        if own_parent() != parent:
            end(1)

    return bind
