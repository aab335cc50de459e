"""When and how often something is delivered: the schedule of Standard Webhooks, and what an endpoint that fails again and again comes to."""

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Policy:
    """All numbers of the delivery, in seconds where they are times; tests make faster ones."""

    delays: tuple[float, ...] = (
        0.0, 5.0, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR,
    )  # fmt: skip
    """Before each try; after the last one a delivery is parked."""

    jitter: float = 0.2
    """Each pause is longer or shorter by up to this part, so that what failed together does not come back together."""

    timeout: float = 15.0
    """Of a whole request."""

    down_after: int = 20
    """Different events that fail in a row before the endpoint is DOWN."""

    disable_after: float = 5 * _DAY
    """Of nothing but failures."""

    longest_rest: float = _DAY
    """The longest Retry-After that is honoured."""

    most_open: int = 1_000
    """Open deliveries of an endpoint."""

    in_flight: int = 4
    """Requests to an endpoint at the same time."""

    lease: float = 45.0
    """After so long without an outcome the worker that sends is taken for dead."""

    kept: float = 30 * _DAY
    """How long the log of deliveries goes back."""

    @property
    def most_tries(self) -> int:
        """After so many a delivery is parked."""
        return len(self.delays)

    def pause(self, tries: int) -> float:
        """Seconds until the next try after so many; past the schedule's end its last pause again."""
        delay = self.delays[min(tries, len(self.delays) - 1)]
        return delay * random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 - jitter is no secret

    def rest(self, asked: float | None) -> float:
        """Seconds that the receiver asked to be left alone (None: it did not), as far as that is honoured."""
        return min(asked or 0.0, self.longest_rest)


STANDARD = Policy()


def seconds_to_rest(header: str | None) -> float | None:
    """What a ``Retry-After`` says: seconds, or a date; None where it is missing, past, or no such thing."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header.strip()[:9])
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):  # the year 10^20 is no date either
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - datetime.now(UTC)).total_seconds()
    return seconds if seconds > 0 and math.isfinite(seconds) else None
