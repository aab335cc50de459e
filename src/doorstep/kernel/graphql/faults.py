"""What an error looks like to a client: a code always, our own bugs masked with a reference.

The codes for input faults are those that GraphQL tools already understand (GRAPHQL_PARSE_FAILED, GRAPHQL_VALIDATION_FAILED, BAD_USER_INPUT,
OPERATION_RESOLUTION_FAILURE). Client errors are not logged with their text, which can hold personal data.
"""

import re
from collections.abc import Sequence
from uuid import uuid4

import structlog
from graphql import FieldNode, GraphQLError, GraphQLSyntaxError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError

from doorstep.kernel.errors import DoorstepError, RequestError
from doorstep.kernel.metrics import ERRORS

log = structlog.get_logger(__name__)

MOST_CHARACTERS = 1_000
"""Of a message about a document or its variables."""

ONLY_SUBSCRIPTIONS = "Only subscriptions run over a socket: send queries and mutations by HTTP."


def _root_cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _with(error: GraphQLError, message: str, code: str, **extensions: object) -> GraphQLError:
    return GraphQLError(
        message, nodes=error.nodes, source=error.source, positions=error.positions, path=error.path,
        extensions={"code": code, **extensions},
    )  # fmt: skip


def public_error(error: GraphQLError, *, before_execution: bool) -> GraphQLError:
    """The error as clients see it."""
    cause = _root_cause(error)
    if isinstance(cause, RequestError):
        return _with(error, cause.message, cause.code, **cause.extensions)
    if isinstance(cause, DoorstepError):
        return _with(error, cause.message, "BAD_USER_INPUT", problem=cause.code.value)
    if isinstance(cause, CannotGetOperationTypeError):
        return _with(error, error.message, "OPERATION_RESOLUTION_FAILURE")
    if isinstance(cause, InvalidOperationTypeError):
        return _with(error, ONLY_SUBSCRIPTIONS, "OPERATION_RESOLUTION_FAILURE")
    if error.extensions and "code" in error.extensions:
        return error
    if isinstance(error, GraphQLSyntaxError):
        return _with(error, error.message, "GRAPHQL_PARSE_FAILED")
    if before_execution:
        return _with(error, _in_our_words(error.message), "GRAPHQL_VALIDATION_FAILED")
    if cause is None or (error.path is None and isinstance(cause, ValueError | TypeError | OverflowError)):
        return _with(error, _in_our_words(error.message), "BAD_USER_INPUT")
    return _mask(error, cause)


_NOT_NULL = re.compile(r"(?:Field of type|(?P<what>Argument|Field) '(?P<name>\w+)' of type) 'Maybe\[")


def _in_our_words(message: str) -> str:
    """Strawberry explains a null where a value is meant by its Python types; a client knows GraphQL's.

    A value that is wrong is told back, however long it is, and again with each of its faults: that is cut.
    """
    found = _NOT_NULL.search(message)
    if found is None:
        return message if len(message) <= MOST_CHARACTERS else f"{message[:MOST_CHARACTERS]}…"
    name = f"'{found['name']}'" if found["name"] else "A field of this patch"
    return f"{name} may be left out, to stay as it is, but it cannot be null."


def _mask(error: GraphQLError, cause: BaseException) -> GraphQLError:
    masked = internal_error(cause, field=_field_of(error))
    return GraphQLError(
        masked.message, nodes=error.nodes, source=error.source, positions=error.positions, path=error.path,
        extensions=masked.extensions,
    )  # fmt: skip


def _field_of(error: GraphQLError) -> str | None:
    """The field's name in the schema; the path has the client's aliases in it."""
    node = error.nodes[0] if error.nodes else None
    return node.name.value if isinstance(node, FieldNode) else None


def internal_error(cause: BaseException, *, field: str | None = None) -> GraphQLError:
    """A fault of ours as clients see it: no more than a reference, under which the log has the cause."""
    reference = uuid4().hex[:12]
    log.error("internal_error", reference=reference, field=field, exc_info=cause)
    return GraphQLError("Something went wrong on our side.", extensions={"code": "INTERNAL", "reference": reference})


def public_errors(result: ExecutionResult, *, sound: bool = False) -> Sequence[GraphQLError]:
    """All errors of a result as clients see them, counted by code. The document is ``sound``: then its variables are at fault before execution."""
    before = isinstance(result, PreExecutionError) and not sound
    shown = [public_error(error, before_execution=before) for error in result.errors or ()]
    for error in shown:
        ERRORS.labels(code=str((error.extensions or {}).get("code", "INTERNAL"))).inc()
    return shown
