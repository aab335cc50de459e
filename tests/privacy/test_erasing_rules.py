"""Who may be erased when, by whom, and what is answered; a refusal writes nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.privacy.conftest import ADDRESS, POINT, Desk, Office, uuid_of

from doorstep.identity.service import system_principal
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Permission
from doorstep.privacy.jobs import JOB_KINDS
from doorstep.privacy.model import ErasureCause
from doorstep.privacy.service import erase_copy, erase_orders
from doorstep.worker import Worker

RECEIPT = "receipt { id cause actor { kind id } orderIds counts { table rows } }"
PHONE = "+423 236 61 11"
MARIA = {"contact": {"name": "Maria", "phone": PHONE, "email": "Maria@example.org"}}


async def refused(desk: Desk, **fields: Any) -> list[tuple[str, list[str]]]:
    """Codes and paths of the problems; makes sure that nothing at all was written."""
    before = await everything(desk)
    payload = await desk.change("eraseRecipient", RECEIPT, **fields)
    assert payload["receipt"] is None
    assert await everything(desk) == before
    return [(problem["code"], problem["path"]) for problem in payload["problems"]]


async def everything(desk: Desk) -> list[Any]:
    """All of the tenant's rows that an erasure could touch."""
    tables = (
        "orders",
        "order_waypoints",
        "packages",
        "audit_entries",
        "idempotency_keys",
        "events",
        "event_heads",
        "erasures",
        "stops",
    )
    text = "SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY to_jsonb(t)::text), '[]') AS all FROM {} AS t WHERE tenant_id = $1"
    return [await desk.rows(text.format(table)) for table in tables]


async def test_what_is_under_way_is_refused_by_name(desk: Desk):
    open_one, done = await desk.place(dropoff=MARIA), await desk.place_cancelled(dropoff=MARIA)
    assert await refused(desk, phone=PHONE) == [("IN_USE", [])]
    assert await refused(desk, orderIds=[done, open_one]) == [("IN_USE", ["orderIds", "1"])]
    payload = await desk.made("eraseRecipient", RECEIPT, orderIds=[done])
    assert payload["receipt"]["orderIds"] == [done]
    await desk.made("cancelOrder", id=open_one)
    assert (await desk.made("eraseRecipient", RECEIPT, phone=PHONE))["receipt"]["orderIds"] == [open_one]


async def test_a_route_that_is_being_driven_keeps_its_places(desk: Desk):
    await desk.furnish()
    ids = [await desk.place(dropoff=MARIA, depotId=desk.things["depotId"]) for _ in range(2)]
    other_place = {
        "coordinates": {"latitude": 47.16, "longitude": 9.51},
        "address": {"line1": "Bahnhofstrasse 1", "city": "Schaan"},
    }
    ids[1] = await desk.place(dropoff=other_place, depotId=desk.things["depotId"])
    route = (
        await desk.made(
            "assignOrders", "route { stops { id kind orders { id } } }", orderIds=ids, shiftId=desk.things["shiftId"]
        )
    )["route"]
    for stop in route["stops"]:
        mine = [one["id"] for one in stop["orders"]] == [ids[0]]
        if stop["kind"] == "DEPOT_START" or mine:
            for act in ["COMPLETE"] if stop["kind"] == "DEPOT_START" else ["ARRIVE", "COMPLETE"]:
                await desk.made("advanceStop", stopId=stop["id"], act=act, actId=f"{stop['id']}-{act}")
    assert await refused(desk, orderIds=[ids[0]]) == [("IN_USE", ["orderIds", "0"])]


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({}, [("REQUIRED", [])]),
        ({"phone": "12"}, [("INVALID_PHONE", ["phone"])]),
        ({"email": "maria"}, [("INVALID_EMAIL", ["email"])]),
        ({"orderIds": ["order_x"]}, [("INVALID_ID", ["orderIds", "0"])]),
        ({"phone": "+423 236 61 12"}, [("NOT_FOUND", ["phone"])]),
        ({"email": "nobody@example.org"}, [("NOT_FOUND", ["email"])]),
    ],
)
async def test_what_cannot_be_carried_out_says_why(desk: Desk, fields: dict[str, Any], problems: list[Any]):
    await desk.place_cancelled(dropoff=MARIA)
    assert await refused(desk, **fields) == problems


async def test_another_tenant_is_out_of_reach(desk: Desk, other: Desk):
    theirs = await other.place_cancelled(dropoff=MARIA)
    mine = await desk.place_cancelled(dropoff=MARIA)
    before = await everything(other)
    assert await refused(desk, orderIds=[theirs]) == [("NOT_FOUND", ["orderIds", "0"])]
    receipt = (await desk.made("eraseRecipient", RECEIPT, phone="236 61 11", email="MARIA@example.org"))["receipt"]
    assert receipt["orderIds"] == [mine]
    assert await everything(other) == before
    document = "query($id: ID!) { erasure(id: $id) { id } erasures { totalCount nodes { id } } }"
    assert await other.data(document, id=receipt["id"]) == {"erasure": None, "erasures": {"totalCount": 0, "nodes": []}}
    found = await desk.data(document, id=receipt["id"])
    assert found == {"erasure": {"id": receipt["id"]}, "erasures": {"totalCount": 1, "nodes": [{"id": receipt["id"]}]}}


async def test_it_needs_the_right_to(office: Office):
    lesser = await office.desk(without=(Permission.PRIVACY_WRITE,))
    order_id = await lesser.place_cancelled()
    document = "mutation($input: EraseRecipientInput!) { eraseRecipient(input: $input) { receipt { id } } }"
    answers = [
        await lesser.ask(document, input={"orderIds": [order_id]}),
        await lesser.ask("{ erasures { totalCount } }"),
    ]
    assert [answer["errors"][0]["extensions"]["code"] for answer in answers] == ["FORBIDDEN", "FORBIDDEN"]


async def test_erasing_again_changes_nothing_more(desk: Desk):
    order_id = await desk.place_cancelled(dropoff=MARIA, reference="R-1")
    fields = {"orderIds": [order_id], "idempotencyKey": "once"}
    first = (await desk.made("eraseRecipient", RECEIPT, **fields))["receipt"]
    assert (await desk.made("eraseRecipient", RECEIPT, **fields))["receipt"] == first
    version = await desk.rows("SELECT version FROM orders WHERE tenant_id = $1")
    again = (await desk.made("eraseRecipient", RECEIPT, orderIds=[order_id]))["receipt"]
    assert again["id"] != first["id"]
    assert (again["orderIds"], again["counts"]) == ([], [])
    assert await desk.rows("SELECT version FROM orders WHERE tenant_id = $1") == version
    [told] = await desk.rows(
        "SELECT aggregate_version, data FROM events WHERE tenant_id = $1 AND type = 'RecipientErased'"
    )
    assert told["aggregate_version"] == version[0]["version"]
    assert list(told["data"]) == ["erasure_id"]


async def test_nothing_is_written_into_an_erased_order_any_more(desk: Desk):
    order_id = await desk.place_cancelled(dropoff=MARIA, reference="R-1")
    await desk.made("updateOrder", id=order_id, metadata={"final": "all the same"})
    await desk.made("eraseRecipient", orderIds=[order_id])
    payload = await desk.change("updateOrder", "order { metadata }", id=order_id, metadata={"Maria": 1})
    assert [problem["code"] for problem in payload["problems"]] == ["ILLEGAL_TRANSITION"]
    assert await desk.rows("SELECT metadata FROM orders WHERE tenant_id = $1") == [{"metadata": {}}]
    assert await desk.place(reference="R-1")


async def test_the_audit_log_knows_of_it_but_not_whom_it_was_about(desk: Desk):
    order_id = await desk.place_cancelled(dropoff=MARIA)
    receipt = (await desk.made("eraseRecipient", RECEIPT, phone=PHONE))["receipt"]
    log = (await desk.data("{ auditLog { nodes { operation subjects changes { path value } } } }"))["auditLog"]["nodes"]
    assert log[0] == {
        "operation": "eraseRecipient",
        "subjects": sorted([receipt["id"], order_id], key=lambda one: one.partition("_")[2]),
        "changes": [{"path": "phone", "value": "not kept"}],
    }
    placed = {change["path"]: change["value"] for change in log[2]["changes"]}
    assert placed["dropoff.contact.phone"] == "not kept"
    assert placed["kind"] == "DELIVERY"


async def test_a_copy_with_a_partner_is_erased_through_the_same_door(desk: Desk, office: Office):
    order_id = await desk.place_cancelled(dropoff=MARIA)
    relay = await system_principal(office.system, desk.tenant_id)
    receipts = []
    for _ in range(2):  # the relay may hear of it twice
        async with office.server.services.db.write(relay) as scope:
            receipts.append(await erase_orders(scope, [uuid_of(order_id)], ErasureCause.PARTNER))
            await erase_copy(scope, uuid_of(order_id))
            await erase_copy(scope, new_id())
    assert [receipt["orders"] for receipt in receipts] == [[str(uuid_of(order_id))], []]
    nodes = (await desk.data("{ erasures { nodes { cause actor { kind id } orderIds } } }"))["erasures"]["nodes"]
    assert nodes[-1] == {"cause": "PARTNER", "actor": {"kind": "SYSTEM", "id": None}, "orderIds": [order_id]}


async def test_a_copy_that_is_under_way_is_erased_when_it_is_over(desk: Desk, office: Office):
    order_id = await desk.place(dropoff=MARIA)
    relay = await system_principal(office.system, desk.tenant_id)
    async with office.server.services.db.write(relay) as scope:
        await erase_copy(scope, uuid_of(order_id))
    due = "UPDATE jobs SET run_after = now() WHERE tenant_id = $1 AND state = 'QUEUED'"
    names = "SELECT contact_name AS name FROM order_waypoints WHERE tenant_id = $1"
    jobs = "SELECT state FROM jobs WHERE tenant_id = $1 ORDER BY created_at"
    worker = Worker(office.server.services, JOB_KINDS, (), slots=1)
    worker.start()
    try:
        await desk.rows(f"{due} RETURNING 1")
        await until(lambda: desk.rows(jobs), [{"state": "SUCCEEDED"}, {"state": "QUEUED"}])
        assert await desk.rows(names) == [{"name": "Maria"}]
        await desk.made("cancelOrder", id=order_id)
        await desk.rows(f"{due} RETURNING 1")
        await until(lambda: desk.rows(names), [{"name": None}])
    finally:
        await worker.stop(5)
    assert (await desk.data("{ erasures { nodes { cause orderIds } } }"))["erasures"]["nodes"] == [
        {"cause": "PARTNER", "orderIds": [order_id]}
    ]


async def until(look: Callable[[], Awaitable[Any]], expected: Any) -> None:
    """Wait for something that a worker does."""
    async with asyncio.timeout(20):
        while await look() != expected:
            await asyncio.sleep(0.05)


async def test_old_answers_about_others_stay(desk: Desk):
    mine = await desk.place_cancelled(dropoff=MARIA, idempotencyKey="maria")
    theirs = {"address": dict(ADDRESS), "coordinates": dict(POINT)}
    first = await desk.made("createOrder", "order { id }", dropoff=theirs, idempotencyKey="john")
    await desk.made("eraseRecipient", orderIds=[mine])
    assert await desk.rows("SELECT key FROM idempotency_keys WHERE tenant_id = $1") == [{"key": "john"}]
    assert await desk.made("createOrder", "order { id }", dropoff=theirs, idempotencyKey="john") == first
