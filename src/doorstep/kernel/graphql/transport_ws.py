"""GraphQL over WebSocket by the protocol graphql-transport-ws, strict: malformed messages close with 4400, ``pong`` repeats the payload.

Only subscriptions run here: queries and mutations over a socket would slip past the limits of HTTP.
"""

from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, cast

import orjson
from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws import handlers

from doorstep.kernel.errors import RateLimited, Unavailable
from doorstep.kernel.graphql.answers import error_of
from doorstep.kernel.graphql.bodies import Asked, TooLarge, check_size
from doorstep.kernel.graphql.context import Context
from doorstep.kernel.graphql.sessions import Session, Sessions
from doorstep.kernel.graphql.sharing import Message
from doorstep.kernel.graphql.sockets import QUOTA_CLOSE_CODE, TooManySockets

if TYPE_CHECKING:
    from doorstep.kernel.graphql.view import GraphQLView

TRY_AGAIN_LATER = 1013
TOO_MANY_REQUESTS = 4429


class SocketAdapter(ASGIWebSocketAdapter):
    """Text frames by orjson, and a client that left is no error."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send one message."""
        await self.send_text(orjson.dumps(message).decode())

    async def send_text(self, text: str) -> None:
        """Send one message that is text already."""
        try:
            await self.ws.send_text(text)
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
            and isinstance(payload.get("query", payload.get("documentId")), str)
            and isinstance(payload.get("documentId"), str | None)
            and _is_object(payload.get("variables"))
            and _is_object(payload.get("extensions"))
            and isinstance(payload.get("operationName"), str | None)
        )
    return True


class SocketHandler(handlers.BaseGraphQLTransportWSHandler[Context, None]):
    """One socket; each subscription has a context of its own."""

    session: Session | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._document_ids: dict[str, str] = {}

    @property
    def _view(self) -> "GraphQLView":
        return cast("GraphQLView", self.view)

    @property
    def _adapter(self) -> SocketAdapter:
        return cast("SocketAdapter", self.websocket)

    @property
    def _sessions(self) -> Sessions:
        return self._view.sessions

    async def handle_connection_init(self, message: Any) -> None:
        """Watch over the credential for as long as the socket is open."""
        await super().handle_connection_init(message)
        principal = self.context.principal_or_none
        if self.connection_acknowledged and self.session is None and principal is not None:
            self.session = Session(self.context.credential or "", principal, self._close)
            self._sessions.add(self.session)

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

    async def handle_subscribe(self, message: Any) -> None:
        """One more subscription, unless there are as many as may be."""
        most = self.max_subscriptions_per_connection or 0
        if self.connection_acknowledged and message["id"] not in self.operations and len(self.operations) >= most:
            words = f"A socket has at most {most} subscriptions: end one, or open another socket."
            refusal = GraphQLError(words, extensions={"code": "RATE_LIMITED"})
            await self.send_message({"id": message["id"], "type": "error", "payload": [refusal.formatted]})
            return
        payload = message["payload"]
        if payload.get("documentId") is not None:
            self._document_ids[message["id"]] = payload["documentId"]
        payload.setdefault("query", "")
        await super().handle_subscribe(message)

    async def run_operation(self, operation: handlers.Operation[Context, None]) -> None:
        """Run one subscription to its end."""
        name = self._document_ids.pop(operation.id, None)
        asked = Asked(
            operation.query or None, operation.variables, operation.operation_name, None, by_get=False, document_id=name
        )
        with suppress(WebSocketDisconnected):
            try:
                check_size(operation.query)
            except TooLarge as refusal:
                await operation.send_initial_errors([error_of(refusal)])
                return
            async with aclosing(self._view.followers.follow(self.context.fork(), asked)) as messages:
                async for message in messages:
                    if message.failed:
                        await operation.send_initial_errors(list(message.errors))
                        return
                    await self._send_next(operation, message)
            await operation.send_operation_message({"id": operation.id, "type": "complete"})

    async def _send_next(self, operation: handlers.Operation[Context, None], message: Message) -> None:
        """The result in the words that all sockets share."""
        name = orjson.dumps(operation.id).decode()
        await self._adapter.send_text(f'{{"id":{name},"type":"next","payload":{message.body}}}')
