"""Prints who may do what: every root field, what it needs, and which roles have that.

``python -m tests.snapshots.permissions`` writes ``permissions.txt`` anew, so that a change of policy is a diff that somebody reads.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from doorstep.identity.permissions import NEEDS, ROLES
from doorstep.kernel.scope import Permission

SNAPSHOT = Path(__file__).with_suffix(".txt")
REGENERATE = "PYTHONPATH=src python -m tests.snapshots.permissions"


def permissions_text(needs: Mapping[str, Permission | None] = NEEDS) -> str:
    """The snapshot: one line a root field, the operations one after the other, each by name."""
    rows = [("", "needs", *(role.value for role in ROLES))]
    for field in sorted(needs, key=_by_operation):
        permission = needs[field]
        holds = ("yes" if permission is None or _allows(role, permission) else "—" for role in ROLES.values())
        rows.append((field, permission.value if permission else "nothing", *holds))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"


def _allows(role: frozenset[Permission], permission: Permission) -> bool:
    """As ``Principal.allows``: who may write may read."""
    return permission in role or permission.implied_by in role


def _by_operation(field: str) -> tuple[int, str]:
    operation, _, name = field.partition(".")
    return ["Query", "Mutation", "Subscription"].index(operation), name


if __name__ == "__main__":
    SNAPSHOT.write_text(permissions_text(), "utf-8")
    sys.stdout.write(f"{SNAPSHOT.name} written: read the diff before you commit it\n")
