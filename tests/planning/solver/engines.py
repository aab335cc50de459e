"""Finding the engine processes of a test, to kill or to miss them."""

import asyncio
import time
from pathlib import Path


def engine_pids(parent: int) -> list[int]:
    """The living engine processes that `parent` started."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            state, ppid = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:  # gone in the meantime
            continue
        if int(ppid) == parent and state != "Z" and any(b"solver/child" in word for word in words):
            found.append(int(entry.name))
    return found


async def first_engine(parent: int, seconds: float = 20) -> int:
    """The pid of the first engine of `parent`, as soon as there is one that has read its problem."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for pid in engine_pids(parent):
            if _busy(pid):
                return pid
        await asyncio.sleep(0.02)
    raise AssertionError("no engine process appeared")


def _busy(pid: int) -> bool:
    """Whether the compiled engine is loaded, so that a signal hits a solve and not the start of Python."""
    try:
        maps = Path(f"/proc/{pid}/maps").read_text()
        return "_vroom" in maps or "_pyvrp" in maps
    except OSError:
        return False
