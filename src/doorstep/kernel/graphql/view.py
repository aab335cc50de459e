"""The one GraphQL endpoint, to the letter of the specs: over HTTP, as server-sent events, and over WebSocket.

A request goes through the same steps whatever carries it: who asks (``attempts``), what is asked (``bodies``), the answer (``answers``,
``sse``). Strawberry executes, and drives the sockets (``transport_ws``).
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from uuid import uuid4

from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UnsetType

from doorstep.kernel.errors import BadUserInput, RateLimited, RequestError, TimedOut, Unavailable
from doorstep.kernel.graphql.answers import (
    fault_answer,
    is_request_error,
    refusal_answer,
    result_answer,
    result_of,
)
from doorstep.kernel.graphql.attempts import Authenticate, FailedAttempts
from doorstep.kernel.graphql.bodies import Asked, NotAllowed, read_request, strict_json
from doorstep.kernel.graphql.context import Context, Services
from doorstep.kernel.graphql.documents import DocumentCache
from doorstep.kernel.graphql.faults import internal_error, public_errors
from doorstep.kernel.graphql.headers import bearer_token
from doorstep.kernel.graphql.origins import EXPOSED, Origins
from doorstep.kernel.graphql.persisted import PersistedDocuments
from doorstep.kernel.graphql.sessions import Foresee, Sessions
from doorstep.kernel.graphql.sharing import Followers, Message
from doorstep.kernel.graphql.sharing.messages import message_of, refused
from doorstep.kernel.graphql.sockets import OpenSockets, TooManySockets
from doorstep.kernel.graphql.sse import EventStream, OpenStreams, wants_events
from doorstep.kernel.graphql.tolls import Limits, Toll, Tolls
from doorstep.kernel.graphql.transport_ws import SocketAdapter, SocketHandler
from doorstep.kernel.metrics import REQUEST_SECONDS, REQUESTS, SOCKETS, STREAMS
from doorstep.kernel.points import Points
from doorstep.kernel.scope import Principal

MAX_SUBSCRIPTIONS_PER_SOCKET = 20
INIT_SECONDS = 5.0

_NO_ACK_PAYLOAD = UnsetType()


class GraphQLView(GraphQL[Context, None]):
    """POST and GET for queries, POST for mutations, WebSocket and server-sent events for subscriptions."""

    def __init__(
        self,
        schema: Any,
        services: Services,
        authenticate: Authenticate,
        *,
        limits: Limits,
        allowed_origins: tuple[str, ...] = (),
        foresee: Foresee | None = None,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=("graphql-transport-ws",),
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            max_subscriptions_per_connection=MAX_SUBSCRIPTIONS_PER_SOCKET,
            allowed_origins=("*",),  # ``origins`` is asked before
        )
        self.documents: DocumentCache = schema.documents
        self.persisted = PersistedDocuments(services.db)
        self.tolls = Tolls(self.documents, self.persisted, services.get(Points), limits)
        self.origins = Origins(services.system, allowed_origins)
        self.services = services
        self.authenticate = authenticate
        self.sessions = Sessions(authenticate, foresee)
        self.followers = Followers(schema, services, self.tolls, self.sessions)
        self.attempts = services.kept(FailedAttempts, FailedAttempts)
        self.open_sockets = OpenSockets(limits.most_sockets)
        self.streams = OpenStreams()
        services.offer(self.streams)
        services.offer(self.followers)
        self.graphql_transport_ws_handler_class = SocketHandler
        self.websocket_adapter_class = SocketAdapter

    def decode_json(self, data: str | bytes) -> object:
        """Strict JSON, for sockets; see ``bodies`` for HTTP."""
        return strict_json(data)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] != "http":
            with SOCKETS.track_inprogress():
                await self._serve_socket(scope, receive, send)
            return
        started = time.perf_counter()
        request = Request(scope, receive)
        request.state.request_id = uuid4().hex
        origin = self.origins.foreign(request)
        allowed = origin is not None and await self._may_read(origin)
        if origin is not None and request.method == "OPTIONS":
            response = self.origins.preflight(allowed=allowed)
        else:
            response = await self._respond(request, origin)
            response.headers["cache-control"] = "private, no-store"
        response.headers["vary"] = "Authorization, Accept, Origin"
        if origin is not None and allowed:
            response.headers["access-control-allow-origin"] = origin
            response.headers["access-control-expose-headers"] = EXPOSED
        response.headers["x-request-id"] = request.state.request_id
        REQUESTS.labels(status=str(response.status_code)).inc()
        if isinstance(response, EventStream):
            with STREAMS.track_inprogress():
                await response.serve(scope, receive, send, sessions=self.sessions, streams=self.streams)
            return
        await response(scope, receive, send)
        REQUEST_SECONDS.observe(time.perf_counter() - started)

    async def _serve_socket(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """A socket, unless it is a page's whose origin nobody allows, or brings two credentials."""
        socket = WebSocket(scope, receive, send)
        try:
            bearer_token(socket)
        except BadUserInput as refusal:
            await socket.send_denial_response(Response(refusal.message, 400, media_type="text/plain"))
            return
        origin = self.origins.foreign(socket)
        if origin is not None and not await self._may_read(origin):
            await self.reject_websocket(socket)
            return
        await super().__call__(scope, receive, send)

    async def _may_read(self, origin: str) -> bool:
        """Whether pages of an origin may read answers at all; what their own tenant does not allow is refused before, and that they may read."""
        try:
            return await self.origins.allowed_by_any(origin)
        except RequestError:
            return False

    async def _respond(self, request: Request, origin: str | None) -> Response:
        try:
            context = await self._enter(request)
            self.origins.check(context.principal_or_none, origin)
            asked = await read_request(request, known=context.principal_or_none is not None)
            if wants_events(request):
                return await self._stream(request, context, asked)
            toll = await self.tolls.enter(context, asked)
            result = await self._execute(context, toll)
            return result_answer(request, result, toll.headers())
        except RequestError as refusal:
            return refusal_answer(request, refusal)
        except Exception as error:  # noqa: BLE001 - logged under a reference
            fault = internal_error(error)
            return fault_answer(request, 500, fault.message, fault.extensions or {}, {})

    async def _enter(self, request: Request | WebSocket) -> Context:
        """The context of who asks, before anything is parsed."""
        token = bearer_token(request)
        address = request.client.host if request.client else ""
        principal = await self.let_in(token, address) if token is not None and isinstance(request, Request) else None
        context = Context(self.services, principal, getattr(request.state, "request_id", uuid4().hex), address or None)
        if isinstance(request, WebSocket):
            context.handshake_token = token
            context.origin = self.origins.foreign(request)
        else:
            context.credential = token
        return context

    async def let_in(self, token: str, address: str) -> Principal:
        """The principal of a credential that comes from an address."""
        return await self.attempts.let_in(address, token, self.authenticate)

    async def get_context(self, request: Request | WebSocket, response: Any) -> Context:
        """For Strawberry's side of a socket."""
        return await self._enter(request)

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """The credential comes in ``connection_init``'s payload as ``Authorization``, or in the handshake's header."""
        params = context.connection_params
        text = params.get("Authorization") or params.get("authorization") or ""
        scheme, _, token = text.partition(" ") if isinstance(text, str) else ("", "", "")
        if scheme.lower() != "bearer" or not token:
            token = context.handshake_token or ""
        if token:
            try:
                principal = await self.let_in(token.strip(), context.address or "")
                self.origins.check(principal, context.origin)
                context.leave = self.open_sockets.enter(principal)
                context.adopt(principal)
                context.credential = token.strip()
            except (Unavailable, RateLimited):
                raise
            except RequestError as error:
                raise ConnectionRejectionError from error
        else:
            context.leave = self.open_sockets.enter_stranger(context.address or "")
        return _NO_ACK_PAYLOAD

    async def _execute(self, context: Context, toll: Toll) -> ExecutionResult:
        """Execute a query or mutation within the operation's deadline; its errors are public ones."""
        asked = toll.asked
        seconds = self.tolls.limits.seconds
        result: ExecutionResult | None = None
        allowed = {OperationType.QUERY} if asked.by_get else {OperationType.QUERY, OperationType.MUTATION}
        try:
            async with asyncio.timeout(seconds):
                result = await self.schema.execute(
                    asked.query,
                    root_value=None,
                    variable_values=asked.variables,
                    context_value=context,
                    operation_name=asked.operation_name,
                    allowed_operation_types=allowed,
                    operation_extensions=asked.extensions,
                )
        except TimeoutError as error:
            stopped = TimedOut(f"The operation took longer than {seconds:g} s and was stopped. Ask for less at a time.")
            stopped.__cause__ = error
            result = result_of(GraphQLError(stopped.message, original_error=stopped))
        except CannotGetOperationTypeError as error:
            raise UnknownOperation(_no_operation(error.operation_name)) from error
        except InvalidOperationTypeError as error:
            raise _wrong_transport(error.operation_type) from error
        finally:
            toll.spend(result.data if result is not None else None)
            await context.close()
        if result.errors:
            result.errors = list(public_errors(result))
        if not is_request_error(result):
            result.extensions = {**(result.extensions or {}), "cost": toll.shown()}
        return result

    async def _stream(self, request: Request, context: Context, asked: Asked) -> EventStream:
        """The answer as a stream: a subscription's results, or the one result of a query or mutation."""
        meant = await self.persisted.find(
            context, asked
        )  # ``asked`` stays: the toll looks it up again, as for every other transport
        operation = self.documents.operation_type(meant.query, meant.operation_name)
        if operation is not OperationType.SUBSCRIPTION:
            return EventStream(self._once(context, asked), context)
        if (principal := context.principal_or_none) is not None:
            try:
                context.leave = self.open_sockets.enter(principal)
            except TooManySockets as error:
                raise RateLimited(str(error), seconds=1) from error
        context.resume_after = request.headers.get("last-event-id")
        return EventStream(self.followers.follow(context, asked), context)

    async def _once(self, context: Context, asked: Asked) -> AsyncGenerator[Message, None]:
        try:
            yield message_of(await self._execute(context, await self.tolls.enter(context, asked)))
        except RequestError as refusal:
            yield refused(refusal)


class UnknownOperation(BadUserInput):
    """The document has no operation of the name that was given."""

    code = "OPERATION_RESOLUTION_FAILURE"


def _no_operation(name: str | None) -> str:
    if name is None:
        return "The document holds no operation: write a query, mutation or subscription."
    return f'The document has no operation named "{name}": give the name of one that it has as operationName.'


def _wrong_transport(kind: OperationType) -> RequestError:
    if kind is OperationType.SUBSCRIPTION:
        return UnknownOperation(
            "Subscriptions need a WebSocket with the subprotocol graphql-transport-ws, or `Accept: text/event-stream`."
        )
    return NotAllowed("Mutations need POST.", "POST")
