"""An OpenID Connect issuer on loopback: it publishes its keys by HTTP and signs tokens, and can be made to misbehave."""

import asyncio
import contextlib
import hmac
import json
import socket
import time
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from functools import cache
from typing import Any

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/jwks"
ALGORITHMS = ["RS256", "PS256", "ES256", "Ed25519"]


@cache
def signing_key(name: str, kind: str = "RSA") -> Key:
    """A private key with that id; making RSA keys takes a while, so each is made once."""
    if kind == "RSA":
        return RSAKey.generate_key(2048, {"kid": name})
    return ECKey.generate_key("P-256", {"kid": name}) if kind == "EC" else OKPKey.generate_key("Ed25519", {"kid": name})


class _Uvicorn(uvicorn.Server):
    def capture_signals(self) -> Any:
        return nullcontext()


class Issuer:
    """Listens until ``stop``; ``asked`` counts what it was asked for."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.key = signing_key("first")
        self.published: list[Key] = [self.key]
        self.asked: Counter[str] = Counter()
        self.headers: dict[str, str] = {}
        self.answers: dict[str, Callable[[], Response]] = {}
        """Answers that it gives instead of its own, by path."""
        self._server = _Uvicorn(uvicorn.Config(self._application(), log_config=None, lifespan="off"))
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))

    def rotate(self, name: str) -> None:
        """Sign with a new key from now on, and publish no other."""
        self.key = signing_key(name)
        self.published = [self.key]

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What it says of a person for the next five minutes; None leaves a claim out."""
        now = int(time.time())
        said = {"iss": self.url, "sub": "ada", "aud": "portal", "iat": now, "exp": now + 300, **changes}
        return {name: value for name, value in said.items() if value is not None}

    def token(self, *, header: dict[str, Any] | None = None, key: Key | None = None, **claims: Any) -> str:
        """A token, signed."""
        key = key or self.key
        algorithm = {"RSA": "RS256", "EC": "ES256", "OKP": "Ed25519"}[key.key_type]
        shown = {"alg": algorithm, "kid": key.kid, "typ": "JWT", **(header or {})}
        shown = {name: value for name, value in shown.items() if value is not None}
        registry = jwt.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        return jwt.encode(shown, self.claims(**claims), key, registry=registry, default_type=None)

    async def stop(self) -> None:
        """Be away."""
        self._server.should_exit = True
        await self._serving
        self._socket.close()

    def _application(self) -> Starlette:
        async def discovery(_request: Request) -> Response:
            return JSONResponse({"issuer": self.url, "jwks_uri": self.url + JWKS}, headers=self.headers)

        async def jwks(_request: Request) -> Response:
            return JSONResponse({"keys": [key.as_dict(private=False) for key in self.published]}, headers=self.headers)

        async def elsewhere(_request: Request) -> Response:
            return Response(status_code=404)

        def counted(endpoint: Callable[[Request], Any]) -> Callable[[Request], Any]:
            async def answer(request: Request) -> Response:
                self.asked[request.url.path] += 1
                special = self.answers.get(request.url.path)
                return special() if special else await endpoint(request)

            return answer

        routes = [(DISCOVERY, discovery), (JWKS, jwks), ("/{path:path}", elsewhere)]
        return Starlette(routes=[Route(path, counted(endpoint)) for path, endpoint in routes])

    async def listening(self) -> None:
        while not self._server.started:
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running_issuer() -> AsyncIterator[Issuer]:
    """An issuer until the block ends."""
    issuer = Issuer()
    await issuer.listening()
    try:
        yield issuer
    finally:
        await issuer.stop()


def signed_with_the_public_key(issuer: Issuer) -> str:
    """A token with the published key as the secret of an HMAC, as an attacker makes who hopes that nobody looks at the algorithm."""
    header, payload, _ = issuer.token(header={"alg": "RS256"}).split(".")
    header = urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": issuer.key.kid}).encode()).rstrip(b"=").decode()
    assert isinstance(issuer.key, RSAKey)
    signature = hmac.digest(issuer.key.as_pem(private=False), f"{header}.{payload}".encode(), "sha256")
    return f"{header}.{payload}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"
