"""When a place is open: hours of the clock on the wall there, by weekday."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

WEEK = frozenset(range(1, 8))
"""ISO weekdays: Monday is 1."""

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Open from ``opens`` until ``closes`` (``HH:MM``, at most 24:00) on these weekdays."""

    opens: str
    closes: str
    weekdays: frozenset[int] = WEEK

    @property
    def makes_sense(self) -> bool:
        """Whether both are times of a day, the end after the beginning, and the weekdays exist."""
        times = _TIME.fullmatch(self.opens) and _TIME.fullmatch(self.closes)
        return bool(times) and self.opens < self.closes and bool(self.weekdays) and self.weekdays <= WEEK

    def as_json(self) -> dict[str, Any]:
        """The stored form."""
        return {"opens": self.opens, "closes": self.closes, "weekdays": sorted(self.weekdays)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "OpeningHours":
        """From the stored form."""
        return cls(stored["opens"], stored["closes"], frozenset(stored["weekdays"]))


def is_open(hours: Iterable[OpeningHours], zone: str, at: datetime) -> bool:
    """Whether a place in that time zone (IANA) is open; one that says nothing of its hours always is."""
    known = list(hours)
    local = at.astimezone(ZoneInfo(zone))
    return not known or any(
        local.isoweekday() in one.weekdays and one.opens <= f"{local:%H:%M}" < one.closes for one in known
    )
