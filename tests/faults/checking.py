"""What the drills promise, as plain comparisons of what clients saw with what the database holds.

They are pure, so that test_checking.py can plant each fault and see it noticed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """An order in the database; ``key`` is the idempotency key that its client wrote on it."""

    id: str
    key: str


@dataclass(frozen=True, slots=True)
class OrderVerdict:
    """ACK-DURABLE and ONE-PER-KEY: all three are empty when the promise was kept."""

    lost: list[str]
    """Acknowledged ids that the database does not hold, or holds for another key."""

    doubled: list[str]
    """Keys with more than one order."""

    torn: list[str]
    """Keys that were answered with different ids."""


def judge_orders(acknowledged: Mapping[str, Sequence[str]], stored: Sequence[StoredOrder]) -> OrderVerdict:
    """Compare the ids that clients were answered under each key (replays included) with the orders that exist."""
    key_of = {order.id: order.key for order in stored}
    per_key = Counter(order.key for order in stored)
    return OrderVerdict(
        lost=[id_ for key, ids in acknowledged.items() for id_ in ids if key_of.get(id_) != key],
        doubled=sorted(key for key, count in per_key.items() if count > 1),
        torn=sorted(key for key, ids in acknowledged.items() if len(set(ids)) > 1),
    )


@dataclass(frozen=True, slots=True)
class FeedVerdict:
    """FEED-EXACT: all are empty when a subscriber saw the log, nothing but the log, in its order."""

    missing: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    """Seen, but not in the log."""

    disordered: list[str] = field(default_factory=list)
    """Seen after an event that stands behind them in the log."""


def judge_feed(seen: Sequence[str], log: Sequence[str]) -> FeedVerdict:
    """Compare the event ids that one subscriber saw with the log's, both in order."""
    place = {id_: number for number, id_ in enumerate(log)}
    counts = Counter(seen)
    furthest, disordered = -1, []
    for id_ in seen:
        number = place.get(id_, furthest)
        if number < furthest and counts[id_] == 1:
            disordered.append(id_)
        furthest = max(furthest, number)
    return FeedVerdict(
        missing=[id_ for id_ in log if id_ not in counts],
        repeated=sorted(id_ for id_, count in counts.items() if count > 1),
        strange=[id_ for id_ in counts if id_ not in place],
        disordered=disordered,
    )


def numbering_faults(numbers: Sequence[int]) -> list[int]:
    """Numbers of a log, in order, that do not follow their predecessor by one, counted from 1."""
    return [number for expected, number in enumerate(numbers, start=1) if number != expected]
