"""Inputs of the mutations of fleets, and what the services make of them. In a change an absent field stays as it is."""

from datetime import datetime

import strawberry

from doorstep.fleets.graphql.rooms import CompartmentInput, capacity
from doorstep.fleets.model import VehicleKind
from doorstep.fleets.service.depots import DepotChanges
from doorstep.fleets.service.drivers import DriverChanges
from doorstep.fleets.service.shifts import BreakDraft, ShiftChanges, ShiftDraft
from doorstep.fleets.service.siting import AddressDraft
from doorstep.fleets.service.vehicles import Costs, NewVehicle, VehicleChanges
from doorstep.kernel.geo import Coordinates
from doorstep.kernel.graphql.context import input_id
from doorstep.kernel.graphql.scalars import Long, TimeZone
from doorstep.kernel.graphql.values import CoordinatesInput, LoadInput
from doorstep.kernel.opening_hours import WEEK, OpeningHours
from doorstep.places.graphql import AddressInput

_KEY = "Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours)."
_VERSION = "Refuse with CONFLICT when the object is at another version."
_SKILLS = "At most 50."


@strawberry.input(description="When a depot is open, on its clock on the wall.")
class OpeningHoursInput:
    opens: str = strawberry.field(description="From when on, such as `08:00`.")
    closes: str = strawberry.field(description="Until when, such as `18:30`; `24:00` is midnight.")
    weekdays: list[int] | None = strawberry.field(
        default=None, description="The weekdays: 1 is Monday, 7 is Sunday; all when left out."
    )

    def value(self) -> OpeningHours:
        """For the service."""
        return OpeningHours(self.opens, self.closes, WEEK if self.weekdays is None else frozenset(self.weekdays))


@strawberry.input(description="A depot to make.")
class CreateDepotInput:
    name: str = strawberry.field(description="Its name.")
    address: AddressInput = strawberry.field(description="Its postal address.")
    coordinates: CoordinatesInput | None = strawberry.field(
        default=None, description="Its point; left out, the address is looked up on the map."
    )
    time_zone: TimeZone | None = strawberry.field(
        default=None, description="The time zone of its civil days; left out, the tenant's."
    )
    opening_hours: list[OpeningHoursInput] = strawberry.field(
        default_factory=list, description="When it is open, at most 50; left out, always."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="Changes to a depot.")
class UpdateDepotInput:
    id: strawberry.ID = strawberry.field(description="The depot.")
    name: strawberry.Maybe[str] = strawberry.field(default=None, description="Its name.")
    address: strawberry.Maybe[AddressInput] = strawberry.field(
        default=None,
        description="Its address; without `coordinates` it is looked up on the map and the point moves, too.",
    )
    coordinates: strawberry.Maybe[CoordinatesInput] = strawberry.field(default=None, description="Its point.")
    time_zone: strawberry.Maybe[TimeZone] = strawberry.field(default=None, description="Its time zone.")
    opening_hours: strawberry.Maybe[list[OpeningHoursInput]] = strawberry.field(
        default=None, description="When it is open, at most 50, instead of what held until now; none: always."
    )
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def changes(self) -> DepotChanges:
        """What is given beside the place."""
        changes = DepotChanges()
        if self.name is not None:
            changes["name"] = self.name.value
        if self.time_zone is not None:
            changes["time_zone"] = self.time_zone.value
        if self.opening_hours is not None:
            changes["opening_hours"] = [one.value() for one in self.opening_hours.value]
        return changes


@strawberry.input(
    description="What using a vehicle costs, in minor units of the tenant's currency, each 0 to 10,000,000."
)
class VehicleCostsInput:
    fixed_minor: Long = strawberry.field(default=Long(0), description="For a route at all.")
    per_hour_minor: Long = strawberry.field(default=Long(0), description="For each hour of the route.")
    per_kilometer_minor: Long = strawberry.field(default=Long(0), description="For each kilometre.")

    def costs(self) -> Costs:
        """For the service."""
        return Costs(self.fixed_minor, self.per_hour_minor, self.per_kilometer_minor)


@strawberry.input(description="A vehicle to make.")
class CreateVehicleInput:
    name: str = strawberry.field(description="Its name or number plate.")
    kind: VehicleKind = strawberry.field(description="What sort of vehicle it is; decides which roads it takes.")
    depot_id: strawberry.ID | None = strawberry.field(default=None, description="Where it belongs.")
    capacity: LoadInput | None = strawberry.field(
        default=None, description="How much fits in; what is left out is unlimited."
    )
    compartments: list[CompartmentInput] = strawberry.field(
        default_factory=list, description="Its compartments, at most 10, each named once."
    )
    skills: list[str] = strawberry.field(default_factory=list, description=f"What it can do. {_SKILLS}")
    costs: VehicleCostsInput | None = strawberry.field(
        default=None, description="What using it costs; nothing when left out."
    )
    speed_factor: float = strawberry.field(
        default=1.0, description="How fast it is compared with others of its kind, 0.1 to 5."
    )
    emissions_grams_per_kilometer: float | None = strawberry.field(
        default=None,
        description="Grams of CO2e per kilometre, 0 to 10,000, from its papers. Left out, it is 0 for feet and bicycles and unknown for all else.",
    )
    max_range_meters: int | None = strawberry.field(default=None, description="How far it goes in one shift.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def vehicle(self) -> NewVehicle:
        """For the service; raises INVALID_ID."""
        return NewVehicle(
            name=self.name,
            kind=self.kind,
            depot_id=input_id("depot", self.depot_id, "depotId") if self.depot_id is not None else None,
            capacity=capacity(self.capacity),
            compartments=tuple(one.value() for one in self.compartments),
            skills=tuple(self.skills),
            costs=self.costs.costs() if self.costs else Costs(),
            speed_factor=self.speed_factor,
            emissions_grams_per_kilometer=self.emissions_grams_per_kilometer,
            max_range_meters=self.max_range_meters,
        )


@strawberry.input(description="Changes to a vehicle.")
class UpdateVehicleInput:
    id: strawberry.ID = strawberry.field(description="The vehicle.")
    name: strawberry.Maybe[str] = strawberry.field(default=None, description="Its name or number plate.")
    kind: strawberry.Maybe[VehicleKind] = strawberry.field(default=None, description="What sort of vehicle it is.")
    depot_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        default=None, description="Where it belongs; null for nowhere."
    )
    capacity: strawberry.Maybe[LoadInput | None] = strawberry.field(
        default=None, description="How much fits in, as a whole: what is left out of it, or null, is unlimited."
    )
    compartments: strawberry.Maybe[list[CompartmentInput]] = strawberry.field(
        default=None, description="All of its compartments, at most 10, instead of what held until now."
    )
    skills: strawberry.Maybe[list[str]] = strawberry.field(default=None, description=f"All that it can do. {_SKILLS}")
    costs: strawberry.Maybe[VehicleCostsInput] = strawberry.field(
        default=None, description="What using it costs, as a whole."
    )
    speed_factor: strawberry.Maybe[float] = strawberry.field(default=None, description="0.1 to 5.")
    emissions_grams_per_kilometer: strawberry.Maybe[float | None] = strawberry.field(
        default=None, description="Grams of CO2e per kilometre, 0 to 10,000; null for unknown."
    )
    max_range_meters: strawberry.Maybe[int | None] = strawberry.field(
        default=None, description="How far it goes in one shift; null for unlimited."
    )
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def changes(self) -> VehicleChanges:
        """What is given; raises INVALID_ID."""
        changes = VehicleChanges()
        if self.name is not None:
            changes["name"] = self.name.value
        if self.kind is not None:
            changes["kind"] = self.kind.value
        if self.depot_id is not None:
            text = self.depot_id.value
            changes["depot_id"] = input_id("depot", text, "depotId") if text is not None else None
        self._put_rooms(changes)
        if self.skills is not None:
            changes["skills"] = tuple(self.skills.value)
        if self.costs is not None:
            changes["costs"] = self.costs.value.costs()
        if self.speed_factor is not None:
            changes["speed_factor"] = self.speed_factor.value
        if self.emissions_grams_per_kilometer is not None:
            changes["emissions_grams_per_kilometer"] = self.emissions_grams_per_kilometer.value
        if self.max_range_meters is not None:
            changes["max_range_meters"] = self.max_range_meters.value
        return changes

    def _put_rooms(self, changes: VehicleChanges) -> None:
        if self.capacity is not None:
            changes["capacity"] = capacity(self.capacity.value)
        if self.compartments is not None:
            changes["compartments"] = tuple(one.value() for one in self.compartments.value)


@strawberry.input(description="A driver to enter.")
class CreateDriverInput:
    name: str = strawberry.field(description="Their name.")
    phone: str | None = strawberry.field(
        default=None, description="Their telephone number; without a country code it is one of the tenant's country."
    )
    skills: list[str] = strawberry.field(default_factory=list, description=f"What they can do. {_SKILLS}")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="Changes to a driver.")
class UpdateDriverInput:
    id: strawberry.ID = strawberry.field(description="The driver.")
    name: strawberry.Maybe[str] = strawberry.field(default=None, description="Their name.")
    phone: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description="Their telephone number; null for none."
    )
    skills: strawberry.Maybe[list[str]] = strawberry.field(default=None, description=f"All that they can do. {_SKILLS}")
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def changes(self) -> DriverChanges:
        """What is given."""
        changes = DriverChanges()
        if self.name is not None:
            changes["name"] = self.name.value
        if self.phone is not None:
            changes["phone"] = self.phone.value
        if self.skills is not None:
            changes["skills"] = tuple(self.skills.value)
        return changes


@strawberry.input(description="A pause: it begins and ends within its window.")
class BreakInput:
    start: datetime = strawberry.field(description="It begins at this instant or later.")
    end: datetime = strawberry.field(description="It is over by this instant.")
    duration_seconds: int = strawberry.field(description="How long it is, in seconds; it must fit into the window.")

    def draft(self) -> BreakDraft:
        """For the service."""
        return BreakDraft(self.start, self.end, self.duration_seconds)


@strawberry.input(description="A shift to make.")
class CreateShiftInput:
    driver_id: strawberry.ID = strawberry.field(description="Who drives.")
    vehicle_id: strawberry.ID | None = strawberry.field(
        default=None, description="What they drive; it can be chosen later, but before planning."
    )
    depot_id: strawberry.ID = strawberry.field(description="Where it starts.")
    start: datetime = strawberry.field(description="When it starts.")
    end: datetime = strawberry.field(description="When it ends; at most 24 hours later.")
    returns_to_depot: bool = strawberry.field(
        default=True, description="Whether it ends at the depot; otherwise at its last stop."
    )
    breaks: list[BreakInput] = strawberry.field(default_factory=list, description="Its pauses, at most 10.")
    max_stops: int | None = strawberry.field(default=None, description="Most stops of its route.")
    max_distance_meters: int | None = strawberry.field(default=None, description="Longest way of its route.")
    max_driving_seconds: int | None = strawberry.field(default=None, description="Longest time at the wheel.")
    max_tours: int = strawberry.field(
        default=1,
        description="How often its vehicle may set out, at most 10: in between it comes back to the depot and loads anew. Its capacity holds for each tour, all limits for the shift.",
    )
    reload_seconds: int = strawberry.field(default=600, description="How long loading anew takes, in seconds.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def shift(self) -> ShiftDraft:
        """For the service; raises INVALID_ID."""
        return ShiftDraft(
            driver_id=input_id("driver", self.driver_id, "driverId"),
            vehicle_id=input_id("vehicle", self.vehicle_id, "vehicleId") if self.vehicle_id is not None else None,
            depot_id=input_id("depot", self.depot_id, "depotId"),
            start=self.start,
            end=self.end,
            returns_to_depot=self.returns_to_depot,
            breaks=tuple(rest.draft() for rest in self.breaks),
            max_stops=self.max_stops,
            max_distance_meters=self.max_distance_meters,
            max_driving_seconds=self.max_driving_seconds,
            max_tours=self.max_tours,
            reload_seconds=self.reload_seconds,
        )


@strawberry.input(description="Changes to a shift.")
class UpdateShiftInput:
    id: strawberry.ID = strawberry.field(description="The shift.")
    driver_id: strawberry.Maybe[strawberry.ID] = strawberry.field(default=None, description="Who drives.")
    vehicle_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        default=None, description="What they drive; null for not chosen yet."
    )
    depot_id: strawberry.Maybe[strawberry.ID] = strawberry.field(default=None, description="Where it starts.")
    start: strawberry.Maybe[datetime] = strawberry.field(default=None, description="When it starts.")
    end: strawberry.Maybe[datetime] = strawberry.field(default=None, description="When it ends.")
    returns_to_depot: strawberry.Maybe[bool] = strawberry.field(
        default=None, description="Whether it ends at the depot."
    )
    breaks: strawberry.Maybe[list[BreakInput]] = strawberry.field(default=None, description="All of its pauses.")
    max_stops: strawberry.Maybe[int | None] = strawberry.field(
        default=None, description="Most stops of its route; null for unlimited."
    )
    max_distance_meters: strawberry.Maybe[int | None] = strawberry.field(
        default=None, description="Longest way of its route; null for unlimited."
    )
    max_driving_seconds: strawberry.Maybe[int | None] = strawberry.field(
        default=None, description="Longest time at the wheel; null for unlimited."
    )
    max_tours: strawberry.Maybe[int] = strawberry.field(
        default=None, description="How often its vehicle may set out, 1 to 10."
    )
    reload_seconds: strawberry.Maybe[int] = strawberry.field(
        default=None, description="How long loading anew takes, in seconds."
    )
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def changes(self) -> ShiftChanges:
        """What is given; raises INVALID_ID."""
        changes = ShiftChanges()
        if self.start is not None:
            changes["start"] = self.start.value
        if self.end is not None:
            changes["end"] = self.end.value
        if self.returns_to_depot is not None:
            changes["returns_to_depot"] = self.returns_to_depot.value
        if self.breaks is not None:
            changes["breaks"] = tuple(rest.draft() for rest in self.breaks.value)
        if self.max_stops is not None:
            changes["max_stops"] = self.max_stops.value
        if self.max_distance_meters is not None:
            changes["max_distance_meters"] = self.max_distance_meters.value
        if self.max_driving_seconds is not None:
            changes["max_driving_seconds"] = self.max_driving_seconds.value
        return changes | self._tours() | self._ids()

    def _tours(self) -> ShiftChanges:
        changes = ShiftChanges()
        if self.max_tours is not None:
            changes["max_tours"] = self.max_tours.value
        if self.reload_seconds is not None:
            changes["reload_seconds"] = self.reload_seconds.value
        return changes

    def _ids(self) -> ShiftChanges:
        changes = ShiftChanges()
        if self.driver_id is not None:
            changes["driver_id"] = input_id("driver", self.driver_id.value, "driverId")
        if self.vehicle_id is not None:
            text = self.vehicle_id.value
            changes["vehicle_id"] = input_id("vehicle", text, "vehicleId") if text is not None else None
        if self.depot_id is not None:
            changes["depot_id"] = input_id("depot", self.depot_id.value, "depotId")
        return changes


@strawberry.input(description="What to archive.")
class ArchiveInput:
    id: strawberry.ID = strawberry.field(description="The object.")
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="The depot to archive.")
class ArchiveDepotInput(ArchiveInput):
    pass


@strawberry.input(description="The vehicle to archive.")
class ArchiveVehicleInput(ArchiveInput):
    pass


@strawberry.input(description="The driver to archive.")
class ArchiveDriverInput(ArchiveInput):
    pass


@strawberry.input(description="The shift to archive.")
class ArchiveShiftInput(ArchiveInput):
    pass


def address_draft(given: AddressInput | None) -> AddressDraft | None:
    """For the service."""
    if given is None:
        return None
    return AddressDraft(given.line1, given.city, given.line2, given.region, given.postal_code, given.country)


def point(given: CoordinatesInput | None) -> Coordinates | None:
    """For the service."""
    return Coordinates(given.latitude, given.longitude) if given else None
