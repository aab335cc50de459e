ALL = (
    "id version name kind skills speedFactor emissionsGramsPerKilometer maxRangeMeters depot { name } "
    "capacity { weightGrams volumeCubicCentimeters items } costs { fixedMinor perHourMinor perKilometerMinor }"
)
DEPOT = {
    "name": "Yard",
    "address": {"line1": "Städtle 1", "city": "Vaduz"},
    "coordinates": {"latitude": 47.1, "longitude": 9.5},
}


async def test_a_vehicle_with_everything_and_with_nothing(alpha):
    depot = await alpha.made("createDepot", **DEPOT)
    full = await alpha.change(
        "createVehicle", ALL, name="Van 7", kind="VAN", depotId=depot, capacity={"weightGrams": 800_000, "items": 0},
        skills=["cooled", " lift ", "cooled"], costs={"fixedMinor": 2_000, "perKilometerMinor": 45}, speedFactor=0.9,
        emissionsGramsPerKilometer=180.5, maxRangeMeters=250_000,
    )  # fmt: skip
    vehicle = full["vehicle"]
    assert full["problems"] == []
    assert vehicle["capacity"] == {"weightGrams": 800_000, "volumeCubicCentimeters": None, "items": 0}
    assert vehicle["skills"] == ["cooled", "lift"]
    assert vehicle["costs"] == {"fixedMinor": 2_000, "perHourMinor": 0, "perKilometerMinor": 45}
    assert vehicle["depot"] == {"name": "Yard"}

    plain = (await alpha.change("createVehicle", ALL, name="?", kind="CAR"))["vehicle"]
    assert plain["emissionsGramsPerKilometer"] is None, "nobody stated what it emits"
    assert plain["speedFactor"] == 1.0
    bicycle = (await alpha.change("createVehicle", ALL, name="B", kind="BICYCLE"))["vehicle"]
    assert bicycle["emissionsGramsPerKilometer"] == 0.0


async def test_a_patch_tells_absent_from_null(alpha):
    depot = await alpha.made("createDepot", **DEPOT)
    vehicle = await alpha.made(
        "createVehicle", name="V", kind="VAN", depotId=depot, maxRangeMeters=10, capacity={"items": 5}
    )
    renamed = (await alpha.change("updateVehicle", ALL, id=vehicle, name="W"))["vehicle"]
    assert (renamed["maxRangeMeters"], renamed["depot"], renamed["capacity"]["items"]) == (10, {"name": "Yard"}, 5)
    emptied = await alpha.change("updateVehicle", ALL, id=vehicle, maxRangeMeters=None, depotId=None, capacity=None)
    assert emptied["problems"] == []
    assert (emptied["vehicle"]["maxRangeMeters"], emptied["vehicle"]["depot"]) == (None, None)
    assert emptied["vehicle"]["capacity"]["items"] is None
    answer = await alpha.ask(
        "mutation($id: ID!) { updateVehicle(input: {id: $id, name: null}) { problems { code } } }", id=vehicle
    )
    assert answer["errors"][0]["extensions"]["code"] in {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"}


async def test_every_fault_of_a_vehicle_is_shown_at_once_and_nothing_is_written(alpha, count):
    refused = await alpha.refused(
        "createVehicle", name="", kind="VAN", capacity={"weightGrams": -1}, speedFactor=0, maxRangeMeters=0,
        costs={"perHourMinor": -5}, emissionsGramsPerKilometer=-0.1, skills=["x" * 51],
    )  # fmt: skip
    assert set(refused) == {
        ("REQUIRED", "name"), ("INVALID_VALUE", "capacity.weightGrams"), ("INVALID_VALUE", "speedFactor"),
        ("INVALID_VALUE", "maxRangeMeters"), ("INVALID_VALUE", "costs.perHourMinor"), ("INVALID_VALUE", "skills"),
        ("INVALID_VALUE", "emissionsGramsPerKilometer"),
    }  # fmt: skip
    assert await alpha.refused("createVehicle", name="V", kind="VAN", speedFactor=5.1) == [
        ("INVALID_VALUE", "speedFactor")
    ]
    assert await alpha.refused("createVehicle", name="V", kind="VAN", depotId="vehicle_1") == [
        ("INVALID_ID", "depotId")
    ]
    assert await count(alpha, "vehicles") == await count(alpha, "events") == 0


async def test_a_smaller_vehicle_makes_its_coming_shifts_stale_a_new_name_does_not(alpha):
    depot = await alpha.made("createDepot", **DEPOT)
    driver = await alpha.made("createDriver", name="Ada")
    vehicle = await alpha.made("createVehicle", name="V", kind="VAN")
    shift = await alpha.made(
        "createShift",
        driverId=driver,
        vehicleId=vehicle,
        depotId=depot,
        start="2999-01-01T08:00:00Z",
        end="2999-01-01T16:00:00Z",
    )

    async def version() -> int:
        return (await alpha.data("query($id: ID!) { shift(id: $id) { version } }", id=shift))["shift"]["version"]

    await alpha.change("updateVehicle", id=vehicle, name="W", emissionsGramsPerKilometer=1)
    assert await version() == 1
    await alpha.change("updateVehicle", id=vehicle, capacity={"items": 1})
    assert await version() == 2
    await alpha.change("updateDriver", id=driver, phone="079 555 12 34")
    assert await version() == 2
    await alpha.change("updateDriver", id=driver, skills=["lift"])
    assert await version() == 3
    log = await alpha.data(
        '{ events(filter: {types: ["ShiftUpdated"]}) { nodes { ... on ShiftUpdated { changes aggregateVersion } } } }'
    )
    assert [event["changes"] for event in log["events"]["nodes"]] == [["vehicle"], ["driver"]]


async def test_a_driver_s_telephone_number_is_brought_into_form(alpha):
    made = await alpha.change("createDriver", "id phone skills", name="Ada", phone="232 66 11", skills=["lift"])
    assert made["problems"] == []
    driver = made["driver"]
    assert (driver["phone"], driver["skills"]) == ("+4232326611", ["lift"])
    assert await alpha.refused("createDriver", name="Ada", phone="12") == [("INVALID_PHONE", "phone")]
    assert (await alpha.change("updateDriver", "phone", id=driver["id"], phone=None))["driver"] == {"phone": None}
    log = await alpha.data("{ events { nodes { ... on DriverUpdated { changes } } } }")
    assert log["events"]["nodes"][-1] == {"changes": ["phone"]}


async def test_the_same_key_makes_one_vehicle(alpha):
    first = await alpha.made("createVehicle", name="V", kind="VAN", idempotencyKey="k")
    assert await alpha.made("createVehicle", name="V", kind="VAN", idempotencyKey="k") == first
    assert await alpha.refused("createVehicle", name="W", kind="VAN", idempotencyKey="k") == [
        ("IDEMPOTENCY_MISMATCH", "idempotencyKey")
    ]
    assert (await alpha.data("{ vehicles { totalCount } }"))["vehicles"]["totalCount"] == 1


async def test_what_planning_cannot_work_with_is_refused_at_once(alpha):
    refused = await alpha.refused(
        "createVehicle", name="V", kind="VAN", speedFactor=0.05, costs={"fixedMinor": 10_000_001}
    )
    assert set(refused) == {("INVALID_VALUE", "speedFactor"), ("INVALID_VALUE", "costs.fixedMinor")}
    await alpha.made("createVehicle", name="V", kind="VAN", speedFactor=0.1, costs={"fixedMinor": 10_000_000})


async def test_compartments_are_kept_by_name_and_bad_ones_are_refused(alpha, count):
    shown = "compartments { name capacity { weightGrams volumeCubicCentimeters items } }"
    given = [{"name": " frozen ", "capacity": {"weightGrams": 5000}}, {"name": "chilled"}]
    made = await alpha.change("createVehicle", f"id {shown}", name="V", kind="VAN", compartments=given)
    assert made["problems"] == []
    nothing = {"weightGrams": None, "volumeCubicCentimeters": None, "items": None}
    both = [
        {"name": "chilled", "capacity": nothing},
        {"name": "frozen", "capacity": {**nothing, "weightGrams": 5000}},
    ]
    assert made["vehicle"]["compartments"] == both
    vehicle = made["vehicle"]["id"]
    renamed = await alpha.change("updateVehicle", shown, id=vehicle, name="W")
    assert renamed["vehicle"]["compartments"] == both, "what is not given stays"
    bad = [{"name": "frozen"}, {"name": "frozen "}, {"name": " "}, {"name": "a", "capacity": {"items": -1}}]
    assert set(await alpha.refused("updateVehicle", id=vehicle, compartments=bad)) == {
        ("INVALID_VALUE", "compartments.1.name"),
        ("INVALID_VALUE", "compartments.2.name"),
        ("INVALID_VALUE", "compartments.3.capacity.items"),
    }
    many = [{"name": f"c{number}"} for number in range(11)]
    assert await alpha.refused("updateVehicle", id=vehicle, compartments=many) == [("TOO_MANY_ITEMS", "compartments")]
    emptied = await alpha.change("updateVehicle", shown, id=vehicle, compartments=[])
    assert emptied["vehicle"]["compartments"] == []
