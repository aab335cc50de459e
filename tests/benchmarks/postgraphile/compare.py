"""Doorstep and PostGraphile in one run: same rows, same PostgreSQL, one core each, CPU time of each server's process per request.

    PYTHONPATH=src:. python -m tests.benchmarks.postgraphile.compare

It needs npm's registry the first time, Linux (``/proc``), and a machine with at least two cores. It reports and judges nothing.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvloop
from tests.benchmarks.postgraphile import documents
from tests.benchmarks.postgraphile.servers import Contestant, doorstep, postgraphile, settled
from tests.tracking.field import Field, Goods, Stop, make_field

from doorstep.identity.service import create_key
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.ids import public_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.migrate import migrate
from doorstep.kernel.scope import ALL_PERMISSIONS

ORDERS = 300
REQUESTS = {"point": 800, "page": 150, "stops": 80}
GOALS = {"point": 0.7, "page": 0.5, "stops": 0.5}


@dataclass(frozen=True)
class Question:
    """A request to one of them, and how to see that its answer is whole."""

    contestant: Contestant
    body: dict[str, Any]

    async def ask(self, client: httpx.AsyncClient) -> dict[str, Any]:
        """The answer's data; raises when it has errors."""
        answer = (await client.post(self.contestant.url, json=self.body, headers=self.contestant.headers)).json()
        if answer.get("errors"):
            raise RuntimeError(f"{self.contestant.name}: {answer['errors'][0]['message']}")
        data: dict[str, Any] = answer["data"]
        return data

    async def milliseconds(self, client: httpx.AsyncClient, requests: int) -> float:
        """CPU time of the server for one request, over many."""
        before = self.contestant.cpu_seconds()
        for _ in range(requests):
            answer = await client.post(self.contestant.url, json=self.body, headers=self.contestant.headers)
            answer.raise_for_status()
        return (self.contestant.cpu_seconds() - before) / requests * 1000


async def make_world(urls: DatabaseUrls) -> tuple[Field, str]:
    """A tenant with orders, each with three stops on a route, and a key."""
    db, system = Database(urls.app, pool_size=2), Database(urls.system, pool_size=2)
    try:
        names = [f"order {number}" for number in range(ORDERS)]
        stops = [Stop("DEPOT_START", names)]
        for number, name in enumerate(names):
            stops += [Stop("PICKUP", [name], 5 + number), Stop("DROPOFF", [name], 6 + number)]
        field = await make_field(db, system, stops, {name: Goods(window=(0, 600)) for name in names})
        async with system.transaction() as tx:
            await tx.execute("ANALYZE")
            tenant = await tx.fetchrow("SELECT * FROM tenants WHERE id = $1", field.principal.tenant_id)
        assert tenant is not None
        _, key = await create_key(system, tenant, "bench", sorted(ALL_PERMISSIONS))
        return field, key
    finally:
        await db.close()
        await system.close()


async def measure(ours: Question, theirs: Question, requests: int, rounds: int) -> list[tuple[float, float]]:
    """CPU milliseconds of both in each round, one after the other, so that the machine's mood meets both."""
    async with httpx.AsyncClient(timeout=60) as client:
        for question in (ours, theirs):
            await question.milliseconds(client, requests)
        return [
            (await ours.milliseconds(client, requests), await theirs.milliseconds(client, requests))
            for _ in range(rounds)
        ]


def told(name: str, pairs: Sequence[tuple[float, float]]) -> str:
    """One line of the report."""
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    reached = "reached" if ratio <= GOALS[name] else "not reached"
    return f"{name:>6}   {ours:8.2f} ms   {theirs:8.2f} ms   {ratio:5.2f}   goal {GOALS[name]}: {reached}\n"


async def compare(rounds: int, cores: tuple[int, int]) -> None:
    """Everything, from an empty folder."""
    with tempfile.TemporaryDirectory(prefix="doorstep-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with EmbeddedCluster.start(home) as cluster:
            await migrate(cluster.owner_url)
            urls = DatabaseUrls(cluster.app_url, cluster.system_url)
            field, key = await make_world(urls)
            tenant_id, order_id = field.principal.tenant_id, field.orders["order 7"]
            async with doorstep(urls, home, key, cores[0]) as ours:
                with postgraphile(urls.app, tenant_id, cores[1]) as theirs:
                    await settled()
                    sys.stdout.write(f"{'':>6}   {ours.name:>11}   {theirs.name:>11}   ratio\n")
                    for name, requests in REQUESTS.items():
                        ids = {"id": public_id("order", order_id)}, {"tenant": str(tenant_id), "id": str(order_id)}
                        questions = (
                            Question(
                                ours,
                                {"query": documents.DOORSTEP[name], "variables": ids[0] if name == "point" else {}},
                            ),
                            Question(
                                theirs,
                                {"query": documents.POSTGRAPHILE[name], "variables": ids[1] if name == "point" else {}},
                            ),
                        )
                        async with httpx.AsyncClient() as client:
                            for question in questions:
                                await question.ask(client)
                        sys.stdout.write(told(name, await measure(*questions, requests, rounds)))
                        sys.stdout.flush()


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, nargs=2, default=(0, 1), metavar=("DOORSTEP", "POSTGRAPHILE"))
    options = parser.parse_args()
    uvloop.run(compare(options.rounds, tuple(options.cores)))


if __name__ == "__main__":
    main()
