"""A browser tab, and a server with one tenant, for the tests of our pages."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.portal.chromium import Page, chromium_page, find_chromium

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.server import running_server
from doorstep.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Shop:
    """A tenant's view of a running server."""

    url: str
    key: str


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A tab of a headless Chromium with an empty profile."""
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium on this machine: install the package chromium to run the browser tests")
    with tempfile.TemporaryDirectory(prefix="doorstep-browser-", ignore_cleanup_errors=True) as profile:
        async with chromium_page(program, Path(profile)) as tab:
            yield tab


@pytest.fixture
async def shop(database_urls: DatabaseUrls, system: Database, tmp_path: Path) -> AsyncIterator[Shop]:
    """A server in this process, with one tenant who may do everything."""
    built = REPOSITORY / "src" / "doorstep" / "static" / "pages" / "build.json"
    assert built.is_file(), "the pages were not built: run pip install -e . with access to npm"
    settings = Settings(home=tmp_path, roads="straight", drain_seconds=5)  # type: ignore[call-arg]
    async with running_server(settings, database_urls, work=False, port=0) as server:
        await create_tenant(system, NewTenant("corner-shop", "Corner Shop", "Europe/Vaduz", "LI"))
        _, key = await create_key(system, await tenant_by_slug(system, "corner-shop"), "test", sorted(ALL_PERMISSIONS))
        yield Shop(server.url, key)
