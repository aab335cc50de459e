"""A subscription's results, the same for every transport: public errors, as text, and no transaction held between two."""

from collections.abc import AsyncGenerator, Hashable
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.utils.aio import aclosing

from doorstep.kernel.errors import RequestError
from doorstep.kernel.event_stream import LogPosition, decode_cursor
from doorstep.kernel.graphql.answers import error_of, result_body, result_of
from doorstep.kernel.graphql.bodies import Asked
from doorstep.kernel.graphql.context import Context
from doorstep.kernel.graphql.faults import internal_error, public_error, public_errors


@dataclass(frozen=True, slots=True)
class Message:
    """One result: its JSON, and where it stands."""

    body: str
    cursor: str | None = None
    """Where to resume after it, in a stream of the event log."""

    place: LogPosition | None = None
    """The same, to compare."""

    key: Hashable = None
    """Which object it is about, in a stream of newest states."""

    errors: tuple[GraphQLError, ...] = ()
    """Of a subscription that did not come about, or that ended by its own fault: it is the last one."""

    @property
    def failed(self) -> bool:
        """Whether nothing follows."""
        return bool(self.errors)


def failure(error: GraphQLError) -> Message:
    """The message of a subscription that comes to nothing."""
    return message_of(result_of(error))


def refused(refusal: RequestError) -> Message:
    """The same, for one that is refused."""
    return failure(error_of(refusal))


def message_of(result: ExecutionResult, context: Context | None = None) -> Message:
    """A result whose errors are public; ``context`` knows where it stands."""
    failed = bool(result.errors) and (isinstance(result, PreExecutionError) or result.data is None)
    body = orjson.dumps(result_body(result)).decode()
    if context is None or failed:
        return Message(body, errors=tuple(result.errors or ()) if failed else ())
    cursor = context.resume_at
    place = decode_cursor(context.tenant_id, cursor) if cursor is not None else None
    return Message(body, cursor, place, context.item_key)


async def executed(schema: Any, context: Context, asked: Asked) -> AsyncGenerator[Message, None]:
    """Execute a subscription: every result; a failed one is the last. Never raises, and closes the context."""
    try:
        source = await schema.stream(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            root_value=None,
            operation_name=asked.operation_name,
            allowed_operation_types={OperationType.SUBSCRIPTION},
        )
        async with aclosing(source):
            async for result in source:
                # The snapshot is closed before anything is sent: a reader that stalls must not hold a transaction open.
                await context.finish()
                if result.errors:
                    result.errors = list(public_errors(result, sound=schema.documents.is_sound(asked.query)))
                message = message_of(result, context)
                yield message
                if message.failed:
                    return
    except RequestError as refusal:
        yield refused(refusal)
    except GraphQLError as error:
        yield failure(public_error(error, before_execution=True))
    except Exception as error:  # noqa: BLE001 - logged under a reference
        yield failure(internal_error(error))
    finally:
        context.rounds.end()
        await context.close()
