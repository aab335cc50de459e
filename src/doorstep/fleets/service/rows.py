"""What depots, vehicles, drivers and shifts have in common: rows with a version that can be archived, never deleted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import SQLModel

from doorstep.fleets.errors import Archived, InUse
from doorstep.fleets.events import ShiftUpdated
from doorstep.fleets.model import DepotRow, DriverRow, ShiftRow, VehicleRow
from doorstep.kernel.db import Row
from doorstep.kernel.errors import Conflict, NotFound
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Scope

Outcome = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the four kinds of object: its table and the word that people read."""

    model: type[SQLModel]
    table: str
    word: str


DEPOT = Kind(DepotRow, "depots", "depot")
VEHICLE = Kind(VehicleRow, "vehicles", "vehicle")
DRIVER = Kind(DriverRow, "drivers", "driver")
SHIFT = Kind(ShiftRow, "shifts", "shift")


async def insert(scope: Scope, kind: Kind, columns: Mapping[str, Any]) -> UUID:
    """A new row; returns its id."""
    identifier = new_id()
    await scope.tx.insert(kind.model, [{"tenant_id": scope.tenant_id, "id": identifier, "version": 1, **columns}])
    return identifier


async def read(scope: Scope, kind: Kind, identifier: UUID, *path: str | int, lock: str = "") -> Row:
    """The tenant's row, locked by ``FOR UPDATE`` or ``FOR SHARE`` when asked; raises NotFound at ``path``."""
    row = await scope.tx.fetchrow(
        f"SELECT * FROM {kind.table} WHERE tenant_id = $1 AND id = $2 {lock}", scope.tenant_id, identifier
    )
    if row is None:
        raise NotFound(kind.word, path)
    return row


async def read_usable(scope: Scope, kind: Kind, identifier: UUID, *path: str | int, lock: str = "") -> Row:
    """The same, and not archived."""
    row = await read(scope, kind, identifier, *path, lock=lock)
    if row["archived_at"] is not None:
        raise Archived(kind.word, path)
    return row


def check_version(kind: Kind, row: Row, if_version: int | None) -> None:
    """Raise Conflict when the caller saw another version."""
    if if_version is not None and if_version != row["version"]:
        raise Conflict(kind.word, row["version"], row["id"])


async def change(scope: Scope, kind: Kind, row: Row, columns: Mapping[str, Any]) -> set[str]:
    """Write the columns that really differ and raise the version; returns their names (nothing differs: writes nothing)."""
    different = {name: value for name, value in columns.items() if row[name] != value}
    if different:
        sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(different, 3))
        await scope.tx.execute(
            f"UPDATE {kind.table} SET {sets}, version = version + 1, updated_at = now() WHERE tenant_id = $1 AND id = $2",
            scope.tenant_id,
            row["id"],
            *different.values(),
        )
    return set(different)


async def archive(scope: Scope, kind: Kind, row: Row) -> bool:
    """Put a row out of use; False when it was already."""
    if row["archived_at"] is not None:
        return False
    await change(scope, kind, row, {"archived_at": scope.clock.now()})
    return True


async def refuse_in_use(scope: Scope, kind: Kind, identifier: UUID) -> None:
    """Raise InUse while a shift that has not ended needs the driver, vehicle or depot, also one that the credential does not reach."""
    column = f"{kind.word}_id"
    shift_id = await _present_shift(scope, column, identifier)
    if shift_id is not None or await needed_out_of_reach(scope, column, identifier, scope.clock.now()):
        raise InUse(kind.word, shift_id)


async def _present_shift(scope: Scope, column: str, identifier: UUID) -> UUID | None:
    found: UUID | None = await scope.tx.fetchval(
        f"SELECT id FROM shifts WHERE tenant_id = $1 AND {_NEEDS[column]} = $2 AND archived_at IS NULL AND ends_at > $3 "
        "ORDER BY starts_at, id LIMIT 1",
        scope.tenant_id, identifier, scope.clock.now(),
    )  # fmt: skip
    return found


_NEEDS = {name: name for name in ("driver_id", "vehicle_id", "depot_id")}


async def needed_out_of_reach(
    scope: Scope,
    column: str,
    identifier: UUID,
    start: datetime,
    end: datetime | None = None,
    itself: UUID | None = None,
) -> bool:
    """Whether a shift between the times (UTC) that the credential does not reach needs the driver, vehicle or depot in ``column``.

    Only that is told of it. A credential without limits reaches every shift, and costs no query.
    """
    if not scope.principal.reach.limited:
        return False
    needed = dict.fromkeys(_NEEDS) | {column: identifier}
    found: bool = await scope.tx.fetchval(
        "SELECT doorstep_shift_out_of_reach($1, $2, $3, $4, $5, $6, $7)",
        scope.tenant_id, *needed.values(), start, end, itself,
    )  # fmt: skip
    return found


async def raise_shift_versions(scope: Scope, kind: Kind, identifier: UUID) -> None:
    """Tell the shifts that have not ended that what they need has changed: plans that were made before it are stale.

    Raises InUse when one of them is out of the credential's reach: its planners would not be told.
    """
    column = f"{kind.word}_id"
    if await needed_out_of_reach(scope, column, identifier, scope.clock.now()):
        raise InUse(kind.word, None)
    rows = await scope.tx.fetch(
        "WITH touched AS (SELECT tenant_id, id FROM shifts "
        f"WHERE tenant_id = $1 AND {_NEEDS[column]} = $2 AND archived_at IS NULL AND ends_at > $3 ORDER BY id FOR UPDATE) "
        "UPDATE shifts SET version = version + 1, updated_at = now() FROM touched "
        "WHERE shifts.tenant_id = touched.tenant_id AND shifts.id = touched.id RETURNING shifts.id, shifts.version",
        scope.tenant_id, identifier, scope.clock.now(),
    )  # fmt: skip
    for row in sorted(rows, key=lambda row: row["id"]):
        scope.emit(ShiftUpdated(shift_id=row["id"], changes=[kind.word], aggregate_version=row["version"]))


def field_names(columns: set[str], shown: Mapping[str, str]) -> list[str]:
    """The API's names of changed columns: those of ``shown``, the rest in camel case."""
    return sorted({shown.get(column, _camel(column)) for column in columns})


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
