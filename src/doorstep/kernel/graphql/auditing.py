"""What an audit entry says of a mutation: its coerced input as paths and values, and the objects that its outcome names."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, Final
from uuid import UUID

import orjson
import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryContainer, StrawberryObjectDefinition, get_object_definition

from doorstep.kernel.audit import NOT_KEPT, Audited, Change, Hasher, Subject
from doorstep.kernel.graphql.prefixes import prefix_of
from doorstep.kernel.ids import InvalidId, id_prefix, parse_id
from doorstep.kernel.scope import Permission

MAX_CHANGES: Final = 500
"""Most paths of one entry; what follows is left out, and ``…`` says so."""

MAX_LISTED: Final = 10
"""Longer lists are noted by their length and their first members."""

_SECRET: Final = frozenset({"pin", "access_code", "secret", "password", "token", "key"})
"""Fields whose values open something: not even their hash is kept, since a short secret can be guessed."""

_NOT_A_CHANGE: Final = frozenset({"idempotency_key"})
_PLACE: Final = frozenset({"latitude", "longitude"})
"""Numbers that say where somebody lives."""

_WORDS: Final = frozenset(permission.value for permission in Permission)
"""Texts that are ours, not a person's."""

_PLURAL: Final = re.compile(r"(?:_id)?s?$")
_NAMES = StrawberryConfig().name_converter

Pair = tuple[str, Change]


class _Flattening:
    """One input on its way into an entry."""

    def __init__(self, hashed: Hasher | None) -> None:
        self._hashed = hashed

    def of(self, path: str, name: str, value: Any) -> Iterator[Pair]:
        """The paths and values below ``path``; what was not given has none."""
        if isinstance(value, strawberry.Some):
            yield from [(path, None)] if value.value is None else self.of(path, name, value.value)
        elif value is None or value is strawberry.UNSET or name in _NOT_A_CHANGE:
            return
        elif is_dataclass(value) and not isinstance(value, type):
            for python_name, shown in _field_names(type(value)):
                yield from self.of(f"{path}.{shown}" if path else shown, python_name, getattr(value, python_name))
        elif isinstance(value, list | tuple):
            yield from self._list(path, name, value)
        else:
            yield path, self._value(name, value)

    def _list(self, path: str, name: str, values: list[Any] | tuple[Any, ...]) -> Iterator[Pair]:
        if not values or len(values) > MAX_LISTED:
            yield f"{path}.length", len(values)
        for index, value in enumerate(values[:MAX_LISTED]):
            yield from self.of(f"{path}.{index}", name, value)

    def _value(self, name: str, value: Any) -> Change:
        if name in _SECRET:
            return NOT_KEPT
        if isinstance(value, Enum):
            return value.name
        if isinstance(value, bool | int):
            return value
        if isinstance(value, datetime | date):
            return value.isoformat()
        if isinstance(value, float) and name not in _PLACE:
            return value
        if isinstance(value, str) and (value in _WORDS or _is_id(value)):
            return value
        text = (
            value if isinstance(value, str) else orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS).decode()
        )
        return NOT_KEPT if self._hashed is None else self._hashed(text)


def changes_of(given: object, audited: Audited, hasher: Hasher) -> dict[str, Change]:
    """What was asked for, as schema names of the fields (``dropoff.contact.phone``) → values.

    Ids, words of fixed lists, numbers, booleans and instants stay readable; texts, metadata and coordinates become hashes.
    """
    flattening = _Flattening(hasher if audited is Audited.VALUES else None)
    changes: dict[str, Change] = {}
    for path, value in flattening.of("", "", given):
        if len(changes) == MAX_CHANGES:
            changes["…"] = NOT_KEPT
            break
        changes[path] = value
    return changes


def subjects_of(payload: type, outcome: Mapping[str, Any]) -> Iterator[Subject]:
    """The objects that an outcome names: ``id`` is of the kind that the payload shows first, the others say their kind (``order_ids``)."""
    own = _shown_first(payload)
    for name, value in outcome.items():
        if name == "problems":
            yield from _named_by_problems(value)
            continue
        kind = own if name in {"id", "ids"} else _PLURAL.sub("", name)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                yield from subjects_of(payload, item)
            elif isinstance(item, str) and kind and (identifier := _uuid(item)) is not None:
                yield Subject(kind, identifier)


def _named_by_problems(problems: Sequence[Mapping[str, Any]]) -> Iterator[Subject]:
    """What stood in the way of a refused item: what was said of it may be about the same person, and is to be found with it."""
    for problem in problems:
        existing = problem.get("existing_id")
        if existing and _is_id(existing):
            yield Subject(id_prefix(existing), parse_id(id_prefix(existing), existing))


@cache
def _field_names(kind: type) -> tuple[tuple[str, str], ...]:
    """Python and schema names of an input's fields."""
    definition = get_object_definition(kind)
    if definition is None:
        return tuple((one.name, one.name) for one in fields(kind))
    return tuple((one.python_name, _NAMES.from_field(one)) for one in definition.fields)


@cache
def _shown_first(kind: type) -> str | None:
    """The id prefix of the first object with an id that a payload shows, itself or in its list of results."""
    definition = get_object_definition(kind)
    if definition is None:
        return None
    shown = [_object_of(one.resolve_type(type_definition=definition)) for one in definition.fields]
    names = [one.name for one in shown if one is not None]
    for name in names:
        if (prefix := prefix_of(name)) is not None:
            return prefix
    below: list[type] = [one.origin for one in shown if one is not None]
    return next((found for one in below if (found := _shown_first(one)) is not None), None)


def _object_of(kind: object) -> StrawberryObjectDefinition | None:
    while isinstance(kind, StrawberryContainer):
        kind = kind.of_type
    return get_object_definition(kind)


def _is_id(text: str) -> bool:
    try:
        parse_id(id_prefix(text), text)
    except InvalidId:
        return False
    return bool(id_prefix(text))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
