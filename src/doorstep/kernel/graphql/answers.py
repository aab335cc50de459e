"""Answers over HTTP: refusals as JSON with their status, results with the media type that the client asked for."""

import math
from collections.abc import Mapping
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from strawberry.types import ExecutionResult

from doorstep.kernel.errors import Forbidden, RateLimited, RequestError, Unauthenticated, Unavailable
from doorstep.kernel.graphql.bodies import NotAllowed, TooLarge, WrongMedia
from doorstep.kernel.graphql.headers import RESPONSE_JSON, prefers_response_json

_STATUS: tuple[tuple[type[RequestError], int], ...] = (
    (NotAllowed, 405),
    (TooLarge, 413),
    (WrongMedia, 415),
    (RateLimited, 429),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (Unavailable, 503),
)

_STATUS_OF_CODE = {"INTERNAL": 500, "UNAVAILABLE": 503, "TIMEOUT": 504}
"""Of results without any data that are no fault of the client's."""


def refusal_answer(request: Request, refusal: RequestError) -> Response:
    """A request that was not executed."""
    status = next((status for kind, status in _STATUS if isinstance(refusal, kind)), 400)
    return fault_answer(request, status, refusal.message, {"code": refusal.code, **refusal.extensions}, _hints(refusal))


def _hints(refusal: RequestError) -> dict[str, str]:
    if isinstance(refusal, NotAllowed):
        return {"allow": refusal.allow}
    if isinstance(refusal, RateLimited):
        return {"retry-after": str(math.ceil(refusal.seconds))}
    return {"www-authenticate": "Bearer"} if isinstance(refusal, Unauthenticated) else {}


def fault_answer(
    request: Request, status: int, message: str, extensions: Mapping[str, object], headers: Mapping[str, str]
) -> Response:
    """One error and no data."""
    body = orjson.dumps({"errors": [{"message": message, "extensions": extensions}]})
    media = RESPONSE_JSON if prefers_response_json(request) else "application/json"
    return Response(body, status, dict(headers), media_type=media)


def result_body(result: ExecutionResult) -> dict[str, Any]:
    """A result whose errors are public as JSON; a request error, which nothing was executed for, has no ``data`` at all."""
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
        if is_request_error(result):
            del body["data"]
    if result.extensions:
        body["extensions"] = result.extensions
    return body


def is_request_error(result: ExecutionResult) -> bool:
    """Whether the document or its variables were at fault, so that nothing was executed."""
    return result.data is None and bool(result.errors) and all(error.path is None for error in result.errors or ())


def result_answer(request: Request, result: ExecutionResult, headers: Mapping[str, str]) -> Response:
    """A result whose errors are public."""
    status, media = 200, "application/json"
    if prefers_response_json(request):
        media = f"{RESPONSE_JSON}; charset=utf-8"
        if is_request_error(result):
            codes = [(error.extensions or {}).get("code") for error in result.errors or ()]
            status = next((_STATUS_OF_CODE[str(code)] for code in codes if code in _STATUS_OF_CODE), 400)
    return Response(orjson.dumps(result_body(result)), status, dict(headers), media_type=media)


def result_of(error: GraphQLError) -> ExecutionResult:
    """A result that is this one error."""
    return ExecutionResult(data=None, errors=[error])


def error_of(refusal: RequestError) -> GraphQLError:
    """A refusal as a GraphQL error."""
    return GraphQLError(refusal.message, extensions={"code": refusal.code, **refusal.extensions})
