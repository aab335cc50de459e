"""The sandbox's clock: it runs and jumps ahead, never back, for the tenant's own alone; what is due by it happens in order."""

from datetime import datetime, timedelta

import asyncpg
import pytest
from tests.sandbox.conftest import DOOR, SHOP, Company, Fleet

from doorstep.kernel.db import Database, DatabaseUrls


async def test_the_clock_jumps_and_runs_faster(slow: Company, live: Company) -> None:
    wall = datetime.now().astimezone()
    assert abs(await slow.now() - wall) < timedelta(minutes=1)
    jumped = wall + timedelta(days=3)
    shown = await slow.do("setSandboxClock", at=jumped.isoformat(), rate=1000.0)
    assert (shown["rate"], datetime.fromisoformat(shown["now"]) >= jumped) == (1000.0, True)
    order_id = await slow.order()  # in the process that was asked the next request goes by it already
    assert datetime.fromisoformat((await slow.story(order_id))["events"]["nodes"][0]["occurredAt"]) >= jumped
    assert await slow.now() > jumped
    first = await slow.do("setSandboxClock", rate=1.0)
    assert datetime.fromisoformat(first["now"]) > jumped, "what was gained stays"


async def test_no_request_of_the_application_sets_another_clock(
    slow: Company, live: Company, sandbox_urls: DatabaseUrls
) -> None:
    database = Database(sandbox_urls.app, pool_size=1)
    try:
        before = await live.everything()
        async with database.transaction(live.tenant_id) as tx:
            assert await tx.fetch("SELECT * FROM doorstep_set_sandbox_clock(NULL, 60)") == []
        async with database.transaction() as tx:
            assert await tx.fetch("SELECT * FROM doorstep_set_sandbox_clock(NULL, 60)") == []
        assert await live.everything() == before
        for tenant_id in (live.tenant_id, slow.tenant_id):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with database.transaction(tenant_id) as tx:
                    await tx.execute("UPDATE tenants SET clock_rate = 60 WHERE id = $1", tenant_id)
        async with database.transaction(slow.tenant_id) as tx:
            row = await tx.fetchrow("SELECT * FROM doorstep_set_sandbox_clock('2000-01-01Z', 60)")
        assert row is not None
        assert not row["is_set"], "the database itself refuses to go back"
    finally:
        await database.close()


async def test_a_jump_makes_what_is_due_happen_in_order_at_its_own_instants(slow: Company, slow_fleet: Fleet) -> None:
    ids = [await slow.order(depotId=slow_fleet.depot, dropoff={"coordinates": place}) for place in (DOOR, SHOP)]
    route = await slow_fleet.route(ids)
    started = await slow.do("simulateRoute", routeId=route["id"])
    ends = datetime.fromisoformat(route["stops"][-1]["plannedArrival"])
    async with slow.listening() as heard:
        await slow.do("setSandboxClock", at=(ends + timedelta(hours=1)).isoformat())
        over = await slow.over(started["id"])
    assert (over["status"], over["route"]["status"], over["lastError"]) == ("SUCCEEDED", "COMPLETED", None)
    assert datetime.fromisoformat(over["finishedAt"]) < ends + timedelta(minutes=30), (
        "when it was, not when it was told"
    )
    times = [datetime.fromisoformat(one["occurredAt"]) for one in heard]
    assert times == sorted(times)
    arrived = {one["stopId"]: one["occurredAt"] for one in heard if one.get("stop") == "ARRIVED"}
    for stop in route["stops"]:
        if stop["kind"] == "DROPOFF":
            late = datetime.fromisoformat(arrived[stop["id"]]) - datetime.fromisoformat(stop["plannedArrival"])
            assert timedelta(0) <= late < timedelta(minutes=2)
