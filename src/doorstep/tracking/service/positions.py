"""Where the vehicles are: the newest position of each by its device's clock. No history, no event per position."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from doorstep.fleets.reads import rows_by_ids
from doorstep.kernel.db import Transaction
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.geo import Coordinates
from doorstep.kernel.scope import Permission, Scope

MAX_POSITIONS = 250
AHEAD = timedelta(minutes=5)
MAX_AGE = timedelta(hours=24)

_WRITE = """
INSERT INTO vehicle_positions AS held
    (tenant_id, vehicle_id, latitude, longitude, occurred_at, recorded_at, heading_degrees, speed_meters_per_second, accuracy_meters)
SELECT $1, new.vehicle_id, new.latitude, new.longitude, new.occurred_at, clock_timestamp(), new.heading, new.speed, new.accuracy
FROM unnest($2::uuid[], $3::float8[], $4::float8[], $5::timestamptz[], $6::float8[], $7::float8[], $8::float8[])
    AS new(vehicle_id, latitude, longitude, occurred_at, heading, speed, accuracy)
ORDER BY new.vehicle_id
ON CONFLICT (tenant_id, vehicle_id) DO UPDATE SET latitude = excluded.latitude, longitude = excluded.longitude,
    occurred_at = excluded.occurred_at, recorded_at = excluded.recorded_at, heading_degrees = excluded.heading_degrees,
    speed_meters_per_second = excluded.speed_meters_per_second, accuracy_meters = excluded.accuracy_meters
WHERE held.occurred_at < excluded.occurred_at
RETURNING vehicle_id
"""


@dataclass(frozen=True, slots=True)
class PositionGiven:
    """Where a vehicle was at ``occurred_at`` (device clock, UTC): degrees from north, metres per second, metres of accuracy."""

    vehicle_id: UUID
    coordinates: Coordinates
    occurred_at: datetime
    heading_degrees: float | None = None
    speed_meters_per_second: float | None = None
    accuracy_meters: float | None = None


async def report_positions(scope: Scope, reports: Sequence[PositionGiven | DoorstepError]) -> dict[str, Any]:
    """Keep the newest position of each vehicle; outcome ``{results: [{index, vehicle, kept, problems}]}``, each report answered by itself.

    A report that is already a refusal is answered with it. ``kept`` is False also, without a problem, where a newer position is known.
    """
    scope.require(Permission.TRACKING_WRITE)
    if not 1 <= len(reports) <= MAX_POSITIONS:
        raise DoorstepError(
            ProblemCode.TOO_MANY_ITEMS, f"Report 1 to {MAX_POSITIONS} positions at a time.", ["positions"]
        )
    now = scope.clock.now()
    refused: dict[int, DoorstepError] = {}
    good: dict[int, PositionGiven] = {}
    for index, report in enumerate(reports):
        refusal = report if isinstance(report, DoorstepError) else _refusal(report, now)
        if refusal is not None:
            refused[index] = refusal
        elif isinstance(report, PositionGiven):
            good[index] = report
    for index in await _unknown(scope, good):
        refused[index] = NotFound("vehicle", ["vehicleId"])
        del good[index]
    kept = await _write(scope, good)
    return {"results": [_result(index, good.get(index), refused.get(index), kept) for index in range(len(reports))]}


async def forget_positions(tx: Transaction, tenant_id: UUID, days: int) -> int:
    """Delete what a tenant's vehicles last reported so many days ago or longer; returns how many positions that were."""
    tag = await tx.execute(
        "DELETE FROM vehicle_positions WHERE tenant_id = $1 AND recorded_at < now() - make_interval(days => $2)",
        tenant_id,
        days,
    )
    return int(tag.rpartition(" ")[2])


def _refusal(report: PositionGiven, now: datetime) -> DoorstepError | None:
    if not report.coordinates.on_globe():
        said = "Latitude is -90 to 90 degrees, longitude -180 to 180."
        return DoorstepError(ProblemCode.INVALID_COORDINATES, said, ["coordinates"])
    if report.occurred_at > now + AHEAD:
        said = f"This is in the future: it is {now.isoformat(timespec='seconds')} now. Set the device's clock."
        return DoorstepError(ProblemCode.INVALID_VALUE, said, ["occurredAt"])
    if report.occurred_at < now - MAX_AGE:
        said = f"A position may be reported at most {MAX_AGE // timedelta(hours=1)} hours late."
        return DoorstepError(ProblemCode.INVALID_VALUE, said, ["occurredAt"])
    return _motion_refusal(report)


def _motion_refusal(report: PositionGiven) -> DoorstepError | None:
    heading, speed, accuracy = report.heading_degrees, report.speed_meters_per_second, report.accuracy_meters
    if heading is not None and not 0 <= heading < 360:
        return DoorstepError(ProblemCode.INVALID_VALUE, "A heading is 0 to below 360 degrees.", ["headingDegrees"])
    if speed is not None and not 0 <= speed <= 150:
        return DoorstepError(ProblemCode.INVALID_VALUE, "A speed is 0 to 150 m/s.", ["speedMetersPerSecond"])
    if accuracy is not None and not 0 <= accuracy <= 100_000:
        return DoorstepError(ProblemCode.INVALID_VALUE, "An accuracy is 0 to 100,000 m.", ["accuracyMeters"])
    return None


async def _unknown(scope: Scope, good: dict[int, PositionGiven]) -> list[int]:
    wanted = sorted({report.vehicle_id for report in good.values()})
    rows = await rows_by_ids(scope.tx, scope.tenant_id, "vehicles", wanted)
    known = {row["id"] for row in rows if row is not None}
    return [index for index, report in good.items() if report.vehicle_id not in known]


async def _write(scope: Scope, good: dict[int, PositionGiven]) -> set[int]:
    """The indices that are the newest of their vehicle, in this report and in the table."""
    newest: dict[UUID, int] = {}
    for index, report in good.items():
        rival = newest.get(report.vehicle_id)
        if rival is None or good[rival].occurred_at < report.occurred_at:
            newest[report.vehicle_id] = index
    if not newest:
        return set()
    reports = [good[index] for index in newest.values()]
    rows = await scope.tx.fetch(
        _WRITE,
        scope.tenant_id,
        [report.vehicle_id for report in reports],
        [report.coordinates.latitude for report in reports],
        [report.coordinates.longitude for report in reports],
        [report.occurred_at for report in reports],
        [report.heading_degrees for report in reports],
        [report.speed_meters_per_second for report in reports],
        [report.accuracy_meters for report in reports],
    )
    return {newest[row["vehicle_id"]] for row in rows}


def _result(index: int, report: PositionGiven | None, refusal: DoorstepError | None, kept: set[int]) -> dict[str, Any]:
    problems = (
        [{"code": refusal.code.value, "message": refusal.message, "path": refusal.path, "existing_id": None}]
        if refusal
        else []
    )
    vehicle = str(report.vehicle_id) if report else None
    return {"index": index, "vehicle": vehicle, "kept": index in kept, "problems": problems}
