"""createOrder: what comes in comes out, and what is wrong is refused with everything that is wrong at once."""

import asyncio
from typing import Any

import pytest
from tests.orders.conftest import ADDRESS, VADUZ, Desk, dropoff, window

from doorstep.kernel.scope import Permission

CREATE = "mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { id } problems { code } } }"


async def test_an_order_comes_out_as_it_went_in(desk: Desk) -> None:
    depot = await desk.depot()
    order = await desk.place(
        reference="A-1",
        displayReference="#17",
        kind="PICKUP_AND_DELIVERY",
        depotId=depot,
        pickup={
            "address": {**ADDRESS, "line1": "Aeulestrasse 2", "line2": "Hof"},
            "coordinates": VADUZ,
            "serviceSeconds": 60,
        },
        dropoff=dropoff(
            contact={"name": " Ada  Lovelace ", "phone": "236 61 11", "email": "Ada@Example.ORG"},
            windows=[window("14:00", "15:00"), window("09:00", "10:00")],
            serviceSeconds=300,
            instructions="Zweimal läuten\nHund",
            accessCode="4711#",
        ),
        packages=[
            {
                "barcode": "P1",
                "description": "Lampe",
                "load": {"weightGrams": 1200, "volumeCubicCentimeters": 9000},
                "fragile": True,
            },
            {"load": {"weightGrams": 300, "items": 3}},
        ],
        priority=70,
        requiredSkills=["lift", "cooled", "lift"],
        vehicleKinds=["VAN", "CAR", "VAN"],
        proofRequired={"kinds": ["PIN", "NOTE"], "pin": "123456"},
        metadata={"till": 3, "nested": {"a": [1, None]}},
    )
    assert order["reference"] == "A-1"
    assert order["displayReference"] == "#17"
    assert (order["status"], order["custody"], order["version"], order["attemptNumber"]) == ("PENDING", "SENDER", 1, 0)
    assert order["locationStatus"] == "LOCATED"
    assert order["priority"] == 70
    assert order["requiredSkills"] == ["lift", "cooled"]
    assert order["vehicleKinds"] == ["VAN", "CAR"]
    assert order["load"] == {"weightGrams": 1500, "volumeCubicCentimeters": 9000, "items": 4}
    assert [package["barcode"] for package in order["packages"]] == ["P1", None]
    assert order["packages"][0]["fragile"] is True
    assert order["proofRequired"] == {"kinds": ["PIN", "NOTE"], "pin": "123456"}
    assert order["metadata"] == {"till": 3, "nested": {"a": [1, None]}}
    assert order["pickup"]["address"]["line2"] == "Hof"
    assert order["pickup"]["contact"] is None
    end = order["dropoff"]
    assert end["address"]["country"] == "LI"
    assert end["address"]["formatted"] == "Städtle 49, 9490 Vaduz, LI"
    assert end["contact"] == {"name": "Ada Lovelace", "phone": "+4232366111", "email": "Ada@example.org"}
    assert end["windows"] == [window("09:00", "10:00"), window("14:00", "15:00")]
    assert order["dueAt"] == window("14:00", "15:00")["end"]
    assert (end["serviceSeconds"], end["instructions"], end["accessCode"]) == (300, "Zweimal läuten\nHund", "4711#")
    assert end["coordinates"] == VADUZ
    assert end["locationCheck"] == "CHECKED"
    found = await desk.data('query { order(by: {reference: "A-1"}) { id depot { id name } } }')
    assert found["order"] == {"id": order["id"], "depot": {"id": depot, "name": found["order"]["depot"]["name"]}}


async def test_an_order_takes_up_what_its_packages_take_up(desk: Desk) -> None:
    nothing = {"weightGrams": 0, "volumeCubicCentimeters": 0, "items": 0}
    assert (await desk.place(packages=[]))["load"] == nothing
    assert (await desk.place(packages=[{}]))["load"] == {**nothing, "items": 1}


async def test_the_event_holds_the_facts_and_nobodys_data(desk: Desk) -> None:
    order = await desk.place(
        reference="E-1", displayReference="Grace", dropoff=dropoff(contact={"name": "Grace Hopper", "phone": "2366111"})
    )
    [(kind, facts, version)] = await desk.events()
    assert (kind, version) == ("OrderPlaced", 1)
    assert (facts["kind"], facts["status"], facts["location_status"]) == ("DELIVERY", "PENDING", "LOCATED")
    assert not any(word in str(facts) for word in ("Grace", "2366111", "Städtle", "9.52", "E-1"))
    assert order["custody"] == "DEPOT"


NUL = "a\x00b"
BAD: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("window ends first", {"dropoff": dropoff(windows=[window("10:00", "09:00")])}, [("INVALID_WINDOW", "dropoff.windows.0")]),
    ("empty window", {"dropoff": dropoff(windows=[window("10:00", "10:00")])}, [("INVALID_WINDOW", "dropoff.windows.0")]),
    (
        "windows overlap",
        {"dropoff": dropoff(windows=[window("10:00", "12:00"), window("09:00", "11:00")])},
        [("INVALID_WINDOW", "dropoff.windows.0")],
    ),
    (
        "too many windows",
        {"dropoff": dropoff(windows=[window(f"{hour:02}:00", f"{hour:02}:30") for hour in range(11)])},
        [("TOO_MANY_ITEMS", "dropoff.windows")],
    ),
    ("off the globe", {"dropoff": dropoff(coordinates={"latitude": 90.1, "longitude": 9})}, [("INVALID_COORDINATES", "dropoff.coordinates")]),
    ("negative weight", {"packages": [{"load": {"weightGrams": -1}}]}, [("INVALID_VALUE", "packages.0.load.weightGrams")]),
    ("absurd weight", {"packages": [{"load": {"weightGrams": 20_000_001}}]}, [("INVALID_VALUE", "packages.0.load.weightGrams")]),
    ("negative items", {"packages": [{}, {"load": {"items": -1}}]}, [("INVALID_VALUE", "packages.1.load.items")]),
    ("101 packages", {"packages": [{}] * 101}, [("TOO_MANY_ITEMS", "packages")]),
    ("priority", {"priority": 101}, [("INVALID_VALUE", "priority")]),
    ("priority below", {"priority": -1}, [("INVALID_VALUE", "priority")]),
    ("service", {"dropoff": dropoff(serviceSeconds=86_401)}, [("INVALID_VALUE", "dropoff.serviceSeconds")]),
    ("21 skills", {"requiredSkills": [f"s{at}" for at in range(21)]}, [("TOO_MANY_ITEMS", "requiredSkills")]),
    ("nameless skill", {"requiredSkills": ["a", " "]}, [("REQUIRED", "requiredSkills.1")]),
    ("long reference", {"reference": "x" * 101}, [("INVALID_VALUE", "reference")]),
    ("U+0000 in a reference", {"reference": NUL}, [("INVALID_VALUE", "reference")]),
    ("U+0000 in a ticket number", {"displayReference": NUL}, [("INVALID_VALUE", "displayReference")]),
    ("U+0000 in a barcode", {"packages": [{"barcode": NUL}]}, [("INVALID_VALUE", "packages.0.barcode")]),
    ("U+0000 in instructions", {"dropoff": dropoff(instructions=NUL)}, [("INVALID_VALUE", "dropoff.instructions")]),
    ("U+0000 in a name", {"dropoff": dropoff(contact={"name": NUL})}, [("INVALID_VALUE", "dropoff.contact.name")]),
    ("U+0000 in a street", {"dropoff": dropoff(address={**ADDRESS, "line1": NUL})}, [("INVALID_ADDRESS", "dropoff.address.line1")]),
    ("no street", {"dropoff": dropoff(address={**ADDRESS, "line1": " "})}, [("REQUIRED", "dropoff.address.line1")]),
    ("country", {"dropoff": dropoff(address={**ADDRESS, "country": "XX"})}, [("INVALID_ADDRESS", "dropoff.address.country")]),
    ("postcode", {"dropoff": dropoff(address={**ADDRESS, "postalCode": "1"})}, [("INVALID_ADDRESS", "dropoff.address.postalCode")]),
    ("phone", {"dropoff": dropoff(contact={"phone": "12"})}, [("INVALID_PHONE", "dropoff.contact.phone")]),
    ("e-mail", {"dropoff": dropoff(contact={"email": "nobody"})}, [("INVALID_EMAIL", "dropoff.contact.email")]),
    ("pickup of a DELIVERY", {"pickup": dropoff()}, [("INVALID_VALUE", "pickup")]),
    ("no pickup", {"kind": "PICKUP_AND_DELIVERY"}, [("REQUIRED", "pickup")]),
    ("PIN of letters", {"proofRequired": {"kinds": ["PIN"], "pin": "abcd"}}, [("INVALID_VALUE", "proofRequired.pin")]),
    ("PIN for nothing", {"proofRequired": {"kinds": [], "pin": "1234"}}, [("INVALID_VALUE", "proofRequired.pin")]),
    ("nothing to scan", {"proofRequired": {"kinds": ["BARCODE"]}, "packages": [{}]}, [("REQUIRED", "proofRequired.kinds")]),
    ("another type's id", {"depotId": "order_01h2xcejqtf2nbrexx3vqjhp41"}, [("INVALID_ID", "depotId")]),
    ("no such depot", {"depotId": "depot_01h2xcejqtf2nbrexx3vqjhp41"}, [("NOT_FOUND", "depotId")]),
    (
        "all of it at once",
        {"priority": 500, "dropoff": dropoff(serviceSeconds=-1, contact={"phone": "?", "email": "?"})},
        [
            ("INVALID_PHONE", "dropoff.contact.phone"),
            ("INVALID_EMAIL", "dropoff.contact.email"),
            ("INVALID_VALUE", "dropoff.serviceSeconds"),
            ("INVALID_VALUE", "priority"),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "problems"), [pytest.param(*case[1:], id=case[0]) for case in BAD])
async def test_a_bad_value_is_refused_where_it_stands(
    desk: Desk, fields: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    assert await desk.refused("createOrder", **{"dropoff": dropoff(), **fields}) == problems


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"dropof": dropoff()}, id="misspelt"),
        pytest.param({"dropoff": dropoff(), "colour": "red"}, id="unknown"),
        pytest.param({}, id="missing"),
        pytest.param({"dropoff": dropoff(windows=[{"start": "tomorrow", "end": "later"}])}, id="no instant"),
        pytest.param({"dropoff": dropoff(), "kind": "SERVICE"}, id="a kind that does not work yet"),
        pytest.param({"dropoff": dropoff(), "metadata": {"a": NUL}}, id="U+0000 in metadata"),
        pytest.param({"dropoff": dropoff(), "metadata": {str(at): at for at in range(51)}}, id="51 keys"),
    ],
)
async def test_what_the_schema_refuses_is_bad_user_input(desk: Desk, fields: dict[str, Any]) -> None:
    before = await desk.written()
    assert set(await desk.errors(CREATE, input=fields)) == {"BAD_USER_INPUT"}
    assert await desk.written() == before


async def test_a_country_must_come_from_somewhere(office: Any) -> None:
    nowhere: Desk = await office.desk(country=None)
    assert await nowhere.refused("createOrder", dropoff=dropoff()) == [("REQUIRED", "dropoff.address.country")]
    order = await nowhere.place(dropoff=dropoff(address={**ADDRESS, "country": "li"}))
    assert order["dropoff"]["address"]["country"] == "LI"


async def test_an_archived_depot_takes_no_orders(desk: Desk) -> None:
    depot = await desk.depot(archived=True)
    assert await desk.refused("createOrder", dropoff=dropoff(), depotId=depot) == [("ARCHIVED", "depotId")]


async def test_another_tenants_depot_does_not_exist(desk: Desk, other: Desk) -> None:
    depot = await other.depot()
    assert await desk.refused("createOrder", dropoff=dropoff(), depotId=depot) == [("NOT_FOUND", "depotId")]


async def test_a_required_pin_is_made_and_shown_only_to_writers(desk: Desk) -> None:
    order = await desk.place(proofRequired={"kinds": ["PIN"]})
    pin = order["proofRequired"]["pin"]
    assert len(pin) == 4
    assert pin.isdigit()
    reader = desk.without(Permission.ORDERS_WRITE)
    assert (await reader.order(order["id"]))["proofRequired"] == {"kinds": ["PIN"], "pin": None}


async def test_a_reference_is_unique_and_the_refusal_says_whose_it_is(desk: Desk, other: Desk) -> None:
    first = await desk.place(reference="R-1")
    before = await desk.written()
    payload = await desk.change("createOrder", reference="R-1", dropoff=dropoff())
    assert await desk.written() == before
    [problem] = payload["problems"]
    assert (problem["code"], problem["path"], problem["existingId"]) == (
        "DUPLICATE_REFERENCE",
        ["reference"],
        first["id"],
    )
    assert payload["order"] is None
    assert (await other.place(reference="R-1"))["reference"] == "R-1"


async def test_of_racing_twins_one_wins(desk: Desk) -> None:
    payloads = await asyncio.gather(
        *(desk.change("createOrder", reference="race", dropoff=dropoff()) for _ in range(5))
    )
    won = [payload["order"]["id"] for payload in payloads if payload["order"]]
    lost = [payload["problems"][0] for payload in payloads if payload["problems"]]
    assert len(won) == 1
    assert {(problem["code"], problem["existingId"]) for problem in lost} == {("DUPLICATE_REFERENCE", won[0])}
    assert len(await desk.events()) == 1


async def test_a_replay_answers_with_the_same_order(desk: Desk) -> None:
    fields = {"dropoff": dropoff(), "reference": "K", "idempotencyKey": "till-3/17"}
    first = await desk.change("createOrder", **fields)
    written = await desk.written()
    again = await desk.change("createOrder", **fields)
    assert again == first
    assert await desk.written() == written
    assert await desk.refused("createOrder", **{**fields, "priority": 1}) == [
        ("IDEMPOTENCY_MISMATCH", "idempotencyKey")
    ]
    assert await desk.refused("createOrder", **{**fields, "idempotencyKey": ""}) == [
        ("INVALID_VALUE", "idempotencyKey")
    ]


async def test_a_refusal_is_not_stored_under_its_key(desk: Desk) -> None:
    key = {"idempotencyKey": "second try"}
    assert await desk.refused("createOrder", dropoff=dropoff(serviceSeconds=-1), **key)
    assert (await desk.place(**key))["version"] == 1


@pytest.mark.parametrize(
    "document",
    [
        "query { orders { nodes { id } } }",
        'query { order(by: {reference: "x"}) { id } }',
    ],
)
async def test_reading_needs_its_scope(desk: Desk, document: str) -> None:
    assert await desk.without(Permission.ORDERS_READ).errors(document) == ["FORBIDDEN"]


async def test_writing_needs_its_scope(desk: Desk) -> None:
    reader = desk.without(Permission.ORDERS_WRITE)
    before = await desk.written()
    assert await reader.errors(CREATE, input={"dropoff": dropoff()}) == ["FORBIDDEN"]
    many = "mutation { createOrders(input: {orders: []}) { problems { code } } }"
    assert await reader.errors(many) == ["FORBIDDEN"]
    for name in ("update", "cancel"):
        one = f'mutation {{ {name}Order(input: {{id: "order_01h2xcejqtf2nbrexx3vqjhp41"}}) {{ problems {{ code }} }} }}'
        assert await reader.errors(one) == ["FORBIDDEN"]
    assert await desk.written() == before
