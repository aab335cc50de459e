"""What goes wrong while a plan is made: dead engines, dead workers, lost leases, a road engine that is away. Nothing is half-written."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from doorstep.kernel import jobs
from doorstep.kernel.errors import Unavailable
from doorstep.kernel.jobs import Job, JobKind, LostLease
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import Scope
from doorstep.places.roads import Roads, RoadsMode
from doorstep.planning.jobs import JOB_KINDS
from doorstep.planning.jobs.optimizing import give_up_plan, optimize
from doorstep.planning.service import NewPlan, cancel_plan, create_plan, optimize_plan

PROPOSED = (
    "SELECT (SELECT count(*) FROM routes WHERE tenant_id = $1) + (SELECT count(*) FROM stops WHERE tenant_id = $1)"
)

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
SOLVING = "SELECT count(*) FROM jobs WHERE tenant_id = $1 AND progress ->> 'phase' = 'SOLVING'"


@pytest.fixture
def world(lone_world: Any) -> Any:
    """On a database of its own: the next due job is the test's."""
    return lone_world


async def queued(world: Any, orders: int = 3) -> UUID:
    """A plan whose job waits."""
    ids, shift = await world.add_orders(orders), await world.add_shift()
    return UUID((await world.do(create_plan, NewPlan(order_ids=tuple(ids), shift_ids=(shift,))))["id"])


async def claimed(world: Any) -> Job:
    """The next due job, as a worker would hold it."""
    row = await jobs.claim(world.services.system)
    assert row is not None
    return Job(
        row["id"], row["tenant_id"], row["kind"], row["input"], row["attempts"], row["run_token"],
        world.principal, world.services.db, world.services.system, world.services,
    )  # fmt: skip


async def expire_leases(world: Any) -> None:
    async with world.services.system.transaction() as tx:
        await tx.execute("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE state = 'RUNNING'")


async def no_pauses(world: Any) -> None:
    async with world.services.system.transaction() as tx:
        await tx.execute("UPDATE jobs SET run_after = now() WHERE state = 'QUEUED'")


async def test_a_plan_whose_worker_was_killed_is_optimized_by_the_next(world: Any, work: Callable[..., Any]) -> None:
    plan_id = await queued(world)
    await claimed(world)
    assert (await world.plan(plan_id))["status"] == "OPTIMIZING"
    await expire_leases(world)
    async with work(world.services):
        plan = await world.finished(plan_id)
    assert plan["status"] == "PROPOSED"
    assert await world.value("SELECT attempts FROM jobs WHERE tenant_id = $1") == 2


async def test_a_worker_that_slept_through_its_lease_writes_nothing(world: Any) -> None:
    plan_id = await queued(world)
    asleep = await claimed(world)
    await expire_leases(world)
    awake = await claimed(world)
    await optimize(awake)
    routes = {row["id"] for row in await world.rows("SELECT id FROM routes WHERE tenant_id = $1")}
    events = await world.event_types()

    with pytest.raises(LostLease):
        await optimize(asleep)

    assert (await world.plan(plan_id))["status"] == "PROPOSED"
    assert {row["id"] for row in await world.rows("SELECT id FROM routes WHERE tenant_id = $1")} == routes
    assert await world.event_types() == events


async def test_only_the_fence_keeps_a_sleeper_from_writing(world: Any) -> None:
    """The planted fault: a sleeper whose token was taken while it computed, at the very last moment before it writes."""
    plan_id = await queued(world)
    asleep = await claimed(world)

    class Blind(Job):
        __slots__ = ()

        async def report(self, progress: dict[str, Any]) -> None:
            """Notices nothing until it writes."""

    fields = {name: getattr(asleep, name) for name in Job.__slots__}
    await expire_leases(world)
    await claimed(world)
    with pytest.raises(LostLease):
        await optimize(Blind(**fields))
    assert await world.value(PROPOSED) == 0
    assert (await world.plan(plan_id))["status"] == "OPTIMIZING", "the other worker still has it"

    class Fenceless(Blind):
        __slots__ = ()

        async def fence(self, scope: Scope) -> None:
            """The fault: nobody looks at the token."""

    await optimize(Fenceless(**fields))
    assert await world.value(PROPOSED) > 0, "without the fence it would have written"


async def test_a_cancelled_plan_stays_cancelled_while_its_solver_still_runs(world: Any) -> None:
    plan_id = await queued(world)
    job = await claimed(world)
    await world.do(cancel_plan, plan_id)
    with pytest.raises(LostLease):
        await optimize(job)
    async with job.db.write(job.principal) as scope:
        await give_up_plan(scope, job, "too late")
    assert (await world.plan(plan_id))["status"] == "CANCELLED"
    assert await world.value(PROPOSED) == 0


@contextmanager
def engines_killed() -> Iterator[list[int]]:
    """Every engine process that this process starts is killed (SIGKILL) while it works; yields the pids of those that were."""
    killed: list[int] = []
    stop = threading.Event()

    def hunt() -> None:
        while not stop.wait(0.005):
            for pid in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
                for child in pid.read_text().split():
                    with suppress(OSError):
                        if b"solver" in Path(f"/proc/{child}/cmdline").read_bytes():
                            os.kill(int(child), signal.SIGKILL)
                            killed.append(int(child))

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        yield killed
    finally:
        stop.set()
        hunter.join()


async def test_a_solver_that_keeps_dying_fails_the_plan_with_the_reason(world: Any, work: Callable[..., Any]) -> None:
    if not Path("/proc/self/task").is_dir():
        pytest.skip("finds engine processes through /proc, which this platform lacks")
    plan_id = await queued(world, 30)

    async def over() -> bool:
        await no_pauses(world)
        return (await world.plan(plan_id))["status"] != "OPTIMIZING"

    with engines_killed() as killed:
        async with work(world.services):
            await world.until(over)
    plan = await world.plan(plan_id)
    assert plan["status"] == "FAILED"
    assert "solver" in plan["failure_reason"]
    assert len(set(killed)) >= jobs.MAX_ATTEMPTS
    assert await world.value(PROPOSED) == 0
    assert (await world.event_types())[-2:] == ["PlanStatusChanged", "PlanFinished"]

    async with work(world.services):
        await world.do(optimize_plan, plan_id)
        assert (await world.finished(plan_id))["status"] == "PROPOSED"


class AwayRoads(Roads):
    """A road engine that does not answer."""

    async def matrix(self, *arguments: Any, **named: Any) -> Any:
        raise Unavailable("The road engine did not answer.")


async def test_roads_that_are_away_are_asked_again(world: Any, work: Callable[..., Any], tmp_path: Any) -> None:
    real = world.services.get(Roads)
    world.services.offer(AwayRoads(tmp_path, mode=RoadsMode.STRAIGHT), Roads)
    plan_id = await queued(world)
    with pytest.raises(Unavailable):
        await optimize(await claimed(world))
    assert await world.value(PROPOSED) == 0
    world.services.offer(real, Roads)
    await expire_leases(world)
    async with work(world.services):
        assert (await world.finished(plan_id))["status"] == "PROPOSED"


async def test_shifts_that_are_gone_when_the_worker_comes_fail_the_plan_at_once(
    world: Any, work: Callable[..., Any]
) -> None:
    plan_id = await queued(world)
    async with world.writing() as scope:
        await scope.tx.execute("UPDATE shifts SET archived_at = now() WHERE tenant_id = $1", scope.tenant_id)
    async with work(world.services):
        plan = await world.finished(plan_id)
    assert plan["status"] == "FAILED"
    assert "shift" in plan["failure_reason"]
    assert await world.value("SELECT state FROM jobs WHERE tenant_id = $1") == "SUCCEEDED"


async def test_a_database_that_goes_away_in_the_middle_leaves_nothing_half_written(
    world: Any, work: Callable[..., Any], cluster: EmbeddedCluster
) -> None:
    plan_id = await queued(world, 20)
    cut = asyncio.Event()

    async def cut_off(job: Job) -> None:
        """Every connection is cut between computing and writing, once."""
        solving = asyncio.create_task(optimize(job))
        if not cut.is_set():
            await world.until(lambda: world.value(SOLVING))
            cut.set()
            administrator = await asyncpg.connect(cluster.superuser_url)
            await administrator.execute(CUT, world.db.url.rpartition("/")[2])
            await administrator.close()
        await solving

    kinds = {**JOB_KINDS, "optimize_plan": JobKind(cut_off, give_up_plan)}

    async def over() -> bool:
        """The test's own connections are cut as well."""
        with suppress(Unavailable):
            return (await world.plan(plan_id))["status"] != "OPTIMIZING"
        return False

    async with work(world.services, kinds):
        await world.until(over, within=60)
    plan = await world.plan(plan_id)
    assert plan["status"] == "PROPOSED"
    assert plan["summary"]["orders"] == 20
    assert await world.value("SELECT count(*) FROM routes WHERE tenant_id = $1") == plan["summary"]["routes"]
