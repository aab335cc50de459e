"""Pages of other sites: which may ask, by tenant; which may open a socket; and whose address a request has."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.kernel.test_limits_over_http import WHO, Place, place
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from doorstep.kernel.db import DatabaseUrls

PORTAL, STRANGE = "https://portal.example.com", "https://strange.example.com"


@pytest.fixture
async def here(database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Place]:
    async with place(database_urls, tmp_path, allowed_origins=["https://ours.example.com"]) as found:
        await allow(found, PORTAL)
        yield found


async def allow(here: Place, *origins: str) -> Any:
    document = "mutation ($o: [String!]) { updateTenant(input: { allowedOrigins: $o }) { tenant { allowedOrigins } problems { code path } } }"
    answer = (await here.ask(document, variables={"o": list(origins)})).json()["data"]["updateTenant"]
    await asyncio.sleep(2.1)  # credentials are trusted for two seconds
    return answer


async def preflight(here: Place, origin: str) -> httpx.Response:
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
    }
    return await here.http.options(here.server.graphql_url, headers=headers)


async def test_a_preflight_passes_for_an_origin_that_any_tenant_allows(here: Place) -> None:
    answer = await preflight(here, PORTAL)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == PORTAL
    assert "authorization" in answer.headers["access-control-allow-headers"]
    assert int(answer.headers["access-control-max-age"]) > 0
    assert "Origin" in answer.headers["vary"]
    assert (await preflight(here, "https://ours.example.com")).status_code == 204
    for origin in (STRANGE, "null", "*", "https://portal.example.com.evil.example", "http://portal.example.com", "x" * 5_000):  # fmt: skip
        refused = await preflight(here, origin)
        assert refused.status_code == 403
        assert "access-control-allow-origin" not in refused.headers


async def test_the_request_itself_is_checked_by_its_tenant(here: Place) -> None:
    answer = await here.ask(WHO, origin=PORTAL)
    assert answer.json()["data"]["viewer"]
    assert answer.headers["access-control-allow-origin"] == PORTAL
    exposed = answer.headers["access-control-expose-headers"]
    assert all(name in exposed for name in ("x-request-id", "retry-after", "ratelimit", "x-cost-actual"))
    assert "access-control-allow-credentials" not in answer.headers
    other = await here.ask(WHO, here.foreign_key, origin=PORTAL)
    [error] = other.json()["errors"]
    assert (other.status_code, error["extensions"]["code"]) == (403, "ORIGIN_NOT_ALLOWED")
    assert "data" not in other.json()
    strange = await here.ask(WHO, origin=STRANGE)
    assert strange.status_code == 403
    assert "access-control-allow-origin" not in strange.headers


async def test_programs_and_our_own_pages_are_asked_nothing(here: Place) -> None:
    assert (await here.ask(WHO, here.foreign_key)).status_code == 200
    own = await here.ask(WHO, here.foreign_key, origin=here.server.url)
    assert own.status_code == 200
    assert "access-control-allow-origin" not in own.headers


async def test_a_refused_credential_can_be_read_about(here: Place) -> None:
    answer = await here.ask(WHO, "dsk_live_unknown", origin=PORTAL)
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == PORTAL


async def test_a_socket_is_opened_for_an_allowed_origin_and_kept_for_its_tenant(here: Place) -> None:
    async def open_with(origin: str, key: str) -> str:
        async with connect(
            here.server.socket_url,
            subprotocols=["graphql-transport-ws"],
            additional_headers={"origin": origin},  # type: ignore[list-item]
        ) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {key}"}}))
            return str(json.loads(await asyncio.wait_for(socket.recv(), 10))["type"])

    assert await open_with(PORTAL, here.key) == "connection_ack"
    assert await open_with(here.server.url, here.foreign_key) == "connection_ack"
    with pytest.raises(ConnectionClosed) as closed:
        await open_with(PORTAL, here.foreign_key)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    for origin in (STRANGE, "null"):
        with pytest.raises(InvalidStatus) as refused:
            await open_with(origin, here.key)
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "origin", ["*", "https://*.example.com", "null", "portal.example.com", "https://a/b", "https://a?b", "ftp://a", "https://a\x00", ""]
)  # fmt: skip
async def test_what_is_no_origin_is_refused(here: Place, origin: str) -> None:
    answer = await here.ask(
        "mutation ($o: [String!]) { updateTenant(input: { allowedOrigins: $o }) { tenant { allowedOrigins } problems { code path } } }",
        variables={"o": [PORTAL, origin]},
    )
    changed = answer.json()["data"]["updateTenant"]
    assert changed["problems"] == [{"code": "INVALID_VALUE", "path": ["allowedOrigins", "1"]}]
    assert changed["tenant"]["allowedOrigins"] == [PORTAL]


async def test_origins_are_kept_as_browsers_write_them(here: Place) -> None:
    changed = await allow(
        here, "HTTPS://Portal.Example.com:443/", "http://localhost:5173", "https://portal.example.com"
    )
    assert changed["tenant"]["allowedOrigins"] == ["http://localhost:5173", "https://portal.example.com"]
    assert (await preflight(here, "http://localhost:5173")).status_code == 204


@pytest.mark.parametrize(("trusted", "shared"), [([], True), (["127.0.0.1"], False)])
async def test_an_address_is_believed_of_trusted_proxies_alone(
    database_urls: DatabaseUrls, tmp_path: Path, trusted: list[str], shared: bool
) -> None:
    """Buckets of strangers go by address: whoever could name any address would have any number of them."""
    small = {"max_cost": 1_000, "bucket_points": 1_000, "bucket_points_per_second": 1}
    async with place(database_urls, tmp_path, trusted_proxies=trusted, **small) as here:
        introspection = "{ __schema { queryType { name } } }"
        headers = [{"x-forwarded-for": f"203.0.113.{at}"} for at in range(12)]
        answers = [await here.ask(introspection, None, **one) for one in headers]
        assert ([answer.status_code for answer in answers].count(429) > 0) is shared
