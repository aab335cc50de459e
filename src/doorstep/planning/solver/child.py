"""The program of an engine process: reads one problem from standard input, lets VROOM solve it, writes the answer.

It is started as a script, imports nothing of Doorstep, and is the only file that touches pyvroom: the engine holds the
interpreter's lock for the whole solve and dies on some inputs, so it gets a process that anybody can kill. Of pyvroom
only the compiled module is loaded: the package around it imports pandas, a second and 70 MB that nothing here uses.

Input: a line of JSON (limits, run, document_bytes, matrices), the document, each matrix as raw unsigned 32-bit numbers.
Output: one JSON object, {"status": "ok", "solution": …} or {"status": "refused" | "failed" | "memory", "message": …}.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime as dt
import importlib.machinery
import importlib.util
import io
import json
import math
import os
import resource
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import IO, Any

PR_SET_PDEATHSIG = 1
M_ARENA_MAX = -8


def main() -> None:
    """Run once and leave. A broken pipe or a malformed header means that the parent is gone: leave without a word."""
    parent = int(sys.argv[1])
    die_with(parent)
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the engine prints must not end up in the answer
    stream = sys.stdin.buffer
    header = json.loads(stream.readline())
    limit(header["limits"])
    os.putenv("OPENBLAS_NUM_THREADS", "1")  # the engine loads numpy, whose idle threads would count as memory
    try:
        result = solve(header, stream)
    except MemoryError:
        result = {"status": "memory", "message": "out of memory"}
    result["cpu_seconds"] = sum(os.times()[:2])
    answer.write(json.dumps(result).encode())
    answer.close()


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies, even in the middle of a solve."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def limit(limits: dict[str, float]) -> None:
    """Bound memory, processor time and wall time by means that work while the engine holds the interpreter's lock."""
    with contextlib.suppress(AttributeError):  # a C library that is not glibc
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)  # else every thread reserves 64 MB of the memory limit
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limits["wall_seconds"])
    for kind, value in (
        (resource.RLIMIT_AS, int(limits["memory_bytes"])),
        (resource.RLIMIT_CPU, math.ceil(limits["cpu_seconds"])),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(OSError, ValueError):  # some systems refuse RLIMIT_AS
            resource.setrlimit(kind, (allowed, hard))


def solve(header: dict[str, Any], stream: IO[bytes]) -> dict[str, Any]:
    """Feed VROOM and return its own JSON answer."""
    engine = load_engine()
    try:
        problem = engine.Input()
        document = read_exactly(stream, header["document_bytes"]).decode()
        for matrix in header["matrices"]:
            size = matrix["size"]
            numbers = memoryview(read_exactly(stream, size * size * 4)).cast("I", (size, size))
            setter = problem._set_durations_matrix if matrix["kind"] == "durations" else problem._set_distances_matrix
            setter(matrix["profile"], engine.Matrix(numbers))
        problem._from_json(document, False)
        run = header["run"]
        timeout = run["timeout_seconds"]
        solution = problem._solve(
            nb_searches=run["searches"],
            depth=run["depth"],
            nb_threads=max(1, run["threads"]),
            timeout=None if timeout is None else dt.timedelta(seconds=timeout),
        )
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            solution._geometry_solution_json()  # the variant that tells distances
        return {"status": "ok", "solution": json.loads(text.getvalue())}
    except engine.VroomInputException as error:
        return {"status": "refused", "message": str(error)}
    except (engine.VroomInternalException, engine.VroomRoutingException, RuntimeError, ValueError) as error:
        return {"status": "failed", "message": f"{type(error).__name__}: {error}"}


def load_engine() -> ModuleType:
    """The compiled module of pyvroom, without the Python package around it."""
    package = importlib.util.find_spec("vroom")
    for folder in (package.submodule_search_locations or ()) if package else ():
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = Path(folder) / f"_vroom{suffix}"
            if path.exists():
                spec = importlib.util.spec_from_file_location("vroom._vroom", path)
                if spec is not None and spec.loader is not None:
                    module = importlib.util.module_from_spec(spec)
                    spec.loader.exec_module(module)
                    return module
    raise SystemExit("pyvroom is not installed: there is no compiled module vroom._vroom")


def read_exactly(stream: IO[bytes], count: int) -> bytes:
    """`count` bytes, or the end of this process when the parent stopped writing."""
    data = stream.read(count)
    if len(data) != count:
        raise SystemExit("the problem ended early")
    return data


if __name__ == "__main__":
    main()
