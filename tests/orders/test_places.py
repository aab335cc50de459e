"""Where orders are: addresses looked up on the map, points held against real roads, and the cure for what was not found."""

from pathlib import Path

import asyncpg
import pytest
from tests.orders.conftest import Desk, Office

from doorstep.kernel.db import DatabaseUrls
from doorstep.kernel.geo import Coordinates, distance_meters
from doorstep.orders.service import preparing
from doorstep.places import address_index, map_extract, town
from doorstep.places.map_extract import SampleAddress
from doorstep.places.roads import Roads

NEAR_TOWN = {"latitude": town.CENTER[0], "longitude": town.CENTER[1]}
MID_OCEAN = {"latitude": town.CENTER[0] + 2, "longitude": town.CENTER[1] + 2}


@pytest.fixture(scope="session")
async def houses(town_extract: Path, orders_urls: DatabaseUrls) -> list[SampleAddress]:
    """Addresses of the town, which is the map in use."""
    connection = await asyncpg.connect(orders_urls.system)
    try:
        await address_index.load(connection, town_extract, "town", town.COUNTRY)
    finally:
        await connection.close()
    return map_extract.sample_addresses(town_extract, 40, country=town.COUNTRY)


@pytest.fixture
async def bermuda(office: Office, town_roads: Roads, houses: list[SampleAddress]) -> Desk:
    assert houses
    return await office.desk(town.COUNTRY, office.with_roads(town_roads))


def address_of(house: SampleAddress) -> dict[str, str | None]:
    return {"line1": house.line1, "city": house.city, "postalCode": house.postal_code}


async def test_an_address_is_found_on_the_map(bermuda: Desk, houses: list[SampleAddress]) -> None:
    payload = await bermuda.place_many([{"dropoff": {"address": address_of(house)}} for house in houses])
    assert not any(result["problems"] for result in payload["results"]), payload
    for house, result in zip(houses, payload["results"], strict=True):
        end = (await bermuda.order(result["order"]["id"]))["dropoff"]
        assert end["locationCheck"] == "CHECKED"
        found = Coordinates(**end["coordinates"])
        assert distance_meters(found, Coordinates(house.latitude, house.longitude)) < 50


async def test_what_is_not_found_is_created_all_the_same_and_cured_later(
    bermuda: Desk, houses: list[SampleAddress]
) -> None:
    lost = {**address_of(houses[0]), "line1": "Nowhere Whatever Lane 99999"}
    order = await bermuda.place(dropoff={"address": lost})
    assert order["locationStatus"] == "NEEDS_LOCATION"
    assert order["dropoff"]["coordinates"] is None
    assert order["dropoff"]["locationCheck"] == "UNCHECKED"
    assert order["dropoff"]["locationReason"] in {"NOT_FOUND", "DOUBTFUL", "PLACE_ONLY", "STREET_ONLY", "AMBIGUOUS"}
    assert [action["kind"] for action in order["nextActions"]] == ["LOCATE", "CANCEL"]

    payload = await bermuda.change("updateOrder", id=order["id"], dropoff={"address": address_of(houses[1])})
    cured = payload["order"]
    assert payload["problems"] == []
    assert (cured["locationStatus"], cured["version"]) == ("LOCATED", 2)
    assert cured["dropoff"]["locationReason"] is None
    assert [action["kind"] for action in cured["nextActions"]] == ["ASSIGN", "TENDER", "CANCEL"]
    kind, facts, version = (await bermuda.events())[-1]
    assert (kind, version, facts["location_status"]) == ("OrderUpdated", 2, "LOCATED")
    assert facts["changes"] == ["dropoff.address", "dropoff.coordinates"]


async def test_when_many_misspelt_addresses_come_at_once_the_rest_waits_for_its_cure(
    bermuda: Desk, houses: list[SampleAddress], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = max(houses, key=lambda one: len(one.line1))
    misspelt = {**address_of(house), "line1": house.line1[:3] + house.line1[4:]}
    monkeypatch.setattr(preparing, "SEARCH_SECONDS", -1.0)
    as_on_the_map = await bermuda.place(dropoff={"address": address_of(house)})
    order = await bermuda.place(dropoff={"address": misspelt})
    assert as_on_the_map["locationStatus"] == "LOCATED"
    assert (order["locationStatus"], order["dropoff"]["locationReason"]) == ("NEEDS_LOCATION", "NO_TIME")
    monkeypatch.undo()
    payload = await bermuda.change("updateOrder", id=order["id"], dropoff={"coordinates": None})
    assert payload["order"]["dropoff"]["locationReason"] != "NO_TIME"


async def test_coordinates_cure_too_and_null_asks_the_map_again(bermuda: Desk, houses: list[SampleAddress]) -> None:
    order = await bermuda.place(dropoff={"address": {"line1": "Nowhere Whatever Lane 99999", "city": "Nil"}})
    payload = await bermuda.change("updateOrder", id=order["id"], dropoff={"coordinates": NEAR_TOWN})
    assert payload["order"]["locationStatus"] == "LOCATED"
    payload = await bermuda.change("updateOrder", id=order["id"], dropoff={"coordinates": None})
    assert payload["order"]["locationStatus"] == "NEEDS_LOCATION"


async def test_a_new_floor_does_not_move_the_door_and_a_new_street_does(
    bermuda: Desk, houses: list[SampleAddress]
) -> None:
    order = await bermuda.place(dropoff={"address": address_of(houses[0]), "coordinates": NEAR_TOWN})
    floor = {**address_of(houses[0]), "line2": "3rd floor"}
    after = (await bermuda.change("updateOrder", id=order["id"], dropoff={"address": floor}))["order"]
    assert after["dropoff"]["coordinates"] == NEAR_TOWN
    after = (await bermuda.change("updateOrder", id=order["id"], dropoff={"address": address_of(houses[1])}))["order"]
    assert after["dropoff"]["coordinates"] != NEAR_TOWN


async def test_a_point_far_from_every_road_is_a_problem_of_its_own_order(
    bermuda: Desk, houses: list[SampleAddress]
) -> None:
    off = {"dropoff": {"address": address_of(houses[0]), "coordinates": MID_OCEAN}}
    assert await bermuda.refused("createOrder", **off) == [("OFF_ROAD", "dropoff.coordinates")]
    payload = await bermuda.place_many([off, {"dropoff": {"address": address_of(houses[0]), "coordinates": NEAR_TOWN}}])
    assert [result["order"] is None for result in payload["results"]] == [True, False]
    [problem] = payload["results"][0]["problems"]
    assert (problem["code"], problem["path"]) == ("OFF_ROAD", ["orders", "0", "dropoff", "coordinates"])
    order_id = payload["results"][1]["order"]["id"]
    moved = {"id": order_id, "dropoff": {"coordinates": MID_OCEAN}}
    assert await bermuda.refused("updateOrder", **moved) == [("OFF_ROAD", "dropoff.coordinates")]


async def test_without_an_answer_of_the_roads_the_order_is_taken_unchecked(
    office: Office, straight_roads: Roads
) -> None:
    silent = Roads(straight_roads.home, external={"car": "http://127.0.0.1:9"})
    await silent.start()
    try:
        desk = await office.desk(services=office.with_roads(silent))
        order = await desk.place()
    finally:
        await silent.close()
    assert (order["locationStatus"], order["dropoff"]["locationCheck"]) == ("LOCATED", "UNCHECKED")


async def test_the_map_of_another_country_says_so(office: Office, houses: list[SampleAddress]) -> None:
    assert houses
    desk = await office.desk("LI")
    order = await desk.place(dropoff={"address": {"line1": "Städtle 49", "city": "Vaduz"}})
    assert (order["locationStatus"], order["dropoff"]["locationReason"]) == ("NEEDS_LOCATION", "OTHER_COUNTRY")
