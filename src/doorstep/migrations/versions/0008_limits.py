"""Points: the buckets that limit what credentials, tenants and strangers may ask for.

Revision ID: 0008
"""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATEMENTS = Path(__file__).with_name("0008_limits.sql")
SEPARATOR = "\n--\n"
"""The driver takes one statement at a time."""


def upgrade() -> None:
    """Run the frozen statements in their order."""
    for statement in STATEMENTS.read_text().split(SEPARATOR):
        op.get_bind().exec_driver_sql(statement)
