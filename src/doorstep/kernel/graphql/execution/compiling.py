"""From a selection to columns: done once for each document, operation and set of Boolean variables (``@skip``, ``@include``)."""

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    TypeNameMetaFieldDef,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.values import get_argument_values
from strawberry.types import Info
from strawberry.types.field import StrawberryField

from doorstep.kernel.graphql.execution.columns import (
    Column,
    FieldPlan,
    InterfacePlan,
    ObjectPlan,
    listed,
    non_null,
    nullable,
)
from doorstep.kernel.graphql.execution.leaves import leaf_column
from doorstep.kernel.graphql.execution.levels import Levels
from doorstep.kernel.graphql.execution.surprises import Surprise, Unsupported, require_plain

if TYPE_CHECKING:
    from doorstep.kernel.graphql.execution.executor import LevelExecutor

FieldDetails = list[Any]
"""The places of a document that select one field of the answer, as graphql-core collects them."""

_OWN_RESOLVERS = "GraphQLCoreConverter.from_resolver.<locals>."
"""Strawberry's wrappers around a resolver; anything else in their place is called as it is."""

_DIRECTIVES = {"skip", "include"}


class Compiler:
    """Compiles with the variables of one execution; what comes of it serves all that have the same Boolean ones."""

    def __init__(self, executor: "LevelExecutor") -> None:
        self._executor = executor

    def column(self, kind: GraphQLOutputType, details: FieldDetails) -> Column:
        """How values of the type are completed; raises Unsupported."""
        if is_non_null_type(kind):
            return non_null(self._there(kind.of_type, details))
        return nullable(self._there(kind, details))

    def _there(self, kind: GraphQLOutputType, details: FieldDetails) -> Column:
        if is_list_type(kind):
            return listed(self.column(kind.of_type, details))
        if is_leaf_type(kind):
            leaf = leaf_column(kind)
            return lambda _levels, values: leaf(values)
        if is_object_type(kind):
            return self._object(kind, details)
        if is_abstract_type(kind):
            return self._interface(kind, details)
        raise Unsupported

    def _object(self, kind: GraphQLObjectType, details: FieldDetails) -> Column:
        fields, deferred, _ = self._executor.collect_subfields(kind, details)
        if deferred:
            raise Unsupported
        plan = ObjectPlan(kind)
        plan.fields = [self._field(kind, name, subdetails) for name, subdetails in fields.items()]
        return plan.complete

    def _interface(self, kind: Any, details: FieldDetails) -> Column:
        schema = self._executor.schema
        if kind.resolve_type is None:
            raise Unsupported
        plans: dict[str, Column | None] = {}
        asking = self._executor.build_resolve_info(
            GraphQLField(kind), [details[0].node], cast(Any, None), cast(Any, None)
        )
        # Kept for as long as the plan: nothing of this one request.
        info = asking._replace(
            root_value=None, context=None, variable_values=cast(Any, {}), async_helpers=cast(Any, None)
        )

        def type_of(value: Any) -> str:
            name = kind.resolve_type(value, info, kind)
            return name if isinstance(name, str) else ""

        def plan_of(levels: Levels, name: str) -> Column:
            # Compiled when an object of the type is first met: the event log has dozens of types, and most streams meet a few.
            if name not in plans:
                plans[name] = Compiler(levels.executor)._of_interface(kind, schema.get_type(name), details)
            plan = plans[name]
            if plan is None:
                raise Surprise
            return plan

        return InterfacePlan(type_of, plan_of).complete

    def _of_interface(self, face: Any, kind: Any, details: FieldDetails) -> Column | None:
        """The plan for one type of an interface; None: graphql-core runs it."""
        if not is_object_type(kind) or not self._executor.schema.is_sub_type(face, kind):
            return None
        try:
            return self._object(kind, details)
        except (Unsupported, RecursionError):
            return None

    def _field(self, parent: GraphQLObjectType, name: str, details: FieldDetails) -> FieldPlan:
        if any(one.fragment_variable_values is not None or not _usual(one.node) for one in details):
            raise Unsupported
        definition = self._executor.schema.get_field(parent, details[0].node.name.value)
        if definition is TypeNameMetaFieldDef:
            return FieldPlan(
                name, lambda _levels, values: values, read=lambda _levels, objects: [parent.name] * len(objects)
            )
        field = definition.extensions.get("strawberry-definition") if definition is not None else None
        if definition is None or not isinstance(field, StrawberryField):
            raise Unsupported
        return _CompiledField(definition, field, parent, details).plan(name, self.column(definition.type, details))


def _usual(node: Any) -> bool:
    return all(directive.name.value in _DIRECTIVES for directive in node.directives or ())


class _CompiledField:
    """Reads or calls one field of the schema."""

    def __init__(
        self, definition: GraphQLField, field: StrawberryField, parent: GraphQLObjectType, details: FieldDetails
    ) -> None:
        self._definition = definition
        self._field = field
        self._parent = parent
        self._details = details
        self._resolver = field.base_resolver

    def plan(self, name: str, column: Column) -> FieldPlan:
        """The field of a selection."""
        own = getattr(self._definition.resolve, "__qualname__", "").startswith(_OWN_RESOLVERS)
        if own and self._field.is_basic_field:
            attribute = attrgetter(self._field.python_name)
            return FieldPlan(name, column, read=lambda _levels, objects: list(map(attribute, objects)))
        call = self._simple_call() if own and self._is_simple() else self._call
        if self._field.is_async:
            return FieldPlan(name, column, call=call)

        def read(levels: Levels, objects: list[Any]) -> list[Any]:
            values = [call(levels, one) for one in objects]
            require_plain(set(map(type, values)))
            return values

        return FieldPlan(name, column, read=read)

    def _is_simple(self) -> bool:
        """A method with at most ``info``, without extensions: Strawberry would do nothing but call it."""
        resolver = self._resolver
        if resolver is None or self._field.extensions or self._definition.args:
            return False
        return bool(resolver.self_parameter) and not (resolver.parent_parameter or resolver.root_parameter)

    def _simple_call(self) -> Callable[[Levels, Any], Any]:
        resolver = cast(Any, self._resolver)
        function, parameter = resolver._unbound_wrapped_func, resolver.info_parameter
        if parameter is None:
            return lambda _levels, one: function(one)
        name = parameter.name

        def call(levels: Levels, one: Any) -> Any:
            info = levels.infos.get(self)
            if info is None:
                info = levels.infos[self] = Info(_raw_info=self._raw_info(levels), _field=self._field)
            return function(one, **{name: info})

        return call

    def _call(self, levels: Levels, one: Any) -> Any:
        """As graphql-core calls it."""
        info = levels.infos.get(self)
        if info is None:
            info = levels.infos[self] = self._raw_info(levels)
            levels.arguments[self] = self._arguments(levels)
        resolve: Any = self._definition.resolve
        return resolve(one, info, **levels.arguments[self])

    def _raw_info(self, levels: Levels) -> Any:
        """Without a path: a resolver that asks for it fails, and graphql-core, which knows it, runs it instead."""
        nodes = [one.node for one in self._details]
        return levels.executor.build_resolve_info(self._definition, nodes, self._parent, cast(Any, None))

    def _arguments(self, levels: Levels) -> dict[str, Any]:
        return get_argument_values(self._definition, self._details[0].node, levels.executor.variable_values)
