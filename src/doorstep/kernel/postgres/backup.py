"""Backups of the embedded database and of what belongs to it, taken beside whoever uses it; and putting one back.

A backup is PostgreSQL's own base backup with the log that makes it consistent, and the files of the home folder that nothing can make again: secret
keys and blobs. Maps and road graphs are made from their extract. A restored server begins a new timeline, by which every process sees that cursors
of the event log from before no longer hold (``kernel.epochs``).
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from doorstep.kernel.postgres.account import ServerAccount, choose_account, require_reachable
from doorstep.kernel.postgres.archive import (
    BackupManifest,
    Part,
    Show,
    open_part,
    opened_archive,
    pack,
    unpack,
    verify_parts,
    write_archive,
)
from doorstep.kernel.postgres.binaries import find_binaries
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.errors import BackupUnusable, ClusterInUse, NotEmpty
from doorstep.kernel.postgres.folder import BEFORE_RESTORE, ClusterFolder, sync_folder
from doorstep.kernel.postgres.locks import FileLock
from doorstep.kernel.postgres.migrate import is_known_revision
from doorstep.kernel.secrets import FILE_NAME as SECRET_KEYS

KEPT = (SECRET_KEYS, "blobs")
"""What of the home folder is backed up beside the database."""

_BASE, _WAL, _FILES = "base.tar.gz", "pg_wal.tar.gz", "files.tar.gz"
_NEW = "data.new."
"""The prefix that ``initialise`` clears away after a run that was killed."""

_RECOVERY = "restore_command = 'false'\nhot_standby = off\n"
"""Everything that is to be replayed is in pg_wal: asked for more, the server goes on into a new timeline. Nobody may look in before."""


def take_backup(cluster: EmbeddedCluster, revision: str, out: BinaryIO, beside: Path, show: Show) -> BackupManifest:
    """Write a backup of the running cluster to ``out``; ``beside`` is a folder with room for a second copy of it meanwhile."""
    workshop = Path(tempfile.mkdtemp(prefix=".doorstep-backup.", dir=beside))
    try:
        cluster.copy_to(workshop, lambda done: show("Copying the database", done))
        (workshop / "backup_manifest").unlink(missing_ok=True)
        kept = [name for name in KEPT if (cluster.home / name).exists()]
        if kept:
            show("Copying the files", 0.0)
            pack(workshop / _FILES, cluster.home, kept)
        parts = tuple(Part.of(path) for path in sorted(workshop.iterdir()))
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        version = find_binaries(cluster.home / "postgres", None).version
        manifest = BackupManifest(made_at, version, revision, parts)
        write_archive(out, manifest, workshop, show)
        return manifest
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


@contextmanager
def restored(home: Path, file: Path, *, force: bool, show: Show) -> Iterator[BackupManifest]:
    """Put a backup back below ``home``; in the block the caller starts it and looks. Should that fail, what was there before comes back.

    Raises BackupUnusable before anything is touched, NotEmpty where there is a database (or its files) already unless ``force``, and ClusterInUse
    while somebody runs on it, also with ``force``.
    """
    home = home.resolve()
    folder = ClusterFolder(home / "postgres")
    with opened_archive(file) as (manifest, tar):
        if not is_known_revision(manifest.revision):
            raise BackupUnusable(
                file, f"a newer Doorstep made it (schema {manifest.revision}): install that one, or a newer one still"
            )
        folder.prepare()
        account = choose_account(folder.data)
        if account:
            require_reachable(folder.root, account)
        programs = find_binaries(folder.root, account)
        if manifest.major != programs.major:
            raise BackupUnusable(
                file, f"PostgreSQL {manifest.major} made it, and this Doorstep brings {programs.major}"
            )
        swaps = _Swaps(home, folder)
        with _nobody_there(folder):
            _refuse_to_replace(folder, home, force=force)
        verify_parts(file, manifest, tar, show)
        with ExitStack() as undo:
            workshop = Path(tempfile.mkdtemp(prefix=_NEW, dir=folder.root))
            undo.callback(shutil.rmtree, workshop, ignore_errors=True)
            try:
                _unpack_all(file, tar, manifest, workshop, account, show)
                with _nobody_there(folder):
                    _refuse_to_replace(folder, home, force=force)
                    swaps.carry_out(workshop)
            except OSError as error:
                raise folder.explain(error) from error
    try:
        yield manifest
    except BaseException:
        with _nobody_there(folder):
            swaps.undo()
        raise
    swaps.forget()


@contextmanager
def _nobody_there(folder: ClusterFolder) -> Iterator[None]:
    """Nobody uses the cluster or starts it."""
    with FileLock(folder.start_lock) as starting, FileLock(folder.lease) as lease:
        if not starting.try_lock(shared=False) or not lease.try_lock(shared=False):
            raise ClusterInUse(folder.root)
        folder.undo_interrupted_restore()
        yield


def _refuse_to_replace(folder: ClusterFolder, home: Path, *, force: bool) -> None:
    there = [path for path in (folder.data, *(home / name for name in KEPT)) if path.exists()]
    if there and not force:
        raise NotEmpty(there[0])


def _unpack_all(
    file: Path,
    tar: tarfile.TarFile,
    manifest: BackupManifest,
    workshop: Path,
    account: ServerAccount | None,
    show: Show,
) -> None:
    data = workshop / "data"
    data.mkdir(mode=0o700)
    places = {_BASE: data, _WAL: data / "pg_wal", _FILES: workshop / "files"}
    for number, part in enumerate(manifest.parts):
        show("Unpacking", number / len(manifest.parts))
        if part.name not in places:
            raise BackupUnusable(file, f"its part {part.name} is not known here")
        unpack(file, open_part(file, tar, part.name), places[part.name])
    if not (data / "PG_VERSION").is_file():
        raise BackupUnusable(file, "it holds no database")
    _recover_at_start(data)
    if account:
        for path in (workshop, data, *data.rglob("*")):
            os.chown(path, account.uid, account.gid)
    os.sync()


def _recover_at_start(data: Path) -> None:
    """Let the server replay the backup's log, then begin a new timeline."""
    (data / "recovery.signal").touch(mode=0o600)
    settings = data / "postgresql.auto.conf"
    text = settings.read_text() if settings.exists() else ""
    if _RECOVERY not in text:
        settings.write_text(text + _RECOVERY)
        settings.chmod(0o600)


class _Swaps:
    """What is restored takes its places, and what was there waits beside them."""

    def __init__(self, home: Path, folder: ClusterFolder) -> None:
        self._home = home
        self._folder = folder
        self._done: list[Path] = []

    def carry_out(self, workshop: Path) -> None:
        """First the database: should we be killed in between, ``undo_interrupted_restore`` finds it missing."""
        # Its passwords are another cluster's then: the next start makes new ones.
        self._folder.credentials_file.unlink(missing_ok=True)
        self._put(workshop / "data", self._folder.data)
        for name in KEPT:
            if (workshop / "files" / name).exists():
                self._put(workshop / "files" / name, self._home / name)
                _give(self._home / name, self._home.stat())
        sync_folder(self._folder.root)
        sync_folder(self._home)

    def _put(self, new: Path, place: Path) -> None:
        if place.exists():
            _remove(_aside(place))
            place.rename(_aside(place))
        self._done.append(place)
        shutil.move(new, place)

    def undo(self) -> None:
        """Everything as it was before."""
        self._folder.credentials_file.unlink(missing_ok=True)
        for place in reversed(self._done):
            _remove(place)
            if _aside(place).exists():
                _aside(place).rename(place)

    def forget(self) -> None:
        """What was there before goes for good, but for secret keys."""
        for place in self._done:
            if place.name != SECRET_KEYS:
                _remove(_aside(place))


def _give(place: Path, owner: os.stat_result) -> None:
    """Root may restore a user's home: what it puts there must stay usable for that user."""
    if os.geteuid() == 0:
        for path in (place, *place.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)


def _aside(place: Path) -> Path:
    return place.with_name(f"{place.name}{BEFORE_RESTORE}")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
