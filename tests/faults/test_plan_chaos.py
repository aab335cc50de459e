"""Many plans at once while solver processes and the worker's process are killed with -9 and stand still: each ends, once.

The plans are about the same orders and shifts, so that of all proposals one can be committed and no other ever is.
"""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import psutil
import pytest
from tests.faults.clients import Api
from tests.faults.conftest import Home
from tests.faults.processes import Serve, serving
from tests.faults.test_plans import ADDRESS, made

from doorstep.kernel.ids import parse_id, public_id

ORDERS = 55
"""Enough for both engines to have their turn in each plan."""
COMMIT = "mutation ($input: CommitPlanInput!) { commitPlan(input: $input) { plan { status } problems { code } } }"
LEASES = "UPDATE jobs SET lease_until = now(), run_after = now() WHERE state IN ('QUEUED', 'RUNNING')"


async def ground(api: Api) -> tuple[list[str], list[str]]:
    """Orders and shifts that every plan is about."""
    depot = await made(api, "Depot", name="Hub", address=ADDRESS, coordinates={"latitude": 47.141, "longitude": 9.5209})
    chance = random.Random(5)
    shifts = []
    for number in range(3):
        vehicle = await made(api, "Vehicle", name=f"Van {number}", kind="VAN", depotId=depot)
        driver = await made(api, "Driver", name=f"Driver {number}")
        times = {"start": "2027-03-01T07:00:00Z", "end": "2027-03-01T16:00:00Z"}
        shifts.append(await made(api, "Shift", driverId=driver, vehicleId=vehicle, depotId=depot, **times))
    orders = [
        {
            "kind": "DELIVERY", "depotId": depot,
            "dropoff": {
                "address": ADDRESS,
                "coordinates": {"latitude": 47.14 + chance.uniform(-0.05, 0.05), "longitude": 9.52 + chance.uniform(-0.05, 0.05)},
            },
        }
        for _ in range(ORDERS)
    ]  # fmt: skip
    answer = await api.data(
        "mutation ($input: CreateOrdersInput!) { createOrders(input: $input) { results { order { id } } } }",
        input={"orders": orders},
    )
    return [result["order"]["id"] for result in answer["createOrders"]["results"]], shifts


class Monkey:
    """Hurts what works on the plans, in a sequence that its seed decides."""

    def __init__(self, server: Serve, truth: asyncpg.Connection, seed: int) -> None:
        self.server = server
        self.truth = truth
        self.chance = random.Random(seed)
        self.did: Counter[str] = Counter()

    async def act(self, server_deaths: int) -> None:
        """One act; the server itself dies so many times in all."""
        engines = self._engines()
        if self.did["server killed"] < server_deaths and self.did["engine killed"] >= 4 * (
            self.did["server killed"] + 1
        ):
            await self._kill_server()
        elif self.did["server paused"] < server_deaths and self.chance.random() < 0.1:
            await self._pause_server()
        elif engines:
            number = signal.SIGSTOP if self.chance.random() < 0.15 else signal.SIGKILL
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.chance.choice(engines), number)
                self.did["engine paused" if number == signal.SIGSTOP else "engine killed"] += 1

    def _engines(self) -> list[int]:
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.server.process.pid).children(recursive=True)
            return [child.pid for child in children if _is_engine(child)]
        return []

    async def _kill_server(self) -> None:
        self.server.kill()
        self.did["server killed"] += 1
        await self.server.start()
        await self.truth.execute(LEASES)  # rather than wait for half a minute

    async def _pause_server(self) -> None:
        self.server.process.send_signal(signal.SIGSTOP)
        await self.truth.execute(LEASES)
        await asyncio.sleep(1)
        self.server.process.send_signal(signal.SIGCONT)
        self.did["server paused"] += 1


def _is_engine(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return any("solver/child" in word for word in process.cmdline())
    return False


async def ended(truth: asyncpg.Connection) -> bool:
    await truth.execute("UPDATE jobs SET run_after = now() WHERE state = 'QUEUED'")
    return not await truth.fetchval("SELECT count(*) FROM plans WHERE status = 'OPTIMIZING'")


@pytest.mark.parametrize(
    ("plans", "server_deaths", "seconds"),
    [(20, 1, 160), pytest.param(200, 8, 2400, marks=[pytest.mark.release, pytest.mark.timeout(2700)])],
)
async def test_each_plan_ends_once_and_none_is_applied_twice(
    home: Home, plans: int, server_deaths: int, seconds: int, record_property: Any
) -> None:
    async with (
        serving(home.path, home.log, DOORSTEP_SOLVER_SLOTS="2") as (server,),
        Api(server.graphql_url, home.key) as api,
        home.truth() as truth,
    ):
        orders, shifts = await ground(api)
        ids = [parse_id("plan", await made(api, "Plan", orderIds=orders, shiftIds=shifts)) for _ in range(plans)]
        monkey, began = Monkey(server, truth, seed=plans), time.monotonic()
        while not await ended(truth):
            assert time.monotonic() - began < seconds, monkey.did
            await monkey.act(server_deaths)
            await asyncio.sleep(0.4)
        record_property("acts", dict(monkey.did))
        assert monkey.did["engine killed"] >= plans / 5
        proposed = await judged(truth, ids)
        record_property("proposed", len(proposed))
        assert len(proposed) >= plans / 2
        await commit_all(api, truth, proposed, len(orders))
        assert server.complaints() == []


async def judged(truth: asyncpg.Connection, ids: list[UUID]) -> list[UUID]:
    """The proposed plans; each of all plans ended once, told once, and is whole."""
    proposed = []
    for plan_id in ids:
        plan = await truth.fetchrow("SELECT * FROM plans WHERE id = $1", plan_id)
        assert plan is not None
        told = await truth.fetch(
            "SELECT type, data FROM events WHERE plan_id = $1 AND type IN ('PlanStatusChanged', 'PlanFinished')",
            plan_id,
        )
        changes = [event["data"]["to"] for event in told if event["type"] == "PlanStatusChanged"]
        assert changes == ["DRAFT", "OPTIMIZING", plan["status"]]
        routes = await truth.fetchval("SELECT count(*) FROM routes WHERE plan_id = $1", plan_id)
        if plan["status"] == "PROPOSED":
            assert routes == plan["summary"]["routes"] > 0
            assert plan["summary"]["orders"] + plan["summary"]["unassigned"] == ORDERS
            proposed.append(plan_id)
        else:
            assert (plan["status"], routes) == ("FAILED", 0)
            assert plan["failure_reason"], "nobody is left without a reason"
    return proposed


async def commit_all(api: Api, truth: asyncpg.Connection, plans: list[UUID], orders: int) -> None:
    """Everybody commits at once: one plan comes true, as a whole."""
    inputs = [{"planId": public_id("plan", plan_id)} for plan_id in plans[:8]]
    answers = await asyncio.gather(*(api.data(COMMIT, input=one) for one in inputs))
    done = [answer["commitPlan"] for answer in answers if not answer["commitPlan"]["problems"]]
    assert len(done) == 1, answers
    taken = await truth.fetch("SELECT order_id, count(*) FROM assignments WHERE active GROUP BY order_id")
    assert all(row["count"] == 1 for row in taken)
    assert len(taken) == orders
