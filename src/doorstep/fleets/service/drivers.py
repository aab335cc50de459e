"""Drivers: people who drive."""

from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

from doorstep.fleets.errors import Archived
from doorstep.fleets.events import DriverArchived, DriverCreated, DriverUpdated
from doorstep.fleets.service.checks import Checks
from doorstep.fleets.service.rows import (
    DRIVER,
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
from doorstep.kernel.errors import ProblemCode
from doorstep.kernel.scope import Permission, Scope
from doorstep.places.addresses import phone


@dataclass(frozen=True, slots=True)
class NewDriver:
    """A driver to be; a telephone number without a country code is one of the tenant's country."""

    name: str
    phone: str | None = None
    skills: tuple[str, ...] = ()


class DriverChanges(TypedDict, total=False):
    """What changes of a driver; what is absent stays."""

    name: str
    phone: str | None
    skills: tuple[str, ...]


async def create_driver(scope: Scope, driver: NewDriver) -> Outcome:
    """Make a driver; answers ``{"id"}``. Refuses a bad name, telephone number or skill."""
    scope.require(Permission.FLEETS_WRITE)
    columns = _checked(scope, {"name": driver.name, "phone": driver.phone, "skills": driver.skills})
    identifier = await insert(scope, DRIVER, columns)
    scope.emit(DriverCreated(driver_id=identifier, aggregate_version=1))
    return {"id": str(identifier)}


async def update_driver(
    scope: Scope, identifier: UUID, changes: DriverChanges, if_version: int | None = None
) -> Outcome:
    """Change a driver; answers ``{"id"}``. Other skills raise the version of the driver's coming shifts as well."""
    scope.require(Permission.FLEETS_WRITE)
    row = await read(scope, DRIVER, identifier, "id", lock="FOR UPDATE")
    check_version(DRIVER, row, if_version)
    if row["archived_at"] is not None:
        raise Archived(DRIVER.word, ("id",))
    written = await change(scope, DRIVER, row, _checked(scope, changes))
    if written:
        fields = field_names(written, {})
        scope.emit(DriverUpdated(driver_id=identifier, changes=fields, aggregate_version=row["version"] + 1))
        if "skills" in written:
            await raise_shift_versions(scope, DRIVER, identifier)
    return {"id": str(identifier)}


async def archive_driver(scope: Scope, identifier: UUID, if_version: int | None = None) -> Outcome:
    """Put a driver out of use; answers ``{"id"}``. Refuses IN_USE while a present or coming shift is theirs. Twice is once."""
    scope.require(Permission.FLEETS_WRITE)
    row = await read(scope, DRIVER, identifier, "id", lock="FOR UPDATE")
    check_version(DRIVER, row, if_version)
    await refuse_in_use(scope, DRIVER, identifier)
    if await archive(scope, DRIVER, row):
        scope.emit(DriverArchived(driver_id=identifier, aggregate_version=row["version"] + 1))
    return {"id": str(identifier)}


def _checked(scope: Scope, changes: DriverChanges) -> dict[str, object]:
    checks = Checks()
    columns: dict[str, object] = {}
    if "name" in changes:
        columns["name"] = checks.name(changes["name"], "name")
    if "skills" in changes:
        columns["skills"] = checks.skills(changes["skills"], "skills")
    if "phone" in changes:
        given = changes["phone"]
        columns["phone"] = (
            checks.of_places(lambda: phone(given, scope.principal.country), ProblemCode.INVALID_PHONE)
            if given is not None
            else None
        )
    checks.done()
    return columns
