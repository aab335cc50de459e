"""Value types that several slices show: coordinates, time windows, loads."""

from datetime import datetime
from enum import StrEnum

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


@strawberry.type(description="How much something carries or can carry.")
class Load:
    weight_grams: int = strawberry.field(description="Weight in grams.")
    volume_cubic_centimeters: int = strawberry.field(description="Volume in cubic centimetres.")
    items: int = strawberry.field(description="Number of items.")


@strawberry.input(
    description="How much something carries or can carry; what is left out is 0 for a package (1 item), and unlimited for a vehicle."
)
class LoadInput:
    weight_grams: int | None = strawberry.field(default=None, description="Weight in grams, 0 or more.")
    volume_cubic_centimeters: int | None = strawberry.field(
        default=None, description="Volume in cubic centimetres, 0 or more."
    )
    items: int | None = strawberry.field(default=None, description="Number of items, 0 or more.")
