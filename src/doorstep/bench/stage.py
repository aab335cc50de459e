"""What the measurements stand on: a running server, addresses near roads, and tenants made for each measurement."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from doorstep.assembly import open_database
from doorstep.bench import world
from doorstep.bench.served import Served, served
from doorstep.demo import documents as demo_documents
from doorstep.demo.client import ApiClient
from doorstep.demo.ground import Ground, near_roads, prepare
from doorstep.demo.world import place_input
from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.places.map_extract import SampleAddress
from doorstep.places.roads import Roads
from doorstep.settings import Settings

LEAST_ADDRESSES = 1500
"""How many different doors orders go to at least, where the map has so many; larger plans get as many as they have orders."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """How much is measured. ``orders`` in one bulk call, ``plans`` sizes of plans, ``seconds`` for each rate, ``osm`` another map; ``demanding`` plans have breaks and skills."""

    orders: int = 1000
    plans: tuple[int, ...] = (100, 300, 1000)
    seconds: float = 5.0
    clients: int = 8
    events: int = 300
    rounds: int = 5
    plan_rounds: int = 3
    osm: str | None = None
    demanding: bool = False


@dataclass(slots=True)
class Company:
    """A tenant to measure on: its access, its depot, orders to send."""

    api: ApiClient
    depot_id: str
    orders: Iterator[dict[str, Any]]

    def some_orders(self, number: int) -> list[dict[str, Any]]:
        """The next so many orders."""
        return [next(self.orders) for _ in range(number)]


class Stage:
    """A running server and all that a measurement needs of it."""

    def __init__(
        self,
        server: Served,
        system: Database,
        ground: Ground,
        addresses: Sequence[SampleAddress],
        options: BenchOptions,
    ) -> None:
        self.server = server
        self.options = options
        self.ground = ground
        self.addresses = addresses
        self.midnight: datetime = world.tomorrow()
        self._system = system
        self._open: list[ApiClient] = []

    async def company(self, name: str) -> Company:
        """A new tenant with a depot."""
        slug = f"bench-{name}-{uuid4().hex[:8]}"
        await create_tenant(self._system, NewTenant(slug, f"Bench {name}", "UTC", self.ground.country))
        _, key = await create_key(
            self._system, await tenant_by_slug(self._system, slug), "bench", sorted(ALL_PERMISSIONS)
        )
        api = ApiClient(self.server.url, key)
        self._open.append(api)
        place = place_input(self.addresses[0])
        depot = (await api.do(demo_documents.CREATE_DEPOT, name="Depot", **place))["depot"]["id"]
        return Company(api, depot, world.orders(self.addresses, depot, self.midnight))

    async def close(self) -> None:
        """Close the clients."""
        for api in self._open:
            await api.close()


@asynccontextmanager
async def open_stage(settings: Settings, options: BenchOptions, progress: Progress) -> AsyncIterator[Stage]:
    """Map, roads, database and server until the block ends."""
    await asyncio.to_thread(settings.home.mkdir, parents=True, exist_ok=True)
    ground = await prepare(
        settings.home,
        options.osm,
        progress,
        vehicle_kinds=(world.VEHICLE_KIND,),
        addresses=max(LEAST_ADDRESSES, *options.plans),
    )
    progress("Starting PostgreSQL", 0.0)
    async with open_database(settings) as urls:
        addresses = await _reachable(settings, ground)
        progress("Starting the server", 0.0)
        async with served(settings, urls) as server:
            system = Database(urls.system, pool_size=2, name="doorstep bench")
            stage = Stage(server, system, ground, addresses, options)
            try:
                yield stage
            finally:
                await stage.close()
                await system.close()


async def _reachable(settings: Settings, ground: Ground) -> list[SampleAddress]:
    roads = Roads(settings.home)
    await roads.start()
    try:
        return await near_roads(roads, ground.addresses)
    finally:
        await roads.close()
