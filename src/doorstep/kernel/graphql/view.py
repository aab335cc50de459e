"""GraphQL over HTTP and over WebSocket, to the letter of the specs.

Strawberry's ASGI view does the work; this subclass mends what its stock form answers differently from GraphQL over HTTP (media type, 400
without ``data``, 405 with ``Allow``, JSON for every error) and from graphql-transport-ws (malformed messages close with 4400, ``pong`` repeats
the payload, queries and mutations are refused, since over a socket they would slip past the limits of HTTP).
"""

import asyncio
import json
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError, MissingQueryError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData, process_result
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions.protocols.graphql_transport_ws import handlers
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UnsetType
from strawberry.utils.aio import aclosing

from doorstep.kernel.errors import RateLimited, RequestError, TimedOut, Unauthenticated, Unavailable
from doorstep.kernel.graphql.attempts import Authenticate, FailedAttempts
from doorstep.kernel.graphql.context import Context, Services
from doorstep.kernel.graphql.faults import code_of_refusal, internal_error, public_error, public_errors
from doorstep.kernel.graphql.headers import RESPONSE_JSON, bearer_token, prefers_response_json
from doorstep.kernel.graphql.sessions import Session, Sessions
from doorstep.kernel.graphql.sockets import QUOTA_CLOSE_CODE, OpenSockets, TooManySockets
from doorstep.kernel.metrics import REQUEST_SECONDS, REQUESTS, SOCKETS
from doorstep.kernel.scope import Principal

OPERATION_SECONDS = 10.0
MAX_QUERY_BYTES = 16_384
MAX_SUBSCRIPTIONS_PER_SOCKET = 20
INIT_SECONDS = 5.0
TRY_AGAIN_LATER = 1013
TOO_MANY_REQUESTS = 4429

_NO_ACK_PAYLOAD = UnsetType()


class GraphQLView(GraphQL[Context, None]):
    """The one GraphQL endpoint: POST and GET for queries, POST for mutations, WebSocket for subscriptions."""

    def __init__(
        self, schema: Any, services: Services, authenticate: Authenticate, *, allowed_origins: tuple[str, ...] = ()
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=("graphql-transport-ws",),
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            max_subscriptions_per_connection=MAX_SUBSCRIPTIONS_PER_SOCKET,
            allowed_origins=allowed_origins,
        )
        self.services = services
        self.authenticate = authenticate
        self.sessions = Sessions(authenticate)
        self.attempts = FailedAttempts()
        self.open_sockets = OpenSockets()
        self.graphql_transport_ws_handler_class = SocketHandler
        self.websocket_adapter_class = SocketAdapter

    def decode_json(self, data: str | bytes) -> object:
        """Strict JSON (no NaN, no lone surrogates)."""
        return orjson.loads(data)

    def encode_json(self, data: object) -> bytes:
        """Bytes, for HTTP; sockets encode text frames themselves."""
        return orjson.dumps(data)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] != "http":
            with SOCKETS.track_inprogress():
                await super().__call__(scope, receive, send)
            return
        started = time.perf_counter()
        request = Request(scope, receive)
        response = await self._respond(request)
        response.headers["cache-control"] = "private, no-store"
        response.headers["vary"] = "Authorization, Accept"
        response.headers["x-request-id"] = request.state.request_id
        REQUESTS.labels(status=str(response.status_code)).inc()
        await response(scope, receive, send)
        REQUEST_SECONDS.observe(time.perf_counter() - started)

    async def _respond(self, request: Request) -> Response:
        request.state.request_id = uuid4().hex
        try:
            response: Response = await self.run(request)
        except HTTPException as refusal:
            headers = {"allow": getattr(refusal, "allow", "GET, POST")} if refusal.status_code == 405 else {}
            return self._refusal(
                request, refusal.status_code, refusal.reason, {"code": code_of_refusal(refusal)}, headers
            )
        except RequestError as refusal:
            status, headers = _as_http(refusal)
            return self._refusal(
                request, status, refusal.message, {"code": refusal.code, **refusal.extensions}, headers
            )
        except Exception as error:  # noqa: BLE001 - logged under a reference
            fault = internal_error(error)
            return self._refusal(request, 500, fault.message, fault.extensions or {}, {})
        if response.headers.get("content-type", "").startswith("application/json") and prefers_response_json(request):
            response.headers["content-type"] = f"{RESPONSE_JSON}; charset=utf-8"
            if getattr(request.state, "request_error", False):
                response.status_code = 400
        return response

    @staticmethod
    def _refusal(
        request: Request, status: int, message: str, extensions: Mapping[str, object], headers: Mapping[str, str]
    ) -> Response:
        body = orjson.dumps({"errors": [{"message": message, "extensions": extensions}]})
        media = RESPONSE_JSON if prefers_response_json(request) else "application/json"
        return Response(body, status, headers, media_type=media)

    async def _let_in(self, token: str, address: str) -> Principal:
        return await self.attempts.let_in(address, token, self.authenticate)

    async def get_context(self, request: Request | WebSocket, response: Any) -> Context:
        """Authenticate before anything is parsed."""
        token = bearer_token(request)
        address = request.client.host if request.client else ""
        principal = await self._let_in(token, address) if token is not None and isinstance(request, Request) else None
        context = Context(self.services, principal, getattr(request.state, "request_id", uuid4().hex), address or None)
        if isinstance(request, WebSocket):
            context.handshake_token = token
        return context

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """The credential comes in ``connection_init``'s payload as ``Authorization``, or in the handshake's header."""
        params = context.connection_params
        text = params.get("Authorization") or params.get("authorization") or ""
        scheme, _, token = text.partition(" ") if isinstance(text, str) else ("", "", "")
        if scheme.lower() != "bearer" or not token:
            token = context.handshake_token or ""
        if token:
            try:
                principal = await self._let_in(token.strip(), context.address or "")
                context.leave = self.open_sockets.enter(principal)
                context.adopt(principal)
                context.credential = token.strip()
            except (Unavailable, RateLimited):
                raise
            except RequestError as error:
                raise ConnectionRejectionError from error
        return _NO_ACK_PAYLOAD

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData | list[GraphQLRequestData]:
        """Only JSON objects; anything else is a 400 in JSON."""
        if request.method == "POST":
            raw = await request.get_body()
            if "application/json" in (request.content_type or "") and raw[:64].lstrip()[:1] not in (b"{", b"["):
                raise HTTPException(400, "The request body must be a JSON object")
        try:
            data = await super().parse_http_body(request)
        except (orjson.JSONDecodeError, json.JSONDecodeError, RecursionError, UnicodeDecodeError) as error:
            raise HTTPException(400, "Unable to parse request body as JSON") from error
        if not isinstance(data, list) and data.query and len(data.query) > MAX_QUERY_BYTES:
            raise HTTPException(413, f"A document is at most {MAX_QUERY_BYTES} bytes; put values into variables")
        return data

    async def execute_single(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """Execute a query or mutation within the operation's deadline; subscriptions need a socket."""
        allowed = OperationType.from_http(request_adapter.method) - {OperationType.SUBSCRIPTION}
        try:
            async with asyncio.timeout(OPERATION_SECONDS):
                result: ExecutionResult = await self.schema.execute(
                    request_data.query,
                    root_value=root_value,
                    variable_values=request_data.variables,
                    context_value=context,
                    operation_name=request_data.operation_name,
                    allowed_operation_types=allowed,
                    operation_extensions=request_data.extensions,
                )
                return result
        except TimeoutError as error:
            stopped = TimedOut("The operation took longer than 10 s and was stopped. Ask for less at a time.")
            stopped.__cause__ = error
            return ExecutionResult(data=None, errors=[GraphQLError(stopped.message, original_error=stopped)])
        except CannotGetOperationTypeError as error:
            raise HTTPException(400, error.as_http_error_reason()) from error
        except InvalidOperationTypeError as error:
            is_mutation = error.operation_type is OperationType.MUTATION
            refusal = HTTPException(405 if is_mutation else 400, _wrong_transport(error.operation_type))
            refusal.allow = "POST"  # type: ignore[attr-defined]
            raise refusal from error
        except MissingQueryError as error:
            raise HTTPException(400, "No GraphQL query found in the request") from error
        finally:
            await context.close()

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Errors with their codes; a request error has no ``data`` at all."""
        if result.errors:
            result.errors = list(public_errors(result))
        data = process_result(result)
        if result.data is None and result.errors and all(error.path is None for error in result.errors):
            data.pop("data", None)
            request.state.request_error = True
        return data


def _as_http(refusal: RequestError) -> tuple[int, dict[str, str]]:
    """Status and headers of a refusal before anything was parsed."""
    if isinstance(refusal, RateLimited):
        return 429, {"retry-after": str(math.ceil(refusal.seconds))}
    if isinstance(refusal, Unauthenticated):
        return 401, {"www-authenticate": "Bearer"}
    return {"FORBIDDEN": 403, "UNAVAILABLE": 503}.get(refusal.code, 400), {}


def _wrong_transport(kind: OperationType) -> str:
    if kind is OperationType.SUBSCRIPTION:
        return "Subscriptions need a WebSocket with the subprotocol graphql-transport-ws"
    return "Mutations need POST"


class SocketAdapter(ASGIWebSocketAdapter):
    """Text frames by orjson, and a client that left is no error."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send one message."""
        try:
            await self.ws.send_text(orjson.dumps(message).decode())
        except (RuntimeError, OSError, WebSocketDisconnect) as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """Close with a reason that fits a close frame."""
        try:
            await self.ws.close(code=code, reason=reason.encode()[:120].decode(errors="ignore"))
        except (RuntimeError, OSError, WebSocketDisconnect) as error:
            raise WebSocketDisconnected from error


def _is_object(value: object) -> bool:
    return value is None or isinstance(value, dict)


def _well_formed(message: object) -> bool:
    """Whether a message has the shape that the protocol demands of its type."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    kind, payload = message["type"], message.get("payload")
    if kind in {"ping", "pong", "connection_init"}:
        return _is_object(payload)
    if kind == "complete":
        return isinstance(message.get("id"), str)
    if kind == "subscribe":
        return (
            isinstance(message.get("id"), str)
            and bool(message["id"])
            and isinstance(payload, dict)
            and isinstance(payload.get("query"), str)
            and _is_object(payload.get("variables"))
            and _is_object(payload.get("extensions"))
            and isinstance(payload.get("operationName"), str | None)
        )
    return True


class SocketHandler(handlers.BaseGraphQLTransportWSHandler[Context, None]):
    """graphql-transport-ws, strict; each subscription has a context of its own."""

    session: Session | None = None

    async def handle_connection_init(self, message: Any) -> None:
        """Watch over the credential for as long as the socket is open."""
        await super().handle_connection_init(message)
        principal = self.context.principal_or_none
        if self.connection_acknowledged and self.session is None and principal is not None:
            self.session = Session(self.context.credential or "", principal, self._close)
            self._sessions.add(self.session)

    @property
    def _sessions(self) -> Sessions:
        return cast(GraphQLView, self.view).sessions

    async def _close(self, code: int, reason: str) -> None:
        with suppress(WebSocketDisconnected):
            await self.websocket.close(code=code, reason=reason)

    async def shutdown(self) -> None:
        """Forget the credential with the socket, which counts no longer."""
        if self.session is not None:
            self._sessions.drop(self.session)
        if self.context.leave is not None:
            self.context.leave()
        await super().shutdown()

    async def handle_message(self, message: Any) -> None:
        """Refuse malformed messages with 4400 before Strawberry trips over them."""
        if not _well_formed(message):
            await self.handle_invalid_message("Invalid message")
        elif message["type"] == "ping" and message.get("payload") is not None:
            await self.send_message({"type": "pong", "payload": message["payload"]})
        else:
            if message["type"] == "connection_init" and message.get("payload") is None:
                message = {"type": "connection_init"}
            try:
                await super().handle_message(message)
            except Unavailable:
                # Not 4403: whether the key is good could not be asked, and clients take a refusal for final.
                await self.websocket.close(TRY_AGAIN_LATER, "Try again later")
            except RateLimited as refusal:
                await self.websocket.close(TOO_MANY_REQUESTS, refusal.message)
            except TooManySockets as refusal:
                await self.websocket.close(QUOTA_CLOSE_CODE, str(refusal))

    async def run_operation(self, operation: handlers.Operation[Context, None]) -> None:
        """Run one subscription to its end."""
        context = self.context.fork()
        try:
            source = await self.schema.stream(
                operation.query,
                variable_values=operation.variables,
                context_value=context,
                root_value=None,
                operation_name=operation.operation_name,
                allowed_operation_types={OperationType.SUBSCRIPTION},
            )
            async with aclosing(source):
                await self._send_results(operation, source, context)
        except (CannotGetOperationTypeError, InvalidOperationTypeError):
            error = GraphQLError(
                "Only subscriptions run over a socket: send queries and mutations by HTTP.",
                extensions={"code": "OPERATION_RESOLUTION_FAILURE"},
            )
            await operation.send_initial_errors([error])
        except GraphQLError as error:
            await operation.send_initial_errors([public_error(error, before_execution=True)])
        except WebSocketDisconnected:
            pass
        except Exception as error:  # noqa: BLE001 - logged under a reference
            await operation.send_initial_errors([internal_error(error)])
        finally:
            await context.close()

    async def _send_results(self, operation: handlers.Operation[Context, None], source: Any, context: Context) -> None:
        async for result in source:
            errors = list(public_errors(result)) if result.errors else None
            # The snapshot is closed before the send: a reader that stalls must not hold a transaction open.
            await context.finish()
            if errors and (isinstance(result, PreExecutionError) or result.data is None):
                await operation.send_initial_errors(errors)
                return
            result.errors = errors
            await operation.send_next(result)
        await operation.send_operation_message({"id": operation.id, "type": "complete"})
