"""Doorstep's streams beside graphql-yoga with graphql-ws on Node, in one run: the same events of the same PostgreSQL, one core each.

    PYTHONPATH=src:. python -m tests.benchmarks.yoga.compare

An event is written, and both servers are woken, by one statement, so neither has the work of a mutation; each has its turn
while the other has no sockets (graphql-yoga then still reads what is written). Latency is from the moment that statement is sent to each socket's read, the commit and the client's own reading included. It
needs npm's registry the first time, Linux (``/proc``), and a machine with at least two cores. It reports and judges nothing.
"""

import argparse
import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import uvloop
from tests.benchmarks.yoga.servers import Streaming, doorstep, yoga
from tests.benchmarks.yoga.sockets import Heard, Socket, connect
from tests.faults.clients import CREATE_ORDER, order_input

from doorstep.bench.figures import percentile
from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.migrate import migrate
from doorstep.kernel.scope import ALL_PERMISSIONS

AT_ONCE = 50
"""Sockets that connect at a time."""

_WRITE = """
WITH head AS (
  UPDATE event_heads SET seq = seq + $2, recorded_at = greatest(recorded_at, clock_timestamp()) WHERE tenant_id = $1 RETURNING seq, recorded_at
), written AS (
  INSERT INTO events (tenant_id, seq, recorded_at, id, type, aggregate_version, order_id, occurred_at, actor_kind, actor_id, data)
  SELECT $1, head.seq - $2 + number, head.recorded_at, gen_random_uuid(), type, aggregate_version, order_id, occurred_at, actor_kind, actor_id, data
  FROM head, generate_series(1, $2::bigint) AS number, (SELECT * FROM events WHERE tenant_id = $1 AND type = 'OrderPlaced' ORDER BY seq LIMIT 1) AS first
  RETURNING seq
)
SELECT pg_notify('doorstep_wake', $1::text), pg_notify('bench', '') FROM (SELECT count(*) FROM written) AS done
"""


@dataclass(frozen=True)
class World:
    """A tenant with one order, and a way to write events about it."""

    truth: asyncpg.Connection
    tenant_id: UUID
    order_id: UUID

    async def write(self, count: int) -> float:
        """So many events in one commit; returns when it was sent (``perf_counter``)."""
        sent = time.perf_counter()
        await self.truth.execute(_WRITE, self.tenant_id, count)
        return sent


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    sockets: Sequence[int]
    events: int
    commits: int
    batch: int
    pause: float


@asynccontextmanager
async def crowd(server: Streaming, world: World, count: int, heard: Heard, *, different: bool) -> AsyncIterator[None]:
    """So many sockets on one subscription or each on its own; each gets every event."""
    known = public_id("order", world.order_id) if server.token else str(world.order_id)

    def another() -> str:
        return public_id("order", new_id()) if server.token else str(new_id())

    sockets: list[Socket] = []
    try:
        for begin in range(0, count, AT_ONCE):
            filters = [
                {"orderIds": [known, another()]} if different else None for _ in range(min(AT_ONCE, count - begin))
            ]
            sockets += await asyncio.gather(
                *(
                    connect(server.url, {"query": server.document, "variables": {"filter": one}}, server.token, heard)
                    for one in filters
                )
            )
        await asyncio.sleep(2)  # for the beginning of the last ones
        yield
    finally:
        for socket in sockets:
            socket.close()
        await asyncio.sleep(1)


async def latency(server: Streaming, world: World, count: int, plan: Plan) -> str:
    """Percentiles over all sockets and events, at a pace that leaves the server time to breathe."""
    heard, delays = Heard(), []
    async with crowd(server, world, count, heard, different=False):
        for number in range(plan.events + 5):
            heard.expect(count)
            sent = await world.write(1)
            await asyncio.wait_for(heard.all_there.wait(), 30)
            if number >= 5:
                delays += [1000 * (at - sent) for moments in heard.at for at in moments]
            await asyncio.sleep(plan.pause)
    return f"p50 {percentile(delays, 50):8.2f} ms   p99 {percentile(delays, 99):8.2f} ms"


async def throughput(server: Streaming, world: World, count: int, plan: Plan, *, different: bool) -> str:
    """Messages a second as fast as it goes, CPU for each, and memory for each socket while it waits."""
    heard, rates, costs = Heard(), [], []
    before = server.resident()
    async with crowd(server, world, count, heard, different=different):
        memory = (server.resident() - before) / count
        for number in range(plan.commits + 1):
            messages = count * plan.batch
            heard.expect(messages)
            cpu = server.contestant.cpu_seconds()
            sent = await world.write(plan.batch)
            await asyncio.wait_for(heard.all_there.wait(), 120)
            took = time.perf_counter() - sent
            if number:  # the first one warms up
                rates.append(messages / took)
                costs.append((server.contestant.cpu_seconds() - cpu) / messages * 1e6)
            await asyncio.sleep(0.2)
    return (
        f"{statistics.median(rates):9.0f} messages/s   {statistics.mean(costs):7.1f} µs of CPU each   "
        f"{memory / 1024:7.1f} kB a socket"
    )


async def make_world(cluster: EmbeddedCluster) -> tuple[UUID, str]:
    """A tenant and its key."""
    system = Database(cluster.system_url, pool_size=2)
    try:
        await create_tenant(system, NewTenant("bench", "Bench", "Europe/Vaduz", "LI"))
        tenant = await tenant_by_slug(system, "bench")
        _, key = await create_key(system, tenant, "bench", sorted(ALL_PERMISSIONS))
        return tenant["id"], key
    finally:
        await system.close()


def tell(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Stage:
    """Where both servers start anew for each measurement of memory."""

    home: Path
    cluster: EmbeddedCluster
    tenant_id: UUID
    key: str
    core: int

    @property
    def urls(self) -> DatabaseUrls:
        """What Doorstep's process may use."""
        return DatabaseUrls(self.cluster.app_url, self.cluster.system_url)

    async def place_order(self, truth: asyncpg.Connection) -> World:
        """The order that all events are about."""
        async with (
            doorstep(self.urls, self.home, self.key, self.core) as ours,
            httpx.AsyncClient(headers={"authorization": f"Bearer {self.key}"}) as http,
        ):
            body = {"query": CREATE_ORDER, "variables": {"input": order_input("bench")}}
            (await http.post(ours.contestant.url, json=body)).raise_for_status()
        order_id = await truth.fetchval("SELECT order_id FROM events WHERE type = 'OrderPlaced'")
        return World(truth, self.tenant_id, order_id)

    @asynccontextmanager
    async def both(self) -> AsyncIterator[list[Streaming]]:
        """New processes."""
        async with doorstep(self.urls, self.home, self.key, self.core) as ours:
            with yoga(self.cluster.url("superuser"), self.tenant_id, self.core) as theirs:
                await asyncio.sleep(1)
                yield [ours, theirs]


async def measure(stage: Stage, world: World, plan: Plan) -> None:
    """Every figure of one server, then of the other, so that the machine's mood meets both."""
    async with stage.both() as servers:
        for count in plan.sockets:
            for server in servers:
                told = await latency(server, world, count, plan)
                tell(f"{server.contestant.name:>9} {count:5} sockets, latency     {told}")
    most = max(plan.sockets)
    for different in (False, True):
        what = "different" if different else "the same"
        async with stage.both() as servers:
            for server in servers:
                told = await throughput(server, world, most, plan, different=different)
                tell(f"{server.contestant.name:>9} {most:5} sockets, {what:<9}   {told}")


async def compare(plan: Plan, cores: tuple[int, int]) -> None:
    """Everything, from an empty folder; clients and PostgreSQL are on the second core."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tell(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="doorstep-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        os.sched_setaffinity(0, {cores[1]})
        with EmbeddedCluster.start(home) as cluster:
            await migrate(cluster.owner_url)
            tenant_id, key = await make_world(cluster)
            truth = await asyncpg.connect(cluster.url("superuser"))
            try:
                stage = Stage(home, cluster, tenant_id, key, cores[0])
                await measure(stage, await stage.place_order(truth), plan)
            finally:
                await truth.close()
    tell(f"load {os.getloadavg()[0]:.2f}")


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument("--events", type=int, default=100, help="for latency, one a commit")
    parser.add_argument("--commits", type=int, default=8, help="for throughput")
    parser.add_argument("--batch", type=int, default=20, help="events in such a commit")
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between two events")
    parser.add_argument("--cores", type=int, nargs=2, default=(0, 1), metavar=("SERVER", "REST"))
    options = parser.parse_args()
    plan = Plan(options.sockets, options.events, options.commits, options.batch, options.pause)
    uvloop.run(compare(plan, tuple(options.cores)))


if __name__ == "__main__":
    main()
