"""What a recipient is told of their order, in a recipient's words: no more than concerns them, and an arrival as a range. Pure, no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from doorstep.kernel.db import Row
from doorstep.kernel.geo import Coordinates, distance_meters
from doorstep.kernel.time import TimeWindow
from doorstep.orders.model import ON_ROUTE, OrderStatus, ProofKind
from doorstep.orders.reads import windows_of
from doorstep.places.roads import Source
from doorstep.tracking.model.tables import AttemptOutcome, FailureReason

STEP = timedelta(minutes=5)
EARLIER, EARLIER_A_STOP = timedelta(minutes=5), timedelta(minutes=2)
LATER, LATER_A_STOP = timedelta(minutes=10), timedelta(minutes=4)
MOST_STOPS = 15
"""How far before and after the estimate the range goes, at the door and for each stop that comes before (of this many at most)."""

METERS_STEP = 50


class TrackingStatus(StrEnum):
    """Where an order stands, as its recipient sees it."""

    RECEIVED = "RECEIVED"
    SCHEDULED = "SCHEDULED"
    ON_THE_WAY = "ON_THE_WAY"
    COMING = "COMING"
    AT_THE_DOOR = "AT_THE_DOOR"
    DELIVERED = "DELIVERED"
    NOT_DELIVERED = "NOT_DELIVERED"
    WILL_BE_TRIED_AGAIN = "WILL_BE_TRIED_AGAIN"
    GOES_BACK = "GOES_BACK"
    CANCELLED = "CANCELLED"


class TrackingTrouble(StrEnum):
    """Why a try failed, as far as it is the recipient's business."""

    NOBODY_THERE = "NOBODY_THERE"
    ADDRESS_NOT_FOUND = "ADDRESS_NOT_FOUND"
    NO_ACCESS = "NO_ACCESS"
    REFUSED = "REFUSED"
    CHECK_FAILED = "CHECK_FAILED"
    ON_OUR_SIDE = "ON_OUR_SIDE"


_S, _T, _F = OrderStatus, TrackingStatus, FailureReason
STATUSES: Mapping[OrderStatus, TrackingStatus] = {
    _S.PENDING: _T.RECEIVED,
    _S.OFFERED: _T.RECEIVED,
    _S.ASSIGNED: _T.SCHEDULED,
    _S.EN_ROUTE_TO_PICKUP: _T.SCHEDULED,
    _S.AT_PICKUP: _T.SCHEDULED,
    _S.PICKED_UP: _T.ON_THE_WAY,
    _S.EN_ROUTE_TO_DROPOFF: _T.COMING,
    _S.AT_DROPOFF: _T.AT_THE_DOOR,
    _S.DELIVERED: _T.DELIVERED,
    _S.ATTEMPT_FAILED: _T.NOT_DELIVERED,
    _S.AWAITING_REATTEMPT: _T.WILL_BE_TRIED_AGAIN,
    _S.RETURNING: _T.GOES_BACK,
    _S.RETURNED: _T.GOES_BACK,
    _S.CANCELLED: _T.CANCELLED,
}
_TROUBLES: Mapping[FailureReason, TrackingTrouble] = {
    _F.NOT_HOME: TrackingTrouble.NOBODY_THERE,
    _F.CLOSED: TrackingTrouble.NOBODY_THERE,
    _F.ADDRESS_NOT_FOUND: TrackingTrouble.ADDRESS_NOT_FOUND,
    _F.NO_ACCESS: TrackingTrouble.NO_ACCESS,
    _F.REFUSED: TrackingTrouble.REFUSED,
    _F.AGE_CHECK_FAILED: TrackingTrouble.CHECK_FAILED,
    _F.PIN_WRONG: TrackingTrouble.CHECK_FAILED,
    _F.PAYMENT_FAILED: TrackingTrouble.CHECK_FAILED,
}
_ON_BOARD = frozenset({_T.ON_THE_WAY, _T.COMING, _T.AT_THE_DOOR})
_TELLS_TROUBLE = frozenset({_T.NOT_DELIVERED, _T.WILL_BE_TRIED_AGAIN, _T.GOES_BACK})


@dataclass(frozen=True, slots=True)
class VehicleNear:
    """Where the vehicle is that comes to the recipient next, and how far that is from the door, straight and rounded up."""

    place: Coordinates
    seen_at: datetime
    meters_away: int | None


@dataclass(frozen=True, slots=True)
class Followed:
    """An order as its recipient sees it; two that are equal show the same."""

    status: TrackingStatus
    merchant: str
    time_zone: str
    window: TimeWindow | None
    expected: TimeWindow | None
    stops_before: int | None
    tries: int
    trouble: TrackingTrouble | None
    delivered_at: datetime | None
    proofs: tuple[ProofKind, ...]
    vehicle: VehicleNear | None
    attribution: str | None

    @property
    def comes_next(self) -> bool:
        """Whether the driver comes to this recipient next, so that the vehicle may be shown as soon as it is seen."""
        return self.status is _T.COMING or (self.status is _T.ON_THE_WAY and self.stops_before == 0)


def followed(row: Row, now: datetime) -> Followed:
    """What the row of ``reads.order_followed`` comes to at ``now``, by the tenant's clock: nobody is expected in the past."""
    order = OrderStatus(row["status"])
    status = STATUSES[order]
    windows = windows_of(row) if row["windows"] is not None else []
    estimated = row["eta_at"] is not None and order in ON_ROUTE
    stops_before = row["eta_stops_before"] or 0
    delivered = status is _T.DELIVERED and row["attempt_outcome"] == AttemptOutcome.DELIVERED
    return Followed(
        status=status,
        merchant=row["merchant"],
        time_zone=row["time_zone"],
        window=_promised(windows, now),
        expected=expected(max(row["eta_at"], now), stops_before, windows) if estimated else None,
        stops_before=stops_before if estimated and status in _ON_BOARD else None,
        tries=row["attempt_number"],
        trouble=_trouble(row) if status in _TELLS_TROUBLE else None,
        delivered_at=row["attempt_at"] if delivered else None,
        proofs=tuple(sorted(map(ProofKind, row["proofs"]))) if status is _T.DELIVERED else (),
        vehicle=_vehicle(row),
        attribution=Source(row["network"]).attribution if estimated and row["network"] is not None else None,
    )


def expected(at: datetime, stops_before: int, windows: Sequence[TimeWindow]) -> TimeWindow:
    """The range in which somebody comes who is estimated to be there ``at``: wider, the more stops come before, and not before a window opens."""
    stops = min(stops_before, MOST_STOPS)
    start, end = at - EARLIER - EARLIER_A_STOP * stops, at + LATER + LATER_A_STOP * stops
    opening = next((window.start for window in windows if at <= window.end), None)
    if opening is not None:
        start, end = max(start, opening), max(end, opening + STEP)
    return TimeWindow(_whole(start), _whole(end + STEP))


def _whole(at: datetime) -> datetime:
    """The last full five minutes."""
    return at - timedelta(seconds=at.timestamp() % STEP.total_seconds())


def _promised(windows: Sequence[TimeWindow], now: datetime) -> TimeWindow | None:
    """The window that is on or comes next; once all are past, the last one."""
    return next((window for window in windows if window.end >= now), windows[-1] if windows else None)


def _trouble(row: Row) -> TrackingTrouble | None:
    reason = row["attempt_reason"]
    return None if reason is None else _TROUBLES.get(FailureReason(reason), TrackingTrouble.ON_OUR_SIDE)


def _vehicle(row: Row) -> VehicleNear | None:
    if row["vehicle_latitude"] is None:
        return None
    place = Coordinates(row["vehicle_latitude"], row["vehicle_longitude"])
    meters = None
    if row["latitude"] is not None:
        away = distance_meters(place, Coordinates(row["latitude"], row["longitude"]))
        meters = int(-(-away // METERS_STEP)) * METERS_STEP
    return VehicleNear(place, row["vehicle_seen_at"], meters)
