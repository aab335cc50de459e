"""Value types that several slices show: coordinates, time windows, loads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import strawberry

from doorstep.kernel.graphql.enums import show_enum


class SortDirection(StrEnum):
    """Which end of a list comes first."""

    ASC = "ASC"
    DESC = "DESC"


show_enum(
    SortDirection,
    "Which end of a list comes first.",
    {SortDirection.ASC: "Smallest or earliest first.", SortDirection.DESC: "Largest or latest first."},
)


@strawberry.type(description="A point on the globe, WGS 84.")
class Coordinates:
    latitude: float = strawberry.field(description="Degrees north, -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, -180 to 180.")


@strawberry.input(description="A point on the globe, WGS 84.")
class CoordinatesInput:
    latitude: float = strawberry.field(description="Degrees north, -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, -180 to 180.")


@strawberry.type(description="From one instant to another.")
class TimeWindow:
    start: datetime = strawberry.field(description="Its first instant.")
    end: datetime = strawberry.field(description="Its last instant, after `start`.")


@strawberry.input(description="From one instant to another.")
class TimeWindowInput:
    start: datetime = strawberry.field(description="Its first instant.")
    end: datetime = strawberry.field(description="Its last instant; must be after `start`.")


@strawberry.type(description="How much lies in one compartment.")
class CompartmentLoad:
    name: str = strawberry.field(description="The compartment's name.")
    weight_grams: int = strawberry.field(description="Weight in grams.")
    volume_cubic_centimeters: int = strawberry.field(description="Volume in cubic centimetres.")
    items: int = strawberry.field(description="Number of items.")


@strawberry.type(description="How much something carries or can carry.")
class Load:
    weight_grams: int = strawberry.field(description="Weight in grams.")
    volume_cubic_centimeters: int = strawberry.field(description="Volume in cubic centimetres.")
    items: int = strawberry.field(description="Number of items.")
    compartments: list[CompartmentLoad] = strawberry.field(
        default_factory=list, description="What of it lies in each compartment, by name; at most 100."
    )

    @classmethod
    def of(
        cls, weight: int, volume: int, items: int, compartments: Mapping[str, Sequence[int]] | None = None
    ) -> "Load":
        """Grams, cubic centimetres and pieces, of the whole and (in the same order) of each compartment."""
        parts = sorted((compartments or {}).items())
        return cls(
            weight_grams=weight,
            volume_cubic_centimeters=volume,
            items=items,
            compartments=[
                CompartmentLoad(
                    name=name, weight_grams=amounts[0], volume_cubic_centimeters=amounts[1], items=amounts[2]
                )
                for name, amounts in parts
            ],
        )

    @classmethod
    def of_stored(cls, stored: Mapping[str, Any]) -> "Load":
        """From the stored form of what lies in a vehicle."""
        whole = (stored["weight_grams"], stored["volume_cubic_centimeters"], stored["items"])
        return cls.of(*whole, stored.get("compartments"))


@strawberry.input(
    description="How much something carries or can carry; what is left out is 0 for a package (1 item), and unlimited for a vehicle."
)
class LoadInput:
    weight_grams: int | None = strawberry.field(default=None, description="Weight in grams, 0 or more.")
    volume_cubic_centimeters: int | None = strawberry.field(
        default=None, description="Volume in cubic centimetres, 0 or more."
    )
    items: int | None = strawberry.field(default=None, description="Number of items, 0 or more.")
