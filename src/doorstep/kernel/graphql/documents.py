"""Documents: parsed and validated once for the same text, within limits."""

import re
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    Source,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.graphql import OperationType

from doorstep.kernel.graphql.costs import Costing
from doorstep.kernel.graphql.limits import CODE, circles, limit_errors
from doorstep.kernel.graphql.prices import Prices, prices_of

MAX_TOKENS = 1000
MAX_KEPT = 512
"""How many documents are kept; the one that was not used for longest goes."""

MAX_ERRORS = 20
"""Of one document; nobody reads more, and each is looked up in the text and written into the answer."""

RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
"""What Strawberry validates by."""

_GIVEN_UP = "Parsing aborted."

_IGNORED = r"[\ufeff \t\n\r,]*+"
_LEXEME = r"""(?>\#[^\n\r]*|[_A-Za-z][_0-9A-Za-z]*|[!$&():=@\[\]{|}]|\.{3}|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|"{3}(?:\\"{3}|(?!"{3}).)*+"{3}|"(?!"")(?:\\[^\n\r]|[^"\\\n\r])*+")"""
_MANY_TOKENS = re.compile(f"(?:{_IGNORED}{_LEXEME}){{{MAX_TOKENS}}}+{_IGNORED}(?P<next>{_LEXEME})", re.DOTALL)
"""A text that has more tokens than may be, comments among them, is known by this in a tenth of a millisecond: to parse up to the last takes three.
What is no token is left to the parser, which says so better."""


@dataclass(slots=True)
class _Known:
    document: DocumentNode
    operations: int
    errors: list[GraphQLError] | None = None
    costings: dict[str | None, Costing] = field(default_factory=dict)


def _read(text: str) -> _Known | GraphQLError:
    """A document, or what is wrong with its text, which is remembered as well: nobody reads the same text twice."""
    if many := _MANY_TOKENS.match(text):
        return _too_long(Source(text), [many.start("next")])
    try:
        document = parse(text, max_tokens=MAX_TOKENS)
    except GraphQLError as error:
        return _too_long(error.source, error.positions) if error.message.endswith(_GIVEN_UP) else error
    return _Known(document, sum(isinstance(node, OperationDefinitionNode) for node in document.definitions))


def _too_long(source: Source | None, positions: Collection[int] | None) -> GraphQLError:
    """There may be nothing wrong with the text but its size, from these positions on."""
    return GraphQLError(
        f"The document has more than {MAX_TOKENS:,} tokens, or is nested too deeply. Put values into variables, or send several requests.",
        source=source,
        positions=positions,
        extensions={"code": CODE},
    )


class DocumentCache:
    """The documents of one schema by their texts. Validation asks for the schema and these rules alone, never for variables."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known | GraphQLError] = OrderedDict()
        self._schema: GraphQLSchema | None = None
        self.prices = Prices()

    def of_schema(self, schema: GraphQLSchema) -> None:
        """Say which schema they are documents of, once it is built."""
        self._schema = schema
        self.prices = prices_of(schema)

    def parsed(self, text: str) -> _Known:
        """The document of a text; raises GraphQLError for a syntax error and for too many tokens."""
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = _read(text)
            if len(self._known) > MAX_KEPT:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(text)
        if isinstance(known, GraphQLError):
            raise known.with_traceback(None)
        return known

    def validated(self, known: _Known) -> list[GraphQLError]:
        """What is wrong with a document."""
        if known.errors is None:
            # The limits first: other rules take long over what they refuse.
            schema = self._built()
            known.errors = (
                limit_errors(known.document)
                or circles(known.document)
                or validate(schema, known.document, RULES, max_errors=MAX_ERRORS)
            )
        return known.errors

    def is_sound(self, text: str | None) -> bool:
        """Whether a text can be parsed and is valid."""
        try:
            return not self.validated(self.parsed(text or ""))
        except GraphQLError:
            return False

    def costing(self, text: str, name: str | None) -> Costing | None:
        """The costs of the operation that is meant; None where nothing will be executed. Raises GraphQLError for a syntax error."""
        known = self.parsed(text)
        costing = known.costings.get(name)
        if costing is not None or self.validated(known):
            return costing
        operation = get_operation_ast(known.document, name)
        if operation is None:
            return None
        costing = known.costings[name] = Costing(self._built(), self.prices, known.document, operation)
        return costing

    def _built(self) -> GraphQLSchema:
        if self._schema is None:
            raise LookupError("the schema of these documents is not built yet")
        return self._schema

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
        execution.pre_execution_errors = self._cache.validated(known)
        if known.operations > 1 and not execution._provided_operation_name:
            message = "The document has several operations: say which one in operationName."
            error = GraphQLError(message, extensions={"code": "OPERATION_RESOLUTION_FAILURE"})
            execution.pre_execution_errors = [error]
        yield
