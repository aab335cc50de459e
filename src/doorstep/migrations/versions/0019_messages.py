"""Messages to a company's owners.

Revision ID: 0019
"""

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

STATEMENTS = Path(__file__).with_name("0019_messages.sql")
SEPARATOR = "\n--\n"
"""The driver takes one statement at a time."""


def upgrade() -> None:
    """Run the frozen statements in their order."""
    for statement in STATEMENTS.read_text().split(SEPARATOR):
        op.get_bind().exec_driver_sql(statement)
