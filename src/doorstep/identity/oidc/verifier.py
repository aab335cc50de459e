"""A token in, who signed in out."""

import time
from collections.abc import Callable

import httpx
import structlog

from doorstep.identity.oidc.issuer_keys import FETCH_SECONDS, IssuerKeys
from doorstep.identity.oidc.providers import Providers
from doorstep.identity.oidc.tokens import Refused, SignedIn, Token, believe, check_signature, read_token
from doorstep.kernel.errors import Unauthenticated

NOT_SIGNED_IN = "This sign-in is not valid here: sign in again, or ask an owner of the company to invite you."
"""The one message for every reason, also for somebody genuine whom the company does not know."""

log = structlog.get_logger(__name__)


class OidcVerifier:
    """Checks tokens of configured issuers; only those are ever asked for keys."""

    def __init__(
        self, providers: Providers, http: httpx.AsyncClient | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``clock`` counts seconds and ages the kept keys; whether a token has ended is asked of the wall clock."""
        self._providers = providers
        self._http = http
        self._clock = clock
        self._issuers: dict[str, IssuerKeys] = {}

    async def verify(self, text: str) -> SignedIn:
        """Who signed in. Raises Unauthenticated, the same for every reason; Unavailable when the issuer's keys cannot be had."""
        try:
            token = read_token(text)
            return await self._check(token)
        except Refused as refusal:
            raise Unauthenticated(NOT_SIGNED_IN) from refusal

    async def _check(self, token: Token) -> SignedIn:
        providers = await self._providers(token.issuer)
        if not providers:
            raise Refused("unknown issuer")
        try:
            key = await self._keys_of(token.issuer).find(token.algorithm, token.key_id)
            if key is None:
                raise Refused("unknown key")
            check_signature(token, key)
            return believe(token, providers)
        except Refused as refusal:
            # For the operator, who set this issuer up; nothing in it names a person.
            log.info("sign_in_refused", issuer=token.issuer, reason=str(refusal))
            raise

    def _keys_of(self, issuer: str) -> IssuerKeys:
        """Kept for as long as the process lives: there are no more of them than the operator ever configured."""
        keys = self._issuers.get(issuer)
        if keys is None:
            if self._http is None:  # made by the first who needs it: loading the trusted authorities takes a while
                self._http = httpx.AsyncClient(timeout=httpx.Timeout(FETCH_SECONDS))
            keys = self._issuers[issuer] = IssuerKeys(issuer, self._http, self._clock)
        return keys

    async def close(self) -> None:
        """Stop asking issuers."""
        for keys in self._issuers.values():
            keys.close()
        if self._http is not None:
            await self._http.aclose()
