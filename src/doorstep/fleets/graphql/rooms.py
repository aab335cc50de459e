"""Inputs of how much fits into a vehicle and into its compartments."""

import strawberry

from doorstep.fleets.reads import Compartment
from doorstep.fleets.service.vehicles import Capacity
from doorstep.kernel.graphql.values import LoadInput


@strawberry.input(description="A part of a vehicle that has a room of its own, such as a freezer.")
class CompartmentInput:
    name: str = strawberry.field(
        description="Its name, 1 to 64 characters, such as `frozen`: packages that name it travel in there and in no other place."
    )
    capacity: LoadInput | None = strawberry.field(
        default=None,
        description="How much fits in there; what is left out is unlimited. It may be more than fits into the vehicle, which then binds.",
    )

    def value(self) -> Compartment:
        """For the service."""
        room = capacity(self.capacity)
        return Compartment(self.name, room.weight_grams, room.volume_cubic_centimeters, room.items)


def capacity(given: LoadInput | None) -> Capacity:
    """For the service; nothing given is unlimited."""
    return Capacity(given.weight_grams, given.volume_cubic_centimeters, given.items) if given else Capacity()
