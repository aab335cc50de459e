"""``positions`` over a real socket: the newest of each vehicle, at most one a second, where the filter looks."""

import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from tests.identity.conftest import Client, company, place
from tests.kernel.streams.conftest import Following, following

from doorstep.tracking.graphql import subscriptions

__all__ = ["company", "place"]

POSITIONS = """subscription ($filter: PositionFilter) {
  positions(filter: $filter) { kind vehiclePosition { vehicle { id } position { coordinates { latitude longitude } } } }
}"""


async def vehicle(company: Client, depot: str | None = None) -> str:
    made = await company.do("createVehicle", "vehicle { id }", name=f"Van {uuid4().hex[:6]}", kind="VAN", depotId=depot)
    identifier: str = made["vehicle"]["id"]
    return identifier


async def report(company: Client, vehicle: str, latitude: float, longitude: float = 9.5) -> None:
    at = {"latitude": latitude, "longitude": longitude}
    now = datetime.now(UTC).isoformat()
    await company.do(
        "reportPositions", "results { kept }", positions=[{"vehicleId": vehicle, "coordinates": at, "occurredAt": now}]
    )


def told(item: dict) -> tuple[str, float]:
    found = item["vehiclePosition"]
    return found["vehicle"]["id"], found["position"]["coordinates"]["latitude"]


async def started(watching: Following) -> None:
    assert (await watching.next())["kind"] == "STARTED"


async def test_the_newest_is_told_at_once_and_at_most_once_a_second(company: Client) -> None:
    one, other = await vehicle(company), await vehicle(company)
    await report(company, one, 1)
    await report(company, one, 2)
    await report(company, other, 3)
    async with following(company, POSITIONS) as watching:
        await started(watching)
        assert [told(await watching.next()) for _ in range(2)] == [(one, 2), (other, 3)]
        begun = time.monotonic()
        latitude = 10.0
        while time.monotonic() - begun < 2.5:
            latitude += 0.01
            await report(company, one, latitude)
        while told(await watching.next())[1] != pytest.approx(latitude):
            pass
        assert len(watching.seen) - 3 <= 5, "two and a half seconds, and the last"
        async with following(company, POSITIONS) as late:
            await started(late)
            assert {told(await late.next())[0] for _ in range(2)} == {one, other}


async def test_who_looks_at_a_part_is_told_of_that_part(company: Client) -> None:
    depot = await company.depot()
    inside, outside, theirs = await vehicle(company, depot), await vehicle(company, depot), await vehicle(company)
    for one, latitude, longitude in ((inside, 47.1, 9.5), (outside, 48.9, 9.5), (theirs, 47.2, 179.9)):
        await report(company, one, latitude, longitude)
    vaduz = {"south": 47, "west": 9, "north": 48, "east": 10}
    pacific = {"south": 40, "west": 170, "north": 50, "east": -170}
    for looked_at, expected in (
        ({"within": vaduz}, [inside]),
        ({"within": pacific}, [theirs]),
        ({"depotIds": [depot]}, [inside, outside]),
        ({"depotIds": [depot], "within": vaduz}, [inside]),
        ({"vehicleIds": [theirs]}, [theirs]),
    ):
        async with following(company, POSITIONS, filter=looked_at) as watching:
            await started(watching)
            assert sorted([told(await watching.next())[0] for _ in expected]) == sorted(expected)
    for wrong in ({"within": {**vaduz, "north": 46}}, {"within": {**vaduz, "west": 181}}, {"vehicleIds": []}):
        async with following(company, POSITIONS, filter=wrong) as watching:
            assert (await watching.message())["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_whoever_reaches_one_shop_sees_its_vehicles_alone(company: Client) -> None:
    here, there = await company.depot(), await company.depot()
    ours, theirs = await vehicle(company, here), await vehicle(company, there)
    till = await company.key("tracking:read", "fleets:read", depotIds=[here])
    await report(company, theirs, 1)
    await report(company, ours, 2)
    async with following(till, POSITIONS) as one, following(company, POSITIONS) as everything:
        await started(one)
        await started(everything)
        assert told(await one.next()) == (ours, 2)
        assert {told(await everything.next())[0] for _ in range(2)} == {ours, theirs}
        await report(company, theirs, 3)
        await report(company, ours, 4)
        assert told(await one.next()) == (ours, 4)


def test_positions_are_a_second_apart() -> None:
    assert subscriptions.APART_SECONDS >= 1
