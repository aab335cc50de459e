"""When two answers are the same: what was asked for, costs, references and places in streams aside."""

import re
from typing import Any

STREAM = {"cursor", "head", "endCursor", "startCursor", "eventsCursor"}
"""Places in a stream: they move with every event."""

COUNTED = {"version", "aggregateVersion"}

SECRET = {"secret", "prefix", "previousPrefix", "token", "link", "trackingUrl"}
"""Shown once, or for one object alone, and never the same twice."""

NEW_NAME = "new-name-"
"""Begins each name that an act under test gives to what it makes: no two things may have the same."""

_ID = re.compile(r"\b[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}\b")
_NEW_NAME = re.compile(rf"{NEW_NAME}[0-9a-f]+")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[0-9.:+Z-]*")


def comparable(answer: Any, *named: str) -> Any:
    """The answer without what the client named in its question, and without what differs from call to call."""
    if isinstance(answer, dict):
        return {
            key: "" if key in STREAM else comparable(value, *named)
            for key, value in answer.items()
            if not (key == "cost" or (key == "reference" and "code" in answer))
        }
    if isinstance(answer, list):
        return [comparable(one, *named) for one in answer]
    if isinstance(answer, str):
        for name in named:
            answer = answer.replace(name, "<named>")
    return answer


def outline(answer: Any, *named: str) -> Any:
    """The same for two acts that both made something: ids, instants, versions, names and secrets are each one's own."""
    if isinstance(answer, dict):
        return {
            key: 0 if key in COUNTED | SECRET else outline(value, *named) for key, value in comparable(answer).items()
        }
    if isinstance(answer, list):
        return [outline(one, *named) for one in answer]
    if isinstance(answer, str):
        return _NEW_NAME.sub("<name>", _INSTANT.sub("<instant>", _ID.sub("<id>", comparable(answer, *named))))
    return answer
