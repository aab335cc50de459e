"""The schema is the API manual: every type, field, argument and enum value says what it is."""

from collections.abc import Iterator
from pathlib import Path

from graphql import GraphQLNamedType, build_schema, is_specified_scalar_type

SCHEMA = Path(__file__).resolve().parents[2] / "schema.graphql"


def undescribed(kind: GraphQLNamedType) -> Iterator[str]:
    """The places of a type that have no description."""
    if not kind.description:
        yield kind.name
    for name, field in getattr(kind, "fields", {}).items():
        if not field.description:
            yield f"{kind.name}.{name}"
        yield from (
            f"{kind.name}.{name}({each})" for each, one in getattr(field, "args", {}).items() if not one.description
        )
    yield from (f"{kind.name}.{name}" for name, value in getattr(kind, "values", {}).items() if not value.description)


def test_everything_in_the_schema_is_described():
    kinds = build_schema(SCHEMA.read_text()).type_map.values()
    ours = [kind for kind in kinds if not kind.name.startswith("__") and not is_specified_scalar_type(kind)]
    assert [place for kind in ours for place in undescribed(kind)] == []
