"""The backup file: a tar of a manifest and the parts that it names, each with its length and checksum.

Written from beginning to end, so that it may go anywhere; read only when every part is whole.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, BinaryIO

from doorstep.kernel.postgres.errors import BackupUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 1
MANIFEST = "manifest.json"
_MANIFEST_LIMIT = 2**20
_PIECE = 2**20

Show = Callable[[str, float], None]
"""Told a label and how much of it is done, 0…1."""


@dataclass(frozen=True)
class Part:
    """One file of the archive."""

    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Part:
        """A file as it is now."""
        with path.open("rb") as file:
            return cls(path.name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


@dataclass(frozen=True)
class BackupManifest:
    """What a backup is of: when (UTC, ISO 8601), PostgreSQL's version, the schema's revision, the parts."""

    made_at: str
    postgres: str
    revision: str
    parts: tuple[Part, ...]
    format: int = FORMAT

    @property
    def major(self) -> str:
        """PostgreSQL's major version."""
        return self.postgres.split(".")[0]


def write_archive(out: BinaryIO, manifest: BackupManifest, folder: Path, show: Show) -> None:
    """Write the manifest, then the parts, which lie in ``folder``."""
    total, done = sum(part.bytes for part in manifest.parts) or 1, 0
    text = json.dumps(asdict(manifest), indent=1).encode()
    with tarfile.open(fileobj=out, mode="w|") as tar:
        tar.addfile(_entry(MANIFEST, len(text)), io.BytesIO(text))
        for part in manifest.parts:
            with (folder / part.name).open("rb") as file:
                tar.addfile(_entry(part.name, part.bytes), file)
            done += part.bytes
            show("Writing the file", done / total)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


@contextmanager
def opened_archive(path: Path) -> Iterator[tuple[BackupManifest, tarfile.TarFile]]:
    """A backup's manifest and its parts; raises BackupUnusable where it is none, is cut off or of a format that is not known here."""
    try:
        with tarfile.open(path, "r:") as tar:
            yield _manifest(path, tar), tar
    except tarfile.TarError as error:
        raise BackupUnusable(path, f"it is no backup, or damaged ({error})") from error


def _manifest(path: Path, tar: tarfile.TarFile) -> BackupManifest:
    first = tar.next()
    file = tar.extractfile(first) if first is not None and first.name == MANIFEST else None
    if file is None:
        raise BackupUnusable(path, "it does not begin as a backup does")
    try:
        fields = json.loads(file.read(_MANIFEST_LIMIT))
        known = fields["format"] == FORMAT
        parts = tuple(Part(**part) for part in fields.pop("parts")) if known else ()
        manifest = BackupManifest(**fields, parts=parts) if known else None
    except (ValueError, KeyError, TypeError) as error:
        raise BackupUnusable(path, "its manifest is damaged") from error
    if manifest is None:
        raise BackupUnusable(path, f"it is of format {fields['format']}, and this Doorstep reads format {FORMAT}")
    return manifest


def verify_parts(path: Path, manifest: BackupManifest, tar: tarfile.TarFile, show: Show) -> None:
    """Read everything once; raises BackupUnusable unless each part is there as it was written."""
    total, done = sum(part.bytes for part in manifest.parts) or 1, 0
    for part in manifest.parts:
        file = open_part(path, tar, part.name)
        digest = hashlib.sha256()
        while piece := file.read(_PIECE):
            digest.update(piece)
            done += len(piece)
            show("Checking the file", min(done / total, 1.0))
        if digest.hexdigest() != part.sha256:
            raise BackupUnusable(path, f"its part {part.name} is not as it was written: the checksum differs")


def open_part(path: Path, tar: tarfile.TarFile, name: str) -> IO[bytes]:
    """One part's bytes."""
    try:
        file = tar.extractfile(name)
    except KeyError:
        file = None
    if file is None:
        raise BackupUnusable(path, f"its part {name} is missing")
    return file


def pack(path: Path, home: Path, names: Sequence[str]) -> None:
    """A compressed tar of some files and folders of ``home``."""
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name in names:
            tar.add(home / name, arcname=name)


def unpack(path: Path, packed: IO[bytes], into: Path) -> None:
    """Plain files and folders of a compressed tar, readable by their owner alone; anything else is refused."""
    with tarfile.open(
        fileobj=packed, mode="r:gz"
    ) as tar:  # not "r|gz", which stops after the first of several gzip members
        for member in tar:
            name = PurePosixPath(member.name)
            content = tar.extractfile(member) if member.isfile() else None
            if name.is_absolute() or ".." in name.parts or not (member.isdir() or content):
                raise BackupUnusable(path, f"it holds {member.name!r}, which no backup does")
            target = into / name
            if content is None:
                target.mkdir(mode=0o700, parents=True, exist_ok=True)
                continue
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with target.open("xb") as file:
                target.chmod(0o600)
                while piece := content.read(_PIECE):
                    file.write(piece)
