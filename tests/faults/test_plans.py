"""A plan whose server, or whose database, is killed while the solver works: it ends, exactly once, and nothing is half-written."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import psutil
import pytest
from tests.faults.checking import numbering_faults
from tests.faults.clients import Api
from tests.faults.conftest import Home
from tests.faults.processes import Cluster, Serve, alive, eventually, serving

from doorstep.kernel.ids import parse_id

ORDERS = 60
END_SECONDS = 90.0
"""Three times what a plan of this size takes here, lease included."""

ADDRESS = {"line1": "Städtle 49", "city": "Vaduz", "postalCode": "9490", "country": "LI"}


@dataclass(frozen=True, slots=True)
class Traces:
    """What the database holds of one plan."""

    status: str
    failure_reason: str | None
    summary_routes: int
    job: tuple[str, int]
    routes: int
    stops: int
    doubled_orders: int
    """Orders on more than one route."""

    changes: list[str]
    """The states that its events tell of, in order."""

    finished: int
    log_faults: list[int]


async def traces(truth: asyncpg.Connection, plan_id: UUID) -> Traces:
    """Read with a superuser's eyes."""
    plan = await truth.fetchrow("SELECT * FROM plans WHERE id = $1", plan_id)
    assert plan is not None
    job = await truth.fetchrow("SELECT state, attempts FROM jobs WHERE id = $1", plan["job_id"])
    assert job is not None
    events = await truth.fetch("SELECT seq, type, plan_id, data FROM events ORDER BY seq")
    mine = [event for event in events if event["plan_id"] == plan_id]
    return Traces(
        status=plan["status"],
        failure_reason=plan["failure_reason"],
        summary_routes=(plan["summary"] or {}).get("routes", 0),
        job=(job["state"], job["attempts"]),
        routes=await truth.fetchval("SELECT count(*) FROM routes WHERE plan_id = $1", plan_id),
        stops=await truth.fetchval("SELECT count(*) FROM stops"),
        doubled_orders=await truth.fetchval(
            "SELECT count(*) FROM (SELECT order_id FROM stop_orders JOIN stops ON stops.id = stop_id WHERE kind = 'DROPOFF' "
            "GROUP BY order_id HAVING count(*) > 1) AS doubled"
        ),
        changes=[event["data"]["to"] for event in mine if event["type"] == "PlanStatusChanged"],
        finished=sum(event["type"] == "PlanFinished" for event in mine),
        log_faults=numbering_faults([event["seq"] for event in events]),
    )


async def made(api: Api, kind: str, /, **fields: Any) -> str:
    """The id of a new object of a type."""
    document = f"mutation ($input: Create{kind}Input!) {{ create{kind}(input: $input) {{ {kind.lower()} {{ id }} problems {{ message path }} }} }}"
    payload = (await api.data(document, input=fields))[f"create{kind}"]
    assert payload["problems"] == [], payload
    id_: str = payload[kind.lower()]["id"]
    return id_


async def planned(api: Api) -> UUID:
    """A plan of many orders around one depot, being optimized."""
    depot = await made(api, "Depot", name="Hub", address=ADDRESS, coordinates={"latitude": 47.141, "longitude": 9.5209})
    chance, now = random.Random(3), datetime.now(UTC)
    shifts = []
    for number in range(4):
        vehicle = await made(api, "Vehicle", name=f"Van {number}", kind="VAN", depotId=depot)
        driver = await made(api, "Driver", name=f"Driver {number}")
        ends = (now + timedelta(hours=9)).isoformat()
        shifts.append(
            await made(api, "Shift", driverId=driver, vehicleId=vehicle, depotId=depot, start=now.isoformat(), end=ends)
        )
    orders = [
        {
            "kind": "DELIVERY", "depotId": depot,
            "dropoff": {
                "address": ADDRESS,
                "coordinates": {"latitude": 47.14 + chance.uniform(-0.08, 0.08), "longitude": 9.52 + chance.uniform(-0.08, 0.08)},
            },
        }
        for _ in range(ORDERS)
    ]  # fmt: skip
    answer = await api.data(
        "mutation ($input: CreateOrdersInput!) { createOrders(input: $input) { results { order { id } problems { message } } problems { message } } }",
        input={"orders": orders},
    )
    ids = [result["order"]["id"] for result in answer["createOrders"]["results"]]
    return parse_id("plan", await made(api, "Plan", orderIds=ids, shiftIds=shifts))


async def solving(truth: asyncpg.Connection, server: Serve) -> list[psutil.Process]:
    """Wait until the solver works; returns its processes."""
    started = time.monotonic()
    while time.monotonic() - started < END_SECONDS:
        children = psutil.Process(server.process.pid).children(recursive=True)
        phase = await truth.fetchval("SELECT progress ->> 'phase' FROM jobs WHERE state = 'RUNNING'")
        if phase == "SOLVING" and children:
            return children
        await asyncio.sleep(0.01)
    raise AssertionError("the solver never worked")


async def ended(home: Home, plan_id: UUID) -> Traces:
    """Wait until the plan is no longer being optimized."""
    started, found = time.monotonic(), None
    while time.monotonic() - started < END_SECONDS:
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # it may be on its way back
            async with home.truth() as truth:
                found = await traces(truth, plan_id)
        if found is not None and found.status != "OPTIMIZING":
            return found
        await asyncio.sleep(0.2)
    raise AssertionError(f"the plan is stuck: {found}")


def judge(found: Traces, attempts: int) -> None:
    """The plan was proposed, once, by the last attempt, and only that one's routes are there."""
    assert found.status == "PROPOSED", found
    assert found.job == ("SUCCEEDED", attempts)
    assert found.routes == found.summary_routes > 0
    assert found.stops >= ORDERS + 2 * found.routes
    assert found.doubled_orders == 0
    assert found.changes == ["DRAFT", "OPTIMIZING", "PROPOSED"]
    assert found.finished == 1
    assert found.log_faults == []


@pytest.mark.timeout(170)
async def test_a_plan_survives_the_death_of_its_server(
    home: Home, record_property: Callable[[str, object], None]
) -> None:
    async with serving(home.path, home.log) as (server,), Api(server.graphql_url, home.key) as api:
        plan_id = await planned(api)
        async with home.truth() as truth:
            engines = await solving(truth, server)
            server.kill()
            await eventually(
                lambda: not any(alive(engine.pid) for engine in engines), "the end of the dead server's engines", 15
            )
            half = await traces(truth, plan_id)
            assert (half.status, half.routes, half.stops) == ("OPTIMIZING", 0, 0)
            assert half.job == ("RUNNING", 1)
            await truth.execute("UPDATE jobs SET lease_until = now()")  # rather than wait for half a minute
        began = time.monotonic()
        await server.start()
        found = await ended(home, plan_id)
        record_property("proposed_after_seconds", round(time.monotonic() - began, 1))
        judge(found, attempts=2)
        assert server.complaints() == []


@pytest.mark.timeout(170)
async def test_a_plan_survives_the_death_of_the_database(
    home: Home, record_property: Callable[[str, object], None]
) -> None:
    async with serving(home.path, home.log) as (server,), Api(server.graphql_url, home.key) as api:
        plan_id = await planned(api)
        async with home.truth() as truth:
            await solving(truth, server)
        began = time.monotonic()
        assert Cluster(home.path).kill_postmaster()
        found = await ended(home, plan_id)
        record_property("proposed_after_seconds", round(time.monotonic() - began, 1))
        record_property("attempts", found.job[1])
        judge(found, attempts=found.job[1])
        assert found.job[1] <= 2
        assert server.complaints() == []
