"""A tenant to act in, without any slice above the kernel but identity."""

from dataclasses import dataclass

import pytest

from doorstep.identity.service import NewTenant, create_tenant
from doorstep.kernel.db import Database
from doorstep.kernel.events import DomainEvent
from doorstep.kernel.scope import ALL_PERMISSIONS, SYSTEM_ACTOR, Principal


@dataclass(frozen=True, kw_only=True)
class SomethingHappened(DomainEvent):
    """An event of the tests alone."""

    note: str = ""


async def make_principal(system: Database, slug: str) -> Principal:
    """A new tenant, and Doorstep acting for it."""
    tenant_id = await create_tenant(system, NewTenant(slug, slug.title()))
    return Principal(tenant_id, SYSTEM_ACTOR, ALL_PERMISSIONS)


@pytest.fixture
async def alpha(system: Database) -> Principal:
    return await make_principal(system, "alpha")


@pytest.fixture
async def beta(system: Database) -> Principal:
    return await make_principal(system, "beta")
