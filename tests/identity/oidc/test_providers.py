"""The operator's list of issuers: on the command line, in the database, and out of the tenants' reach."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
import pytest
from tests.identity.issuer import Issuer

from doorstep.identity.errors import ProviderTaken, UnknownProvider, UnusableIssuer
from doorstep.identity.oidc import OidcVerifier, Provider
from doorstep.identity.oidc.providers import add_provider, list_providers, providers_in, remove_provider
from doorstep.identity.service import NewTenant, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database, Row
from doorstep.kernel.errors import Unauthenticated

ISSUER = "https://issuer.example"

Tenant = Callable[[str], Awaitable[Row]]


@pytest.fixture
def tenant(system: Database) -> Tenant:
    async def make(slug: str) -> Row:
        await create_tenant(system, NewTenant(slug, slug.title()))
        return await tenant_by_slug(system, slug)

    return make


async def test_an_issuer_and_audience_lead_to_one_tenant(db: Database, system: Database, tenant: Tenant):
    alpha, beta = await tenant("alpha"), await tenant("beta")
    await add_provider(system, alpha, ISSUER, "alpha-portal")
    await add_provider(system, beta, ISSUER, "beta-portal")
    for owner in (alpha, beta):
        with pytest.raises(ProviderTaken, match="audience of its own"):
            await add_provider(system, owner, ISSUER, "alpha-portal")
    found = await providers_in(db)(ISSUER)
    assert set(found) == {Provider(alpha["id"], ISSUER, "alpha-portal"), Provider(beta["id"], ISSUER, "beta-portal")}
    assert await providers_in(db)(f"{ISSUER}/") == []


async def test_a_provider_is_removed_by_its_own_tenant_alone(db: Database, system: Database, tenant: Tenant):
    alpha, beta = await tenant("alpha"), await tenant("beta")
    identifier = await add_provider(system, alpha, ISSUER, "portal")
    with pytest.raises(UnknownProvider):
        await remove_provider(system, beta, identifier)
    assert [row["audience"] for row in await list_providers(system, alpha)] == ["portal"]
    assert await list_providers(system, beta) == []
    await remove_provider(system, alpha, identifier)
    assert await providers_in(db)(ISSUER) == []


async def test_what_no_token_could_name_is_not_taken(system: Database, tenant: Tenant):
    alpha = await tenant("alpha")
    for issuer, audience in (
        ("http://issuer.example", "portal"),
        ("https://issuer.example?tenant=1", "portal"),
        ("https://issuer.example/" + "x" * 600, "portal"),
        (ISSUER, ""),
        (ISSUER, "x" * 256),
        (ISSUER, "portal\n"),
    ):
        with pytest.raises(UnusableIssuer):
            await add_provider(system, alpha, issuer, audience)
    assert await list_providers(system, alpha) == []


async def test_requests_can_neither_add_an_issuer_nor_list_those_of_others(
    db: Database, system: Database, tenant: Tenant
):
    alpha, beta = await tenant("alpha"), await tenant("beta")
    await add_provider(system, beta, ISSUER, "portal")
    for statement in (
        f"INSERT INTO sign_in_providers (tenant_id, id, issuer, audience) VALUES ('{alpha['id']}', '{UUID(int=1)}', 'x', 'x')",
        "UPDATE sign_in_providers SET audience = 'x'",
        "DELETE FROM sign_in_providers",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.transaction(alpha["id"]) as tx:
                await tx.execute(statement)
    async with db.transaction(alpha["id"]) as tx:
        assert await tx.fetch("SELECT * FROM sign_in_providers") == []
    async with db.transaction() as tx:
        assert await tx.fetch("SELECT * FROM sign_in_providers") == []


async def test_a_token_leads_to_its_tenant_until_the_operator_takes_the_issuer_away(
    db: Database, system: Database, tenant: Tenant, issuer: Issuer
):
    alpha = await tenant("alpha")
    identifier = await add_provider(system, alpha, issuer.url, "portal")
    verifier = OidcVerifier(providers_in(db))
    assert (await verifier.verify(issuer.token())).tenant_id == alpha["id"]
    await remove_provider(system, alpha, identifier)
    with pytest.raises(Unauthenticated):
        await verifier.verify(issuer.token())
    await verifier.close()
