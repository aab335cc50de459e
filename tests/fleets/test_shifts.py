import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from doorstep.fleets.reads import shifts_for_planning, shifts_starting
from doorstep.fleets.service import shifts
from doorstep.kernel.ids import parse_id

DAY = datetime(2999, 1, 1, tzinfo=UTC)
DEPOT = {
    "name": "Yard",
    "address": {"line1": "Städtle 1", "city": "Vaduz"},
    "coordinates": {"latitude": 47.1, "longitude": 9.5},
}


def at(hours: float) -> str:
    return (DAY + timedelta(hours=hours)).isoformat()


@pytest.fixture
async def fleet(alpha) -> dict[str, str]:
    return {
        "depotId": await alpha.made("createDepot", **DEPOT),
        "driverId": await alpha.made("createDriver", name="Ada", skills=["lift"]),
        "vehicleId": await alpha.made("createVehicle", name="V", kind="VAN", skills=["cooled"], capacity={"items": 9}),
    }


async def test_a_shift_shows_what_it_needs_and_what_planning_reads(alpha, fleet, server):
    made = await alpha.change(
        "createShift",
        "id start end returnsToDepot startAt { latitude } endAt { latitude } maxStops maxTours reloadSeconds driver { name } vehicle { name } depot { name } "
        "breaks { start end durationSeconds }",
        **fleet, start=at(8), end=at(16), maxStops=40, maxTours=3, breaks=[{"start": at(11), "end": at(13), "durationSeconds": 1800}],
    )  # fmt: skip
    assert made["problems"] == []
    shift = made["shift"]
    assert (shift["driver"]["name"], shift["vehicle"]["name"], shift["depot"]["name"]) == ("Ada", "V", "Yard")
    assert shift["startAt"] == shift["endAt"] == {"latitude": 47.1}
    assert shift["breaks"] == [
        {"start": "2999-01-01T11:00:00Z", "end": "2999-01-01T13:00:00Z", "durationSeconds": 1800}
    ]

    tenant_id = alpha.tenant_id
    async with server.services.db.snapshot(tenant_id) as tx:
        ids = await shifts_starting(tx, tenant_id, DAY, DAY + timedelta(days=1))
        [planned] = await shifts_for_planning(tx, tenant_id, ids)
        assert await shifts_starting(tx, tenant_id, DAY + timedelta(days=1), DAY + timedelta(days=2)) == []
        assert await shifts_starting(tx, tenant_id, DAY, DAY + timedelta(days=1), []) == []
    assert planned.id == parse_id("shift", shift["id"])
    assert planned.skills == {"lift", "cooled"}
    assert planned.vehicle is not None
    assert (planned.vehicle.kind, planned.vehicle.capacity_items, planned.vehicle.capacity_weight_grams) == (
        "VAN",
        9,
        None,
    )
    assert (planned.depot_latitude, planned.max_stops) == (47.1, 40)
    assert (shift["maxTours"], shift["reloadSeconds"]) == (planned.max_tours, planned.reload_seconds) == (3, 600)
    assert planned.breaks[0].duration_seconds == 1800


async def test_times_that_make_no_sense_are_refused(alpha, fleet, count):
    async def refused(**fields) -> list[tuple[str, str]]:
        return await alpha.refused("createShift", **(fleet | {"start": at(8), "end": at(16)} | fields))

    assert await refused(end=at(8)) == [("INVALID_WINDOW", "end")]
    assert await refused(end=at(32.1)) == [("INVALID_WINDOW", "end")]
    assert await refused(breaks=[{"start": at(7), "end": at(9), "durationSeconds": 60}]) == [
        ("INVALID_WINDOW", "breaks.0")
    ]
    assert await refused(breaks=[{"start": at(9), "end": at(9), "durationSeconds": 60}]) == [
        ("INVALID_WINDOW", "breaks.0.end")
    ]
    too_long = [{"start": at(9), "end": at(10), "durationSeconds": 3601}]
    assert await refused(breaks=too_long) == [("INVALID_VALUE", "breaks.0.durationSeconds")]
    assert await refused(breaks=[{"start": at(8), "end": at(16), "durationSeconds": 8 * 3600}]) == [
        ("INVALID_VALUE", "breaks")
    ]
    assert await refused(maxStops=0, maxDistanceMeters=-1) == [
        ("INVALID_VALUE", "maxStops"),
        ("INVALID_VALUE", "maxDistanceMeters"),
    ]
    assert await count(alpha, "shifts") == 0


async def test_an_overlap_names_the_shift_in_the_way(alpha, fleet):
    first = await alpha.made("createShift", **fleet, start=at(8), end=at(16))
    other_driver = await alpha.made("createDriver", name="Bob")
    other_vehicle = await alpha.made("createVehicle", name="W", kind="VAN")

    same_driver = await alpha.change("createShift", **fleet | {"vehicleId": other_vehicle}, start=at(15), end=at(17))
    assert [(p["code"], p["path"], p["existingId"]) for p in same_driver["problems"]] == [
        ("SHIFT_OVERLAP", ["driverId"], first)
    ]
    same_vehicle = await alpha.change("createShift", **fleet | {"driverId": other_driver}, start=at(7), end=at(9))
    assert [(p["code"], p["path"], p["existingId"]) for p in same_vehicle["problems"]] == [
        ("SHIFT_OVERLAP", ["vehicleId"], first)
    ]

    second = await alpha.made("createShift", **fleet, start=at(16), end=at(18))
    assert await alpha.refused("updateShift", id=second, start=at(15)) == [("SHIFT_OVERLAP", "driverId")]
    longer = await alpha.change("updateShift", "version end", id=second, end=at(20))
    assert longer["shift"] == {"version": 2, "end": "2999-01-01T20:00:00Z"}
    await alpha.change("archiveShift", id=first)
    assert await alpha.refused("updateShift", id=second, start=at(15)) == []


async def test_of_racing_shifts_one_wins(alpha, fleet):
    answers = await asyncio.gather(*(alpha.change("createShift", **fleet, start=at(8), end=at(16)) for _ in range(6)))
    won = [answer["shift"]["id"] for answer in answers if answer["shift"]]
    lost = [answer["problems"][0] for answer in answers if answer["problems"]]
    assert len(won) == 1
    assert {(problem["code"], problem["existingId"]) for problem in lost} == {("SHIFT_OVERLAP", won[0])}
    assert len(lost) == 5


async def test_what_a_coming_shift_needs_stays_and_what_is_archived_is_not_used(alpha, fleet):
    shift = await alpha.made("createShift", **fleet, start=at(8), end=at(16))
    for kind in ("Depot", "Driver", "Vehicle"):
        refused = await alpha.change(f"archive{kind}", id=fleet[f"{kind.lower()}Id"])
        assert [(p["code"], p["existingId"]) for p in refused["problems"]] == [("IN_USE", shift)]
    await alpha.change("archiveShift", id=shift)
    assert await alpha.refused("updateShift", id=shift, maxStops=3) == [("ARCHIVED", "id")]
    for kind in ("Depot", "Driver", "Vehicle"):
        assert await alpha.refused(f"archive{kind}", id=fleet[f"{kind.lower()}Id"]) == []
        field = f"{kind.lower()}Id"
        fresh = {
            "depotId": await alpha.made("createDepot", **DEPOT),
            "driverId": await alpha.made("createDriver", name="C"),
            "vehicleId": await alpha.made("createVehicle", name="C", kind="CAR"),
        }
        refused = await alpha.refused("createShift", **fresh | {field: fleet[field]}, start=at(8), end=at(16))
        assert refused == [("ARCHIVED", field)]


async def test_a_past_shift_holds_nothing(alpha, fleet):
    await alpha.made("createShift", **fleet, start="2020-01-01T08:00:00Z", end="2020-01-01T16:00:00Z")
    assert await alpha.refused("archiveVehicle", id=fleet["vehicleId"]) == []


async def test_without_the_lock_racing_shifts_would_both_win(alpha, fleet, monkeypatch):
    """The planted fault: the test above can fail."""

    async def slow_check(scope, draft, itself):
        await check(scope, draft, itself)
        await asyncio.sleep(0.3)

    async def no_lock(scope, draft):
        return None

    check = shifts._check_overlap
    monkeypatch.setattr(shifts, "_check_overlap", slow_check)
    monkeypatch.setattr(shifts, "_lock_needs", no_lock)
    answers = await asyncio.gather(*(alpha.change("createShift", **fleet, start=at(8), end=at(16)) for _ in range(2)))
    assert [bool(answer["shift"]) for answer in answers] == [True, True]
