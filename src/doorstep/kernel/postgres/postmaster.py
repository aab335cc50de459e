"""What ``postmaster.pid`` says, and what to do when it lies.

PostgreSQL will not start while the file names a living process. After a crash that process may be a stranger who got
the number (always so in a container, where numbers start again) or a zombie, and the server would stay down for ever.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

_TIME_TO_WRITE = 1.0
_IMPOSSIBLE_PID = 2**31 - 2
_PID_LINE, _STATUS_LINE = 0, 7


def is_ready(data: Path, pid: int) -> bool:
    """Does the server with this pid accept connections? A file left by an earlier server says 'ready' too."""
    lines = _lines(data)
    return len(lines) > _STATUS_LINE and lines[_PID_LINE].strip() == str(pid) and lines[_STATUS_LINE].strip() == "ready"


def clear_the_way(data: Path, *, patience: float) -> bool:
    """Make sure that a new server can start; False when an old one still runs after ``patience`` seconds.

    A server that lost its supervisor goes down by itself where the kernel told it (Linux); elsewhere it is told here.
    """
    _remove_empty_file(data)
    started = time.monotonic()
    told = False
    while (pid := _recorded_pid(data)) is not None and _exists(pid):
        if not _is_our_server(pid, data):
            _disown(data)
            return True
        waited = time.monotonic() - started
        if waited > patience:
            return False
        if not told and waited > min(2.0, patience / 2):
            _interrupt(pid)
            told = True
        time.sleep(0.05)
    return True


def _remove_empty_file(data: Path) -> None:
    """A server that was killed between making the file and writing it had not yet shared any memory: nothing is guarded."""
    file = data / "postmaster.pid"
    deadline = time.monotonic() + _TIME_TO_WRITE
    while file.exists() and file.stat().st_size == 0:
        if time.monotonic() > deadline:
            file.unlink(missing_ok=True)
        time.sleep(0.05)


def _lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines(keepends=True)
    except OSError:
        return []


def _recorded_pid(data: Path) -> int | None:
    lines = _lines(data)
    if not lines or not lines[_PID_LINE].strip().isdigit():
        return None
    return int(lines[_PID_LINE])


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _is_our_server(pid: int, data: Path) -> bool:
    """A postmaster works inside its data folder; a stranger or a zombie does not."""
    process = Path("/proc", str(pid))
    if not process.exists():
        return _command_names(pid, data)
    try:
        command = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    if b"postgres" not in Path(os.fsdecode(command[0])).name.encode():
        return False
    try:
        return (process / "cwd").samefile(data)
    except OSError:
        return os.fsencode(data) in command


def _command_names(pid: int, data: Path) -> bool:
    """The same where there is no /proc."""
    listing = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "postgres" in listing.stdout and str(data) in listing.stdout


def _interrupt(pid: int) -> None:
    """Ask for a fast shutdown; the process may be gone already."""
    try:
        os.kill(pid, signal.SIGINT)
    except ProcessLookupError:
        return


def _disown(data: Path) -> None:
    """Name a process that cannot exist. The file must stay: its other lines guard a crashed server's shared memory."""
    lines = _lines(data)
    with (data / "postmaster.pid").open("r+") as file:
        file.write("".join([f"{_IMPOSSIBLE_PID}\n", *lines[1:]]))
        file.truncate()
