"""From the portal's sign-in to a member who acts: a real issuer, a real server, HTTP and WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.identity.issuer import Issuer
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from doorstep.identity.oidc.providers import add_provider, remove_provider
from doorstep.identity.permissions import ROLES, Role
from doorstep.identity.service import NewTenant, create_tenant, tenant_by_slug
from doorstep.kernel.db import DatabaseUrls, Row
from doorstep.kernel.ids import new_id, public_id
from doorstep.server import Server, running_server
from doorstep.settings import Settings

WHO = "{ viewer { kind memberId driverId scopes tenant { slug } } }"
ADA = {"email": "Ada@example.com", "email_verified": True}


class Portal:
    """A company's portal: its users sign in at the issuer, and it calls Doorstep with the tokens that they got."""

    def __init__(self, server: Server, http: httpx.AsyncClient, tenant: Row) -> None:
        self.server, self.http, self.tenant = server, http, tenant

    async def invite(self, email: str, role: Role, **columns: Any) -> str:
        member_id = new_id()
        values = {
            "organization_id": self.tenant["organization_id"],
            "id": member_id,
            "email": email,
            "name": "Ada",
            **columns,
        }
        values |= {"role": role.value, "status": "INVITED", "version": 1}
        places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
        async with self.server.services.system.transaction() as tx:
            await tx.execute(f"INSERT INTO members ({', '.join(values)}) VALUES ({places})", *values.values())
        return public_id("member", member_id)

    async def answer(self, token: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return await self.http.post(self.server.graphql_url, json={"query": WHO}, headers=headers)

    async def who(self, token: str) -> dict[str, Any] | str:
        """Whom Doorstep takes the bearer for, or the code of its refusal."""
        said = (await self.answer(token)).json()
        if "errors" in said:
            return str(said["errors"][0]["extensions"]["code"])
        viewer: dict[str, Any] = said["data"]["viewer"]
        return viewer

    async def socket(self, token: str) -> str | int:
        init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}
        async with connect(self.server.socket_url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
            await socket.send(json.dumps(init))
            try:
                return str(json.loads(await socket.recv())["type"])
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006


@pytest.fixture
async def portal(session_home: Path, database_urls: DatabaseUrls, issuer: Issuer) -> AsyncIterator[Portal]:
    settings = Settings(_env_file=None, home=session_home, roads="straight")  # type: ignore[call-arg]
    async with (
        running_server(settings, database_urls, work=False, port=0) as server,
        httpx.AsyncClient(timeout=20) as http,
    ):
        system = server.services.system
        await create_tenant(system, NewTenant("shop", "Shop"))
        tenant = await tenant_by_slug(system, "shop")
        await add_provider(system, tenant, issuer.url, "portal")
        yield Portal(server, http, tenant)


async def test_an_invited_member_signs_in_by_a_verified_address_and_is_known_by_subject_from_then_on(
    portal: Portal, issuer: Issuer
):
    member_id = await portal.invite("ada@example.com", Role.DISPATCHER)
    who = await portal.who(issuer.token(**ADA))
    assert isinstance(who, dict)
    assert (who["kind"], who["memberId"], who["tenant"]) == ("MEMBER", member_id, {"slug": "shop"})
    assert set(who["scopes"]) == {permission.value for permission in ROLES[Role.DISPATCHER]}
    # The address may change or be missing; another person with the address is another person.
    assert await portal.who(issuer.token()) == who
    assert await portal.who(issuer.token(sub="eve", **ADA)) == "UNAUTHENTICATED"
    assert await portal.socket(issuer.token()) == "connection_ack"
    assert await portal.socket(issuer.token(sub="eve")) == 4403


async def test_an_address_that_the_issuer_has_not_verified_signs_nobody_in(portal: Portal, issuer: Issuer):
    await portal.invite("ada@example.com", Role.OWNER)
    for claims in ({"email": "ada@example.com"}, {**ADA, "email_verified": False}, {"email_verified": True}):
        assert await portal.who(issuer.token(**claims)) == "UNAUTHENTICATED"
    async with portal.server.services.system.transaction() as tx:
        assert await tx.fetchval("SELECT status FROM members") == "INVITED"


async def test_somebody_genuine_whom_nobody_invited_is_told_no_more_than_a_forger(portal: Portal, issuer: Issuer):
    genuine = await portal.answer(issuer.token(**ADA))
    forged = await portal.answer(issuer.token(aud="another-api"))
    assert (genuine.status_code, genuine.json()) == (forged.status_code, forged.json())
    assert genuine.status_code == 401


async def test_a_driver_without_a_driver_in_this_tenant_sees_nothing(portal: Portal, issuer: Issuer):
    await portal.invite("ada@example.com", Role.DRIVER)
    assert await portal.who(issuer.token(**ADA)) == "UNAUTHENTICATED"


async def test_a_driver_is_limited_to_the_driver_that_they_are(portal: Portal, issuer: Issuer):
    driver_id = new_id()
    async with portal.server.services.system.transaction() as tx:
        await tx.execute(
            "INSERT INTO drivers (tenant_id, id, version, name) VALUES ($1, $2, 1, 'Ada')",
            portal.tenant["id"],
            driver_id,
        )
    await portal.invite("ada@example.com", Role.DRIVER, driver_ids=[driver_id])
    who = await portal.who(issuer.token(**ADA))
    assert isinstance(who, dict)
    assert who["driverId"] == public_id("driver", driver_id)


@pytest.mark.parametrize("end", ["the member is removed", "the issuer is removed"])
async def test_a_sign_in_ends_within_five_seconds(portal: Portal, issuer: Issuer, end: str):
    system = portal.server.services.system
    await portal.invite("ada@example.com", Role.VIEWER)
    token = issuer.token(**ADA)
    assert isinstance(await portal.who(token), dict)
    if end == "the member is removed":
        async with system.transaction() as tx:
            await tx.execute("UPDATE members SET status = 'REMOVED'")
    else:
        async with system.transaction() as tx:
            provider = await tx.fetchval("SELECT id FROM sign_in_providers")
        await remove_provider(system, portal.tenant, provider)
    async with asyncio.timeout(5):
        while await portal.who(token) != "UNAUTHENTICATED":
            await asyncio.sleep(0.2)


async def test_an_issuer_that_cannot_be_asked_is_no_refusal(portal: Portal, issuer: Issuer):
    await issuer.stop()
    answer = await portal.answer(issuer.token(**ADA))
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")
    assert await portal.socket(issuer.token(**ADA)) == 1013
