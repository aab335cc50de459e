"""Advisory locks on files (flock): the kernel drops them when their holder dies, however it dies.

Three files in the cluster's folder are locked:

* ``lock``        exclusive, while somebody starts or joins the cluster
* ``lease``       shared, by everyone who uses the cluster; the supervisor waits for it exclusively
* ``supervisor``  exclusive, as long as the supervisor lives

Probing takes a *shared* lock for a moment, so that a probe is never taken for the holder that it looks for.
"""

from __future__ import annotations

import os
import sys
import time
import weakref
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_PAUSE = 0.02


class FileLock:
    """One open file with a flock on it. Closing gives the lock up; a forked child loses its copy by itself."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _open_locks.add(self)

    @property
    def fd(self) -> int:
        """The descriptor, to be handed to a child that carries the lock on."""
        return self._fd

    def try_lock(self, *, shared: bool) -> bool:
        """Take the lock now or say False. An exclusive holder that asks for shared is converted."""
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(self._fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def lock_before(self, deadline: float, *, shared: bool) -> bool:
        """Wait for the lock until ``deadline`` (monotonic seconds)."""
        while not self.try_lock(shared=shared):
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)
        return True

    def wait_exclusive(self) -> None:
        """Block until nobody else holds the lock."""
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def close(self) -> None:
        """Give the lock up. Only closing, never LOCK_UN: that would also unlock a copy in another process."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> FileLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def held_exclusively(path: Path) -> bool:
    """Does some process hold this lock exclusively at the moment?"""
    try:
        with FileLock(path) as probe:
            return not probe.try_lock(shared=True)
    except FileNotFoundError:
        return False


_open_locks: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _drop_in_child() -> None:
    """A forked child must not keep its parent's lease alive after the parent's death."""
    for lock in list(_open_locks):
        lock.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_in_child)
