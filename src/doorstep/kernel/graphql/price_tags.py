"""Prices as directives of the SDL, so that clients can work out what an operation may cost before they send it."""

from copy import copy
from typing import Any

import strawberry
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema_directive import Location
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.unset import UNSET

from doorstep.kernel.graphql.prices import PAGE, Price, Prices


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.OBJECT, Location.INTERFACE],
    name="cost",
    description="What a field costs, or an object of a type. Without it a field costs nothing, and an object 1.",
)
class Cost:
    weight: str = strawberry.directive_field(name="weight")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description=(
        "How many items a list is taken to hold: their objects, and all below, cost so many times. `slicingArguments` say how many (a number as "
        "it is, a list by its length, several lists together), `assumedSize` where none is given; `sizedFields` are the lists of the object shown "
        "that have this size. With `itemsPerPoint` so many items of the input, or objects below the sized fields, cost one point; a part counts whole."
    ),
)
class ListSize:
    assumed_size: int | None = strawberry.directive_field(name="assumedSize", default=UNSET)
    slicing_arguments: list[str] | None = strawberry.directive_field(name="slicingArguments", default=UNSET)
    sized_fields: list[str] | None = strawberry.directive_field(name="sizedFields", default=UNSET)
    require_one_slicing_argument: bool | None = strawberry.directive_field(
        name="requireOneSlicingArgument", default=UNSET
    )
    items_per_point: int | None = strawberry.directive_field(name="itemsPerPoint", default=UNSET)


def tag(schema: strawberry.Schema, prices: Prices) -> None:
    """Put the prices on the types of a schema that is built only to be printed."""
    for kind in schema.schema_converter.type_map.values():
        definition = kind.definition
        if isinstance(definition, StrawberryObjectDefinition) and not definition.is_input:
            _tag_type(schema, definition, prices)


def _tag_type(schema: strawberry.Schema, definition: StrawberryObjectDefinition, prices: Prices) -> None:
    owner = schema.config.name_converter.from_type(definition)
    if prices.weights.get(owner) == 0:
        definition.directives = [*_others(definition.directives), Cost(weight="0")]
    shown: Any = schema._schema.type_map[owner]
    for name, field in shown.fields.items():
        # A copy: a field that types inherit is one object in all of them, and each has its own price.
        tagged = copy(field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF])
        tagged.directives = [*_others(tagged.directives), *_tags(prices.of(owner, name))]
        field.extensions = {**field.extensions, GraphQLCoreConverter.DEFINITION_BACKREF: tagged}


def _others(directives: Any) -> list[Any]:
    return [one for one in directives or () if not isinstance(one, Cost | ListSize)]


def _tags(price: Price) -> list[Any]:
    tags: list[Any] = [Cost(weight=str(price.weight))] if price.weight else []
    if price.paged:
        tags.append(
            ListSize(
                assumed_size=PAGE,
                slicing_arguments=list(price.counted),
                sized_fields=sorted(price.sized),
                require_one_slicing_argument=False,
            )
        )
    elif price.counted:
        many = price.items_per_point > 1
        tags.append(
            ListSize(
                slicing_arguments=list(price.counted),
                sized_fields=sorted(price.sized) or UNSET,
                require_one_slicing_argument=False,
                items_per_point=price.items_per_point if many else UNSET,
            )
        )
    elif price.listed > 1:
        tags.append(ListSize(assumed_size=price.listed))
    return tags
