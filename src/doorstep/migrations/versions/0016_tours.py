"""Several tours of one shift: how often its vehicle may set out, and the stops where it loads anew.

Revision ID: 0016
"""

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

STATEMENTS = Path(__file__).with_name("0016_tours.sql")
SEPARATOR = "\n--\n"
"""The driver takes one statement at a time."""


def upgrade() -> None:
    """Run the frozen statements in their order."""
    for statement in STATEMENTS.read_text().split(SEPARATOR):
        op.get_bind().exec_driver_sql(statement)
