"""A company with an endpoint and owners, a server without a worker, and workers that deliver webhooks, write to owners and send mail."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.messages.mail_server import MailBox, mail_server
from tests.webhooks.conftest import FAST, Company, all_tenants, company, receiver, server, urls  # noqa: F401 (fixtures)

from doorstep.identity.permissions import Role
from doorstep.identity.service import system_principal
from doorstep.identity.service.owners import add_member
from doorstep.kernel.consumers import Consumer, react_once
from doorstep.kernel.events import DomainEvent
from doorstep.kernel.ids import parse_id
from doorstep.messages.jobs import JOB_KINDS, owners_told
from doorstep.server import deliveries
from doorstep.settings import Settings
from doorstep.webhooks.events import WebhookEndpointStatusChanged
from doorstep.webhooks.model import EndpointReason, EndpointStatus
from doorstep.webhooks.reads import endpoints_by_ids
from doorstep.worker import Worker

OUTBOX = """{ messages { totalCount nodes {
  id kind status subject text tries fault createdAt sentAt endpointId memberId
} } }"""
TOLD = owners_told(endpoints_by_ids)


@dataclass
class Office:
    """A company, an endpoint of its own, and what becomes of it."""

    company: Company
    endpoint: str

    async def member(self, role: Role, name: str = "") -> str:
        """Somebody more; returns the address."""
        address = f"{name or role.value.lower()}.{uuid4().hex[:8]}@example.org"
        (tenant,) = await self.company.rows("SELECT organization_id FROM tenants WHERE id = $1")
        await add_member(self.company.system, tenant, address, "Somebody", role)
        return address

    async def outbox(self) -> list[dict[str, Any]]:
        """Messages as the API shows them, newest first."""
        shown = (await self.company.ask(OUTBOX))["messages"]
        assert shown["totalCount"] == len(shown["nodes"])
        nodes: list[dict[str, Any]] = shown["nodes"]
        return nodes

    async def outbox_when(self, condition: Callable[[dict[str, Any]], bool], count: int = 1) -> list[dict[str, Any]]:
        """The outbox once there is so much in it and all of it is so."""
        async with asyncio.timeout(20):
            while len(nodes := await self.outbox()) < count or not all(map(condition, nodes)):
                await asyncio.sleep(0.05)
            return nodes

    async def emit(self, event: DomainEvent) -> None:
        """Put an event into the log."""
        services = self.company.server.services
        async with services.db.write(await system_principal(services.system, self.company.tenant_id)) as scope:
            scope.emit(event)

    async def disable(self) -> None:
        """The log says that Doorstep disabled the endpoint."""
        status, reason = EndpointStatus.DISABLED, EndpointReason.GONE
        await self.emit(
            WebhookEndpointStatusChanged(
                endpoint_id=self.uuid,
                from_status=EndpointStatus.ACTIVE,
                to_status=status,
                reason=reason,
                aggregate_version=2,
            )
        )

    async def react(self, consumer: Consumer = TOLD) -> None:
        """The consumer reads on, to the log's end."""
        services = self.company.server.services
        principal = await system_principal(services.system, self.company.tenant_id)
        while await react_once(services.db, principal, consumer):
            pass

    async def again(self) -> None:
        """What waits for another try is due now."""
        await self.company.execute("UPDATE jobs SET run_after = now() WHERE tenant_id = $1 AND state = 'QUEUED'")

    @property
    def uuid(self) -> UUID:
        """The endpoint's id in the database."""
        return parse_id("webhook", self.endpoint)


@pytest.fixture
async def office(company: Company) -> Office:  # noqa: F811
    made = await company.endpoint("https://hooks.example.com/in/s3cret-path?token=s3cret", name="warehouse")
    return Office(company, made["id"])


@pytest.fixture
async def box() -> AsyncIterator[MailBox]:
    async with mail_server() as made:
        yield made


@asynccontextmanager
async def at_work(office: Office, url: str | None, *, delivers: bool = False) -> AsyncIterator[None]:
    """A worker that writes to owners and hands mail in at ``url`` (None: there is no mail server)."""
    services = office.company.server.services
    settings = services.get(Settings)
    changed = {"smtp_url": url, "mail_from": "Doorstep <doorstep@example.com>" if url else None}
    services.offer(settings.model_copy(update=changed))
    periodics = deliveries(services, FAST).periodics() if delivers else []
    worker = Worker(services, JOB_KINDS, [TOLD], periodics=periodics, slots=2)
    worker.start()
    try:
        yield
    finally:
        await worker.stop(2)
        services.offer(settings)
