"""What a subscription asks: whether it follows the event log, from where, and with whom its execution can be shared."""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    get_argument_values,
    get_operation_ast,
    get_variable_values,
    visit,
)

from doorstep.kernel.graphql.bodies import Asked
from doorstep.kernel.graphql.documents import DocumentCache
from doorstep.kernel.scope import SYSTEM_ACTOR, Principal

AFTER = "after"
"""The argument that makes a subscription one of the event log: the cursor from which it goes on."""

ACTORS_OWN: set[str] = {"Query.viewer"}
"""Fields ("Type.field") that show something else to each actor of the same permissions."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of a subscription before it runs."""

    key: Hashable
    """The same for two that can share one execution."""

    principal: Principal | None
    """As whom it is executed: whoever asks, without what tells one from the other where it is shared."""

    follows_log: bool
    after: str | None
    """The cursor that its document or its variables hold."""


def shape_of(
    documents: DocumentCache, schema: GraphQLSchema, asked: Asked, principal: Principal | None
) -> Shape | None:
    """The shape of a subscription; None for one that will be refused, or that is not plainly one field: it runs by itself."""
    try:
        known = documents.parsed(asked.query or "")
        if documents.validated(known):
            return None
        return _shape(schema, known.document, asked, principal)
    except GraphQLError:
        return None


def _shape(schema: GraphQLSchema, document: DocumentNode, asked: Asked, principal: Principal | None) -> Shape | None:
    operation = get_operation_ast(document, asked.operation_name)
    if operation is None or operation.operation is not OperationType.SUBSCRIPTION:
        return None
    node = _only_field(operation)
    root = schema.subscription_type
    details = root.fields.get(node.name.value) if node is not None and root is not None else None
    if node is None or details is None:
        return None
    uses = _Uses.of(schema, document)
    after = _after(schema, operation, details, node, asked.variables or {})
    variables = _without_cursor(_declared(operation, asked.variables or {}), node, uses)
    as_whom = principal if uses.actors_own else shared(principal)
    key = (asked.query, asked.operation_name, orjson.dumps(variables, option=orjson.OPT_SORT_KEYS), as_whom)
    return Shape(key, as_whom, AFTER in details.args, after)


def _declared(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that the operation has. Others were looked at by nobody: they may be of any depth, and make no difference."""
    names = {one.variable.name.value for one in operation.variable_definitions or ()}
    return {name: value for name, value in variables.items() if name in names}


def shared(principal: Principal | None) -> Principal | None:
    """A principal as all know it who may see the same: tenant, permissions, reach and clock stay, the actor does not."""
    if principal is None:
        return None
    return replace(principal, actor=SYSTEM_ACTOR, member_id=None, expires_at=None)


def _only_field(operation: OperationDefinitionNode) -> FieldNode | None:
    selections = operation.selection_set.selections
    node = selections[0] if len(selections) == 1 else None
    return node if isinstance(node, FieldNode) and not node.directives and not operation.directives else None


def _after(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    details: GraphQLField,
    node: FieldNode,
    variables: Mapping[str, Any],
) -> str | None:
    # Without a limit each wrong item of a list is an error of its own: a body of 400 kB then took six seconds, with nobody else served.
    values = get_variable_values(schema, operation.variable_definitions or (), dict(variables), max_errors=1)
    if isinstance(values, list):
        raise values[0]
    return get_argument_values(details, node, values).get(AFTER)


def _without_cursor(variables: Mapping[str, Any], node: FieldNode, uses: "_Uses") -> dict[str, Any]:
    """The variables without the cursor, when it serves nothing else: where somebody begins is no difference later."""
    for argument in node.arguments or ():
        value = argument.value
        if argument.name.value == AFTER and isinstance(value, VariableNode) and uses.variables[value.name.value] == 2:
            return {name: given for name, given in variables.items() if name != value.name.value}
    return dict(variables)


class _Uses(Visitor):
    """What a document uses: variables, each counted where it is declared as well, and fields that are the actor's own."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.variables: Counter[str] = Counter()
        self.actors_own = False
        self._types = types

    @classmethod
    def of(cls, schema: GraphQLSchema, document: DocumentNode) -> "_Uses":
        types = TypeInfo(schema)
        uses = cls(types)
        visit(document, TypeInfoVisitor(types, uses))
        return uses

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.variables[node.name.value] += 1

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        owner = self._types.get_parent_type()
        self.actors_own |= owner is not None and f"{owner.name}.{node.name.value}" in ACTORS_OWN
