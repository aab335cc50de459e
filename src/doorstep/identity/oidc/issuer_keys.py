"""The public keys of one issuer: fetched with bounds, kept for a while, fetched again when a token names a key that is not among them."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import Key, RSAKey, import_key

from doorstep.identity.errors import UnusableIssuer
from doorstep.identity.oidc.providers import check_address
from doorstep.identity.oidc.tokens import fits
from doorstep.kernel.errors import Unavailable

log = structlog.get_logger(__name__)

FETCH_SECONDS = 5.0
MAX_BODY_BYTES = 256 * 1024
MAX_KEYS = 100
MIN_RSA_BITS = 2048

SHORTEST_LIFE = 60.0
LONGEST_LIFE = 600.0
"""How long keys count as fresh, in seconds: Cache-Control decides within these bounds, and 10 minutes where it says nothing."""

LAST_RESORT_SECONDS = 3600.0
"""How long keys serve after they were fetched when the issuer cannot be reached to ask again."""

LOOK_AGAIN_SECONDS = 30.0
"""How often an unknown key id may make us ask the issuer: at once after a rotation, yet no flood of invented ids gets through to it."""

RETRY_SECONDS = 5.0
"""How soon an issuer that did not answer is asked again."""

_PUBLIC = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
"""The public parts of each kind of key; symmetric keys are none."""


class IssuerKeys:
    """The keys of one issuer. One fetch at a time: who needs its result waits for the one that is under way."""

    def __init__(self, issuer: str, http: httpx.AsyncClient, clock: Callable[[], float]) -> None:
        self._issuer = issuer
        self._http = http
        self._clock = clock
        self._keys: tuple[Key, ...] | None = None
        self._fetched_at = self._fresh_until = self._failed_at = self._looked_again_at = float("-inf")
        self._is_away = False
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, algorithm: str, key_id: str | None) -> Key | None:
        """The key, or None when the issuer has no such key. Raises Unavailable when that could not be asked."""
        before = self._keys
        keys = await self._current()
        key = _pick(keys, algorithm, key_id)
        if key is None and keys is before:  # else they are as new as can be
            key = _pick(await self._newer(keys), algorithm, key_id)
        if key is None and self._is_away:
            raise self._away()
        return key

    def close(self) -> None:
        """Stop a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()

    async def _current(self) -> tuple[Key, ...]:
        if self._keys is not None and self._clock() < self._fresh_until:
            return self._keys
        if self._fetching is not None or self._clock() - self._failed_at >= RETRY_SECONDS:
            fetching = self._fetch()
            # While the issuer is away, nobody whose key we have waits for it to answer.
            if self._keys is None or not self._is_away:
                await fetching
        if self._keys is None or self._clock() >= self._fetched_at + LAST_RESORT_SECONDS:
            raise self._away()
        return self._keys

    async def _newer(self, keys: tuple[Key, ...]) -> tuple[Key, ...]:
        """The keys after the issuer was asked once more, or as they are when that was done a moment ago."""
        if self._fetching is None:
            if self._clock() - self._looked_again_at < LOOK_AGAIN_SECONDS:
                return keys
            self._looked_again_at = self._clock()
        await self._fetch()
        return self._keys or keys

    def _fetch(self) -> asyncio.Future[None]:
        """The fetch that is under way, or a new one; a client that goes away does not take it from the others who wait for it."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._load())
            self._fetching.add_done_callback(self._fetched)
        return asyncio.shield(self._fetching)

    def _fetched(self, _task: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _load(self) -> None:
        try:
            self._keys, life = await fetch_keys(self._http, self._issuer)
        except UnusableIssuer as error:
            self._is_away, self._failed_at = True, self._clock()
            log.warning("sign_in_issuer_unusable", issuer=self._issuer, reason=str(error))
            return
        self._is_away, self._fetched_at = False, self._clock()
        self._fresh_until = self._fetched_at + life

    def _away(self) -> Unavailable:
        return Unavailable("The issuer of this token cannot be asked for its keys at the moment: try again shortly.")


async def fetch_keys(http: httpx.AsyncClient, issuer: str) -> tuple[tuple[Key, ...], float]:
    """An issuer's keys for signatures, by its discovery document, and for how many seconds they count as fresh. Raises UnusableIssuer."""
    check_address(issuer, issuer)
    discovery, _ = await _get(http, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if not isinstance(discovery, dict) or discovery.get("issuer") != issuer:
        raise UnusableIssuer(f"The discovery document of {issuer} names another issuer.")
    address = discovery.get("jwks_uri")
    if not isinstance(address, str):
        raise UnusableIssuer(f"The discovery document of {issuer} names no keys.")
    check_address(address, issuer)
    document, life = await _get(http, address)
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise UnusableIssuer(f"{address} is no list of keys.")
    keys = tuple(key for jwk in listed[:MAX_KEYS] if (key := _usable(jwk)) is not None)
    if not keys:
        raise UnusableIssuer(f"{address} lists no key that can check a signature.")
    return keys, life


async def _get(http: httpx.AsyncClient, address: str) -> tuple[Any, float]:
    """A JSON document and for how long it is fresh. Uncompressed, so that what is counted is what is kept."""
    body = bytearray()
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    try:
        async with (
            asyncio.timeout(FETCH_SECONDS),
            http.stream("GET", address, headers=headers, follow_redirects=False) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise UnusableIssuer(f"{address} answered {answer.status_code}.")
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise UnusableIssuer(f"{address} is longer than {MAX_BODY_BYTES // 1024} kB.")
        return orjson.loads(body), _life(answer.headers.get("cache-control", ""))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise UnusableIssuer(f"{address} did not answer ({type(error).__name__}).") from error
    except orjson.JSONDecodeError as error:
        raise UnusableIssuer(f"{address} is no JSON.") from error


def _life(cache_control: str) -> float:
    said: dict[str, str] = {}
    for part in cache_control.lower().split(","):
        name, _, value = part.strip().partition("=")
        said[name] = value.strip('"')
    if "no-store" in said or "no-cache" in said:
        return SHORTEST_LIFE
    age = said.get("max-age", "")
    return min(max(float(age), SHORTEST_LIFE), LONGEST_LIFE) if age.isdecimal() else LONGEST_LIFE


def _usable(jwk: object) -> Key | None:
    """A listed key if it can check signatures, without whatever else the list says of it; others are passed over."""
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return None
    try:
        wanted = ("kty", "kid", "alg", *_PUBLIC[jwk["kty"]])
        if "verify" not in jwk.get("key_ops", ("verify",)) or _is_short(jwk):
            return None
        key = import_key({name: jwk[name] for name in wanted if name in jwk})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None if isinstance(key, RSAKey) and key.public_key.key_size < MIN_RSA_BITS else key


def _is_short(jwk: dict[str, Any]) -> bool:
    """Whether its modulus cannot have enough bits, seen before the library warns of it on standard error."""
    return jwk["kty"] == "RSA" and len(jwk["n"]) * 6 < MIN_RSA_BITS


def _pick(keys: tuple[Key, ...], algorithm: str, key_id: str | None) -> Key | None:
    """The key with that id. A token without one is checked only where a single key comes into question."""
    fitting = [key for key in keys if fits(key, algorithm)]
    if key_id is None:
        return fitting[0] if len(fitting) == 1 else None
    return next((key for key in fitting if key.kid == key_id), None)
