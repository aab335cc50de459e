"""Mutations of fleets."""

from typing import Annotated

import strawberry

from doorstep.fleets.graphql.inputs import (
    ArchiveDepotInput,
    ArchiveDriverInput,
    ArchiveShiftInput,
    ArchiveVehicleInput,
    CreateDepotInput,
    CreateDriverInput,
    CreateShiftInput,
    CreateVehicleInput,
    UpdateDepotInput,
    UpdateDriverInput,
    UpdateShiftInput,
    UpdateVehicleInput,
    address_draft,
    point,
)
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
from doorstep.fleets.service import depots, drivers, shifts, vehicles
from doorstep.fleets.service.siting import Survey, survey
from doorstep.kernel.graphql.context import Context, Info, Outcome, input_id
from doorstep.kernel.graphql.problems import Payload
from doorstep.kernel.graphql.values import CoordinatesInput
from doorstep.kernel.scope import Permission, Scope
from doorstep.places.graphql import AddressInput
from doorstep.places.roads import Roads


@strawberry.type
class DepotPayload(Payload):
    """Base of the answers that show a depot; not in the schema by itself."""

    @strawberry.field(description="The depot as it is now; null when there is none to show.")
    async def depot(self, info: Info) -> Depot | None:
        identifier = self.outcome_id()
        return await info.context.load(load_depots, identifier) if identifier else None


@strawberry.type(description="The answer to createDepot.")
class CreateDepotPayload(DepotPayload):
    pass


@strawberry.type(description="The answer to updateDepot.")
class UpdateDepotPayload(DepotPayload):
    pass


@strawberry.type(description="The answer to archiveDepot.")
class ArchiveDepotPayload(DepotPayload):
    pass


@strawberry.type
class VehiclePayload(Payload):
    """Base of the answers that show a vehicle; not in the schema by itself."""

    @strawberry.field(description="The vehicle as it is now; null when there is none to show.")
    async def vehicle(self, info: Info) -> Vehicle | None:
        identifier = self.outcome_id()
        return await info.context.load(load_vehicles, identifier) if identifier else None


@strawberry.type(description="The answer to createVehicle.")
class CreateVehiclePayload(VehiclePayload):
    pass


@strawberry.type(description="The answer to updateVehicle.")
class UpdateVehiclePayload(VehiclePayload):
    pass


@strawberry.type(description="The answer to archiveVehicle.")
class ArchiveVehiclePayload(VehiclePayload):
    pass


@strawberry.type
class DriverPayload(Payload):
    """Base of the answers that show a driver; not in the schema by itself."""

    @strawberry.field(description="The driver as they are now; null when there is none to show.")
    async def driver(self, info: Info) -> Driver | None:
        identifier = self.outcome_id()
        return await info.context.load(load_drivers, identifier) if identifier else None


@strawberry.type(description="The answer to createDriver.")
class CreateDriverPayload(DriverPayload):
    pass


@strawberry.type(description="The answer to updateDriver.")
class UpdateDriverPayload(DriverPayload):
    pass


@strawberry.type(description="The answer to archiveDriver.")
class ArchiveDriverPayload(DriverPayload):
    pass


@strawberry.type
class ShiftPayload(Payload):
    """Base of the answers that show a shift; not in the schema by itself."""

    @strawberry.field(description="The shift as it is now; null when there is none to show.")
    async def shift(self, info: Info) -> Shift | None:
        identifier = self.outcome_id()
        return await info.context.load(load_shifts, identifier) if identifier else None


@strawberry.type(description="The answer to createShift.")
class CreateShiftPayload(ShiftPayload):
    pass


@strawberry.type(description="The answer to updateShift.")
class UpdateShiftPayload(ShiftPayload):
    pass


@strawberry.type(description="The answer to archiveShift.")
class ArchiveShiftPayload(ShiftPayload):
    pass


async def _survey(context: Context, address: AddressInput | None, coordinates: CoordinatesInput | None) -> Survey:
    """Where the depot lies, asked before the transaction; only of those who may write."""
    principal = context.require(Permission.FLEETS_WRITE)
    services = context.services
    return await survey(services.db, services.get(Roads), principal, address_draft(address), point(coordinates))


@strawberry.type
class FleetsMutation:
    @strawberry.mutation(
        description="Make a depot. Its address is looked up on the map unless coordinates are given; it must lie near a road."
    )
    async def create_depot(
        self, info: Info, input: Annotated[CreateDepotInput, strawberry.argument(description="The depot.")]
    ) -> CreateDepotPayload | None:
        found = await _survey(info.context, input.address, input.coordinates)
        depot = depots.NewDepot(input.name, input.time_zone, [one.value() for one in input.opening_hours])
        return await info.context.write(
            "createDepot", input, CreateDepotPayload, lambda scope: depots.create_depot(scope, depot, found)
        )

    @strawberry.mutation(description="Change a depot; what is absent stays as it is.")
    async def update_depot(
        self, info: Info, input: Annotated[UpdateDepotInput, strawberry.argument(description="The changes.")]
    ) -> UpdateDepotPayload | None:
        found = await _survey(
            info.context,
            input.address.value if input.address is not None else None,
            input.coordinates.value if input.coordinates is not None else None,
        )

        async def use_case(scope: Scope) -> Outcome:
            return await depots.update_depot(
                scope, input_id("depot", input.id, "id"), input.changes(), found, input.if_version
            )

        return await info.context.write("updateDepot", input, UpdateDepotPayload, use_case)

    @strawberry.mutation(description="Put a depot out of use. Refused while a present or coming shift starts there.")
    async def archive_depot(
        self, info: Info, input: Annotated[ArchiveDepotInput, strawberry.argument(description="The depot.")]
    ) -> ArchiveDepotPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await depots.archive_depot(scope, input_id("depot", input.id, "id"), input.if_version)

        return await info.context.write("archiveDepot", input, ArchiveDepotPayload, use_case)

    @strawberry.mutation(description="Make a vehicle.")
    async def create_vehicle(
        self, info: Info, input: Annotated[CreateVehicleInput, strawberry.argument(description="The vehicle.")]
    ) -> CreateVehiclePayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await vehicles.create_vehicle(scope, input.vehicle())

        return await info.context.write("createVehicle", input, CreateVehiclePayload, use_case)

    @strawberry.mutation(description="Change a vehicle; what is absent stays as it is.")
    async def update_vehicle(
        self, info: Info, input: Annotated[UpdateVehicleInput, strawberry.argument(description="The changes.")]
    ) -> UpdateVehiclePayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await vehicles.update_vehicle(
                scope, input_id("vehicle", input.id, "id"), input.changes(), input.if_version
            )

        return await info.context.write("updateVehicle", input, UpdateVehiclePayload, use_case)

    @strawberry.mutation(description="Put a vehicle out of use. Refused while a present or coming shift needs it.")
    async def archive_vehicle(
        self, info: Info, input: Annotated[ArchiveVehicleInput, strawberry.argument(description="The vehicle.")]
    ) -> ArchiveVehiclePayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await vehicles.archive_vehicle(scope, input_id("vehicle", input.id, "id"), input.if_version)

        return await info.context.write("archiveVehicle", input, ArchiveVehiclePayload, use_case)

    @strawberry.mutation(description="Enter a driver.")
    async def create_driver(
        self, info: Info, input: Annotated[CreateDriverInput, strawberry.argument(description="The driver.")]
    ) -> CreateDriverPayload | None:
        driver = drivers.NewDriver(input.name, input.phone, tuple(input.skills))
        return await info.context.write(
            "createDriver", input, CreateDriverPayload, lambda scope: drivers.create_driver(scope, driver)
        )

    @strawberry.mutation(description="Change a driver; what is absent stays as it is.")
    async def update_driver(
        self, info: Info, input: Annotated[UpdateDriverInput, strawberry.argument(description="The changes.")]
    ) -> UpdateDriverPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await drivers.update_driver(
                scope, input_id("driver", input.id, "id"), input.changes(), input.if_version
            )

        return await info.context.write("updateDriver", input, UpdateDriverPayload, use_case)

    @strawberry.mutation(description="Put a driver out of use. Refused while a present or coming shift is theirs.")
    async def archive_driver(
        self, info: Info, input: Annotated[ArchiveDriverInput, strawberry.argument(description="The driver.")]
    ) -> ArchiveDriverPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await drivers.archive_driver(scope, input_id("driver", input.id, "id"), input.if_version)

        return await info.context.write("archiveDriver", input, ArchiveDriverPayload, use_case)

    @strawberry.mutation(description="Make a shift. Neither driver nor vehicle may have another one at that time.")
    async def create_shift(
        self, info: Info, input: Annotated[CreateShiftInput, strawberry.argument(description="The shift.")]
    ) -> CreateShiftPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await shifts.create_shift(scope, input.shift())

        return await info.context.write("createShift", input, CreateShiftPayload, use_case)

    @strawberry.mutation(description="Change a shift; what is absent stays as it is.")
    async def update_shift(
        self, info: Info, input: Annotated[UpdateShiftInput, strawberry.argument(description="The changes.")]
    ) -> UpdateShiftPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await shifts.update_shift(
                scope, input_id("shift", input.id, "id"), input.changes(), input.if_version
            )

        return await info.context.write("updateShift", input, UpdateShiftPayload, use_case)

    @strawberry.mutation(description="Say that a shift does not take place.")
    async def archive_shift(
        self, info: Info, input: Annotated[ArchiveShiftInput, strawberry.argument(description="The shift.")]
    ) -> ArchiveShiftPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await shifts.archive_shift(scope, input_id("shift", input.id, "id"), input.if_version)

        return await info.context.write("archiveShift", input, ArchiveShiftPayload, use_case)
