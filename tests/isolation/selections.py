"""What to ask for: selections that the schema itself dictates, so that a field that is added tomorrow is asked for tomorrow."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_composite_type,
    is_leaf_type,
)
from tests.isolation.places import OPERATIONS, SCHEMA, object_type

NEEDS_ARGUMENTS = {
    "Driver.shifts": '(from: "2020-01-01T00:00:00Z", to: "2020-01-02T00:00:00Z")',
    "Plan.changesFrom": '(planId: "plan_00000000000000000000000000")',
    "Plan.comparedWith": '(planId: "plan_00000000000000000000000000")',
}
"""Nested fields that cannot be asked for without arguments, and some that are in order."""


def selection(kind: GraphQLOutputType, levels: int = 2) -> str:
    """Everything that can be selected, some levels deep, and small values such as problems and coordinates below that.

    Of an interface what all of its types share.
    """
    named = get_named_type(kind)
    parts = ["__typename"]
    for name, member in _fields(named):
        below = get_named_type(member.type)
        called = called_as(named.name, name, member)
        if is_leaf_type(below) and name != "totalCount":
            parts.append(called)
        elif is_composite_type(below) and (levels > 1 or _is_small(below)):
            parts.append(f"{called} {selection(member.type, levels - 1)}")
    return "{ " + " ".join(parts) + " }"


def _is_small(kind: GraphQLNamedType) -> bool:
    return isinstance(kind, GraphQLObjectType) and all(
        is_leaf_type(get_named_type(one.type)) for one in kind.fields.values()
    )


def whole(kind: GraphQLObjectType) -> str:
    """Every field of one type; of what lies below only its type's name."""
    parts = ["__typename"]
    for name, member in _fields(kind):
        called = called_as(kind.name, name, member)
        parts.append(called if is_leaf_type(get_named_type(member.type)) else f"{called} {{ __typename }}")
    return "{ " + " ".join(parts) + " }"


def called_as(owner: str, name: str, member: GraphQLField) -> str:
    """A field as it is called below the root."""
    if any(isinstance(one.type, GraphQLNonNull) for one in member.args.values()):
        arguments = NEEDS_ARGUMENTS.get(f"{owner}.{name}")
        assert arguments, f"{owner}.{name} needs arguments: say which in NEEDS_ARGUMENTS of {__file__}"
        return f"{name}{arguments}"
    return name


def _fields(kind: GraphQLNamedType) -> list[tuple[str, GraphQLField]]:
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        return list(kind.fields.items())
    return []


@dataclass(frozen=True)
class Way:
    """How an object type is reached: a root field, then what is selected on the way down."""

    owner: str
    field: str
    steps: tuple[str, ...]

    def to(self, inner: str) -> str:
        """The root field's selection, with ``inner`` at the end of the way."""
        for step in reversed(self.steps):
            inner = f"{{ __typename {step} {inner} }}"
        return inner


def ways() -> dict[str, list[Way]]:
    """For each object type the shortest ways to it, from each root field that leads there."""
    found: dict[str, list[Way]] = {}
    for owner in OPERATIONS:
        for name, details in object_type(owner).fields.items():
            if name in {"node", "nodes"}:
                continue  # they lead to one type for each id: the walk asks them by themselves
            for type_name, steps in _below(details.type):
                found.setdefault(type_name, []).append(Way(owner, name, steps))
    return {name: sorted(all_ways, key=lambda way: len(way.steps)) for name, all_ways in found.items()}


def _below(kind: GraphQLOutputType) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Object types below a type and the steps to each, the nearest first, every type once."""
    seen: set[str] = set()
    waiting: deque[tuple[GraphQLNamedType, tuple[str, ...]]] = deque([(get_named_type(kind), ())])
    while waiting:
        named, steps = waiting.popleft()
        if named.name in seen or not is_composite_type(named):
            continue
        seen.add(named.name)
        if isinstance(named, GraphQLObjectType):
            yield named.name, steps
            waiting.extend(
                (get_named_type(member.type), (*steps, called_as(named.name, name, member)))
                for name, member in named.fields.items()
            )
        else:
            waiting.extend((one, (*steps, f"... on {one.name}")) for one in SCHEMA.get_possible_types(named))  # type: ignore[arg-type]


def shown(answer: Any) -> Iterator[tuple[str, str]]:
    """Each (type, field) that an answer holds a value of; objects tell their type by ``__typename``."""
    if isinstance(answer, list):
        for one in answer:
            yield from shown(one)
    elif isinstance(answer, dict):
        type_name = answer.get("__typename")
        for name, value in answer.items():
            if type_name and name != "__typename":
                yield type_name, name
            yield from shown(value)
