"""``doorstep backup FILE`` and ``doorstep restore FILE``: the embedded database and the files that belong to it."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, cast

import asyncpg
import typer

from doorstep.cli.export_file import ExportFile
from doorstep.cli.tables import AsJson, print_json
from doorstep.cli.terminal import CommandError, console, errors, progress_bars, run
from doorstep.kernel.db import Database
from doorstep.kernel.epochs import settle_epoch
from doorstep.kernel.postgres.archive import BackupManifest, Show
from doorstep.kernel.postgres.backup import restored, take_backup
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.migrate import migrate, schema_state
from doorstep.settings import Settings, get_settings


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, such as doorstep.backup; it must not be there yet.")],
    as_json: AsJson = False,
) -> None:
    """Write the embedded database, secret keys and blobs to one file, beside a running server or without one.

    The file can read everything: it is yours alone (mode 600), keep it so. Maps and road graphs are not in it.
    """
    settings = _embedded()
    target = ExportFile(file.absolute())
    with target.begin() as part, progress_bars() as bars, _nothing_left_of(target):
        out, show = _Hashed(part), _quiet if as_json else bars
        manifest = run(lambda: _backup(settings, cast(BinaryIO, out), target.path.parent, show))
        target.secure(part)
    target.finish()
    facts = {"file": str(file), "bytes": out.bytes, "sha256": out.digest.hexdigest(), **_facts(manifest)}
    if as_json:
        print_json(facts)
    else:
        console.print(f"Backed up to {file}: {out.bytes:,} bytes, sha256 {facts['sha256']}", markup=False)
    if settings.secret_keys:
        errors.print("DOORSTEP_SECRET_KEYS are a setting and not in it: keep them as well.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `doorstep backup` wrote.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace the database that is there. It is gone for good.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup back. Every `doorstep` that runs on this data must be stopped before.

    The file is checked before anything is touched, and what was there comes back should the restored database not start. Cursors of the event log
    that clients hold become RESYNC_REQUIRED: they read afresh and go on.
    """
    settings = _embedded()
    with (
        progress_bars() as shown,
        restored(settings.home, file, force=force, show=_quiet if as_json else shown) as manifest,
    ):
        epoch = run(lambda: _started(settings))
    facts = {"file": str(file), **_facts(manifest), "epoch": epoch}
    if as_json:
        print_json(facts)
    else:
        console.print(
            f"Restored what was there at {manifest.made_at}. A new epoch of the event log has begun.", markup=False
        )


def _embedded() -> Settings:
    settings = get_settings()
    if not settings.embedded:
        raise CommandError(
            "This is for the embedded database. Back an external one up by its own means (pg_basebackup, pg_dump, your provider's); after a restore "
            "Doorstep begins a new epoch by itself, and only after a snapshot of a disk `doorstep events new-epoch` is needed."
        )
    return settings


async def _backup(settings: Settings, out: BinaryIO, beside: Path, show: Show) -> BackupManifest:
    cluster = await asyncio.to_thread(EmbeddedCluster.start, settings.home)
    try:
        connection = await asyncpg.connect(cluster.system_url)
        try:
            revision = (await schema_state(connection)).current
        finally:
            await connection.close()
        if revision is None:
            raise CommandError(f"The database in {settings.home} holds nothing yet.")
        return await asyncio.to_thread(take_backup, cluster, revision, out, beside, show)
    finally:
        await asyncio.to_thread(cluster.release)


async def _started(settings: Settings) -> int:
    """Start the restored database once: recovered, at this Doorstep's schema, in a new epoch."""
    cluster = await asyncio.to_thread(EmbeddedCluster.start, settings.home)
    try:
        await migrate(cluster.owner_url)
        system = Database(cluster.system_url, pool_size=1)
        try:
            return await settle_epoch(system)
        finally:
            await system.close()
    finally:
        await asyncio.to_thread(cluster.release)


@contextmanager
def _nothing_left_of(target: ExportFile) -> Iterator[None]:
    """A backup that failed or was interrupted leaves no part of itself."""
    try:
        yield
    except BaseException:
        target.abandon()
        raise


def _facts(manifest: BackupManifest) -> dict[str, Any]:
    return {"made_at": manifest.made_at, "postgres": manifest.postgres, "schema": manifest.revision}


def _quiet(_label: str, _done: float) -> None:
    """Only the facts."""


class _Hashed:
    """What is written, counted and hashed on its way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.bytes = 0

    def write(self, piece: bytes) -> int:
        """Write it all."""
        self.digest.update(piece)
        self.bytes += len(piece)
        return self._file.write(piece)
