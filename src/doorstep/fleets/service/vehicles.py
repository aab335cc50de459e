"""Vehicles: what carries a load along the roads of its kind."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TypedDict
from uuid import UUID

from doorstep.fleets.errors import Archived
from doorstep.fleets.events import VehicleArchived, VehicleCreated, VehicleUpdated
from doorstep.fleets.model import VehicleKind
from doorstep.fleets.reads import Compartment
from doorstep.fleets.service.checks import LARGEST_INTEGER, Checks
from doorstep.fleets.service.rows import (
    DEPOT,
    VEHICLE,
    Outcome,
    archive,
    change,
    check_version,
    field_names,
    insert,
    raise_shift_versions,
    read,
    read_usable,
    refuse_in_use,
)
from doorstep.kernel.errors import ProblemCode
from doorstep.kernel.scope import Permission, Scope

SLOWEST, FASTEST = 0.1, 5.0
"""The speed factors that planning can work with."""

MOST_COSTS = 10_000_000
"""The largest fixed, hourly or per-kilometre cost in minor units that planning can work with."""

MOST_EMISSIONS = 10_000.0
MOST_COMPARTMENTS = 10
MUSCLE_POWERED = frozenset({VehicleKind.ON_FOOT, VehicleKind.BICYCLE})
"""Kinds that burn and draw nothing: their emissions are 0 where none are given. Any other vehicle's are unknown until they are given."""

_CAPACITIES = ("capacity_weight_grams", "capacity_volume_cubic_centimeters", "capacity_items")
_COSTS = ("cost_fixed_minor", "cost_per_hour_minor", "cost_per_kilometer_minor")
_SHOWN = dict.fromkeys(_CAPACITIES, "capacity") | dict.fromkeys(_COSTS, "costs") | {"depot_id": "depot"}
_NOT_PLANNED_WITH = frozenset({"name", "depot_id", "emissions_grams_per_kilometer"})


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much fits in: grams, cubic centimetres, pieces; None is unlimited."""

    weight_grams: int | None = None
    volume_cubic_centimeters: int | None = None
    items: int | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """Minor units of the tenant's currency: for using it at all, per hour and per kilometre."""

    fixed_minor: int = 0
    per_hour_minor: int = 0
    per_kilometer_minor: int = 0


@dataclass(frozen=True, slots=True)
class NewVehicle:
    """A vehicle to be; ``emissions_grams_per_kilometer`` None: 0 where muscles drive it, else unknown."""

    name: str
    kind: VehicleKind
    depot_id: UUID | None = None
    capacity: Capacity = field(default_factory=Capacity)
    skills: tuple[str, ...] = ()
    costs: Costs = field(default_factory=Costs)
    speed_factor: float = 1.0
    emissions_grams_per_kilometer: float | None = None
    max_range_meters: int | None = None
    compartments: tuple[Compartment, ...] = ()


class VehicleChanges(TypedDict, total=False):
    """What changes of a vehicle; what is absent stays."""

    name: str
    kind: VehicleKind
    depot_id: UUID | None
    capacity: Capacity
    skills: tuple[str, ...]
    costs: Costs
    speed_factor: float
    emissions_grams_per_kilometer: float | None
    max_range_meters: int | None
    compartments: tuple[Compartment, ...]


async def create_vehicle(scope: Scope, vehicle: NewVehicle) -> Outcome:
    """Make a vehicle; answers ``{"id"}``. Refuses values out of bounds, an unknown or archived depot."""
    scope.require(Permission.FLEETS_WRITE)
    columns = _checked(
        {
            "name": vehicle.name,
            "kind": vehicle.kind,
            "depot_id": vehicle.depot_id,
            "capacity": vehicle.capacity,
            "skills": vehicle.skills,
            "costs": vehicle.costs,
            "speed_factor": vehicle.speed_factor,
            "emissions_grams_per_kilometer": vehicle.emissions_grams_per_kilometer,
            "max_range_meters": vehicle.max_range_meters,
            "compartments": vehicle.compartments,
        }
    )
    if vehicle.emissions_grams_per_kilometer is None and vehicle.kind in MUSCLE_POWERED:
        columns["emissions_grams_per_kilometer"] = 0.0
    await _check_depot(scope, vehicle.depot_id)
    identifier = await insert(scope, VEHICLE, columns)
    scope.emit(VehicleCreated(vehicle_id=identifier, aggregate_version=1))
    return {"id": str(identifier)}


async def update_vehicle(
    scope: Scope, identifier: UUID, changes: VehicleChanges, if_version: int | None = None
) -> Outcome:
    """Change a vehicle; answers ``{"id"}``. Refuses as createVehicle does, and NOT_FOUND, CONFLICT, ARCHIVED.

    What plans are made with raises the version of the vehicle's coming shifts as well.
    """
    scope.require(Permission.FLEETS_WRITE)
    row = await read(scope, VEHICLE, identifier, "id", lock="FOR UPDATE")
    check_version(VEHICLE, row, if_version)
    if row["archived_at"] is not None:
        raise Archived(VEHICLE.word, ("id",))
    columns = _checked(changes)
    await _check_depot(scope, changes.get("depot_id"))
    written = await change(scope, VEHICLE, row, columns)
    if written:
        fields = field_names(written, _SHOWN)
        scope.emit(VehicleUpdated(vehicle_id=identifier, changes=fields, aggregate_version=row["version"] + 1))
        if written - _NOT_PLANNED_WITH:
            await raise_shift_versions(scope, VEHICLE, identifier)
    return {"id": str(identifier)}


async def archive_vehicle(scope: Scope, identifier: UUID, if_version: int | None = None) -> Outcome:
    """Put a vehicle out of use; answers ``{"id"}``. Refuses IN_USE while a present or coming shift needs it. Twice is once."""
    scope.require(Permission.FLEETS_WRITE)
    row = await read(scope, VEHICLE, identifier, "id", lock="FOR UPDATE")
    check_version(VEHICLE, row, if_version)
    await refuse_in_use(scope, VEHICLE, identifier)
    if await archive(scope, VEHICLE, row):
        scope.emit(VehicleArchived(vehicle_id=identifier, aggregate_version=row["version"] + 1))
    return {"id": str(identifier)}


async def _check_depot(scope: Scope, depot_id: UUID | None) -> None:
    if depot_id is not None:
        await read_usable(scope, DEPOT, depot_id, "depotId", lock="FOR SHARE")


def _checked(changes: VehicleChanges) -> dict[str, object]:
    """The columns of what is given; raises everything that is wrong with it."""
    checks = Checks()
    columns: dict[str, object] = {}
    if "name" in changes:
        columns["name"] = checks.name(changes["name"], "name")
    if "kind" in changes:
        columns["kind"] = changes["kind"].value
    if "depot_id" in changes:
        columns["depot_id"] = changes["depot_id"]
    if "skills" in changes:
        columns["skills"] = checks.skills(changes["skills"], "skills")
    if "capacity" in changes:
        columns |= _capacity_columns(checks, changes["capacity"])
    if "costs" in changes:
        columns |= _cost_columns(checks, changes["costs"])
    if "speed_factor" in changes:
        columns["speed_factor"] = checks.between(changes["speed_factor"], SLOWEST, FASTEST, "speedFactor")
    if "compartments" in changes:
        columns["compartments"] = _compartments(checks, changes["compartments"])
    columns |= _range_columns(checks, changes)
    checks.done()
    return columns


def _range_columns(checks: Checks, changes: VehicleChanges) -> dict[str, object]:
    columns: dict[str, object] = {}
    if "emissions_grams_per_kilometer" in changes:
        grams = changes["emissions_grams_per_kilometer"]
        if grams is not None:
            checks.between(grams, 0, MOST_EMISSIONS, "emissionsGramsPerKilometer")
        columns["emissions_grams_per_kilometer"] = grams
    if "max_range_meters" in changes:
        columns["max_range_meters"] = checks.whole(changes["max_range_meters"], 1, LARGEST_INTEGER, "maxRangeMeters")
    return columns


def _capacity_columns(checks: Checks, capacity: Capacity) -> dict[str, object]:
    values = _room(checks, capacity, "capacity")
    return dict(zip(_CAPACITIES, values, strict=True))


def _room(checks: Checks, room: Capacity | Compartment, *path: str | int) -> tuple[int | None, ...]:
    values = (room.weight_grams, room.volume_cubic_centimeters, room.items)
    for value, name in zip(values, ("weightGrams", "volumeCubicCentimeters", "items"), strict=True):
        checks.whole(value, 0, LARGEST_INTEGER, *path, name)
    return values


def _compartments(checks: Checks, given: Sequence[Compartment]) -> list[dict[str, object]]:
    """The stored form, by name. One may hold more than the whole vehicle: both bind, so the smaller does."""
    if len(given) > MOST_COMPARTMENTS:
        checks.fault(ProblemCode.TOO_MANY_ITEMS, f"Give at most {MOST_COMPARTMENTS} compartments.", "compartments")
        return []
    tidy: dict[str, Compartment] = {}
    for at, one in enumerate(given):
        name = checks.word(one.name, "compartments", at, "name")
        if name in tidy:
            checks.fault(ProblemCode.INVALID_VALUE, "This compartment is named twice.", "compartments", at, "name")
        _room(checks, one, "compartments", at, "capacity")
        tidy[name] = replace(one, name=name)
    return [asdict(tidy[name]) for name in sorted(tidy)]


def _cost_columns(checks: Checks, costs: Costs) -> dict[str, object]:
    values = (costs.fixed_minor, costs.per_hour_minor, costs.per_kilometer_minor)
    for value, name in zip(values, ("fixedMinor", "perHourMinor", "perKilometerMinor"), strict=True):
        checks.whole(value, 0, MOST_COSTS, "costs", name)
    return dict(zip(_COSTS, values, strict=True))
