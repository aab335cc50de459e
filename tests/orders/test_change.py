"""updateOrder and cancelOrder: patches, versions, what each state still allows, and what custody makes of cancelling."""

import asyncio
from typing import Any

import pytest
from tests.orders.conftest import ADDRESS, VADUZ, Desk, dropoff, uuid_of, window

from doorstep.kernel.errors import Conflict, DoorstepError
from doorstep.orders.model import FINAL, Custody, OrderStatus
from doorstep.orders.service import Move, move_orders, prepare_patch, update_order
from doorstep.orders.service.drafts import AddressDraft, Given, OrderPatch, WaypointPatch
from doorstep.places.roads import Roads

S = OrderStatus
TO_DELIVERED = [S.ASSIGNED, S.PICKED_UP, S.EN_ROUTE_TO_DROPOFF, S.AT_DROPOFF, S.DELIVERED]


async def drive(desk: Desk, order: dict[str, Any], *steps: OrderStatus) -> None:
    """Move an order as planning and tracking would."""
    async with desk.scope() as scope:
        await move_orders(scope, [Move(uuid_of(order), step) for step in steps])


async def test_absent_null_and_value_differ(desk: Desk) -> None:
    order = await desk.place(reference="A", displayReference="#1", dropoff=dropoff(instructions="Ring", accessCode="1"))
    payload = await desk.change(
        "updateOrder", id=order["id"], displayReference=None, priority=9, dropoff={"instructions": None}
    )
    after = payload["order"]
    assert payload["problems"] == []
    assert (after["reference"], after["displayReference"], after["priority"], after["version"]) == ("A", None, 9, 2)
    assert (after["dropoff"]["instructions"], after["dropoff"]["accessCode"]) == (None, "1")
    kind, facts, version = (await desk.events())[-1]
    assert (kind, version) == ("OrderUpdated", 2)
    assert facts["changes"] == ["displayReference", "dropoff.instructions", "priority"]


async def test_every_field_can_change(desk: Desk) -> None:
    order = await desk.place(
        kind="PICKUP_AND_DELIVERY", pickup=dropoff(), packages=[{"barcode": "old"}], metadata={"a": 1}
    )
    depot = await desk.depot()
    moved = {"latitude": 47.15, "longitude": 9.53}
    payload = await desk.change(
        "updateOrder",
        id=order["id"],
        reference="N",
        depotId=depot,
        packages=[{"barcode": "new", "load": {"weightGrams": 5, "items": 2}}],
        requiredSkills=["lift"],
        vehicleKinds=["BICYCLE"],
        proofRequired={"kinds": ["BARCODE", "PIN"], "pin": "4444"},
        metadata={"b": 2},
        pickup={"contact": {"phone": "+41 44 668 18 00"}, "serviceSeconds": 30},
        dropoff={
            "address": {**ADDRESS, "line1": "Aeulestrasse 2", "country": "LI"},
            "coordinates": moved,
            "windows": [window("11:00", "12:00")],
            "accessCode": "9",
        },
    )
    after = payload["order"]
    assert payload["problems"] == []
    assert after["reference"] == "N"
    assert after["load"] == {"weightGrams": 5, "volumeCubicCentimeters": 0, "items": 2}
    assert [package["barcode"] for package in after["packages"]] == ["new"]
    assert (after["requiredSkills"], after["vehicleKinds"], after["metadata"]) == (["lift"], ["BICYCLE"], {"b": 2})
    assert after["proofRequired"] == {"kinds": ["BARCODE", "PIN"], "pin": "4444"}
    assert after["pickup"]["contact"]["phone"] == "+41446681800"
    assert after["dropoff"]["address"]["formatted"] == "Aeulestrasse 2, 9490 Vaduz, LI"
    assert after["dropoff"]["coordinates"] == moved
    assert after["dueAt"] == window("11:00", "12:00")["end"]
    kept = (await desk.change("updateOrder", id=order["id"], proofRequired={"kinds": ["PIN"]}))["order"]
    assert kept["proofRequired"] == {"kinds": ["PIN"], "pin": "4444"}


async def test_a_patch_that_changes_nothing_writes_nothing(desk: Desk) -> None:
    order = await desk.place(packages=[{"barcode": "x"}], dropoff=dropoff(windows=[window("09:00", "10:00")]))
    before = await desk.written()
    payload = await desk.change(
        "updateOrder",
        id=order["id"],
        priority=0,
        packages=[{"barcode": "x"}],
        dropoff={"windows": [window("09:00", "10:00")], "address": ADDRESS, "coordinates": VADUZ},
    )
    assert payload == {"order": order, "problems": []}
    assert await desk.written() == before


BAD: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("window", {"dropoff": {"windows": [window("10:00", "09:00")]}}, [("INVALID_WINDOW", "dropoff.windows.0")]),
    ("priority", {"priority": 101}, [("INVALID_VALUE", "priority")]),
    ("phone", {"dropoff": {"contact": {"phone": "1"}}}, [("INVALID_PHONE", "dropoff.contact.phone")]),
    ("globe", {"dropoff": {"coordinates": {"latitude": 0, "longitude": 181}}}, [("INVALID_COORDINATES", "dropoff.coordinates")]),
    ("postcode", {"dropoff": {"address": {**ADDRESS, "postalCode": "x"}}}, [("INVALID_ADDRESS", "dropoff.address.postalCode")]),
    ("pickup of a DELIVERY", {"pickup": {"serviceSeconds": 1}}, [("INVALID_VALUE", "pickup")]),
    ("negative weight", {"packages": [{"load": {"weightGrams": -1}}]}, [("INVALID_VALUE", "packages.0.load.weightGrams")]),
    ("nothing to scan", {"proofRequired": {"kinds": ["BARCODE"]}}, [("REQUIRED", "proofRequired.kinds")]),
    ("no depot", {"depotId": "depot_01h2xcejqtf2nbrexx3vqjhp41"}, [("NOT_FOUND", "depotId")]),
    ("no id of a depot", {"depotId": "x"}, [("INVALID_ID", "depotId")]),
    ("version", {"priority": 1, "ifVersion": 7}, [("CONFLICT", "ifVersion")]),
    ("taken", {"reference": "taken"}, [("DUPLICATE_REFERENCE", "reference")]),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "problems"), [pytest.param(*case[1:], id=case[0]) for case in BAD])
async def test_a_bad_change_changes_nothing(
    desk: Desk, fields: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    await desk.place(reference="taken")
    order = await desk.place(reference="mine", packages=[{}])
    assert await desk.refused("updateOrder", id=order["id"], **fields) == problems


@pytest.mark.parametrize(
    "fields",
    [
        {"priority": None},
        {"packages": None},
        {"dropoff": {"windows": None}},
        {"metadata": None},
        {"dropoff": None},
        {"kind": "DELIVERY"},
    ],
)
async def test_null_where_there_is_no_null_is_bad_user_input(desk: Desk, fields: dict[str, Any]) -> None:
    order = await desk.place()
    before = await desk.written()
    document = "mutation($input: UpdateOrderInput!) { updateOrder(input: $input) { problems { code } } }"
    assert set(await desk.errors(document, input={"id": order["id"], **fields})) == {"BAD_USER_INPUT"}
    assert await desk.written() == before


async def test_a_conflict_shows_the_present_order(desk: Desk) -> None:
    order = await desk.place()
    await desk.change("updateOrder", id=order["id"], priority=5, ifVersion=1)
    payload = await desk.change("updateOrder", id=order["id"], priority=6, ifVersion=1)
    assert [problem["code"] for problem in payload["problems"]] == ["CONFLICT"]
    assert (payload["order"]["priority"], payload["order"]["version"]) == (5, 2)


async def test_of_two_who_saw_the_same_version_one_changes_it(desk: Desk) -> None:
    order = await desk.place()
    payloads = await asyncio.gather(
        *(desk.change("updateOrder", id=order["id"], priority=at, ifVersion=1) for at in range(1, 5))
    )
    assert sorted(len(payload["problems"]) for payload in payloads) == [0, 1, 1, 1]
    assert (await desk.order(order["id"]))["version"] == 2


async def test_racing_for_a_reference_one_gets_it(desk: Desk) -> None:
    orders = [await desk.place() for _ in range(4)]
    payloads = await asyncio.gather(*(desk.change("updateOrder", id=order["id"], reference="gold") for order in orders))
    winners = [payload["order"]["id"] for payload in payloads if not payload["problems"]]
    assert len(winners) == 1
    lost = [payload["problems"][0] for payload in payloads if payload["problems"]]
    assert {(problem["code"], problem["existingId"]) for problem in lost} == {("DUPLICATE_REFERENCE", winners[0])}


@pytest.mark.parametrize("mutation", ["updateOrder", "cancelOrder"])
async def test_orders_that_are_not_there(desk: Desk, other: Desk, mutation: str) -> None:
    theirs = await other.place()
    before = await other.written()
    fields = {"priority": 3} if mutation == "updateOrder" else {}
    assert await desk.refused(mutation, id=theirs["id"], **fields) == [("NOT_FOUND", "id")]
    assert await desk.refused(mutation, id="order_0", **fields) == [("INVALID_ID", "id")]
    assert await desk.refused(mutation, id=theirs["id"].replace("order", "depot"), **fields) == [("INVALID_ID", "id")]
    assert await other.written() == before


async def test_on_a_route_only_what_the_route_was_not_planned_with_may_change(desk: Desk) -> None:
    order = await desk.place()
    await drive(desk, order, S.ASSIGNED)
    payload = await desk.change(
        "updateOrder",
        id=order["id"],
        reference="late",
        dropoff={"contact": {"name": "New"}, "instructions": "Back door", "accessCode": "1"},
    )
    assert payload["problems"] == []
    assert payload["order"]["dropoff"]["contact"]["name"] == "New"
    fields = {
        "priority": 1,
        "dropoff": {"windows": [window("09:00", "10:00")], "coordinates": {"latitude": 47, "longitude": 9}},
    }
    refused = await desk.refused("updateOrder", id=order["id"], **fields)
    assert refused == [("IN_USE", "dropoff.coordinates"), ("IN_USE", "dropoff.windows"), ("IN_USE", "priority")]


async def test_a_final_order_keeps_all_but_ticket_and_metadata(desk: Desk) -> None:
    order = await desk.place()
    await drive(desk, order, *TO_DELIVERED)
    assert (await desk.order(order["id"]))["nextActions"] == []
    refused = await desk.refused("updateOrder", id=order["id"], dropoff={"contact": {"name": "X"}})
    assert refused == [("ILLEGAL_TRANSITION", "dropoff.contact")]
    payload = await desk.change("updateOrder", id=order["id"], displayReference="#9", metadata={"done": True})
    assert payload["problems"] == []


@pytest.mark.parametrize("before", [[], [S.ASSIGNED]])
async def test_cancelling_before_the_goods_left(desk: Desk, before: list[OrderStatus]) -> None:
    order = await desk.place()
    if before:
        await drive(desk, order, *before)
    payload = await desk.change("cancelOrder", id=order["id"], reason="OUT_OF_STOCK")
    after = payload["order"]
    assert payload["problems"] == []
    assert (after["status"], after["custody"], after["statusReason"]) == ("CANCELLED", "DEPOT", "OUT_OF_STOCK")
    kind, facts, version = (await desk.events())[-1]
    assert (kind, version) == ("OrderStatusChanged", after["version"])
    assert (facts["from"], facts["to"], facts["reason"]) == ((before or ["PENDING"])[-1], "CANCELLED", "OUT_OF_STOCK")


async def test_cancelling_with_goods_on_board_means_bringing_them_back(desk: Desk) -> None:
    order = await desk.place()
    await drive(desk, order, S.ASSIGNED, S.PICKED_UP, S.EN_ROUTE_TO_DROPOFF)
    payload = await desk.change("cancelOrder", id=order["id"])
    assert (payload["order"]["status"], payload["order"]["custody"]) == ("RETURNING", "VEHICLE")
    assert await desk.refused("cancelOrder", id=order["id"]) == [("ILLEGAL_TRANSITION", "")]
    await drive(desk, order, S.RETURNED)
    assert (await desk.order(order["id"]))["custody"] == "DEPOT"


async def test_a_failed_try_on_board_comes_back_when_cancelled_and_one_at_the_sender_does_not(desk: Desk) -> None:
    on_board = await desk.place()
    await drive(
        desk, on_board, S.ASSIGNED, S.PICKED_UP, S.AT_DROPOFF, S.ATTEMPT_FAILED, S.AWAITING_REATTEMPT, S.ASSIGNED
    )
    assert (await desk.change("cancelOrder", id=on_board["id"]))["order"]["status"] == "RETURNING"
    at_sender = await desk.place(kind="PICKUP_AND_DELIVERY", pickup=dropoff())
    await drive(desk, at_sender, S.ASSIGNED, S.AT_PICKUP, S.ATTEMPT_FAILED)
    assert (await desk.change("cancelOrder", id=at_sender["id"]))["order"]["status"] == "CANCELLED"


@pytest.mark.parametrize("final", sorted(FINAL))
async def test_final_orders_cannot_be_cancelled(desk: Desk, final: OrderStatus) -> None:
    order = await desk.place()
    steps = {
        S.DELIVERED: TO_DELIVERED,
        S.RETURNED: [S.ASSIGNED, S.PICKED_UP, S.RETURNING, S.RETURNED],
        S.CANCELLED: [S.CANCELLED],
    }
    await drive(desk, order, *steps[final])
    payload = await desk.change("cancelOrder", id=order["id"], selection="id")
    [problem] = payload["problems"]
    assert problem["code"] == "ILLEGAL_TRANSITION"
    assert final in problem["message"]
    assert await desk.refused("cancelOrder", id=order["id"], ifVersion=99) == [("CONFLICT", "ifVersion")]


async def test_replays_of_changes(desk: Desk) -> None:
    order = await desk.place()
    first = await desk.change("cancelOrder", id=order["id"], idempotencyKey="c")
    written = await desk.written()
    assert await desk.change("cancelOrder", id=order["id"], idempotencyKey="c") == first
    assert await desk.written() == written
    mismatch = await desk.refused("cancelOrder", id=order["id"], reason="OTHER", idempotencyKey="c")
    assert mismatch == [("IDEMPOTENCY_MISMATCH", "idempotencyKey")]
    second = await desk.place()
    fields = {"id": second["id"], "priority": 4, "ifVersion": 1, "idempotencyKey": "u"}
    first = await desk.change("updateOrder", **fields)
    assert await desk.change("updateOrder", **fields) == first
    assert first["order"]["version"] == 2


async def test_custody_decides_not_the_state(desk: Desk) -> None:
    order = await desk.place()
    async with desk.scope() as scope:
        await move_orders(
            scope,
            [
                Move(uuid_of(order), S.ASSIGNED),
                Move(uuid_of(order), S.PICKED_UP),
                Move(uuid_of(order), S.ATTEMPT_FAILED),
                Move(uuid_of(order), S.AWAITING_REATTEMPT, custody=Custody.DEPOT, new_attempt=True),
            ],
        )
    after = (await desk.change("cancelOrder", id=order["id"]))["order"]
    assert (after["status"], after["custody"], after["attemptNumber"], after["version"]) == ("CANCELLED", "DEPOT", 1, 6)


async def test_a_patch_made_ready_on_another_place_is_a_conflict(desk: Desk, straight_roads: Roads) -> None:
    order = await desk.place()
    principal, db = desk.principal, desk.services.db
    floor = OrderPatch(
        dropoff=WaypointPatch(
            address=Given(AddressDraft(line1="Städtle 49", line2="2", city="Vaduz", postal_code="9490"))
        )
    )
    stale = await prepare_patch(db, straight_roads, principal, order["id"], floor)
    moved = {"latitude": 47.15, "longitude": 9.53}
    await desk.change("updateOrder", id=order["id"], dropoff={"coordinates": moved})
    before = await desk.written()
    with pytest.raises(Conflict, match="at version 2 now"):
        async with desk.scope() as scope:
            await update_order(scope, stale)
    assert await desk.written() == before
    other_field = await prepare_patch(db, straight_roads, principal, order["id"], OrderPatch(priority=Given(8)))
    await drive(desk, order, S.CANCELLED)
    with pytest.raises(DoorstepError, match="CANCELLED, which is final"):
        async with desk.scope() as scope:
            await update_order(scope, other_field)


async def test_what_must_be_frozen_is_said_of_each_package_and_of_the_whole(desk: Desk) -> None:
    shown = (
        "id version packages { compartment load { items compartments { name items } } } "
        "load { weightGrams items compartments { name weightGrams volumeCubicCentimeters items } }"
    )
    ice = {"compartment": " frozen ", "load": {"weightGrams": 700}}
    made = await desk.change("createOrder", shown, dropoff=dropoff(), packages=[ice, {}, {**ice, "load": {"items": 2}}])
    assert made["problems"] == []
    order = made["order"]
    assert [package["compartment"] for package in order["packages"]] == ["frozen", None, "frozen"]
    assert order["packages"][2]["load"] == {"items": 2, "compartments": [{"name": "frozen", "items": 2}]}
    frozen = {"name": "frozen", "weightGrams": 700, "volumeCubicCentimeters": 0, "items": 3}
    assert order["load"] == {"weightGrams": 700, "items": 4, "compartments": [frozen]}
    again = await desk.change("updateOrder", shown, id=order["id"], packages=[ice, {}, {**ice, "load": {"items": 2}}])
    assert again["order"]["version"] == order["version"], "nothing has changed"
    thawed = await desk.change("updateOrder", shown, id=order["id"], packages=[{"load": {"weightGrams": 700}}])
    assert thawed["order"]["load"]["compartments"] == []
    assert (await desk.events())[-1][1]["changes"] == ["packages"]
    for bad, code in ((" ", "REQUIRED"), ("x" * 65, "INVALID_VALUE"), ("a\tb", "INVALID_VALUE")):
        found = await desk.refused("createOrder", dropoff=dropoff(), packages=[{}, {"compartment": bad}])
        assert found == [(code, "packages.1.compartment")]
