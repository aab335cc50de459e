import asyncio

import asyncpg
import pytest
from tests.fleets.conftest import client_of

from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.places import address_index, map_extract, town
from doorstep.server import running_server
from doorstep.settings import Settings

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

    log = await alpha.data(
        "{ events { nodes { __typename aggregateVersion ... on DepotUpdated { changes depotId depot { name } } } } }"
    )
    assert [event["__typename"] for event in log["events"]["nodes"]] == [
        "DepotCreated",
        "DepotUpdated",
        "DepotArchived",
    ]
    assert log["events"]["nodes"][1] == {
        "__typename": "DepotUpdated", "aggregateVersion": 2, "changes": ["name"], "depotId": depot["id"], "depot": {"name": "Yard"},
    }  # fmt: skip


async def test_a_stale_version_is_a_conflict_that_shows_the_present_depot(alpha):
    depot = await alpha.made("createDepot", name="A", address=VADUZ, coordinates=POINT)
    await alpha.change("updateDepot", id=depot, name="B")
    refused = await alpha.change("updateDepot", "name version", id=depot, name="C", ifVersion=1)
    assert refused["depot"] == {"name": "B", "version": 2}
    assert [problem["code"] for problem in refused["problems"]] == ["CONFLICT"]


async def test_a_place_that_cannot_be_is_refused_and_nothing_is_written(alpha, count):
    async def refused(**fields) -> list[tuple[str, str]]:
        return await alpha.refused("createDepot", **({"name": "D", "address": VADUZ, "coordinates": POINT} | fields))

    assert await refused(coordinates=None) == [("INVALID_ADDRESS", "address")]  # no map is loaded
    assert await refused(coordinates={"latitude": 91, "longitude": 0}) == [("INVALID_COORDINATES", "coordinates")]
    assert await refused(address=VADUZ | {"postalCode": "ABC"}) == [("INVALID_ADDRESS", "address.postalCode")]
    assert await refused(address=VADUZ | {"country": "ZZ"}) == [("INVALID_ADDRESS", "address.country")]
    assert await refused(name="  ") == [("REQUIRED", "name")]
    assert await count(alpha, "depots") == await count(alpha, "events") == 0


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


async def test_an_address_without_coordinates_is_looked_up_on_the_map(alpha, urls: DatabaseUrls, tmp_path):
    extract = await asyncio.to_thread(town.build, tmp_path / "town.osm.pbf")
    connection = await asyncpg.connect(urls.system)
    await address_index.load(connection, extract, "town")
    await connection.close()
    [house] = map_extract.sample_addresses(extract, 1)
    address = {"line1": house.line1, "city": house.city, "postalCode": house.postal_code, "country": house.country}
    made = await alpha.change("createDepot", "id coordinates { latitude longitude }", name="D", address=address)
    assert made["problems"] == []
    assert made["depot"]["coordinates"] == {
        "latitude": pytest.approx(house.latitude, abs=1e-4), "longitude": pytest.approx(house.longitude, abs=1e-4),
    }  # fmt: skip
    elsewhere = {"line1": "Nowhere Avenue 999", "city": house.city, "country": house.country}
    assert await alpha.refused("updateDepot", id=made["depot"]["id"], address=elsewhere) == [
        ("INVALID_ADDRESS", "address")
    ]


async def _far_from_every_road(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An OSRM elsewhere that finds the nearest road 5 km away."""
    while await reader.readline() not in {b"\r\n", b""}:
        pass
    body = (
        b'{"code":"Ok","data_version":"1","waypoints":[{"distance":5000.0,"location":[9.6,47.2],"hint":"","name":""}]}'
    )
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        % len(body)
    )
    writer.write(body)
    await writer.drain()
    writer.close()


async def test_a_depot_far_from_every_road_is_refused(urls: DatabaseUrls, system: Database, tmp_path):
    osrm = await asyncio.start_server(_far_from_every_road, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{osrm.sockets[0].getsockname()[1]}"
    settings = Settings(home=tmp_path, osrm_urls={"car": url}, drain_seconds=5)  # type: ignore[call-arg]
    async with osrm, running_server(settings, urls, work=False, port=0) as server:
        client = await client_of(server, system)
        refused = await client.refused("createDepot", name="D", address=VADUZ, coordinates=POINT)
        assert refused == [("OFF_ROAD", "coordinates")]
        osrm.close()
        taken = await client.refused("createDepot", name="D", address=VADUZ, coordinates=POINT)
        assert taken == [], "a road engine that does not answer stops nobody"
        await client.close()
