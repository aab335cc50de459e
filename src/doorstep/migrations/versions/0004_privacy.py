"""Privacy: the audit log, erasures, retention.

Revision ID: 0004_privacy
"""

from pathlib import Path

from alembic import op

revision = "0004_privacy"
down_revision = "0003_partners"
branch_labels = None
depends_on = None

STATEMENTS = Path(__file__).with_name("0004_privacy.sql")
SEPARATOR = "\n--\n"
"""The driver takes one statement at a time."""


def upgrade() -> None:
    """Run the frozen statements in their order."""
    for statement in STATEMENTS.read_text().split(SEPARATOR):
        op.get_bind().exec_driver_sql(statement)
