"""Shifts: a driver, usually with a vehicle, on the road from a depot for a time.

Driver, vehicle and depot are locked before the overlap is looked for, so that of two racing shifts one sees the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypedDict
from uuid import UUID

from doorstep.fleets.errors import Archived, ShiftOverlap
from doorstep.fleets.events import ShiftArchived, ShiftCreated, ShiftUpdated
from doorstep.fleets.service.checks import LARGEST_INTEGER, Checks
from doorstep.fleets.service.rows import (
    DEPOT,
    DRIVER,
    SHIFT,
    VEHICLE,
    Outcome,
    archive,
    change,
    check_version,
    field_names,
    insert,
    needed_out_of_reach,
    read,
    read_usable,
)
from doorstep.kernel.db import Row
from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import ProblemCode
from doorstep.kernel.objections import Question
from doorstep.kernel.scope import Permission, Scope

LONGEST = timedelta(hours=24)
"""How long a shift can be."""

MOST_BREAKS = 10
MOST_STOPS = 100_000
MOST_TOURS = 10
LONGEST_RELOAD = 4 * 3600
"""The largest limit of stops that planning can work with."""

CHANGES_WHO_DRIVES: Question[UUID] = Question("a shift is archived, or gets another driver, vehicle, depot or start")
"""Asked before a shift stops being what a route was planned on."""

_WHO_DRIVES = ("driver_id", "vehicle_id", "depot_id", "start")

_SHOWN = {
    "starts_at": "start", "ends_at": "end", "driver_id": "driver", "vehicle_id": "vehicle", "depot_id": "depot",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class BreakDraft:
    """A pause of ``duration_seconds`` that begins and ends between ``start`` and ``end`` (UTC)."""

    start: datetime
    end: datetime
    duration_seconds: int


@dataclass(frozen=True, slots=True)
class ShiftDraft:
    """A shift to be, or as it is to become. Times are UTC."""

    driver_id: UUID
    vehicle_id: UUID | None
    depot_id: UUID
    start: datetime
    end: datetime
    returns_to_depot: bool = True
    breaks: tuple[BreakDraft, ...] = ()
    max_stops: int | None = None
    max_distance_meters: int | None = None
    max_driving_seconds: int | None = None
    max_tours: int = 1
    reload_seconds: int = 600

    def columns(self) -> dict[str, object]:
        """The columns of the row."""
        return {
            "driver_id": self.driver_id,
            "vehicle_id": self.vehicle_id,
            "depot_id": self.depot_id,
            "starts_at": self.start,
            "ends_at": self.end,
            "returns_to_depot": self.returns_to_depot,
            "breaks": [
                {"start": rest.start.isoformat(), "end": rest.end.isoformat(), "seconds": rest.duration_seconds}
                for rest in sorted(self.breaks, key=lambda rest: (rest.start, rest.end))
            ],
            "max_stops": self.max_stops,
            "max_distance_meters": self.max_distance_meters,
            "max_driving_seconds": self.max_driving_seconds,
            "max_tours": self.max_tours,
            "reload_seconds": self.reload_seconds,
        }


class ShiftChanges(TypedDict, total=False):
    """What changes of a shift; what is absent stays."""

    driver_id: UUID
    vehicle_id: UUID | None
    depot_id: UUID
    start: datetime
    end: datetime
    returns_to_depot: bool
    breaks: tuple[BreakDraft, ...]
    max_stops: int | None
    max_distance_meters: int | None
    max_driving_seconds: int | None
    max_tours: int
    reload_seconds: int


async def create_shift(scope: Scope, draft: ShiftDraft) -> Outcome:
    """Make a shift; answers ``{"id"}``.

    Refuses times or breaks that make no sense, what is unknown or archived, and SHIFT_OVERLAP with the id of the other shift
    (without it when the credential does not reach that shift).
    """
    scope.require(Permission.FLEETS_WRITE)
    _check(draft)
    await _lock_needs(scope, draft)
    await _check_overlap(scope, draft, None)
    identifier = await insert(scope, SHIFT, draft.columns())
    scope.emit(
        ShiftCreated(
            shift_id=identifier,
            driver_id=draft.driver_id,
            vehicle_id=draft.vehicle_id,
            depot_id=draft.depot_id,
            aggregate_version=1,
        )
    )
    return {"id": str(identifier)}


async def update_shift(scope: Scope, identifier: UUID, changes: ShiftChanges, if_version: int | None = None) -> Outcome:
    """Change a shift; answers ``{"id"}``. Refuses as createShift does, and NOT_FOUND, CONFLICT, ARCHIVED."""
    scope.require(Permission.FLEETS_WRITE)
    seen = await read(scope, SHIFT, identifier, "id")
    check_version(SHIFT, seen, if_version)
    if seen["archived_at"] is not None:
        raise Archived(SHIFT.word, ("id",))
    draft = replace(_draft_of(seen), **changes)
    _check(draft)
    await _lock_needs(scope, draft)
    row = await read(scope, SHIFT, identifier, "id", lock="FOR UPDATE")
    if row["version"] != seen["version"]:
        raise ChangedMeanwhile("the shift changed between its read and its lock")
    if any(getattr(draft, name) != getattr(_draft_of(seen), name) for name in _WHO_DRIVES):
        await CHANGES_WHO_DRIVES.ask(scope, identifier)
    await _check_overlap(scope, draft, identifier)
    written = await change(scope, SHIFT, row, draft.columns())
    if written:
        fields = field_names(written, _SHOWN)
        scope.emit(ShiftUpdated(shift_id=identifier, changes=fields, aggregate_version=row["version"] + 1))
    return {"id": str(identifier)}


async def archive_shift(scope: Scope, identifier: UUID, if_version: int | None = None) -> Outcome:
    """Say that a shift does not take place; answers ``{"id"}``. Twice is once; IN_USE while a route of it stands."""
    scope.require(Permission.FLEETS_WRITE)
    row = await read(scope, SHIFT, identifier, "id", lock="FOR UPDATE")
    check_version(SHIFT, row, if_version)
    if row["archived_at"] is None:
        await CHANGES_WHO_DRIVES.ask(scope, identifier)
    if await archive(scope, SHIFT, row):
        scope.emit(ShiftArchived(shift_id=identifier, aggregate_version=row["version"] + 1))
    return {"id": str(identifier)}


def _draft_of(row: Row) -> ShiftDraft:
    return ShiftDraft(
        driver_id=row["driver_id"],
        vehicle_id=row["vehicle_id"],
        depot_id=row["depot_id"],
        start=row["starts_at"],
        end=row["ends_at"],
        returns_to_depot=row["returns_to_depot"],
        breaks=tuple(
            BreakDraft(datetime.fromisoformat(rest["start"]), datetime.fromisoformat(rest["end"]), int(rest["seconds"]))
            for rest in row["breaks"]
        ),
        max_stops=row["max_stops"],
        max_distance_meters=row["max_distance_meters"],
        max_driving_seconds=row["max_driving_seconds"],
        max_tours=row["max_tours"],
        reload_seconds=row["reload_seconds"],
    )


def _check(draft: ShiftDraft) -> None:
    checks = Checks()
    if checks.window(draft.start, draft.end, "end"):
        if draft.end - draft.start > LONGEST:
            checks.fault(ProblemCode.INVALID_WINDOW, "A shift is at most 24 hours long.", "end")
        _check_breaks(checks, draft.breaks, draft.start, draft.end)
    checks.whole(draft.max_stops, 1, MOST_STOPS, "maxStops")
    checks.whole(draft.max_distance_meters, 1, LARGEST_INTEGER, "maxDistanceMeters")
    checks.whole(draft.max_driving_seconds, 1, LARGEST_INTEGER, "maxDrivingSeconds")
    checks.whole(draft.max_tours, 1, MOST_TOURS, "maxTours")
    checks.whole(draft.reload_seconds, 0, LONGEST_RELOAD, "reloadSeconds")
    checks.done()


def _check_breaks(checks: Checks, breaks: Sequence[BreakDraft], start: datetime, end: datetime) -> None:
    if len(breaks) > MOST_BREAKS:
        checks.fault(ProblemCode.TOO_MANY_ITEMS, f"A shift has at most {MOST_BREAKS} breaks.", "breaks")
        return
    for index, rest in enumerate(breaks):
        if not checks.window(rest.start, rest.end, "breaks", index, "end"):
            continue
        if rest.start < start or rest.end > end:
            checks.fault(ProblemCode.INVALID_WINDOW, "A break lies inside its shift.", "breaks", index)
        longest = int((rest.end - rest.start).total_seconds())
        checks.whole(rest.duration_seconds, 1, max(longest, 1), "breaks", index, "durationSeconds")
    if sum(rest.duration_seconds for rest in breaks) >= (end - start).total_seconds():
        checks.fault(ProblemCode.INVALID_VALUE, "The breaks leave no time to drive.", "breaks")


async def _lock_needs(scope: Scope, draft: ShiftDraft) -> None:
    """Lock driver and vehicle against other shifts and all three against being archived."""
    await read_usable(scope, DRIVER, draft.driver_id, "driverId", lock="FOR UPDATE")
    if draft.vehicle_id is not None:
        await read_usable(scope, VEHICLE, draft.vehicle_id, "vehicleId", lock="FOR UPDATE")
    await read_usable(scope, DEPOT, draft.depot_id, "depotId", lock="FOR SHARE")


_OVERLAP = """
SELECT id, driver_id = $2 AS same_driver FROM shifts
WHERE tenant_id = $1 AND (driver_id = $2 OR vehicle_id = $3) AND archived_at IS NULL
  AND starts_at < $5 AND ends_at > $4 AND id IS DISTINCT FROM $6
ORDER BY starts_at, id LIMIT 1
"""


async def _check_overlap(scope: Scope, draft: ShiftDraft, itself: UUID | None) -> None:
    found = await scope.tx.fetchrow(
        _OVERLAP, scope.tenant_id, draft.driver_id, draft.vehicle_id, draft.start, draft.end, itself
    )
    if found is not None:
        what = DRIVER if found["same_driver"] else VEHICLE
        raise ShiftOverlap(what.word, found["id"], (f"{what.word}Id",))
    times = (draft.start, draft.end, itself)
    for what, identifier in ((DRIVER, draft.driver_id), (VEHICLE, draft.vehicle_id)):
        if identifier is not None and await needed_out_of_reach(scope, f"{what.word}_id", identifier, *times):
            raise ShiftOverlap(what.word, None, (f"{what.word}Id",))
