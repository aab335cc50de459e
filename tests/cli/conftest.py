"""Commands run in this process, on a database of the test's own."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from doorstep import cli
from doorstep.kernel.db import DatabaseUrls
from doorstep.settings import get_settings

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def doorstep(database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> Run:
    """Runs a command; answers exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOORSTEP_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_SYSTEM_URL", database_urls.system)

    def run(*arguments: str) -> tuple[int, str, str]:
        get_settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["doorstep", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.run()
        said = capsys.readouterr()
        code = end.value.code
        return (code if isinstance(code, int) else 0), said.out, said.err

    yield run  # type: ignore[misc]
    get_settings.cache_clear()
