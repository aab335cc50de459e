"""Node with the client's packages, and servers to talk to."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.clients.nodejs import Node, find_node, install_packages
from tests.faults.conftest import home, homes, new_home, original  # noqa: F401 (fixtures)

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.server import Server, running_server
from doorstep.settings import Settings


@dataclass(frozen=True)
class Shop:
    """A tenant who may do everything, on a whole server without a map."""

    server: Server
    key: str


@pytest.fixture(scope="session")
def node() -> Node:
    """Node, with the packages that src/portal locks."""
    program = find_node()
    install_packages(program)
    return program


@pytest.fixture
async def shop(database_urls: DatabaseUrls, system: Database) -> AsyncIterator[Shop]:
    with tempfile.TemporaryDirectory(prefix="doorstep-clients-") as folder:
        settings = Settings(home=Path(folder), roads="straight", solver_slots=1, drain_seconds=5)  # type: ignore[call-arg]
        async with running_server(settings, database_urls, port=0) as server:
            await create_tenant(system, NewTenant("corner-shop", "Corner Shop", "Europe/Vaduz", "LI"))
            tenant = await tenant_by_slug(system, "corner-shop")
            _, key = await create_key(system, tenant, "test", sorted(ALL_PERMISSIONS))
            yield Shop(server, key)
