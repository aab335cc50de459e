"""Whoever plays a simulation, and however often it dies over it: each act happens once, at its own instant. And each wall, taken down."""

import asyncio
import os
import signal
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.processes.conftest import Doorstep
from tests.sandbox.conftest import PATIENCE, Company, claimed, expire

from doorstep.identity.service import system_principal
from doorstep.kernel import jobs
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.ids import parse_id
from doorstep.kernel.jobs import Job, LostLease
from doorstep.kernel.scope import Principal
from doorstep.sandbox.jobs import drive
from doorstep.sandbox.service import clock, play, playing
from doorstep.server import running_worker
from doorstep.settings import Settings

STEP = 60
ACTS = ["COMPLETE", "DEPART", "ARRIVE", "COMPLETE", "DEPART", "ARRIVE", "COMPLETE"]


@dataclass
class Play:
    """A simulation of one order, all of whose acts are due."""

    company: Company
    db: Database
    principal: Principal
    simulation_id: UUID

    async def once(self) -> None:
        """One step, by whoever calls."""
        async with self.db.write(self.principal) as scope:
            await play(scope, self.simulation_id)

    async def twice_at_once(self) -> None:
        """A second hand begins its step while the first one's is not committed."""
        async with self.db.write(self.principal) as scope:
            await play(scope, self.simulation_id)
            second = asyncio.create_task(self.once())
            await asyncio.sleep(0.3)
        await second

    async def acts(self) -> list[tuple[str, datetime]]:
        """What was done, and when."""
        rows = await self.company.rows(
            "SELECT act, occurred_at FROM stop_acts WHERE tenant_id = $1 ORDER BY recorded_at"
        )
        return [(row["act"], row["occurred_at"]) for row in rows]


@pytest.fixture
async def played(idle: Company, db: Database) -> Play:
    started = await idle.do("simulateOrder", orderId=await idle.order(), secondsPerStep=STEP)
    await idle.do("setSandboxClock", at=(await idle.now() + timedelta(days=1)).isoformat())
    principal = await system_principal(idle.system, idle.tenant_id)
    return Play(idle, db, principal, parse_id("simulation", started["id"]))


def steps_between(acts: list[tuple[str, datetime]]) -> set[float]:
    """The seconds between consecutive acts."""
    return {(after - before).total_seconds() for (_, before), (_, after) in pairwise(acts)}


async def test_two_hands_at_once_do_each_act_once(played: Play) -> None:
    for _ in range(4):
        await played.twice_at_once()
    acts = await played.acts()
    assert [act for act, _ in acts] == ACTS
    assert steps_between(acts) == {STEP}


async def test_planted_fault_without_the_lock_the_second_hand_is_known_by_its_act(
    played: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "LOCK", playing.LOCK.replace("FOR UPDATE", ""))
    with pytest.raises(Exception, match="act id"):
        await played.twice_at_once()
    assert len(await played.acts()) == 1


async def test_planted_fault_without_lock_and_ids_two_hands_are_noticed(
    played: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "LOCK", playing.LOCK.replace("FOR UPDATE", ""))
    monkeypatch.setattr(playing, "act_id", lambda *_: str(uuid4()))
    await played.twice_at_once()
    assert steps_between(await played.acts()) != {STEP}


async def test_a_worker_that_slept_through_its_lease_changes_nothing(played: Play) -> None:
    sleeper = await claimed(played.company.system, played.db, played.principal)
    await expire(played.company)
    successor = await claimed(played.company.system, played.db, played.principal)
    before = await played.company.everything()
    with pytest.raises(LostLease):
        await drive(sleeper)
    assert await played.company.everything() == before
    await drive(successor)
    assert [act for act, _ in await played.acts()] == ACTS


async def test_planted_fault_without_the_fence_the_sleeper_acts(played: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = await claimed(played.company.system, played.db, played.principal)
    await expire(played.company)
    await claimed(played.company.system, played.db, played.principal)

    async def open_gate(*_: Any) -> None:
        return None

    monkeypatch.setattr(Job, "fence", open_gate)
    await drive(sleeper)
    assert await played.acts() != []


async def jump_while_a_worker_puts_its_job_off(idle: Company, db: Database) -> Play:
    """The job is put off by the old clock in the same moment in which the new one is set."""
    started = await idle.do("simulateOrder", orderId=await idle.order(), secondsPerStep=3600)
    principal = await system_principal(idle.system, idle.tenant_id)
    played = Play(idle, db, principal, parse_id("simulation", started["id"]))
    job = await claimed(played.company.system, played.db, played.principal)
    async with db.write(principal) as scope:
        wait = await play(scope, played.simulation_id)
        assert wait is not None
        assert wait > 3000
        jump = asyncio.create_task(idle.do("setSandboxClock", at=(await idle.now() + timedelta(days=1)).isoformat()))
        await asyncio.sleep(0.3)
        await job.put_off(scope, wait)
    await jump
    return replace(played, principal=await system_principal(idle.system, idle.tenant_id))


async def test_a_jump_of_the_clock_wakes_also_the_job_that_is_just_being_put_off(idle: Company, db: Database) -> None:
    played = await jump_while_a_worker_puts_its_job_off(idle, db)
    await drive(await claimed(played.company.system, played.db, played.principal))
    assert [act for act, _ in await played.acts()] == ACTS


async def test_planted_fault_without_holding_simulations_the_jump_is_slept_through(
    idle: Company, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "HOLD", clock.HOLD.replace("FOR UPDATE", ""))
    await jump_while_a_worker_puts_its_job_off(idle, db)
    assert await jobs.claim(idle.system) is None


async def test_a_worker_that_is_killed_and_killed_again(
    idle: Company, database_urls: DatabaseUrls, doorstep: Doorstep, tmp_path: Path
) -> None:
    """Real processes and SIGKILL, in the middle of a run; what is left does not differ from a run without."""
    doorstep.environment |= {
        "DATABASE_URL": database_urls.app,
        "DATABASE_SYSTEM_URL": database_urls.system,
        "DOORSTEP_SECRET_KEYS": os.urandom(32).hex(),
    }
    order_id = await idle.order()
    started = await idle.do("simulateOrder", orderId=order_id, outcome="REFUSED", secondsPerStep=STEP)
    await idle.do("setSandboxClock", rate=float(STEP))
    seen = 0
    for _ in range(2):
        worker = doorstep.start("work")
        async with asyncio.timeout(PATIENCE):
            while (status := (await idle.simulation(started["id"]))["status"]) == "RUNNING":
                acts = len(await idle.rows("SELECT 1 FROM stop_acts WHERE tenant_id = $1"))
                if acts >= seen + 2:
                    seen = acts
                    break
                await asyncio.sleep(0.02)
        worker.stop(signal.SIGKILL)
        await expire(idle)
        if status != "RUNNING":
            break
    settings = Settings(_env_file=None, home=tmp_path, roads="straight", drain_seconds=2)  # type: ignore[call-arg]
    async with running_worker(settings, database_urls):
        over = await idle.over(started["id"])
    assert (over["status"], over["lastError"], over["route"]["status"]) == ("SUCCEEDED", None, "COMPLETED")
    rows = await idle.rows("SELECT act, occurred_at FROM stop_acts WHERE tenant_id = $1 ORDER BY recorded_at")
    assert [row["act"] for row in rows] == [*ACTS[:3], "FAIL", *ACTS[4:]]
    assert steps_between([(row["act"], row["occurred_at"]) for row in rows]) == {STEP}
    wanted = ["ASSIGNED", "PICKED_UP", "EN_ROUTE_TO_DROPOFF", "AT_DROPOFF", "ATTEMPT_FAILED", "RETURNING", "RETURNED"]
    assert await idle.statuses(order_id) == wanted
