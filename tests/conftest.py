"""What every test shares: one embedded PostgreSQL, a migrated template that each test clones, and a server to talk to."""

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.migrate import migrate

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"
TEMPLATE = "doorstep_template"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of third parties' maps and instances beside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder ../shared/data with third parties' maps is not there")
    return SHARED_DATA


@pytest.fixture(scope="session")
def session_home() -> Iterator[Path]:
    """A data folder for the whole run that the database server's own user can enter."""
    home = Path(tempfile.mkdtemp(prefix="doorstep-test-"))
    home.chmod(0o755)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(session_home: Path) -> Iterator[EmbeddedCluster]:
    """One embedded PostgreSQL for the whole run."""
    with EmbeddedCluster.start(session_home) as running:
        yield running


@pytest.fixture(scope="session")
async def template(cluster: EmbeddedCluster) -> str:
    """A migrated database to clone."""
    cluster.create_database(TEMPLATE)
    await migrate(cluster.url("owner", TEMPLATE))
    return TEMPLATE


@contextlib.contextmanager
def cloned_database(cluster: EmbeddedCluster, template: str) -> Iterator[DatabaseUrls]:
    """A database of its own, as migrated."""
    name = f"t_{uuid4().hex[:12]}"
    cluster.create_database(name, template=template)
    try:
        yield DatabaseUrls(cluster.url("app", name), cluster.url("system", name))
    finally:
        cluster.drop_database(name)


@pytest.fixture
def database_urls(cluster: EmbeddedCluster, template: str) -> Iterator[DatabaseUrls]:
    """A fresh database for one test."""
    with cloned_database(cluster, template) as urls:
        yield urls


@pytest.fixture
async def db(database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    """The app role's pool on the test's database."""
    database = Database(database_urls.app, pool_size=5)
    yield database
    await database.close()


@pytest.fixture
async def system(database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    """The system role's pool on the test's database."""
    database = Database(database_urls.system, pool_size=3)
    yield database
    await database.close()
