"""The faces of the events of fleets: fields are facts as of then, objects as of now."""

from uuid import UUID

import strawberry

from doorstep.fleets.graphql.types import (
    Depot,
    Driver,
    Shift,
    Vehicle,
    load_depots,
    load_drivers,
    load_shifts,
    load_vehicles,
)
from doorstep.kernel.graphql.context import Info
from doorstep.kernel.graphql.events import Event, register_event
from doorstep.kernel.ids import public_id

_CHANGES = "The names of the fields that have new values."


def _changes(event: Event) -> list[str]:
    return list(event.row["data"]["changes"])


@strawberry.type
class AboutDepot(Event):
    """Base of the events about a depot; not in the schema by itself."""

    @strawberry.field(description="The depot's id.")
    def depot_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("depot", UUID(self.row["data"]["depot_id"])))

    @strawberry.field(description="The depot as of now.")
    async def depot(self, info: Info) -> Depot | None:
        return await info.context.load(load_depots, UUID(self.row["data"]["depot_id"]))


@register_event
@strawberry.type(description="A depot is there.")
class DepotCreated(AboutDepot):
    pass


@register_event
@strawberry.type(description="Fields of a depot have new values.")
class DepotUpdated(AboutDepot):
    @strawberry.field(description=_CHANGES)
    def changes(self) -> list[str]:
        return _changes(self)


@register_event
@strawberry.type(description="A depot is out of use.")
class DepotArchived(AboutDepot):
    pass


@strawberry.type
class AboutVehicle(Event):
    """Base of the events about a vehicle; not in the schema by itself."""

    @strawberry.field(description="The vehicle's id.")
    def vehicle_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("vehicle", UUID(self.row["data"]["vehicle_id"])))

    @strawberry.field(description="The vehicle as of now.")
    async def vehicle(self, info: Info) -> Vehicle | None:
        return await info.context.load(load_vehicles, UUID(self.row["data"]["vehicle_id"]))


@register_event
@strawberry.type(description="A vehicle is there.")
class VehicleCreated(AboutVehicle):
    pass


@register_event
@strawberry.type(description="Fields of a vehicle have new values.")
class VehicleUpdated(AboutVehicle):
    @strawberry.field(description=_CHANGES)
    def changes(self) -> list[str]:
        return _changes(self)


@register_event
@strawberry.type(description="A vehicle is out of use.")
class VehicleArchived(AboutVehicle):
    pass


@strawberry.type
class AboutDriver(Event):
    """Base of the events about a driver; not in the schema by itself."""

    @strawberry.field(description="The driver's id.")
    def driver_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("driver", UUID(self.row["data"]["driver_id"])))

    @strawberry.field(description="The driver as of now.")
    async def driver(self, info: Info) -> Driver | None:
        return await info.context.load(load_drivers, UUID(self.row["data"]["driver_id"]))


@register_event
@strawberry.type(description="A driver is there.")
class DriverCreated(AboutDriver):
    pass


@register_event
@strawberry.type(description="Fields of a driver have new values.")
class DriverUpdated(AboutDriver):
    @strawberry.field(description=_CHANGES)
    def changes(self) -> list[str]:
        return _changes(self)


@register_event
@strawberry.type(description="A driver is out of use.")
class DriverArchived(AboutDriver):
    pass


@strawberry.type
class AboutShift(Event):
    """Base of the events about a shift; not in the schema by itself."""

    @strawberry.field(description="The shift's id.")
    def shift_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("shift", UUID(self.row["data"]["shift_id"])))

    @strawberry.field(description="The shift as of now.")
    async def shift(self, info: Info) -> Shift | None:
        return await info.context.load(load_shifts, UUID(self.row["data"]["shift_id"]))


@register_event
@strawberry.type(description="A shift is there.")
class ShiftCreated(AboutShift):
    @strawberry.field(description="Its driver then.")
    def driver_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("driver", UUID(self.row["data"]["driver_id"])))

    @strawberry.field(description="Its vehicle then, if one was chosen.")
    def vehicle_id(self) -> strawberry.ID | None:
        stored = self.row["data"]["vehicle_id"]
        return strawberry.ID(public_id("vehicle", UUID(stored))) if stored else None

    @strawberry.field(description="Its depot then.")
    def depot_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("depot", UUID(self.row["data"]["depot_id"])))


@register_event
@strawberry.type(
    description="Fields of a shift have new values; `driver`, `vehicle` or `depot` is named as well when that object itself changed."
)
class ShiftUpdated(AboutShift):
    @strawberry.field(description=_CHANGES)
    def changes(self) -> list[str]:
        return _changes(self)


@register_event
@strawberry.type(description="A shift does not take place.")
class ShiftArchived(AboutShift):
    pass
