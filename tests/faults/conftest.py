"""Homes with a migrated cluster and a tenant in it, copied for each drill, since making one takes seconds."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from tests.faults.checking import StoredOrder

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database
from doorstep.kernel.ids import public_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.migrate import migrate
from doorstep.kernel.scope import ALL_PERMISSIONS


@dataclass(frozen=True, slots=True)
class Home:
    """A data folder and the API key of the tenant in it."""

    path: Path
    key: str

    @property
    def log(self) -> Path:
        """Where its servers write."""
        return self.path / "serve.log"

    @asynccontextmanager
    async def truth(self) -> AsyncIterator[asyncpg.Connection]:
        """A superuser's connection to its database, which is started or joined for that long."""
        with EmbeddedCluster.start(self.path, timeout=60) as cluster:
            connection = await asyncpg.connect(cluster.url("superuser"), timeout=10)
            try:
                await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
                yield connection
            finally:
                await connection.close()


async def what_is_there(home: Home) -> tuple[list[StoredOrder], list[str], list[int]]:
    """Orders, event ids in the log's order, and the log's numbers."""
    async with home.truth() as truth:
        orders = await truth.fetch("SELECT id, display_reference FROM orders")
        events = await truth.fetch("SELECT id, seq FROM events ORDER BY seq")
    return (
        [StoredOrder(public_id("order", row["id"]), row["display_reference"]) for row in orders],
        [public_id("event", row["id"]) for row in events],
        [row["seq"] for row in events],
    )


def _memory() -> Path | None:
    """A file system in memory, where these servers need not wait for a disk; None for the usual place."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < 2 * 2**30:
        return None
    return None if os.statvfs(memory).f_flag & os.ST_NOEXEC else memory


@pytest.fixture(scope="session")
def homes() -> Iterator[Path]:
    """A folder for homes that the database server's own user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="doorstep-faults-", dir=_memory()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def original(homes: Path) -> Home:
    """A stopped home: migrated, with one tenant."""
    path = homes / "original"
    path.mkdir()
    with EmbeddedCluster.start(path) as cluster:
        await migrate(cluster.owner_url)
        system = Database(cluster.system_url, pool_size=2)
        await create_tenant(system, NewTenant("drill", "Drill", "Europe/Vaduz", "LI"))
        _, key = await create_key(system, await tenant_by_slug(system, "drill"), "drill", sorted(ALL_PERMISSIONS))
        await system.close()
    return Home(path, key)


@pytest.fixture
def new_home(homes: Path, original: Home) -> Iterator[Callable[[], Home]]:
    """Copies of the original home."""
    made: list[Path] = []

    def make() -> Home:
        path = homes / f"home-{uuid4().hex[:8]}"
        subprocess.run(["cp", "-a", str(original.path), str(path)], check=True)
        made.append(path)
        return Home(path, original.key)

    yield make
    for path in made:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def home(new_home: Callable[[], Home]) -> Home:
    """A home of this test's own."""
    return new_home()
