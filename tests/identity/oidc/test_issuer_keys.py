"""An issuer's keys over time: rotation at once, floods of invented key ids, an issuer that is away or misbehaves."""

import asyncio

import httpx
import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response
from tests.hands import Hands
from tests.identity.issuer import DISCOVERY, JWKS, Issuer, running_issuer, signing_key
from tests.identity.oidc.conftest import Configured

from doorstep.identity.errors import UnusableIssuer
from doorstep.identity.oidc import OidcVerifier, issuer_keys
from doorstep.identity.oidc.issuer_keys import (
    LAST_RESORT_SECONDS,
    LONGEST_LIFE,
    LOOK_AGAIN_SECONDS,
    MAX_BODY_BYTES,
    RETRY_SECONDS,
    SHORTEST_LIFE,
    fetch_keys,
)
from doorstep.identity.oidc.providers import check_address
from doorstep.kernel.errors import RequestError


async def answer(verifier: OidcVerifier, token: str) -> str:
    """Who signed in, or the code of the refusal."""
    try:
        return (await verifier.verify(token)).subject
    except RequestError as error:
        return error.code


async def test_keys_are_asked_for_once_and_kept_as_long_as_they_may_be(
    verifier: OidcVerifier, issuer: Issuer, clock: Hands
):
    for _ in range(5):
        assert await answer(verifier, issuer.token()) == "ada"
    assert issuer.asked == {DISCOVERY: 1, JWKS: 1}
    clock.now += LONGEST_LIFE + 1
    assert await answer(verifier, issuer.token()) == "ada"
    assert issuer.asked[JWKS] == 2


@pytest.mark.parametrize(
    ("said", "life"),
    [
        ("max-age=300", 300),
        ("public, max-age=1", SHORTEST_LIFE),
        ("no-store", SHORTEST_LIFE),
        ("max-age=86400", LONGEST_LIFE),
        ("max-age=soon", LONGEST_LIFE),
        ("", LONGEST_LIFE),
    ],
)
def test_cache_control_decides_within_bounds(said: str, life: float):
    assert issuer_keys._life(said) == life


async def test_a_new_key_works_at_once_and_a_withdrawn_one_until_the_kept_ones_are_stale(
    verifier: OidcVerifier, issuer: Issuer, clock: Hands
):
    old = issuer.token()
    assert await answer(verifier, old) == "ada"
    issuer.published = [issuer.key, signing_key("second")]
    assert await answer(verifier, issuer.token(key=signing_key("second"))) == "ada"
    issuer.rotate("second")
    assert await answer(verifier, old) == "ada"
    clock.now += LONGEST_LIFE + 1
    assert await answer(verifier, old) == "UNAUTHENTICATED"
    assert await answer(verifier, issuer.token()) == "ada"


async def test_a_flood_of_invented_key_ids_does_not_reach_the_issuer(
    verifier: OidcVerifier, issuer: Issuer, clock: Hands
):
    await verifier.verify(issuer.token())
    invented = [issuer.token(header={"kid": f"invented-{n}"}) for n in range(200)]
    for _ in range(2):
        before = issuer.asked[JWKS]
        assert set(await asyncio.gather(*(answer(verifier, token) for token in invented))) == {"UNAUTHENTICATED"}
        assert issuer.asked[JWKS] == before + 1
        assert await answer(verifier, issuer.token()) == "ada"
        clock.now += LOOK_AGAIN_SECONDS + 1


async def test_planted_fault_without_its_bound_the_flood_reaches_the_issuer(
    verifier: OidcVerifier, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(issuer_keys, "LOOK_AGAIN_SECONDS", 0.0)
    await verifier.verify(issuer.token())
    for n in range(5):
        assert await answer(verifier, issuer.token(header={"kid": f"invented-{n}"})) == "UNAUTHENTICATED"
    assert issuer.asked[JWKS] == 6


async def test_many_at_once_wait_for_one_fetch_and_a_client_that_leaves_does_not_end_it(
    verifier: OidcVerifier, issuer: Issuer
):
    leaving = asyncio.create_task(verifier.verify(issuer.token()))
    waiting = [asyncio.create_task(answer(verifier, issuer.token())) for _ in range(50)]
    await asyncio.sleep(0)
    leaving.cancel()
    assert set(await asyncio.gather(*waiting)) == {"ada"}
    assert issuer.asked == {DISCOVERY: 1, JWKS: 1}


async def test_an_issuer_that_is_away_costs_nothing_while_its_keys_are_known(
    verifier: OidcVerifier, issuer: Issuer, clock: Hands
):
    token = issuer.token()
    await verifier.verify(token)
    await issuer.stop()
    assert await answer(verifier, token) == "ada"
    assert await answer(verifier, issuer.token(header={"kid": "perhaps-new"})) == "UNAVAILABLE"
    clock.now += LONGEST_LIFE + 1
    assert await answer(verifier, token) == "ada"
    assert (
        await answer(verifier, issuer.token(key=signing_key("foreign"), header={"kid": "first"})) == "UNAUTHENTICATED"
    )
    await asyncio.sleep(0.1)
    clock.now += LAST_RESORT_SECONDS
    assert await answer(verifier, token) == "UNAVAILABLE"


async def test_nobody_whose_key_is_known_waits_for_an_issuer_that_hangs(
    verifier: OidcVerifier, issuer: Issuer, clock: Hands, monkeypatch: pytest.MonkeyPatch
):
    asked, hang = asyncio.Event(), asyncio.Event()
    await verifier.verify(issuer.token())
    issuer.answers[JWKS] = lambda: Response(status_code=503)
    clock.now += LONGEST_LIFE + 1
    assert await answer(verifier, issuer.token()) == "ada"

    async def hanging(*_: object) -> None:
        asked.set()
        await hang.wait()

    monkeypatch.setattr(issuer_keys, "fetch_keys", hanging)
    clock.now += RETRY_SECONDS
    for _ in range(3):
        assert await answer(verifier, issuer.token()) == "ada"
    await asked.wait()


async def test_an_issuer_that_comes_back_is_asked_again_soon(verifier: OidcVerifier, issuer: Issuer, clock: Hands):
    issuer.answers[JWKS] = lambda: Response(status_code=503)
    for _ in range(10):
        assert await answer(verifier, issuer.token()) == "UNAVAILABLE"
    assert issuer.asked[JWKS] == 1
    del issuer.answers[JWKS]
    clock.now += RETRY_SECONDS
    assert await answer(verifier, issuer.token()) == "ada"


async def test_an_answer_that_is_of_no_use_signs_nobody_in(configured: Configured, issuer: Issuer, clock: Hands):
    configured.add(issuer.url, "portal")
    async with running_issuer() as other:
        bad = {
            "too long": (JWKS, Response(b'{"keys": [' + b" " * MAX_BODY_BYTES + b"]}")),
            "compressed": (JWKS, Response(b"\x1f\x8b", headers={"content-encoding": "gzip"})),
            "another place for keys": (JWKS, RedirectResponse(other.url + JWKS)),
            "another place": (DISCOVERY, RedirectResponse(other.url + DISCOVERY)),
            "no JSON": (JWKS, Response(b"<html>")),
            "no list": (JWKS, Response(b"[]")),
            "no keys": (JWKS, Response(b'{"keys": []}')),
            "junk for keys": (JWKS, Response(b'{"keys": [1, {}, {"kty": []}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"kty": "EC"}]}')),
            "a symmetric key": (JWKS, Response(b'{"keys": [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQ", "kid": "first"}]}')),
            "another issuer": (DISCOVERY, Response(f'{{"issuer": "{other.url}", "jwks_uri": "{issuer.url}{JWKS}"}}')),
            "no place for keys": (DISCOVERY, Response(f'{{"issuer": "{issuer.url}"}}')),
            "a file for keys": (DISCOVERY, Response(f'{{"issuer": "{issuer.url}", "jwks_uri": "file:///etc/passwd"}}')),
            "an open line": (DISCOVERY, Response(f'{{"issuer": "{issuer.url}", "jwks_uri": "http://issuer.example/keys"}}')),
        }  # fmt: skip
        for what, (path, response) in bad.items():
            issuer.answers = {path: lambda response=response: response}
            verifier = OidcVerifier(configured, clock=clock)
            assert await answer(verifier, issuer.token()) == "UNAVAILABLE", what
            await verifier.close()
        assert other.asked == {}


async def test_keys_for_other_ends_are_passed_over(issuer: Issuer):
    first = signing_key("first").as_dict(private=True)
    issuer.answers[JWKS] = lambda: JSONResponse(
        {
            "keys": [
                {**first, "kid": "for secrets", "use": "enc"},
                {**first, "kid": "for signing", "key_ops": ["sign"]},
                {**first, "kid": "odd", "x5c": 7, "use": "sig"},
            ]
        }
    )
    async with httpx.AsyncClient() as http:
        [key], _ = await fetch_keys(http, issuer.url)
    # What its owner let out by mistake is not kept.
    assert (key.kid, key.is_private) == ("odd", False)


async def test_an_issuer_that_drips_is_given_up(issuer: Issuer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(issuer_keys, "FETCH_SECONDS", 0.3)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.05)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server, httpx.AsyncClient() as http:
        with pytest.raises(UnusableIssuer, match="TimeoutError"):
            await fetch_keys(http, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")


@pytest.mark.parametrize(
    ("address", "issuer", "may"),
    [
        ("https://issuer.example", "https://issuer.example", True),
        ("https://keys.example/jwks?v=1", "https://issuer.example", True),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:9", True),
        ("http://[::1]:9", "http://localhost:9", True),
        ("http://issuer.example", "http://issuer.example", False),
        ("http://issuer.example/jwks", "http://127.0.0.1", False),
        ("http://127.0.0.1/jwks", "https://issuer.example", False),
        ("https://127.0.0.1/jwks", "https://issuer.example", False),
        ("https://me:secret@issuer.example", "https://issuer.example", False),
        ("https://issuer.example/#x", "https://issuer.example", False),
        ("https://", "https://issuer.example", False),
        ("https://[", "https://issuer.example", False),
        ("ftp://issuer.example", "https://issuer.example", False),
        ("issuer.example", "issuer.example", False),
        ("https://issuer.example/\n", "https://issuer.example", False),
    ],
)
def test_which_addresses_an_issuer_may_make_us_fetch(address: str, issuer: str, may: bool):
    try:
        check_address(address, issuer)
    except UnusableIssuer:
        assert not may
    else:
        assert may
