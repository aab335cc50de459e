"""The map that is in use: an OpenStreetMap extract kept by its checksum, and the pointer that names the current one.

    <home>/roads/extracts/<sha256>.osm.pbf     every extract that was ever used, byte for byte
    <home>/roads/current                       one small JSON file, replaced in one step

A running server looks at the pointer's identity, so another process (`doorstep roads build`) can swap its map.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import httpx
import orjson

from doorstep.places.errors import BadExtract, DiskFull, DownloadFailed
from doorstep.places.roads.programs import Progress, silent

_BLOCK: Final = 1 << 20
_DAY_SECONDS: Final = 86_400
_SPARE_BYTES: Final = 16_000_000


@dataclass(frozen=True, slots=True)
class RoadMap:
    """One extract in the store. `name` is what it was called where it came from."""

    checksum: str
    path: Path
    name: str

    @property
    def version(self) -> str:
        """Short form of the checksum: what plans store as their map's version."""
        return self.checksum[:16]


def store(source: str | Path, home: Path, progress: Progress = silent) -> RoadMap:
    """Copy a file, or download an http(s) address, into the store. Does not make it the current map.

    Blocking. Raises BadExtract for a file that is absent or not readable, DownloadFailed, DiskFull.
    """
    folder = home / "roads" / "extracts"
    folder.mkdir(parents=True, exist_ok=True)
    text = str(source)
    is_address = text.startswith(("http://", "https://"))
    name = Path(urlsplit(text).path).name if is_address else Path(text).name
    blocks = _download(text, progress) if is_address else _read(Path(text), progress)
    _sweep(folder)
    digest = hashlib.sha256()
    with _full_disk_is_an_error(folder), tempfile.NamedTemporaryFile(dir=folder, prefix=".incoming-") as incoming:
        for block in blocks:
            digest.update(block)
            incoming.write(block)
        incoming.flush()
        os.fsync(incoming.fileno())
        path = folder / f"{digest.hexdigest()}.osm.pbf"
        if not path.exists():
            os.link(incoming.name, path)
            path.chmod(0o644)
    return RoadMap(digest.hexdigest(), path, name)


def use(road_map: RoadMap, home: Path) -> None:
    """Make this the current map, in one step, for every process that shares `home`."""
    pointer = _pointer(home)
    body = orjson.dumps({"checksum": road_map.checksum, "name": road_map.name})
    with _full_disk_is_an_error(pointer.parent):
        handle, name = tempfile.mkstemp(dir=pointer.parent, prefix=".current-")
        scratch = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            scratch.chmod(0o644)
            scratch.replace(pointer)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise


def current(home: Path) -> RoadMap | None:
    """The current map, or None before the first one. Raises BadExtract when the pointer names a map that is gone."""
    try:
        body = orjson.loads(_pointer(home).read_bytes())
        checksum, name = str(body["checksum"]), str(body["name"])
    except FileNotFoundError:
        return None
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BadExtract(f"{_pointer(home)} is damaged. Run: doorstep roads build FILE.osm.pbf") from error
    path = home / "roads" / "extracts" / f"{checksum}.osm.pbf"
    if not path.is_file():
        raise BadExtract(f"The current map {name} is gone from {path.parent}. Run: doorstep roads build FILE.osm.pbf")
    return RoadMap(checksum, path, name)


def fingerprint(home: Path) -> tuple[int, int] | None:
    """Changes whenever `use` was called; cheap enough to look at every second."""
    try:
        found = _pointer(home).stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def forget(home: Path) -> None:
    """Use no map any more; extracts and graphs stay where they are."""
    _pointer(home).unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what a killed process left behind; whatever is younger than a day may still be coming in."""
    for leftover in folder.glob(".incoming-*"):
        if time.time() - leftover.stat().st_mtime > _DAY_SECONDS:
            leftover.unlink(missing_ok=True)


def _pointer(home: Path) -> Path:
    return home / "roads" / "current"


def _read(path: Path, progress: Progress) -> Iterator[bytes]:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            yield from _counted(file, size, progress)
    except FileNotFoundError as error:
        raise BadExtract(f"There is no file {path}.") from error
    except (IsADirectoryError, PermissionError) as error:
        raise BadExtract(f"{path} cannot be read: {error.strerror}.") from error


def _counted(file: BinaryIO, size: int, progress: Progress) -> Iterator[bytes]:
    done = 0
    while block := file.read(_BLOCK):
        done += len(block)
        progress("reading the map", min(1.0, done / max(size, 1)))
        yield block


def _download(address: str, progress: Progress) -> Iterator[bytes]:
    done = 0
    try:
        with httpx.stream("GET", address, follow_redirects=True, timeout=httpx.Timeout(30.0)) as answer:
            if answer.status_code != httpx.codes.OK:
                raise DownloadFailed(f"{address} answered {answer.status_code}.")
            size = int(answer.headers.get("content-length", 0))
            for block in answer.iter_bytes(_BLOCK):
                done += len(block)
                progress("downloading the map", min(1.0, done / size) if size else 0.0)
                yield block
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DownloadFailed(f"{address} could not be downloaded ({type(error).__name__}: {error}).") from error


@contextmanager
def _full_disk_is_an_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if shutil.disk_usage(folder).free < _SPARE_BYTES:
            raise DiskFull(folder) from error
        raise
