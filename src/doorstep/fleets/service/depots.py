"""Depots: where vehicles start and where stock waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from doorstep.fleets.errors import Archived
from doorstep.fleets.events import DepotArchived, DepotCreated, DepotUpdated
from doorstep.fleets.service.checks import Checks
from doorstep.fleets.service.rows import (
    DEPOT,
    Outcome,
    archive,
    change,
    check_version,
    field_names,
    insert,
    raise_shift_versions,
    read,
    refuse_in_use,
)
from doorstep.fleets.service.siting import Survey
from doorstep.kernel.errors import ProblemCode
from doorstep.kernel.opening_hours import OpeningHours
from doorstep.kernel.scope import Permission, Scope

MOST_HOURS = 50
_ADDRESS = ("line1", "line2", "city", "region", "postal_code", "country", "formatted")
_SHOWN = dict.fromkeys(_ADDRESS, "address") | {"latitude": "coordinates", "longitude": "coordinates"}


@dataclass(frozen=True, slots=True)
class NewDepot:
    """A depot to be; ``time_zone`` is an IANA name, None: the tenant's."""

    name: str
    time_zone: str | None = None
    opening_hours: Sequence[OpeningHours] = ()


class DepotChanges(TypedDict, total=False):
    """What changes of a depot beside its place; what is absent stays."""

    name: str
    time_zone: str
    opening_hours: Sequence[OpeningHours]


async def create_depot(scope: Scope, depot: NewDepot, survey: Survey) -> Outcome:
    """Make a depot at the place that ``survey`` found; answers ``{"id"}``. Refuses what the survey refused."""
    scope.require(Permission.FLEETS_WRITE)
    checks = Checks()
    name = checks.name(depot.name, "name")
    hours = _hours(checks, depot.opening_hours)
    checks.done()
    zone = depot.time_zone or scope.principal.time_zone
    columns = {"name": name, "time_zone": zone, "opening_hours": hours, **survey.result().columns()}
    identifier = await insert(scope, DEPOT, columns)
    scope.emit(DepotCreated(depot_id=identifier, aggregate_version=1))
    return {"id": str(identifier)}


async def update_depot(
    scope: Scope, identifier: UUID, changes: DepotChanges, survey: Survey, if_version: int | None = None
) -> Outcome:
    """Change a depot; answers ``{"id"}``. Refuses NOT_FOUND, CONFLICT, ARCHIVED and what the survey refused."""
    scope.require(Permission.FLEETS_WRITE)
    row = await read(scope, DEPOT, identifier, "id", lock="FOR UPDATE")
    check_version(DEPOT, row, if_version)
    if row["archived_at"] is not None:
        raise Archived(DEPOT.word, ("id",))
    checks = Checks()
    columns: dict[str, object] = {**changes}
    if "name" in changes:
        columns["name"] = checks.name(changes["name"], "name")
    if "opening_hours" in changes:
        columns["opening_hours"] = _hours(checks, changes["opening_hours"])
    checks.done()
    written = await change(scope, DEPOT, row, columns | survey.result().columns())
    if written:
        fields = field_names(written, _SHOWN)
        scope.emit(DepotUpdated(depot_id=identifier, changes=fields, aggregate_version=row["version"] + 1))
        if "coordinates" in fields:
            await raise_shift_versions(scope, DEPOT, identifier)
    return {"id": str(identifier)}


def _hours(checks: Checks, given: Sequence[OpeningHours]) -> list[dict[str, Any]]:
    """Opening hours in their stored form."""
    if len(given) > MOST_HOURS:
        checks.fault(ProblemCode.TOO_MANY_ITEMS, f"Give at most {MOST_HOURS} opening hours.", "openingHours")
        return []
    for at, one in enumerate(given):
        if not one.makes_sense:
            message = "Give times such as 08:00 and 18:30, the end after the beginning (24:00: midnight), and weekdays from 1, Monday, to 7, Sunday."
            checks.fault(ProblemCode.INVALID_VALUE, message, "openingHours", at)
    return [one.as_json() for one in given]


async def archive_depot(scope: Scope, identifier: UUID, if_version: int | None = None) -> Outcome:
    """Put a depot out of use; answers ``{"id"}``. Refuses IN_USE while a present or coming shift starts there. Twice is once."""
    scope.require(Permission.FLEETS_WRITE)
    row = await read(scope, DEPOT, identifier, "id", lock="FOR UPDATE")
    check_version(DEPOT, row, if_version)
    await refuse_in_use(scope, DEPOT, identifier)
    if await archive(scope, DEPOT, row):
        scope.emit(DepotArchived(depot_id=identifier, aggregate_version=row["version"] + 1))
    return {"id": str(identifier)}
