"""An issuer, and tenants that it signs people in to."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from tests.hands import Hands
from tests.identity.issuer import Issuer, running_issuer

from doorstep.identity.oidc import OidcVerifier, Provider


@dataclass
class Configured:
    """The operator's list, kept in memory."""

    providers: list[Provider] = field(default_factory=list)

    async def __call__(self, issuer: str) -> list[Provider]:
        return [provider for provider in self.providers if provider.issuer == issuer]

    def add(self, issuer: str, audience: str) -> UUID:
        tenant_id = uuid4()
        self.providers.append(Provider(tenant_id, issuer, audience))
        return tenant_id


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer() as running:
        yield running


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def configured() -> Configured:
    return Configured()


@pytest.fixture
def tenant_id(issuer: Issuer, configured: Configured) -> UUID:
    """The tenant whose portal is ``portal``."""
    return configured.add(issuer.url, "portal")


@pytest.fixture
async def verifier(configured: Configured, tenant_id: UUID, clock: Hands) -> AsyncIterator[OidcVerifier]:
    checking = OidcVerifier(configured, clock=clock)
    yield checking
    await checking.close()
