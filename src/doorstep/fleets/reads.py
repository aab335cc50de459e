"""Reads of fleets: rows for the API, and shifts as planning needs them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from doorstep.fleets.model import VehicleKind
from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.paging import Page, PageRequest, Sort, fetch_page
from doorstep.kernel.time import TimeWindow
from doorstep.places.roads import FREE, Profile, Traffic, profile_of, traffic_of

MOST_SHIFTS = 1000
"""How many shifts one plan can be about."""


@dataclass(frozen=True, slots=True)
class PlanningBreak:
    """A pause of ``duration_seconds`` that begins and ends within ``window``."""

    window: TimeWindow
    duration_seconds: int


@dataclass(frozen=True, slots=True)
class Compartment:
    """A part of a vehicle that has a room of its own: grams, cubic centimetres, pieces; None is unlimited."""

    name: str
    weight_grams: int | None = None
    volume_cubic_centimeters: int | None = None
    items: int | None = None


@dataclass(frozen=True, slots=True)
class PlanningVehicle:
    """A shift's vehicle. An absent capacity or range is unlimited; costs are minor units of the tenant's currency."""

    id: UUID
    kind: VehicleKind
    capacity_weight_grams: int | None
    capacity_volume_cubic_centimeters: int | None
    capacity_items: int | None
    cost_fixed_minor: int
    cost_per_hour_minor: int
    cost_per_kilometer_minor: int
    speed_factor: float
    emissions_grams_per_kilometer: float | None
    max_range_meters: int | None
    compartments: tuple[Compartment, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanningShift:
    """A shift as planning needs it; ``skills`` are the driver's and the vehicle's together. Times are UTC."""

    id: UUID
    version: int
    driver_id: UUID
    vehicle_id: UUID | None
    depot_id: UUID
    depot_latitude: float
    depot_longitude: float
    starts_at: datetime
    ends_at: datetime
    returns_to_depot: bool
    breaks: list[PlanningBreak]
    max_stops: int | None
    max_distance_meters: int | None
    max_driving_seconds: int | None
    skills: frozenset[str]
    vehicle: PlanningVehicle | None
    traffic: Traffic = FREE
    """How long roads take at the hours of its depot."""
    max_tours: int = 1
    reload_seconds: int = 0


_PLANNING = """
SELECT shift.id, shift.version, shift.driver_id, shift.vehicle_id, shift.depot_id, shift.starts_at, shift.ends_at,
  shift.returns_to_depot, shift.breaks, shift.max_stops, shift.max_distance_meters, shift.max_driving_seconds,
  shift.max_tours, shift.reload_seconds, depot.latitude AS depot_latitude, depot.longitude AS depot_longitude, driver.skills AS driver_skills,
  vehicle.kind, vehicle.capacity_weight_grams, vehicle.capacity_volume_cubic_centimeters, vehicle.capacity_items, vehicle.compartments,
  vehicle.skills AS vehicle_skills, vehicle.cost_fixed_minor, vehicle.cost_per_hour_minor, vehicle.cost_per_kilometer_minor,
  vehicle.speed_factor, vehicle.emissions_grams_per_kilometer, vehicle.max_range_meters,
  depot.time_zone, tenant.travel_time_factors
FROM shifts AS shift
JOIN tenants AS tenant ON tenant.id = shift.tenant_id
JOIN depots AS depot ON depot.tenant_id = shift.tenant_id AND depot.id = shift.depot_id
JOIN drivers AS driver ON driver.tenant_id = shift.tenant_id AND driver.id = shift.driver_id
LEFT JOIN vehicles AS vehicle ON vehicle.tenant_id = shift.tenant_id AND vehicle.id = shift.vehicle_id
WHERE shift.tenant_id = $1 AND shift.id = ANY($2) AND shift.archived_at IS NULL
ORDER BY shift.starts_at, shift.id
"""


async def shifts_for_planning(tx: Transaction, tenant_id: UUID, shift_ids: Collection[UUID]) -> list[PlanningShift]:
    """Those of the shifts that exist and are not archived, by start; a shift without a vehicle has ``vehicle`` None."""
    return [_planning_shift(row) for row in await tx.fetch(_PLANNING, tenant_id, list(shift_ids))]


async def pace_of_shift(tx: Transaction, tenant_id: UUID, shift_id: UUID) -> Callable[[datetime], float]:
    """How much longer roads take for the shift's vehicle when it sets off at an instant."""
    row = await tx.fetchrow(
        "SELECT vehicle.kind, depot.time_zone, tenant.travel_time_factors FROM shifts AS shift "
        "JOIN tenants AS tenant ON tenant.id = shift.tenant_id AND tenant.travel_time_factors <> '[]' "
        "JOIN depots AS depot ON depot.tenant_id = shift.tenant_id AND depot.id = shift.depot_id "
        "JOIN vehicles AS vehicle ON vehicle.tenant_id = shift.tenant_id AND vehicle.id = shift.vehicle_id "
        "WHERE shift.tenant_id = $1 AND shift.id = $2",
        tenant_id,
        shift_id,
    )
    if row is None:
        return partial(FREE.factor, Profile.CAR)
    traffic = traffic_of(row["travel_time_factors"], row["time_zone"])
    return partial(traffic.factor, profile_of(row["kind"]))


def _planning_shift(row: Row) -> PlanningShift:
    return PlanningShift(
        id=row["id"],
        version=row["version"],
        driver_id=row["driver_id"],
        vehicle_id=row["vehicle_id"],
        depot_id=row["depot_id"],
        depot_latitude=row["depot_latitude"],
        depot_longitude=row["depot_longitude"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        returns_to_depot=row["returns_to_depot"],
        breaks=[planning_break(stored) for stored in row["breaks"]],
        max_stops=row["max_stops"],
        max_distance_meters=row["max_distance_meters"],
        max_driving_seconds=row["max_driving_seconds"],
        skills=frozenset(row["driver_skills"]) | frozenset(row["vehicle_skills"] or ()),
        vehicle=_planning_vehicle(row) if row["vehicle_id"] else None,
        traffic=traffic_of(row["travel_time_factors"], row["time_zone"]),
        max_tours=row["max_tours"],
        reload_seconds=row["reload_seconds"],
    )


def _planning_vehicle(row: Row) -> PlanningVehicle:
    return PlanningVehicle(
        id=row["vehicle_id"],
        kind=VehicleKind(row["kind"]),
        capacity_weight_grams=row["capacity_weight_grams"],
        capacity_volume_cubic_centimeters=row["capacity_volume_cubic_centimeters"],
        capacity_items=row["capacity_items"],
        cost_fixed_minor=row["cost_fixed_minor"],
        cost_per_hour_minor=row["cost_per_hour_minor"],
        cost_per_kilometer_minor=row["cost_per_kilometer_minor"],
        speed_factor=row["speed_factor"],
        emissions_grams_per_kilometer=row["emissions_grams_per_kilometer"],
        max_range_meters=row["max_range_meters"],
        compartments=compartments_of(row),
    )


def compartments_of(vehicle: Row) -> tuple[Compartment, ...]:
    """A vehicle's compartments from their stored form, by name."""
    return tuple(Compartment(**stored) for stored in vehicle["compartments"])


def planning_break(stored: dict[str, Any]) -> PlanningBreak:
    """A break from its stored form."""
    window = TimeWindow(datetime.fromisoformat(stored["start"]), datetime.fromisoformat(stored["end"]))
    return PlanningBreak(window, int(stored["seconds"]))


async def shifts_starting(
    tx: Transaction,
    tenant_id: UUID,
    date_from: datetime,
    date_to: datetime,
    depot_ids: Collection[UUID] | None = None,
) -> list[UUID]:
    """The shifts that start in ``[date_from, date_to)``, by start, of these depots (None: of all); archived ones are left out."""
    rows = await tx.fetch(
        "SELECT id FROM shifts WHERE tenant_id = $1 AND starts_at >= $2 AND starts_at < $3 AND archived_at IS NULL "
        "AND ($4::uuid[] IS NULL OR depot_id = ANY($4)) ORDER BY starts_at, id LIMIT $5",
        tenant_id, date_from, date_to, None if depot_ids is None else list(depot_ids), MOST_SHIFTS,
    )  # fmt: skip
    return [row["id"] for row in rows]


async def shifts_on_duty(tx: Transaction, tenant_id: UUID, now: datetime, limit: int) -> list[UUID]:
    """The shifts with a vehicle that have begun and are not over, by start; archived ones are left out."""
    rows = await tx.fetch(
        "SELECT id FROM shifts WHERE tenant_id = $1 AND starts_at <= $2 AND ends_at > $2 AND archived_at IS NULL AND vehicle_id IS NOT NULL "
        "ORDER BY starts_at, id LIMIT $3",
        tenant_id,
        now,
        limit,
    )
    return [row["id"] for row in rows]


async def rows_by_ids(tx: Transaction, tenant_id: UUID, table: str, ids: Sequence[UUID]) -> list[Row | None]:
    """Rows of one of the tables of fleets in the order of ``ids``; None where the tenant has none."""
    rows = await tx.fetch(f"SELECT * FROM {_TABLES[table]} WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, ids)
    found = {row["id"]: row for row in rows}
    return [found.get(identifier) for identifier in ids]


_TABLES = {name: name for name in ("depots", "vehicles", "drivers", "shifts")}


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a list is narrowed to, as SQL conditions over ``$1…`` (the tenant is ``$1``) and their values."""

    texts: list[str]
    values: list[Any]

    @classmethod
    def of_tenant(cls, tenant_id: UUID) -> "Conditions":
        """Everything of a tenant."""
        return cls(["tenant_id = $1"], [tenant_id])

    def add(self, condition: str, value: Any) -> None:
        """One more; ``{}`` in the condition is its value, None adds nothing."""
        if value is not None:
            self.values.append(value)
            self.texts.append(condition.format(f"${len(self.values)}"))

    def without_archived(self, include: bool | None) -> "Conditions":
        """The same, without archived rows unless they are asked for."""
        if not include:
            self.texts.append("archived_at IS NULL")
        return self


async def page_of(tx: Transaction, table: str, sort: Sort, request: PageRequest, conditions: Conditions) -> Page:
    """A page of one of the tables of fleets."""
    return await fetch_page(
        tx,
        table,
        sort,
        request,
        select=f"SELECT * FROM {_TABLES[table]}",
        conditions=conditions.texts,
        arguments=conditions.values,
    )


async def count_of(tx: Transaction, table: str, conditions: Conditions) -> int:
    """How many rows a list has."""
    where = " AND ".join(conditions.texts)
    return int(await tx.fetchval(f"SELECT count(*) FROM {_TABLES[table]} WHERE {where}", *conditions.values))


async def shifts_of_drivers(
    tx: Transaction, tenant_id: UUID, driver_ids: Sequence[UUID], start: datetime, end: datetime, most: int
) -> list[Row]:
    """Shifts of several drivers that touch ``[start, end)``, by start, at most ``most`` of each driver."""
    rows: list[Row] = await tx.fetch(
        "SELECT shift.* FROM unnest($2::uuid[]) AS wanted(driver_id) CROSS JOIN LATERAL ("
        "SELECT * FROM shifts WHERE tenant_id = $1 AND driver_id = wanted.driver_id AND archived_at IS NULL "
        "AND starts_at < $4 AND ends_at > $3 ORDER BY starts_at, id LIMIT $5) AS shift",
        tenant_id, driver_ids, start, end, most,
    )  # fmt: skip
    return rows
