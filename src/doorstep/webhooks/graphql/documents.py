"""What a document must be to be a payload: one subscription to ``events``, valid, without variables, and cheap, since nobody pays for it by points."""

from graphql import DocumentNode, FieldNode, GraphQLError, OperationDefinitionNode, OperationType

from doorstep.kernel.graphql.bodies import MAX_QUERY_BYTES
from doorstep.kernel.graphql.documents import DocumentCache
from doorstep.webhooks.errors import DocumentRefused

MOST_POINTS = 500
"""What a document may cost for each event that is delivered."""


def check_document(known: DocumentCache, text: str) -> str:
    """The document, if it can be a payload; raises DocumentRefused."""
    if len(text.encode()) > MAX_QUERY_BYTES:
        raise DocumentRefused(f"A document is at most {MAX_QUERY_BYTES:,} bytes.")
    try:
        parsed = known.parsed(text)
    except GraphQLError as error:
        raise DocumentRefused(f"The document is not valid: {error.message}") from error
    _check_shape(parsed.document)
    errors = known.validated(parsed)
    if errors:
        raise DocumentRefused(f"The document is not valid: {errors[0].message}")
    costing = known.costing(text, None)
    points = costing.requested(None) if costing is not None else MOST_POINTS + 1
    if points > MOST_POINTS:
        raise DocumentRefused(
            f"The document may cost {min(points, 10**15):,} points for each event; at most {MOST_POINTS:,} are allowed. Ask for less."
        )
    return text


def _check_shape(document: DocumentNode) -> None:
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation is not OperationType.SUBSCRIPTION:
        raise DocumentRefused("Give one subscription, such as `subscription { events { event { id } } }`.")
    operation = operations[0]
    if operation.variable_definitions:
        raise DocumentRefused("A payload has no variables: nobody is there to give their values.")
    fields = operation.selection_set.selections
    if len(fields) != 1 or not isinstance(fields[0], FieldNode) or fields[0].name.value != "events":
        raise DocumentRefused("A payload asks for the field `events` of Subscription, directly.")
    if fields[0].arguments:
        raise DocumentRefused("Leave the arguments of `events` out: the endpoint's `eventTypes` say which events.")
    if operation.directives or fields[0].directives:
        raise DocumentRefused("Leave directives of the operation and of `events` out.")
