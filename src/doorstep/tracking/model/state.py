"""A route as the rules see it, and what an act changes about it. Pure values, no I/O."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from doorstep.orders.model import Custody, OrderStatus
from doorstep.planning.model import OPEN_STOPS, RouteStatus, StopKind, StopStatus
from doorstep.tracking.model.tables import AttemptOutcome

AWAITED = frozenset({OrderStatus.ASSIGNED, OrderStatus.EN_ROUTE_TO_PICKUP, OrderStatus.AT_PICKUP})
"""On the route, goods not yet on the vehicle."""

ABOARD = frozenset({OrderStatus.PICKED_UP, OrderStatus.EN_ROUTE_TO_DROPOFF, OrderStatus.AT_DROPOFF})
"""Goods on the vehicle, on their way to the recipient."""

COMING_BACK = frozenset({OrderStatus.ATTEMPT_FAILED, OrderStatus.RETURNING})
"""Goods on the vehicle, on their way back."""

ACTIVE_STOPS = frozenset({StopStatus.EN_ROUTE, StopStatus.ARRIVED})


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order of the route."""

    id: UUID
    status: OrderStatus
    custody: Custody


@dataclass(frozen=True, slots=True)
class StopState:
    """A stop of the route; ``order_ids`` are the orders that are assigned to this route now."""

    id: UUID
    kind: StopKind
    status: StopStatus
    sequence: int
    order_ids: tuple[UUID, ...] = ()
    departed_at: datetime | None = None
    arrived_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the driver may still do something here."""
        return self.status in OPEN_STOPS


@dataclass(frozen=True, slots=True)
class RouteState:
    """A route, its stops in sequence and their orders."""

    status: RouteStatus
    stops: tuple[StopState, ...]
    orders: Mapping[UUID, OrderState]

    def stop(self, stop_id: UUID) -> StopState:
        """The stop with that id."""
        return next(stop for stop in self.stops if stop.id == stop_id)

    @property
    def moved_at(self) -> datetime | None:
        """When the driver last set off or arrived anywhere, as far as is known."""
        return max(
            (at for stop in self.stops for at in (stop.departed_at, stop.arrived_at) if at is not None), default=None
        )

    def live_orders(self, stop: StopState) -> list[UUID]:
        """The orders that the stop is still about; for DEPOT_START those that are to be loaded there."""
        if stop.kind is StopKind.DEPOT_START:
            fetched = {
                order_id for other in self.stops if other.kind is StopKind.PICKUP for order_id in other.order_ids
            }
            later = {order_id for other in self.stops if other.kind is StopKind.RELOAD for order_id in other.order_ids}
            every = {order_id for other in self.stops for order_id in other.order_ids}
            return self._in(sorted(every - fetched - later), AWAITED)
        if stop.kind in (StopKind.PICKUP, StopKind.RELOAD):
            return self._in(stop.order_ids, AWAITED)
        if stop.kind is StopKind.DROPOFF:
            return self._in(stop.order_ids, AWAITED | ABOARD)
        return []

    def _in(self, order_ids: Iterable[UUID], statuses: frozenset[OrderStatus]) -> list[UUID]:
        return [one for one in order_ids if one in self.orders and self.orders[one].status in statuses]


@dataclass(frozen=True, slots=True)
class StopWrite:
    """A change of a stop; None leaves a column as it is."""

    stop_id: UUID
    status: StopStatus | None = None
    departed_at: datetime | None = None
    arrived_at: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderMove:
    """One transition of an order."""

    order_id: UUID
    to: OrderStatus
    custody: Custody | None = None
    reason: str | None = None
    new_attempt: bool = False


@dataclass(slots=True)
class Effects:
    """What an act changes, in the order of writing; ``after`` is the route once all of it is written."""

    after: RouteState
    subjects: list[UUID] = field(default_factory=list)
    """The orders that the act is about: they need the proofs and get the attempts."""

    stops: list[StopWrite] = field(default_factory=list)
    places: dict[UUID, int] = field(default_factory=dict)
    """New places in the sequence."""

    moves: list[OrderMove] = field(default_factory=list)
    released: list[UUID] = field(default_factory=list)
    """Off the route and PENDING again."""

    handed_in: list[UUID] = field(default_factory=list)
    """Off the route, with the state that they got here."""

    attempts: dict[UUID, AttemptOutcome] = field(default_factory=dict)

    @property
    def nothing(self) -> bool:
        """Whether no state changes."""
        return not (self.moves or self.released or self.places or any(write.status for write in self.stops))


class Draft:
    """Effects in the making: every change is also applied to the state, so that later rules see it."""

    def __init__(self, route: RouteState, at: datetime) -> None:
        self.at = at
        self.effects = Effects(after=route)

    @property
    def route(self) -> RouteState:
        """The route with the changes so far."""
        return self.effects.after

    def set_stop(self, stop: StopState, status: StopStatus, *, timed: bool = True) -> None:
        """Move a stop, with the instants that belong to the state (``timed``: this act is when it happened)."""
        changes: dict[str, Any] = {"status": status}
        if timed:
            changes.update(dict.fromkeys(_TIMES.get(status, ()), self.at))
        self.effects.stops.append(StopWrite(stop.id, **changes))
        self._replace(stop.id, **changes)

    def note_time(self, stop: StopState, name: str) -> None:
        """Fill in an instant that was not known yet; no state changes."""
        if getattr(stop, name) is None:
            changes: dict[str, Any] = {name: self.at}
            self.effects.stops.append(StopWrite(stop.id, **changes))
            self._replace(stop.id, **changes)

    def put_in_order(self, stops: Sequence[StopState]) -> None:
        """Give the route's stops, in this order, the places that they have together."""
        for place, stop in zip([one.sequence for one in self.route.stops], stops, strict=True):
            if stop.sequence != place:
                self.effects.places[stop.id] = place
        for stop_id, place in self.effects.places.items():
            self._replace(stop_id, sequence=place)

    def _replace(self, stop_id: UUID, **changes: Any) -> None:
        stops = [replace(stop, **changes) if stop.id == stop_id else stop for stop in self.route.stops]
        self.effects.after = replace(self.route, stops=tuple(sorted(stops, key=lambda stop: stop.sequence)))

    def set_route(self, status: RouteStatus) -> None:
        """Move the route."""
        self.effects.after = replace(self.route, status=status)

    def move(
        self, order_id: UUID, *path: OrderStatus, custody: Custody | None = None, reason: str | None = None
    ) -> None:
        """Lead an order along ``path``; custody and reason belong to its end, AWAITING_REATTEMPT begins a new attempt."""
        for status in path:
            last = status is path[-1]
            self.effects.moves.append(
                OrderMove(
                    order_id,
                    status,
                    custody=custody if last else None,
                    reason=reason,
                    new_attempt=status is OrderStatus.AWAITING_REATTEMPT,
                )
            )
        self._replace_order(order_id, path[-1], custody)

    def release(self, order_id: UUID) -> None:
        """Take an order whose goods are not on board off the route: it is PENDING again."""
        self.effects.released.append(order_id)
        self._replace_order(order_id, OrderStatus.PENDING, None)

    def hand_in(self, order_id: UUID) -> None:
        """End an order's time on this route, in the state that it has now."""
        self.effects.handed_in.append(order_id)

    def _replace_order(self, order_id: UUID, status: OrderStatus, custody: Custody | None) -> None:
        order = self.route.orders[order_id]
        changed = replace(order, status=status, custody=custody or order.custody)
        self.effects.after = replace(self.route, orders={**self.route.orders, order_id: changed})


_TIMES: dict[StopStatus, tuple[str, ...]] = {
    StopStatus.EN_ROUTE: ("departed_at",),
    StopStatus.ARRIVED: ("arrived_at",),
    StopStatus.COMPLETED: ("closed_at",),
    StopStatus.FAILED: ("closed_at",),
    StopStatus.SKIPPED: ("closed_at",),
    StopStatus.CANCELLED: ("closed_at",),
}
"""Which instant is noted when a stop enters a state."""
