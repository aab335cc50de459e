"""Documents: parsed and validated once for the same text, within limits."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document
from strawberry.types.graphql import OperationType

MAX_TOKENS = 1000
MAX_KEPT = 512
"""How many documents are kept; the one that was not used for longest goes."""


@dataclass(slots=True)
class _Known:
    document: DocumentNode
    operations: int
    errors: list[GraphQLError] | None = None


class DocumentCache:
    """The documents of one schema by their texts. Validation asks for the schema and these rules alone, never for variables."""

    def __init__(self, rules: Sequence[type[ASTValidationRule]] = ()) -> None:
        self.rules = tuple(rules)
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def parsed(self, text: str) -> _Known:
        """The document of a text; raises GraphQLError for a syntax error and for too many tokens."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return known
        document = parse(text, max_tokens=MAX_TOKENS)
        operations = sum(isinstance(node, OperationDefinitionNode) for node in document.definitions)
        known = self._known[text] = _Known(document, operations)
        if len(self._known) > MAX_KEPT:
            self._known.popitem(last=False)
        return known

    def operation_type(self, text: str | None, name: str | None) -> OperationType | None:
        """What the operation that is meant does; None where that cannot be told, which those who execute it will say."""
        try:
            document = self.parsed(text or "").document
        except GraphQLError:
            return None
        operation = get_operation_ast(document, name)
        return OperationType(operation.operation.value) if operation is not None else None


class Documents(SchemaExtension):
    """One extension for what is known of a document beforehand: Strawberry asks each of its extensions at every step of every request."""

    def __init__(self, cache: DocumentCache) -> None:
        self._cache = cache
        self._known: _Known | None = None

    def on_parse(self) -> Iterator[None]:
        """Parse, or know the text already."""
        if self.execution_context.query:
            self._known = self._cache.parsed(self.execution_context.query)
            self.execution_context.graphql_document = self._known.document
        yield

    def on_validate(self) -> Iterator[None]:
        """Validate, or know the outcome already. Several operations and no name is an error, never "the first one" (GraphQL spec, 6.1)."""
        execution, known = self.execution_context, self._known
        if known is None:
            yield
            return
        if known.errors is None:
            known.errors = validate_document(
                execution.schema._schema, known.document, execution.validation_rules + self._cache.rules
            )
        execution.pre_execution_errors = known.errors
        if known.operations > 1 and not execution._provided_operation_name:
            message = "The document has several operations: say which one in operationName."
            error = GraphQLError(message, extensions={"code": "OPERATION_RESOLUTION_FAILURE"})
            execution.pre_execution_errors = [error]
        yield
