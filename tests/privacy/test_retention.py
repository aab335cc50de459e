"""Retention: what a tenant no longer keeps goes, and nothing else; time passes by moving the rows' instants back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tests.privacy.conftest import POINT, Desk, Office, instant, uuid_of

from doorstep.kernel.event_stream import prune_events
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import Permission
from doorstep.privacy import jobs
from doorstep.privacy.jobs import retain_once
from doorstep.worker import Worker

SETTINGS = "version positionsDays personalDataDays eventsMonths auditDays updatedAt"
MARIA = {"contact": {"name": "Maria", "phone": "+423 236 61 11"}}


async def keep(desk: Desk, **settings: int | None) -> dict[str, Any]:
    """The settings after a change."""
    retention: dict[str, Any] = (await desk.made("updateRetention", f"retention {{ {SETTINGS} }}", **settings))[
        "retention"
    ]
    return retention


async def carry_out(office: Office) -> None:
    """The periodic job, until nothing is left."""
    services = office.server.services
    while await retain_once(services.db, services.system):
        pass


async def age(desk: Desk, statement: str, *arguments: Any) -> None:
    """Move instants back; ``$1`` is the tenant."""
    async with desk.system.transaction() as tx:
        await tx.execute(statement, desk.tenant_id, *arguments)


async def names(desk: Desk) -> list[str | None]:
    """The contacts of all orders by the orders' age."""
    rows = await desk.rows("SELECT contact_name FROM order_waypoints WHERE tenant_id = $1 ORDER BY order_id")
    return [row["contact_name"] for row in rows]


AGE_ORDER = "UPDATE orders SET updated_at = now() - make_interval(days => $3) WHERE tenant_id = $1 AND id = $2"


async def test_nothing_goes_before_somebody_says_so(desk: Desk, office: Office):
    order_id = await desk.place_cancelled(dropoff=MARIA)
    await age(desk, AGE_ORDER, uuid_of(order_id), 3000)
    await carry_out(office)
    assert await names(desk) == ["Maria"]
    settings = (await desk.data(f"{{ retention {{ {SETTINGS} }} }}"))["retention"]
    assert settings == {
        "version": 0, "positionsDays": None, "personalDataDays": None, "eventsMonths": None, "auditDays": None, "updatedAt": None,
    }  # fmt: skip


async def test_a_patch_changes_what_it_names(desk: Desk):
    assert (await keep(desk, personalDataDays=30, auditDays=90))["version"] == 1
    after = await keep(desk, auditDays=None, eventsMonths=13)
    assert (after["personalDataDays"], after["auditDays"], after["eventsMonths"], after["version"]) == (30, None, 13, 2)
    assert (await keep(desk, eventsMonths=13))["version"] == 2
    payload = await desk.change("updateRetention", "retention { version }", positionsDays=5, ifVersion=1)
    assert [problem["code"] for problem in payload["problems"]] == ["CONFLICT"]
    assert payload["retention"] == {"version": 2}
    events = (
        await desk.data(
            "{ events { nodes { __typename aggregateVersion ... on RetentionChanged { auditDays eventsMonths } } } }"
        )
    )["events"]
    assert [(one["aggregateVersion"], one["auditDays"], one["eventsMonths"]) for one in events["nodes"]] == [
        (1, 90, None),
        (2, None, 13),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("positionsDays", 0),
        ("personalDataDays", 6),
        ("personalDataDays", 3651),
        ("eventsMonths", 0),
        ("auditDays", 29),
        ("auditDays", -1),
    ],
)
async def test_what_is_out_of_bounds_is_refused(desk: Desk, field: str, value: int):
    payload = await desk.change("updateRetention", **{field: value})
    assert [(problem["code"], problem["path"]) for problem in payload["problems"]] == [("INVALID_VALUE", [field])]
    assert await desk.rows("SELECT tenant_id FROM retention_settings WHERE tenant_id = $1") == []


async def test_it_needs_the_right_to(office: Office):
    lesser = await office.desk(without=(Permission.PRIVACY_WRITE,))
    document = "mutation($input: UpdateRetentionInput!) { updateRetention(input: $input) { retention { version } } }"
    answers = [await lesser.ask(document, input={"auditDays": 30}), await lesser.ask("{ retention { version } }")]
    assert [answer["errors"][0]["extensions"]["code"] for answer in answers] == ["FORBIDDEN", "FORBIDDEN"]


async def test_people_of_orders_that_are_long_over_are_erased(
    desk: Desk, other: Desk, office: Office, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jobs, "ORDERS", 2)
    await keep(desk, personalDataDays=30)
    old = [await desk.place_cancelled(dropoff=MARIA) for _ in range(5)]
    recent, never_over = await desk.place_cancelled(dropoff=MARIA), await desk.place(dropoff=MARIA)
    theirs = await other.place_cancelled(dropoff=MARIA)
    for order_id in [*old, never_over]:
        await age(desk, AGE_ORDER, uuid_of(order_id), 31)
    await age(desk, AGE_ORDER, uuid_of(recent), 29)
    await age(other, AGE_ORDER, uuid_of(theirs), 31)
    await carry_out(office)
    assert await names(desk) == [None] * 5 + ["Maria"] * 2
    assert await names(other) == ["Maria"]
    receipts = (await desk.data("{ erasures { nodes { cause actor { kind } orderIds } } }"))["erasures"]["nodes"]
    assert [len(receipt["orderIds"]) for receipt in receipts] == [1, 2, 2]
    assert {(receipt["cause"], receipt["actor"]["kind"]) for receipt in receipts} == {("RETENTION", "SYSTEM")}
    await carry_out(office)
    assert (await desk.data("{ erasures { totalCount } }"))["erasures"]["totalCount"] == 3


async def test_orders_whose_route_never_ended_do_not_hold_the_others_up(
    desk: Desk, office: Office, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jobs, "ORDERS", 2)
    await keep(desk, personalDataDays=30)
    await desk.furnish()
    stuck = [await desk.place(dropoff=MARIA, depotId=desk.things["depotId"]) for _ in range(2)]
    await desk.made("assignOrders", orderIds=stuck, shiftId=desk.things["shiftId"])
    await age(desk, "UPDATE orders SET status = 'DELIVERED' WHERE tenant_id = $1")
    free = await desk.place_cancelled(dropoff=MARIA)
    for days, order_id in ((40, stuck[0]), (40, stuck[1]), (35, free)):
        await age(desk, AGE_ORDER, uuid_of(order_id), days)
    await carry_out(office)
    assert await names(desk) == ["Maria", "Maria", None]


@pytest.fixture
async def past(office: Office, cluster: EmbeddedCluster) -> AsyncIterator[None]:
    """A partition of the log for what was before this month."""
    owner = await asyncpg.connect(cluster.url("owner", office.urls.app.rpartition("/")[2]))
    month = await owner.fetchval("SELECT date_trunc('month', now())::text")
    await owner.execute(f"CREATE TABLE events_before PARTITION OF events FOR VALUES FROM ('2000-01-01') TO ('{month}')")
    yield
    await owner.execute("DROP TABLE events_before")
    await owner.close()


async def test_the_log_loses_its_beginning_and_old_cursors_are_told(
    desk: Desk, other: Desk, office: Office, past: None
):
    for each in (desk, other):
        await keep(each, positionsDays=1)
        for _ in range(4):
            await each.place()
    log = "query($after: Cursor) { events(after: $after) { nodes { cursor } pageInfo { endCursor } } }"
    cursors = [node["cursor"] for node in (await desk.data(log))["events"]["nodes"]]
    assert len(cursors) == 5
    await age(desk, "INSERT INTO consumers (tenant_id, name, seq) VALUES ($1, 'planning.orders', 5)")
    for each in (desk, other):
        await age(each, "UPDATE events SET recorded_at = now() - interval '40 days' WHERE tenant_id = $1 AND seq <= 3")
    await keep(desk, eventsMonths=1)
    await carry_out(office)
    rest = (await desk.data(log))["events"]["nodes"]
    assert [node["cursor"] for node in rest][:2] == cursors[3:]
    assert len((await desk.data(log, after=cursors[3]))["events"]["nodes"]) == 2
    answer = await desk.ask(log, after=cursors[1])
    assert answer["errors"][0]["extensions"]["code"] == "RESYNC_REQUIRED"
    assert len((await other.data(log))["events"]["nodes"]) == 5


async def test_what_a_reaction_has_not_seen_stays(desk: Desk):
    for _ in range(3):
        await desk.place()
    await age(desk, "INSERT INTO consumers (tenant_id, name, seq) VALUES ($1, 'slow', 2), ($1, 'quick', 3)")
    async with desk.system.transaction() as tx:
        assert await prune_events(tx, desk.tenant_id, -1, 100) == 2
        assert await prune_events(tx, desk.tenant_id, -1, 100) == 0
    assert await desk.rows("SELECT seq FROM events WHERE tenant_id = $1") == [{"seq": 3}]


async def test_a_log_without_reactions_is_cut_in_steps(desk: Desk):
    for _ in range(5):
        await desk.place()
    async with desk.system.transaction() as tx:
        assert await prune_events(tx, desk.tenant_id, -1, 2) == 0
    await age(desk, "INSERT INTO consumers (tenant_id, name, seq) VALUES ($1, 'planning.orders', 5)")
    for cut in (2, 2, 1, 0):
        async with desk.system.transaction() as tx:
            assert await prune_events(tx, desk.tenant_id, -1, 2) == cut
    assert (await desk.data("{ events { nodes { id } } }"))["events"]["nodes"] == []
    await desk.place()
    assert len((await desk.data("{ events { nodes { id } } }"))["events"]["nodes"]) == 1


async def test_positions_and_audit_entries_go_by_their_own_age(
    desk: Desk, office: Office, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jobs, "ROWS", 2)
    await desk.furnish()
    second = (await desk.made("createVehicle", "vehicle { id }", name="B", kind="CAR"))["vehicle"]["id"]
    for vehicle_id in (desk.things["vehicleId"], second):
        await desk.made(
            "reportPositions", positions=[{"vehicleId": vehicle_id, "coordinates": POINT, "occurredAt": instant(0)}]
        )
    await keep(desk, positionsDays=2, auditDays=30)
    for _ in range(5):
        await desk.place()
    await age(
        desk,
        "UPDATE audit_entries SET at = now() - interval '31 days' WHERE tenant_id = $1 AND operation = 'createOrder'",
    )
    await age(
        desk,
        "UPDATE vehicle_positions SET recorded_at = now() - interval '3 days' WHERE tenant_id = $1 AND vehicle_id = "
        "(SELECT min(vehicle_id::text)::uuid FROM vehicle_positions WHERE tenant_id = $1)",
    )
    await carry_out(office)
    assert len(await desk.rows("SELECT 1 AS one FROM vehicle_positions WHERE tenant_id = $1")) == 1
    operations = {
        row["operation"] for row in await desk.rows("SELECT operation FROM audit_entries WHERE tenant_id = $1")
    }
    assert "createOrder" not in operations
    assert "createVehicle" in operations
    subjects = await desk.rows("SELECT kind FROM audit_subjects WHERE tenant_id = $1")
    assert "order" not in {row["kind"] for row in subjects}


async def test_one_tenants_fault_does_not_stop_the_others(
    desk: Desk, other: Desk, office: Office, monkeypatch: pytest.MonkeyPatch
):
    for each in (desk, other):
        await keep(each, personalDataDays=30)
        await age(each, AGE_ORDER, uuid_of(await each.place_cancelled(dropoff=MARIA)), 31)
    real = jobs.system_principal

    async def faulty(system: Any, tenant_id: Any) -> Any:
        if tenant_id == desk.tenant_id:
            raise KeyError("a fault")
        return await real(system, tenant_id)

    monkeypatch.setattr(jobs, "system_principal", faulty)
    await carry_out(office)
    assert (await names(desk), await names(other)) == (["Maria"], [None])
    monkeypatch.undo()
    await carry_out(office)
    assert await names(desk) == [None]


async def test_two_workers_share_the_work(desk: Desk, office: Office):
    await keep(desk, personalDataDays=30)
    for _ in range(6):
        await age(desk, AGE_ORDER, uuid_of(await desk.place_cancelled(dropoff=MARIA)), 31)
    await asyncio.gather(*(carry_out(office) for _ in range(3)))
    receipts = (await desk.data("{ erasures { nodes { orderIds } } }"))["erasures"]["nodes"]
    assert [len(receipt["orderIds"]) for receipt in receipts] == [6]


async def test_the_worker_carries_it_out(desk: Desk, office: Office):
    await keep(desk, personalDataDays=30)
    await age(desk, AGE_ORDER, uuid_of(await desk.place_cancelled(dropoff=MARIA)), 31)
    worker = Worker(office.server.services, {}, ())
    worker.start()
    try:
        async with asyncio.timeout(20):
            while await names(desk) != [None]:
                await asyncio.sleep(0.05)
    finally:
        await worker.stop(5)
