"""What a measurement ran on: no figure means anything without it."""

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from doorstep import __version__


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine and the versions that were measured."""

    cores: int
    processor: str
    system: str
    python: str
    doorstep: str

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        cores = f"{self.cores} core{'s' if self.cores != 1 else ''}"
        return f"{cores}, {self.processor}, {self.system}, Python {self.python}, Doorstep {self.doorstep}"


def this_machine() -> Machine:
    """The machine that runs this process."""
    return Machine(
        cores(), _processor(), f"{platform.system()} {platform.machine()}", platform.python_version(), __version__
    )


def cores() -> int:
    """How many cores this process may use (a container may have fewer than the machine)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_average() -> float:
    """The machine's load over the last minute: processes that run or want to."""
    return round(os.getloadavg()[0], 2)


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or "unknown processor"
