"""What a running process is made of: databases, event hub, roads, solver; put together once, taken down in reverse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

import asyncpg

from doorstep.identity.oidc import OidcVerifier
from doorstep.identity.oidc.providers import providers_in
from doorstep.identity.service import Authenticator
from doorstep.identity.service.points_used import PointsUsed
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.epochs import EpochWatch
from doorstep.kernel.event_stream import EventHub
from doorstep.kernel.graphql.context import Services
from doorstep.kernel.logs import configure_unless_done
from doorstep.kernel.metrics import POOL_IN_USE
from doorstep.kernel.points import Bucket, Points
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.errors import EmbeddedPostgresError, LoginRefused
from doorstep.kernel.postgres.migrate import check_schema, migrate
from doorstep.kernel.postgres.roles import Login, check_runtime_role
from doorstep.kernel.secrets import SecretKeys
from doorstep.payloads import Payloads
from doorstep.places.roads import Roads, RoadsMode
from doorstep.planning.solver.pool import SolverPool
from doorstep.settings import Settings

RELEASE_SECONDS = 4.0
"""How long the last process waits for the embedded server's end, which comes all the same: after draining, 30 s must do in all."""


class _ClusterUrls(DatabaseUrls):
    """The embedded cluster's addresses as they are now: its port changes when another program took it while the server was down."""

    def __init__(self, cluster: EmbeddedCluster) -> None:
        super().__init__(cluster.app_url, cluster.system_url)
        self._cluster = cluster

    @property
    def app(self) -> str:
        return self._cluster.app_url

    @property
    def system(self) -> str:
        return self._cluster.system_url


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[DatabaseUrls]:
    """The database's addresses: the embedded server, started and migrated, or the external one, only checked.

    Raises a typed error that says what to do: unsafe settings, a privileged role, an older or newer schema.
    """
    if settings.embedded:
        cluster = await _start_cluster(settings.home)
        try:
            await migrate(cluster.owner_url)
            yield _ClusterUrls(cluster)
        finally:
            await asyncio.to_thread(cluster.release, wait=RELEASE_SECONDS)
        return
    urls = DatabaseUrls(settings.database_url or "", settings.database_system_url or "")
    await _check_external(settings, urls)
    yield urls


async def _start_cluster(home: Path) -> EmbeddedCluster:
    """The embedded server, started or joined. Cancelled meanwhile (Ctrl-C) it lets go of it again: the thread that starts it cannot be stopped."""
    starting = asyncio.ensure_future(asyncio.to_thread(EmbeddedCluster.start, home))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(EmbeddedPostgresError):
            cluster = await starting
            await asyncio.to_thread(cluster.release, wait=RELEASE_SECONDS)
        raise


async def _check_external(settings: Settings, urls: DatabaseUrls) -> None:
    if not urls.app or not urls.system:
        raise MissingUrl(
            "An external database needs DATABASE_URL (role doorstep_app) and DATABASE_SYSTEM_URL (role doorstep_system). "
            "`DATABASE_OWNER_URL=… doorstep migrate` makes both roles and the schema."
        )
    SecretKeys.load(settings.secret_keys, settings.home, may_make=False)
    logins: tuple[tuple[str, Literal["app", "system"]], ...] = ((urls.app, "app"), (urls.system, "system"))
    for url, kind in logins:
        connection = await connect(url, "DATABASE_URL" if kind == "app" else "DATABASE_SYSTEM_URL")
        try:
            await check_runtime_role(connection, kind)
            await check_schema(connection)
        finally:
            await connection.close()


async def connect(url: str, variable: str) -> asyncpg.Connection:
    """A connection to an external database; raises MissingUrl or LoginRefused, naming the setting."""
    try:
        return await asyncpg.connect(url, timeout=10)
    except ValueError as error:
        raise MissingUrl(f"{variable} is no address such as postgresql://USER:PASSWORD@HOST/DATABASE.") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        reason = str(error).strip() or type(error).__name__
        raise LoginRefused(variable, Login.of(url).role, reason) from error


class MissingUrl(Exception):
    """A setting that an external database needs is missing or no address; the message names it."""


@asynccontextmanager
async def assemble(settings: Settings, urls: DatabaseUrls) -> AsyncIterator[Services]:
    """Everything that requests and jobs use, started; closed at the end."""
    configure_unless_done()
    secret_keys = SecretKeys.load(settings.secret_keys, settings.home, may_make=settings.embedded)
    system = Database(lambda: urls.system, pool_size=max(2, settings.pool_size // 2), name="doorstep system")
    hub = EventHub(system)
    epochs = EpochWatch(system, hub)
    db = Database(lambda: urls.app, pool_size=settings.pool_size, name="doorstep app", on_commit=hub.signal)
    POOL_IN_USE.labels(role="app").set_function(lambda: db.pool_in_use)
    POOL_IN_USE.labels(role="system").set_function(lambda: system.pool_in_use)
    services = Services(db, system, hub)
    roads = Roads(settings.home, external=settings.osrm_urls, mode=RoadsMode(settings.roads))
    solver = SolverPool(slots=settings.solver_slots)
    verifier = OidcVerifier(providers_in(db))
    services.offer(roads)
    services.offer(solver)
    services.offer(settings)
    services.offer(secret_keys)
    services.offer(Authenticator(db, verifier))
    services.offer(verifier)
    services.offer(Payloads(services, settings.operation_seconds))
    points_used = PointsUsed(system)
    points = Points(
        system, Bucket(settings.bucket_points, settings.bucket_points_per_second), on_spent=points_used.note
    )
    services.offer(points)
    hub.start()
    await epochs.start()
    await roads.start()
    try:
        yield services
    finally:
        await epochs.close()
        await hub.close()
        await solver.close()
        await roads.close()
        await verifier.close()
        await points.close()
        await points_used.close()
        await db.close()
        await system.close()
