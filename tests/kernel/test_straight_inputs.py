"""Inputs that are built straight hold exactly what Strawberry's own conversion gives."""

from copy import deepcopy
from enum import Enum

import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from doorstep.kernel.graphql.inputs import straight

SEEN: list[object] = []


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.input
class Inner:
    some_number: int
    note: str | None
    colours: list[Colour] = strawberry.field(default_factory=list)


@strawberry.input
class Outer:
    inner_one: Inner
    own: strawberry.ID = strawberry.field(name="given")
    maybe_inner: Inner | None = None
    inners: list[Inner | None] = strawberry.field(default_factory=list)
    grid: list[list[Inner]] | None = None
    colour: Colour = Colour.BLUE
    unset: int | None = strawberry.UNSET


def schema() -> strawberry.Schema:
    @strawberry.type
    class Query:
        @strawberry.field
        def take(self, outer: Outer, many: list[Outer] | None = None) -> bool:
            SEEN.append((outer, many))
            return True

    return strawberry.Schema(Query, config=StrawberryConfig())


INPUTS = [
    {"innerOne": {"someNumber": 1}, "given": "a"},
    {"innerOne": {"someNumber": 1, "note": None}, "given": "a", "maybeInner": None, "grid": None, "unset": None},
    {
        "innerOne": {"someNumber": 1, "note": "x", "colours": ["RED", "BLUE"]},
        "given": "b",
        "maybeInner": {"someNumber": 2},
        "inners": [{"someNumber": 3}, None, {"someNumber": 4, "colours": []}],
        "grid": [[{"someNumber": 5}], []],
        "colour": "RED",
        "unset": 7,
    },
]


def taken(value: dict[str, object]) -> object:
    SEEN.clear()
    query = "query ($outer: Outer!, $many: [Outer!]) { take(outer: $outer, many: $many) }"
    answer = schema().execute_sync(query, variable_values={"outer": value, "many": [value, value]})
    assert answer.errors is None
    return deepcopy(SEEN[0])


@pytest.mark.parametrize("value", INPUTS)
async def test_the_values_are_those_of_strawberrys_own_way(value):
    definition = Outer.__strawberry_definition__
    slow = taken(value)
    straight(Outer)
    try:
        assert taken(value) == slow
        assert isinstance(slow[0], Outer)
    finally:
        definition.from_input = None


async def test_a_default_list_is_not_shared_between_requests():
    straight(Outer)
    try:
        taken(INPUTS[0])
        SEEN[0][0].inners.append("mine")
        assert taken(INPUTS[0])[0].inners == []
    finally:
        Outer.__strawberry_definition__.from_input = None


async def test_a_patch_cannot_be_built_straight():
    @strawberry.input
    class Patch:
        name: strawberry.Maybe[str]

    straight(Patch)
    with pytest.raises(TypeError, match="Maybe"):
        Patch.__strawberry_definition__.from_input(Patch, {}, None)
