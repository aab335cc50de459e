"""Runs a program that must not outlive its parent, also when the parent is killed with SIGKILL.

Started as `python -I -S leash.py <parent's pid> <program> <arguments…>`, never imported. On Linux the kernel holds the
leash: this process asks to be killed when its parent dies and then becomes the program. Elsewhere it stays in between,
and kills the program when the pipe on its standard input, which only the parent holds, is closed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1


def _become(program: list[str], parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    silence = os.open(os.devnull, os.O_RDONLY)
    os.dup2(silence, 0)
    os.execv(program[0], program)  # noqa: S606 (becoming the program is the point)


def _hold(program: list[str]) -> int:
    child = subprocess.Popen(program, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())

    def watch() -> None:
        while sys.stdin.buffer.read(1):
            continue
        child.kill()

    threading.Thread(target=watch, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    if sys.platform == "linux":
        _become(sys.argv[2:], int(sys.argv[1]))
    sys.exit(_hold(sys.argv[2:]))
