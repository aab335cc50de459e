"""Facts about fleets: three per kind of object. They hold ids and names of fields, never what the fields say."""

from dataclasses import dataclass
from uuid import UUID

from doorstep.kernel.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class DepotCreated(DomainEvent):
    """A depot is there."""

    depot_id: UUID


@dataclass(frozen=True, kw_only=True)
class DepotUpdated(DomainEvent):
    """Fields of a depot (``changes``) have new values."""

    depot_id: UUID
    changes: list[str]


@dataclass(frozen=True, kw_only=True)
class DepotArchived(DomainEvent):
    """A depot is out of use."""

    depot_id: UUID


@dataclass(frozen=True, kw_only=True)
class VehicleCreated(DomainEvent):
    """A vehicle is there."""

    vehicle_id: UUID


@dataclass(frozen=True, kw_only=True)
class VehicleUpdated(DomainEvent):
    """Fields of a vehicle (``changes``) have new values."""

    vehicle_id: UUID
    changes: list[str]


@dataclass(frozen=True, kw_only=True)
class VehicleArchived(DomainEvent):
    """A vehicle is out of use."""

    vehicle_id: UUID


@dataclass(frozen=True, kw_only=True)
class DriverCreated(DomainEvent):
    """A driver is there."""

    driver_id: UUID


@dataclass(frozen=True, kw_only=True)
class DriverUpdated(DomainEvent):
    """Fields of a driver (``changes``) have new values."""

    driver_id: UUID
    changes: list[str]


@dataclass(frozen=True, kw_only=True)
class DriverArchived(DomainEvent):
    """A driver is out of use."""

    driver_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShiftCreated(DomainEvent):
    """A shift is there."""

    shift_id: UUID
    driver_id: UUID
    vehicle_id: UUID | None
    depot_id: UUID


@dataclass(frozen=True, kw_only=True)
class ShiftUpdated(DomainEvent):
    """Fields of a shift, or of the driver, vehicle or depot that it needs (``changes``), have new values."""

    shift_id: UUID
    changes: list[str]


@dataclass(frozen=True, kw_only=True)
class ShiftArchived(DomainEvent):
    """A shift does not take place."""

    shift_id: UUID
