"""The migrated schema and the models say the same, so that no table exists only in one of them."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import doorstep.dispatch.model
import doorstep.fleets.model
import doorstep.identity.model
import doorstep.kernel.audit
import doorstep.kernel.consumers
import doorstep.kernel.events
import doorstep.kernel.idempotency
import doorstep.kernel.jobs
import doorstep.kernel.points
import doorstep.messages.model
import doorstep.orders.model
import doorstep.partners.model
import doorstep.places.model
import doorstep.planning.model
import doorstep.privacy.model
import doorstep.sandbox.model
import doorstep.tracking.model
import doorstep.webhooks.model  # noqa: F401


def _is_ours(_object, name, kind, reflected, _compared) -> bool:
    """Partitions and Alembic's own table are made elsewhere; the map's trigram indexes are written by hand."""
    if kind == "table":
        return name != "alembic_version" and not name.startswith("events_")
    return not (kind == "index" and reflected and name.startswith("map_"))


def _differences(connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"include_object": _is_ours, "compare_type": True})
    return compare_metadata(context, SQLModel.metadata)


async def test_the_migrations_make_exactly_what_the_models_say(database_urls, cluster):
    url = cluster.url("owner", database_urls.app.rpartition("/")[2]).replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()
