"""How much longer roads take at some hours than the road network says: factors that a company sets from what it has seen.

The network's durations know no time of day. A factor of 1.5 says that a way of ten minutes takes fifteen while it holds. Hours
are those of the clock on the wall at the depot, so a rush hour stays where it is when the clocks change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from doorstep.places.roads.profiles import Profile

LEAST: Final = 0.5
MOST: Final = 3.0
WEEK: Final = frozenset(range(1, 8))
"""ISO weekdays: Monday is 1."""


@dataclass(frozen=True, slots=True)
class HourFactor:
    """The factor of a way of moving about in the hours from ``from_hour`` up to ``until_hour`` (0 to 24) of some weekdays."""

    profile: Profile
    from_hour: int
    until_hour: int
    factor: float
    weekdays: frozenset[int] = WEEK

    def as_json(self) -> dict[str, Any]:
        """The stored form."""
        return {
            "profile": self.profile.value,
            "from": self.from_hour,
            "until": self.until_hour,
            "factor": self.factor,
            "weekdays": sorted(self.weekdays),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> HourFactor:
        """From the stored form."""
        days = frozenset(stored["weekdays"])
        return cls(Profile(stored["profile"]), stored["from"], stored["until"], stored["factor"], days)

    def cells(self) -> Iterable[tuple[Profile, int, int]]:
        """Every (profile, weekday, hour) that it holds in."""
        return (
            (self.profile, day, hour)
            for day in sorted(self.weekdays)
            for hour in range(self.from_hour, self.until_hour)
        )


@dataclass(frozen=True)
class Traffic:
    """A company's factors at a place with its time zone; an hour without one has the factor 1."""

    factors: tuple[HourFactor, ...]
    zone: str
    _cells: dict[tuple[Profile, int, int], float] = field(init=False, repr=False, compare=False)
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_cells", {cell: one.factor for one in self.factors for cell in one.cells()})
        object.__setattr__(self, "_zone", ZoneInfo(self.zone))

    def knows(self, profile: Profile) -> bool:
        """Whether the hour matters at all."""
        return any(one.profile is profile for one in self.factors)

    def factor(self, profile: Profile, at: datetime) -> float:
        """What holds at an instant."""
        return self._hour(profile, at)[0]

    def mean(self, profile: Profile, start: datetime, end: datetime) -> float:
        """The mean over the time from ``start`` to ``end``, each hour weighted by how much of it lies between them."""
        parts = list(self._parts(profile, start, end))
        length = sum(seconds for _, seconds in parts)
        return sum(factor * seconds for factor, seconds in parts) / length if length else self.factor(profile, start)

    def greatest(self, profile: Profile, start: datetime, end: datetime) -> float:
        """The greatest that holds at some time from ``start`` to ``end``."""
        return max((factor for factor, _ in self._parts(profile, start, end)), default=self.factor(profile, start))

    def seconds(self, profile: Profile, free: float, departure: datetime) -> float:
        """How long a way takes that is driven in ``free`` seconds at factor 1: each of its parts at the factor of its own hour.

        Who leaves later never arrives earlier.
        """
        taken, left = 0.0, free
        while True:
            factor, lasts = self._hour(profile, departure + timedelta(seconds=taken))
            if left * factor <= lasts:
                return taken + left * factor
            taken += lasts
            left -= lasts / factor

    def _parts(self, profile: Profile, start: datetime, end: datetime) -> Iterable[tuple[float, float]]:
        at = start
        while at < end:
            factor, lasts = self._hour(profile, at)
            seconds = min(lasts, (end - at).total_seconds())
            yield factor, seconds
            at += timedelta(seconds=seconds)

    def _hour(self, profile: Profile, at: datetime) -> tuple[float, float]:
        """The factor of the hour in which ``at`` lies, and how many seconds of that hour are left."""
        local = at.astimezone(self._zone)
        gone = local.minute * 60 + local.second + local.microsecond / 1e6
        return self._cells.get((profile, local.isoweekday(), local.hour), 1.0), max(3600 - gone, 0.001)


def traffic_of(stored: Iterable[Mapping[str, Any]], zone: str) -> Traffic:
    """From a tenant's stored factors and a depot's time zone (IANA)."""
    return Traffic(tuple(HourFactor.from_json(one) for one in stored), zone)


FREE: Final = Traffic((), "UTC")
"""Every hour is like the others."""
