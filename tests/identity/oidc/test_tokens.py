"""Which tokens sign somebody in: those of a configured issuer, genuine, of now, and meant for us. The issuer is a real one, on loopback."""

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.identity.issuer import JWKS, Issuer, running_issuer, signed_with_the_public_key, signing_key
from tests.identity.oidc.conftest import Configured

from doorstep.identity.oidc import NOT_SIGNED_IN, OidcVerifier, looks_like_token, tokens
from doorstep.identity.oidc import verifier as verifier_module
from doorstep.kernel.errors import Unauthenticated


async def refused(verifier: OidcVerifier, token: str) -> bool:
    """Whether a token is refused, in the words that say nothing of the reason."""
    try:
        await verifier.verify(token)
    except Unauthenticated as refusal:
        return (refusal.message, refusal.extensions) == (NOT_SIGNED_IN, {})
    return False


def encoded(value: object) -> str:
    return (
        base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode())
        .rstrip(b"=")
        .decode()
    )


def with_payload(token: str, **changes: object) -> str:
    """The token with other claims under the same signature."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{encoded({**claims, **changes})}.{signature}"


async def test_a_genuine_token_says_who_signed_in(verifier: OidcVerifier, issuer: Issuer, tenant_id: UUID):
    token = issuer.token(email="ada@example.com", email_verified=True, name="Ada Lovelace")
    assert looks_like_token(token)
    signed_in = await verifier.verify(token)
    assert (signed_in.tenant_id, signed_in.issuer, signed_in.subject) == (tenant_id, issuer.url, "ada")
    assert (signed_in.email, signed_in.email_verified, signed_in.name) == ("ada@example.com", True, "Ada Lovelace")
    in_six_minutes = datetime.now(UTC) + timedelta(seconds=300 + tokens.SKEW_SECONDS)
    assert abs(signed_in.expires_at - in_six_minutes) < timedelta(seconds=10)


async def test_what_a_token_leaves_out_is_not_made_up(verifier: OidcVerifier, issuer: Issuer):
    plain = await verifier.verify(issuer.token())
    assert (plain.email, plain.email_verified, plain.name) == (None, False, None)
    odd = await verifier.verify(issuer.token(email=7, email_verified="yes", name="x\u0000"))
    assert (odd.email, odd.email_verified, odd.name) == (None, False, None)


@pytest.mark.parametrize("kind", ["RSA", "EC", "OKP"])
async def test_each_kind_of_key_will_do(verifier: OidcVerifier, issuer: Issuer, kind: str):
    issuer.published = [signing_key("other"), signing_key(kind, kind)]
    assert (await verifier.verify(issuer.token(key=signing_key(kind, kind)))).subject == "ada"


@pytest.mark.parametrize(
    "header", [{"alg": "PS256"}, {"typ": "at+jwt"}, {"typ": None}, {"kid": None}, {"x-note": "hello"}]
)
async def test_headers_of_other_issuers_will_do(verifier: OidcVerifier, issuer: Issuer, header: dict[str, str | None]):
    assert (await verifier.verify(issuer.token(header=header))).subject == "ada"


async def test_each_tenant_has_its_own_audience(
    verifier: OidcVerifier, issuer: Issuer, configured: Configured, tenant_id: UUID
):
    other = configured.add(issuer.url, "other-portal")
    assert (await verifier.verify(issuer.token(aud=["account", "other-portal"]))).tenant_id == other
    assert (await verifier.verify(issuer.token(aud=["portal"]))).tenant_id == tenant_id
    assert await refused(verifier, issuer.token(aud=["portal", "other-portal"]))


NOT_MEANT_OR_NOT_NOW = {
    "wrong audience": {"aud": "another-api"},
    "no audience": {"aud": None},
    "an empty list": {"aud": []},
    "audience of another form": {"aud": {"portal": 1}},
    "audience in other letters": {"aud": "Portal"},
    "ended": {"exp": int(time.time()) - 120},
    "without an end": {"exp": None},
    "an end that is no number": {"exp": "tomorrow"},
    "an end in no calendar": {"exp": 10**17},
    "not yet valid": {"nbf": int(time.time()) + 86_400},
    "made in the future": {"iat": int(time.time()) + 86_400},
    "never made": {"iat": None},
    "nobody": {"sub": None},
    "an empty name": {"sub": ""},
    "a name for terminals": {"sub": "ada\u001b[2J"},
    "a name without end": {"sub": "a" * 256},
    "a logout token": {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
    "bound to a key": {"cnf": {"jkt": "x"}},
    "another issuer": {"iss": "https://issuer.example"},
    "an issuer that no database can hold": {"iss": "https://issuer.example/\u0000"},
    "no issuer": {"iss": None},
}


async def test_a_token_that_is_not_meant_for_us_or_not_of_now_is_refused(verifier: OidcVerifier, issuer: Issuer):
    bad = {what: issuer.token(**claims) for what, claims in NOT_MEANT_OR_NOT_NOW.items()}
    bad["the issuer with a slash"] = issuer.token(iss=f"{issuer.url}/")
    assert [what for what, token in bad.items() if not await refused(verifier, token)] == []


async def test_clocks_may_differ_by_a_minute(verifier: OidcVerifier, issuer: Issuer):
    now = int(time.time())
    for claims in ({"exp": now - 30}, {"nbf": now + 30}, {"iat": now + 30}):
        signed_in = await verifier.verify(issuer.token(**claims))
        assert signed_in.expires_at > datetime.now(UTC)
    for claims in ({"exp": now - 65}, {"nbf": now + 90}, {"iat": now + 90}):
        assert await refused(verifier, issuer.token(**claims))


async def test_a_forged_token_is_refused(verifier: OidcVerifier, issuer: Issuer):
    genuine = issuer.token()
    header, payload, signature = genuine.split(".")
    await verifier.verify(genuine)
    forged = {
        "alg none": f"{encoded({'alg': 'none', 'kid': 'first'})}.{payload}.",
        "alg None": f"{encoded({'alg': 'None', 'kid': 'first'})}.{payload}.{signature}",
        "no alg": f"{encoded({'kid': 'first'})}.{payload}.{signature}",
        "the public key as a secret": signed_with_the_public_key(issuer),
        "another key by the same id": issuer.token(key=signing_key("foreign"), header={"kid": "first"}),
        "another key": issuer.token(key=signing_key("foreign")),
        "another algorithm over the same signature": f"{encoded({'alg': 'PS256', 'kid': 'first'})}.{payload}.{signature}",
        "another kind of key": f"{encoded({'alg': 'ES256', 'kid': 'first'})}.{payload}.{signature}",
        "another person": with_payload(genuine, sub="eve"),
        "a longer life": with_payload(genuine, exp=int(time.time()) + 10**6),
        "a signature cut off": genuine[:-10],
        "no signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}",
        "four parts": f"{genuine}.{signature}",
        "a bit turned": f"{header}.{payload}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
        "padding": f"{header}.{payload}.{signature}==",
        "a space": f"{header}. {payload}.{signature}",
        "a critical extension": issuer.token(header={"crit": ["b64"], "b64": True}),
        "a logout token": issuer.token(header={"typ": "logout+jwt"}),
        "a type that is no text": f"{encoded({'alg': 'RS256', 'typ': 1})}.{payload}.{signature}",
        "a key id that is no text": f"{encoded({'alg': 'RS256', 'kid': ['first']})}.{payload}.{signature}",
        "a header that is a list": f"{encoded(['alg'])}.{payload}.{signature}",
        "a header that is a text": f"{encoded('alg')}.{payload}.{signature}",
        "a header that is a number": f"{encoded(5)}.{payload}.{signature}",
        "a header nested without end": f"{encoded(b'[' * 9_000)}.{payload}.{signature}",
        "claims nested without end": f"{header}.{encoded(b'[' * 9_000)}.{signature}",
        "claims that are a list": f"{header}.{encoded([1])}.{signature}",
        "claims that are no text": f"{header}.{encoded(bytes([255, 254]))}.{signature}",
        "too long": issuer.token(name="x" * 20_000),
        "nothing": "..",
    }
    accepted = [what for what, token in forged.items() if not await refused(verifier, token)]
    assert accepted == []


async def test_no_token_says_where_its_key_is(verifier: OidcVerifier, issuer: Issuer):
    async with running_issuer() as foreign:
        foreign.published = [signing_key("foreign")]
        where = {
            "jku": foreign.url + JWKS,
            "x5u": foreign.url + JWKS,
            "jwk": signing_key("foreign").as_dict(private=False),
        }
        for name, value in where.items():
            assert await refused(verifier, issuer.token(key=signing_key("foreign"), header={name: value}))
            # On a genuine token they are passed over.
            assert (await verifier.verify(issuer.token(header={name: value}))).subject == "ada"
        assert foreign.asked == {}


async def test_an_issuer_that_nobody_configured_is_not_asked(verifier: OidcVerifier):
    async with running_issuer() as foreign:
        assert await refused(verifier, foreign.token())
        assert foreign.asked == {}


async def test_a_provider_that_is_removed_signs_nobody_in(
    verifier: OidcVerifier, issuer: Issuer, configured: Configured
):
    token = issuer.token()
    await verifier.verify(token)
    configured.providers.clear()
    assert await refused(verifier, token)


@pytest.mark.parametrize(
    ("module", "check", "fault", "claims"),
    [
        (tokens, "meant_for", lambda providers, _audience: providers[0], {"aud": "another-api"}),
        (verifier_module, "check_signature", lambda _token, _key: None, {}),
        (tokens, "SKEW_SECONDS", 10**6, {"exp": int(time.time()) - 120}),
    ],
    ids=["audience", "signature", "skew"],
)
async def test_planted_fault_without_its_check_a_bad_token_gets_in(
    verifier: OidcVerifier, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, module, check, fault, claims
):
    bad = issuer.token(**claims) if claims else with_payload(issuer.token(), sub="eve")
    assert await refused(verifier, bad)
    monkeypatch.setattr(module, check, fault)
    assert not await refused(verifier, bad)


async def test_planted_fault_an_algorithm_too_many_lets_a_public_key_sign(
    verifier: OidcVerifier, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
):
    nobody = f"{encoded({'alg': 'none', 'kid': 'first'})}.{encoded(issuer.claims())}."
    assert await refused(verifier, nobody)
    monkeypatch.setattr(tokens, "ALGORITHMS", tokens.ALGORITHMS | {"none"})
    monkeypatch.setattr(tokens, "fits", lambda _key, _algorithm: True)
    monkeypatch.setattr("doorstep.identity.oidc.issuer_keys.fits", lambda _key, _algorithm: True)
    assert not await refused(verifier, nobody)


async def test_the_reason_is_in_the_log_alone_and_names_nobody(verifier: OidcVerifier, issuer: Issuer, monkeypatch):
    said: list[dict[str, object]] = []
    monkeypatch.setattr(
        verifier_module.log, "info", lambda event, **fields: said.append({"event": event, **fields}), raising=False
    )
    assert await refused(verifier, issuer.token(aud="another-api", email="ada@example.com"))
    assert said == [{"event": "sign_in_refused", "issuer": issuer.url, "reason": "not meant for this API"}]
