"""Every place of the schema where a client names something: ids, cursors, and the strings that are names of their own.

Read from the schema itself, so that an argument that is added tomorrow is walked tomorrow.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)
from strawberry.schema_directives import OneOf

from doorstep.schema import build_schema

SCHEMA: GraphQLSchema = build_schema()._schema

OPERATIONS = {
    kind.name: word
    for word, kind in (
        ("query", SCHEMA.query_type),
        ("mutation", SCHEMA.mutation_type),
        ("subscription", SCHEMA.subscription_type),
    )
    if kind is not None
}
"""Root type → the word that begins its operations."""

MADE_BY_CLIENTS = {"actId", "idempotencyKey", "reference", "references", "displayReference", "barcode"}
"""Names that clients make up. They are good within one tenant: another tenant's must mean nothing."""


@dataclass(frozen=True)
class Place:
    """An argument of a type's field, and the names down to the value inside it."""

    owner: str
    """Query, Mutation, Subscription, or a type whose objects ``node`` reads."""

    field: str
    names: tuple[str, ...]
    listed: bool
    """Whether it takes several values."""

    def __str__(self) -> str:
        return f"{self.owner}.{self.field}({'.'.join(self.names)})"

    @property
    def details(self) -> GraphQLField:
        """The field."""
        return object_type(self.owner).fields[self.field]

    @property
    def at_root(self) -> bool:
        """Whether the field is one of Query, Mutation or Subscription."""
        return self.owner in OPERATIONS


def object_type(name: str) -> GraphQLObjectType:
    """An object type of the schema."""
    found = SCHEMA.type_map[name]
    assert isinstance(found, GraphQLObjectType)
    return found


def root_fields() -> Iterator[tuple[str, str, GraphQLField]]:
    """Every field of Query, Mutation and Subscription."""
    for owner in OPERATIONS:
        for name, details in object_type(owner).fields.items():
            yield owner, name, details


def id_places() -> list[Place]:
    """Where an id of ours is taken."""
    return [place for place in _places("ID") if place.names[-1] not in MADE_BY_CLIENTS]


def cursor_places() -> list[Place]:
    """Where a cursor is taken."""
    return list(_places("Cursor"))


def name_places() -> list[Place]:
    """Where a name that clients make up is taken."""
    return [place for word in ("ID", "String") for place in _places(word) if place.names[-1] in MADE_BY_CLIENTS]


def _places(scalar: str) -> Iterator[Place]:
    for kind in SCHEMA.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, details in kind.fields.items():
                for argument, one in details.args.items():
                    for names, listed in _paths(one.type, (argument,), scalar):
                        yield Place(kind.name, name, names, listed)


def _paths(kind: GraphQLInputType, path: tuple[str, ...], scalar: str) -> Iterator[tuple[tuple[str, ...], bool]]:
    named = get_named_type(kind)
    if named.name == scalar:
        yield path, isinstance(bare(kind), GraphQLList)
    if isinstance(named, GraphQLInputObjectType):
        for name, member in named.fields.items():
            yield from _paths(member.type, (*path, name), scalar)


def bare(kind: GraphQLInputType) -> GraphQLInputType:
    """The type without its exclamation mark."""
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind


def takes_one(kind: GraphQLInputObjectType) -> bool:
    """Whether exactly one of the fields must be given (``@oneOf``), which Strawberry notes in its own definition alone."""
    definition = kind.extensions.get("strawberry-definition")
    return any(isinstance(directive, OneOf) for directive in getattr(definition, "directives", None) or ())
