"""The stage: one server on a database of its own, and desks of several tenants on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import tests.isolation.company_furnishings
import tests.isolation.dispatch_furnishings
import tests.isolation.furnishings  # these register the kinds
import tests.isolation.message_furnishings
import tests.isolation.partner_furnishings
from tests.conftest import cloned_database
from tests.isolation.clients import Client
from tests.isolation.desks import COUNTRY, TIME_ZONE, Desk

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import ALL_PERMISSIONS, Permission
from doorstep.server import Server, running_server
from doorstep.settings import Settings

__all__ = ["Stage", "open_stage", "tests"]


UNHURRIED = {"bucket_points": 100_000_000, "bucket_points_per_second": 10_000_000}
"""Limits of pace have tests of their own; here they would hide what is behind them."""


@dataclass
class Stage:
    """A running server, the system role's view of its database, and a way to open desks."""

    server: Server
    system: Database
    http: httpx.AsyncClient
    owner_url: str

    async def key(self, slug: str, permissions: frozenset[Permission] = ALL_PERMISSIONS) -> str:
        """A new key of a tenant."""
        tenant = await tenant_by_slug(self.system, slug)
        return (await create_key(self.system, tenant, f"walk {uuid4().hex[:6]}", sorted(permissions)))[1]

    async def bare_desk(self, slug: str) -> Desk:
        """A new tenant with a key that may do everything, and nothing on its desk yet."""
        canary = f"Canary{uuid4().hex[:8]}"
        tenant_id = await create_tenant(self.system, NewTenant(slug, f"{canary} {slug}", TIME_ZONE, COUNTRY))
        desk = Desk(slug, Client(self.http, self.server, await self.key(slug)), tenant_id, canary)
        desk.into_mode = partial(self._into_mode, tenant_id)
        return desk

    async def _into_mode(self, tenant_id: UUID, mode: str) -> None:
        async with self.system.transaction() as tx:
            await tx.execute("UPDATE tenants SET mode = $2 WHERE id = $1", tenant_id, mode)

    async def desk(self, slug: str) -> Desk:
        """A new tenant with one object of each kind."""
        desk = await self.bare_desk(slug)
        await desk.furnish()
        return desk

    async def desk_beside(self, desk: Desk) -> Desk:
        """A second desk of the same tenant, with its own things and its own canary on it."""
        client = Client(self.http, self.server, await self.key(desk.name))
        other = Desk(desk.name, client, desk.tenant_id, f"Canary{uuid4().hex[:8]}")
        other.into_mode = desk.into_mode
        await other.furnish()
        return other


@asynccontextmanager
async def open_stage(
    cluster: EmbeddedCluster, template: str, home: Path, *, pool_size: int = 10, **more: Any
) -> AsyncIterator[Stage]:
    """A stage until the block ends, with ``more`` settings. No worker runs: what is asked is all that happens."""
    chosen = {"roads": "straight", "drain_seconds": 2, "pool_size": pool_size, **UNHURRIED, **more}
    settings = Settings(_env_file=None, home=home, **chosen)  # type: ignore[call-arg]
    with cloned_database(cluster, template) as urls:
        system = Database(urls.system, pool_size=2)
        owner_url = cluster.url("owner", _name(urls))
        async with (
            running_server(settings, urls, work=False, port=0) as server,
            httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=64)) as http,
        ):
            yield Stage(server, system, http, owner_url)
        await system.close()


def _name(urls: DatabaseUrls) -> str:
    return urls.app.rpartition("/")[2]
