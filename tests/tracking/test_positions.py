"""Positions: the newest of each vehicle, each report answered by itself."""

import asyncio
from typing import Any

import pytest
from tests.tracking.conftest import Dispatch
from tests.tracking.field import Field, Stop, at

from doorstep.kernel.db import Database
from doorstep.kernel.errors import DoorstepError, Forbidden, ProblemCode
from doorstep.kernel.geo import Coordinates
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import ALL_PERMISSIONS, Permission, Principal
from doorstep.tracking.service import PositionGiven, report_positions

HERE = Coordinates(47.14, 9.52)


async def report(
    field: Field, *positions: PositionGiven | DoorstepError, db: Database | None = None
) -> list[dict[str, Any]]:
    async with (db or field.db).write(field.principal) as scope:
        results: list[dict[str, Any]] = (await report_positions(scope, positions))["results"]
        return results


@pytest.fixture
async def field(dispatch: Dispatch) -> Any:
    return await dispatch([Stop("DEPOT_START"), Stop("DEPOT_END")])


async def test_the_newest_by_the_devices_clock_is_kept(field: Field) -> None:
    def position(minutes: float, latitude: float) -> PositionGiven:
        return PositionGiven(field.vehicle_id, Coordinates(latitude, 9.5), at(minutes), 90.0, 4.5, 8.0)

    verdicts = await report(field, position(500, 1), position(502, 2), position(501, 3))
    assert [one["kept"] for one in verdicts] == [False, True, False]
    assert [one["kept"] for one in await report(field, position(499, 4))] == [False]
    assert [one["kept"] for one in await report(field, position(502, 5))] == [False]
    assert [one["kept"] for one in await report(field, position(503, 6))] == [True]
    rows = await field.fetch("SELECT * FROM vehicle_positions WHERE tenant_id = $1")
    assert [(row["latitude"], row["occurred_at"]) for row in rows] == [(6, at(503))]
    assert not await field.events(), "positions make no events"


async def test_each_report_is_answered_by_itself(field: Field, dispatch: Dispatch) -> None:
    other = await dispatch([Stop("DEPOT_START"), Stop("DEPOT_END")])
    good = PositionGiven(field.vehicle_id, HERE, at(600))
    verdicts = await report(
        field,
        PositionGiven(field.vehicle_id, Coordinates(91, 0), at(600)),
        PositionGiven(field.vehicle_id, HERE, at(606)),
        PositionGiven(field.vehicle_id, HERE, at(600 - 24 * 60 - 1)),
        PositionGiven(new_id(), HERE, at(600)),
        PositionGiven(other.vehicle_id, HERE, at(600)),
        PositionGiven(field.vehicle_id, HERE, at(600), heading_degrees=360),
        PositionGiven(field.vehicle_id, HERE, at(600), speed_meters_per_second=-1),
        PositionGiven(field.vehicle_id, HERE, at(600), accuracy_meters=float("inf")),
        DoorstepError(ProblemCode.INVALID_ID, "Expected an id.", ["vehicleId"]),
        good,
    )
    assert [[(one["code"], one["path"]) for one in verdict["problems"]] for verdict in verdicts] == [
        [("INVALID_COORDINATES", ["coordinates"])],
        [("INVALID_VALUE", ["occurredAt"])],
        [("INVALID_VALUE", ["occurredAt"])],
        [("NOT_FOUND", ["vehicleId"])],
        [("NOT_FOUND", ["vehicleId"])],
        [("INVALID_VALUE", ["headingDegrees"])],
        [("INVALID_VALUE", ["speedMetersPerSecond"])],
        [("INVALID_VALUE", ["accuracyMeters"])],
        [("INVALID_ID", ["vehicleId"])],
        [],
    ]
    assert [one["kept"] for one in verdicts] == [False] * 9 + [True]
    assert [one["index"] for one in verdicts] == list(range(10))


async def test_refusals_write_nothing(field: Field) -> None:
    good = PositionGiven(field.vehicle_id, HERE, at(600))
    async with field.writes_nothing():
        for amount in (0, 251):
            with pytest.raises(DoorstepError) as refusal:
                await report(field, *[good] * amount)
            assert refusal.value.code is ProblemCode.TOO_MANY_ITEMS
        reader = ALL_PERMISSIONS - {Permission.TRACKING_WRITE}
        field.principal = Principal(field.principal.tenant_id, field.principal.actor, reader, field.principal.clock)
        with pytest.raises(Forbidden):
            await report(field, good)


async def test_two_devices_that_report_at_once_leave_the_newest(field: Field) -> None:
    positions = [PositionGiven(field.vehicle_id, Coordinates(minute, 9), at(500 + minute)) for minute in range(1, 9)]
    await asyncio.gather(*(report(field, position) for position in positions))
    rows = await field.fetch("SELECT latitude FROM vehicle_positions WHERE tenant_id = $1")
    assert [row["latitude"] for row in rows] == [8]
