"""Time: instants are UTC; a tenant's clock may run shifted or faster than the wall (demo, TEST tenants)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from time import time as wall_seconds


@dataclass(frozen=True, slots=True)
class Clock:
    """A tenant's clock: at wall instant ``anchor_wall`` it shows ``anchor`` and from there runs ``rate`` times as fast.

    Windows, promises, ETAs and ``occurredAt`` use it; recordedAt, leases, expiries and limits use the database's clock.
    """

    anchor_wall: float = 0.0
    anchor: float = 0.0
    rate: float = 1.0

    def now(self) -> datetime:
        """The tenant's present instant, UTC."""
        return datetime.fromtimestamp(self.anchor + (wall_seconds() - self.anchor_wall) * self.rate, UTC)

    def wall_delay(self, until: datetime) -> float:
        """Wall seconds until this clock shows ``until`` (0 when it is past)."""
        return max(0.0, (until - self.now()).total_seconds() / self.rate)


WALL_CLOCK = Clock()


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """From ``start`` to ``end``, both UTC instants, start before end."""

    start: datetime
    end: datetime


def utc(value: datetime) -> datetime:
    """The same instant in UTC; a value without an offset is taken as UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
