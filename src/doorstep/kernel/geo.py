"""Places on the globe: WGS 84 degrees, distances in metres."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_METERS = 6_371_008.8
"""Mean radius of the Earth (IUGG)."""


@dataclass(frozen=True, slots=True)
class Coordinates:
    """A point in WGS 84 degrees."""

    latitude: float
    longitude: float

    def on_globe(self) -> bool:
        """Whether both degrees are in range (NaN is not)."""
        return -90.0 <= self.latitude <= 90.0 and -180.0 <= self.longitude <= 180.0


def distance_meters(a: Coordinates, b: Coordinates) -> float:
    """Great-circle distance by the haversine formula."""
    lat1, lat2 = radians(a.latitude), radians(b.latitude)
    half_lat, half_lon = (lat2 - lat1) / 2, radians(b.longitude - a.longitude) / 2
    chord = sin(half_lat) ** 2 + cos(lat1) * cos(lat2) * sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_METERS * asin(min(1.0, sqrt(chord)))


def point_along(path: Sequence[Coordinates], share: float) -> Coordinates:
    """The point that is reached after this share (0 to 1) of a path's length; between its points the way is straight."""
    legs = [distance_meters(start, end) for start, end in pairwise(path)]
    left = sum(legs) * share
    for (start, end), length in zip(pairwise(path), legs, strict=True):
        if left <= length and length > 0:
            part = left / length
            return Coordinates(
                start.latitude + (end.latitude - start.latitude) * part,
                start.longitude + (end.longitude - start.longitude) * part,
            )
        left -= length
    return path[-1]
