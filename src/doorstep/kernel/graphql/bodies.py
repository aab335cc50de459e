"""What a request over HTTP asks: method, media type, size and shape are checked here, before anything is parsed as GraphQL.

Everything that is no request is refused as JSON with the status that GraphQL over HTTP names (``answers``), however it is broken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from doorstep.kernel.errors import BadUserInput, RequestError, TooComplex

MAX_BODY_BYTES = 4 * 1024 * 1024
"""1,000 orders with pickups, packages and windows are about 2 MB."""

MAX_STRANGERS_BYTES = 64 * 1024
"""Without a credential: there is nothing large to say, and to read 4 MB of variables takes a second in which nobody else is served."""

MAX_QUERY_BYTES = 16_384


class NotAllowed(RequestError):
    """The method cannot carry this; ``allow`` is what can."""

    code = "OPERATION_RESOLUTION_FAILURE"

    def __init__(self, message: str, allow: str) -> None:
        super().__init__(message)
        self.allow = allow


class TooLarge(TooComplex):
    """The body, or the document in it, is larger than it may be."""


class WrongMedia(BadUserInput):
    """The body is of a media type that nothing here reads."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request's operation: its text, or the id of one that was registered (``persisted``)."""

    query: str | None
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None
    by_get: bool
    document_id: str | None = None


def strict_json(text: str | bytes) -> object:
    """The value of a JSON text: no NaN, no lone surrogates, no second value behind the first. Raises ValueError."""
    return orjson.loads(text)


async def read_request(request: Request, *, known: bool = True) -> Asked:
    """What is asked, by somebody who is ``known`` by a credential or not; raises NotAllowed, WrongMedia, TooLarge and BadUserInput."""
    if request.method == "GET":
        return _checked(_of_url(request), by_get=True)
    if request.method != "POST":
        raise NotAllowed("GraphQL is asked by POST, and queries by GET, too.", "GET, POST")
    media, _, parameters = request.headers.get("content-type", "").partition(";")
    if media.strip().lower() != "application/json":
        raise WrongMedia("Send the request as JSON, with the content type application/json.")
    if "charset" in parameters.lower() and "utf-8" not in parameters.lower():
        raise WrongMedia("JSON is UTF-8: leave the charset out.")
    body = await _read(request, MAX_BODY_BYTES if known else MAX_STRANGERS_BYTES)
    return _checked(_object(body, "The request body"), by_get=False)


async def _read(request: Request, most: int) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise _too_large(most)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise _too_large(most)
    except ClientDisconnect as error:
        raise BadUserInput("The request ended before its body did.") from error
    return bytes(body)


def _too_large(most: int) -> TooLarge:
    without = "" if most == MAX_BODY_BYTES else " without a credential"
    return TooLarge(f"A request{without} is at most {most:,} bytes. Send it in several.")


def _of_url(request: Request) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        text = parameters.get(name)
        if text:
            parameters[name] = _object(text, f"The parameter {name}")
        else:
            parameters.pop(name, None)
    return parameters


def _object(text: str | bytes, what: str) -> dict[str, Any]:
    try:
        found = strict_json(text)
    except (ValueError, RecursionError) as error:
        raise BadUserInput(f"{what} is no JSON.") from error
    if not isinstance(found, dict):
        raise BadUserInput(f"{what} must be a JSON object.")
    return found


def _checked(found: Mapping[str, Any], *, by_get: bool) -> Asked:
    _expect(found, "query", str, "a string")
    _expect(found, "operationName", str, "a string")
    _expect(found, "variables", dict, "an object")
    _expect(found, "extensions", dict, "an object")
    query = found.get("query") or None
    if query is not None:
        check_size(query)
    _expect(found, "documentId", str, "a string")
    document_id = found.get("documentId") or None
    if (query is None) == (document_id is None):
        raise BadUserInput("A request has either a `query` or a `documentId`.")
    name = found.get("operationName") or None
    return Asked(query, found.get("variables"), name, found.get("extensions"), by_get, document_id)


def check_size(query: str) -> None:
    """Refuse a document that is too long, however it came; raises TooLarge."""
    if len(query.encode()) > MAX_QUERY_BYTES:
        raise TooLarge(f"A document is at most {MAX_QUERY_BYTES:,} bytes: put values into variables.")


def _expect(found: Mapping[str, Any], name: str, kind: type, words: str) -> None:
    if not isinstance(found.get(name), kind | None):
        raise BadUserInput(f"The request's `{name}` must be {words} or null.")
