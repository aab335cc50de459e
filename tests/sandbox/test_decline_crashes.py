"""Two commits, in two tenants: whoever dies between them, and however often, a carrier declines once, and only for a simulation that runs."""

import asyncio
import os
import signal
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.processes.conftest import Doorstep
from tests.sandbox.conftest import Company, claimed, expire, make_company, make_fleet

from doorstep.identity.model import TenantMode
from doorstep.identity.service import system_principal
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.jobs import Job, LostLease
from doorstep.partners.jobs import Relay
from doorstep.sandbox.jobs import drive
from doorstep.sandbox.service import declining, playing
from doorstep.server import running_worker
from doorstep.settings import Settings


@dataclass
class Offered:
    """An order of a merchant that was offered to the first of two carriers, with a simulation whose answer is due."""

    merchant: Company
    carrier: Company
    db: Database
    order_id: str
    simulation_id: str

    async def job(self) -> Job:
        """The simulation's, as a worker claims it."""
        system = self.merchant.system
        return await claimed(system, self.db, await system_principal(system, self.merchant.tenant_id))

    async def relay(self) -> None:
        """Everything that is new goes to the other side."""
        for _ in range(3):
            await Relay().run(self.db, self.merchant.system)

    async def tenders(self) -> list[str]:
        """What became of the order's tenders, oldest first."""
        rows = await self.merchant.rows("SELECT status FROM tenders WHERE merchant_id = $1 ORDER BY id")
        return [row["status"] for row in rows]

    async def times_declined(self) -> int:
        """How often the carrier's log tells it."""
        return len(await self.carrier.rows("SELECT 1 FROM events WHERE tenant_id = $1 AND type = 'TenderDeclined'"))

    async def status(self) -> str:
        """The simulation's."""
        found: str = (await self.merchant.simulation(self.simulation_id))["status"]
        return found

    async def due(self) -> None:
        """The clock jumps past the answer's time."""
        at = await self.merchant.now() + timedelta(hours=2)
        await self.merchant.do("setSandboxClock", at=at.isoformat())


@pytest.fixture
async def waiting(idle: Company, db: Database) -> Offered:
    """The answer is an hour away."""
    carriers = [await make_company(idle.server, idle.http, idle.system, TenantMode.TEST) for _ in range(2)]
    offers = []
    for carrier in carriers:
        made = await carrier.do("acceptPartnership", token=await idle.do("invitePartner"))
        offers.append({"partnershipId": made["id"]})
    fleet = await make_fleet(idle, timedelta(hours=1))
    order_id = await idle.order(depotId=fleet.depot)
    await idle.do("tenderOrder", orderIds=[order_id], offers=offers)
    started = await idle.do("simulateOrder", orderId=order_id, outcome="CARRIER_DECLINES", secondsPerStep=3600)
    return Offered(idle, carriers[0], db, order_id, started["id"])


@pytest.fixture
async def offered(waiting: Offered) -> Offered:
    await waiting.due()
    return waiting


async def test_a_worker_that_dies_between_the_two_commits(offered: Offered, monkeypatch: pytest.MonkeyPatch) -> None:
    """The carrier has declined, the merchant's simulation does not know; the next carrier is asked before anybody comes back to it."""

    async def dies(*_: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(declining, "close", dies)
        with pytest.raises(MemoryError):
            await drive(await offered.job())
    assert (await offered.status(), await offered.times_declined()) == ("RUNNING", 1)
    await offered.relay()
    assert await offered.tenders() == ["DECLINED", "OFFERED"]
    await expire(offered.merchant)
    await drive(await offered.job())
    await offered.relay()
    assert (await offered.status(), await offered.times_declined()) == ("SUCCEEDED", 1)
    assert await offered.tenders() == ["DECLINED", "OFFERED"]


async def test_a_worker_that_slept_through_its_lease_declines_nothing(offered: Offered) -> None:
    sleeper = await offered.job()
    await expire(offered.merchant)
    successor = await offered.job()
    with pytest.raises(LostLease):
        await drive(sleeper)
    assert (await offered.tenders(), await offered.times_declined()) == (["OFFERED"], 0)
    await drive(successor)
    assert (await offered.tenders(), await offered.times_declined()) == (["DECLINED"], 1)


async def test_planted_fault_without_the_fence_the_sleeper_declines(
    offered: Offered, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = await offered.job()
    await expire(offered.merchant)
    await offered.job()

    async def open_gate(*_: Any) -> None:
        return None

    monkeypatch.setattr(Job, "fence", open_gate)
    await drive(sleeper)
    assert await offered.tenders() == ["DECLINED"]


async def cancelled_while_the_robot_answers(offered: Offered, monkeypatch: pytest.MonkeyPatch) -> str:
    """Somebody cancels after the carrier has declined and before the simulation says so; returns what they are told."""
    answered, cancelling = asyncio.Event(), asyncio.Event()
    real = declining.close

    async def slow_close(*arguments: Any) -> None:
        answered.set()
        await cancelling.wait()
        await asyncio.sleep(0.3)
        await real(*arguments)

    monkeypatch.setattr(declining, "close", slow_close)
    driving = asyncio.create_task(drive(await offered.job()))
    await answered.wait()
    cancelling.set()
    payload = await offered.merchant.call("cancelSimulation", simulationId=offered.simulation_id)
    await asyncio.gather(driving, return_exceptions=True)
    assert await offered.tenders() == ["DECLINED"]
    return ",".join(problem["code"] for problem in payload["problems"])


async def test_who_cancels_too_late_is_told_so(offered: Offered, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await cancelled_while_the_robot_answers(offered, monkeypatch) == "ILLEGAL_TRANSITION"
    assert await offered.status() == "SUCCEEDED"


async def test_planted_fault_without_the_lock_a_cancelled_simulation_has_declined(
    offered: Offered, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def open_gate(*_: Any) -> None:
        return None

    monkeypatch.setattr(playing, "LOCK", playing.LOCK.replace("FOR UPDATE", ""))
    monkeypatch.setattr(Job, "fence", open_gate)
    assert await cancelled_while_the_robot_answers(offered, monkeypatch) == ""


async def test_a_simulation_that_was_cancelled_declines_nothing(offered: Offered) -> None:
    job = await offered.job()
    await offered.merchant.do("cancelSimulation", simulationId=offered.simulation_id)
    with pytest.raises(LostLease):
        await drive(job)
    assert (await offered.tenders(), await offered.times_declined()) == (["OFFERED"], 0)


async def test_a_worker_that_is_killed_while_the_robot_waits(
    waiting: Offered, database_urls: DatabaseUrls, doorstep: Doorstep, tmp_path: Path
) -> None:
    """A real process and SIGKILL."""
    doorstep.environment |= {
        "DATABASE_URL": database_urls.app,
        "DATABASE_SYSTEM_URL": database_urls.system,
        "DOORSTEP_SECRET_KEYS": os.urandom(32).hex(),
    }
    worker = doorstep.start("work")
    await waiting.merchant.until(waiting.simulation_id, lambda shown: shown["nextActAt"] is not None)
    worker.stop(signal.SIGKILL)
    await expire(waiting.merchant)
    await waiting.due()
    settings = Settings(_env_file=None, home=tmp_path, roads="straight", drain_seconds=2)  # type: ignore[call-arg]
    async with running_worker(settings, database_urls):
        assert (await waiting.merchant.over(waiting.simulation_id))["status"] == "SUCCEEDED"
    await waiting.relay()
    assert (await waiting.tenders(), await waiting.times_declined()) == (["DECLINED", "OFFERED"], 1)
