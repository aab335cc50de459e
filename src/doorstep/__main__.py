"""``doorstep`` and ``python -m doorstep``: looks at the machine with the standard library alone, then hands over to the command line.

A machine that cannot run Doorstep gets one line that names what is missing instead of a failing import.
"""

from __future__ import annotations

import importlib
import platform
import sys
from importlib.util import find_spec

OLDEST_PYTHON = (3, 11)
OLDEST_GLIBC = (2, 34)


def missing(
    python: tuple[int, ...] = tuple(sys.version_info[:2]),
    system: str = sys.platform,
    libc: tuple[str, str] | None = None,
) -> str | None:
    """What this machine lacks to run Doorstep, in one line, or None."""
    if python < OLDEST_PYTHON:
        return f"Doorstep needs Python {_dotted(OLDEST_PYTHON)} or newer; this is {_dotted(python)}."
    if system not in {"linux", "darwin"}:
        return f"Doorstep needs Linux or macOS; it has no database launcher for {system}."
    if system == "linux":
        name, version = platform.libc_ver() if libc is None else libc
        if name != "glibc" or tuple(int(part) for part in version.split(".")[:2]) < OLDEST_GLIBC:
            found = f"{name} {version}".strip() or "another C library"
            return f"Doorstep needs glibc {_dotted(OLDEST_GLIBC)} or newer (Debian 12, Ubuntu 22.04, RHEL 9); this machine has {found}."
    if find_spec("vroom") is None:
        return "Doorstep needs its route solver, which is not installed: pip install 'pyvroom==1.15.2'."
    return None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def main() -> None:
    """The console script."""
    lack = missing()
    if lack is not None:
        sys.exit(lack)
    try:
        # Only now: it imports packages that do not load on a machine without what was just looked for.
        command_line = importlib.import_module("doorstep.cli")
    except ModuleNotFoundError as error:
        sys.exit(
            f"Doorstep's installation is incomplete: the package '{error.name}' is missing. Install Doorstep again."
        )
    command_line.run()


if __name__ == "__main__":
    main()
