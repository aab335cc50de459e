"""What may change in the schema: whatever breaks clients was deprecated before, with a day of removal that has passed.

graphql-inspector finds what breaks (``schema_checks/diff.mjs``); the schema that clients know today is the one that landed last.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from graphql import GraphQLNamedType, GraphQLSchema, get_named_type

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMA = REPOSITORY / "schema.graphql"
REMOVAL = re.compile(r"Removed on (\d{4}-\d\d-\d\d)\b")
"""What every reason of a deprecation ends with. GraphQL's ``@deprecated`` has no argument for a day."""


@dataclass(frozen=True)
class Accepted:
    """A breaking change that lands without notice, named before it does: nobody can depend on the place yet, or it was a hole.

    It serves only what lands from its day on: the same place cannot be broken again under an old reason.
    """

    path: str
    day: date
    why: str


ACCEPTED: tuple[Accepted, ...] = ()


@dataclass(frozen=True)
class Landed:
    """The schema that clients know, and the day on which it landed."""

    text: str
    day: date
    name: str


def landed() -> Landed | None:
    """The schema to compare with; None where Git holds no other than the one here.

    That is, in this order: of the commit in ``DOORSTEP_SCHEMA_BASE``; where this branch left the origin's; of the commit itself while
    schema.graphql has changes that are not committed; of the commit before. A clone of depth 1 has only the last but one of these.
    """
    head = _git("rev-parse", "HEAD")
    if head is None:
        return None
    forked = _git("merge-base", "HEAD", "origin/HEAD")
    candidates = [
        os.environ.get("DOORSTEP_SCHEMA_BASE"),
        forked if forked != head else None,
        "HEAD" if _git("status", "--porcelain", "--", SCHEMA.name) else None,
        "HEAD^1",
    ]
    for commit in filter(None, candidates):
        text, day = _git("show", f"{commit}:{SCHEMA.name}"), _git("show", "-s", "--format=%cI", commit)
        if text and day:
            return Landed(text, datetime.fromisoformat(day).astimezone(UTC).date(), commit)
    return None


def _git(*arguments: str) -> str | None:
    done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def unannounced(
    breaking: list[dict[str, str]],
    before: GraphQLSchema,
    *,
    landed_on: date,
    today: date,
    accepted: tuple[Accepted, ...] = ACCEPTED,
) -> list[str]:
    """The breaking changes that clients were not told of in time."""
    let_through = {one.path for one in accepted if one.day >= landed_on}
    return [
        change["message"]
        for change in breaking
        if change["path"] not in let_through and not _overdue(before, change["path"], today)
    ]


def _overdue(before: GraphQLSchema, path: str, today: date) -> bool:
    """Whether the day on which a place was to be removed has passed; of a type, of every place that leads to it."""
    kind = before.type_map.get(path)
    if kind is not None:
        users = [user for user, of in _places(before) if get_named_type(getattr(of, "type", None)) is kind]
        return bool(users) and all(_overdue(before, user, today) for user in users)
    while "." in path:  # an argument goes with its field
        place = dict(_places(before)).get(path)
        day = removal_day(getattr(place, "deprecation_reason", None))
        if day is not None and day <= today:
            return True
        path = path.rpartition(".")[0]
    return False


def removal_day(reason: str | None) -> date | None:
    """The day that the reason of a deprecation names."""
    found = REMOVAL.search(reason or "")
    return date.fromisoformat(found[1]) if found else None


def _places(schema: GraphQLSchema) -> Iterator[tuple[str, Any]]:
    """Everything that can be deprecated, by its path as graphql-inspector writes it."""
    for kind in schema.type_map.values():
        if not kind.name.startswith("__"):
            yield from _places_of(kind)


def _places_of(kind: GraphQLNamedType) -> Iterator[tuple[str, Any]]:
    for name, value in getattr(kind, "values", {}).items():
        yield f"{kind.name}.{name}", value
    for name, field in getattr(kind, "fields", {}).items():
        yield f"{kind.name}.{name}", field
        for each, argument in getattr(field, "args", {}).items():
            yield f"{kind.name}.{name}.{each}", argument


def deprecations(schema: GraphQLSchema) -> dict[str, str]:
    """The reasons of all deprecations, by place."""
    return {path: what.deprecation_reason for path, what in _places(schema) if what.deprecation_reason is not None}
