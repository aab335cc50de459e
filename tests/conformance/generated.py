"""Documents made up over the whole schema: aliases, fragments, directives, arguments; the same seed gives the same documents."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)

SCALARS = {
    "Int": ["1", "2", "3", "5"],
    "Long": ["1", "1000"],
    "Float": ["47.14", "9.52"],
    "Boolean": ["true", "false"],
    "String": ['"a"', '"OrderPlaced"', '"B-1"'],
    "DateTime": ['"2027-03-01T09:00:00Z"', '"2020-01-01T00:00:00Z"'],
    "Date": ['"2027-03-01"', '"2027-03-02"'],
    "TimeZone": ['"UTC"'],
    "CountryCode": ['"LI"'],
    "PhoneNumber": ['"+4232366111"'],
    "EmailAddress": ['"ada@example.com"'],
    "URL": ['"https://example.com/hook"'],
    "JSONObject": ["{}"],
    "Cursor": ['"bm8gY3Vyc29y"'],
}


OFTEN = ["orders", "orders", "routes", "nodes", "events"]
"""Root fields with much below them."""


@dataclass
class Made:
    """A document and its variables."""

    text: str
    variables: dict[str, Any] = field(default_factory=dict)


class Maker:
    """Makes documents of one seed. ``ids`` are objects that exist, from which id arguments are taken."""

    def __init__(self, schema: GraphQLSchema, ids: Sequence[str], seed: int) -> None:
        self._schema = schema
        self._ids = ids
        self._random = random.Random(seed)
        self._fragments: list[str] = []
        self._used: dict[str, str] = {}

    def query(self) -> Made:
        """A query of one to three root fields."""
        self._fragments, self._used = [], {}
        root = self._schema.query_type
        assert root is not None
        names = self._random.sample(sorted(root.fields), self._random.randint(1, 3))
        if self._random.random() < 0.6:
            names[0] = self._random.choice(OFTEN)
        depth = self._random.randint(2, 6)
        body = " ".join(self._field(root, name, depth, f"r{number}: ") for number, name in enumerate(names))
        text = f"query Made($yes: Boolean! = true, $no: Boolean!) {{ {body} ...Uses }}\n" + "\n".join(self._fragments)
        text += "\nfragment Uses on Query { unused: __typename @include(if: $no) used: __typename @skip(if: $yes) }"
        return Made(text, {"no": False} if self._random.random() < 0.5 else {"no": True, "yes": False})

    def _field(self, parent: Any, name: str, depth: int, alias: str = "") -> str:
        definition: GraphQLField = parent.fields[name]
        kind = get_named_type(definition.type)
        text = f"{alias}{name}{self._arguments(definition.args)}{self._directive()}"
        return f"{text} {{ {self._selection(kind, depth - 1)} }}" if is_composite_type(kind) else text

    def _selection(self, kind: Any, depth: int) -> str:
        chance = self._random
        if is_abstract_type(kind) and not (hasattr(kind, "fields") and chance.random() < 0.3):
            possible = chance.sample(
                self._schema.get_possible_types(kind), min(3, len(self._schema.get_possible_types(kind)))
            )
            return "__typename " + " ".join(
                f"... on {one.name} {{ {self._selection(one, depth)} }}" for one in possible
            )
        usable = [
            name for name, one in kind.fields.items() if depth > 0 or not is_composite_type(get_named_type(one.type))
        ]
        names = chance.sample(usable, min(len(usable), chance.randint(1, 7)))
        parts = ["__typename"] if not names or chance.random() < 0.2 else []
        parts += [self._wrapped(kind, name, depth) for name in names]
        if names and chance.random() < 0.3:  # the same field twice: its selections are merged
            parts.append(self._again(kind, names[0], parts))
        return " ".join(parts)

    def _again(self, kind: GraphQLObjectType, name: str, parts: list[str]) -> str:
        composite = is_composite_type(get_named_type(kind.fields[name].type))
        return "__typename" if composite or not any(part == name for part in parts) else name

    def _wrapped(self, kind: GraphQLNamedType, name: str, depth: int) -> str:
        chance = self._random.random()
        alias = f"a{self._random.randrange(10**6)}: " if chance < 0.15 else ""
        text = self._field(kind, name, depth, alias)
        if 0.15 < chance < 0.25:
            return f"... on {kind.name}{self._directive()} {{ {text} }}"
        if 0.25 < chance < 0.35:
            self._fragments.append(f"fragment F{len(self._fragments)} on {kind.name} {{ {text} }}")
            return f"...F{len(self._fragments) - 1}"
        return text

    def _directive(self) -> str:
        if self._random.random() > 0.12:
            return ""
        return (
            f" @{self._random.choice(['include', 'skip'])}(if: {self._random.choice(['$yes', '$no', 'true', 'false'])})"
        )

    def _arguments(self, arguments: dict[str, GraphQLArgument]) -> str:
        given = [
            f"{name}: {self._value(argument.type)}"
            for name, argument in arguments.items()
            if is_required_argument(argument) or self._random.random() < (0.6 if name == "first" else 0.1)
        ]
        return f"({', '.join(given)})" if given else ""

    def _value(self, kind: Any, depth: int = 0) -> str:
        kind = get_nullable_type(kind)
        if is_list_type(kind):
            return f"[{', '.join(self._value(kind.of_type, depth) for _ in range(self._random.randint(1, 3)))}]"
        if isinstance(kind, GraphQLEnumType):
            return self._random.choice(sorted(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            return self._input(kind, depth)
        if kind.name == "ID":
            return f'"{self._random.choice(self._ids)}"'
        return self._random.choice(SCALARS[kind.name])

    def _input(self, kind: GraphQLInputObjectType, depth: int) -> str:
        if kind.is_one_of:
            names = [self._random.choice(sorted(kind.fields))]
        else:
            names = [
                name
                for name, one in kind.fields.items()
                if is_required_input_field(one) or (depth < 2 and self._random.random() < 0.2)
            ]
        return "{" + ", ".join(f"{name}: {self._value(kind.fields[name].type, depth + 1)}" for name in names) + "}"
