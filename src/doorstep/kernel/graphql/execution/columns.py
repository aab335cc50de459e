"""Objects, lists, nulls and interfaces: how a whole column of values is completed."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, islice
from types import NoneType
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, GraphQLObjectType
from strawberry.types import has_object_definition

from doorstep.kernel.graphql.execution.surprises import Surprise

if TYPE_CHECKING:
    from doorstep.kernel.graphql.execution.levels import Levels

Column = Callable[["Levels", list[Any]], list[Any]]
"""Completes a column; raises Surprise or whatever a resolver raises. Rows that wait for a batch are filled in later by ``Levels``."""

Read = Callable[["Levels", list[Any]], list[Any]]
"""A field's values of many objects."""


@dataclass(slots=True)
class FieldPlan:
    """One selected field: how it is read, or called, and how its values are completed.

    ``call`` is set for asynchronous fields: it makes an object's coroutine. ``alone`` turns true when one of them awaited something else than
    a batch: from then on each runs as a task of its own.
    """

    name: str
    complete: Column
    read: Read | None = None
    call: Callable[["Levels", Any], Any] | None = None
    alone: bool = False


class ObjectPlan:
    """A selection of an object type."""

    def __init__(self, kind: GraphQLObjectType) -> None:
        self._kind = kind
        self._known: set[type] = set()
        self.fields: list[FieldPlan] = []
        """Filled in by the compiler."""

    def complete(self, levels: "Levels", objects: list[Any]) -> list[Any]:
        """One dict for each object."""
        if not self._known.issuperset(map(type, objects)):
            self._know(objects)
        count = len(objects)
        columns = [
            field.complete(levels, field.read(levels, objects)) if field.read else [None] * count
            for field in self.fields
        ]
        names = [field.name for field in self.fields]
        if not names:  # @skip has left nothing of the selection
            return [{} for _ in objects]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        for field in self.fields:
            if field.call is not None:
                levels.wait(field, objects, rows)
        return rows

    def _know(self, objects: list[Any]) -> None:
        """Objects of a class are like each other, so that the first of a class is asked whether it is of this type."""
        is_type_of = self._kind.is_type_of
        for kind, example in {type(one): one for one in objects}.items():
            if not has_object_definition(kind) or (is_type_of is not None and is_type_of(example, None) is not True):  # type: ignore[arg-type]
                raise Surprise
            self._known.add(kind)


class InterfacePlan:
    """A selection of an interface or union: one plan for each class of objects that turns up."""

    def __init__(self, type_of: Callable[[Any], str], plan_of: Callable[["Levels", str], Column]) -> None:
        self._type_of = type_of
        self._plan_of = plan_of
        self._plans: dict[type, Column] = {}

    def complete(self, levels: "Levels", objects: list[Any]) -> list[Any]:
        """Each object by the plan of its own type."""
        groups: dict[type, list[int]] = {}
        for position, one in enumerate(objects):
            groups.setdefault(type(one), []).append(position)
        completed: list[Any] = [None] * len(objects)
        for kind, positions in groups.items():
            plan = self._plans.get(kind)
            if plan is None:
                plan = self._plans[kind] = self._plan_for(levels, kind, objects[positions[0]])
            for position, row in zip(
                positions, plan(levels, [objects[position] for position in positions]), strict=True
            ):
                completed[position] = row
        return completed

    def _plan_for(self, levels: "Levels", kind: type, example: Any) -> Column:
        if not has_object_definition(kind) or kind.__strawberry_definition__.is_graphql_generic:
            raise Surprise
        try:
            return self._plan_of(levels, self._type_of(example))
        except GraphQLError as error:
            raise Surprise from error


def non_null(column: Column) -> Column:
    """A column without nulls: one is a Surprise."""

    def complete(levels: "Levels", values: list[Any]) -> list[Any]:
        if not values:
            return []
        if NoneType in set(map(type, values)):
            raise Surprise
        return column(levels, values)

    return complete


def nullable(column: Column) -> Column:
    """A column in which nulls stay nulls."""

    def complete(levels: "Levels", values: list[Any]) -> list[Any]:
        kinds = set(map(type, values))
        if NoneType not in kinds:
            return column(levels, values) if values else []
        if len(kinds) == 1:
            return values
        rest = iter(column(levels, [value for value in values if value is not None]))
        return [None if value is None else next(rest) for value in values]

    return complete


def listed(column: Column) -> Column:
    """A column of lists: all their items are one column."""

    def complete(levels: "Levels", lists: list[Any]) -> list[Any]:
        if not _LISTS.issuperset(map(type, lists)):
            raise Surprise
        rest = iter(column(levels, list(chain.from_iterable(lists))))
        return [list(islice(rest, len(one))) for one in lists]

    return complete


_LISTS = {list, tuple}
