"""Scalars and enumerations: a column of values as the answer shows it.

Where every value is already what the answer holds (a str for a String, …), one look at the types of the column is all that is done.
"""

from collections.abc import Callable
from math import isfinite
from operator import attrgetter
from typing import Any

from graphql import GraphQLEnumType, GraphQLLeafType
from graphql.pyutils import Undefined

from doorstep.kernel.graphql.execution.surprises import Surprise, require_plain

Leaf = Callable[[list[Any]], list[Any]]
"""Completes a column without nulls; raises Surprise, or whatever the scalar raises."""

_MAX_INT = 2**31 - 1


def leaf_column(kind: GraphQLLeafType) -> Leaf:
    """How values of that type are shown."""
    if isinstance(kind, GraphQLEnumType):
        return _enum_column(kind)
    as_it_is = {"String": str, "ID": str, "Boolean": bool}.get(kind.name)
    if as_it_is is not None:
        return _unchanged_or_coerced(kind, as_it_is, lambda _values: True)
    if kind.name == "Int":
        return _unchanged_or_coerced(kind, int, lambda values: min(values) >= -_MAX_INT - 1 and max(values) <= _MAX_INT)
    if kind.name == "Float":
        return _unchanged_or_coerced(kind, float, lambda values: all(map(isfinite, values)))
    return _coerced(kind)


def _unchanged_or_coerced(kind: GraphQLLeafType, exact: type, sound: Callable[[list[Any]], bool]) -> Leaf:
    coerced, only = _coerced(kind), {exact}

    def complete(values: list[Any]) -> list[Any]:
        return values if set(map(type, values)) == only and sound(values) else coerced(values)

    return complete


def _coerced(kind: GraphQLLeafType) -> Leaf:
    coerce = kind.coerce_output_value

    def complete(values: list[Any]) -> list[Any]:
        require_plain(set(map(type, values)))
        shown = list(map(coerce, values))
        if any(value is None or value is Undefined for value in shown):
            raise Surprise
        return shown

    return complete


def _enum_column(kind: GraphQLEnumType) -> Leaf:
    """Members by their names; Strawberry searches its values one after the other for each."""
    coerced = _coerced(kind)
    members = getattr(kind, "wrapped_cls", None)
    if members is None or {member.name for member in members} != kind.values.keys():
        return coerced
    if any(kind.coerce_output_value(member) != member.name for member in members):
        return coerced
    only, name = {members}, attrgetter("_name_")

    def complete(values: list[Any]) -> list[Any]:
        return list(map(name, values)) if set(map(type, values)) == only else coerced(values)

    return complete
