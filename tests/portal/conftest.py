"""A browser tab for the tests of our pages."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal.chromium import Page, chromium_page, find_chromium

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A tab of a headless Chromium with an empty profile."""
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium on this machine: install the package chromium to run the browser tests")
    with tempfile.TemporaryDirectory(prefix="doorstep-browser-", ignore_cleanup_errors=True) as profile:
        async with chromium_page(program, Path(profile)) as tab:
            yield tab


@pytest.fixture(scope="session")
def built_pages() -> Path:
    """The folder of the pages as the build hook made them."""
    folder = REPOSITORY / "src" / "doorstep" / "static" / "graphiql"
    assert (folder / "build.json").is_file(), "the page was not built: run pip install -e . with access to npm"
    return folder
