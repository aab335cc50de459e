"""``GET /export``: everything that the credential's tenant holds, as a download."""

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from doorstep.identity.service import Authenticator
from doorstep.identity.service.exporting import Manifest, export
from doorstep.kernel.errors import RequestError, Unauthenticated
from doorstep.kernel.graphql.attempts import FailedAttempts
from doorstep.kernel.graphql.context import Services
from doorstep.kernel.graphql.headers import bearer_token
from doorstep.kernel.scope import Permission, Principal

MOST_EXPORTS = 2
"""Exports at the same time at one process, one of each tenant: each keeps a database connection for as long as its reader takes."""

_STATUS = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "RATE_LIMITED": 429, "UNAVAILABLE": 503}


class Busy(RequestError):
    """Another export is under way."""

    code = "RATE_LIMITED"


class ExportEndpoint:
    """Needs ``privacy:write``. The answer is gzip'd JSON lines (``identity.service.exporting``); its last line shows that it is complete."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._running: set[UUID] = set()

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            response: Response = self._download(await self._principal(Request(scope, receive)))
        except RequestError as refusal:
            response = _refused(refusal)
        response.headers["cache-control"] = "private, no-store"
        response.headers["vary"] = "Authorization"
        await response(scope, receive, send)

    async def _principal(self, request: Request) -> Principal:
        token = bearer_token(request)
        if token is None:
            raise Unauthenticated("Send your API key as `Authorization: Bearer dsk_live_…`.")
        # Counted with the API's own attempts: a guesser would else have a door where nobody counts.
        attempts = self._services.kept(FailedAttempts, FailedAttempts)
        address = request.client.host if request.client else ""
        principal = await attempts.let_in(address, token, self._services.get(Authenticator))
        principal.require(Permission.PRIVACY_WRITE)
        return principal

    def _download(self, principal: Principal) -> Response:
        if principal.tenant_id in self._running or len(self._running) >= MOST_EXPORTS:
            raise Busy("Another export is under way: try again when it is done.")
        name = f"doorstep-export-{datetime.now(UTC):%Y-%m-%d}.ndjson.gz"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        self._running.add(principal.tenant_id)
        pieces = export(self._services.db, principal.tenant_id, Manifest(), principal=principal)
        return _Download(pieces, headers, lambda: self._running.discard(principal.tenant_id))


class _Download(StreamingResponse):
    """Lets go of the snapshot at once when the reader leaves, and says so by ``ended``."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], headers: dict[str, str], ended: Callable[[], None]) -> None:
        super().__init__(pieces, media_type="application/gzip", headers=headers)
        self._pieces = pieces
        self._ended = ended

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()
            await self._pieces.aclose()


def _refused(refusal: RequestError) -> Response:
    status = _STATUS.get(refusal.code, 400)
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    body = orjson.dumps({"errors": [{"message": refusal.message, "extensions": {"code": refusal.code}}]})
    return Response(body, status, headers, media_type="application/json")
