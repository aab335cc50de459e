"""Tables of fleets: depots, vehicles, drivers, shifts. No I/O."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from doorstep.kernel.tables import INSTANT, JSON_LIST, MutableTable, one_of, tenant_key
from doorstep.places.model import VehicleKind as VehicleKind  # noqa: PLC0414 - other slices know it as a word of fleets


class DepotRow(MutableTable, table=True):
    """Where vehicles start and where stock waits."""

    __tablename__ = "depots"
    __table_args__ = (Index("depots_by_name", "tenant_id", "name", "id"),)

    name: str
    line1: str
    line2: str | None = None
    city: str
    region: str | None = None
    postal_code: str | None = None
    country: str
    formatted: str
    latitude: float
    longitude: float
    time_zone: str
    opening_hours: list[dict[str, Any]] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    archived_at: datetime | None = Field(default=None, sa_type=INSTANT)


class VehicleRow(MutableTable, table=True):
    """A vehicle; an absent capacity or range is unlimited, an absent emission is unknown.

    ``compartments`` are ``{name, weight_grams, volume_cubic_centimeters, items}``, by name.
    """

    __tablename__ = "vehicles"
    __table_args__ = (
        CheckConstraint(one_of("kind", list(VehicleKind)), name="vehicles_kind"),
        CheckConstraint("jsonb_typeof(compartments) = 'array'", name="vehicles_compartments"),
        tenant_key("depot_id", "depots"),
        Index("vehicles_by_name", "tenant_id", "name", "id"),
    )

    name: str
    kind: str
    depot_id: UUID | None = None
    capacity_weight_grams: int | None = Field(default=None, sa_type=BigInteger)
    capacity_volume_cubic_centimeters: int | None = Field(default=None, sa_type=BigInteger)
    capacity_items: int | None = None
    compartments: list[dict[str, Any]] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    skills: list[str] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    cost_fixed_minor: int = Field(default=0, sa_type=BigInteger)
    cost_per_hour_minor: int = Field(default=0, sa_type=BigInteger)
    cost_per_kilometer_minor: int = Field(default=0, sa_type=BigInteger)
    speed_factor: float = 1.0
    emissions_grams_per_kilometer: float | None = None
    max_range_meters: int | None = None
    archived_at: datetime | None = Field(default=None, sa_type=INSTANT)


class DriverRow(MutableTable, table=True):
    """A person who drives."""

    __tablename__ = "drivers"
    __table_args__ = (Index("drivers_by_name", "tenant_id", "name", "id"),)

    name: str
    phone: str | None = None
    skills: list[str] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    archived_at: datetime | None = Field(default=None, sa_type=INSTANT)


class ShiftRow(MutableTable, table=True):
    """A driver with a vehicle for a time, from a depot; ``breaks`` are ``{start, end, seconds}`` (a pause of so long within the window)."""

    __tablename__ = "shifts"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="shifts_times"),
        tenant_key("driver_id", "drivers"),
        tenant_key("vehicle_id", "vehicles"),
        tenant_key("depot_id", "depots"),
        Index("shifts_by_start", "tenant_id", "starts_at", "id"),
        Index("shifts_by_driver", "tenant_id", "driver_id", "starts_at"),
        Index("shifts_by_vehicle", "tenant_id", "vehicle_id", "starts_at"),
    )

    driver_id: UUID
    vehicle_id: UUID | None = None
    depot_id: UUID
    starts_at: datetime = Field(sa_type=INSTANT, nullable=False)
    ends_at: datetime = Field(sa_type=INSTANT, nullable=False)
    returns_to_depot: bool = True
    breaks: list[dict[str, str | int]] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    max_stops: int | None = None
    max_distance_meters: int | None = None
    max_driving_seconds: int | None = None
    max_tours: int = 1
    reload_seconds: int = 600
    archived_at: datetime | None = Field(default=None, sa_type=INSTANT)
