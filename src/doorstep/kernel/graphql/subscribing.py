"""A subscription's results, the same for every transport: public errors, and no transaction held between two."""

from collections.abc import AsyncGenerator
from typing import Any

from graphql import GraphQLError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.utils.aio import aclosing

from doorstep.kernel.errors import RequestError
from doorstep.kernel.graphql.answers import error_of, result_of
from doorstep.kernel.graphql.bodies import Asked
from doorstep.kernel.graphql.context import Context
from doorstep.kernel.graphql.faults import internal_error, public_error, public_errors
from doorstep.kernel.graphql.tolls import Tolls


async def subscribe(schema: Any, tolls: Tolls, context: Context, asked: Asked) -> AsyncGenerator[ExecutionResult, None]:
    """Every result of a subscription; a failed one (``failed``) is the last. Never raises, and closes the context.

    It is charged once, for its first result: later ones come when something happened, and not because somebody asks.
    """
    try:
        toll = await tolls.enter(context, asked)
        toll.spend(None)
        asked = toll.asked
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
                result.errors = list(public_errors(result)) if result.errors else None
                yield result
                if failed(result):
                    return
    except RequestError as refusal:
        yield result_of(error_of(refusal))
    except GraphQLError as error:
        yield result_of(public_error(error, before_execution=True))
    except Exception as error:  # noqa: BLE001 - logged under a reference
        yield result_of(internal_error(error))
    finally:
        await context.close()


def failed(result: ExecutionResult) -> bool:
    """Whether the subscription did not come about, or ended by its own fault."""
    return bool(result.errors) and (isinstance(result, PreExecutionError) or result.data is None)
