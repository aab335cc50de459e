"""Large inputs, built straight from the coerced values.

Strawberry looks the type of every field up again for every value, which is half of the work of a call with a thousand orders. ``straight``
makes an input class look them up once, by the hook that Strawberry has for classes that build their own values. The values are the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from functools import cache, partial
from typing import Any, TypeVar

from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import InputContext
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryOptional,
    get_object_definition,
    has_object_definition,
)
from strawberry.types.unset import UNSET

T = TypeVar("T")
Build = Callable[[Any], Any]

_NAMES = StrawberryConfig().name_converter


@dataclass(frozen=True, slots=True)
class _Members:
    """How to build an input class: what is None unless given, and for each field its two names and what builds its value (None: as it is)."""

    without_default: tuple[str, ...]
    fields: tuple[tuple[str, str, Build | None], ...]


def straight(kind: type[T]) -> type[T]:
    """Class decorator above ``@strawberry.input``, for inputs without ``Maybe`` fields anywhere in them."""
    get_object_definition(kind, strict=True).from_input = _from_input
    return kind


def _from_input(kind: type, value: Mapping[str, Any], _context: InputContext) -> Any:
    return _build(kind, value)


def _build(kind: type, value: Mapping[str, Any]) -> Any:
    members = _members(kind)
    given: dict[str, Any] = dict.fromkeys(members.without_default)
    for name, python_name, build in members.fields:
        if name in value:
            item = value[name]
            given[python_name] = item if build is None or item is None or item is UNSET else build(item)
    return kind(**given)


def _build_list(build: Build, items: Sequence[Any]) -> list[Any]:
    return [None if item is None else build(item) for item in items]


@cache
def _members(kind: type) -> _Members:
    definition = get_object_definition(kind, strict=True)
    fields = definition.fields
    return _Members(
        tuple(
            field.python_name for field in fields if field.default_value is MISSING and field.default_factory is MISSING
        ),
        tuple(
            (_NAMES.from_field(field), field.python_name, _builder(field.resolve_type(type_definition=definition)))
            for field in fields
        ),
    )


def _builder(kind: Any) -> Build | None:
    if isinstance(kind, StrawberryMaybe):
        raise TypeError("an input with Maybe fields cannot be built straight")
    if isinstance(kind, StrawberryOptional):
        return _builder(kind.of_type)
    if isinstance(kind, StrawberryList):
        # A list of plain values is copied all the same: a default is one object for all requests.
        build = _builder(kind.of_type)
        return list if build is None else partial(_build_list, build)
    return partial(_build, kind) if has_object_definition(kind) else None
