"""Whole seconds and metres of every leg as a given vehicle drives it.

One rounding, in one place: the engine, the verifier and the baseline all see the same integers, so that a plan's times
add up to the second. The speed factor is applied here and never inside an engine, whose own scaling rounds differently.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from doorstep.planning.solver.problem import Matrices, Problem, VehicleShift

UNREACHABLE = -1
"""Marks a leg that does not exist."""

LONGEST = 2**31 - 1

IntMatrix = npt.NDArray[np.int32]
TravelKey = tuple[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Legs:
    """`seconds[a, b]` and `meters[a, b]`; both are UNREACHABLE for the same pairs. A place is always 0 from itself."""

    seconds: IntMatrix
    meters: IntMatrix


class Travel:
    """The legs of a problem by profile and speed, each computed once."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._legs: dict[TravelKey, Legs] = {}

    def of(self, vehicle: VehicleShift) -> Legs:
        """The legs as `vehicle` drives them."""
        return self.by_key(travel_key(vehicle))

    def by_key(self, key: TravelKey) -> Legs:
        """The legs of all vehicles with this key."""
        if key not in self._legs:
            self._legs[key] = whole_legs(self._problem.matrices[key[0]], key[1])
        return self._legs[key]


def travel_key(vehicle: VehicleShift) -> TravelKey:
    """Vehicles with the same key drive every leg in the same time."""
    return vehicle.profile, round(vehicle.speed_factor, 2)


def whole_legs(matrices: Matrices, speed_factor: float) -> Legs:
    """Round to whole seconds and metres; a leg is unreachable when either value is NaN, infinite or absurdly large."""
    seconds = np.asarray(matrices.durations, dtype=np.float64) / speed_factor
    meters = np.asarray(matrices.distances, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        missing = ~((seconds <= LONGEST) & (meters <= LONGEST))
    whole_seconds = np.rint(np.where(missing, UNREACHABLE, seconds)).astype(np.int32)
    whole_meters = np.rint(np.where(missing, UNREACHABLE, meters)).astype(np.int32)
    np.fill_diagonal(whole_seconds, 0)
    np.fill_diagonal(whole_meters, 0)
    return Legs(whole_seconds, whole_meters)
