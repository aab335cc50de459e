"""Enumerations of the schema: the slices' own enums, shown with a description of every value."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TypeVar, cast

import strawberry

E = TypeVar("E", bound=Enum)


def show_enum(kind: type[E], description: str, values: Mapping[E, str], name: str | None = None) -> type[E]:
    """Make ``kind`` known to the schema; ``values`` says of every member what it means (a missing one is a KeyError at import)."""
    shown = strawberry.enum(kind, name=name, description=description)
    for value in shown.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[kind[value.name]]
    return shown


def member_of(kind: type[E]) -> Callable[[str], E]:
    """From a stored value to its member, by a lookup alone: calling the class costs ten times as much, and a page has thousands."""
    return cast(Callable[[str], E], kind._value2member_map_.__getitem__)
