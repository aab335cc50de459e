"""What whole days run on: a server on the embedded database, a sandbox whose clock runs fast, robots at the wheel. All through the public API."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from doorstep.assembly import open_database
from doorstep.bench.run import bench_settings
from doorstep.bench.served import served
from doorstep.demo.client import ApiClient
from doorstep.identity.model import TenantMode
from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database
from doorstep.kernel.logs import configure_logging
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.settings import Settings

TRUST_SECONDS = 2.5
"""Processes know a credential's clock for two seconds: so long a new clock takes to be everybody's."""

PROBLEMS = "problems { message path }"
SHOWN = {
    "setSandboxClock": "clock { now rate }",
    "updateTenant": "tenant { id }",
    "createDepot": "depot { id }",
    "createVehicle": "vehicle { id }",
    "createDriver": "driver { id }",
    "createShift": "shift { id }",
    "createOrder": "order { id }",
    "createOrders": "results { order { id } problems { message } }",
    "setOrderReadiness": "order { id }",
    "answerDispatchOffer": "offer { id }",
    "createPlan": "plan { id }",
    "commitPlan": "plan { id }",
    "dispatchRoute": "route { id }",
    "simulateRoute": "simulation { id }",
}
ROUTES = "query ($after: Cursor) { routes(first: 100, after: $after) { nodes { id status stops { status legMeters } } pageInfo { hasNextPage endCursor } } }"
TO_DRIVE = "{ routes(first: 100, filter: { statuses: [DISPATCHED] }) { nodes { id } } }"
CHANGES = """
query ($after: Cursor) { events(first: 250, after: $after, filter: { types: ["OrderStatusChanged"] }) {
  nodes { occurredAt ... on OrderStatusChanged { orderId to } } pageInfo { hasNextPage endCursor } } }
"""
DRIVEN = {"COMPLETED", "FAILED", "ARRIVED", "PARTIAL"}


@dataclass
class Sandbox:
    """A TEST tenant by its key, and its clock as this program knows it."""

    api: ApiClient
    driven: set[str] = field(default_factory=set)
    _anchor: tuple[float, datetime, float] = (0.0, datetime.min.replace(tzinfo=UTC), 1.0)

    async def do(self, mutation: str, **values: Any) -> dict[str, Any]:
        """The payload of a mutation; raises RefusedByApi on a problem."""
        kind = mutation[0].upper() + mutation[1:] + "Input"
        document = f"mutation ($input: {kind}!) {{ {mutation}(input: $input) {{ {SHOWN[mutation]} {PROBLEMS} }} }}"
        return await self.api.do(document, **values)

    async def made(self, mutation: str, **values: Any) -> str:
        """The id of what a mutation made."""
        payload = await self.do(mutation, **values)
        return str(next(value["id"] for name, value in payload.items() if name != "problems"))

    async def set_clock(self, at: datetime, rate: float) -> None:
        """Begin the day: everybody's clock shows ``at`` and runs ``rate`` times as fast."""
        clock = (await self.do("setSandboxClock", at=at.isoformat(), rate=rate))["clock"]
        self._anchor = (time.time(), datetime.fromisoformat(clock["now"]), rate)
        await asyncio.sleep(TRUST_SECONDS)

    def now(self) -> datetime:
        """What the sandbox's clock shows."""
        wall, shown, rate = self._anchor
        return shown + timedelta(seconds=(time.time() - wall) * rate)

    async def until(self, instant: datetime) -> None:
        """Wait until the clock shows it."""
        await asyncio.sleep(max(0.0, (instant - self.now()).total_seconds() / self._anchor[2]))

    async def send_robots(self) -> None:
        """A robot for each route that is dispatched and has none yet."""
        for route in (await self.api.ask(TO_DRIVE))["routes"]["nodes"]:
            if route["id"] not in self.driven:
                self.driven.add(route["id"])
                await self.do("simulateRoute", routeId=route["id"])

    async def moments(self) -> dict[str, dict[str, datetime]]:
        """By order when it first came to each status."""
        found: dict[str, dict[str, datetime]] = {}
        async for event in self._pages(CHANGES, "events"):
            found.setdefault(event["orderId"], {}).setdefault(event["to"], datetime.fromisoformat(event["occurredAt"]))
        return found

    async def kilometers(self) -> float:
        """What was driven to stops that were reached."""
        return sum(
            [
                stop["legMeters"] / 1000
                async for route in self._pages(ROUTES, "routes")
                for stop in route["stops"]
                if stop["status"] in DRIVEN
            ]
        )

    async def _pages(self, document: str, name: str) -> AsyncIterator[dict[str, Any]]:
        after = None
        while True:
            page = (await self.api.ask(document, after=after))[name]
            for node in page["nodes"]:
                yield node
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]


async def open_sandbox(system: Database, url: str) -> Sandbox:
    """A TEST tenant of its own, with a key that may do everything: what an operator does for a new company."""
    slug = f"day-{uuid4().hex[:8]}"
    await create_tenant(system, NewTenant(slug, "A whole day", "UTC", "DE", mode=TenantMode.TEST))
    _, key = await create_key(system, await tenant_by_slug(system, slug), "day", sorted(ALL_PERMISSIONS))
    return Sandbox(ApiClient(url, key))


@asynccontextmanager
async def own_server() -> AsyncIterator[Sandbox]:
    """A sandbox on a server that lives as long as the block, with an embedded database that is removed at the end."""
    with bench_settings(Settings(roads="straight"), None) as settings:
        configure_logging(settings.log_format, settings.log_level)
        async with open_database(settings) as urls, served(settings, urls) as server:
            system = Database(urls.system, pool_size=2, name="whole day")
            sandbox = await open_sandbox(system, server.url)
            try:
                yield sandbox
            finally:
                await sandbox.api.close()
                await system.close()


def tomorrow() -> datetime:
    """The start of the day that is played: a sandbox's clock can only be set ahead."""
    return datetime.combine(datetime.now(UTC).date() + timedelta(days=1), datetime.min.time(), UTC)


def share(values: Iterable[float], held: Callable[[float], bool]) -> float:
    """Per cent of the values for which it holds."""
    known = list(values)
    return 100 * sum(1 for value in known if held(value)) / len(known) if known else 0.0


def at_share(values: Iterable[float], part: float) -> float:
    """The value that so large a part of them does not exceed."""
    known = sorted(values)
    return known[min(len(known) - 1, int(len(known) * part))] if known else 0.0
