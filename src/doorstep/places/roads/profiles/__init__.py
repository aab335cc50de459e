"""Which way of moving about each kind of vehicle has, and the Lua that teaches it to the road engine.

`car`, `bicycle` and `foot` come with OSRM; `van`, `truck` and `scooter` are ours and lie beside this module.
"""

from __future__ import annotations

from enum import StrEnum
from importlib.resources import files
from typing import Final


class Profile(StrEnum):
    """A way of moving about; all but STRAIGHT are graphs of the road engine."""

    CAR = "car"
    VAN = "van"
    TRUCK = "truck"
    SCOOTER = "scooter"
    BICYCLE = "bicycle"
    FOOT = "foot"
    STRAIGHT = "straight"


OURS: Final = frozenset({Profile.VAN, Profile.TRUCK, Profile.SCOOTER})
MOTORISED: Final = (Profile.CAR, Profile.VAN, Profile.SCOOTER, Profile.TRUCK)

_OF_KIND: Final[dict[str, Profile]] = {
    "ON_FOOT": Profile.FOOT,
    "ROBOT": Profile.FOOT,
    "BICYCLE": Profile.BICYCLE,
    "CARGO_BIKE": Profile.BICYCLE,
    "SCOOTER": Profile.SCOOTER,
    "MOTORCYCLE": Profile.CAR,
    "CAR": Profile.CAR,
    "VAN": Profile.VAN,
    "TRUCK": Profile.TRUCK,
    "DRONE": Profile.STRAIGHT,
}
KINDS: Final = tuple(_OF_KIND)


def profile_of(kind: str) -> Profile:
    """The profile of a kind of vehicle (the names of fleets' VehicleKind). Raises KeyError for a kind nobody knows."""
    return _OF_KIND[str(kind)]


def lua_of(profile: Profile) -> str:
    """The Lua text of one of our own profiles."""
    return files(__package__).joinpath(f"{profile.value}.lua").read_text(encoding="utf-8")
