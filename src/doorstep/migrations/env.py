"""Where Alembic meets Doorstep: ``kernel.postgres.migrate`` hands over the connection that holds the lock.

One transaction for each migration, so that a long chain that fails keeps what was done before.
"""

from __future__ import annotations

from alembic import context
from alembic.util import CommandError


def run() -> None:
    """Run the migrations that were asked for on the connection that was handed over."""
    connection = context.config.attributes.get("connection")
    if connection is None:
        raise CommandError("Migrations run through 'doorstep migrate', which holds the lock and the role.")
    context.configure(connection=connection, target_metadata=None, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


run()
