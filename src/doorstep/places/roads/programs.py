"""Where OSRM's programs are on this machine, and how to get them.

They come inside the `osrm-bindings` wheel. On Python 3.12 and later that wheel is an ordinary dependency; for 3.11 no
wheel exists, but the programs in it need no Python at all, so `install` has pip fetch the wheel and unpacks them.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from doorstep.places.errors import DiskFull, EngineMissing, EngineUnsupported

Progress: TypeAlias = Callable[[str, float], None]
"""Called with what is being done and how much of the whole is done, 0 to 1."""

PACKAGE: Final = "osrm-bindings"
VERSION: Final = "26.10.0"
_NAMES: Final = ("osrm-extract", "osrm-partition", "osrm-customize", "osrm-routed")
_PIP_TIMEOUT_SECONDS: Final = 900


def silent(label: str, done: float) -> None:
    """A progress callback for callers who do not watch."""


@dataclass(frozen=True, slots=True)
class Programs:
    """OSRM's programs and the profiles that came with them; `version` is part of every graph's name."""

    folder: Path
    profiles: Path
    version: str

    @property
    def extract(self) -> Path:
        """Reads a map and writes the graph."""
        return self.folder / "osrm-extract"

    @property
    def partition(self) -> Path:
        """Divides the graph into cells."""
        return self.folder / "osrm-partition"

    @property
    def customize(self) -> Path:
        """Computes the weights of the cells."""
        return self.folder / "osrm-customize"

    @property
    def routed(self) -> Path:
        """Serves the graph over HTTP."""
        return self.folder / "osrm-routed"


def find(home: Path) -> Programs | None:
    """The programs of the installed wheel, else those that `install` unpacked under `home`, else None."""
    return _of_installed_wheel() or _at(home / "roads" / "engine", VERSION)


def require(home: Path) -> Programs:
    """Like `find`, but raises EngineMissing with the remedy."""
    programs = find(home)
    if programs is None:
        raise EngineMissing("The road engine (OSRM) is not installed. Run: doorstep roads install")
    return programs


def install(home: Path, progress: Progress = silent) -> Programs:
    """Fetch the wheel with this interpreter's pip and unpack the programs to `<home>/roads/engine`.

    Does nothing when they are there already. Blocking: takes seconds, most of them for 21 MB of download.
    Raises EngineUnsupported where no wheel exists for the platform, EngineMissing when it cannot be fetched, DiskFull.
    """
    found = find(home)
    if found is not None:
        return found
    tags = _wheel_platforms()
    roads = home / "roads"
    try:
        roads.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=roads, prefix=".engine-") as scratch:
            progress("fetching the road engine", 0.0)
            wheel = _download(Path(scratch), tags)
            progress("unpacking the road engine", 0.8)
            unpacked = Path(scratch) / "unpacked"
            _unpack(wheel, unpacked)
            _put_in_place(unpacked, roads / "engine")
    except OSError as error:
        if shutil.disk_usage(roads).free < 64_000_000:
            raise DiskFull(roads) from error
        raise EngineMissing(f"The road engine could not be unpacked to {roads}: {error}") from error
    progress("road engine installed", 1.0)
    return require(home)


def _of_installed_wheel() -> Programs | None:
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return None
    return _at(Path(str(distribution.locate_file("osrm"))), distribution.version)


def _at(root: Path, version: str) -> Programs | None:
    folder, profiles = root / "bin", root / "share" / "profiles"
    complete = all(os.access(folder / name, os.X_OK) for name in _NAMES) and (profiles / "car.lua").is_file()
    return Programs(folder, profiles, version) if complete else None


def _wheel_platforms() -> list[str]:
    system, machine = platform.system(), platform.machine().lower()
    if system == "Linux" and machine in ("x86_64", "aarch64"):
        library, release = platform.libc_ver()
        if library == "glibc" and tuple(int(part) for part in release.split(".")[:2]) >= (2, 28):
            return [f"manylinux_2_28_{machine}"]
        raise EngineUnsupported(
            f"The road engine needs glibc 2.28 or later; this machine has {library or 'another C library'} {release}. "
            "Point Doorstep at an OSRM server of your own instead."
        )
    if system == "Darwin" and machine == "arm64":
        return [f"macosx_{major}_0_arm64" for major in range(15, 10, -1)]
    raise EngineUnsupported(
        f"There is no road engine for {system} on {machine}. Point Doorstep at an OSRM server of your own instead."
    )


def _download(folder: Path, tags: list[str]) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", "3.12", "--abi", "abi3"]
    for tag in tags:
        command += ["--platform", tag]
    command += ["--dest", str(folder), f"{PACKAGE}=={VERSION}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise EngineMissing("Fetching the road engine took too long. Try again: doorstep roads install") from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode == 0 and wheels:
        return wheels[0]
    if "No module named pip" in done.stderr:
        raise EngineMissing(f"pip is missing. Run: {sys.executable} -m ensurepip")
    if "No space left" in done.stderr:
        raise DiskFull(folder)
    reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"pip ended with {done.returncode}"
    raise EngineMissing(
        f"The road engine {PACKAGE} {VERSION} could not be fetched ({reason}). "
        "Check the network or pip's index, then run: doorstep roads install"
    )


def _unpack(wheel: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.startswith(("osrm/bin/", "osrm/share/")) or "/licenses/" in name:
                    archive.extract(name, target)
    except zipfile.BadZipFile as error:
        raise EngineMissing("The road engine arrived damaged. Try again: doorstep roads install") from error
    for program in (target / "osrm" / "bin").iterdir():
        program.chmod(0o755)


def _put_in_place(unpacked: Path, engine: Path) -> None:
    """Move the complete folder into place in one step; whoever comes second keeps the first one's."""
    for licences in unpacked.glob("*.dist-info/licenses"):
        licences.rename(unpacked / "osrm" / "licenses")
    if engine.exists() and _at(engine, VERSION) is None:
        shutil.rmtree(engine)
    try:
        (unpacked / "osrm").rename(engine)
    except OSError:
        if _at(engine, VERSION) is None:
            raise
