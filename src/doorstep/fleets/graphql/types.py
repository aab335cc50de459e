"""Depot, Vehicle, Driver and Shift as the schema shows them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import strawberry

from doorstep.fleets.graphql.edges import CURRENT_ROUTE, POSITION
from doorstep.fleets.model import VehicleKind
from doorstep.fleets.reads import Compartment as StoredCompartment
from doorstep.fleets.reads import compartments_of, planning_break, rows_by_ids, shifts_of_drivers
from doorstep.kernel.db import Row
from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.graphql.context import Context, Info
from doorstep.kernel.graphql.nodes import Node, register_node
from doorstep.kernel.graphql.scalars import Long, PhoneNumber, TimeZone
from doorstep.kernel.graphql.values import Coordinates
from doorstep.kernel.opening_hours import OpeningHours
from doorstep.kernel.paging import MAX_PAGE
from doorstep.kernel.scope import Permission
from doorstep.places.graphql import Address

if TYPE_CHECKING:
    from doorstep.planning.graphql import Route
    from doorstep.tracking.graphql import Position

T = TypeVar("T")

_VERSION = "Counts the changes; send it as `ifVersion` to change only what you saw."
_ARCHIVED = "Since when it is out of use; null while it is in use."


@strawberry.type(name="OpeningHours", description="When a depot is open, on its clock on the wall.")
class OpeningHoursShown:
    opens: str = strawberry.field(description="From when on, such as `08:00`.")
    closes: str = strawberry.field(description="Until when, such as `18:30`; `24:00` is midnight.")
    weekdays: list[int] = strawberry.field(description="The weekdays: 1 is Monday, 7 is Sunday.")

    @classmethod
    def of(cls, stored: OpeningHours) -> "OpeningHoursShown":
        """From stored hours."""
        return cls(opens=stored.opens, closes=stored.closes, weekdays=sorted(stored.weekdays))


@strawberry.type(
    description="Where vehicles start and where stock waits: a shop, a warehouse, a local fulfilment centre."
)
class Depot(Node):
    version: int = strawberry.field(description=_VERSION)
    name: str = strawberry.field(description="Its name.")
    address: Address = strawberry.field(description="Its postal address.")
    coordinates: Coordinates = strawberry.field(description="The point where vehicles start.")
    time_zone: TimeZone = strawberry.field(description="The time zone of its civil days.")
    opening_hours: list[OpeningHoursShown] = strawberry.field(description="When it is open; none: always.")
    archived_at: datetime | None = strawberry.field(description=_ARCHIVED)
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it last changed.")

    @classmethod
    def of(cls, row: Row) -> "Depot":
        """From a row of ``depots``."""
        return cls(
            uuid=row["id"],
            version=row["version"],
            name=row["name"],
            address=Address.of(row),
            coordinates=Coordinates(latitude=row["latitude"], longitude=row["longitude"]),
            time_zone=TimeZone(row["time_zone"]),
            opening_hours=[OpeningHoursShown.of(OpeningHours.from_json(stored)) for stored in row["opening_hours"]],
            archived_at=row["archived_at"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )


@strawberry.type(description="How much fits into a vehicle; null is unlimited.")
class Capacity:
    weight_grams: int | None = strawberry.field(description="Weight in grams.")
    volume_cubic_centimeters: int | None = strawberry.field(description="Volume in cubic centimetres.")
    items: int | None = strawberry.field(description="Number of items.")


@strawberry.type(description="A part of a vehicle that has a room of its own, such as a freezer.")
class Compartment:
    name: str = strawberry.field(description="Its name, such as `frozen`; packages that name it travel in there.")
    capacity: Capacity = strawberry.field(
        description="How much fits in there; the vehicle's own capacity binds as well."
    )

    @classmethod
    def of(cls, one: StoredCompartment) -> "Compartment":
        """From what a vehicle has."""
        room = Capacity(
            weight_grams=one.weight_grams, volume_cubic_centimeters=one.volume_cubic_centimeters, items=one.items
        )
        return cls(name=one.name, capacity=room)


@strawberry.type(
    description="What using a vehicle costs, in minor units of the tenant's currency (`viewer.tenant.currency`)."
)
class VehicleCosts:
    fixed_minor: Long = strawberry.field(description="For a route at all.")
    per_hour_minor: Long = strawberry.field(description="For each hour from the route's start to its end.")
    per_kilometer_minor: Long = strawberry.field(description="For each kilometre.")


@strawberry.type(description="A vehicle, or legs.")
class Vehicle(Node):
    version: int = strawberry.field(description=_VERSION)
    name: str = strawberry.field(description="Its name or number plate.")
    kind: VehicleKind = strawberry.field(description="What sort of vehicle it is; decides which roads it takes.")
    capacity: Capacity = strawberry.field(description="How much fits in.")
    compartments: list[Compartment] = strawberry.field(description="Its compartments by name, at most 10.")
    skills: list[str] = strawberry.field(description="What it can do, such as `cooled`; orders may require some.")
    costs: VehicleCosts = strawberry.field(description="What using it costs.")
    speed_factor: float = strawberry.field(
        description="How fast it is compared with others of its kind: 2 is twice as fast, 0.5 half as fast."
    )
    emissions_grams_per_kilometer: float | None = strawberry.field(
        description="Grams of CO2e per kilometre, as its owner stated them; null where nobody did. 0 for feet and bicycles."
    )
    max_range_meters: int | None = strawberry.field(description="How far it goes in one shift; null is unlimited.")
    archived_at: datetime | None = strawberry.field(description=_ARCHIVED)
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    depot_uuid: strawberry.Private[UUID | None]

    @strawberry.field(description="Where it belongs.")
    async def depot(self, info: Info) -> Depot | None:
        return await info.context.load(load_depots, self.depot_uuid) if self.depot_uuid else None

    @strawberry.field(description="Where it was last; null as long as no position was reported.")
    async def position(self, info: Info) -> Annotated["Position", strawberry.lazy("doorstep.tracking.graphql")] | None:
        return await POSITION.load(info.context, self.uuid)

    @classmethod
    def of(cls, row: Row) -> "Vehicle":
        """From a row of ``vehicles``."""
        return cls(
            uuid=row["id"],
            version=row["version"],
            name=row["name"],
            kind=VehicleKind(row["kind"]),
            capacity=Capacity(
                weight_grams=row["capacity_weight_grams"],
                volume_cubic_centimeters=row["capacity_volume_cubic_centimeters"],
                items=row["capacity_items"],
            ),
            compartments=[Compartment.of(one) for one in compartments_of(row)],
            skills=row["skills"],
            costs=VehicleCosts(
                fixed_minor=row["cost_fixed_minor"],
                per_hour_minor=row["cost_per_hour_minor"],
                per_kilometer_minor=row["cost_per_kilometer_minor"],
            ),
            speed_factor=row["speed_factor"],
            emissions_grams_per_kilometer=row["emissions_grams_per_kilometer"],
            max_range_meters=row["max_range_meters"],
            archived_at=row["archived_at"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            depot_uuid=row["depot_id"],
        )


@strawberry.type(description="A person who drives.")
class Driver(Node):
    version: int = strawberry.field(description=_VERSION)
    name: str = strawberry.field(description="Their name.")
    phone: PhoneNumber | None = strawberry.field(description="Their telephone number.")
    skills: list[str] = strawberry.field(description="What they can do, such as `install`; orders may require some.")
    archived_at: datetime | None = strawberry.field(description=_ARCHIVED)
    created_at: datetime = strawberry.field(description="When the entry was made.")
    updated_at: datetime = strawberry.field(description="When it last changed.")

    @strawberry.field(
        description="The route that they work now: the one under way, else the dispatched one that starts first. Needs the scope `planning:read`."
    )
    async def current_route(
        self, info: Info
    ) -> Annotated["Route", strawberry.lazy("doorstep.planning.graphql")] | None:
        return await CURRENT_ROUTE.load(info.context, self.uuid)

    @strawberry.field(description="Their shifts in a time, by start; archived ones are left out. At most 250.")
    async def shifts(
        self,
        info: Info,
        from_: Annotated[datetime, strawberry.argument(name="from", description="Shifts that end after this instant.")],
        to: Annotated[datetime, strawberry.argument(description="Shifts that start before this instant.")],
    ) -> list["Shift"]:
        if from_ >= to:
            raise BadUserInput("`from` must be before `to`.")
        return await info.context.load(_load_driver_shifts, (self.uuid, from_, to))

    @classmethod
    def of(cls, row: Row) -> "Driver":
        """From a row of ``drivers``."""
        return cls(
            uuid=row["id"],
            version=row["version"],
            name=row["name"],
            phone=PhoneNumber(row["phone"]) if row["phone"] else None,
            skills=row["skills"],
            archived_at=row["archived_at"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )


@strawberry.type(description="A pause: it begins and ends within its window.")
class Break:
    start: datetime = strawberry.field(description="It begins at this instant or later.")
    end: datetime = strawberry.field(description="It is over by this instant.")
    duration_seconds: int = strawberry.field(description="How long it is, in seconds.")


@strawberry.type(description="A driver with a vehicle on the road from a depot, for a time.")
class Shift(Node):
    version: int = strawberry.field(
        description=f"{_VERSION} It also counts changes of the driver, vehicle or depot that plans are made with."
    )
    start: datetime = strawberry.field(description="When it starts.")
    end: datetime = strawberry.field(description="When it ends.")
    returns_to_depot: bool = strawberry.field(description="Whether it ends at the depot; otherwise at its last stop.")
    breaks: list[Break] = strawberry.field(description="Its pauses, by start.")
    max_stops: int | None = strawberry.field(description="Most stops of its route; null is unlimited.")
    max_distance_meters: int | None = strawberry.field(description="Longest way of its route; null is unlimited.")
    max_driving_seconds: int | None = strawberry.field(description="Longest time at the wheel; null is unlimited.")
    max_tours: int = strawberry.field(
        description="How often its vehicle may set out; in between it comes back to the depot and loads anew."
    )
    reload_seconds: int = strawberry.field(description="How long loading anew takes, in seconds.")
    archived_at: datetime | None = strawberry.field(description=_ARCHIVED)
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    driver_uuid: strawberry.Private[UUID]
    vehicle_uuid: strawberry.Private[UUID | None]
    depot_uuid: strawberry.Private[UUID]

    @strawberry.field(description="Who drives.")
    async def driver(self, info: Info) -> Driver:
        return _there(await info.context.load(load_drivers, self.driver_uuid))

    @strawberry.field(
        description="What they drive; null while no vehicle is chosen, and then nothing can be planned for it."
    )
    async def vehicle(self, info: Info) -> Vehicle | None:
        return await info.context.load(load_vehicles, self.vehicle_uuid) if self.vehicle_uuid else None

    @strawberry.field(description="Where it starts.")
    async def depot(self, info: Info) -> Depot:
        return _there(await info.context.load(load_depots, self.depot_uuid))

    @strawberry.field(description="The point where it starts: the depot's.")
    async def start_at(self, info: Info) -> Coordinates | None:
        return _there(await info.context.load(load_depots, self.depot_uuid)).coordinates

    @strawberry.field(description="The point where it ends: the depot's; null when it ends at its last stop.")
    async def end_at(self, info: Info) -> Coordinates | None:
        if not self.returns_to_depot:
            return None
        return _there(await info.context.load(load_depots, self.depot_uuid)).coordinates

    @classmethod
    def of(cls, row: Row) -> "Shift":
        """From a row of ``shifts``."""
        breaks = [planning_break(stored) for stored in row["breaks"]]
        return cls(
            uuid=row["id"],
            version=row["version"],
            start=row["starts_at"],
            end=row["ends_at"],
            returns_to_depot=row["returns_to_depot"],
            breaks=[
                Break(start=rest.window.start, end=rest.window.end, duration_seconds=rest.duration_seconds)
                for rest in breaks
            ],
            max_stops=row["max_stops"],
            max_distance_meters=row["max_distance_meters"],
            max_driving_seconds=row["max_driving_seconds"],
            max_tours=row["max_tours"],
            reload_seconds=row["reload_seconds"],
            archived_at=row["archived_at"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            driver_uuid=row["driver_id"],
            vehicle_uuid=row["vehicle_id"],
            depot_uuid=row["depot_id"],
        )


def _there(found: T | None) -> T:
    """A row that a foreign key promises."""
    if found is None:
        raise LookupError("a foreign key points at nothing")
    return found


async def load_depots(context: Context, ids: list[UUID]) -> Sequence[Depot | None]:
    """Depots by their ids, archived ones as well; None where the tenant has none."""
    rows = await rows_by_ids(await context.reads(), context.tenant_id, "depots", ids)
    return [Depot.of(row) if row else None for row in rows]


async def load_vehicles(context: Context, ids: list[UUID]) -> Sequence[Vehicle | None]:
    """Vehicles by their ids, archived ones as well; None where the tenant has none."""
    rows = await rows_by_ids(await context.reads(), context.tenant_id, "vehicles", ids)
    return [Vehicle.of(row) if row else None for row in rows]


async def load_drivers(context: Context, ids: list[UUID]) -> Sequence[Driver | None]:
    """Drivers by their ids, archived ones as well; None where the tenant has none."""
    rows = await rows_by_ids(await context.reads(), context.tenant_id, "drivers", ids)
    return [Driver.of(row) if row else None for row in rows]


async def load_shifts(context: Context, ids: list[UUID]) -> Sequence[Shift | None]:
    """Shifts by their ids, archived ones as well; None where the tenant has none."""
    rows = await rows_by_ids(await context.reads(), context.tenant_id, "shifts", ids)
    return [Shift.of(row) if row else None for row in rows]


_Time = tuple[datetime, datetime]


async def _load_driver_shifts(context: Context, keys: list[tuple[UUID, datetime, datetime]]) -> Sequence[list[Shift]]:
    """One query per asked time, whatever the number of drivers."""
    drivers: dict[_Time, list[UUID]] = defaultdict(list)
    for driver_id, start, end in keys:
        drivers[start, end].append(driver_id)
    found: dict[tuple[UUID, datetime, datetime], list[Shift]] = defaultdict(list)
    tx = await context.reads()
    for (start, end), driver_ids in drivers.items():
        for row in await shifts_of_drivers(tx, context.tenant_id, driver_ids, start, end, MAX_PAGE):
            found[row["driver_id"], start, end].append(Shift.of(row))
    return [found[key] for key in keys]


register_node("depot", "Depot", Permission.FLEETS_READ, load_depots)
register_node("vehicle", "Vehicle", Permission.FLEETS_READ, load_vehicles)
register_node("driver", "Driver", Permission.FLEETS_READ, load_drivers)
register_node("shift", "Shift", Permission.FLEETS_READ, load_shifts)
