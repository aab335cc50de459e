"""The audit log: every mutation that was carried out, who did it and from where; personal values only as hashes."""

import asyncpg
import pytest
from tests.privacy.conftest import POINT, Desk, Office

from doorstep.kernel.audit import Hasher
from doorstep.kernel.scope import Permission

LOG = """
query($filter: AuditFilter, $first: Int, $after: Cursor) { auditLog(filter: $filter, first: $first, after: $after) {
  totalCount pageInfo { hasNextPage endCursor }
  nodes { id at operation address requestId memberId actor { kind id } subjects changes { path value } }
} }
"""
COUNT = "SELECT count(*)::int AS entries FROM audit_entries WHERE tenant_id = $1"


async def log(desk: Desk, **filter_: object) -> list[dict]:
    """The entries that a filter finds, newest first."""
    return (await desk.data(LOG, filter=filter_))["auditLog"]["nodes"]


def changes(entry: dict) -> dict[str, str | None]:
    """Paths and values of an entry."""
    return {change["path"]: change["value"] for change in entry["changes"]}


async def leaked(desk: Desk, *texts: str) -> list[str]:
    """Those of the texts that stand anywhere in the tenant's entries."""
    rows = await desk.rows("SELECT to_jsonb(t)::text AS text FROM audit_entries AS t WHERE tenant_id = $1")
    return [text for text in texts if any(text in row["text"] for row in rows)]


async def test_an_entry_says_who_did_what_from_where(desk: Desk):
    order_id = await desk.place(
        reference="A-1",
        priority=7,
        dropoff={
            "contact": {"name": "Maria", "phone": "+423 236 61 11"},
            "windows": [{"start": "2027-03-01T09:00:00Z", "end": "2027-03-01T10:00:00Z"}],
            "accessCode": "4711",
        },
        proofRequired={"kinds": ["PIN"], "pin": "123456"},
        metadata={"Maria": "likes it"},
        idempotencyKey="maria/1",
    )
    [entry] = await log(desk)
    assert (entry["operation"], entry["address"], entry["memberId"]) == ("createOrder", "127.0.0.1", None)
    assert entry["actor"] == {"kind": "API_KEY", "id": desk.key_id}
    assert entry["subjects"] == [order_id]
    told = changes(entry)
    assert told["priority"] == "7"
    assert told["kind"] == "DELIVERY"
    assert told["proofRequired.kinds.0"] == "PIN"
    assert told["dropoff.windows.0.start"] == "2027-03-01T09:00:00+00:00"
    hashed = ("reference", "dropoff.contact.name", "dropoff.contact.phone", "dropoff.coordinates.latitude", "metadata")
    assert all(told[path].startswith("hmac-sha256:") and len(told[path]) == 76 for path in hashed)
    assert (told["dropoff.accessCode"], told["proofRequired.pin"]) == ("not kept", "not kept")
    assert "idempotencyKey" not in told
    assert "pickup" not in told
    assert await leaked(desk, "Maria", "4711", "123456", "23661", str(POINT["latitude"]), "A-1", "Vaduz") == []


async def test_a_log_that_kept_texts_would_be_noticed(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Hasher, "__call__", lambda _self, text: text)
    await desk.place(dropoff={"contact": {"name": "Maria"}})
    assert await leaked(desk, "Maria") == ["Maria"]


async def test_equal_values_have_equal_hashes_within_a_tenant_alone(desk: Desk, other: Desk):
    for each in (desk, desk, other):
        await each.place(dropoff={"contact": {"name": "Maria"}})
    first, second = [changes(entry)["dropoff.contact.name"] for entry in await log(desk)]
    assert first == second
    [third] = [changes(entry)["dropoff.contact.name"] for entry in await log(other)]
    assert third != first


async def test_a_patch_shows_what_was_emptied_and_nothing_that_was_left_out(desk: Desk):
    order_id = await desk.place(displayReference="#1")
    await desk.made("updateOrder", id=order_id, displayReference=None, requiredSkills=[])
    assert changes((await log(desk, operations=["updateOrder"]))[0]) == {
        "id": order_id,
        "displayReference": None,
        "requiredSkills.length": "0",
    }


async def test_neither_a_refusal_nor_a_replay_nor_a_position_leaves_an_entry(desk: Desk):
    await desk.furnish()
    [before] = await desk.rows(COUNT)
    refused = await desk.change("createOrder", dropoff={"address": {"line1": "", "city": "Vaduz"}})
    assert refused["problems"]
    position = {"vehicleId": desk.things["vehicleId"], "coordinates": POINT, "occurredAt": "2026-01-01T00:00:00Z"}
    await desk.made("reportPositions", positions=[position])
    assert await desk.rows(COUNT) == [before]
    ids = {await desk.place(reference="R", idempotencyKey="k") for _ in range(3)}
    assert len(ids) == 1
    assert (await desk.rows(COUNT))[0]["entries"] == before["entries"] + 1


async def test_a_bulk_call_is_one_entry_about_every_order_that_it_made(desk: Desk):
    orders = [{"reference": f"R-{at}", "dropoff": {"address": {"line1": "x 1", "city": "Vaduz"}}} for at in range(300)]
    payload = await desk.made("createOrders", "results { order { id } }", orders=[*orders, orders[0]])
    made = [result["order"]["id"] for result in payload["results"] if result["order"]]
    [entry] = await log(desk)
    assert len(made) == 300
    assert len(entry["subjects"]) == 250
    assert changes(entry)["orders.length"] == "301"
    assert "orders.9.reference" in changes(entry)
    assert "orders.10.reference" not in changes(entry)
    [found] = await log(desk, subjectIds=[made[299]])
    assert found["id"] == entry["id"]


async def test_every_object_that_an_act_touched_is_a_subject(desk: Desk):
    await desk.furnish()
    order_id = await desk.place(depotId=desk.things["depotId"])
    assigned = await desk.made(
        "assignOrders", "route { id stops { id } }", orderIds=[order_id], shiftId=desk.things["shiftId"]
    )
    route_id, start = assigned["route"]["id"], assigned["route"]["stops"][0]["id"]
    await desk.made("advanceStop", stopId=start, act="COMPLETE", actId="act 1 of Maria")
    act, assignment = await log(desk, operations=["advanceStop", "assignOrders"])
    assert set(assignment["subjects"]) == {route_id, order_id}
    assert set(act["subjects"]) == {start, route_id, order_id}
    assert changes(act)["actId"].startswith("hmac-sha256:")
    operations = {entry["operation"]: entry["subjects"] for entry in await log(desk)}
    for operation, thing in (("createDepot", "depotId"), ("createVehicle", "vehicleId"), ("createShift", "shiftId")):
        assert operations[operation] == [desk.things[thing]]


async def test_the_log_is_paged_and_filtered(desk: Desk, office: Office):
    ids = [await desk.place() for _ in range(5)]
    page = (await desk.data(LOG, first=2))["auditLog"]
    assert [entry["subjects"] for entry in page["nodes"]] == [[ids[4]], [ids[3]]]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (5, True)
    rest = (await desk.data(LOG, first=9, after=page["pageInfo"]["endCursor"]))["auditLog"]
    assert [entry["subjects"] for entry in rest["nodes"]] == [[ids[2]], [ids[1]], [ids[0]]]
    middle = rest["nodes"][0]["at"]
    assert [one["at"] for one in await log(desk, **{"from": middle})] == [
        one["at"] for one in [*page["nodes"], rest["nodes"][0]]
    ]
    assert len(await log(desk, to=middle)) == 2
    assert len(await log(desk, actorIds=[desk.key_id])) == 5
    stranger = (await office.desk()).key_id
    assert await log(desk, actorIds=[stranger]) == []
    assert await log(desk, operations=["cancelOrder"]) == []
    assert (await desk.ask(LOG, filter={"subjectIds": ["nonsense"]}))["errors"][0]["extensions"][
        "code"
    ] == "BAD_USER_INPUT"


async def test_the_log_is_shown_to_its_own_tenant_with_the_right_to_it(desk: Desk, other: Desk, office: Office):
    order_id = await desk.place()
    assert await log(other) == []
    assert await log(other, subjectIds=[order_id]) == []
    lesser = await office.desk(without=(Permission.AUDIT_READ,))
    assert (await lesser.ask(LOG))["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_the_application_cannot_rewrite_the_log(desk: Desk, office: Office):
    await desk.place()
    connection = await asyncpg.connect(office.urls.app)
    try:
        await connection.execute(f"SET app.tenant_id = '{desk.tenant_id}'")
        for statement in (
            "UPDATE audit_entries SET operation = 'x'",
            "UPDATE audit_entries SET actor_id = NULL",
            "DELETE FROM audit_entries",
            "DELETE FROM audit_subjects",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()
