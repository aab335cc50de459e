"""Which pages of other origins may call: those that the request's own tenant allows, and those that the operator allows for all.

A browser asks beforehand (the preflight) and when it opens a socket, without a credential: then an origin passes that any tenant allows. When the
credential is known, its own tenant counts. A star is never sent, and requests without an ``Origin`` are no page's.
"""

import re
import time
from collections import OrderedDict

from starlette.requests import HTTPConnection
from starlette.responses import Response
from strawberry.http.websocket_origin import is_same_origin, normalize_origin

from doorstep.kernel.db import Database
from doorstep.kernel.errors import Forbidden
from doorstep.kernel.scope import Principal

ASK_AGAIN_SECONDS = 5.0
MAX_KEPT = 1_000
PREFLIGHT_SECONDS = 600
"""How long a browser need not ask again."""

EXPOSED = "x-cost-requested, x-cost-actual, ratelimit, ratelimit-policy, retry-after, x-request-id"
_HEADERS = "authorization, content-type, accept, last-event-id"
_WELL_FORMED = re.compile(r"https?://[^\s/,]{1,253}")


class ForeignOrigin(Forbidden):
    """The page's origin is not one that the tenant allows."""

    code = "ORIGIN_NOT_ALLOWED"


class Origins:
    """The origins that tenants allow, as far as they were asked for lately."""

    def __init__(self, system: Database, for_all: tuple[str, ...] = ()) -> None:
        self._system = system
        self._for_all = frozenset(origin for text in for_all if (origin := normalize_origin(text)))
        self._known: OrderedDict[str, tuple[float, bool]] = OrderedDict()

    def foreign(self, connection: HTTPConnection) -> str | None:
        """The origin of another site's page that sent this; None for the API's own pages and for programs."""
        text = connection.headers.get("origin")
        if text is None or is_same_origin(text, connection.headers.get("host")):
            return None
        return normalize_origin(text) or text[:300]

    def allowed_for(self, principal: Principal, origin: str) -> bool:
        """Whether pages of an origin may call for the principal's tenant."""
        return origin in self._for_all or origin in principal.allowed_origins

    async def allowed_by_any(self, origin: str) -> bool:
        """Whether any tenant allows an origin."""
        if origin in self._for_all:
            return True
        if not _WELL_FORMED.fullmatch(origin):
            return False
        now = time.monotonic()
        known = self._known.get(origin)
        if known is None or known[0] <= now:
            async with self._system.transaction() as tx:
                found = bool(
                    await tx.fetchval(
                        "SELECT EXISTS (SELECT FROM tenants WHERE allowed_origins @> ARRAY[$1]::varchar[] AND status = 'ACTIVE')",
                        origin,
                    )
                )
            known = self._known[origin] = (now + ASK_AGAIN_SECONDS, found)
            self._known.move_to_end(origin)
            if len(self._known) > MAX_KEPT:
                self._known.popitem(last=False)
        return known[1]

    @staticmethod
    def preflight(*, allowed: bool) -> Response:
        """The answer to a browser that asks beforehand."""
        if not allowed:
            return Response(status_code=403)
        headers = {
            "access-control-allow-methods": "GET, POST",
            "access-control-allow-headers": _HEADERS,
            "access-control-max-age": str(PREFLIGHT_SECONDS),
        }
        return Response(status_code=204, headers=headers)

    def check(self, principal: Principal | None, origin: str | None) -> None:
        """Refuse a page whose origin the credential's tenant does not allow; raises ForeignOrigin."""
        if origin is not None and principal is not None and not self.allowed_for(principal, origin):
            raise ForeignOrigin(
                "This company does not let pages of this origin call: see `allowedOrigins` of updateTenant."
            )
