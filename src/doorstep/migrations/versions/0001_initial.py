"""The first schema: every table, forced row-level security, the functions that look past it.

Revision ID: 0001
"""

from alembic import op

from doorstep.migrations.initial_tables import create_tables
from doorstep.migrations.row_security import AUTHENTICATE, EVENT_PARTITIONS, GLOBAL_TABLES, protect_tenant_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    create_tables(op)
    protect_tenant_tables(op)
    for statement in [*GLOBAL_TABLES, AUTHENTICATE, *EVENT_PARTITIONS]:
        op.get_bind().exec_driver_sql(statement)
