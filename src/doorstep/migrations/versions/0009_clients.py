"""Clients of a tenant: the documents that it registered, and the origins whose pages may call.

Revision ID: 0009
"""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATEMENTS = Path(__file__).with_name("0009_clients.sql")
SEPARATOR = "\n--\n"
"""The driver takes one statement at a time."""


def upgrade() -> None:
    """Run the frozen statements in their order."""
    for statement in STATEMENTS.read_text().split(SEPARATOR):
        op.get_bind().exec_driver_sql(statement)
