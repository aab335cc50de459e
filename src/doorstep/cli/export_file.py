"""The file that an export is written to: what bears the wanted name is complete and on the disk."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from doorstep.cli.terminal import CommandError

READABLE_BY_OWNER = 0o600


class ExportFile:
    """Written under ``NAME.part``, then renamed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f"{path.name}.part")

    def begin(self) -> BinaryIO:
        """The unfinished file, empty, readable by its owner alone; raises CommandError where the name is taken or cannot be written."""
        if self.path.exists():
            raise CommandError(f"There is {self.path} already: choose another file.")
        try:
            self._part.unlink(missing_ok=True)
            return os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, READABLE_BY_OWNER), "wb")
        except OSError as error:
            raise CommandError(f"{self.path} cannot be written: {error.strerror}.") from error

    @staticmethod
    def secure(file: BinaryIO) -> None:
        """Everything written is on the disk."""
        file.flush()
        os.fsync(file.fileno())

    def finish(self) -> None:
        """Give the file its name, for good."""
        self._part.rename(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._part.unlink(missing_ok=True)

    def finish_left_behind(self, sha256: str) -> None:
        """Finish what a run that was killed had written completely."""
        if not self.path.exists() and self._part.exists() and _sha256(self._part) == sha256:
            self.finish()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
