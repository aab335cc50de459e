"""What a token says, and which of it we believe."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact
from joserfc.jwt import JWTClaimsRegistry

from doorstep.identity.oidc.providers import MAX_ISSUER, Provider

MAX_TOKEN_BYTES = 16 * 1024
SKEW_SECONDS = 60
"""How far an issuer's clock and ours may differ."""

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""Signatures that only the holder of a private key can make: never ``none``, never HS*, whose key would be the public one."""

_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""ID tokens and access tokens; logout tokens and security events carry the same issuer and audience, and sign nobody in."""

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_MALFORMED = (JoseError, ValueError, TypeError, RecursionError)
"""What the library raises on bytes that somebody made up; the last one by JSON nested without end."""


class Refused(Exception):
    """The token is not believed; the reason is for the operator's log, clients get one message for all."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody whom a tenant's issuer vouches for. ``subject`` is unique within ``issuer``, and the only stable name of the person."""

    tenant_id: UUID
    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str | None
    expires_at: datetime
    """From when on the token is refused: its own end and SKEW_SECONDS."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token that nobody has checked yet; ``issuer`` says whose keys to check it with."""

    signed: CompactSignature
    algorithm: str
    key_id: str | None
    issuer: str
    claims: dict[str, Any]


class _Algorithms(JWSRegistry):
    """Ours instead of the library's list, which has HS256 on it. Certificate chains make headers long."""

    max_header_length = 8 * 1024

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


_REGISTRY = _Algorithms(strict_check_header=False)


def looks_like_token(text: str) -> bool:
    """Whether it has a token's three parts; an API key has no dots."""
    return _FORM.fullmatch(text) is not None


def read_token(text: str) -> Token:
    """The parts of a token, unchecked; raises Refused."""
    if len(text) > MAX_TOKEN_BYTES or not looks_like_token(text):
        raise Refused("not a token")
    try:
        signed = extract_compact(text.encode(), registry=_REGISTRY)
        claims = orjson.loads(signed.payload)
    except _MALFORMED as error:
        raise Refused("not a token") from error
    header: object = signed.headers()
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Refused("not a token")
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not _is_plain(issuer, MAX_ISSUER):
        raise Refused("no issuer")
    return Token(signed, *_said_of_the_key(header), issuer, claims)


def _said_of_the_key(header: dict[str, Any]) -> tuple[str, str | None]:
    """Algorithm and key id. Where the header says to fetch a key (jku, x5u) or brings one (jwk, x5c) is passed over."""
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise Refused("algorithm not allowed")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise Refused("not a sign-in token")
    if "crit" in header:
        raise Refused("an extension that we do not know")
    if key_id is not None and not isinstance(key_id, str):
        raise Refused("key id is no text")
    return algorithm, key_id


def fits(key: Key, algorithm: str) -> bool:
    """Whether the key is of the algorithm's kind and meant for it."""
    try:
        _REGISTRY.get_alg(algorithm).check_key(key)
    except JoseError:
        return False
    return True


def check_signature(token: Token, key: Key) -> None:
    """Pass, or raise Refused."""
    try:
        genuine = validate_compact(token.signed, key, registry=_REGISTRY)
    except _MALFORMED as error:
        raise Refused("bad signature") from error
    if not genuine:
        raise Refused("bad signature")


def believe(token: Token, providers: Sequence[Provider]) -> SignedIn:
    """Who signed in, by the claims of a genuine token; ``providers`` are its issuer's. Raises Refused."""
    claims = token.claims
    essential = {name: {"essential": True} for name in ("iss", "sub", "aud", "exp", "iat")}
    try:
        JWTClaimsRegistry(now=int(time.time()), leeway=SKEW_SECONDS, **essential).validate(claims)  # type: ignore[arg-type]
        expires_at = datetime.fromtimestamp(claims["exp"] + SKEW_SECONDS, UTC)
    except JoseError as error:
        raise Refused(str(error)) from error
    except (ValueError, OverflowError, OSError) as error:
        raise Refused("ends in no year that a calendar has") from error
    if "events" in claims:
        raise Refused("not a sign-in token")
    if "cnf" in claims:
        raise Refused("bound to a key that a bearer cannot show")
    if not _is_plain(claims["sub"], 255):
        raise Refused("no subject")
    provider = meant_for(providers, claims["aud"])
    return SignedIn(
        tenant_id=provider.tenant_id,
        issuer=token.issuer,
        subject=claims["sub"],
        email=_shown(claims.get("email"), 254),
        email_verified=claims.get("email_verified") in (True, "true"),
        name=_shown(claims.get("name"), 200),
        expires_at=expires_at,
    )


def meant_for(providers: Sequence[Provider], audience: str | list[str]) -> Provider:
    """The one provider that the token is meant for; raises Refused.

    A token for two tenants at once is refused: nothing in it says which of the two its bearer means. ``azp`` is not asked, since the access
    tokens of many issuers name the portal there and us in ``aud``.
    """
    audiences = {audience} if isinstance(audience, str) else set(audience)
    meant = [provider for provider in providers if provider.audience in audiences]
    if len(meant) != 1:
        raise Refused("not meant for this API" if not meant else "meant for several tenants")
    return meant[0]


def _is_plain(text: str, longest: int) -> bool:
    """Neither empty, nor too long, nor with characters that a database or a terminal trips over."""
    return 0 < len(text) <= longest and text.isprintable()


def _shown(value: object, longest: int) -> str | None:
    return value if isinstance(value, str) and _is_plain(value, longest) else None
