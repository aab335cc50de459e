from doorstep.kernel.db import Database
from doorstep.kernel.ids import parse_id

VADUZ = {"line1": "Städtle 49", "city": "Vaduz", "postalCode": "9490"}
POINT = {"latitude": 47.139, "longitude": 9.5225}


async def test_a_depot_is_made_changed_and_archived(alpha):
    made = await alpha.change(
        "createDepot",
        "id version name timeZone coordinates { latitude longitude } address { line1 city postalCode country formatted } archivedAt",
        name="  Main  depot ", address=VADUZ, coordinates=POINT,
    )  # fmt: skip
    depot = made["depot"]
    assert made["problems"] == []
    assert depot["name"] == "Main depot"
    assert depot["timeZone"] == "Europe/Vaduz"
    assert depot["coordinates"] == POINT
    assert depot["address"]["country"] == "LI"
    assert depot["address"]["formatted"] == "Städtle 49, 9490 Vaduz, LI"

    changed = await alpha.change("updateDepot", "name version", id=depot["id"], name="Yard", ifVersion=1)
    assert changed["depot"] == {"name": "Yard", "version": 2}
    unchanged = await alpha.change("updateDepot", "version", id=depot["id"], name="Yard")
    assert unchanged["depot"] == {"version": 2}

    archived = await alpha.change("archiveDepot", "archivedAt version", id=depot["id"])
    assert archived["depot"]["archivedAt"]
    assert (await alpha.change("archiveDepot", "version", id=depot["id"]))["depot"] == {"version": 3}
    assert await alpha.refused("updateDepot", id=depot["id"], name="Again") == [("ARCHIVED", "id")]

    log = await alpha.data("{ events { nodes { __typename aggregateVersion ... on DepotUpdated { changes depotId depot { name } } } } }")
    assert [event["__typename"] for event in log["events"]["nodes"]] == ["DepotCreated", "DepotUpdated", "DepotArchived"]
    assert log["events"]["nodes"][1] == {
        "__typename": "DepotUpdated", "aggregateVersion": 2, "changes": ["name"], "depotId": depot["id"], "depot": {"name": "Yard"},
    }  # fmt: skip


async def test_a_stale_version_is_a_conflict_that_shows_the_present_depot(alpha):
    depot = await alpha.made("createDepot", name="A", address=VADUZ, coordinates=POINT)
    await alpha.change("updateDepot", id=depot, name="B")
    refused = await alpha.change("updateDepot", "name version", id=depot, name="C", ifVersion=1)
    assert refused["depot"] == {"name": "B", "version": 2}
    assert [problem["code"] for problem in refused["problems"]] == ["CONFLICT"]


async def test_a_place_that_cannot_be_is_refused_and_nothing_is_written(alpha, system: Database):
    async def refused(**fields) -> list[tuple[str, str]]:
        return await alpha.refused("createDepot", **({"name": "D", "address": VADUZ, "coordinates": POINT} | fields))

    assert await refused(coordinates=None) == [("INVALID_ADDRESS", "address")]  # no map is loaded
    assert await refused(coordinates={"latitude": 91, "longitude": 0}) == [("INVALID_COORDINATES", "coordinates")]
    assert await refused(address=VADUZ | {"postalCode": "ABC"}) == [("INVALID_ADDRESS", "address.postalCode")]
    assert await refused(address=VADUZ | {"country": "ZZ"}) == [("INVALID_ADDRESS", "address.country")]
    assert await refused(name="  ") == [("REQUIRED", "name")]
    async with system.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM depots") == 0
        assert await tx.fetchval("SELECT count(*) FROM events") == 0


async def test_a_moved_depot_makes_its_coming_shifts_stale(alpha):
    depot = await alpha.made("createDepot", name="D", address=VADUZ, coordinates=POINT)
    driver = await alpha.made("createDriver", name="Ada")
    shift = await alpha.made(
        "createShift", driverId=driver, depotId=depot, start="2999-01-01T08:00:00Z", end="2999-01-01T16:00:00Z"
    )
    await alpha.change("updateDepot", id=depot, name="Other name")
    assert (await alpha.data("query($id: ID!) { shift(id: $id) { version } }", id=shift))["shift"]["version"] == 1
    await alpha.change("updateDepot", id=depot, coordinates={"latitude": 47.14, "longitude": 9.52})
    assert (await alpha.data("query($id: ID!) { shift(id: $id) { version } }", id=shift))["shift"]["version"] == 2


async def test_an_address_is_found_on_the_map(alpha, system: Database):
    async with system.transaction() as tx:
        known = await tx.fetchval("SELECT count(*) FROM map_extracts")
    assert known == 0, "the lookup itself is tested with the address index"
    assert parse_id("depot", await alpha.made("createDepot", name="D", address=VADUZ, coordinates=POINT))
