"""A server with one tenant, and subscriptions that end: what the suites need of the schema."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.conformance.suites import Suites, installed_suites

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import DatabaseUrls
from doorstep.kernel.event_stream import EventHub
from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.planning.graphql import subscriptions
from doorstep.planning.model import PlanStatus
from doorstep.server import Server, running_server
from doorstep.settings import Settings

QUIET_SECONDS = 0.25


@pytest.fixture(scope="session")
def suites() -> Suites:
    return installed_suites()


@dataclass
class Stepper:
    """A plan that takes its next steps whenever everybody who follows it waits for one, so that each of them sees three and the end."""

    server: Server
    tenant_id: UUID
    plan_id: UUID = field(default_factory=new_id)
    over_id: UUID = field(default_factory=new_id)
    waiting: int = 0
    ending: int = 0
    """Followers who have not seen the end yet."""

    async def make(self) -> None:
        """Two plans: one that takes steps, and one that is over."""
        async with self.server.services.system.transaction() as tx:
            await tx.execute(
                "INSERT INTO plans (tenant_id, id, status, options, progress, version, created_at, updated_at) "
                "SELECT $1, id, status, '{}', '{}', 1, now(), now() FROM unnest($2::uuid[], $3::text[]) AS plan (id, status)",
                self.tenant_id,
                [self.plan_id, self.over_id],
                ["DRAFT", "CANCELLED"],
            )

    async def run(self) -> None:
        """Take steps for ever."""
        while True:
            await self._all_wait()
            await self._become(PlanStatus.OPTIMIZING)
            await self._all_wait()
            self.ending = self.waiting
            await self._become(PlanStatus.CANCELLED)
            while self.ending:
                await asyncio.sleep(0.01)

    async def saw_the_end(self) -> None:
        """One follower read it; the last one finds the plan at its beginning again before anybody is told."""
        self.ending -= 1
        if not self.ending:
            await self._become(PlanStatus.DRAFT)

    async def _all_wait(self) -> None:
        before, quiet = 0, 0.0
        while not self.waiting or quiet < QUIET_SECONDS:
            await asyncio.sleep(0.05)
            quiet = quiet + 0.05 if self.waiting == before else 0.0
            before = self.waiting

    async def _become(self, status: PlanStatus) -> None:
        async with self.server.services.system.transaction() as tx:
            await tx.execute("UPDATE plans SET status = $2 WHERE id = $1", self.plan_id, status.value)
        self.server.services.hub.signal(self.tenant_id)


@dataclass(frozen=True)
class Audited:
    """What the suites ask."""

    server: Server
    key: str
    finite: str
    """A subscription of three results."""

    one: str
    """A subscription of one result."""

    endless: str


@pytest.fixture
async def audited(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Audited]:
    with tempfile.TemporaryDirectory(prefix="doorstep-audit-") as folder:
        settings = Settings(_env_file=None, home=Path(folder), roads="straight", drain_seconds=2)  # type: ignore[call-arg]
        async with running_server(settings, database_urls, work=False, port=0) as server:
            system = server.services.system
            await create_tenant(system, NewTenant("audited", "Audited"))
            tenant = await tenant_by_slug(system, "audited")
            _, key = await create_key(system, tenant, "audit", sorted(ALL_PERMISSIONS))
            stepper = Stepper(server, tenant["id"])
            await stepper.make()
            _watch(monkeypatch, stepper)
            steps = asyncio.create_task(stepper.run())
            follow = 'subscription {{ planProgress(id: "{}") {{ status }} }}'
            yield Audited(
                server,
                key,
                follow.format(public_id("plan", stepper.plan_id)),
                follow.format(public_id("plan", stepper.over_id)),
                "subscription { events { kind cursor } }",
            )
            steps.cancel()
            with suppress(asyncio.CancelledError):
                await steps


def _watch(monkeypatch: pytest.MonkeyPatch, stepper: Stepper) -> None:
    """Let the stepper know who waits and who saw the end; both go on as they do."""
    wait, read = EventHub.wait, subscriptions.plan_progress

    async def watched_wait(ticket: Any, within: float) -> bool:
        follows = within == subscriptions.POLL_SECONDS
        stepper.waiting += follows
        try:
            return await wait(ticket, within)
        finally:
            stepper.waiting -= follows

    async def watched_read(tx: Any, tenant_id: UUID, plan_ids: list[UUID]) -> dict[UUID, Any]:
        rows = await read(tx, tenant_id, plan_ids)
        if stepper.ending and plan_ids == [stepper.plan_id] and rows[stepper.plan_id]["status"] == PlanStatus.CANCELLED:
            await stepper.saw_the_end()
        return rows

    monkeypatch.setattr(EventHub, "wait", staticmethod(watched_wait))
    monkeypatch.setattr(subscriptions, "plan_progress", watched_read)
