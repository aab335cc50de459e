"""The public conformance suites of ../shared/audit: installed beside the repository's cache, run against a server that listens."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from platformdirs import user_cache_path
from tests.clients.nodejs import Node, find_node

AUDIT = Path(__file__).resolve().parents[3] / "shared" / "audit"
SECONDS = 120


@dataclass(frozen=True)
class Suites:
    """A folder with the suites and what npm installed for them."""

    node: Node
    folder: Path

    async def run(self, script: str, url: str, key: str, **settings: str) -> dict[str, Any]:
        """The suite's own figures: passes and failures by MUST, SHOULD, MAY and EXTRA, and each check that failed."""
        result = self.folder / f"{script}.{os.getpid()}.json"
        environment = {
            **self.node.environment, "AUDIT_URL": url, "AUTHORIZATION": f"Bearer {key}", "AUDIT_JSON": str(result), **settings,
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            self.node.program, script, cwd=self.folder, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
            assert result.is_file(), said.decode()[-3000:]
            return json.loads(result.read_text())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            result.unlink(missing_ok=True)


def installed_suites() -> Suites:
    """The suites, ready to run. Skips where there are none; without npm's registry it skips, too, except in CI."""
    if not AUDIT.is_dir():
        pytest.skip("the folder ../shared/audit with the conformance suites is not there")
    node = find_node()
    mark = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(AUDIT.glob("*.*s*")))).hexdigest()[:16]
    folder = user_cache_path("doorstep-tests", appauthor=False) / f"audit-{mark}"
    if not (folder / "ready").is_file():
        _install(node, folder)
    return Suites(node, folder)


def _install(node: Node, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in (*AUDIT.glob("*.mjs"), AUDIT / "package.json"):
        shutil.copyfile(path, folder / path.name)
    npm = str(node.folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    command = (npm, "install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error")
    try:
        done = node.run(*command, folder=folder)
    except subprocess.TimeoutExpired as error:
        done = subprocess.CompletedProcess(command, 1, "", str(error))
    if done.returncode:
        failed = f"npm could not install the conformance suites:\n{done.stderr[-1500:]}"
        pytest.fail(failed) if os.environ.get("CI") else pytest.skip(failed)
    (folder / "ready").touch()
